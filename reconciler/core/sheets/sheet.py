"""A call centre's own spreadsheet, as CSV, to agents.

Nothing is lost silently: an unknown column and a cell that is not understood are problems, all reported at once. A
blank cell says nothing, and its field stays unmanaged. Passwords are not read, so that no message can show one.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from reconciler.core.model.fields import BY_NAME, KEY, Field, Kind, Value
from reconciler.core.model.operator_id import alike, difference
from reconciler.core.model.problem import Place, Problem
from reconciler.core.model.words import fold_heading, yes_and_no
from reconciler.core.sheets.cells import (
    CLIP_AT,
    LEAVE_OUT,
    UnreadableCell,
    clipped,
    closest_field,
    field_for_heading,
    is_password_heading,
    read_cell,
)
from reconciler.core.sheets.csv import trim_invisible

MAX_CELLS: Final = 4_000_000
"""Enough for 100,000 agents with 40 columns each."""

_DELIMITERS: Final = (",", ";", "\t")
_HEADING_SEARCH_ROWS: Final = 10
"""Rows at the top among which the headings are looked for, since a title may stand above them."""

_MIN_HEADINGS: Final = 2
"""Known headings that a heading row has at least when that of the agents' numbers is missing.

A row with fewer may be an agent's own, whose cells (perhaps a password) no message may quote.
"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The agents of a sheet, in its order: by operatorId the canonical values of the fields that have one.

    `problems` are in the order of the text. A place's line is the line of the text, its column counts cells, and the
    path is the spreadsheet's name of the cell, such as `B2`. `passed_over` says what was not read and is no problem.
    `lookalikes` are problems unless a file allows them: numbers that a reader takes for another one of the sheet.
    """

    agents: Mapping[str, Mapping[str, Value]]
    problems: tuple[Problem, ...]
    passed_over: tuple[str, ...] = ()
    lookalikes: tuple[Problem, ...] = ()


def read_sheet(file: str, text: str, mapping: Mapping[str, str] | None = None) -> Sheet:
    """Read the table below a row of headings; commas, semicolons or tabs separate its cells.

    `mapping` gives the field of a heading, or `LEAVE_OUT` for a column that is not read.
    """
    reader = _SheetReader(file, {fold_heading(heading): (heading, name) for heading, name in (mapping or {}).items()})
    delimiter = max(_DELIMITERS, key=lambda delimiter: reader.score_with(text, delimiter))
    if text.count(delimiter) + text.count("\n") > MAX_CELLS:
        hint = "delete rows and columns that are empty, or split it"
        reader.add_problem(1, 0, "", f"the sheet has more than {MAX_CELLS:,} cells", hint)
    else:
        reader.read_table(text, delimiter)
    problems = sorted(reader.problems, key=lambda problem: problem.place)
    return Sheet(reader.agents, tuple(problems), tuple(reader.passed_over()), tuple(reader.lookalikes()))


@dataclass(frozen=True, slots=True)
class _SheetRow:
    """A row: the line of the text in which it begins, the spreadsheet's number of it, and its cells."""

    line: int
    number: int
    cells: list[str]


class _UnfinishedRow(Exception):
    """The quote of a row that begins in `line` does not end."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


def _rows(text: str, delimiter: str) -> Iterator[_SheetRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = number = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise _UnfinishedRow(line) from None
        if cells is None:
            return
        yield _SheetRow(line, number, cells)
        line, number = reader.line_num + 1, number + 1


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that is read: its index from 0, its heading as written, its field, and what yes and no mean in it."""

    index: int
    heading: str
    row: Field
    truth: tuple[str, str] | None = None


@dataclass(slots=True)
class _SheetReader:
    """Reads one sheet. `mapped` has, by folded heading, the heading as given and its field."""

    file: str
    mapped: dict[str, tuple[str, str]]
    agents: dict[str, dict[str, Value]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    columns: list[_Column] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    first_lines: dict[tuple[str, Value], int] = field(default_factory=dict)
    empty_words: int = 0

    def add_problem(self, line: int, index: int, path: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(Place(self.file, line, index + 1), path, message, hint))

    def passed_over(self) -> Iterator[str]:
        yield from self.left_out
        if self.empty_words:
            yield f"cells that say nothing, such as - or 无: {self.empty_words:,}"

    def lookalikes(self) -> Iterator[Problem]:
        lines = {str(value): line for (name, value), line in self.first_lines.items() if name == KEY}
        for id_, other in alike(self.agents):
            message = f"{id_} looks like {other} in line {lines[other]}: {difference(id_, other)}"
            hint = "correct one of the two; if both are meant, add one by hand to a file that allows it"
            yield Problem(Place(self.file, lines[id_]), KEY, message, hint)

    def field_of(self, heading: str) -> str | None:
        """The field of a heading, by the mapping or else by the known headings."""
        mapped = self.mapped.get(fold_heading(heading))
        return mapped[1] if mapped else field_for_heading(heading)

    def score(self, row: _SheetRow) -> tuple[bool, int]:
        """How much a row looks like the heading row: whether it names the agents' numbers, and how many fields."""
        names = {self.field_of(cell) for cell in row.cells} - {None, LEAVE_OUT}
        return KEY in names, len(names)

    def score_with(self, text: str, delimiter: str) -> tuple[bool, int]:
        """The best score of the rows at the top, when this delimiter separates their cells."""
        best = False, 0
        with suppress(_UnfinishedRow):
            for row in islice(_rows(text, delimiter), _HEADING_SEARCH_ROWS):
                best = max(best, self.score(row))
        return best

    def read_table(self, text: str, delimiter: str) -> None:
        """Read the headings and the rows below them, up to a row that does not end."""
        rows = []
        try:
            for row in _rows(text, delimiter):
                rows.append(row)  # noqa: PERF402 - the rows before an unfinished one are kept
        except _UnfinishedRow as unfinished:
            hint = 'a quote inside of quotes is written twice: "say ""hello"""; or save the sheet as CSV again'
            self.add_problem(unfinished.line, 0, "", "a quote in this row does not end where its cell does", hint)
        top = max(rows[:_HEADING_SEARCH_ROWS], key=self.score, default=_SheetRow(1, 0, []))
        if self.score(top) < (False, _MIN_HEADINGS):
            hint = "name the columns in the first row: 工号, 姓名, …; or say which is which: --map HEADING=operatorId"
            self.add_problem(top.line, 0, "", "there is no row of headings", hint)
            return
        filled = [row for row in rows if trim_invisible("".join(row.cells))]
        if above := sum(row.number < top.number for row in filled):
            self.left_out.append(f"rows above the headings: {above}")
        below = [
            row for row in filled if row.number > top.number and row.cells != top.cells
        ]  # printed sheets repeat them
        self.read_headings(top, {index for row in below for index, cell in enumerate(row.cells) if cell.strip()})
        for row in below:
            self.read_agent(row)

    def read_headings(self, top: _SheetRow, used: set[int]) -> None:
        """Find the field of each column; `used` are the indexes of columns with a cell that is not blank."""
        width = max({len(top.cells) - 1, *used}) + 1
        headings = [*top.cells, *[""] * (width - len(top.cells))]
        for index, heading in enumerate(headings):
            if index in used or self.field_of(heading) == KEY:
                self.read_heading(top, index, heading)
            elif trim_invisible(heading):
                self.left_out.append(f"column {_letters(index)} {clipped(heading)}: empty")
        if KEY not in map(self.field_of, headings):
            hint = "call it 工号 or operatorId, or say which it is: --map HEADING=operatorId"
            self.add_problem(top.line, 0, "", "no column has the agents' numbers", hint)
        for folded in self.mapped.keys() - {fold_heading(heading) for heading in headings}:
            self.add_problem(top.line, 0, "", f"--map: no column has the heading {clipped(self.mapped[folded][0])}")

    def read_heading(self, top: _SheetRow, index: int, heading: str) -> None:
        """Find the field of a column that has values."""
        name = self.field_of(heading)
        path = f"{_letters(index)}{top.number}"
        if name == LEAVE_OUT:
            self.left_out.append(f"column {_letters(index)} {clipped(heading)}")
        elif is_password_heading(heading):
            self.add_problem(top.line, index, path, *_password_problem(heading))
        elif name is None:
            self.add_problem(top.line, index, path, *_unknown_heading(heading))
        elif other := next((column for column in self.columns if column.row.name == name), None):
            message = f"{clipped(heading)} and {clipped(other.heading)} in {_letters(other.index)} are both {name}"
            same = fold_heading(heading) == fold_heading(other.heading)
            hint = "delete one of the two columns" if same else f"leave one of them out: {_map_option(heading)}"
            self.add_problem(top.line, index, path, message, hint)
        else:
            truth = yes_and_no(heading) if field_for_heading(heading) == name else None
            self.columns.append(_Column(index, heading, BY_NAME[name], truth))

    def read_agent(self, row: _SheetRow) -> None:
        """Read one agent's row, and keep the values that can be read."""
        values: dict[str, Value] = {}
        for column in self.columns:
            problem_count = len(self.problems)
            value = self.read_value(row, column)
            if value is not None:
                values[column.row.name] = value
            elif column.row.name == KEY and problem_count == len(self.problems):
                hint = "write it into the row, or delete the row"
                self.add_problem(
                    row.line, column.index, _cell(row, column), "the row has values and no agent's number", hint
                )
        operator_id = values.pop(KEY, None)
        if operator_id is not None:
            self.agents.setdefault(str(operator_id), values)

    def read_value(self, row: _SheetRow, column: _Column) -> Value:
        """A cell's value; `None` where the cell says nothing or has a problem, which is added."""
        cell = row.cells[column.index] if column.index < len(row.cells) else ""
        try:
            value = read_cell(column.row, cell, column.truth) if cell else None
        except UnreadableCell as unreadable:
            self.add_problem(row.line, column.index, _cell(row, column), unreadable.message, unreadable.hint)
            return None
        if value is None:
            self.empty_words += bool(trim_invisible(cell))
        elif column.row.kind in (Kind.KEY, Kind.SIP_NUMBER):
            first = self.first_lines.setdefault((column.row.name, value), row.line)
            if first != row.line:
                message = f"{column.row.name} {clipped(str(value))} stands twice; the first is in line {first}"
                self.add_problem(
                    row.line, column.index, _cell(row, column), message, "it belongs to one agent: mend a row"
                )
        return value


def _letters(index: int) -> str:
    """A spreadsheet's name of a column: A, B, … Z, AA."""
    before, last = divmod(index, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)


def _cell(row: _SheetRow, column: _Column) -> str:
    return f"{_letters(column.index)}{row.number} {' '.join(column.heading.split())[:CLIP_AT]}"


def _map_option(heading: str, name: str = LEAVE_OUT) -> str:
    """The option to type so that a heading is read as the field `name`."""
    if not heading.isprintable() or len(heading) > CLIP_AT:
        return "--map, when it has a short heading"
    return f"--map {shlex.quote(f'{heading}={name}')}"


def _unknown_heading(heading: str) -> tuple[str, str]:
    if not trim_invisible(heading):
        return "the column has values and no heading", "write one above them, or delete the column"
    guess = closest_field(heading)
    suggestion = (
        f"is it {guess}? {_map_option(heading, guess)}"
        if guess
        else f"{_map_option(heading, 'FIELD')} reads it as a field"
    )
    return f"the heading {clipped(heading)} is not known", f"{_map_option(heading)} leaves the column out; {suggestion}"


def _password_problem(heading: str) -> tuple[str, str]:
    how = "password: {env: NAME, version: 1}, or {generate: true, version: 1}"
    message = "a column of passwords is not read: a password never goes into the file"
    return message, f"{_map_option(heading)} leaves it out; in the file say where a password comes from: {how}"
