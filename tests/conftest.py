"""A sandbox a worker, emptied for each test, and a folder to work in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box, running
from tests.process import TOKEN, Workplace


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Box]:
    """One sandbox for all tests of a worker; use `box`."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box


@pytest.fixture
def box(sandbox: Box) -> Box:
    """The sandbox, empty."""
    sandbox.store.reset()
    return sandbox


@pytest.fixture
def place(tmp_path: Path, box: Box) -> Workplace:
    """A folder and the empty sandbox."""
    return Workplace(tmp_path, box.url)


@pytest.fixture
def offline(tmp_path: Path) -> Workplace:
    """A folder, and an endpoint where nobody listens."""
    return Workplace(tmp_path)
