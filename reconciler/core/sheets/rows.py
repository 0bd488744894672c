"""The rows of a sheet: read from CSV, filled from above where cells were merged, and told from sums and remarks."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from reconciler.core.sheets.csv import SUMMARY_ROW, trim_invisible


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row: the line of the text in which it begins, the spreadsheet's number of it, and its cells."""

    line: int
    number: int
    cells: list[str]

    def cell(self, index: int) -> str:
        """The cell at an index from 0; empty beyond the last one."""
        return self.cells[index] if index < len(self.cells) else ""

    @property
    def filled(self) -> list[str]:
        """The cells that are not blank, trimmed."""
        return [text for text in map(trim_invisible, self.cells) if text]


def column_letters(index: int) -> str:
    """A spreadsheet's name of a column: A, B, … Z, AA."""
    before, last = divmod(index, 26)
    return (column_letters(before - 1) if before else "") + chr(ord("A") + last)


class UnfinishedRow(Exception):
    """The quote of a row that begins in `line` does not end."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


def csv_rows(text: str, delimiter: str) -> Iterator[SheetRow]:
    """The rows of CSV text.

    Raises:
        UnfinishedRow: a row does not end.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = number = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise UnfinishedRow(line) from None
        if cells is None:
            return
        yield SheetRow(line, number, cells)
        line, number = reader.line_num + 1, number + 1


_SUMS: Final = frozenset(("合计", "总计", "小计"))
_COUNT: Final = re.compile(r"[-+]?[0-9][0-9,]*(?:\.[0-9]+)?%?")
_BLANKS: Final = re.compile(r"[\s:：]+")


def is_sum(row: SheetRow) -> bool:
    """Whether a row sums up others: it has one of the words alone in a cell, and beside it blanks or numbers only."""
    filled = row.filled
    words = [text for text in filled if _BLANKS.sub("", text) in _SUMS]
    return len(words) == 1 and all(_COUNT.fullmatch(text) for text in filled if text != words[0])


def is_remark(row: SheetRow) -> bool:
    """Whether a row is a note to readers: one cell that begins like a note, and nothing beside it."""
    filled = row.filled
    return len(filled) == 1 and SUMMARY_ROW.match(filled[0]) is not None


@dataclass(frozen=True, slots=True)
class Gaps:
    """The blank cells of a column: in how many of how many rows, and whether they stand as merging leaves them."""

    blank: int
    rows: int
    looks_merged: bool


def gaps(rows: Sequence[SheetRow], index: int) -> Gaps:
    """What merging has left of a column: its first row has a value, and no value stands twice in a row."""
    values = [trim_invisible(row.cell(index)) for row in rows]
    blank = values.count("")
    begins = bool(values) and values[0] != "" and blank > 0
    apart = all(not value or value != before for before, value in pairwise(values))
    return Gaps(blank, len(values), begins and apart)


def filled_down(rows: Iterable[SheetRow], indexes: Iterable[int]) -> Iterator[SheetRow]:
    """The rows with the blank cells of some columns filled from above."""
    above = dict.fromkeys(indexes, "")
    for row in rows:
        cells = [*row.cells, *[""] * (max(above, default=-1) + 1 - len(row.cells))]
        for index, value in above.items():
            if not trim_invisible(cells[index]):
                cells[index] = value
            above[index] = cells[index]
        yield SheetRow(row.line, row.number, cells)
