"""What commands print with: data to stdout, everything else to stderr, JSON alone when JSON was asked for."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Shell:
    """The process's own streams. `json` says that stdout is to hold one JSON document and nothing else.

    `interrupted`: a signal has come. It was raised where it came, but not every place lets an exception out.
    """

    json: bool = False
    interrupted: bool = False
    _kept: list[object] = field(default_factory=list, repr=False)

    @property
    def color(self) -> bool:
        """Whether stdout may be coloured."""
        return _may_color(sys.stdout.isatty())

    @property
    def talks(self) -> bool:
        """Whether a person watches stderr."""
        return _may_color(sys.stderr.isatty()) or (sys.stderr.isatty() and "CI" not in os.environ)

    @property
    def asks(self) -> bool:
        """Whether a person can answer."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def heed(self) -> None:
        """Raise the interrupt that has come, if one has; before what cannot be taken back."""
        if self.interrupted:
            raise KeyboardInterrupt

    def data(self, text: str) -> None:
        """What was asked for."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def document(self, value: Mapping[str, Any]) -> None:
        """What was asked for, as the one JSON document."""
        from reconciler.core.text import json_text

        self.data(json_text(value))

    def keep(self, *values: object) -> None:
        """Leave large values to the end of the process.

        To free them one by one takes as long as to compare them, and so does looking among them for garbage.
        """
        self._kept += values
        gc.freeze()

    def say(self, text: str) -> None:
        """What happens beside it."""
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()


def _may_color(terminal: bool) -> bool:
    return terminal and not os.environ.get("NO_COLOR") and not os.environ.get("CI")
