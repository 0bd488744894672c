"""One sandbox for all tests of a session, emptied before each; tests that need another kind start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.sandbox.server import Box, running

from .client import Client


@pytest.fixture(scope="session")
def shared_box() -> Iterator[Box]:
    """The one sandbox, with whatever the last test left."""
    with running() as box:
        yield box


@pytest.fixture
def box(shared_box: Box) -> Box:
    """The sandbox, empty and without faults."""
    shared_box.faults()
    shared_box.store.reset()
    return shared_box


@pytest.fixture
def client(box: Box) -> Client:
    """A client of the empty sandbox."""
    return Client(box.url)
