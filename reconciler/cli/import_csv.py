"""`reconciler import-csv`: turns a spreadsheet into a desired-state file, or merges it into one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.live import COMPANY_ID
from reconciler.cli.shell import Shell
from reconciler.errors import ReconcilerError, WrongUsage
from reconciler.files.collector import collector_paused

if TYPE_CHECKING:
    from reconciler.core.model.desired import DesiredState
    from reconciler.core.model.problem import Problem
    from reconciler.core.sheets.sheet import Sheet

_ABOUT: Final = (
    "# The agents of a spreadsheet. Written by `reconciler import-csv`; now it is yours to edit.\n"
    "# 由表格导入的坐席；此后请直接编辑此文件。\n"
)
_EACH: Final = 5
"""How many problems of one column are shown."""


def _mapping(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Fields by heading, from `HEADING=FIELD`; an empty field leaves the column out."""
    from reconciler.core.model.words import fold_heading

    fields: dict[str, str] = {}
    for text in texts:
        heading, sign, name = text.rpartition("=")
        if not sign or not fold_heading(heading):
            raise click.BadParameter("it takes HEADING=FIELD, or HEADING= to leave a column out.", context, parameter)
        if fold_heading(heading) in map(fold_heading, fields):
            raise click.BadParameter(f"{heading!r} is mapped twice.", context, parameter)
        fields[heading] = _field(name.strip(), context, parameter)
    return fields


def _field(name: str, context: click.Context, parameter: click.Parameter) -> str:
    from reconciler.core.sheets.cells import closest_field, field_for_heading, is_password_heading

    if not name:
        return name
    if is_password_heading(name):
        raise click.BadParameter("no column is read as a password: one never goes into the file.", context, parameter)
    field = field_for_heading(name)
    if not field:
        guess = closest_field(name)
        hint = f"Did you mean {guess}?" if guess else "`reconciler explain` names them all."
        raise click.BadParameter(f"there is no field {name!r}. {hint}", context, parameter)
    return field


_PATH: Final = click.Path(path_type=Path)


@click.command("import-csv")
@click.argument("sheet", type=_PATH, metavar="SHEET.csv")
@click.option("--output", type=_PATH, metavar="FILE", help="Write a new file, not to stdout.")
@click.option("--into", type=_PATH, metavar="EXISTING", help="Bring a file up to date; comments and order are kept.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="HEADING=FIELD",
    callback=_mapping,
    help="What a column is; without FIELD it is left out. Repeatable.",
)
@click.option("--company", metavar="ABBREVIATE", help="Whose agents they are, for a new file.")
@COMPANY_ID
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_obj
@collector_paused()
def import_csv(shell: Shell, /, **options: Any) -> None:
    """Turn a spreadsheet, saved as CSV, into agents of a desired-state file. No network.

    Headings may be the fields' names or Chinese (工号, 姓名, 技能组, …); encoding and delimiter are found out. A blank
    cell leaves the field alone. Everything that is not understood is told at once, and then nothing is written. Nobody
    is removed: a new file says `prune: false`, and with --into whom the sheet does not name stays.

    \b
    Examples:
      reconciler import-csv 坐席.csv --company acme --output agents.yaml
      reconciler import-csv 坐席.csv --map '备注=' --map '片区=mainGroupName' --into agents.yaml
    """
    from reconciler.core.sheets.sheet import read_sheet
    from reconciler.files.spreadsheet import read_text
    from reconciler.files.worktree import refuse_existing

    _check(**options)
    path: Path = options["sheet"]
    if options["output"] is not None:
        refuse_existing(options["output"], replace=options["force"])
    sheet = read_sheet(str(path), read_text(path), options["mapping"])
    if sheet.problems:
        _refuse(shell, sheet.problems)
    if not sheet.agents:
        raise ReconcilerError(f"{path} names no agent", "nothing was written")
    if options["into"] is None:
        _new_file(shell, sheet, options)
    else:
        _update(shell, sheet, options["into"])
    _say_passed_over(shell, sheet.passed_over)


def _check(**options: Any) -> None:
    """Raise `UsageError` when the options contradict one another, `WrongUsage` when no company is named."""
    others = ("output", "company", "company_id", "force")
    if options["into"] is not None and any(options[name] not in (None, False) for name in others):
        raise click.UsageError("--into stands alone: no --output, --company or --force.")
    if options["into"] is None and options["company"] is None:
        raise WrongUsage(
            "whose agents?", "pass --company ABBREVIATE for a new file, or --into FILE for one that is there"
        )


def _refuse(shell: Shell, problems: Iterable[Problem]) -> None:
    """Show the first few problems of each column, and raise `ReconcilerError`."""
    from reconciler.render import text

    total: Counter[int] = Counter()
    shown = []
    for problem in problems:
        column = problem.place.column if problem.path else 0
        total[column] += 1
        shown += [problem] if total[column] <= _EACH else []
    listing = text.problems(shown, color=shell.watched)
    count = total.total()
    more = f"… and {count - len(shown):,} more of the same columns\n" if count > len(shown) else ""
    shell.say(listing + more)
    raise ReconcilerError(f"{count:,} problem{'s' * (count != 1)} in the spreadsheet", "nothing was written")


def _new_file(shell: Shell, sheet: Sheet, options: dict[str, Any]) -> None:
    from reconciler.cli.live import company_named
    from reconciler.core.export.files import KEEPS_ALL, FileHeader, agents_file
    from reconciler.files.worktree import write_file

    if sheet.lookalikes:
        _refuse(shell, sheet.lookalikes)
    output: Path | None = options["output"]
    company = company_named(options["company"], options["company_id"])
    schema = Path("schemas/agents.schema.json")
    schema_beside = output is not None and (output.parent / schema).is_file()
    text = agents_file(
        sheet.agents, company, FileHeader(str(schema if schema_beside else ".." / schema), _ABOUT, KEEPS_ALL)
    )
    _check_result(None, _state(str(output or "-"), text.encode()), sheet)
    if output is None:
        shell.data(text)
        return
    write_file(output, text.encode(), replace=options["force"])
    count = len(sheet.agents)
    _say(shell, f"wrote {output}: {count:,} agent{'s' * (count != 1)}")


def _update(shell: Shell, sheet: Sheet, file: Path) -> None:
    from reconciler.core.desired.read import desired_state
    from reconciler.edit import merge_sheet
    from reconciler.files.desired_files import parsed_file
    from reconciler.files.worktree import write_file

    merged = merge_sheet(parsed_file(file), sheet.agents)
    before, after = desired_state(merged.before), desired_state(merged.after)
    _check_result(before, after, sheet)
    if merged.after is merged.before:
        _say(shell, f"{file} says what the sheet says; it is left as it is")
        return
    write_file(file, merged.data, replace=True)
    _say(shell, f"wrote {file}: {_counted(before, after)}")


def _state(file: str, data: bytes) -> DesiredState:
    """The desired state of a file; raises `InvalidFiles`."""
    from reconciler.core.desired.read import read_desired
    from reconciler.errors import InvalidFiles

    state, problems = read_desired(file, data)
    if state is None:
        raise InvalidFiles(problems)
    return state


def _check_result(before: DesiredState | None, after: DesiredState, sheet: Sheet) -> None:
    """Raise unless the sheet's cells are in the file, and all other agents and fields are as before."""
    agents_before = {agent.operator_id: agent for agent in before.agents} if before else {}
    agents = {agent.operator_id: agent for agent in after.agents}
    as_expected = agents.keys() == agents_before.keys() | sheet.agents.keys()
    for operator_id, agent in agents.items():
        cells = sheet.agents.get(operator_id, {})
        old_agent = agents_before.get(operator_id)
        kept = {**old_agent.fields, **cells} if old_agent else {**agent.fields, **cells}
        same_password = old_agent is None or old_agent.password == agent.password
        as_expected = as_expected and dict(agent.fields) == kept and same_password
    if not as_expected:
        raise ReconcilerError("the file would not be what the sheet says", "nothing was written; please report it")


def _counted(before: DesiredState, after: DesiredState) -> str:
    fields_before = {agent.operator_id: agent.fields for agent in before.agents}
    new = sum(agent.operator_id not in fields_before for agent in after.agents)
    changed = sum(fields_before.get(agent.operator_id, agent.fields) != agent.fields for agent in after.agents)
    return f"{new:,} new, {changed:,} changed, {len(fields_before) - changed:,} unchanged"


def _say_passed_over(shell: Shell, notes: Iterable[str]) -> None:
    for note in notes:
        _say(shell, f"passed over: {note}")


def _say(shell: Shell, text: str) -> None:
    from reconciler.render.terminal import visible

    shell.say(visible(text))
