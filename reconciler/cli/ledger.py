"""`reconciler ledger show|adopt|unlock`."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import FILES, LEDGER, connection_options, format_option
from reconciler.cli.shell import Shell

if TYPE_CHECKING:
    from reconciler.core.model.ledger import LedgerEntry


@click.group()
def ledger() -> None:
    """Look at the ledger, record without sending, remove a stale lock.

    The ledger remembers what the vendor never lists: password versions, roles, skills. It holds no secret.

    \b
    Examples:
      reconciler ledger show
      reconciler ledger adopt '80*'
      reconciler ledger unlock --id 0123456789abcdef
    """


@ledger.command()
@FILES
@LEDGER
@format_option("text", "json")
@click.pass_obj
def show(shell: Shell, /, format_: str, **given: Any) -> None:
    """Show what is recorded of each agent, and who holds the lock.

    \b
    Example:
      reconciler ledger show
    """
    from reconciler.cli.inputs import ledger_of
    from reconciler.render.terminal import visible

    book = ledger_of(**given)
    holder = book.store.holder()
    if format_ == "json":
        lock = {"id": holder.id, "who": holder.who, "since": holder.since} if holder else None
        agents = {id_: _document(entry) for id_, entry in sorted(book.entries.items())}
        head = {"company": book.company.abbreviate, "lineage": book.lineage, "serial": book.serial}
        shell.document({**head, "lock": lock, "agents": agents})
        return
    count = f"{len(book.entries)} agent{'s' * (len(book.entries) != 1)} recorded"
    shell.data(f"{visible(book.store.name)}: {count}, serial {book.serial}\n")
    if holder:
        shell.data(f"locked by {visible(holder.who)} since {visible(holder.since)} (id {visible(holder.id)})\n")
    for id_, entry in sorted(book.entries.items()):
        told = [f"password version {entry.password_version}"] if entry.password_version is not None else []
        told += [f"{name} {visible(str(value))}" for name, value in entry.last_sent.items()]
        shell.data(f"  {visible(id_)}  {', '.join(told) or 'created by apply'}\n")


def _document(entry: LedgerEntry) -> dict[str, Any]:
    return {"passwordVersion": entry.password_version, "given": dict(entry.last_sent)}


@ledger.command()
@click.argument("patterns", nargs=-1)
@connection_options
@click.pass_obj
def adopt(shell: Shell, /, patterns: tuple[str, ...], **given: Any) -> None:
    """Record the file's password versions, roles and skills as applied, without sending anything.

    For agents that are live and in the file; PATTERNS (such as '80*') narrow them. Use it when the ledger is lost, or
    when you begin with agents whose passwords people already have.

    \b
    Example:
      reconciler ledger adopt
    """
    from reconciler.apply.goal import FilesGoal
    from reconciler.apply.run import adopt as record
    from reconciler.cli.inputs import Options, credentials_file, session
    from reconciler.cli.progress import Progress
    from reconciler.files.desired_files import FilesRead, load_desired

    options = Options(**given)
    desired = load_desired(options.files)
    goal = FilesGoal(FilesRead(desired), options.policy)
    with (
        session(options, goal) as work,
        work.store.lock(),
        closing(credentials_file(work, options, None)) as delivered,
        Progress(shell, "reading live agents") as progress,
    ):
        count = record(work, desired, patterns, delivered, progress.update)
    shell.data(f"Recorded {count} agent{'s' * (count != 1)} as the file has them; nothing was sent.\n")


@ledger.command()
@FILES
@LEDGER
@click.option("--id", "lock_id", required=True, help="The lock's id, as the refused apply or `ledger show` names it.")
@click.pass_obj
def unlock(shell: Shell, /, lock_id: str, **given: Any) -> None:
    """Remove a lock that an apply left behind. Make sure first that it is no longer at work.

    Only a lock in an object store can be left behind; a local one goes with its process.

    \b
    Example:
      reconciler ledger unlock --id 0123456789abcdef
    """
    from reconciler.cli.inputs import store_of

    store_of(**given).unlock(lock_id)
    shell.data("The lock is removed.\n")
