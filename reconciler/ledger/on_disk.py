"""The ledger on this machine's disk."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from reconciler.core.model.ledger import LockInfo
from reconciler.errors import LedgerConflict, ReconcilerError
from reconciler.files.atomic import replace_file
from reconciler.files.private import private_folder, read_regular
from reconciler.ledger.lock import FileLockBeside

MAX_BYTES: Final = 256 * 1024 * 1024


class LocalStore:
    """A file, replaced whole, and a lock of the operating system's beside it (`<file>.lock`).

    Where the path is a link, the file that it leads to is the ledger, and lock and temporary file lie beside that: all
    who share it meet there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: bytes | None = None
        self._file = Path(os.path.realpath(path))
        self._lock = FileLockBeside(self._file)

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    def read(self) -> bytes | None:
        """The bytes, or `None` when there is no file yet.

        Raises:
            ReconcilerError: the file cannot be read.
        """
        self._seen = self._content()
        return self._seen

    def _content(self) -> bytes | None:
        try:
            return read_regular(self.path, MAX_BYTES)[0]
        except FileNotFoundError:
            if self.path.is_symlink():  # a disk that is not mounted is no first use
                hint = f"mount it, or make the first ledger there with --ledger {self._file}"
                raise ReconcilerError(
                    f"the ledger {self.path} is a link to {self._file}, which is not there", hint
                ) from None
            return None
        except OSError as error:
            raise ReconcilerError(f"the ledger {self.path} cannot be read: {error.strerror}") from None

    def write(self, data: bytes) -> None:
        """Replace the file, mode 0600; a reader sees the old or the new.

        Raises:
            LedgerConflict: somebody else wrote the file since it was read; theirs stays, also the next time.
            ReconcilerError: the file cannot be read or written.
        """
        if self._content() != self._seen:
            hint = "run apply again: it reads the ledger anew"
            raise LedgerConflict(f"somebody else wrote the ledger {self.path} meanwhile", hint)
        try:
            private_folder(self._file.parent)
            replace_file(self._file, data)
        except OSError as error:
            hint = "mend that and run apply again"
            raise ReconcilerError(f"the ledger {self.path} cannot be written: {error.strerror}", hint) from None
        self._seen = data

    def lock(self) -> AbstractContextManager[None]:
        """Hold the lock while the body runs. It ends with the process, however that ends.

        Raises:
            LockHeld: another apply holds it.
            ReconcilerError: the file system cannot lock.
        """
        return self._lock.hold()

    def holder(self) -> LockInfo | None:
        """Who holds the lock now, as far as the holder wrote it down; `None` when it is free."""
        return self._lock.holder()

    def unlock(self, lock_id: str) -> None:
        """Refuse: a local lock is never stale, it goes when its process does.

        Raises:
            ReconcilerError: always; it says who is at work, or that nobody is.
        """
        info = self.holder()
        if info is None:
            raise ReconcilerError(f"the ledger {self.path} is not locked")
        whose = "" if info.id == lock_id else f" (its id is {info.id})"
        raise ReconcilerError(f"{info.who} is at work{whose}", "a local lock goes when its process ends: end that")

    def close(self) -> None:
        """Nothing is kept only while the store is in use."""
