"""A workbook (.xlsx, .xls, .ods) to the rows of its sheets: numbers and dates as they are, merged cells filled."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from reconciler.core.model.message import text
from reconciler.core.sheets.rows import SheetRow, column_letters
from reconciler.errors import ReconcilerError, install_hint


@dataclass(frozen=True, slots=True)
class WorkbookSheet:
    """One sheet of a workbook: its name, its rows, and the spans of merged cells that were filled, such as `C2:C5`."""

    name: str
    rows: tuple[SheetRow, ...]
    merged: tuple[str, ...]


def workbook_sheets(file: str, data: bytes) -> tuple[WorkbookSheet, ...]:
    """The sheets of a workbook (.xlsx, .xls, .ods). A merged cell has its value in each of its rows.

    Raises:
        ReconcilerError: the bytes are no workbook that can be read, or the library for it is not there.
    """
    try:
        from python_calamine import CalamineError, load_workbook
    except ImportError:
        hint = text("{install}; or in Excel or WPS: Save as, CSV UTF-8 (逗号分隔)", install=install_hint("xlsx"))
        raise ReconcilerError(
            "extra-missing", text("{file} is a workbook, and what reads one is not installed", file=file), hint
        ) from None
    try:
        book = load_workbook(BytesIO(data))
        return tuple(_sheet(book.get_sheet_by_name(name), name) for name in book.sheet_names)
    except (CalamineError, ValueError, OSError):
        raise ReconcilerError(
            "unreadable-sheet",
            text("{file} is a workbook, not CSV, and cannot be read as one", file=file),
            text("save it again, without a password"),
        ) from None


def _sheet(sheet: Any, name: str) -> WorkbookSheet:
    cells = [[_cell_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    merged = []
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if bottom > top and left == right and bottom < len(cells) and left < len(cells[top]) and cells[top][left]:
            for row in range(top + 1, bottom + 1):
                cells[row][left] = cells[top][left]
            column = column_letters(left)
            merged.append(f"{column}{top + 1}:{column}{bottom + 1}")
    rows = tuple(SheetRow(index + 1, index + 1, row) for index, row in enumerate(cells))
    return WorkbookSheet(name, rows, tuple(merged))


def _cell_text(cell: object) -> str:
    """A cell as its text in CSV would be: whole numbers without a fraction, dates as dates."""
    if isinstance(cell, bool):
        return str(cell).upper()
    return _number(cell) if isinstance(cell, float) else str(cell)


def _number(value: float) -> str:
    """A number in digits; one that is too long for a spreadsheet to keep stands as it shows it."""
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return f"{value:.6E}" if abs(value) >= _EXACT else repr(value)


_EXACT: Final = 10**15
"""A spreadsheet keeps fifteen digits."""
