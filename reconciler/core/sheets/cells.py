"""Headings and cells as people write them: which field a heading names, and which value a cell holds.

Text behind an apostrophe is taken exactly as it stands, which undoes the apostrophe of `core.sheets.csv`. A value that
a spreadsheet has destroyed is refused, never guessed.
"""

from __future__ import annotations

import json
import re
from typing import Final

from reconciler.core.model.fields import Field, Kind, Value
from reconciler.core.model.message import Text, text
from reconciler.core.model.operator_id import id_fault, meant_id
from reconciler.core.model.problem import closest
from reconciler.core.model.spoilt import spoilt
from reconciler.core.model.words import (
    answer_for_word,
    field_for_word,
    fold_heading,
    folded_word,
    known_words,
    value_for_word,
)
from reconciler.core.sheets.csv import EMPTY_WORDS, SUMMARY_ROW, from_cell, phone_digits, trim_invisible
from reconciler.core.yaml.spelling import QUOTED

LEAVE_OUT: Final = ""
"""Stands in place of a field's name for a column that is left out."""
CLIP_AT: Final = 40
"""The most characters of a cell or a heading that a message quotes."""


def clipped(cell: str) -> str:
    """A cell or a heading as a message quotes it: as a JSON string, cut where it is long."""
    return json.dumps(cell if len(cell) <= CLIP_AT else cell[: CLIP_AT - 1] + "…", ensure_ascii=False)


# Headings.

_ROW_NUMBERS: Final = frozenset(("序号", "行号"))
"""Headings of columns that number the rows."""
_PASSWORD_WORDS: Final = ("密码", "口令", "password", "passwd", "pwd")


def field_for_heading(heading: str) -> str | None:
    """The name of the field that a heading stands for, or `LEAVE_OUT`; `None` for an unknown one or a password."""
    return LEAVE_OUT if fold_heading(heading) in _ROW_NUMBERS else field_for_word(heading)


def closest_field(heading: str) -> str:
    """The name of the field that a heading most likely means, or the empty text."""
    return known_words().get(closest(fold_heading(heading), known_words()), "")


def is_password_heading(heading: str) -> bool:
    """Whether a heading is that of a column of passwords."""
    folded = fold_heading(heading)
    return any(word in folded for word in _PASSWORD_WORDS)


# Cells.


class UnreadableCell(ValueError):
    """A cell that cannot be read. `message` says what is wrong with it, `hint` what to do; `code` names the kind."""

    def __init__(self, message: Text, hint: Text, code: str = "unreadable-cell") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


_NUMBER: Final = re.compile(r"([0-9]{1,18})(?:\.0+)?")
_SECONDS: Final = re.compile(r"(?<=[0-9])(?:秒钟?|s)\Z")
_AS_TEXT: Final = re.compile(r'="([^"]*)"')
"""The formula with which some programs keep a spreadsheet from reading digits as a number."""
_ERROR_VALUE: Final = re.compile(
    r"#{2,}|#(?:REF!|VALUE!|NUM!|NULL!|SPILL!|CALC!|FIELD!|DIV/0!|NAME\?|N/A|GETTING_DATA)"
)
_WRITE_AGAIN: Final = text("set the column to text, write the digits again, and save the sheet anew")
_DESTROYED: Final = {
    re.compile(pattern): words
    for pattern, words in (
        (
            r"[0-9][0-9.,]*[Ee]\+[0-9]+",
            text("has lost its last digits: the spreadsheet took it for a number and rounded it"),
        ),
        (r"[0-9]+\.[0-9]+", text("is a fraction, and digits belong here")),
        (r"[0-9]{1,3}(?:,[0-9]{3})+", text("is a number with commas, and digits belong here")),
        (r"[0-9]{15}0+", text("may have lost digits: a spreadsheet keeps fifteen, and makes the others zeros")),
        (r"[0-9]{1,4}[年/][0-9]{1,2}(?:[月/][0-9]{1,4}日?|月)|[0-9]{1,2}月[0-9]{1,2}日", text("is a date")),
    )
}
"""What spreadsheets turn ids, phone and SIP numbers into. `core.sheets.csv` writes an apostrophe before such text."""
_FULL_WIDTH: Final = {ord("０") + digit: str(digit) for digit in range(10)}


def read_cell(row: Field, cell: str, truth: tuple[str, str] | None = None) -> Value:
    """A cell's canonical value; `None` for a cell that says nothing. `truth` is what yes and no mean in its column.

    Raises:
        UnreadableCell: the cell's text is not understood, or a spreadsheet has destroyed its value.
    """
    is_exact = cell.startswith("'")
    written = cell[1:] if is_exact else trim_invisible(cell)
    if not is_exact and (formula := _AS_TEXT.fullmatch(written)):
        is_exact, written = True, formula.group(1)
    if not written:
        return None
    if row.kind in (Kind.FLAG, Kind.CHOICE, Kind.INTEGER):
        return _read_answer(row, written, truth) if truth else _read_word(row, written)
    if not is_exact and written.casefold() in EMPTY_WORDS:
        return None
    value = from_cell(row, f"'{written}") if is_exact else _read_text(row, written)
    if row.name in QUOTED and (harm := spoilt(str(value))):
        raise UnreadableCell(text("{cell} {harm}", cell=clipped(str(value)), harm=harm), _WRITE_AGAIN, "spoilt-number")
    if row.kind is Kind.KEY:
        _check_id(str(value))
    return value


def _read_answer(row: Field, written: str, truth: tuple[str, str]) -> Value:
    """The value of a choice in a column that names one of its values, and says yes or no, or another value."""
    try:
        answer = answer_for_word(written)
    except ValueError:
        message = text("{cell} may mean either here", cell=clipped(written))
        raise UnreadableCell(message, text("write 是 or 否")) from None
    return _read_word(row, written) if answer is None else truth[0] if answer else truth[1]


def _check_id(written: str) -> None:
    """Raise `UnreadableCell` for an id that no file may hold."""
    if fault := id_fault(written):
        meant = meant_id(written)
        hint = text("use characters that everybody can see and type")
        if meant:
            hint = text("did you mean {guess}?", guess=clipped(meant))
        raise UnreadableCell(text("{cell} {harm}", cell=clipped(written), harm=fault), hint, "bad-id")


def _read_text(row: Field, written: str) -> str:
    """A text as it was written. One that a spreadsheet has changed, or that is no value, is refused."""
    if _ERROR_VALUE.fullmatch(written):
        hint = text(
            "a row of # is a column too narrow, an error a formula that failed: mend the sheet and save it anew"
        )
        raise UnreadableCell(
            text("{cell} is what a spreadsheet shows in place of a value", cell=clipped(written)), hint
        )
    if written.startswith("="):
        hint = text("copy the column, and paste it over itself as values")
        raise UnreadableCell(text("is a formula, not its value"), hint)
    if "\ufffd" in written:
        lost = text("{cell} has lost a character", cell=clipped(written))
        raise UnreadableCell(lost, text("save the original as CSV UTF-8"))
    if row.kind is Kind.KEY and SUMMARY_ROW.match(written):
        message = text("{cell} is no agent's number", cell=clipped(written))
        raise UnreadableCell(message, text("delete the row, if it is a sum or a remark"))
    if row.name not in QUOTED:
        return written
    written = written.translate(_FULL_WIDTH)
    for pattern, words in _DESTROYED.items():
        if pattern.fullmatch(written):
            raise UnreadableCell(
                text("{cell} {harm}", cell=clipped(written), harm=words), _WRITE_AGAIN, "spoilt-number"
            )
    if row.kind is Kind.KEY or spoilt(written):
        return written
    try:
        return phone_digits(written)
    except ValueError:
        message = text("{cell} is no phone or SIP number", cell=clipped(written))
        how = "write one number in digits, with + for another country; behind an apostrophe (') it stays as it is"
        raise UnreadableCell(message, text(how)) from None


def _read_word(row: Field, written: str) -> Value:
    """The value that a word or a number stands for, of a flag, a choice or an integer."""
    word = folded_word(written)
    if (value := value_for_word(row, written)) is not None:
        return value
    if word in EMPTY_WORDS:
        return None
    number = _NUMBER.fullmatch(_SECONDS.sub("", word) if row.kind is Kind.INTEGER else word)
    try:
        return from_cell(row, number.group(1) if number else word)
    except ValueError:
        message = text("{cell} is not understood as {field}", cell=clipped(written), field=row.name)
        raise UnreadableCell(message, _hint_for(row)) from None


def _hint_for(row: Field) -> Text:
    if row.kind is Kind.INTEGER:
        return text("write a whole number, {least} or more", least=row.rules["minimum"])
    if row.kind is Kind.FLAG:
        return text("write 是 or 否, or true or false")
    return text("write one of {choices}, or as it is called: {words}", choices=", ".join(row.choices), words=row.zh)
