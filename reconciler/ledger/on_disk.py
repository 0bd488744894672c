"""The ledger on this machine's disk, with a lock that a kill releases."""

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
from typing import TYPE_CHECKING, Final

from reconciler.clock import now, stamp
from reconciler.core.model.ledger import LockInfo
from reconciler.errors import LedgerConflict, LockHeld, ReconcilerError
from reconciler.files.private import private_folder, read_regular, replace_file

if TYPE_CHECKING:
    from filelock import FileLock

MAX_BYTES: Final = 256 * 1024 * 1024


class LocalStore:
    """A file, replaced whole, and a lock of the operating system's beside it (`<file>.lock`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: bytes | None = None

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    def read(self) -> bytes | None:
        """The bytes, or `None` when there is no file yet."""
        try:
            self._seen, _ = read_regular(self.path, MAX_BYTES)
        except FileNotFoundError:
            self._seen = None
        except OSError as error:
            raise ReconcilerError(f"the ledger {self.path} cannot be read: {error.strerror}") from None
        return self._seen

    def write(self, data: bytes) -> None:
        """Replace the file, mode 0600; a reader sees the old or the new."""
        before = self._seen
        if self.read() != before:
            hint = "run apply again: it reads the ledger anew"
            raise LedgerConflict(f"somebody else wrote the ledger {self.path} meanwhile", hint)
        try:
            private_folder(self.path.parent)
            replace_file(self.path, data)
        except OSError as error:
            hint = "mend that and run apply again"
            raise ReconcilerError(f"the ledger {self.path} cannot be written: {error.strerror}", hint) from None
        self._seen = data

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock while the body runs. It ends with the process, however that ends."""
        from filelock import Timeout

        lock = self._file_lock()
        try:
            private_folder(self.path.parent)
            lock.acquire(blocking=False)
        except Timeout:
            info = self.holder()
            whose = f" by {info.who} since {info.since}" if info else ""
            raise LockHeld(f"the ledger {self.path} is locked{whose}", "wait until that apply is over", info) from None
        except OSError as error:
            hint = "it must be on a file system that can lock"
            raise ReconcilerError(f"the ledger {self.path} cannot be locked: {error.strerror}", hint) from None
        try:
            self._sign()
            yield
        finally:
            lock.release()

    def holder(self) -> LockInfo | None:
        """Who holds the lock now, as far as the holder wrote it down; `None` when it is free."""
        from filelock import Timeout

        lock = self._file_lock()
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return self._signature()
        except OSError:
            return None
        lock.release()
        return None

    def unlock(self, lock_id: str) -> None:
        """A local lock is never stale: it goes when its process does."""
        info = self.holder()
        if info is None:
            raise ReconcilerError(f"the ledger {self.path} is not locked")
        whose = "" if info.id == lock_id else f" (its id is {info.id})"
        raise ReconcilerError(f"{info.who} is at work{whose}", "a local lock goes when its process ends: end that")

    def _file_lock(self) -> FileLock:
        # Imported where it is used: a plan takes no lock, and with the library comes asyncio.
        from filelock import FileLock

        return FileLock(f"{self.path}.lock", mode=0o600, fallback_to_soft=False, preserve_lock_file=True)

    def _sign(self) -> None:
        info = LockInfo(secrets.token_hex(8), who_we_are(), stamp(now()))
        with suppress(OSError):  # it serves messages only
            replace_file(self._note, json.dumps(asdict(info)).encode())

    def _signature(self) -> LockInfo:
        """Who signed; nobody that is known where the note is missing, or old: then its process has gone."""
        try:
            info = LockInfo(**json.loads(self._note.read_bytes()))
            host, _, pid = info.who.rpartition("@")[2].rpartition(":")
            if host == socket.gethostname():
                os.kill(int(pid), 0)
        except PermissionError:
            return info
        except (OSError, ValueError, TypeError):
            return LockInfo("unknown", "another apply", "just now")
        return info

    @property
    def _note(self) -> Path:
        return self.path.with_name(self.path.name + ".holder")


def who_we_are() -> str:
    """`user@host:pid`, for whoever finds our lock."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}:{os.getpid()}"
