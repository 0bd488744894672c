"""`reconciler credentials`: shows the passwords in a credentials file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import format_option, remote_options
from reconciler.cli.shell import Shell

if TYPE_CHECKING:
    from reconciler.core.model.secret import Secret
    from reconciler.credentials.delivery import Credential, Delivered

_COLUMNS = ("operatorId", "password", "sipNumber", "sipPassword", "at")


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@remote_options
@click.option(
    "--identity",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Your age identity file or SSH private key; an encrypted file needs it.",
)
@format_option("text", "json")
@click.pass_obj
def credentials(shell: Shell, /, file: Path | None, identity: Path | None, format_: str, **where: Any) -> None:
    """Show what a credentials file holds: passwords, to be handed over.

    Without FILE, what all runs have stored beside a remote ledger. Of a run that died its passwords are shown as they
    were stored before the first call: whether one is true is known after the next apply, which sets doubtful ones anew.

    Prints the latest that is true of each agent, sorted by operatorId; "-" (in JSON null) is what no run changed. A
    password that the vendor refused gives way to the one before it. Reads plain files and encrypted ones, also one
    that a killed run left unfinished.

    \b
    Examples:
      reconciler credentials .reconciler/credentials-20261122T100000Z.jsonl
      reconciler credentials new-agents.jsonl.age --identity key.txt
      reconciler credentials --ledger git+origin#reconciler/acme --identity key.txt
    """
    from reconciler.credentials.delivery import read_credentials
    from reconciler.render.terminal import visible

    if file is None:
        name, file_contents = visible(where["ledger"] or ""), _kept(shell, identity, **where)
    else:
        name, file_contents = visible(str(file)), read_credentials(file, identity)
    if file_contents.exposed:
        shell.say(f"warning: {name} can be read by others on this machine: chmod 600 {name}")
    if file_contents.torn:
        what = "a record that was" if file_contents.torn == 1 else f"{file_contents.torn} records that were"
        shell.say(f"warning: {name} has {what} cut off while being written; left out here")
    rows = [_row(credential) for credential in file_contents.credentials]
    if format_ == "json":
        shell.document({"credentials": [dict(zip(_COLUMNS, row, strict=True)) for row in rows]})
    elif rows:
        shell.data(_table([_COLUMNS, *(tuple("-" if cell is None else visible(cell) for cell in row) for row in rows)]))
    else:
        shell.say(f"{name} holds no credentials")


def _kept(
    shell: Shell, identity: Path | None, ledger: str | None, ca_file: Path | None, proxy: str | None
) -> Delivered:
    """What runs have stored beside the remote ledger."""
    from reconciler.core.text import counted
    from reconciler.credentials.delivery import read_kept
    from reconciler.files.private import FOLDER
    from reconciler.ledger.place import BooksPlace
    from reconciler.ledger.swap_store import CREDENTIALS
    from reconciler.settings import network

    place = BooksPlace(Path(FOLDER), ledger or "", network=network(ca_file, proxy))
    if not place.remote:
        raise click.UsageError("No credentials are named: name a FILE, or a remote ledger with --ledger.")
    with closing(place.store()) as store:
        objects = ((name, store.read_beside(name)) for name in store.names(CREDENTIALS))
        delivered, closed = read_kept(((name, data) for name, data in objects if data is not None), identity)
    if closed:
        shell.say(f"warning: {counted(closed, 'run')} stored credentials for other keys; left out here")
    return delivered


def _row(credential: Credential) -> tuple[str | None, ...]:
    password, sip_password = _revealed(credential.password), _revealed(credential.sip_password)
    return credential.operator_id, password, credential.sip_number, sip_password, credential.at


def _revealed(secret: Secret | None) -> str | None:
    return secret.reveal() if secret else None


def _table(rows: list[tuple[str, ...]]) -> str:
    from reconciler.core.text import width
    from reconciler.render.terminal import pad

    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(pad(cell, cells) for cell, cells in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"
