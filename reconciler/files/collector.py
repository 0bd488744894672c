"""The garbage collector, switched off while values are built that cannot be garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector while hundreds of thousands of values are built, none of which refers back to another.

    Each collection would look through all values that exist. A value without references is freed all the same.
    Afterwards the collector is as it was.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
