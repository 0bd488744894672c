"""Which functions of `os` a block really calls, in order: seen by the interpreter, replaced by nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def calls_of_os(*watched: Callable[..., Any]) -> Iterator[list[str]]:
    """The names of those of the `watched` C functions that this thread calls inside the block."""
    made: list[str] = []

    def note(_frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and any(called is function for function in watched):
            made.append(called.__name__)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield made
    finally:
        sys.setprofile(before)
