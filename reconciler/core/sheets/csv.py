"""Agents as CSV that spreadsheets open: a heading row, then one agent a row. Also single cells, written and read.

`from_cell` reads every cell back as the value that `to_cell` wrote. Text that a spreadsheet would run as a formula, or
read as a number, a date or a truth value, gets an apostrophe in front, which `from_cell` takes away.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.core.model.fields import BY_NAME, KEY, LISTED, Field, Kind, Value, canon, fits
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.message import Text, text
from reconciler.core.model.operator_id import unfit_id
from reconciler.core.model.plan import Note
from reconciler.core.model.words import ZH_HEADINGS, ZH_VALUES
from reconciler.core.yaml.spelling import QUOTED, ascii_excerpt, is_expressible, scalar

NUMBERS: Final = QUOTED - {KEY}
"""The fields that hold a phone or SIP number."""
COLUMNS: Final = (BY_NAME[KEY], *LISTED)
_BOM: Final = "\ufeff"
"""Without it Excel reads a CSV file in the encoding of its country."""
_RISKY_STARTS: Final = frozenset("=+-@＝＋－＠'`:#")
"""First characters of a formula in some spreadsheet, our own apostrophe, a CI runner's `::command`, and `#REF!`."""
_NUMERIC: Final = re.compile(r"[0-9][-+.,:/ 0-9A-Fa-f%年月日时分秒]*")
_HARMLESS: Final = re.compile(r"0|[1-9][0-9]{0,10}")
"""A number that a spreadsheet shows and saves unchanged; one with more digits becomes 1.38E+12."""
_TRUTH_VALUES: Final = {"true": True, "false": False}
EMPTY_WORDS: Final = frozenset(("-", "--", "—", "——", "/", "\\", "无", "暂无", "null", "n/a", "\\n"))
"""What people and databases write where there is no value. An apostrophe marks such a word as a text."""
SUMMARY_ROW: Final = re.compile(
    r"(合计|总计|小计|共计|总数|总人数|备注|说明|制表|填表|total|subtotal|sum)(?![A-Za-z])", re.IGNORECASE
)
"""How a row below the agents begins that is a total or a remark."""
_ALTERED: Final = re.compile("[０-９\ufffd]")
"""Full-width digits, which a reader narrows, and the mark of a lost character."""


@dataclass(frozen=True, slots=True)
class Table:
    """The file's text, and warnings that say which values of which agents it leaves out."""

    text: str
    warnings: tuple[Note, ...]


def to_csv(live: LiveState, *, chinese: bool = False) -> Table:
    """Every agent, sorted by id; a value that no file can express is blank.

    Headings, choices and flags are the fields' own, or with `chinese` the words of `core.model.words`.
    """
    gaps: dict[tuple[str, Text], list[str]] = defaultdict(list)
    agents = sorted(live.agents.values(), key=lambda agent: agent.operator_id)
    rows = [row for agent in agents if (row := _row(agent, gaps, chinese=chinese))]
    table = _csv_text([[ZH_HEADINGS[row.name] if chinese else row.name for row in COLUMNS], *rows])
    return Table(_BOM + table, tuple(Note(message, tuple(ids), code) for (code, message), ids in gaps.items()))


def _row(agent: LiveAgent, gaps: dict[tuple[str, Text], list[str]], *, chinese: bool) -> list[str]:
    if not is_expressible(BY_NAME[KEY], agent.operator_id):
        unfit = text("the id {fault}: left out, since no file may hold it", fault=unfit_id(agent.operator_id))
        gaps["unfit-id", unfit].append(agent.operator_id)
        return []
    cells = []
    for row in COLUMNS:
        value = agent.operator_id if row.name == KEY else agent.fields[row.name]
        expressible = is_expressible(row, value)
        if not expressible:
            blank = text("{field} is blank: no file can say {value}", field=row.name, value=ascii_excerpt(value))
            gaps["left-unmanaged", blank].append(agent.operator_id)
        word = ZH_VALUES.get(row.name, {}).get(value) if chinese else None
        cells.append((word or to_cell(value, row)) if expressible else "")
    return cells


def _csv_text(rows: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


def to_cell(value: Value, row: Field | None = None) -> str:
    """A canonical value, of a field where that matters, as a cell; `None` (no SIP number) is a blank one."""
    if not isinstance(value, str):
        return "" if value is None else scalar(value)
    odd = row is not None and row.name in NUMBERS and value and not _NUMBER.fullmatch(value)
    return f"'{value}" if odd or _is_risky(value) else value


def _is_risky(text: str) -> bool:
    """Whether a spreadsheet, or `core.sheets.cells`, would read something else than this text."""
    if text[:1] in _RISKY_STARTS or trim_invisible(text) != text or _ALTERED.search(text) or SUMMARY_ROW.match(text):
        return True
    word = text.casefold()
    return (
        word in _TRUTH_VALUES or word in EMPTY_WORDS or bool(_NUMERIC.fullmatch(text) and not _HARMLESS.fullmatch(text))
    )


def trim_invisible(text: str) -> str:
    """The text without invisible characters at its ends: blanks, tabs, marks of direction.

    Characters that Python's tables do not know stay: people's names have some.
    """
    if text.isprintable():
        return text.strip(" ")
    visible = [index for index, character in enumerate(text) if unicodedata.category(character) not in _TRIMMED]
    return text[visible[0] : visible[-1] + 1] if visible else ""


_TRIMMED: Final = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))


def phone_digits(text: str) -> str:
    """The digits of a phone or SIP number that people have parted by blanks, hyphens or brackets; `+` stays.

    Raises:
        ValueError: the text is no number.
    """
    digits = _PARTED.sub("", unicodedata.normalize("NFKC", text))
    if not _NUMBER.fullmatch(digits):
        raise ValueError(text)
    return digits


_PARTED: Final = re.compile(r"[\s()\-\u2010-\u2015\u2212.,\u00b7]")
_NUMBER: Final = re.compile(r"\+?[0-9]+")


def from_cell(row: Field, cell: str) -> Value:
    """The canonical value of a cell that `to_cell` or a person wrote; words such as `TRUE` in any case.

    `None` for a blank cell: no value is given, or there is no SIP number.

    Raises:
        ValueError: the cell's value does not fit the field.
    """
    if row.kind in (Kind.TEXT, Kind.KEY, Kind.SIP_NUMBER):
        value = canon(row, cell.removeprefix("'"))
    else:
        word = cell.strip().casefold()
        if not word:
            return None
        value = _TRUTH_VALUES[word] if row.kind is Kind.FLAG and word in _TRUTH_VALUES else canon(row, word)
    if not fits(row, value):
        raise ValueError(f"{row.name} cannot be {ascii_excerpt(value)}")
    return value
