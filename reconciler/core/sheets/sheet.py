"""A call centre's own spreadsheet to agents.

Nothing is lost silently: an unknown column and a cell that is not understood are problems, all reported at once. A
blank cell says nothing, and its field stays unmanaged. Passwords are not read, so that no message can show one.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from reconciler.core.model.fields import BY_NAME, KEY, Field, Kind, Value
from reconciler.core.model.message import NOTHING, Text, text
from reconciler.core.model.operator_id import alike, difference
from reconciler.core.model.problem import Place, Problem
from reconciler.core.model.words import fold_heading, yes_and_no
from reconciler.core.sheets.cells import (
    CLIP_AT,
    LEAVE_OUT,
    UnreadableCell,
    clipped,
    field_for_heading,
    is_password_heading,
    read_cell,
)
from reconciler.core.sheets.columns import named_column, no_column, password_column, two_columns, unknown_heading
from reconciler.core.sheets.csv import trim_invisible
from reconciler.core.sheets.rows import (
    SheetRow,
    UnfinishedRow,
    column_letters,
    csv_rows,
    filled_down,
    gaps,
    is_remark,
    is_sum,
)

MAX_CELLS: Final = 4_000_000
"""Enough for 100,000 agents with 40 columns each."""

_DELIMITERS: Final = (",", ";", "\t")
_HEADING_SEARCH_ROWS: Final = 10
"""Rows at the top among which the headings are looked for, since a title may stand above them."""

_SHARED: Final = frozenset(("mainGroupName", "roleName", "bindSkillName", "operatorType", "outcallflag", "showcaller"))
"""Fields that neighbours have in common, so that people merge their cells."""

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
    `cells` has the place and the name of the cell of each agent's number.
    """

    agents: Mapping[str, Mapping[str, Value]]
    problems: tuple[Problem, ...]
    passed_over: tuple[Text, ...] = ()
    lookalikes: tuple[Problem, ...] = ()
    notes: tuple[Text, ...] = ()
    columns: tuple[ReadColumn, ...] = ()
    cells: Mapping[str, tuple[Place, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """A column that was read: its letters, its heading, its field, how many cells have a value, and the first value."""

    letters: str
    heading: str
    field: str
    values: int
    first: str


def read_sheet(
    file: str, content: str, mapping: Mapping[str, str] | None = None, *, fill_down: Iterable[str] = ()
) -> Sheet:
    """Read the table below a row of headings; commas, semicolons or tabs separate its cells.

    `mapping` gives the field of a heading, or `LEAVE_OUT` for a column that is not read. In the columns `fill_down`, by
    heading or field, a blank cell has the value above it.
    """
    reader = _reader(file, mapping, fill_down)
    delimiter = max(_DELIMITERS, key=lambda delimiter: reader.score_with(content, delimiter))
    if content.count(delimiter) + content.count("\n") > MAX_CELLS:
        hint = text("delete rows and columns that are empty, or split it")
        reader.add_problem(
            1, 0, "", "sheet-too-large", text("the sheet has more than {most:,} cells", most=MAX_CELLS), hint
        )
    else:
        reader.read_text(content, delimiter)
    return reader.sheet()


def read_rows(
    file: str,
    rows: Sequence[SheetRow],
    mapping: Mapping[str, str] | None = None,
    *,
    fill_down: Iterable[str] = (),
    name: str = "",
) -> Sheet:
    """Read the table below a row of headings, of rows that a workbook has; `name` is that of its sheet."""
    reader = _reader(file, mapping, fill_down)
    reader.prefix = f"{name}!" if name else ""
    reader.read_table(rows)
    return reader.sheet()


def has_headings(rows: Sequence[SheetRow], mapping: Mapping[str, str] | None = None) -> bool:
    """Whether one of the rows at the top names the agents' numbers."""
    reader = _reader("", mapping, ())
    return any(reader.score(row)[0] for row in rows[:_HEADING_SEARCH_ROWS])


def _reader(file: str, mapping: Mapping[str, str] | None, fill_down: Iterable[str]) -> _SheetReader:
    mapped = {fold_heading(heading): (heading, name) for heading, name in (mapping or {}).items()}
    return _SheetReader(file, mapped, {fold_heading(heading): heading for heading in fill_down})


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that is read: its index from 0, its heading as written, its field, and what yes and no mean in it."""

    index: int
    heading: str
    row: Field
    truth: tuple[str, str] | None = None


@dataclass(slots=True)
class _SheetReader:
    """Reads one sheet. `mapped` and `fill` have, by folded heading, the heading as given; `mapped` its field too."""

    file: str
    mapped: dict[str, tuple[str, str]]
    fill: dict[str, str]
    prefix: str = ""
    notes: list[Text] = field(default_factory=list)
    counts: Counter[int] = field(default_factory=Counter)
    firsts: dict[int, str] = field(default_factory=dict)
    agents: dict[str, dict[str, Value]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    columns: list[_Column] = field(default_factory=list)
    left_out: list[Text] = field(default_factory=list)
    first_lines: dict[tuple[str, Value], int] = field(default_factory=dict)
    cells: dict[str, tuple[Place, str]] = field(default_factory=dict)
    empty_words: int = 0

    def add_problem(self, line: int, index: int, path: str, code: str, message: Text, hint: Text = NOTHING) -> None:
        where = f"{self.prefix}{path}" if path else ""
        self.problems.append(Problem(Place(self.file, line, index + 1), where, message, hint, code))

    def sheet(self) -> Sheet:
        """What was read."""
        problems = sorted(self.problems, key=lambda problem: problem.place)
        columns = tuple(
            ReadColumn(
                column_letters(c.index), c.heading, c.row.name, self.counts[c.index], self.firsts.get(c.index, "")
            )
            for c in self.columns
        )
        lookalikes = tuple(self.lookalikes())
        told = (tuple(problems), tuple(self.passed_over()), lookalikes, tuple(self.notes))
        return Sheet(self.agents, *told, columns, self.cells)

    def passed_over(self) -> Iterator[Text]:
        yield from self.left_out
        if self.empty_words:
            yield text("cells that say nothing, such as - or 无: {count:,}", count=self.empty_words)

    def lookalikes(self) -> Iterator[Problem]:
        for id_, other in alike(self.agents):
            line = self.cells[other][0].line
            alike_ids = {"id": id_, "other": other, "line": line, "difference": difference(id_, other)}
            message = text("{id} looks like {other} in line {line}: {difference}", **alike_ids)
            hint = text("correct one of the two; if both are meant, add one by hand to a file that allows it")
            yield Problem(Place(self.file, self.cells[id_][0].line), KEY, message, hint, "lookalike")

    def field_of(self, heading: str) -> str | None:
        """The field of a heading, by the mapping or else by the known headings."""
        mapped = self.mapped.get(fold_heading(heading))
        return mapped[1] if mapped else field_for_heading(heading)

    def score(self, row: SheetRow) -> tuple[bool, int]:
        """How much a row looks like the heading row: whether it names the agents' numbers, and how many fields."""
        names = {self.field_of(cell) for cell in row.cells} - {None, LEAVE_OUT}
        return KEY in names, len(names)

    def score_with(self, content: str, delimiter: str) -> tuple[bool, int]:
        """The best score of the rows at the top, when this delimiter separates their cells."""
        best = False, 0
        with suppress(UnfinishedRow):
            for row in islice(csv_rows(content, delimiter), _HEADING_SEARCH_ROWS):
                best = max(best, self.score(row))
        return best

    def read_text(self, content: str, delimiter: str) -> None:
        """Read a table of CSV text, up to a row that does not end."""
        rows = []
        try:
            for row in csv_rows(content, delimiter):
                rows.append(row)  # noqa: PERF402 - the rows before an unfinished one are kept
        except UnfinishedRow as unfinished:
            message = text("a quote in this row does not end where its cell does")
            hint = text('a quote inside of quotes is written twice: "say ""hello"""; or save the sheet as CSV again')
            self.add_problem(unfinished.line, 0, "", "unclosed-cell", message, hint)
        self.read_table(rows)

    def read_table(self, rows: Sequence[SheetRow]) -> None:
        """Read the headings and the rows below them."""
        top = max(rows[:_HEADING_SEARCH_ROWS], key=self.score, default=SheetRow(1, 0, []))
        if self.score(top) < (False, _MIN_HEADINGS):
            hint = "name the columns in the first row: 工号, 姓名, …; or say which is which: --map HEADING=operatorId"
            self.add_problem(top.line, 0, "", "no-headings", text("there is no row of headings"), text(hint))
            return
        filled = [row for row in rows if row.filled]
        if above := sum(row.number < top.number for row in filled):
            self.left_out.append(text("rows above the headings: {above}", above=above))
        below = list(self.without_sums(top, (row for row in filled if row.number > top.number)))
        self.read_headings(top, {index for row in below for index, cell in enumerate(row.cells) if cell.strip()})
        for row in self.without_merging(top, below):
            self.read_agent(row)

    def without_sums(self, top: SheetRow, rows: Iterable[SheetRow]) -> Iterator[SheetRow]:
        """The rows without sums and remarks, which are told, and without headings that printed sheets repeat."""
        for row in rows:
            if is_sum(row) or is_remark(row):
                kind, cells = text("a sum") if is_sum(row) else text("a remark"), clipped(" ".join(row.filled))
                self.left_out.append(text("row {row}: {kind}, {cells}", row=row.number, kind=kind, cells=cells))
            elif not (row.cells == top.cells or self.is_second_heading(top, row)):
                yield row

    def is_second_heading(self, top: SheetRow, row: SheetRow) -> bool:
        """Whether a row names the same fields once more, in other words."""
        names = [(self.field_of(cell), self.field_of(top.cell(index))) for index, cell in enumerate(row.cells) if cell]
        return (KEY, KEY) in names and all(below == above for below, above in names)

    def without_merging(self, top: SheetRow, rows: Sequence[SheetRow]) -> Iterable[SheetRow]:
        """The rows with cells filled from above where that was asked for; columns that look merged are told."""
        fill = {
            column.index
            for column in self.columns
            if {fold_heading(column.heading), fold_heading(column.row.name)} & self.fill.keys()
        }
        known = {fold_heading(name) for column in self.columns for name in (column.heading, column.row.name)}
        for folded in self.fill.keys() - known:
            self.add_problem(top.line, 0, "", "no-such-heading", no_column("--fill-down", self.fill[folded]))
        for column in self.columns:
            found = gaps(rows, column.index)
            name = named_column(column.index, column.heading)
            if column.index in fill:
                filled = "{column}: {count:,} blank cells filled from above"
                self.notes.append(text(filled, column=name, count=found.blank))
            elif found.looks_merged and column.row.name in _SHARED and not column.truth:
                words = (
                    "{column} has a value in {filled:,} of {all:,} rows, as merged cells leave it; "
                    "--fill-down {heading} fills the others from above"
                )
                count = {"filled": found.rows - found.blank, "all": found.rows}
                self.notes.append(text(words, column=name, heading=shlex.quote(column.heading), **count))
        return filled_down(rows, fill) if fill else rows

    def read_headings(self, top: SheetRow, used: set[int]) -> None:
        """Find the field of each column; `used` are the indexes of columns with a cell that is not blank."""
        width = max({len(top.cells) - 1, *used}) + 1
        headings = [*top.cells, *[""] * (width - len(top.cells))]
        for index, heading in enumerate(headings):
            if index in used or self.field_of(heading) == KEY:
                self.read_heading(top, index, heading)
            elif trim_invisible(heading):
                self.left_out.append(text("{column}: empty", column=named_column(index, heading)))
        if KEY not in map(self.field_of, headings):
            hint = text("call it 工号 or operatorId, or say which it is: --map HEADING=operatorId")
            self.add_problem(top.line, 0, "", "no-number-column", text("no column has the agents' numbers"), hint)
        for folded in self.mapped.keys() - {fold_heading(heading) for heading in headings}:
            self.add_problem(top.line, 0, "", "no-such-heading", no_column("--map", self.mapped[folded][0]))

    def read_heading(self, top: SheetRow, index: int, heading: str) -> None:
        """Find the field of a column that has values."""
        name = self.field_of(heading)
        path = f"{column_letters(index)}{top.number}"
        if name == LEAVE_OUT:
            self.left_out.append(named_column(index, heading))
        elif is_password_heading(heading):
            self.add_problem(top.line, index, path, "password-column", *password_column(heading))
        elif name is None:
            self.add_problem(top.line, index, path, "unknown-heading", *unknown_heading(heading))
        elif other := next((column for column in self.columns if column.row.name == name), None):
            self.add_problem(
                top.line, index, path, "two-columns", *two_columns(heading, other.index, other.heading, name)
            )
        else:
            truth = yes_and_no(heading) if field_for_heading(heading) == name else None
            self.columns.append(_Column(index, heading, BY_NAME[name], truth))

    def read_agent(self, row: SheetRow) -> None:
        """Read one agent's row, and keep the values that can be read."""
        values: dict[str, Value] = {}
        for column in self.columns:
            problem_count = len(self.problems)
            value = self.read_value(row, column)
            if value is not None:
                values[column.row.name] = value
            elif column.row.name == KEY and problem_count == len(self.problems):
                message = text("the row has values and no agent's number")
                hint = text("write it into the row, or delete the row")
                self.add_problem(row.line, column.index, _cell(row, column), "no-number", message, hint)
        operator_id = values.pop(KEY, None)
        if operator_id is not None:
            self.agents.setdefault(str(operator_id), values)

    def read_value(self, row: SheetRow, column: _Column) -> Value:
        """A cell's value; `None` where the cell says nothing or has a problem, which is added."""
        cell = row.cell(column.index)
        try:
            value = read_cell(column.row, cell, column.truth) if cell else None
        except UnreadableCell as unreadable:
            told = (unreadable.code, unreadable.message, unreadable.hint)
            self.add_problem(row.line, column.index, _cell(row, column), *told)
            return None
        if value is None:
            self.empty_words += bool(trim_invisible(cell))
            return None
        self.counts[column.index] += 1
        self.firsts.setdefault(column.index, str(value))
        if column.row.kind is Kind.KEY:
            place = Place(self.file, row.line, column.index + 1)
            self.cells.setdefault(str(value), (place, f"{self.prefix}{_cell(row, column)}"))
        if column.row.kind in (Kind.KEY, Kind.SIP_NUMBER):
            first = self.first_lines.setdefault((column.row.name, value), row.line)
            if first != row.line:
                twice = "{field} {value} stands twice; the first is in line {line}"
                message = text(twice, field=column.row.name, value=clipped(str(value)), line=first)
                hint = text("it belongs to one agent: mend a row")
                self.add_problem(row.line, column.index, _cell(row, column), "number-twice", message, hint)
        return value


def _cell(row: SheetRow, column: _Column) -> str:
    return f"{column_letters(column.index)}{row.number} {' '.join(column.heading.split())[:CLIP_AT]}"
