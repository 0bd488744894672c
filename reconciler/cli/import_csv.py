"""`reconciler import-csv`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.live import COMPANY_ID
from reconciler.cli.shell import Shell
from reconciler.errors import ReconcilerError, WrongUsage

if TYPE_CHECKING:
    from reconciler.core.model.desired import DesiredState
    from reconciler.core.model.problem import Problem
    from reconciler.core.sheets.sheet import Sheet

_ABOUT: Final = (
    "# The agents of a spreadsheet. Written by `reconciler import-csv`; now it is yours to edit.\n"
    "# 由表格导入的坐席；此后请直接编辑此文件。\n"
)
_EACH: Final = 5
"""Problems of one column that are shown."""


def _mapping(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`HEADING=FIELD` as given, to fields by heading; with nothing behind the sign the column is left out."""
    from reconciler.core.sheets.cells import fold_heading

    found: dict[str, str] = {}
    for each in given:
        heading, sign, name = each.rpartition("=")
        if not sign or not fold_heading(heading):
            raise click.BadParameter("it takes HEADING=FIELD, or HEADING= to leave a column out.", context, parameter)
        if fold_heading(heading) in map(fold_heading, found):
            raise click.BadParameter(f"{heading!r} is mapped twice.", context, parameter)
        found[heading] = _field(name.strip(), context, parameter)
    return found


def _field(name: str, context: click.Context, parameter: click.Parameter) -> str:
    from reconciler.core.sheets.cells import closest_field, field_for_heading, is_password_heading

    if not name:
        return name
    if is_password_heading(name):
        raise click.BadParameter("no column is read as a password: one never goes into the file.", context, parameter)
    known = field_for_heading(name)
    if not known:
        guess = closest_field(name)
        hint = f"Did you mean {guess}?" if guess else "`reconciler explain` names them all."
        raise click.BadParameter(f"there is no field {name!r}. {hint}", context, parameter)
    return known


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
def import_csv(shell: Shell, /, **given: Any) -> None:
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

    _check(**given)
    sheet: Path = given["sheet"]
    if given["output"] is not None:
        refuse_existing(given["output"], replace=given["force"])
    found = read_sheet(str(sheet), read_text(sheet), given["mapping"])
    if found.problems:
        _tell(shell, found.problems)
    if not found.agents:
        raise ReconcilerError(f"{sheet} names no agent", "nothing was written")
    if given["into"] is None:
        _new_file(shell, found, given)
    else:
        _update(shell, found, given["into"])
    _passed_over(shell, found.passed_over)


def _check(**given: Any) -> None:
    """What cannot be meant; raises `UsageError`, `WrongUsage`."""
    others = ("output", "company", "company_id", "force")
    if given["into"] is not None and any(given[name] not in (None, False) for name in others):
        raise click.UsageError("--into stands alone: no --output, --company or --force.")
    if given["into"] is None and given["company"] is None:
        raise WrongUsage(
            "whose agents?", "pass --company ABBREVIATE for a new file, or --into FILE for one that is there"
        )


def _tell(shell: Shell, problems: Iterable[Problem]) -> None:
    """Show the problems, the first few of each column, and raise."""
    from reconciler.render import text

    total: Counter[int] = Counter()
    shown = []
    for problem in problems:
        column = problem.place.column if problem.path else 0
        total[column] += 1
        shown += [problem] if total[column] <= _EACH else []
    told = text.problems(shown, color=shell.talks)
    count = total.total()
    more = f"… and {count - len(shown):,} more of the same columns\n" if count > len(shown) else ""
    shell.say(told + more)
    raise ReconcilerError(f"{count:,} problem{'s' * (count != 1)} in the spreadsheet", "nothing was written")


def _new_file(shell: Shell, found: Sheet, given: dict[str, Any]) -> None:
    from reconciler.cli.live import company_named
    from reconciler.core.export.files import KEEPS_ALL, FileHeader, agents_file
    from reconciler.files.worktree import write_file

    output: Path | None = given["output"]
    company = company_named(given["company"], given["company_id"])
    schema = Path("schemas/agents.schema.json")
    beside = output is not None and (output.parent / schema).is_file()
    written = agents_file(
        found.agents, company, FileHeader(str(schema if beside else ".." / schema), _ABOUT, KEEPS_ALL)
    )
    _prove(None, _state(str(output or "-"), written.encode()), found)
    if output is None:
        shell.data(written)
        return
    write_file(output, written.encode(), replace=given["force"])
    count = len(found.agents)
    _say(shell, f"wrote {output}: {count:,} agent{'s' * (count != 1)}")


def _update(shell: Shell, found: Sheet, file: Path) -> None:
    from reconciler.core.model.problem import MAX_BYTES
    from reconciler.edit import merge_sheet
    from reconciler.files.private import read_regular
    from reconciler.files.worktree import write_file

    try:
        data, _ = read_regular(file, MAX_BYTES)
    except OSError as error:
        raise ReconcilerError(f"{file} cannot be read: {error.strerror}") from None
    merged = merge_sheet(str(file), data, found.agents)
    before, after = _state(str(file), data), _state(str(file), merged)
    _prove(before, after, found)
    if merged == data:
        _say(shell, f"{file} says what the sheet says; it is left as it is")
        return
    write_file(file, merged, replace=True)
    _say(shell, f"wrote {file}: {_counted(before, after)}")


def _state(file: str, data: bytes) -> DesiredState:
    """The state of a file; raises `InvalidFiles`."""
    from reconciler.core.desired.read import read_desired
    from reconciler.errors import InvalidFiles

    state, problems = read_desired(file, data)
    if state is None:
        raise InvalidFiles(problems)
    return state


def _prove(before: DesiredState | None, after: DesiredState, found: Sheet) -> None:
    """Raise unless a file says what the sheet says, and of everybody else what it said before."""
    known = {agent.operator_id: agent for agent in before.agents} if before else {}
    there = {agent.operator_id: agent for agent in after.agents}
    good = there.keys() == known.keys() | found.agents.keys()
    for operator_id, agent in there.items():
        said = found.agents.get(operator_id, {})
        old = known.get(operator_id)
        kept = {**old.fields, **said} if old else {**agent.fields, **said}
        good = good and dict(agent.fields) == kept and (old is None or old.password == agent.password)
    if not good:
        raise ReconcilerError("the file would not be what the sheet says", "nothing was written; please report it")


def _counted(before: DesiredState, after: DesiredState) -> str:
    known = {agent.operator_id: agent.fields for agent in before.agents}
    new = sum(agent.operator_id not in known for agent in after.agents)
    changed = sum(known.get(agent.operator_id, agent.fields) != agent.fields for agent in after.agents)
    return f"{new:,} new, {changed:,} changed, {len(known) - changed:,} unchanged"


def _passed_over(shell: Shell, told: Iterable[str]) -> None:
    for each in told:
        _say(shell, f"passed over: {each}")


def _say(shell: Shell, text: str) -> None:
    from reconciler.render.terminal import visible

    shell.say(visible(text))
