"""The garbage collector, kept from looking through what cannot be garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No collection while hundreds of thousands of values are built, none of which refers back to another.

    Each would look through all that were built before; what has no references left is freed all the same. Afterwards
    the collector is as it was.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
