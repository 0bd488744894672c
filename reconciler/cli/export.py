"""`reconciler export`."""

from __future__ import annotations

import os
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from reconciler.cli.options import _CONNECTION, FILES, LEDGER, F
from reconciler.cli.shell import Shell
from reconciler.collector import paused
from reconciler.errors import ReconcilerError, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.core.actions import Note
    from reconciler.core.export import Exported
    from reconciler.core.model import Company
    from reconciler.core.state import LiveState

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


@click.command()
@click.option("--company", metavar="ABBREVIATE", help="Whose agents; without it, the company of the file.")
@COMPANY_ID
@FILES
@vendor_options
@click.option("--format", "format_", type=click.Choice(["yaml", "csv"]), default="yaml", show_default=True)
@click.option("--headings", type=click.Choice(["wire", "zh"]), default="wire", show_default=True, help="Of the CSV.")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="PATH", help="Write there, not to stdout: a file or a folder."
)
@click.option(
    "--split-by",
    is_flag=False,
    flag_value="mainGroupName",
    metavar="FIELD",
    help="Make a folder, with a file for each value of the field. Alone: by mainGroupName.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="EXISTING",
    help="Bring a file up to date in place; comments and order are kept.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.pass_context
@paused()
def export(context: click.Context, /, **given: Any) -> None:
    """Write the live agents as a desired-state file: its plan is empty. Nothing is changed at the vendor.

    What most agents share becomes defaults and profiles. Values that no file can say are left unmanaged and told on
    stderr. Passwords and roles are never listed, and so not exported.

    \b
    Examples:
      reconciler export --company acme --output agents.yaml
      reconciler export --company acme --split-by mainGroupName --output agents/
      reconciler export --into agents.yaml
      reconciler export --format csv --headings zh --output agents.csv
    """
    shell = context.find_object(Shell) or Shell()
    _check(**given)
    company = _company(given, named=context.get_parameter_source("files") is not ParameterSource.DEFAULT)
    if given["into"] is not None:
        _update(shell, given["into"], listed(shell, company, given))
    elif given["format_"] == "csv":
        _csv(shell, company, given)
    else:
        _yaml(shell, company, given)


def _check(**given: Any) -> None:
    """What cannot be meant; raises `UsageError`."""
    from reconciler.core.export import SPLITTABLE

    by, into, csv = given["split_by"], given["into"], given["format_"] == "csv"
    if by is not None and by not in SPLITTABLE:
        raise click.UsageError(f"--split-by takes one of {', '.join(SPLITTABLE)}.")
    if by is not None and given["output"] is None:
        raise click.UsageError("--split-by needs --output FOLDER.")
    if by is not None and csv:
        raise click.UsageError("--split-by makes no CSV.")
    if into is not None and (by is not None or csv or given["output"] is not None):
        raise click.UsageError("--into stands alone: no --output, --split-by or --format csv.")
    if given["headings"] != "wire" and not csv:
        raise click.UsageError("--headings needs --format csv.")
    if given["company_id"] is not None and given["company"] is None:
        raise click.UsageError("--company-id needs --company.")


def _company(given: dict[str, Any], *, named: bool) -> Company:
    """Whose agents: as the command line says, or the files that it names, or the default file where there is one."""
    from reconciler.files import load_desired

    if given["company"] is not None:
        return company_named(given["company"], given["company_id"])
    files: tuple[Path, ...] = given["files"]
    if given["into"] is not None and not named:
        files = (given["into"],)
    elif not named and not files[0].exists():
        raise WrongUsage("whose agents?", "pass --company ABBREVIATE, or -f FILE with a company in it")
    return load_desired(files).company


def company_named(abbreviate: str, company_id: int | None) -> Company:
    """The company that the command line names; raises `WrongUsage` for a name that no file can say."""
    from reconciler.core.model import Company
    from reconciler.core.spelling import writable

    if not abbreviate or not writable(abbreviate):
        raise WrongUsage("--company names nobody", "pass the company's abbreviation: --company acme")
    return Company(abbreviate, company_id)


def listed(shell: Shell, company: Company, given: dict[str, Any]) -> LiveState:
    """The live agents, as `vendor_options` say how to reach them; raises `VendorError`, `WrongUsage`."""
    from reconciler.cli.progress import Progress
    from reconciler.client import Reader, connected
    from reconciler.core.pipeline import live_state
    from reconciler.settings import connection

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


def _yaml(shell: Shell, company: Company, given: dict[str, Any]) -> None:
    from reconciler.core.export import COMPANY_FILE, FILE, export, split
    from reconciler.worktree import refuse_existing, write_file, write_folder

    output: Path | None = given["output"]
    if output is not None and given["split_by"] is None:
        refuse_existing(output, replace=given["force"])  # before the vendor is asked
    live = listed(shell, company, given)
    exported = split(live, company, given["split_by"]) if given["split_by"] else export(live, company)
    prove(exported, live)
    warn(shell, exported.warnings)
    if output is None:
        shell.data(exported.files[FILE])
    elif given["split_by"]:
        # The company comes last: a folder without it cannot be applied, so none that is cut short can.
        names = sorted(exported.files, key=lambda name: name == COMPANY_FILE)
        files = {name: exported.files[name].encode() for name in names}
        write_folder(output, files, replace=given["force"])
        _wrote(shell, output, live, f" in {len(files)} files")
    else:
        write_file(output, exported.files[FILE].encode(), replace=given["force"])
        _wrote(shell, output, live)


def prove(exported: Exported, live: LiveState) -> None:
    """Read back what is about to be written; raises unless its plan is empty."""
    from reconciler.core.desired import read_files
    from reconciler.core.model import Policy
    from reconciler.core.pipeline import make_plan

    desired, problems = read_files([(name, text.encode()) for name, text in exported.files.items()])
    if desired is None or make_plan(desired, live, {}, Policy()).actions:
        what = problems[0].message if problems else "its plan is not empty"
        raise ReconcilerError(f"the export is not what is live: {what}", "nothing was written; please report it")


def _csv(shell: Shell, company: Company, given: dict[str, Any]) -> None:
    from reconciler.core.table import to_csv
    from reconciler.worktree import refuse_existing, write_file

    output: Path | None = given["output"]
    if output is not None:
        refuse_existing(output, replace=given["force"])
    live = listed(shell, company, given)
    table = to_csv(live, chinese=given["headings"] == "zh")
    warn(shell, table.warnings)
    if output is None:
        shell.data(table.text)
    else:
        write_file(output, table.text.encode(), replace=given["force"])
        _wrote(shell, output, live)


def _update(shell: Shell, file: Path, live: LiveState) -> None:
    from reconciler.core.model import MAX_BYTES
    from reconciler.edit import merge_live
    from reconciler.render.terminal import visible
    from reconciler.storage import read_regular
    from reconciler.worktree import write_file

    try:
        data, _ = read_regular(file, MAX_BYTES)
    except OSError as error:
        raise ReconcilerError(f"{file} cannot be read: {error.strerror}") from None
    merged = merge_live(str(file), data, live)
    if merged == data:
        shell.say(visible(f"{file} says what is live; it is left as it is"))
        return
    write_file(file, merged, replace=True)
    _wrote(shell, file, live)


def warn(shell: Shell, notes: Iterable[Note]) -> None:
    """Say what could not be exported."""
    from reconciler.render.terminal import visible

    for note in notes:
        ids = note.operator_ids
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        shell.say(visible(f"warning: {note.message} ({', '.join(ids[:_NAMED])}{more})"))


def _wrote(shell: Shell, path: Path, live: LiveState, how: str = "") -> None:
    from reconciler.render.terminal import visible

    count = len(live.agents)
    shell.say(visible(f"wrote {path}: {count:,} agent{'' if count == 1 else 's'}{how}"))
