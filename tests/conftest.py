"""A sandbox a worker, emptied for each test, and a folder to work in."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings

from reconciler.sandbox.server import Box, running
from tests.parent import certificates_read_once
from tests.process import TOKEN, Workplace, end

UNMEASURED = frozenset(
    {"browser", "ci", "compatibility", "credentials", "lsp", "reliability", "ledger", "render", "sandbox"}
)
"""Folders whose tests are about other rooms than the core."""

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure the core's coverage where it is the core that is tested, and by examples that are the same each time.

    To be measured takes a test twice its time, the libraries that it calls included.
    """
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in UNMEASURED or getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session", autouse=True)
def _interrupts() -> None:
    """A suite that was told to ignore interrupts goes on to do so, and what it starts may be interrupted.

    A process inherits what its parent ignores, as `make test &` in a script does, but not what its parent handles.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def processes(_interrupts: None) -> Iterator[None]:
    """What the first `Workplace.run` starts ends with the worker."""
    yield
    end()


@pytest.fixture(scope="session", autouse=True)
def certificates() -> Iterator[None]:
    """No vendor of these tests speaks TLS: each client that they make is spared the reading of the certificates."""
    with patch("ssl.create_default_context", certificates_read_once()):
        yield


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
