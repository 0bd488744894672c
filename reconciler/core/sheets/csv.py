"""Agents as a table, CSV as spreadsheets read it: a heading row, then one agent a row. The way out; cells both ways.

A cell is read back as what was written, whatever it holds. Text that a spreadsheet would run as a formula, or take for
a number, a date or a truth, has an apostrophe in front, which `from_cell` takes away again.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.core.model.fields import BY_NAME, KEY, LISTED, Field, Kind, Value, canon, fits
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.plan import Note
from reconciler.core.yaml.spelling import can_say, scalar, shown

COLUMNS: Final = (BY_NAME[KEY], *LISTED)
ZH: Final = {
    "operatorId": "工号",
    "name": "姓名",
    "operatorType": "坐席类型",
    "status": "状态",
    "mainGroupName": "主技能组",
    "showcaller": "主叫显示号码",
    "bindcode": "绑定电话",
    "sipNumber": "SIP号码",
    "afterInterval": "话后时长",
    "isHidePhone": "隐藏号码",
    "isrecord": "录音",
    "outcallflag": "外呼标志",
    "ttscontent": "播放内容",
    "email": "邮箱",
    "isaudio": "语音",
    "ismessage": "即时消息",
    "isvideo": "视频",
    "judge": "服务评价",
}
"""The Chinese headings of the columns, by field."""

_BOM: Final = "\ufeff"
"""Excel takes a CSV file without one for the encoding of its country."""
_FORMULA: Final = frozenset("=+-@＝＋－＠'`:#")
"""What may begin a formula in one spreadsheet or another, our own apostrophe, a runner's `::command`, and `#REF!`."""
_NUMERIC: Final = re.compile(r"[0-9][-+.,:/ 0-9A-Fa-f%年月日时分秒]*")
_HARMLESS: Final = re.compile(r"0|[1-9][0-9]{0,10}")
"""A number that a spreadsheet shows and saves as it was: with more digits it becomes 1.38E+12."""
_TRUTHS: Final = {"true": True, "false": False}
SAYS_NOTHING: Final = frozenset(("-", "--", "—", "——", "/", "\\", "无", "暂无", "null", "n/a", "\\n"))
"""What people and databases write where there is no value; in front of a text that is one stands an apostrophe."""
TOTALS: Final = re.compile(
    r"(合计|总计|小计|共计|总数|总人数|备注|说明|制表|填表|total|subtotal|sum)(?![A-Za-z])", re.IGNORECASE
)
"""How a row below the agents begins that is none of them."""
_ALTERED: Final = re.compile("[０-９\ufffd]")
"""Digits that are meant as others, and what stands where a character was lost."""


@dataclass(frozen=True, slots=True)
class Table:
    """The file's text, and what is missing from it, with the agents that it is about."""

    text: str
    warnings: tuple[Note, ...]


def to_csv(live: LiveState, *, chinese: bool = False) -> Table:
    """Every agent, sorted by id; what no file can say is blank. Headings are the fields' names, or Chinese."""
    gaps: dict[str, list[str]] = defaultdict(list)
    agents = sorted(live.agents.values(), key=lambda agent: agent.operator_id)
    rows = [row for agent in agents if (row := _row(agent, gaps))]
    text = _written([[ZH[row.name] if chinese else row.name for row in COLUMNS], *rows])
    return Table(_BOM + text, tuple(Note(message, tuple(ids)) for message, ids in gaps.items()))


def _row(agent: LiveAgent, gaps: dict[str, list[str]]) -> list[str]:
    if not can_say(BY_NAME[KEY], agent.operator_id):
        gaps["an id that no file can say: left out"].append(agent.operator_id)
        return []
    cells = []
    for row in COLUMNS:
        value = agent.operator_id if row.name == KEY else agent.fields[row.name]
        said = can_say(row, value)
        if not said:
            gaps[f"{row.name} is blank: no file can say {shown(value)}"].append(agent.operator_id)
        cells.append(to_cell(value) if said else "")
    return cells


def _written(rows: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


def to_cell(value: Value) -> str:
    """A canonical value as a cell; no SIP number is a blank one."""
    if not isinstance(value, str):
        return "" if value is None else scalar(value)
    return f"'{value}" if _is_risky(value) else value


def _is_risky(text: str) -> bool:
    """Whether a spreadsheet, or who reads what people write into it, would make something else of it than this text."""
    if text[:1] in _FORMULA or trimmed(text) != text or _ALTERED.search(text) or TOTALS.match(text):
        return True
    word = text.casefold()
    return word in _TRUTHS or word in SAYS_NOTHING or bool(_NUMERIC.fullmatch(text) and not _HARMLESS.fullmatch(text))


def trimmed(text: str) -> str:
    """The text without what the eye cannot see at its ends: blanks, tabs, marks of direction."""
    if text.isprintable():
        return text.strip(" ")
    seen = [at for at, character in enumerate(text) if character != " " and character.isprintable()]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def from_cell(row: Field, cell: str) -> Value:
    """The canonical value of a cell that `to_cell` or a person wrote: of one that is no text, also in capitals.

    `None`: it is blank, which says nothing, or of a SIP number that there is none. Raises `ValueError` for what does
    not fit the field.
    """
    if row.kind in (Kind.TEXT, Kind.KEY, Kind.SIP_NUMBER):
        value = canon(row, cell.removeprefix("'"))
    else:
        word = cell.strip().casefold()
        if not word:
            return None
        value = _TRUTHS[word] if row.kind is Kind.FLAG and word in _TRUTHS else canon(row, word)
    if not fits(row, value):
        raise ValueError(f"{row.name} cannot be {shown(value)}")
    return value
