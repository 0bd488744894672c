"""What commands share about live agents: how they are reached, read, proved and warned about."""

from __future__ import annotations

import os
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.options import _CONNECTION, LEDGER, F
from reconciler.cli.shell import Shell
from reconciler.errors import ReconcilerError, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.core.export.files import Exported
    from reconciler.core.model.desired import Company
    from reconciler.core.model.live import LiveState
    from reconciler.core.model.plan import Note


_NAMED: Final = 5
"""Agents that a warning names."""


_LARGEST_ID: Final = 2**53 - 1


def vendor_options(command: F) -> F:
    """How to reach the vendor; an export needs no ledger."""
    options: list[Callable[[F], F]] = [option for option in _CONNECTION if option is not LEDGER]
    return reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


COMPANY_ID: Final = click.option(
    "--company-id", type=click.IntRange(0, _LARGEST_ID), metavar="N", help="The company's id, with --company."
)


def company_named(abbreviate: str, company_id: int | None) -> Company:
    """The company that the command line names; raises `WrongUsage` for a name that no file can say."""
    from reconciler.core.model.desired import Company
    from reconciler.core.yaml.spelling import writable

    if not abbreviate or not writable(abbreviate):
        raise WrongUsage("--company names nobody", "pass the company's abbreviation: --company acme")
    return Company(abbreviate, company_id)


def listed(shell: Shell, company: Company, given: dict[str, Any]) -> LiveState:
    """The live agents, as `vendor_options` say how to reach them; raises `VendorError`, `WrongUsage`."""
    from reconciler.cli.progress import Progress
    from reconciler.core.planning.make_plan import live_state
    from reconciler.settings import connection
    from reconciler.vendor.http import Reader, connected

    settings = connection(
        given["endpoint"],
        os.environ.get("RECONCILER_TOKEN"),
        given["token_file"],
        parallelism=given["parallelism"],
        rate=given["rate"],
        timeout=given["timeout"],
    )
    with connected(settings) as transport, Progress(shell, "reading live agents") as progress:
        return live_state(Reader(transport, company).listing(progress.update), endpoint=settings.endpoint)


def prove(exported: Exported, live: LiveState) -> None:
    """Read back what is about to be written; raises unless its plan is empty."""
    from reconciler.core.desired.read import read_files
    from reconciler.core.model.desired import Policy
    from reconciler.core.planning.make_plan import make_plan

    desired, problems = read_files([(name, text.encode()) for name, text in exported.files.items()])
    if desired is None or make_plan(desired, live, {}, Policy()).actions:
        what = problems[0].message if problems else "its plan is not empty"
        raise ReconcilerError(f"the export is not what is live: {what}", "nothing was written; please report it")


def warn(shell: Shell, notes: Iterable[Note]) -> None:
    """Say what could not be exported."""
    from reconciler.render.terminal import visible

    for note in notes:
        ids = note.operator_ids
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        shell.say(visible(f"warning: {note.message} ({', '.join(ids[:_NAMED])}{more})"))
