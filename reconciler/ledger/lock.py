"""The lock of a ledger on disk, and how the holder of any lock is named."""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.clock import now, stamp
from reconciler.core.model.ledger import LockInfo
from reconciler.core.model.message import text
from reconciler.errors import LockHeld, ReconcilerError
from reconciler.files.atomic import replace_file
from reconciler.files.private import private_folder
from reconciler.files.system import runs, user_number

if TYPE_CHECKING:
    from filelock import FileLock


class FileLockBeside:
    """The operating system's lock on `<file>.lock`, which a kill releases; `<file>.holder` says who holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._note = path.with_name(path.name + ".holder")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock while the body runs. It ends with the process, however that ends.

        Raises:
            LockHeld: another apply holds it.
            ReconcilerError: the file system cannot lock.
        """
        # Imported where it is used: a plan takes no lock, and with the library comes asyncio.
        from filelock import Timeout

        lock = self._file_lock()
        try:
            private_folder(self._path.parent)
            lock.acquire(blocking=False)
        except Timeout:
            info = self._signature() or LockInfo("unknown", text("another apply"), text("just now"))
            by = "the ledger {path} is locked by {who} since {since}"
            message = text(by, path=self._path, who=info.who, since=info.since)
            raise LockHeld("locked", message, text("wait until that apply is over"), info) from None
        except OSError as error:
            hint = text("it must be on a file system that can lock")
            raise ReconcilerError(
                "cannot-lock",
                text("the ledger {path} cannot be locked: {why}", path=self._path, why=error.strerror),
                hint,
            ) from None
        try:
            with suppress(OSError):  # the note serves messages only
                replace_file(self._note, json.dumps(asdict(lock_info())).encode())
            yield
        finally:
            with suppress(OSError):
                self._note.unlink()
            lock.release()

    def holder(self) -> LockInfo | None:
        """Who holds the lock, by the note that the holder wrote; it is read only, so that nobody is kept out by it."""
        return self._signature()

    def _signature(self) -> LockInfo | None:
        """Who signed, where that process still runs; another machine's is taken to."""
        try:
            info = LockInfo(**json.loads(self._note.read_bytes()))
            host, _, pid = info.who.rpartition("@")[2].rpartition(":")
            if host == socket.gethostname():
                return info if runs(int(pid)) else None
        except (OSError, ValueError, TypeError, OverflowError):
            return None
        return info

    def _file_lock(self) -> FileLock:
        from filelock import FileLock

        return FileLock(f"{self._path}.lock", mode=0o600, fallback_to_soft=False, preserve_lock_file=True)


def lock_info() -> LockInfo:
    """A lock of this process, as it begins: a random id, `user@host:pid`, and the time."""
    return LockInfo(secrets.token_hex(8), who_we_are(), stamp(now()))


def who_we_are() -> str:
    """`user@host:pid`, for whoever finds our lock."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user, or a service of Windows, may have no name
        user = user_number()
    return f"{user}@{socket.gethostname()}:{os.getpid()}"
