"""The ledger on this machine's disk."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from reconciler.core.model.ledger import LockInfo
from reconciler.core.model.message import text, verbatim
from reconciler.errors import LedgerConflict, ReconcilerError, unreadable, unwritable
from reconciler.files.atomic import replace_file
from reconciler.files.private import private_folder, read_regular
from reconciler.ledger.ledger import NO_OBJECTS, Objects
from reconciler.ledger.lock import FileLockBeside

LEDGER: Final = "ledger.json"
"""A ledger of this name has its folder for itself; what lies beside another one bears its name."""
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

    @property
    def remote(self) -> bool:
        """It ends with this machine."""
        return False

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
                hint = text("mount it, or make the first ledger there with --ledger {file}", file=self._file)
                raise ReconcilerError(
                    "unreadable-file",
                    text("the ledger {path} is a link to {file}, which is not there", path=self.path, file=self._file),
                    hint,
                ) from None
            return None
        except OSError as error:
            raise unreadable(text("the ledger {path}", path=self.path), error) from None

    def read_beside(self, name: str) -> bytes | None:
        """The bytes of a file that lies beside the ledger, or `None` when there is none.

        Raises:
            ReconcilerError: the file cannot be read.
        """
        path = self._beside(name)
        try:
            return read_regular(path, MAX_BYTES)[0]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(path, error) from None

    def check_rights(self) -> None:
        """Refuse a folder in which nothing can be written.

        Raises:
            ReconcilerError: it is none, or may not be written.
        """
        folder = next(each for each in self._file.parents if os.path.lexists(each))
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            why = text("{folder} is no folder", folder=folder)
            if folder.is_dir():
                why = text("{folder} may not be written", folder=folder)
            message = text("the ledger {path} cannot be written: {why}", path=self.path, why=why)
            raise ReconcilerError("unwritable-file", message, text("name another: --ledger"))

    def names(self, folder: str) -> list[str]:
        """The names of all files in a folder that lies beside the ledger, in their order.

        Raises:
            ReconcilerError: the folder cannot be read.
        """
        path = self._beside(folder)
        try:
            return sorted(f"{folder}/{each.name}" for each in path.iterdir() if not each.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(path, error) from None

    def write(self, data: bytes, before: Objects = NO_OBJECTS, after: Objects = NO_OBJECTS) -> None:
        """Replace the file, mode 0600; a reader sees the old or the new. The others are written before and after it.

        Raises:
            LedgerConflict: somebody else wrote the file since it was read; theirs stays, also the next time.
            ReconcilerError: a file cannot be read or written.
        """
        if self._content() != self._seen:
            hint = text("run apply again: it reads the ledger anew")
            raise LedgerConflict(
                "ledger-conflict", text("somebody else wrote the ledger {path} meanwhile", path=self.path), hint
            )
        files = {**{self._beside(name): each for name, each in before.items()}, self._file: data}
        files |= {self._beside(name): each for name, each in after.items()}
        for path, content in files.items():
            self._replace(path, content)
        self._seen = data

    def read_listed(self, name: str) -> bytes | None:
        """The bytes of a file that `names` has named, or `None` where it is gone.

        Raises:
            ReconcilerError: the file cannot be read.
        """
        return self.read_beside(name)

    def write_beside(self, name: str, data: bytes) -> None:
        """Replace a file that lies beside the ledger; only the holder of the lock writes it.

        Raises:
            ReconcilerError: the file cannot be written.
        """
        self._replace(self._beside(name), data)

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            private_folder(path.parent)
            replace_file(path, content)
        except OSError as error:
            what = text("the ledger {path}", path=self.path) if path == self._file else verbatim(str(path))
            hint = text("mend that and run apply again")
            raise unwritable(what, error, hint) from None

    def _beside(self, name: str) -> Path:
        return self._file.parent / (name if self._file.name == LEDGER else f"{self._file.stem}.{name}")

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
            raise ReconcilerError("not-locked", text("the ledger {path} is not locked", path=self.path))
        message = text("{who} is at work", who=info.who)
        if info.id != lock_id:
            message = text("{message} (its id is {id})", message=message, id=info.id)
        raise ReconcilerError("locked", message, text("a local lock goes when its process ends: end that"))

    def close(self) -> None:
        """Nothing is kept only while the store is in use."""
