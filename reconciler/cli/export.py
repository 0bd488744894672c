"""`reconciler export`: writes the live agents as desired-state files or CSV, or into an existing file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from reconciler.cli.live import (
    COMPANY_ID,
    check_export,
    company_named,
    read_live,
    schema_beside,
    vendor_options,
    warn_unexported,
)
from reconciler.cli.options import FILES, OPERATOR_ID
from reconciler.cli.shell import Shell
from reconciler.cli.usage import Misused
from reconciler.core.model.message import text
from reconciler.errors import WrongUsage
from reconciler.files.collector import collector_paused

if TYPE_CHECKING:
    from reconciler.core.desired.read import ParsedFiles
    from reconciler.core.model.desired import Company, DesiredState
    from reconciler.core.model.live import LiveState
    from reconciler.edit import Choice


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
@click.option(
    "--target",
    "targets",
    type=OPERATOR_ID,
    metavar="ID",
    multiple=True,
    help="With --into: only these agents; patterns, repeatable.",
)
@click.option(
    "--only-drift",
    is_flag=True,
    help="With --into: only what was changed on the live side, as plan --since tells it from changes of the file.",
)
@click.option("--since", metavar="GITREF", help="With --only-drift: the files as they were applied.  [default: HEAD]")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.pass_context
@collector_paused()
def export(context: click.Context, /, **options: Any) -> None:
    """Write the live agents as a desired-state file: its plan is empty. Nothing is changed at the vendor.

    What most agents share becomes defaults and profiles. Values that no file can say are left unmanaged and told on
    stderr. Passwords and roles are never listed, and so not exported.

    \b
    Examples:
      reconciler export --company acme --output agents.yaml
      reconciler export --company acme --split-by mainGroupName --output agents/
      reconciler export --into agents.yaml
      reconciler export --into agents.yaml --target 8001 --target '81*'
      reconciler export --into agents.yaml --only-drift
      reconciler export --format csv --headings zh --output agents.csv
    """
    shell = context.find_object(Shell) or Shell()
    _check(**options)
    files_named = context.get_parameter_source("files") is not ParameterSource.DEFAULT
    if options["into"] is not None:
        _update(shell, options, files_named=files_named)
        return
    company = _company(options, files_named=files_named)
    if options["format_"] == "csv":
        _csv(shell, company, options)
    else:
        _yaml(shell, company, options)


def _check(**options: Any) -> None:
    """Raise `Misused` when the options contradict one another."""
    from reconciler.core.export.files import SPLITTABLE

    field, into, csv = options["split_by"], options["into"], options["format_"] == "csv"
    if field is not None and field not in SPLITTABLE:
        raise Misused("bad-value", text("--split-by takes one of {splittable}.", splittable=", ".join(SPLITTABLE)))
    if field is not None and options["output"] is None:
        raise Misused("clashing-options", text("--split-by needs --output FOLDER."))
    if field is not None and csv:
        raise Misused("clashing-options", text("--split-by makes no CSV."))
    if into is not None and (field is not None or csv or options["output"] is not None):
        raise Misused("clashing-options", text("--into stands alone: no --output, --split-by or --format csv."))
    if into is None and (options["targets"] or options["only_drift"]):
        raise Misused("clashing-options", text("--target and --only-drift need --into FILE."))
    if options["since"] is not None and not options["only_drift"]:
        raise Misused("clashing-options", text("--since needs --only-drift."))
    if options["headings"] != "wire" and not csv:
        raise Misused("clashing-options", text("--headings needs --format csv."))
    if options["company_id"] is not None and options["company"] is None:
        raise Misused("clashing-options", text("--company-id needs --company."))


def _company(options: dict[str, Any], *, files_named: bool) -> Company:
    """The company of the command line, or of the files that it names, or of the default file where there is one."""
    from reconciler.files.desired_files import load_desired

    if options["company"] is not None:
        return company_named(options["company"], options["company_id"])
    files: tuple[Path, ...] = options["files"]
    if not files_named and not files[0].exists():
        raise WrongUsage(
            "no-company", text("whose agents?"), text("pass --company ABBREVIATE, or -f FILE with a company in it")
        )
    return load_desired(files).company


def _yaml(shell: Shell, company: Company, options: dict[str, Any]) -> None:
    from reconciler.core.export.files import COMPANY_FILE, EXPORT_HEADER, FILE, export, split_by_field
    from reconciler.files.worktree import refuse_existing, write_file, write_folder

    output: Path | None = options["output"]
    if output is not None and options["split_by"] is None:
        refuse_existing(output, replace=options["force"])  # before the vendor is asked
    live = read_live(shell, company, options)
    if options["split_by"]:
        header = replace(EXPORT_HEADER, schema=schema_beside(output / COMPANY_FILE if output else None))
        exported = split_by_field(live, company, options["split_by"], header)
    else:
        exported = export(live, company, replace(EXPORT_HEADER, schema=schema_beside(output)))
    check_export(exported, live)
    warn_unexported(shell, exported.warnings)
    if output is None:
        shell.data(exported.files[FILE])
    elif options["split_by"]:
        # The company's file is written last. A folder without it cannot be applied, and so neither can one whose
        # writing was cut short.
        names = sorted(exported.files, key=lambda name: name == COMPANY_FILE)
        files = {name: exported.files[name].encode() for name in names}
        write_folder(output, files, replace=options["force"])
        _wrote(shell, output, len(live.agents), len(files))
    else:
        write_file(output, exported.files[FILE].encode(), replace=options["force"])
        _wrote(shell, output, len(live.agents))


def _csv(shell: Shell, company: Company, options: dict[str, Any]) -> None:
    from reconciler.core.sheets.csv import to_csv
    from reconciler.files.outputs import check_outputs
    from reconciler.files.worktree import refuse_existing, write_file

    output: Path | None = options["output"]
    check_outputs((output,), options["files"])
    if output is not None:
        refuse_existing(output, replace=options["force"])
    live = read_live(shell, company, options)
    table = to_csv(live, chinese=options["headings"] == "zh")
    warn_unexported(shell, table.warnings)
    if output is None:
        shell.data(table.text)
    else:
        write_file(output, table.text.encode(), replace=options["force"])
        _wrote(shell, output, len(live.agents))


def _update(shell: Shell, options: dict[str, Any], *, files_named: bool) -> None:
    from reconciler.core.desired.read import desired_state, state_without_agents
    from reconciler.core.export.files import unprotected
    from reconciler.edit import merge_live, only_chosen
    from reconciler.files.desired_files import load_desired, parsed_file
    from reconciler.files.worktree import write_file

    file: Path = options["into"]
    before = parsed_file(file)
    files = options["files"] if files_named else (file,)
    desired = cache(lambda: load_desired(files) if files_named else desired_state(before))
    if options["company"] is not None:
        company = company_named(options["company"], options["company_id"])
    else:
        company = desired().company if files_named else state_without_agents(before).company
    live = read_live(shell, company, options)
    choice = _choice(options, files, desired, before, live)
    if choice is not None:
        live = only_chosen(before, live, choice)
    merged = merge_live(before, live)
    warn_unexported(shell, unprotected(desired_state(merged.after), live))
    if merged.data == before.documents[0].data:
        words = "{file} says what is live; it is left as it is"
        if choice is not None:
            words = "{file} has nothing to take; it is left as it is"
        shell.tell(text(words, file=file))
        return
    write_file(file, merged.data, replace=True)
    _wrote(shell, file, len(live.agents if choice is None else choice))


def _choice(
    options: dict[str, Any],
    files: tuple[Path, ...],
    wanted: Callable[[], DesiredState],
    before: ParsedFiles,
    live: LiveState,
) -> Choice | None:
    """What of the live side is to be taken; `None` for all of it. `wanted` gives what the files ask for.

    Raises:
        WrongUsage: nobody has an id that was named.
        ReconcilerError: the files cannot be read, now or as they were.
    """
    from reconciler.core.model.desired import Policy, matches
    from reconciler.core.planning.doubts import unknown_ids
    from reconciler.core.planning.make_plan import make_plan
    from reconciler.core.planning.origin import with_origins
    from reconciler.edit import drift_of
    from reconciler.files.git_revision import desired_at
    from reconciler.render.spelling import unknown_told

    targets, chosen = options["targets"], Policy(targets=options["targets"])
    if not targets and not options["only_drift"]:
        return None
    desired = wanted()
    if missing := unknown_ids(chosen, desired, live):
        ids, hint = unknown_told(missing)
        raise WrongUsage("unknown-agent", text("nobody is called {ids}", ids=ids), hint or text("check --target"))
    choice: Choice = dict.fromkeys((*live.agents, *(agent.operator_id for agent in before.agents)))
    if options["only_drift"]:
        then = desired_at(files, options["since"] or "HEAD")
        choice = drift_of(with_origins(*(make_plan(each, live, {}, Policy()) for each in (desired, then))))
    return {id_: fields for id_, fields in choice.items() if not targets or matches(targets, id_)}


def _wrote(shell: Shell, path: Path, count: int, files: int = 0) -> None:
    words = text("wrote {path}: {count:,} {count:agent|agents}", path=path, count=count)
    shell.tell(text("{words} in {files} {files:file|files}", words=words, files=files) if files else words)
