"""How far something is: a bar for a person, a plain line now and then elsewhere, nothing when it is quick."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from reconciler.cli.shell import Shell

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

QUIET: Final = 1.0
"""Seconds before anything is said."""
EVERY: Final = 5.0
"""Seconds between two plain lines."""


class Progress:
    """Says `what`, done and total, on stderr; a context that cleans up after itself."""

    def __init__(self, shell: Shell, what: str) -> None:
        self._shell = shell
        self._what = what
        self._bar: Bar | None = None
        self._task: Any = None
        self._next = time.monotonic() + QUIET

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """So many of so many are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)
        elif time.monotonic() >= self._next:
            self._speak(done, total)

    def _speak(self, done: int, total: int) -> None:
        self._next = time.monotonic() + EVERY
        if self._shell.talks:
            self._bar = _bar()
            self._task = self._bar.add_task(self._what, completed=done, total=total)
            self._bar.start()
        else:
            self._shell.say(f"{self._what}: {done} of {total}")


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
