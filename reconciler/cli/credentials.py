"""`reconciler credentials`: shows the passwords in credentials files."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import OperatorIdType, books_options, format_option
from reconciler.cli.shell import Shell
from reconciler.core.model.message import text
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.core.model.secret import Secret
    from reconciler.credentials.delivered import Delivered
    from reconciler.credentials.delivery import Credential
    from reconciler.ledger.ledger import LedgerStore

Doubted = tuple[frozenset[str], frozenset[str]]
"""Of whom nothing shows whether the last password stored is true; and of whom the books show that none is."""

_ENCRYPTED = ".age"
_SHOWN = 5
_COLUMNS = ("operatorId", "password", "sipNumber", "sipPassword", "at")


@click.command()
@click.argument("named", nargs=-1, type=OperatorIdType(or_file=True), metavar="[FILE]... [ID]...")
@books_options
@click.option(
    "--identity",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Your age identity file or SSH private key; an encrypted file needs it.",
)
@format_option("text", "json", "csv")
@click.pass_obj
def credentials(shell: Shell, /, named: tuple[str, ...], identity: Path | None, format_: str, **where: Any) -> None:
    """Show what credentials files hold: passwords, to be handed over.

    Without FILE, those of all runs: in the files beside the ledger, which an apply makes unless it is told another
    place, or stored beside a remote ledger. A password of which nothing shows that it is true, such as one of a run
    that died, is marked inDoubt: the next apply finds out, withdraws those that were never sent, and sets doubtful
    ones anew. With ID, only those of the agents. A FILE ends in .jsonl or .age, has a slash, or is there; anything
    else is an ID.

    With --format csv a table to hand over, as spreadsheets open it; an apostrophe in front of a text is not part of it.
    Where the desired-state files can be read, the tables have the agents' names.

    Prints the latest that is true of each agent, sorted by operatorId; "-" (in JSON null) is what no run changed. A
    password that the vendor refused gives way to the one before it. Reads plain files and encrypted ones, also one
    that a killed run left unfinished.

    \b
    Examples:
      reconciler credentials
      reconciler credentials 8001 8002 --identity key.txt
      reconciler credentials --format csv > handover.csv
      reconciler credentials .reconciler/vendor.example/credentials-20261122T100000Z.jsonl
      reconciler credentials --ledger git+origin#reconciler/acme --identity key.txt
    """
    from reconciler.credentials.delivered import read_credentials, together
    from reconciler.render.terminal import visible

    files = [Path(word) for word in named if _is_file(word)]
    doubted, of_others = frozenset[str](), frozenset[str]()
    if files:
        name = ", ".join(map(str, files))
        read = {str(file): read_credentials(file, identity) for file in files}
    else:
        name, read, (doubted, of_others) = _of_all_runs(shell, identity, **where)
    for file, content in read.items():
        _warn(shell, file, content)
    latest = together(read.values(), in_order=not files).credentials
    found = {each.operator_id: _own(each, of_others) for each in latest}
    ids = [word for word in named if not _is_file(word)]
    rows = [_row(each) for each in found.values() if not ids or each.operator_id in ids]
    doubted &= {str(row[0]) for row in rows if row[1] is not None}
    _warn_of_doubt(shell, sorted(doubted))
    if format_ == "json":
        shell.document({"credentials": [_document(row, doubted) for row in rows]})
    elif format_ == "csv":
        shell.data(_csv(_marked(_with_names(shell, rows, where["files"]), doubted)))
    elif rows:
        named_rows = _marked(_with_names(shell, rows, where["files"]), doubted)
        shell.data(_table([["-" if cell is None else visible(cell) for cell in row] for row in named_rows]))
    else:
        words = text("{name} holds no credentials", name=name)
        shell.tell(text("{words} of these agents", words=words) if ids else words)
    if missing := [word for word in dict.fromkeys(ids) if word not in found]:
        shell.tell(text("no credentials of {missing}", missing=", ".join(missing)))
        raise click.exceptions.Exit(1)


def _is_file(word: str) -> bool:
    return word.endswith((".jsonl", ".age")) or "/" in word or os.sep in word or Path(word).exists()


def _warn(shell: Shell, name: str, content: Delivered) -> None:
    if content.exposed:
        shell.tell(text("warning: {name} can be read by others on this machine: chmod 600 {name}", name=name))
    if content.torn:
        torn = "warning: {name} has a record that was cut off while being written; left out here"
        if content.torn > 1:
            torn = "warning: {name} has {count} records that were cut off while being written; left out here"
        shell.tell(text(torn, name=name, count=content.torn))


def _warn_of_doubt(shell: Shell, ids: list[str]) -> None:
    if ids:
        named = ", ".join(ids[:_SHOWN]) + (" …" if len(ids) > _SHOWN else "")
        words = (
            "warning: of {count} {count:agent|agents} ({named}) nothing shows that the password is true: see inDoubt"
        )
        shell.tell(text(words, count=len(ids), named=named))
        shell.tell(
            text(
                "apply looks up what a run left open; for who is in doubt after it raise password.version, or where "
                "people have the password: reconciler ledger adopt ID"
            )
        )


def _document(row: tuple[str | None, ...], doubted: frozenset[str]) -> dict[str, str | bool | None]:
    return {**dict(zip(_COLUMNS, row, strict=True)), **({"inDoubt": True} if row[0] in doubted else {})}


def _marked(rows: list[tuple[str | None, ...]], doubted: frozenset[str]) -> list[tuple[str | None, ...]]:
    """The rows below their heads, with a column that marks whose password is in doubt, where any is."""
    if not doubted:
        return rows
    head, *others = rows
    return [(*head, "inDoubt"), *((*row, "yes" if row[0] in doubted else None) for row in others)]


def _own(credential: Credential, of_others: frozenset[str]) -> Credential:
    """The credential, without a password that is another agent's."""
    return replace(credential, password=None) if credential.operator_id in of_others else credential


def _doubted(shell: Shell, store: LedgerStore, journal: Path | None) -> Doubted:
    """Whose last stored password is doubted. Books that cannot be read are told of."""
    try:
        return _doubted_by(store, journal)
    except ReconcilerError as error:
        shell.tell(text("warning: nothing shows which passwords are in doubt: {message}", message=error.message))
        return frozenset(), frozenset()


def _doubted_by(store: LedgerStore, journal: Path | None) -> Doubted:
    """Whose password a run left open, or the ledger doubts.

    Raises:
        ReconcilerError: the books cannot be read.
    """
    from reconciler.core.model.desired import Company
    from reconciler.ledger.books import remote_run
    from reconciler.ledger.journal import last_run
    from reconciler.ledger.ledger import read_ledger

    run = last_run(journal) if journal else remote_run(store)
    intents = [each for each in run.open_intents if each.kind in ("create", "password")] if run else []
    left_open = {id_ for each in intents if each.outcome in (None, "lost") for id_ in each.operator_ids}
    was_set = {id_ for each in intents if each.outcome == "done" for id_ in each.operator_ids}
    entries = read_ledger(store, Company("")).entries.items()
    doubted = left_open | {id_ for id_, entry in entries if entry.password_unknown or entry.in_doubt}
    made_anew = {id_ for id_, entry in entries if entry.recorded == 0}
    return frozenset(doubted), frozenset(made_anew - doubted - was_set)


def _of_all_runs(
    shell: Shell, identity: Path | None, files: tuple[Path, ...], ledger: str | None, **where: Any
) -> tuple[str, dict[str, Delivered], Doubted]:
    """What runs have stored: its place, the content by file, and whose is doubted.

    Tells which files are for other keys.
    """
    from reconciler.cli.inputs import place_of
    from reconciler.credentials.delivered import read_credentials

    place = place_of(files, ledger, **where)
    if place.remote:
        with closing(place.store()) as store:
            return str(ledger), {str(ledger): _kept(shell, identity, store)}, _doubted(shell, store, None)
    read: dict[str, Delivered] = {}
    closed: list[ReconcilerError] = []
    for path in sorted(place.folder.glob("credentials-*.jsonl*")):
        try:
            read[str(path)] = read_credentials(path, identity)
        except ReconcilerError as error:
            if identity is None or path.suffix != _ENCRYPTED:
                raise
            closed.append(error)
            shell.tell(text("warning: {path} is left out: {message}", path=path, message=error.message))
    if closed and not read:
        raise closed[-1]
    with closing(place.store()) as store:
        return str(place.folder), read, _doubted(shell, store, place.journal)


def _kept(shell: Shell, identity: Path | None, store: LedgerStore) -> Delivered:
    """What runs have stored beside the remote ledger."""
    from reconciler.credentials.delivered import read_kept
    from reconciler.ledger.swap_store import CREDENTIALS

    objects = ((name, store.read_beside(name)) for name in store.names(CREDENTIALS))
    delivered, closed = read_kept(((name, data) for name, data in objects if data is not None), identity)
    if closed:
        shell.tell(
            text("warning: {count} {count:run|runs} stored credentials for other keys; left out here", count=closed)
        )
    return delivered


def _row(credential: Credential) -> tuple[str | None, ...]:
    password, sip_password = _revealed(credential.password), _revealed(credential.sip_password)
    return credential.operator_id, password, credential.sip_number, sip_password, credential.at


def _revealed(secret: Secret | None) -> str | None:
    return secret.reveal() if secret else None


def _with_names(
    shell: Shell, rows: list[tuple[str | None, ...]], files: tuple[Path, ...]
) -> list[tuple[str | None, ...]]:
    """The rows below their heads, with the agents' names where the desired-state files can be read."""
    names = _names(shell, files) if rows else {}
    if not names:
        return [_COLUMNS, *rows]
    key, *others = _COLUMNS
    return [(key, "name", *others), *((row[0], names.get(str(row[0])), *row[1:]) for row in rows)]


def _names(shell: Shell, files: tuple[Path, ...]) -> dict[str, str]:
    """The agents' names by operatorId, as the files have them; none where there are no files."""
    from reconciler.files.desired_files import load_desired

    if not any(file.exists() for file in files):
        return {}
    try:
        agents = load_desired(files).agents
    except ReconcilerError as error:
        shell.tell(text("warning: the names are left out: {message}", message=error.message))
        return {}
    return {agent.operator_id: str(agent.fields["name"]) for agent in agents if agent.fields.get("name")}


def _csv(rows: list[tuple[str | None, ...]]) -> str:
    """The rows as CSV with the mark that Excel needs; an apostrophe keeps a spreadsheet from changing a text."""
    import csv
    import io

    from reconciler.core.sheets.csv import to_cell

    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([to_cell(cell) for cell in row] for row in rows)
    return "\ufeff" + stream.getvalue()


def _table(rows: list[list[str]]) -> str:
    from reconciler.core.text import width
    from reconciler.render.terminal import pad

    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(pad(cell, cells) for cell, cells in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"
