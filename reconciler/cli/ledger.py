"""`reconciler ledger show|adopt|rebind|unlock`: looks, records without sending, moves books, removes a stale lock."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.options import OPERATOR_ID, books_options, connection_options, format_option
from reconciler.cli.shell import Shell
from reconciler.core.model.message import text
from reconciler.errors import WrongUsage

if TYPE_CHECKING:
    from reconciler.core.model.ledger import LedgerEntry


@click.group()
def ledger() -> None:
    """Look at the ledger, record without sending, move it to another endpoint, remove a stale lock.

    The ledger remembers what the vendor never lists: password versions, roles, skills. It holds no secret.

    \b
    Examples:
      reconciler ledger show
      reconciler ledger adopt '80*'
      reconciler ledger rebind --endpoint https://new.vendor.example
      reconciler ledger unlock --id 0123456789abcdef
    """


@ledger.command()
@books_options
@format_option("text", "json")
@click.pass_obj
def show(shell: Shell, /, format_: str, **arguments: Any) -> None:
    """Show what is recorded of each agent, who is in doubt and how to end it, and who holds the lock.

    \b
    Example:
      reconciler ledger show
    """
    from reconciler.cli.inputs import ledger_of
    from reconciler.render.doubted import doubted, doubted_document, doubted_lines
    from reconciler.render.terminal import visible

    with ledger_of(**arguments) as ledger:
        holder = ledger.store.holder()
    in_doubt = doubted(ledger.view, ledger.untold)
    if format_ == "json":
        lock = {"id": holder.id, "who": holder.who, "since": holder.since} if holder else None
        agents = {operator_id: _document(entry) for operator_id, entry in sorted(ledger.entries.items())}
        head: dict[str, Any] = {"company": ledger.company.abbreviate}
        head |= {"endpoint": ledger.endpoint} if ledger.endpoint else {}
        head |= {"lineage": ledger.lineage, "serial": ledger.serial}
        shell.document({**head, "lock": lock, "agents": agents, **doubted_document(in_doubt)})
        return
    head_line = "{name}: {count} {count:agent|agents} recorded, serial {serial}"
    words = text(head_line, name=ledger.store.name, count=len(ledger.entries), serial=ledger.serial)
    if ledger.endpoint:
        words = text("{words}, made with {endpoint}", words=words, endpoint=ledger.endpoint)
    shell.data(visible(words) + "\n")
    if holder:
        words = text("locked by {who} since {since} (id {id})", who=holder.who, since=holder.since, id=holder.id)
        shell.data(visible(words) + "\n")
    for operator_id, entry in sorted(ledger.entries.items()):
        shell.data(f"  {visible(operator_id)}  {', '.join(map(visible, _recorded(entry)))}\n")
    for line in doubted_lines(in_doubt, color=shell.color):
        shell.data(line + "\n")


def _recorded(entry: LedgerEntry) -> list[str]:
    """What is recorded of an agent."""
    version, since = entry.password_version, entry.missing_since
    told: list[str] = [text("password version {version}", version=version)] if version is not None else []
    told += [f"{name} {value}" for name, value in entry.last_sent.items()]
    told += [text("not in the files since {since}", since=since)] if since else []
    told += [text("disabled by its removal")] if entry.disabled_by_removal else []
    told += [_IN_DOUBT[entry.in_doubt]] if entry.in_doubt else []
    return told or [text("created by apply")]


_IN_DOUBT: Final = {"author": text("in doubt who made it"), "password": text("its password in doubt")}


def _document(entry: LedgerEntry) -> dict[str, Any]:
    in_doubt = {"inDoubt": entry.in_doubt} if entry.in_doubt else {}
    return {"passwordVersion": entry.password_version, "given": dict(entry.last_sent), **in_doubt}


@ledger.command()
@click.argument("patterns", nargs=-1, type=OPERATOR_ID)
@connection_options
@click.pass_obj
def adopt(shell: Shell, /, patterns: tuple[str, ...], **arguments: Any) -> None:
    """Record the file's password versions, roles and skills as applied, without sending anything.

    For agents that are live and in the file; PATTERNS (such as '80*') narrow them. Use it when the ledger is lost, or
    when you begin with agents whose passwords people already have. A password that nobody may know stays in doubt, and
    the next apply sets it anew. Whoever is named by a whole id, in a file or not, is no longer in doubt.

    \b
    Example:
      reconciler ledger adopt
    """
    from reconciler.apply.goal import FilesGoal
    from reconciler.apply.run import adopt as record_adopted
    from reconciler.cli.inputs import Options, new_credentials_file, open_session
    from reconciler.cli.progress import Progress
    from reconciler.files.desired_files import FilesRead, load_desired

    options = Options(**arguments)
    desired = load_desired(options.files)
    goal = FilesGoal(FilesRead(desired), options.policy)
    with (
        open_session(options, goal) as session,
        session.store.lock(),
        closing(new_credentials_file(session, None)) as credentials_file,
        Progress(shell, text("reading"), text("live agents")) as progress,
    ):
        count = record_adopted(session, desired, patterns, credentials_file, progress.update)
    words = "Recorded {count} {count:agent|agents} as the file has them; nothing was sent."
    shell.data(text(words, count=count) + "\n")


@ledger.command()
@books_options
@click.pass_obj
def rebind(shell: Shell, /, files: tuple[Path, ...], endpoint: str | None, **where: Any) -> None:
    """Say in ledger and journal that they are about the endpoint, and the company of the files.

    Books are refused at another endpoint than theirs, since they know the agents of one vendor only. Use this when it
    is the same vendor at a new address, or the same company under a new name. Without --ledger the books of the only
    other endpoint are moved to the folder of this one. Sends nothing.

    \b
    Example:
      reconciler ledger rebind --endpoint https://new.vendor.example
    """
    from reconciler.cli.inputs import place_of, tell_if_any
    from reconciler.files.desired_files import load_desired
    from reconciler.ledger.rebind import rebind as rebind_books
    from reconciler.render.terminal import visible

    if not endpoint:
        raise WrongUsage(
            "no-endpoint",
            text("no endpoint to bind the books to"),
            text("pass --endpoint URL or set RECONCILER_ENDPOINT"),
        )
    company, place = load_desired(files).company, place_of(files, endpoint=endpoint, **where)
    tell_if_any(place.take_older_books())
    before = rebind_books(place, company)
    rebound = "{name}: rebound from {was} to {now}; nothing was sent."
    at = "{endpoint} (company {company})"
    was = text(at, endpoint=before.endpoint or text("no endpoint"), company=before.company)
    now = text(at, endpoint=place.endpoint, company=company.abbreviate)
    shell.data(visible(text(rebound, name=before.name, was=was, now=now)) + "\n")


@ledger.command()
@books_options
@click.option("--id", "lock_id", required=True, help="The lock's id, as the refused apply or `ledger show` names it.")
@click.pass_obj
def unlock(shell: Shell, /, lock_id: str, **arguments: Any) -> None:
    """Remove a lock that an apply left behind. Make sure first that it is no longer at work.

    Only the lock of a remote ledger can be left behind; a local one goes with its process.

    \b
    Example:
      reconciler ledger unlock --id 0123456789abcdef
    """
    from reconciler.cli.inputs import place_of

    with closing(place_of(**arguments).store()) as store:
        store.unlock(lock_id)
    shell.data(text("The lock is removed.") + "\n")
