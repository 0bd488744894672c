"""What commands need before they start: options, the goal, the stores of ledger and credentials, and a session."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler import __version__
from reconciler.core.model.desired import DEFAULT_EXPIRES_IN, DesiredState, Limit, Policy
from reconciler.core.model.endpoints import MAX_DELETE_LIST
from reconciler.core.model.message import Text
from reconciler.files.private import FOLDER

if TYPE_CHECKING:
    import threading

    from reconciler.apply.goal import FilesGoal, Goal
    from reconciler.apply.refresh import Session
    from reconciler.core.model.run import RunOrigin
    from reconciler.credentials.delivery import CredentialsFile
    from reconciler.credentials.passwords import PasswordRules
    from reconciler.files.plan_file import SavedPlan
    from reconciler.ledger.ledger import Ledger
    from reconciler.ledger.place import BooksPlace
    from reconciler.render.heading import Heading
    from reconciler.settings import Network


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
    ca_file: Path | None = None
    proxy: str | None = None
    max_deletes: Limit | None = None
    max_changes: Limit | None = None
    allow_replace: bool = False
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    expires_in: int = DEFAULT_EXPIRES_IN
    batch: bool = True
    delete_list: int = MAX_DELETE_LIST
    allow_lookalikes: bool = False
    max_passwords: Limit | None = None
    allow_forgotten: bool = False
    password_env: tuple[str, ...] = ()
    secrets_dir: Path | None = None

    @property
    def password_rules(self) -> PasswordRules:
        """What a password may come from."""
        from reconciler.credentials.passwords import PasswordRules

        return PasswordRules(self.password_env, self.secrets_dir, (self.token_file,) if self.token_file else ())

    @property
    def policy(self) -> Policy:
        """The guardrails and the choice of agents that the command line adds to those of the files."""
        limits = (self.max_deletes, self.max_changes, self.allow_replace)
        selection = (self.expires_in, self.targets, self.excludes)
        return Policy(
            *limits,
            *selection,
            batch=self.batch,
            delete_list=self.delete_list,
            allow_lookalikes=self.allow_lookalikes,
            max_passwords=self.max_passwords,
            allow_forgotten=self.allow_forgotten,
        )


def place_of(
    files: tuple[Path, ...],
    ledger: str | None,
    endpoint: str | None,
    ca_file: Path | None = None,
    proxy: str | None = None,
    password_env: tuple[str, ...] = (),
) -> BooksPlace:
    """Where books lie: what `--ledger` names, else a folder of the endpoint's in `.reconciler`.

    That is beside the first file, or inside the first folder. Nothing is read yet.

    Raises:
        WrongUsage: the endpoint is no base URL, or a setting of the network is unusable.
        Declined: a change of the files may have brought the books.
    """
    from reconciler.settings import checked_endpoint, network

    vendor = checked_endpoint(endpoint) if endpoint else ""
    return _place(files, ledger, vendor, network(ca_file, proxy), password_env)


def _place(
    files: tuple[Path, ...], ledger: str | None, endpoint: str, network: Network, password_env: tuple[str, ...]
) -> BooksPlace:
    from reconciler.ledger.place import BooksPlace
    from reconciler.ledger.provenance import refuse_brought

    base = (files[0] if files[0].is_dir() else files[0].parent) / FOLDER
    place = BooksPlace(base, ledger or "", endpoint, network, password_env)
    refuse_brought(place)
    return place


@contextmanager
def ledger_of(files: tuple[Path, ...], **where: Any) -> Iterator[Ledger]:
    """The ledger of the files' company, whatever its endpoint. The vendor is not asked.

    Raises:
        InvalidFiles: the files have problems.
        WrongUsage: nobody says which vendor is meant, and several have books.
        Declined: the ledger belongs to another company.
        ReconcilerError: the ledger cannot be read.
    """
    from reconciler.files.desired_files import load_desired
    from reconciler.ledger.ledger import load_ledger

    with closing(place_of(files, **where).store()) as store:
        yield load_ledger(store, load_desired(files).company)


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
def open_session(
    options: Options, goal: Goal, stop: threading.Event | None = None, whose: Mapping[str, str] | None = None
) -> Iterator[Session]:
    """Read settings, connect, and find the books. Setting `stop` ends pauses early.

    `whose` is the environment that says who runs the command, where that is to be known.

    Raises:
        WrongUsage: a setting is unusable.
        LockHeld: older books are in use, and cannot be copied yet.
        ReconcilerError: the token's file or the ledger's store is unusable.
    """
    from reconciler.apply.refresh import Session
    from reconciler.files.standing import base_of
    from reconciler.settings import connection, network
    from reconciler.vendor.http import connected

    settings = connection(
        options.endpoint,
        os.environ.get("RECONCILER_TOKEN"),
        options.token_file,
        parallelism=options.parallelism,
        rate=options.rate,
        timeout=options.timeout,
        network=network(options.ca_file, options.proxy),
    )
    sleep = stop.wait if stop else time.sleep
    with connected(settings, lambda seconds: goal.pause(seconds, sleep)) as transport:
        if stop:
            transport.stopped = stop.is_set
        place = _place(options.files, options.ledger, settings.endpoint, settings.network, options.password_env)
        tell_if_any(place.take_older_books())
        with closing(place.store()) as store:
            session = Session(goal, transport, store, place.journal, base_of(options.files[0], place.folder))
            yield session if whose is None else replace(session, origin=_origin(options, whose))


def _origin(options: Options, environment: Mapping[str, str]) -> RunOrigin:
    from reconciler.cli.pipeline import run_origin

    first = options.files[0]
    return run_origin(environment, first if first.is_dir() else first.parent)


def tell_if_any(message: Text) -> None:
    """Tell people what happened to their books, on stderr."""
    from reconciler.cli.shell import Shell

    context = click.get_current_context(silent=True)
    shell = context.find_object(Shell) if context else None
    if message and shell is not None:
        shell.tell(message)


def plan_heading(options: Options, saved: SavedPlan | None = None, *, color: bool) -> Heading:
    """What a rendering says beside the plan: the tool's version and the time, now or of the saved plan."""
    from reconciler.clock import now, stamp
    from reconciler.render.heading import Heading

    tool, created_at = (saved.tool, saved.created_at) if saved else (__version__, stamp(now()))
    return Heading(tool, created_at, options.rate, color)


def new_credentials_file(session: Session, path: Path | None) -> CredentialsFile:
    """The file for new credentials, encrypted when the goal names recipients.

    Raises:
        Declined: git tracks the file that `path` names.
        ReconcilerError: the files cannot be read, or a recipient cannot be used.
    """
    from reconciler.clock import now
    from reconciler.credentials.delivery import CredentialsFile, new_path
    from reconciler.ledger.provenance import refuse_tracked

    recipients = session.goal.recipients
    ending = ".jsonl.age" if recipients else ".jsonl"
    if path is None:
        path = new_path(session.journal.parent, ending, now())
    else:
        refuse_tracked([path])
    if not recipients:
        return CredentialsFile(path, now)
    from reconciler.credentials.age import Sealer

    return CredentialsFile(path, now, Sealer(recipients))
