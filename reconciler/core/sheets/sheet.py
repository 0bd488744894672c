"""A spreadsheet that a call centre has today, as CSV, to agents.

Nothing is lost silently: a column that is not known and a cell that is not understood are problems, all told at once. A
blank cell says nothing, and the field stays unmanaged. Passwords are not read, and so no message can show one.
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
from reconciler.core.model.problem import Place, Problem
from reconciler.core.sheets.cells import (
    CLIP,
    LEAVE_OUT,
    OddCell,
    clipped,
    field_called,
    field_like,
    fold,
    is_secret,
    read_cell,
)
from reconciler.core.sheets.csv import trimmed

MOST_CELLS: Final = 4_000_000
"""Room for 100,000 agents with 40 columns each."""

_DELIMITERS: Final = (",", ";", "\t")
_ABOVE: Final = 10
"""Rows among which the headings are looked for: a title may stand above them."""

_FEWEST: Final = 2
"""Known headings of a row without that of the agents' numbers. With fewer it may be an agent's own, password too."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a sheet says, in its order: by operatorId the canonical values of the fields that have one.

    `problems` are in the order of the text. A place's line is that of the text, its column counts cells, and the path
    is the cell as a spreadsheet calls it. `passed_over` says what was not read and is no problem.
    """

    agents: Mapping[str, Mapping[str, Value]]
    problems: tuple[Problem, ...]
    passed_over: tuple[str, ...] = ()


def read_sheet(file: str, text: str, mapping: Mapping[str, str] | None = None) -> Sheet:
    """Read a table below a row of headings, whose cells are parted by commas, semicolons or tabs.

    `mapping` says of headings which field they are, or with `LEAVE_OUT` that they are none.
    """
    reading = _SheetReader(file, {fold(heading): (heading, name) for heading, name in (mapping or {}).items()})
    delimiter = max(_DELIMITERS, key=lambda each: reading.score_of(text, each))
    if text.count(delimiter) + text.count("\n") > MOST_CELLS:
        hint = "delete rows and columns that are empty, or split it"
        reading.complain(1, 0, "", f"the sheet has more than {MOST_CELLS:,} cells", hint)
    else:
        reading.table(text, delimiter)
    problems = sorted(reading.problems, key=lambda problem: problem.place)
    return Sheet(reading.agents, tuple(problems), tuple(reading.passed_over()))


@dataclass(frozen=True, slots=True)
class _SheetRow:
    """Cells, the line of the text in which they begin, and the number that a spreadsheet gives the row."""

    line: int
    number: int
    cells: list[str]


class _Broken(Exception):
    """The row that begins in this line does not end."""

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
            raise _Broken(line) from None
        if cells is None:
            return
        yield _SheetRow(line, number, cells)
        line, number = reader.line_num + 1, number + 1


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that is read: its number from 0, its heading as written, and its field."""

    at: int
    heading: str
    row: Field


@dataclass(slots=True)
class _SheetReader:
    """One sheet as it is read. `mapped`: by folded heading, that heading as given and the field that it is to be."""

    file: str
    mapped: dict[str, tuple[str, str]]
    agents: dict[str, dict[str, Value]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    columns: list[_Column] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    first: dict[tuple[str, Value], int] = field(default_factory=dict)
    said_nothing: int = 0

    def complain(self, line: int, at: int, path: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(Place(self.file, line, at + 1), path, message, hint))

    def passed_over(self) -> Iterator[str]:
        yield from self.left_out
        if self.said_nothing:
            yield f"cells that say nothing, such as - or 无: {self.said_nothing:,}"

    def field_of(self, heading: str) -> str | None:
        """The field of a heading, by the mapping or as everybody calls it."""
        mapped = self.mapped.get(fold(heading))
        return mapped[1] if mapped else field_called(heading)

    def score(self, row: _SheetRow) -> tuple[bool, int]:
        """How much a row looks like one of headings."""
        names = {self.field_of(cell) for cell in row.cells} - {None, LEAVE_OUT}
        return KEY in names, len(names)

    def score_of(self, text: str, delimiter: str) -> tuple[bool, int]:
        """The same for the best of the rows at the top, when their cells are parted so."""
        best = False, 0
        with suppress(_Broken):
            for row in islice(_rows(text, delimiter), _ABOVE):
                best = max(best, self.score(row))
        return best

    def table(self, text: str, delimiter: str) -> None:
        """Read the headings and what stands below them, as far as rows can be told apart."""
        rows = []
        try:
            for row in _rows(text, delimiter):
                rows.append(row)  # noqa: PERF402 - those before a broken one are kept
        except _Broken as broken:
            hint = 'a quote inside of quotes is written twice: "say ""hello"""; or save the sheet as CSV again'
            self.complain(broken.line, 0, "", "a quote in this row does not end where its cell does", hint)
        top = max(rows[:_ABOVE], key=self.score, default=_SheetRow(1, 0, []))
        if self.score(top) < (False, _FEWEST):
            hint = "name the columns in the first row: 工号, 姓名, …; or say which is which: --map HEADING=operatorId"
            self.complain(top.line, 0, "", "there is no row of headings", hint)
            return
        filled = [row for row in rows if trimmed("".join(row.cells))]
        if above := sum(row.number < top.number for row in filled):
            self.left_out.append(f"rows above the headings: {above}")
        below = [row for row in filled if row.number > top.number and row.cells != top.cells]  # as on each page
        self.headings(top, {at for row in below for at, cell in enumerate(row.cells) if cell.strip()})
        for row in below:
            self.agent(row)

    def headings(self, top: _SheetRow, used: set[int]) -> None:
        """Find out what the columns are; `used` are those with a cell that is not blank."""
        width = max({len(top.cells) - 1, *used}) + 1
        headings = [*top.cells, *[""] * (width - len(top.cells))]
        for at, heading in enumerate(headings):
            if at in used or self.field_of(heading) == KEY:
                self.heading(top, at, heading)
            elif trimmed(heading):
                self.left_out.append(f"column {_letters(at)} {clipped(heading)}: empty")
        if KEY not in map(self.field_of, headings):
            hint = "call it 工号 or operatorId, or say which it is: --map HEADING=operatorId"
            self.complain(top.line, 0, "", "no column has the agents' numbers", hint)
        for folded in self.mapped.keys() - {fold(heading) for heading in headings}:
            self.complain(top.line, 0, "", f"--map: no column has the heading {clipped(self.mapped[folded][0])}")

    def heading(self, top: _SheetRow, at: int, heading: str) -> None:
        """Find out what a column with values is."""
        name = self.field_of(heading)
        path = f"{_letters(at)}{top.number}"
        if name == LEAVE_OUT:
            self.left_out.append(f"column {_letters(at)} {clipped(heading)}")
        elif is_secret(heading):
            self.complain(top.line, at, path, *_password(heading))
        elif name is None:
            self.complain(top.line, at, path, *_unknown(heading))
        elif other := next((column for column in self.columns if column.row.name == name), None):
            message = f"{clipped(heading)} and {clipped(other.heading)} in {_letters(other.at)} are both {name}"
            same = fold(heading) == fold(other.heading)
            hint = "delete one of the two columns" if same else f"leave one of them out: {_map(heading)}"
            self.complain(top.line, at, path, message, hint)
        else:
            self.columns.append(_Column(at, heading, BY_NAME[name]))

    def agent(self, row: _SheetRow) -> None:
        """Read one row, and keep what can be read of it."""
        values: dict[str, Value] = {}
        for column in self.columns:
            told = len(self.problems)
            value = self.value(row, column)
            if value is not None:
                values[column.row.name] = value
            elif column.row.name == KEY and told == len(self.problems):
                hint = "write it into the row, or delete the row"
                self.complain(row.line, column.at, _cell(row, column), "the row has values and no agent's number", hint)
        operator_id = values.pop(KEY, None)
        if operator_id is not None:
            self.agents.setdefault(str(operator_id), values)

    def value(self, row: _SheetRow, column: _Column) -> Value:
        """A cell's value; `None` where it says nothing, or has a problem, which is told."""
        cell = row.cells[column.at] if column.at < len(row.cells) else ""
        try:
            value = read_cell(column.row, cell) if cell else None
        except OddCell as odd:
            self.complain(row.line, column.at, _cell(row, column), odd.message, odd.hint)
            return None
        if value is None:
            self.said_nothing += bool(trimmed(cell))
        elif column.row.kind in (Kind.KEY, Kind.SIP_NUMBER):
            first = self.first.setdefault((column.row.name, value), row.line)
            if first != row.line:
                message = f"{column.row.name} {clipped(str(value))} stands twice; the first is in line {first}"
                self.complain(row.line, column.at, _cell(row, column), message, "it belongs to one agent: mend a row")
        return value


def _letters(at: int) -> str:
    """What a spreadsheet calls a column: A, B, … Z, AA."""
    before, last = divmod(at, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)


def _cell(row: _SheetRow, column: _Column) -> str:
    return f"{_letters(column.at)}{row.number} {' '.join(column.heading.split())[:CLIP]}"


def _map(heading: str, name: str = LEAVE_OUT) -> str:
    """What to type so that a heading is read as a field."""
    if not heading.isprintable() or len(heading) > CLIP:
        return "--map, when it has a short heading"
    return f"--map {shlex.quote(f'{heading}={name}')}"


def _unknown(heading: str) -> tuple[str, str]:
    if not trimmed(heading):
        return "the column has values and no heading", "write one above them, or delete the column"
    guess = field_like(heading)
    else_ = f"is it {guess}? {_map(heading, guess)}" if guess else f"{_map(heading, 'FIELD')} reads it as a field"
    return f"the heading {clipped(heading)} is not known", f"{_map(heading)} leaves the column out; {else_}"


def _password(heading: str) -> tuple[str, str]:
    how = "password: {env: NAME, version: 1}, or {generate: true, version: 1}"
    message = "a column of passwords is not read: a password never goes into the file"
    return message, f"{_map(heading)} leaves it out; in the file say where a password comes from: {how}"
