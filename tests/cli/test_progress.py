"""Progress on a terminal: a bar with what is done and the total, of which nothing is left at its end."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.cli import progress
from reconciler.cli.shell import Shell
from reconciler.core.model.message import text


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, quiet: float) -> Iterator[int]:
    """Stderr on a terminal that a person watches; the other end of it. Nothing is shown for `quiet` seconds."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(progress, "QUIET_SECONDS", quiet)
        monkeypatch.delenv("CI", raising=False)
        monkeypatch.delenv("NO_COLOR", raising=False)
        yield ours
    os.close(ours)


def test_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows how much of how much, also where the total grows, and empties its line at the end."""
    with watched(monkeypatch, 0.0) as terminal:
        with progress.Progress(Shell(), text("applying"), text("agents")) as bar:
            bar.update(1, 4)
            first = os.read(terminal, 4096).decode()
            bar.update(5, 8)
            second = os.read(terminal, 4096).decode()
        last = os.read(terminal, 4096).decode()
    assert "applying, agents" in first
    assert "1/4" in first
    assert "5/8" in second
    assert "\n" not in first + second + last
    assert last.endswith("\r\x1b[2K\x1b[?25h")


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done before the quiet time is over shows no bar."""
    with watched(monkeypatch, 60.0) as terminal:
        with progress.Progress(Shell(), text("applying"), text("agents")) as bar:
            bar.update(1, 4)
        with pytest.raises(BlockingIOError):
            os.read(terminal, 1)
