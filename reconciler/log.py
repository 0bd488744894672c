"""What the rooms tell the log: what happened, and its values; never a body, a name or a secret. `cli` shows it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

LOG: Final = logging.getLogger("reconciler")
LONG_WAIT: Final = 1.0
"""Seconds from which on `-v` tells of a wait; of shorter ones `-vv` does."""


def tell(event: str, values: Mapping[str, object] = MappingProxyType({}), *, detail: bool = False) -> None:
    """Log that something happened; a `detail` for `-vv` alone."""
    LOG.log(logging.DEBUG if detail else logging.INFO, event, extra={"details": values})


@contextmanager
def wait_told(what: str) -> Iterator[None]:
    """Tell how long the body has waited for `what`, where that was a millisecond or longer."""
    since = time.monotonic()
    try:
        yield
    finally:
        seconds = time.monotonic() - since
        if ms := milliseconds(seconds):
            tell("wait", {"for": what, "ms": ms}, detail=seconds < LONG_WAIT)


def told(sleep: Callable[[float], object], what: str) -> Callable[[float], object]:
    """The same `sleep`, which tells that it waits for `what`."""

    def waiting(seconds: float) -> object:
        with wait_told(what):
            return sleep(seconds)

    return waiting


def milliseconds(seconds: float) -> int:
    """A span of time as the log has it."""
    return round(seconds * 1000)
