"""The log of `apply --events`: a JSON line for each call. A log that fails is given up, and the run goes on."""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.core.model.message import Text, text, verbatim
from reconciler.errors import ReconcilerError
from reconciler.files.system import AS_BYTES, NO_WAIT, writable

if TYPE_CHECKING:
    from reconciler.cli.shell import Shell
    from reconciler.core.model.outcome import Event

PATIENCE: Final = 2.0
"""Seconds that a run waits for the reader of a pipe, all in all, before it is given up."""


@contextmanager
def event_log(path: Path | None, shell: Shell, run_id: str) -> Iterator[Callable[[Event], None]]:
    """A function that appends each event of the run to the file as a JSON line; without a file it does nothing.

    The function never raises.

    Raises:
        ReconcilerError: the file cannot be written, or is a pipe that nobody reads.
    """
    if path is None:
        yield lambda _event: None
        return
    handle = _opened(path)
    try:
        yield _Log(path, handle, shell, run_id).append
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    # Without O_NONBLOCK a pipe that nobody reads would hold the run, and its lock, for ever.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | AS_BYTES | NO_WAIT
    try:
        return os.open(path, flags, 0o666)
    except OSError as error:
        pipe = error.errno == errno.ENXIO and stat.S_ISFIFO(path.stat().st_mode)
        why, hint = error.strerror, text("nothing was sent; name another")
        if pipe:
            why, hint = text("nobody reads the pipe"), text("nothing was sent; start its reader first, or name a file")
        raise ReconcilerError(
            "unwritable-file", text("the events file {path} cannot be written: {why}", path=path, why=why), hint
        ) from None


class _Log:
    def __init__(self, path: Path, handle: int, shell: Shell, run_id: str) -> None:
        self._run_id = run_id
        self._path = path
        self._handle = handle
        self._shell = shell
        self._given_up = False
        self._patience = PATIENCE

    def append(self, event: Event) -> None:
        """Write one line. A run does not end because its log cannot be written."""
        if self._given_up:
            return
        try:
            self._write(event)
        except Exception as error:  # noqa: BLE001 - no room, no reader, no memory: the calls are what counts
            self._given_up = True
            unread = isinstance(error, BlockingIOError)
            self._tell(text("nobody reads it") if unread else verbatim(getattr(error, "strerror", None) or ""))

    def _write(self, event: Event) -> None:
        from reconciler.clock import now, stamp

        record = {"at": stamp(now()), "run": self._run_id, "call": event.call.kind, "ms": event.ms}
        agents = {"operatorIds": event.call.operator_ids, "outcome": event.outcome, "message": event.message}
        data = json.dumps({**record, **agents}).encode() + b"\n"
        while data:
            try:
                data = data[os.write(self._handle, data) :]
            except BlockingIOError:
                if self._patience <= 0:
                    raise
                since = time.monotonic()
                writable(self._handle, self._patience)
                self._patience -= time.monotonic() - since + 0.01

    def _tell(self, why: Text) -> None:
        what = "warning: the events file {path} takes no more ({why}); the apply goes on without it"
        with suppress(Exception):
            self._shell.tell(text(what, path=self._path, why=why or text("an error")))
