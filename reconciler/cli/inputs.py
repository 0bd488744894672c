"""What commands need before they start: options, the goal, the stores of ledger and credentials, and a session."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.core.model.desired import DEFAULT_EXPIRES_IN, DesiredState, Limit, Policy
from reconciler.core.model.endpoints import MAX_DELETE_LIST
from reconciler.files.private import FOLDER

if TYPE_CHECKING:
    import threading

    from reconciler.apply.goal import FilesGoal, Goal
    from reconciler.apply.refresh import Session
    from reconciler.credentials.delivery import CredentialsFile
    from reconciler.files.plan_file import SavedPlan
    from reconciler.ledger.ledger import Ledger, LedgerStore
    from reconciler.render.heading import Heading


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a command that talks to the vendor, as the command line gives them.

    `rate` is requests a second, `timeout` and `expires_in` are seconds.
    """

    files: tuple[Path, ...]
    endpoint: str | None
    token_file: Path | None
    parallelism: int
    rate: float
    timeout: float
    ledger: str | None
    max_deletes: Limit | None = None
    max_changes: Limit | None = None
    allow_replace: bool = False
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    expires_in: int = DEFAULT_EXPIRES_IN
    batch: bool = True
    delete_list: int = MAX_DELETE_LIST

    @property
    def policy(self) -> Policy:
        """The guardrails and the choice of agents that the command line adds to those of the files."""
        limits = (self.max_deletes, self.max_changes, self.allow_replace)
        selection = (self.expires_in, self.targets, self.excludes)
        return Policy(*limits, *selection, batch=self.batch, delete_list=self.delete_list)

    @property
    def folder(self) -> Path:
        """The folder for the ledger and the credentials, unless the command line names their files."""
        return folder_of(self.files)


def folder_of(files: tuple[Path, ...]) -> Path:
    """The `.reconciler` folder: beside the first file, or inside the first folder."""
    return (files[0] if files[0].is_dir() else files[0].parent) / FOLDER


def store_of(files: tuple[Path, ...], ledger: str | None) -> LedgerStore:
    """The ledger's store: an object store for a URL, otherwise a file.

    Raises:
        WrongUsage: the URL names no bucket and key.
        ReconcilerError: the library for object stores is not installed.
    """
    if ledger is not None and "://" in ledger:
        from reconciler.ledger.object_store import RemoteStore

        return RemoteStore(ledger)
    from reconciler.ledger.on_disk import LocalStore

    return LocalStore(Path(ledger) if ledger else folder_of(files) / "ledger.json")


def journal_of(files: tuple[Path, ...], ledger: str | None) -> Path:
    """The path of the journal. Each ledger has its own: beside a local ledger, in the folder for a remote one."""
    if ledger is None:
        return folder_of(files) / "journal.jsonl"
    if "://" in ledger:
        return folder_of(files) / f"journal-{hashlib.sha256(ledger.encode()).hexdigest()[:8]}.jsonl"
    path = Path(ledger)
    return path.with_name("journal.jsonl" if path.name == "ledger.json" else f"{path.stem}.journal.jsonl")


def ledger_of(files: tuple[Path, ...], ledger: str | None) -> Ledger:
    """The ledger of the files' company. The vendor is not asked.

    Raises:
        InvalidFiles: the files have problems.
        ReconcilerError: the ledger cannot be read, or belongs to another company.
    """
    from reconciler.files.desired_files import load_desired
    from reconciler.ledger.ledger import load_ledger

    return load_ledger(store_of(files, ledger), load_desired(files).company)


@contextmanager
def files_goal(options: Options, since: Callable[[], DesiredState | None] = lambda: None) -> Iterator[FilesGoal]:
    """The goal that the files set; `since` gives the desired state of an earlier revision, where one is known.

    Raises:
        ReconcilerError: the files have problems, or cannot be read.
    """
    from reconciler.files.desired_files import read

    with read(options.files) as files:
        # Imported while another process reads a large file.
        from reconciler.apply.goal import FilesGoal

        yield FilesGoal(files, options.policy, since())


@contextmanager
def open_session(options: Options, goal: Goal, stop: threading.Event | None = None) -> Iterator[Session]:
    """Read settings and connect. Setting `stop` ends pauses early.

    Raises:
        WrongUsage: a setting is unusable.
        ReconcilerError: the token's file or the ledger's store is unusable.
    """
    from reconciler.apply.refresh import Session
    from reconciler.settings import connection
    from reconciler.vendor.http import connected

    settings = connection(
        options.endpoint,
        os.environ.get("RECONCILER_TOKEN"),
        options.token_file,
        parallelism=options.parallelism,
        rate=options.rate,
        timeout=options.timeout,
    )
    sleep = stop.wait if stop else time.sleep
    with connected(settings, lambda seconds: goal.pause(seconds, sleep)) as transport:
        if stop:
            transport.stopped = stop.is_set
        store, journal = store_of(options.files, options.ledger), journal_of(options.files, options.ledger)
        yield Session(goal, transport, store, journal)


def plan_heading(options: Options, saved: SavedPlan | None = None, *, color: bool) -> Heading:
    """What a rendering says beside the plan: the tool's version and the time, now or of the saved plan."""
    from reconciler.clock import now, stamp
    from reconciler.render.heading import Heading

    tool, created_at = (saved.tool, saved.created_at) if saved else (__version__, stamp(now()))
    return Heading(tool, created_at, options.rate, color)


def new_credentials_file(session: Session, options: Options, path: Path | None) -> CredentialsFile:
    """The file for new credentials, encrypted when the goal names recipients.

    Raises:
        ReconcilerError: the files cannot be read, or a recipient cannot be used.
    """
    from reconciler.clock import now
    from reconciler.credentials.delivery import CredentialsFile

    recipients = session.goal.recipients
    ending = ".jsonl.age" if recipients else ".jsonl"
    path = path or options.folder / f"credentials-{now():%Y%m%dT%H%M%SZ}{ending}"
    if not recipients:
        return CredentialsFile(path, now)
    from reconciler.credentials.age import Sealer

    return CredentialsFile(path, now, Sealer(recipients))
