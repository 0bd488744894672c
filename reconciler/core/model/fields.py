"""THE TABLE: the only place that knows which fields an agent has.

A row says what a field is, never what to do with it. The schema, the reference page, the canonical values of both
sides, the request bodies, the compared fields and the blocked changes all derive from the table. A field without a
row is neither sent nor compared.

Source: the vendor's reference, sections 2.1.1 (create), 2.1.2 (edit), 2.1.4 and 2.1.5 (what is listed).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from reconciler.core.model.operator_id import MAX_ID

Value = str | int | bool | None
"""A field's value in canonical spelling."""

MAX_INTEGER: Final = 2**31 - 1
"""The reference says `integer` and names no upper bound. The table assumes 32 bits."""

MAX_TEXT: Final = 2000
"""Characters of any text of a file but an operatorId."""


class Kind(Enum):
    """What a value is. The kind decides how the value is checked, compared and written."""

    KEY = "key"
    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"
    CHOICE = "choice"
    SIP_NUMBER = "sip number"
    PASSWORD = "password"  # noqa: S105 - the name of a kind


@dataclass(frozen=True, slots=True)
class Wire:
    """The vendor's name of the field on create (2.1.1), on edit (2.1.2) and in a listed row (2.1.4, 2.1.5).

    `None` means that the field does not exist there.
    """

    create: str | None = None
    edit: str | None = None
    listed: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    `rules` and `edit_rules` are JSON Schema keywords; `edit_rules` narrow what an edit accepts. `choices` are the
    canonical names of the vendor's integers 0, 1, …. `default` is the canonical value that a new agent has when the
    create does not send the field.
    """

    name: str
    kind: Kind
    wire: Wire
    doc: str
    zh: str
    default: Value = ""
    rules: Mapping[str, int] = field(default_factory=dict)
    edit_rules: Mapping[str, int] = field(default_factory=dict)
    choices: tuple[str, ...] = ()

    @property
    def compared(self) -> bool:
        """Whether the diff compares this field. It does not compare a key, nor a password, which only has a version."""
        return self.kind not in (Kind.KEY, Kind.PASSWORD)

    @property
    def write_only(self) -> bool:
        """Whether the vendor never lists the field, so that only the ledger knows its last value."""
        return self.wire.listed is None

    @property
    def create_only(self) -> bool:
        """Whether the field is fixed at creation."""
        return self.wire.create is not None and self.wire.edit is None

    @property
    def deferred(self) -> bool:
        """Whether create does not accept the field, so that a new agent needs an edit for it."""
        return self.wire.create is None and self.wire.edit is not None


def _text(name: str, wire: Wire, doc: str, zh: str, **rules: int) -> Field:
    return Field(name, Kind.TEXT, wire, doc, zh, rules={**rules, "maxLength": MAX_TEXT})


def _flag(name: str, wire: Wire, doc: str, zh: str, *, default: bool) -> Field:
    return Field(name, Kind.FLAG, wire, doc, zh, default=default)


def _everywhere(name: str) -> Wire:
    return Wire(create=name, edit=name, listed=name)


def _at_creation(name: str) -> Wire:
    return Wire(create=name, listed=name)


_COUNT: Final = {"minimum": 0, "maximum": MAX_INTEGER}

FIELDS: Final[tuple[Field, ...]] = (
    Field(
        "operatorId",
        Kind.KEY,
        _everywhere("operatorId"),
        "The agent's number and the key by which it is found. Text: quote it.",
        "坐席工号，唯一标识。是文本，请加引号。",
        rules={"minLength": 1, "maxLength": MAX_ID},
    ),
    _text("name", _everywhere("name"), "The agent's name.", "坐席姓名。"),
    Field(
        "operatorType",
        Kind.CHOICE,
        _everywhere("operatorType"),
        "`agent` (普通座席) or `leader` (班长).",
        "座席类型：agent 普通座席，leader 班长。",
        default="agent",
        choices=("agent", "leader"),
    ),
    Field(
        "status",
        Kind.CHOICE,
        Wire(edit="status", listed="status"),
        "Whether the agent is switched on. A new agent is enabled; a disabled one is created and then edited.",
        "是否启用：enabled 开通，disabled 关闭。新坐席默认开通。",
        default="enabled",
        choices=("disabled", "enabled"),
    ),
    _text(
        "mainGroupName",
        Wire(edit="mainGroupName", listed="mainGroupName"),
        "The main skill group. Set by an edit after creation.",
        "主技能组名称，创建之后通过修改设置。",
    ),
    _text("showcaller", _everywhere("showcaller"), "The caller number that is shown.", "主叫显示号码。"),
    _text("bindcode", _everywhere("bindcode"), "The real phone bound to the agent.", "绑定的真实电话号码。"),
    Field(
        "sipNumber",
        Kind.SIP_NUMBER,
        Wire(edit="sipnumber", listed="sipNumber"),
        "The SIP number: a given one, `null` for none, or absent: the vendor assigns one at creation.",
        "SIP 号码：指定号码；null 表示不关联；不写则创建时由平台分配。",
        default=None,
        rules={"minLength": 1, "maxLength": MAX_TEXT},
    ),
    Field(
        "afterInterval",
        Kind.INTEGER,
        _everywhere("afterInterval"),
        "Wrap-up seconds after a call. 0 can be set only at creation.",
        "话后时长（秒）。0 只能在创建时设置。",
        default=0,
        rules=_COUNT,
        edit_rules={"minimum": 1},
    ),
    _flag("isHidePhone", _everywhere("isHidePhone"), "Hide customers' numbers.", "是否隐藏号码。", default=False),
    _flag("isrecord", _everywhere("isrecord"), "Record calls.", "是否录音。", default=True),
    Field(
        "outcallflag",
        Kind.CHOICE,
        _everywhere("outcallflag"),
        "Outbound calls: `allowed`, `no-long-distance` (限制长话), `forbidden` (禁止外呼), "
        "`no-international` (限制国际).",
        "外呼标志：allowed 允许外呼，no-long-distance 限制长话，forbidden 禁止外呼，no-international 限制国际。",
        default="allowed",
        choices=("allowed", "no-long-distance", "forbidden", "no-international"),
    ),
    _text("ttscontent", _everywhere("ttscontent"), "Text that is played to the caller.", "播放内容。"),
    _text("email", _at_creation("email"), "E-mail address. Fixed at creation.", "邮箱，创建后不可修改。"),
    _flag(
        "isaudio",
        _at_creation("isaudio"),
        "Takes calls. Fixed at creation.",
        "支持语音，创建后不可修改。",
        default=True,
    ),
    _flag(
        "ismessage",
        _at_creation("ismessage"),
        "Takes instant messages. Fixed at creation.",
        "支持即时消息，创建后不可修改。",
        default=True,
    ),
    _flag(
        "isvideo",
        _at_creation("isvideo"),
        "Takes video. Fixed at creation.",
        "支持视频，创建后不可修改。",
        default=False,
    ),
    _flag(
        "judge",
        _at_creation("judge"),
        "Asks the caller for a rating. Fixed at creation.",
        "是否服务评价，创建后不可修改。",
        default=True,
    ),
    _text(
        "roleName",
        Wire(create="roleName", edit="roleName"),
        "Name of the role; never listed, so the ledger remembers it. None given: the vendor picks one at random.",
        "角色名称，查询不返回；创建时不写则平台随机选取。",
        minLength=1,
    ),
    _text(
        "bindSkillName",
        Wire(create="bindSkillName"),
        "The skill that a new agent joins. Only at creation, never listed.",
        "绑定技能名称，仅创建时有效，查询不返回。",
        minLength=1,
    ),
    Field(
        "bindSkillLevel",
        Kind.INTEGER,
        Wire(create="bindSkillLevel"),
        "Level in that skill; a higher one comes first. Only at creation, never listed.",
        "绑定技能等级，值越大优先级越高，仅创建时有效。",
        default=0,
        rules=_COUNT,
    ),
    Field(
        "password",
        Kind.PASSWORD,
        Wire(create="password"),
        "Where the password comes from; raising `version` sets it anew. Never the password itself.",
        "密码来源；提高 version 即重新设置。此处绝不写密码本身。",
        default=None,
    ),
)

BY_NAME: Final[dict[str, Field]] = {row.name: row for row in FIELDS}
KEY: Final = "operatorId"
COMPARED: Final = tuple(row for row in FIELDS if row.compared)
LISTED: Final = tuple(row for row in COMPARED if row.wire.listed)


def canon(row: Field, value: object) -> Value:
    """The canonical value of `value`, which may come from a file or from the vendor.

    The vendor's quirks end here: null or a missing key becomes the empty value, a number in a string becomes a number
    where the field holds one, and a number becomes text where the field holds text. A value that does not fit the
    field's kind comes back as it is or as text, and so differs from every value that fits.

    Raises:
        ValueError: the field is a password, which has no canonical value.
    """
    return CANON[row.name](value)


def encode(row: Field, value: Value) -> str | int | None:
    """The vendor's JSON for a canonical value: a choice becomes its number, a flag becomes 0 or 1."""
    if row.kind is Kind.CHOICE and value in row.choices:
        return row.choices.index(str(value))
    return int(value) if isinstance(value, bool) else value


def fits(row: Field, value: Value, *, editing: bool = False) -> bool:
    """Whether create, or with `editing` edit, accepts the canonical value."""
    match row.kind:
        case Kind.FLAG:
            return isinstance(value, bool)
        case Kind.CHOICE:
            return value in row.choices
        case Kind.INTEGER:
            rules = {**row.rules, **(row.edit_rules if editing else {})}
            return isinstance(value, int) and rules["minimum"] <= value <= rules["maximum"]
        case Kind.SIP_NUMBER:
            return value is None or (isinstance(value, str) and value != "")
        case _:
            return isinstance(value, str) and len(value) >= row.rules.get("minLength", 0)


def can_edit(row: Field, value: Value) -> bool:
    """Whether an edit can set the field of a live agent to `value`."""
    return row.wire.edit is not None and fits(row, value, editing=True)


_DIGITS: Final = re.compile(r"[-+]?[0-9]{1,18}")


def _as_text(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    # Some encoders write one character as two surrogates. Joined, the text survives the way through JSON unchanged.
    return text if text.isprintable() else text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _as_sip_number(value: object) -> str | None:
    return _as_text(value) or None


def _as_integer(value: object) -> int | str:
    if value.__class__ is int:
        return value
    if value is None or value == "":
        return 0
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = str(value)
    return int(text) if _DIGITS.fullmatch(text) else text


def _as_flag(value: object) -> Value:
    if value is True or value is False:
        return value
    number = value if value.__class__ is int else _as_integer(value)
    return number == 1 if number in _FLAGS else number


_FLAGS: Final = (0, 1)


def _as_choice(choices: tuple[str, ...]) -> Callable[[object], Value]:
    names = {name: name for name in choices}

    def canonical(value: object) -> Value:
        if isinstance(value, str) and value in names:
            return names[value]
        number = value if value.__class__ is int else _as_integer(value)
        return choices[number] if isinstance(number, int) and 0 <= number < len(choices) else number

    return canonical


def _as_nothing(_: object) -> Value:
    raise ValueError("a password has no canonical value")


_CANON_OF_KIND: Final[dict[Kind, Callable[[object], Value]]] = {
    Kind.KEY: _as_text,
    Kind.TEXT: _as_text,
    Kind.INTEGER: _as_integer,
    Kind.FLAG: _as_flag,
    Kind.SIP_NUMBER: _as_sip_number,
    Kind.PASSWORD: _as_nothing,
}
CANON: Final[dict[str, Callable[[object], Value]]] = {
    row.name: _as_choice(row.choices) if row.kind is Kind.CHOICE else _CANON_OF_KIND[row.kind] for row in FIELDS
}
"""`canon` for each field by name; callers with many values save the look-up of the row."""


def contradictions(rows: Iterable[Field]) -> list[str]:
    """Everything that is wrong with a table, in words; empty for a sound one. Importing this module checks `FIELDS`."""
    rows = tuple(rows)
    faults = [f"{name}: stands twice" for name in _repeated(row.name for row in rows)]
    for place in ("create", "edit", "listed"):
        wire_names = (getattr(row.wire, place) for row in rows)
        faults += [f"{name}: is sent twice on {place}" for name in _repeated(name for name in wire_names if name)]
    if [row.name for row in rows if row.kind is Kind.KEY] != [KEY]:
        faults.append(f"{KEY}: must be the one key")
    for row in rows:
        faults += [f"{row.name}: {message}" for message, broken in _row_rules(row) if broken]
    return faults


def _row_rules(row: Field) -> tuple[tuple[str, bool], ...]:
    """Each rule for a row: what breaking it means, and whether the row breaks it."""
    return (
        ("has no meaning in words", not (row.doc and row.zh)),
        ("is not known to any endpoint", row.wire == Wire()),
        ("can be read but never set", row.wire.create is None and row.wire.edit is None),
        ("names choices but is no choice, or the reverse", bool(row.choices) != (row.kind is Kind.CHOICE)),
        ("narrows an edit that does not exist", bool(row.edit_rules) and row.wire.edit is None),
        (
            "an integer needs both bounds",
            row.kind is Kind.INTEGER and set(row.rules) != {"minimum", "maximum"},
        ),
        ("a password must never be listed", row.kind is Kind.PASSWORD and row.wire.listed is not None),
        (
            "its default does not fit it",
            row.compared and row.default not in ("", None) and not fits(row, row.default),
        ),
    )


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


if _faults := contradictions(FIELDS):  # pragma: no cover - the table in this file is sound
    raise AssertionError("; ".join(_faults))
