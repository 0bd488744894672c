"""Where the books lie: a folder for each vendor, unless `--ledger` names another place; and how older books get there.

Ledger, lock, journal and credentials of one vendor lie in `.reconciler/HOST[_PORT]/`. Books that know no vendor, as
0.1.0 wrote them, lie in `.reconciler/` itself. They are those of a real vendor, and a sandbox never takes them.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.core.model.address import GIT_BRANCH, folder_name, is_rehearsal
from reconciler.core.model.message import NOTHING, Text, text
from reconciler.errors import LockHeld, ReconcilerError, WrongUsage
from reconciler.files.atomic import replace_file
from reconciler.files.private import private_folder
from reconciler.ledger.on_disk import LEDGER, LocalStore
from reconciler.settings import DIRECT, Network

if TYPE_CHECKING:
    from reconciler.ledger.ledger import LedgerStore

JOURNAL: Final = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class BooksPlace:
    """Where the books of one vendor lie.

    `base` is the `.reconciler` folder, `named` what `--ledger` names (a path, a URL, or empty), `endpoint` the vendor's
    base URL. Where that is empty, the only folder with books is meant. `network` leads to an object store.
    `password_env` are the patterns of variables that no child process gets.
    """

    base: Path
    named: str = ""
    endpoint: str = ""
    network: Network = DIRECT
    password_env: tuple[str, ...] = ()

    @property
    def remote(self) -> bool:
        """Whether the ledger is in an object store, or on a branch of a git remote."""
        return "://" in self.named or self.named.startswith(GIT_BRANCH)

    @property
    def folder(self) -> Path:
        """The folder of the journal and of new credentials, and of a ledger that nobody names.

        Raises:
            WrongUsage: nobody says which vendor is meant, and several have books.
        """
        if self.named and not self.remote:
            return Path(self.named).parent
        if not self.endpoint:
            return self._only_folder()
        return self.base if self.older_books() else self.own_folder

    @property
    def own_folder(self) -> Path:
        """The folder of the endpoint, which must be known."""
        return self.base / folder_name(self.endpoint)

    @property
    def ledger(self) -> Path:
        """The ledger's file, where it is one.

        Raises:
            WrongUsage: nobody says which vendor is meant, and several have books.
        """
        return Path(self.named) if self.named else self.folder / LEDGER

    @property
    def journal(self) -> Path:
        """The journal's file. Each ledger has its own.

        Raises:
            WrongUsage: nobody says which vendor is meant, and several have books.
        """
        return self.folder / self._journal_name

    def store(self) -> LedgerStore:
        """The ledger's store: a branch for `git+…`, an object store for a URL, otherwise a file. Close it in the end.

        Raises:
            WrongUsage: the URL names no bucket and key, or no branch, or holds a password; or nobody says which vendor
                is meant, and several have books.
            ReconcilerError: the library for object stores is not installed.
        """
        if not self.remote:
            return LocalStore(self.ledger)
        from reconciler.ledger.remote import RemoteStore

        if self.named.startswith(GIT_BRANCH):
            from reconciler.ledger.git_branch import GitBranch

            return RemoteStore(GitBranch(self.named, self.base.parent, password_env=self.password_env))
        from reconciler.ledger.object_store import ObjectStore

        return RemoteStore(ObjectStore(self.named, self.network))

    def folders(self) -> list[Path]:
        """The folders of vendors that have books of this ledger."""
        names = {self._journal_name} if self.remote else {LEDGER, JOURNAL}
        with suppress(OSError):
            return sorted(
                folder
                for folder in self.base.iterdir()
                if folder.is_dir() and any((folder / name).exists() for name in names)
            )
        return []

    def older_books(self) -> list[Path]:
        """Books that know no vendor and have yet to be copied, the ledger last. A sandbox has none."""
        if not self.endpoint or is_rehearsal(self.endpoint) or (self.named and not self.remote):
            return []
        older, own = self.base / self._journal_name, self.own_folder / self._journal_name
        journal = [older] if older.is_file() and (not own.exists() or _content(own) == _content(older)) else []
        if self.remote:
            return journal if not own.exists() else []
        ledger = self.base / LEDGER
        begun = (self.own_folder / LEDGER).exists() or (own.exists() and not journal)
        return [] if begun or not ledger.is_file() or _knows_endpoint(ledger) else [*journal, ledger]

    def take_older_books(self) -> Text:
        """Copy older books to the folder of the endpoint; returns what to tell about that, or nothing.

        The ledger comes last, so that a copy that was cut short is made again.

        Raises:
            LockHeld: an apply is at work with the older books.
            ReconcilerError: they cannot be copied.
        """
        if not self.older_books():
            return NOTHING
        try:
            with LocalStore(self.base / LEDGER).lock():
                books = self.older_books()
                for book in books:
                    replace_file(private_folder(self.own_folder) / book.name, book.read_bytes())
        except LockHeld:
            if self.older_books():
                raise
            return NOTHING
        except OSError as error:
            hint = text("mend that, or name the ledger with --ledger")
            message = text(
                "the books in {base} cannot be copied to {own_folder}: {why}",
                base=self.base,
                own_folder=self.own_folder,
                why=error.strerror,
            )
            raise ReconcilerError("bad-ledger", message, hint) from None
        if not books:
            return NOTHING
        names = " and ".join(book.name for book in books)
        taken = (
            "each vendor has its own books now: {names} in {base} are taken for those of {endpoint}, and were copied "
            "to {folder}; the old ones are no longer read"
        )
        return text(taken, names=names, base=self.base, endpoint=self.endpoint, folder=self.own_folder)

    @property
    def _journal_name(self) -> str:
        if self.remote:
            return f"journal-{hashlib.sha256(self.named.encode()).hexdigest()[:8]}.jsonl"
        name = Path(self.named or LEDGER)
        return JOURNAL if name.name == LEDGER else f"{name.stem}.journal.jsonl"

    def _only_folder(self) -> Path:
        folders = self.folders()
        if len(folders) > 1:
            names = ", ".join(folder.name for folder in folders)
            raise WrongUsage(
                "several-ledgers",
                text("{base} has the books of several vendors: {names}", base=self.base, names=names),
                text("say which one with --endpoint"),
            )
        return folders[0] if folders else self.base


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _knows_endpoint(ledger: Path) -> bool:
    """Whether a ledger says whose it is; a damaged one does not, and whoever reads it tells."""
    try:
        return "endpoint" in json.loads(ledger.read_bytes())
    except (OSError, ValueError, TypeError, RecursionError):
        return False
