"""`reconciler import`: turns a spreadsheet into a desired-state file, or merges it into one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from reconciler.cli.live import COMPANY_ID, vendor_options
from reconciler.cli.shell import Shell
from reconciler.cli.usage import Misused
from reconciler.core.model.message import Text, text
from reconciler.errors import ReconcilerError, WrongUsage

if TYPE_CHECKING:
    from reconciler.core.model.desired import Company, DesiredState
    from reconciler.core.model.problem import Problem
    from reconciler.core.sheets.sheet import Sheet

_ABOUT: Final = (
    "# The agents of a spreadsheet. Written by `reconciler import`; now it is yours to edit.\n"
    "# 由表格导入的坐席；此后请直接编辑此文件。\n"
)
_PLACES: Final = 5
"""How many places are named of one kind of fault."""


def _mapping(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Fields by heading, from `HEADING=FIELD` or lines of a file; an empty field leaves the column out."""
    from reconciler.core.model.words import fold_heading

    fields: dict[str, str] = {}
    for line in (line for given in texts for line in _map_lines(given, context, parameter)):
        heading, sign, name = line.rpartition("=")
        if not sign or not fold_heading(heading):
            raise click.BadParameter(
                text("it takes HEADING=FIELD, or HEADING= to leave a column out."), context, parameter
            )
        if fold_heading(heading) in map(fold_heading, fields):
            raise click.BadParameter(text("{heading!r} is mapped twice.", heading=heading), context, parameter)
        fields[heading] = _field(name.strip(), context, parameter)
    return fields


def _map_lines(given: str, context: click.Context, parameter: click.Parameter) -> list[str]:
    """The mappings that a text names: itself, or behind an `@` the lines of a file that --save-map wrote."""
    if not given.startswith("@"):
        return [given]
    try:
        lines = Path(given[1:]).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise click.BadParameter(
            text("{path} cannot be read: {error}", path=given[1:], error=error), context, parameter
        ) from None
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _field(name: str, context: click.Context, parameter: click.Parameter) -> str:
    from reconciler.core.sheets.cells import closest_field, field_for_heading, is_password_heading

    if not name:
        return name
    if is_password_heading(name):
        raise click.BadParameter(
            text("no column is read as a password: one never goes into the file."), context, parameter
        )
    field = field_for_heading(name)
    if not field:
        guess = closest_field(name)
        hint = text("Did you mean {guess}?", guess=guess) if guess else text("`reconciler explain` names them all.")
        raise click.BadParameter(text("there is no field {name!r}. {hint}", name=name, hint=hint), context, parameter)
    return field


_PATH: Final = click.Path(path_type=Path)


@click.command("import")
@click.argument("sheet", type=_PATH, metavar="FILE")
@click.option("--output", type=_PATH, metavar="FILE", help="Write a new file, not to stdout.")
@click.option("--into", type=_PATH, metavar="EXISTING", help="Bring a file up to date; comments and order are kept.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="HEADING=FIELD",
    callback=_mapping,
    help="What a column is; without FIELD it is left out. Repeatable; @FILE reads what --save-map wrote.",
)
@click.option("--save-map", type=_PATH, metavar="FILE", help="Keep which column was read as what, for --map @FILE.")
@click.option(
    "--fill-down",
    multiple=True,
    metavar="COLUMN",
    help="A column of merged cells, by heading or field: a blank cell has the value above it. Repeatable.",
)
@click.option("--encoding", default="", metavar="NAME", help="The encoding of a CSV file, where the guess is wrong.")
@click.option("--sheet", "tab", default="", metavar="NAME", help="The sheet of a workbook, where several have agents.")
@click.option("--company", metavar="ABBREVIATE", help="Whose agents they are, for a new file.")
@COMPANY_ID
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@vendor_options
@click.pass_obj
def import_sheet(shell: Shell, /, **options: Any) -> None:
    """Turn a spreadsheet (CSV, TSV or XLSX) into agents of a desired-state file. Nothing is changed at the vendor.

    Headings may be the fields' names or Chinese (工号, 姓名, 技能组, …); encoding and delimiter are found out. A blank
    cell leaves the field alone. Everything that is not understood is told at once, and then nothing is written. Nobody
    is removed: a new file says `prune: false`, and with --into whom the sheet does not name stays. A number that is an
    agent's of the file but for zeros in front is refused; where an endpoint is named, a live agent's too.

    What was read as what is shown as a table, to be checked against the sheet. `import-csv` is this command too.

    \b
    Examples:
      reconciler import 坐席.xlsx --company acme --output agents.yaml
      reconciler import 坐席.csv --map '备注=' --map '片区=mainGroupName' --into agents.yaml
      reconciler import 坐席.csv --fill-down 技能组 --encoding gb18030 --into agents.yaml
    """
    from reconciler.files.worktree import refuse_existing, write_file

    _check(**options)
    path: Path = options["sheet"]
    for name in ("output", "save_map"):
        if options[name] is not None:
            refuse_existing(options[name], replace=options["force"])
    sheet, notes = _read(path, options)
    for note in (*notes, *sheet.notes):
        _say(shell, note)
    if sheet.problems:
        _refuse(shell, sheet.problems)
    if not sheet.agents:
        raise ReconcilerError("no-agents", text("{path} names no agent", path=path), text("nothing was written"))
    _say_columns(shell, sheet)
    if options["into"] is None:
        _new_file(shell, sheet, options)
    else:
        _update(shell, sheet, options)
    if options["save_map"] is not None:
        left_out = [f"{heading}=" for heading, field in options["mapping"].items() if not field]
        lines = [*(f"{' '.join(column.heading.split())}={column.field}" for column in sheet.columns), *left_out]
        write_file(options["save_map"], "".join(f"{line}\n" for line in lines).encode(), replace=options["force"])
    _say_passed_over(shell, sheet.passed_over)


def _read(path: Path, options: dict[str, Any]) -> tuple[Sheet, list[Text]]:
    """The agents of a file, and what is to be told of how it was read."""
    from reconciler.core.sheets.sheet import read_sheet
    from reconciler.files.spreadsheet import csv_text, is_workbook, read_bytes

    data = read_bytes(path)
    if is_workbook(data):
        return _read_workbook(path, data, options)
    if options["tab"]:
        raise Misused("clashing-options", text("--sheet names a sheet of a workbook, and this file is none."))
    read = csv_text(str(path), data, options["encoding"])
    guessed = text("read as {encoding}, which was guessed; --encoding names another", encoding=read.encoding.upper())
    notes = [guessed] if read.guessed else []
    return read_sheet(str(path), read.text, options["mapping"], fill_down=options["fill_down"]), notes


def _read_workbook(path: Path, data: bytes, options: dict[str, Any]) -> tuple[Sheet, list[Text]]:
    from reconciler.core.sheets.sheet import has_headings, read_rows
    from reconciler.files.workbook import workbook_sheets

    if options["encoding"]:
        raise Misused("clashing-options", text("--encoding is for CSV: a workbook says how it is written."))
    sheets = workbook_sheets(str(path), data)
    names = ", ".join(each.name for each in sheets)
    found = [each for each in sheets if each.name == options["tab"]] if options["tab"] else list(sheets)
    if options["tab"] and not found:
        raise WrongUsage(
            "which-sheet",
            text("{path} has no sheet {tab}", path=path, tab=options["tab"]),
            text("it has: {names}", names=names),
        )
    if len(found) > 1:
        found = [each for each in found if has_headings(each.rows, options["mapping"])] or found[:1]
    if len(found) > 1:
        raise WrongUsage(
            "which-sheet",
            text("several sheets of {path} have agents", path=path),
            text("name one with --sheet: {names}", names=names),
        )
    sheet = found[0]
    spans = f"{', '.join(sheet.merged[:_PLACES])}{', …' if len(sheet.merged) > _PLACES else ''}"
    merged = text("merged cells have their value in each of their rows: {spans}", spans=spans)
    notes = [merged] if sheet.merged else []
    notes += [text("read the sheet {name}", name=sheet.name)] if len(sheets) > 1 else []
    read = read_rows(str(path), sheet.rows, options["mapping"], fill_down=options["fill_down"], name=sheet.name)
    return read, notes


def _say_columns(shell: Shell, sheet: Sheet) -> None:
    """Show what was read as what, to be checked against the sheet."""
    from reconciler.core.sheets.cells import clipped
    from reconciler.core.text import cut_to_width, width
    from reconciler.render.terminal import pad, visible

    headings = [cut_to_width(visible(" ".join(column.heading.split())), 20) for column in sheet.columns]
    wide = max(map(width, headings))
    lines: list[str] = [text("{count:,} {count:agent|agents}; check against the sheet:", count=len(sheet.agents))]
    for column, heading in zip(sheet.columns, headings, strict=True):
        values = text("{count:>6,} values", count=column.values)
        if column.values:
            values = text("{count:>6,} values, first {first}", count=column.values, first=clipped(column.first))
        lines.append(f"  {column.letters:<3} {pad(heading, wide)}  → {column.field:<15} {values}")
    _say(shell, *lines)


def _check(**options: Any) -> None:
    """Raise `Misused` when the options contradict one another, `WrongUsage` when no company is named."""
    others = ("output", "company", "company_id", "force")
    if options["into"] is not None and any(options[name] not in (None, False) for name in others):
        raise Misused("clashing-options", text("--into stands alone: no --output, --company or --force."))
    if options["into"] is None and options["company"] is None:
        raise WrongUsage(
            "no-company",
            text("whose agents?"),
            text("pass --company ABBREVIATE for a new file, or --into FILE for one that is there"),
        )


def _refuse(shell: Shell, problems: Iterable[Problem]) -> None:
    """Show each kind of fault of each column once, with its count and first places, and raise `ReconcilerError`."""
    from reconciler.render.text import problems as problems_text

    kinds: dict[tuple[int, str, str], list[Problem]] = {}
    for problem in problems:
        column = problem.place.column if problem.path else 0
        kinds.setdefault((column, _QUOTED.sub("", problem.message), _QUOTED.sub("", problem.hint)), []).append(problem)
    lines = []
    for alike in kinds.values():
        lines.append(problems_text(alike[:1], color=shell.watched))
        if more := alike[1:]:
            cells = (each.path.split(" ")[0] or text("line {line}", line=each.place.line) for each in more[:_PLACES])
            words = text("{count:,} more of this kind: {cells}", count=len(more), cells=", ".join(cells))
            if len(more) > _PLACES:
                words = text("{words} and {rest:,} more", words=words, rest=len(more) - _PLACES)
            lines.append(f"      {words}\n")
    shell.say("".join(lines))
    count = sum(map(len, kinds.values()))
    raise ReconcilerError(
        "invalid-sheet",
        text("{count:,} {count:problem|problems} in the spreadsheet", count=count),
        text("nothing was written"),
    )


_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[0-9]+|U\+[0-9A-F]+[A-Z -]*')
"""What differs from one fault to the next of its kind."""


def _new_file(shell: Shell, sheet: Sheet, options: dict[str, Any]) -> None:
    from reconciler.cli.live import company_named, schema_beside
    from reconciler.core.export.files import KEEPS_ALL, FileHeader, agents_file
    from reconciler.files.worktree import write_file

    if sheet.lookalikes:
        _refuse(shell, sheet.lookalikes)
    output: Path | None = options["output"]
    company = company_named(options["company"], options["company_id"])
    _refuse_lost_zeros(shell, sheet, (), company, options)
    content = agents_file(sheet.agents, company, FileHeader(schema_beside(output), _ABOUT, KEEPS_ALL))
    _check_result(None, _state(str(output or "-"), content.encode()), sheet)
    if output is None:
        shell.data(content)
        return
    write_file(output, content.encode(), replace=options["force"])
    count = len(sheet.agents)
    shell.tell(text("wrote {output}: {count:,} {count:agent|agents}", output=output, count=count))


def _update(shell: Shell, sheet: Sheet, options: dict[str, Any]) -> None:
    from reconciler.core.desired.read import desired_state, state_without_agents
    from reconciler.edit import merge_sheet
    from reconciler.files.desired_files import parsed_file
    from reconciler.files.worktree import write_file

    file: Path = options["into"]
    parsed = parsed_file(file)
    known = [str(agent.operator_id) for agent in parsed.agents]
    _refuse_lost_zeros(shell, sheet, known, state_without_agents(parsed).company, options)
    merged = merge_sheet(parsed, sheet.agents)
    before, after = desired_state(merged.before), desired_state(merged.after)
    _check_result(before, after, sheet)
    if merged.after is merged.before:
        shell.tell(text("{file} says what the sheet says; it is left as it is", file=file))
        return
    write_file(file, merged.data, replace=True)
    shell.tell(text("wrote {file}: {counts}", file=file, counts=_counted(before, after)))


def _refuse_lost_zeros(
    shell: Shell, sheet: Sheet, known: Iterable[str], company: Company, options: dict[str, Any]
) -> None:
    """Refuse new numbers that are those of agents of the file, or live ones, but for zeros in front."""
    from reconciler.core.sheets.zeros import lost_zeros

    if problems := list(lost_zeros(sheet, known, _live_ids(shell, company, options))):
        _refuse(shell, problems)


def _live_ids(shell: Shell, company: Company, options: dict[str, Any]) -> Iterable[str]:
    """Who is live, where an endpoint is named. One that only the environment names need not answer."""
    from reconciler.cli.live import read_live

    if options["endpoint"] is None:
        return ()
    asked = click.get_current_context().get_parameter_source("endpoint") is ParameterSource.COMMANDLINE
    try:
        return read_live(shell, company, options, patient=asked).agents
    except ReconcilerError as error:
        if asked:
            raise
        shell.tell(text("warning: lost zeros were not looked for on the live side: {message}", message=error.message))
        return ()


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
        raise ReconcilerError(
            "not-the-same",
            text("the file would not be what the sheet says"),
            text("nothing was written; please report it"),
        )


def _counted(before: DesiredState, after: DesiredState) -> Text:
    fields_before = {agent.operator_id: agent.fields for agent in before.agents}
    new = sum(agent.operator_id not in fields_before for agent in after.agents)
    changed = sum(fields_before.get(agent.operator_id, agent.fields) != agent.fields for agent in after.agents)
    same = len(fields_before) - changed
    return text("{new:,} new, {changed:,} changed, {same:,} unchanged", new=new, changed=changed, same=same)


def _say_passed_over(shell: Shell, notes: Iterable[str]) -> None:
    for note in notes:
        shell.tell(text("passed over: {note}", note=note))


def _say(shell: Shell, *lines: str) -> None:
    from reconciler.render.terminal import visible

    shell.say("\n".join(map(visible, lines)))
