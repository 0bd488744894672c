"""Headings and cells as people write them: which field a heading names, and which value a cell holds.

Text behind an apostrophe is taken exactly as it stands, which undoes the apostrophe of `core.sheets.csv`. A value that
a spreadsheet has destroyed is refused, never guessed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from reconciler.core.model.fields import FIELDS, Field, Kind, Value
from reconciler.core.model.operator_id import id_fault, meant_id
from reconciler.core.model.problem import closest
from reconciler.core.model.spoilt import spoilt
from reconciler.core.sheets.csv import EMPTY_WORDS, SUMMARY_ROW, ZH_HEADINGS, from_cell, trim_invisible
from reconciler.core.yaml.spelling import QUOTED

LEAVE_OUT: Final = ""
"""Stands in place of a field's name for a column that is left out."""
CLIP_AT: Final = 40
"""The most characters of a cell or a heading that a message quotes."""


def clipped(text: str) -> str:
    """A cell or a heading as a message quotes it: as a JSON string, cut where it is long."""
    return json.dumps(text if len(text) <= CLIP_AT else text[: CLIP_AT - 1] + "…", ensure_ascii=False)


# Headings.

_HEADINGS: Final = {
    "operatorId": "坐席工号 座席工号 坐席号 座席号 坐席号码 座席号码 坐席编号 座席编号 坐席ID 座席ID 员工号 员工工号 "
    "工号ID agentid agentno agentnumber",
    "name": "坐席姓名 座席姓名 坐席名称 座席名称 坐席名 座席名 员工姓名 名字 名称 agentname fullname",
    "operatorType": "座席类型 坐席类别 座席类别 类型 agenttype type",
    "status": "坐席状态 座席状态 是否启用 启用 启用状态 账号状态",
    "mainGroupName": "主技能组名称 技能组 技能组名称 组别 分组 组 组名 班组 小组 所属组 所属班组 所属技能组 group "
    "groupname skillgroup team",
    "showcaller": "外显号码 外显号 外显 主叫号码 主叫显示 主叫显号 显示号码 去电显示 callerid",
    "bindcode": "手机 手机号 手机号码 绑定号码 绑定手机 绑定手机号 绑定电话号码 电话 电话号码 联系电话 phone mobile",
    "sipNumber": "SIP SIP号 SIP账号 SIP分机 SIP分机号 分机 分机号 分机号码 extension ext",
    "afterInterval": "话后时间 话后处理时长 话后整理时长 话后整理时间 整理时长 整理时间 wrapup wrapuptime",
    "isHidePhone": "是否隐藏号码 号码隐藏 是否隐藏 隐号",
    "isrecord": "是否录音 录音开关 通话录音 recording",
    "outcallflag": "外呼权限 呼出权限 外呼 是否外呼 允许外呼",
    "ttscontent": "播报内容 播放文本",
    "email": "邮件 电子邮箱 电子邮件 邮箱地址 mail emailaddress",
    "isaudio": "是否支持语音 支持语音",
    "ismessage": "是否支持即时消息 支持即时消息",
    "isvideo": "是否支持视频 支持视频",
    "judge": "是否服务评价 满意度评价 满意度",
    "roleName": "角色 角色名称 角色名 role",
    "bindSkillName": "技能 技能名称 绑定技能 绑定技能名称 skill",
    "bindSkillLevel": "技能等级 技能级别 绑定技能等级 skilllevel",
}
"""Further headings that people use for a field, beside its name and its heading in `core.sheets.csv`."""

_BRACKETS: Final = re.compile(r"[(\[{【〔<《].*?[)\]}】〕>》]", re.DOTALL)
_NOT_LETTERS: Final = re.compile(r"[\W_]+")
_ROW_NUMBERS: Final = frozenset(("序号", "行号"))
"""Headings of columns that number the rows."""
_PASSWORD_WORDS: Final = ("密码", "口令", "password", "passwd", "pwd")


def fold_heading(heading: str) -> str:
    """A heading in a form to compare: without case, width, blanks, hyphens, marks, and anything in brackets."""
    text = unicodedata.normalize("NFKC", heading).casefold()
    return _NOT_LETTERS.sub("", _BRACKETS.sub("", text)) or _NOT_LETTERS.sub("", text)


_FIELD_BY_HEADING: Final = {
    fold_heading(word): row.name
    for row in FIELDS
    if row.kind is not Kind.PASSWORD
    for word in (row.name, ZH_HEADINGS.get(row.name, row.name), *_HEADINGS.get(row.name, "").split())
}


def field_for_heading(heading: str) -> str | None:
    """The name of the field that a heading stands for, or `LEAVE_OUT`; `None` for an unknown one or a password."""
    return LEAVE_OUT if fold_heading(heading) in _ROW_NUMBERS else _FIELD_BY_HEADING.get(fold_heading(heading))


def closest_field(heading: str) -> str:
    """The name of the field that a heading most likely means, or the empty text."""
    return _FIELD_BY_HEADING.get(closest(fold_heading(heading), _FIELD_BY_HEADING), "")


def is_password_heading(heading: str) -> bool:
    """Whether a heading is that of a column of passwords."""
    folded = fold_heading(heading)
    return any(word in folded for word in _PASSWORD_WORDS)


# Cells.


class UnreadableCell(ValueError):
    """A cell that cannot be read. `message` says what is wrong with it, `hint` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


_YES: Final = "yes y on 是 有 开 开启 已开启 开通 已开通 启用 已启用 支持 允许 对 √ ✓ ✔ ☑"
_NO: Final = "no n off 否 无 没有 关 关闭 已关闭 停用 已停用 禁用 已禁用 不支持 不允许 未开通 不 × x ✗ ✘ ☐"
_CHOICE_WORDS: Final[Mapping[str, Mapping[Value, str]]] = {
    "operatorType": {
        "agent": "普通 普通坐席 普通座席 坐席 座席 普通员工 客服",
        "leader": "班长 组长 班组长 班长坐席 班长座席 组长坐席 组长座席",
    },
    "status": {"enabled": f"{_YES} true 正常 在用 有效", "disabled": f"{_NO} false 冻结 已冻结 无效"},
    "outcallflag": {
        "allowed": f"{_YES} true 允许外呼 可外呼 不限 不限制 无限制",
        "no-long-distance": "限制长话 限制长途 禁止长话 禁止长途",
        "forbidden": f"{_NO} false 禁止 禁止外呼 不允许外呼 不可外呼",
        "no-international": "限制国际 限制国际长途 禁止国际 禁止国际长途",
    },
}
_FLAG_WORDS: Final[Mapping[Value, str]] = {True: _YES, False: _NO}
_VALUE_BY_WORD: Final[Mapping[str, Mapping[str, Value]]] = {
    row.name: {
        word: value for value, words in _CHOICE_WORDS.get(row.name, _FLAG_WORDS).items() for word in words.split()
    }
    for row in FIELDS
    if row.kind in (Kind.FLAG, Kind.CHOICE)
}
"""By field, the value that a word means; canonical spellings and the vendor's integers are not among the words."""

_NUMBER: Final = re.compile(r"([0-9]{1,18})(?:\.0+)?")
_SECONDS: Final = re.compile(r"(?<=[0-9])(?:秒钟?|s)\Z")
_AS_TEXT: Final = re.compile(r'="([^"]*)"')
"""The formula with which some programs keep a spreadsheet from reading digits as a number."""
_ERROR_VALUE: Final = re.compile(
    r"#{2,}|#(?:REF!|VALUE!|NUM!|NULL!|SPILL!|CALC!|FIELD!|DIV/0!|NAME\?|N/A|GETTING_DATA)"
)
_WRITE_AGAIN: Final = "set the column to text, write the digits again, and save the sheet anew"
_DESTROYED: Final = {
    re.compile(pattern): words
    for pattern, words in (
        (r"[0-9][0-9.,]*[Ee]\+[0-9]+", "has lost its last digits: the spreadsheet took it for a number and rounded it"),
        (r"[0-9]+\.[0-9]+", "is a fraction, and digits belong here"),
        (r"[0-9]{1,3}(?:,[0-9]{3})+", "is a number with commas, and digits belong here"),
        (r"[0-9]{15}0+", "may have lost digits: a spreadsheet keeps fifteen, and makes the others zeros"),
        (r"[0-9]{1,4}[年/][0-9]{1,2}(?:[月/][0-9]{1,4}日?|月)|[0-9]{1,2}月[0-9]{1,2}日", "is a date"),
    )
}
"""What spreadsheets turn ids, phone and SIP numbers into. `core.sheets.csv` writes an apostrophe before such text."""
_FULL_WIDTH: Final = {ord("０") + digit: str(digit) for digit in range(10)}


def read_cell(row: Field, cell: str) -> Value:
    """A cell's canonical value; `None` for a cell that says nothing.

    Raises:
        UnreadableCell: the cell's text is not understood, or a spreadsheet has destroyed its value.
    """
    is_exact = cell.startswith("'")
    text = cell[1:] if is_exact else trim_invisible(cell)
    if not is_exact and (formula := _AS_TEXT.fullmatch(text)):
        is_exact, text = True, formula.group(1)
    if not text:
        return None
    if row.kind in (Kind.FLAG, Kind.CHOICE, Kind.INTEGER):
        return _read_word(row, text)
    if not is_exact and text.casefold() in EMPTY_WORDS:
        return None
    value = from_cell(row, f"'{text}") if is_exact else _read_text(row, text)
    if row.name in QUOTED and (harm := spoilt(str(value))):
        raise UnreadableCell(f"{clipped(str(value))} {harm}", _WRITE_AGAIN)
    if row.kind is Kind.KEY:
        _check_id(str(value))
    return value


def _check_id(text: str) -> None:
    """Raise `UnreadableCell` for an id that no file may hold."""
    if fault := id_fault(text):
        meant = meant_id(text)
        hint = f"did you mean {clipped(meant)}?" if meant else "use characters that everybody can see and type"
        raise UnreadableCell(f"{clipped(text)} {fault}", hint)


def _read_text(row: Field, text: str) -> str:
    """A text as it was written. One that a spreadsheet has changed, or that is no value, is refused."""
    if _ERROR_VALUE.fullmatch(text):
        hint = "a row of # is a column too narrow, an error a formula that failed: mend the sheet and save it anew"
        raise UnreadableCell(f"{clipped(text)} is what a spreadsheet shows in place of a value", hint)
    if text.startswith("="):
        raise UnreadableCell("is a formula, not its value", "copy the column, and paste it over itself as values")
    if "\ufffd" in text:
        raise UnreadableCell(f"{clipped(text)} has lost a character", "save the original as CSV UTF-8")
    if row.kind is Kind.KEY and SUMMARY_ROW.match(text):
        raise UnreadableCell(f"{clipped(text)} is no agent's number", "delete the row, if it is a sum or a remark")
    if row.name not in QUOTED:
        return text
    text = text.translate(_FULL_WIDTH)
    for pattern, words in _DESTROYED.items():
        if pattern.fullmatch(text):
            raise UnreadableCell(f"{clipped(text)} {words}", _WRITE_AGAIN)
    return text


def _read_word(row: Field, text: str) -> Value:
    """The value that a word or a number stands for, of a flag, a choice or an integer."""
    word = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    values = _VALUE_BY_WORD.get(row.name, {})
    if word in values:
        return values[word]
    if word in EMPTY_WORDS:
        return None
    number = _NUMBER.fullmatch(_SECONDS.sub("", word) if row.kind is Kind.INTEGER else word)
    try:
        return from_cell(row, number.group(1) if number else word)
    except ValueError:
        raise UnreadableCell(f"{clipped(text)} is not understood as {row.name}", _hint_for(row)) from None


def _hint_for(row: Field) -> str:
    if row.kind is Kind.INTEGER:
        return f"write a whole number, {row.rules['minimum']} or more"
    if row.kind is Kind.FLAG:
        return "write 是 or 否, or true or false"
    return f"write one of {', '.join(row.choices)}, or as it is called: {row.zh}"
