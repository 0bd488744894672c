"""Shows progress on stderr: a bar on a terminal, elsewhere a plain line now and then, nothing for short work."""

from __future__ import annotations

import math
import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import click

from reconciler.cli.shell import Shell
from reconciler.core.model.message import Text, joined, text

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

QUIET_SECONDS: Final = 1.0
"""Seconds before anything is shown."""
SECONDS_BETWEEN_LINES: Final = 5.0
"""Seconds between two plain lines."""
_GONE: Final = "\r\x1b[2K\x1b[?25h"
"""Empties the line of the bar, and shows the cursor that the bar hides."""


class Progress:
    """Shows an activity with how many `units` are done, and of how many. A context; its end removes the bar.

    It never raises: where progress cannot be shown any more it is given up, and the work goes on.
    """

    def __init__(self, shell: Shell, activity: Text, units: Text) -> None:
        self._shell = shell
        self._activity = activity
        self._units = units
        self._bar: ProgressBar[int] | None = None
        self._next = time.monotonic() + QUIET_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            with suppress(Exception):
                self._shell.say_on(_GONE)

    def update(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        try:
            if self._bar is not None:
                self._bar.length = total  # it grows with what is found
                self._bar.update(done - self._bar.pos)
            elif time.monotonic() >= self._next:
                self._show(done, total)
        except Exception:  # noqa: BLE001 - no memory, no terminal: whatever it is, the work is not to end for it
            self._next = math.inf

    def _show(self, done: int, total: int) -> None:
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES
        if self._shell.watched:
            self._bar = click.progressbar(
                length=total, label=joined((self._activity, self._units), ", "), show_pos=True, file=sys.stderr
            )
            self._bar.update(done)
        else:
            words = "{activity}: {done:,} of {total:,} {units}"
            self._shell.tell(text(words, activity=self._activity, done=done, total=total, units=self._units))
