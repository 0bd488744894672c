"""A scripted vendor and a client that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.vendor.line import Line, line
from tests.vendor.vendor_stub import Stub, listening


@pytest.fixture(scope="session")
def port() -> Iterator[Callable[[], Stub]]:
    """One port for all tests of a worker; use `vendor`."""
    with listening() as fresh:
        yield fresh


@pytest.fixture
def vendor(port: Callable[[], Stub]) -> Iterator[Stub]:
    """A vendor that says yes until it is given a script."""
    vendor = port()
    yield vendor
    vendor.released.set()


@pytest.fixture
def client(vendor: Stub) -> Iterator[Line]:
    """A client of that vendor."""
    with line(vendor.url) as talking:
        yield talking


@pytest.fixture
def hasty(vendor: Stub) -> Iterator[Line]:
    """A client that waits for a fifth of a second and no longer."""
    with line(vendor.url, timeout=0.2) as talking:
        yield talking
