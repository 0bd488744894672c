"""What `export`, `init` and `import` share: options for reaching the vendor, reading and checking live agents."""

from __future__ import annotations

import os
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.options import CONNECTION, LEDGER, F
from reconciler.cli.shell import Shell
from reconciler.core.model.message import listed, text
from reconciler.errors import ReconcilerError, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.core.export.files import Exported
    from reconciler.core.model.desired import Company
    from reconciler.core.model.live import LiveState
    from reconciler.core.model.plan import Note

_IDS_IN_A_WARNING: Final = 5
"""How many agents a warning names."""
_LARGEST_ID: Final = 2**53 - 1
"""The largest integer that every JSON reader takes exactly."""


def vendor_options(command: F) -> F:
    """The options for reaching the vendor, without `--ledger`: an export needs none."""
    options: list[Callable[[F], F]] = [option for option in CONNECTION if option is not LEDGER]
    return reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


_IMPATIENT: Final = 5.0
"""Seconds for an answer that a command can do without."""


def schema_beside(file: Path | None) -> str:
    """The path of the schema from a file that is to be written: where it is; from stdout where `init` puts it.

    Empty where there is none: a line that leads nowhere gives an editor an error and no help.
    """
    schema = Path("schemas/agents.schema.json")
    if file is None:
        return (".." / schema).as_posix()
    found = [near for near in (schema, ".." / schema) if (file.parent / near).is_file()]
    return found[0].as_posix() if found else ""


COMPANY_ID: Final = click.option(
    "--company-id", type=click.IntRange(0, _LARGEST_ID), metavar="N", help="The company's id, with --company."
)


def company_named(abbreviate: str, company_id: int | None) -> Company:
    """The company that the command line names.

    Raises:
        WrongUsage: the name is empty, or no YAML file can hold it.
    """
    from reconciler.core.model.desired import Company
    from reconciler.core.yaml.spelling import writable

    if not abbreviate or not writable(abbreviate):
        raise WrongUsage(
            "no-company", text("--company names nobody"), text("pass the company's abbreviation: --company acme")
        )
    return Company(abbreviate, company_id)


def read_live(shell: Shell, company: Company, options: dict[str, Any], *, patient: bool = True) -> LiveState:
    """The live agents, read with the values of `vendor_options`. Unless `patient`, repetitions follow at once.

    Raises:
        VendorError: the vendor cannot be reached or refuses.
        WrongUsage: a setting is unusable.
    """
    from reconciler.cli.progress import Progress
    from reconciler.core.planning.make_plan import live_state
    from reconciler.settings import connection, network
    from reconciler.vendor.http import connected
    from reconciler.vendor.reader import Reader

    settings = connection(
        options["endpoint"],
        os.environ.get("RECONCILER_TOKEN"),
        options["token_file"],
        parallelism=options["parallelism"],
        rate=options["rate"],
        timeout=options["timeout"] if patient else min(options["timeout"], _IMPATIENT),
        network=network(options["ca_file"], options["proxy"]),
    )
    with connected(settings) as transport, Progress(shell, text("reading"), text("live agents")) as progress:
        if not patient:
            transport.sleep = lambda _: None
        return live_state(Reader(transport, company).listing(progress.update), endpoint=settings.endpoint)


def check_export(exported: Exported, live: LiveState) -> None:
    """Read the export back before it is written, and plan it against the live agents.

    Raises:
        ReconcilerError: the export has problems, or its plan is not empty.
    """
    from reconciler.core.desired.read import read_files
    from reconciler.core.model.desired import Policy
    from reconciler.core.planning.make_plan import make_plan

    desired, problems = read_files([(name, text.encode()) for name, text in exported.files.items()])
    if desired is None or make_plan(desired, live, {}, Policy()).actions:
        what = problems[0].message if problems else text("its plan is not empty")
        raise ReconcilerError(
            "not-the-same",
            text("the export is not what is live: {what}", what=what),
            text("nothing was written; please report it"),
        )


def warn_unexported(shell: Shell, notes: Iterable[Note]) -> None:
    """Warn of each value that could not be exported."""
    for note in notes:
        ids = listed(note.operator_ids, _IDS_IN_A_WARNING)
        shell.tell(text("warning: {message} ({ids})", message=note.message, ids=ids))
