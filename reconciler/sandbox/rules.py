"""One rule of a fault file: which calls it hits, what goes wrong with them, and the check of its spelling.

A rule is checked completely when it is read, so that no later code has to check it again.
"""

from __future__ import annotations

import dataclasses
import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reconciler.sandbox.agent import BLANK, DERIVED, SETTABLE
from reconciler.sandbox.answers import TOKEN_INVALID
from reconciler.sandbox.handlers import HANDLERS, READS
from reconciler.sandbox.parameters import TABLES
from reconciler.sandbox.vendor import VendorCall

WRITES = tuple(name for name in HANDLERS if name not in READS)
# What `endpoint` may say, and the endpoints it stands for.
ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    "*": tuple(HANDLERS),
    "writes": WRITES,
    "reads": tuple(sorted(READS)),
    **{name: (name,) for name in HANDLERS},
}
WRITING = ("writes", *WRITES)
# Parameters that some call needs: a fault cannot ignore them as if they had not been sent.
INDISPENSABLE = frozenset({"abbreviate", "operatorId", "operatorIds"})
MOVES = ("delete", "insert", "duplicate", "total", "reorder", "restore")
DOINGS = ("create", "edit", "delete", "any")
QUOTES = ("texts", "json", "html", "url")
# What an edit can empty; a SIP number only when a rule names it.
EMPTIABLE = ("name", "bindcode", "showcaller", "ttscontent", "roleName", "mainGroupName", "sipnumber")
# What a stranger cannot set: who the agent is, and what the vendor counts.
NOT_TO_SET = ("id", "operatorId", "ctime", "utime", "password_md5")
STRANGERS_VALUES = tuple(sorted(SETTABLE - {*NOT_TO_SET}))
COMMON = ("endpoint", "calls", "operatorId", "probability", "fault")


@dataclass(frozen=True, slots=True)
class Calls:
    """Which calls are hit, counted from 1: those in `numbers`; with None every `every`-th one from the `first` on."""

    numbers: frozenset[int] | None = None
    every: int = 1
    first: int = 1

    def include(self, number: int) -> bool:
        """Whether this call is one of them."""
        if self.numbers is not None:
            return number in self.numbers
        return number >= self.first and number % self.every == 0


@dataclass(frozen=True, slots=True)
class FaultKind:
    """The options of one kind of fault: `needs` are required, `takes` are optional and have these defaults."""

    needs: tuple[str, ...] = ()
    takes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    endpoints: tuple[str, ...] = tuple(ENDPOINTS)
    statuses: range = range(500, 600)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that a rule of this kind may have."""
        return (*COMMON, *self.needs, *self.takes)


KINDS: Mapping[str, FaultKind] = {
    "drop-before": FaultKind(),
    "drop-after": FaultKind(),
    "reset-after": FaultKind(),
    "hang": FaultKind(takes={"seconds": 3600}),
    "hang-after": FaultKind(takes={"seconds": 3600}),
    "late": FaultKind(needs=("seconds",)),
    "429": FaultKind(takes={"retryAfter": None}),
    "5xx-before": FaultKind(takes={"status": 502}),
    "5xx-after": FaultKind(takes={"status": 502}),
    "envelope-5xx-after": FaultKind(takes={"status": 500}),
    "html": FaultKind(),
    "html-after": FaultKind(),
    "truncated": FaultKind(),
    "cut": FaultKind(),
    "refuse": FaultKind(takes={"code": 20099, "msg": "系统繁忙, 请稍后再试", "quote": False}),
    "refuse-after": FaultKind(takes={"code": 500, "msg": "服务器内部错误", "quote": False}, endpoints=WRITING),
    "token-dies": FaultKind(
        takes={"status": TOKEN_INVALID, "code": TOKEN_INVALID, "msg": "token无效或已过期"}, statuses=range(200, 600)
    ),
    "licence": FaultKind(needs=("max",), takes={"code": 20097, "msg": "坐席授权数已满"}, endpoints=("create/v2",)),
    "ignore": FaultKind(needs=("field",), endpoints=("writes", "create/v2", "edit/v2", "editPwd", "page")),
    "ignore-all": FaultKind(endpoints=WRITING),
    "empties": FaultKind(takes={"fields": EMPTIABLE[:-1]}, endpoints=("edit/v2",)),
    "partial-batch": FaultKind(
        takes={"makes": "free", "names": True, "code": None, "msg": "部分坐席工号已存在"}, endpoints=("create/v2",)
    ),
    "another-first": FaultKind(endpoints=("create/v2",)),
    "slow": FaultKind(needs=("seconds",)),
    "drip": FaultKind(needs=("seconds",)),
    "drip-head": FaultKind(needs=("seconds",)),
    "broken-gzip": FaultKind(),
    "stale": FaultKind(takes={"seconds": 0, "requests": 0}, endpoints=("reads", *sorted(READS))),
    "stranger": FaultKind(needs=("does",), takes={"agents": (), "values": {}, "when": "before", "seconds": 0}),
    "move": FaultKind(needs=("how",), takes={"count": 1, "real": False}, endpoints=("page",)),
    "limit-list": FaultKind(needs=("max",), endpoints=("del/v2",)),
    "status": FaultKind(needs=("status",), takes={"code": None, "msg": "服务暂不可用"}, statuses=range(200, 600)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A checked rule. The options from `seconds` on only matter for the faults that take them."""

    endpoint: str
    fault: str
    calls: Calls = Calls()
    operator_id: str | None = None
    probability: float = 1
    seconds: float = 0
    status: int = 200
    retry_after: int | str | None = None
    code: int | None = None
    msg: str = ""
    quote: bool | str = False
    field: str = ""
    fields: Sequence[str] = ()
    makes: int | str = "free"
    names: bool = True
    requests: int = 0
    does: str = ""
    agents: Sequence[str] = ()
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    when: str = "before"
    how: str = ""
    count: int = 1
    real: bool = False
    max: int = 0

    def concerns(self, call: VendorCall) -> bool:
        """Whether this rule counts the call."""
        same_endpoint = call.endpoint in ENDPOINTS[self.endpoint]
        return same_endpoint and self.operator_id in (None, *call.operator_ids)

    def has_effect(self, call: VendorCall) -> bool:
        """Whether this fault would change anything about the call."""
        match self.fault:
            case "ignore":
                return self.field in call.body
            case "limit-list":
                operator_ids = call.body.get("operatorIds")
                return isinstance(operator_ids, list) and len(operator_ids) > self.max
            case "empties":
                return not set(self.fields) <= set(call.body)
            case "partial-batch":
                return bool(call.body.get("batchFlag") == 1)
            case "another-first":
                return bool(call.body.get("batchFlag", 0) == 0)
            case "move" if self.how == "delete":
                number = call.body.get("pageNumber")
                return isinstance(number, int) and number > 1
            case _:
                return True


def rules_of(value: object) -> tuple[Rule, ...]:
    """The rules of a fault file's value: a list of mappings, or a mapping from `faults` to such a list.

    Raises:
        ValueError: a rule is wrong; the message names its number, counted from 1, and what is allowed.
    """
    if isinstance(value, Mapping) and set(value) == {"faults"}:
        value = value["faults"]
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise ValueError("faults must be a list of rules, or the one key `faults` with such a list")
    return tuple(_numbered(number, rule) for number, rule in enumerate(value, 1))


def _numbered(number: int, value: object) -> Rule:
    try:
        return _rule(value)
    except ValueError as error:
        raise ValueError(f"rule {number}: {error}") from None


def _rule(value: object) -> Rule:
    if not isinstance(value, Mapping):
        raise _wrong("a rule", "a mapping with `endpoint` and `fault`", value)
    fault = _fault(value)
    kind = KINDS[fault]
    _check_endpoint(value, fault, kind)
    _check_keys(value, fault, kind)
    for key in (*kind.needs, *kind.takes, "operatorId", "probability"):
        if key in value:
            _check_value(key, value[key], kind)
    if fault == "move":
        _check_move(value)
    if fault == "ignore":
        _check_field(value)
    if fault == "stale" and ("seconds" in value) is ("requests" in value):
        raise ValueError("stale needs either seconds or requests: how long ago what it shows was so")
    if fault == "stranger":
        _check_stranger(value)
    options = {**kind.takes, **value, "fault": fault, "calls": _calls(value.get("calls", "all"))}
    return Rule(**{FIELD_OF_KEY.get(key, key): option for key, option in options.items()})


FIELD_OF_KEY = {"operatorId": "operator_id", "retryAfter": "retry_after"}


def _fault(value: Mapping[str, Any]) -> str:
    if "fault" not in value:
        raise ValueError(f"fault is missing; allowed: {', '.join(KINDS)}")
    fault = value["fault"]
    fault = "429" if type(fault) is int and fault == 429 else fault  # YAML reads it as a number
    if not isinstance(fault, str) or fault not in KINDS:
        raise _wrong("fault", f"one of {', '.join(KINDS)}", fault)
    return fault


def _check_endpoint(value: Mapping[str, Any], fault: str, kind: FaultKind) -> None:
    if "endpoint" not in value:
        raise ValueError(f"endpoint is missing; allowed for {fault}: {', '.join(kind.endpoints)}")
    endpoint = value["endpoint"]
    if not isinstance(endpoint, str) or endpoint not in kind.endpoints:
        raise _wrong("endpoint", f"one of {', '.join(kind.endpoints)} for {fault}", endpoint)


def _check_keys(value: Mapping[str, Any], fault: str, kind: FaultKind) -> None:
    for key in value:
        if key not in kind.keys:
            raise ValueError(f"key {reprlib.repr(key)} is not known; allowed for {fault}: {', '.join(kind.keys)}")
    for key in kind.needs:
        if key not in value:
            raise ValueError(f"{fault} needs {key}: {ALLOWED[key][1]}")


def _check_value(key: str, value: object, kind: FaultKind) -> None:
    if key == "status":
        if type(value) is not int or value not in kind.statuses:
            raise _wrong(key, f"an integer from {kind.statuses[0]} to {kind.statuses[-1]}", value)
        return
    is_right, allowed = ALLOWED[key]
    if not is_right(value):
        raise _wrong(key, allowed, value)


def _check_move(value: Mapping[str, Any]) -> None:
    how = value["how"]
    if how == "restore" and "count" in value:
        raise ValueError("count is not for `how: restore`, which undoes every earlier move with `real: true`")
    if how not in ("delete", "insert") and "real" in value:
        raise ValueError(f"real is not for `how: {how}`; allowed with delete, insert")
    if how != "total" and value.get("count", 1) < 1:
        raise _wrong("count", f"an integer of at least 1 for `how: {how}`", value["count"])


def _check_field(value: Mapping[str, Any]) -> None:
    covered = [name for name in ENDPOINTS[value["endpoint"]] if name != "del/v2"]
    needed = {"abbreviate"} if covered == ["page"] else INDISPENSABLE
    known = sorted({parameter.name for name in covered for parameter in TABLES[name]} - needed)
    if value["field"] not in known:
        raise _wrong("field", f"one of {', '.join(known)} for {value['endpoint']}", value["field"])


def _check_stranger(value: Mapping[str, Any]) -> None:
    does = value["does"]
    if value["endpoint"] == "page" and not value.get("agents"):
        raise ValueError(f"stranger needs agents with page, whose calls name none: {ALLOWED['agents'][1]}")
    if does in ("edit", "any") and not value.get("values"):
        raise ValueError(f"stranger needs values for `does: {does}`: {ALLOWED['values'][1]}")
    if does == "delete" and "values" in value:
        raise ValueError("values is not for `does: delete`; allowed with create, edit, any")
    for name, set_to in value.get("values", {}).items():
        if name not in STRANGERS_VALUES:
            raise _wrong("a key of values", f"one of {', '.join(STRANGERS_VALUES)}", name)
        if name not in DERIVED and isinstance(BLANK[name], int):
            if not _is_integer(set_to):
                raise _wrong(f"{name} in values", "an integer", set_to)
        elif not (isinstance(set_to, str) or (set_to is None and name != "password")):
            raise _wrong(f"{name} in values", "text, in quotes" + " or null" * (name != "password"), set_to)


def _calls(value: object) -> Calls:
    allowed = '"all", a list of integers of at least 1, {every: N} or {from: N}'
    if value == "all":
        return Calls()
    if isinstance(value, list | tuple) and value and all(map(_is_positive, value)):
        return Calls(numbers=frozenset(value))
    if isinstance(value, Mapping) and len(value) == 1:
        [(key, number)] = value.items()
        if key in ("every", "from") and _is_positive(number):
            return Calls(every=number) if key == "every" else Calls(first=number)
    raise _wrong("calls", allowed, value)


def _is_integer(value: object) -> bool:
    return type(value) is int  # to isinstance a YAML true is an int


def _is_positive(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type] # the type is checked first


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_list_of(allowed: Callable[[object], bool], value: object) -> bool:
    return isinstance(value, list | tuple) and value != [] and all(map(allowed, value))


def _is_one_of(words: Sequence[str], value: object) -> bool:
    return isinstance(value, str) and value in words


# Each option's check, and the words for what is allowed.
ALLOWED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "operatorId": (_is_text, 'text, in quotes, such as "8001"'),
    "probability": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "seconds": (lambda value: _is_number(value) and value >= 0, "a number of at least 0"),
    "status": (_is_integer, "an HTTP status"),
    "retryAfter": (
        lambda value: _is_header(value) or (_is_integer(value) and value >= 0),
        "an integer of at least 0, or the header's text in one line of ASCII",
    ),
    "code": (_is_integer, "an integer"),
    "msg": (_is_text, "text"),
    "quote": (
        lambda value: _is_flag(value) or _is_one_of(QUOTES, value),
        f"true, false or one of {', '.join(QUOTES)}",
    ),
    "field": (_is_text, "a field's wire name"),
    "fields": (lambda value: _is_list_of(partial(_is_one_of, EMPTIABLE), value), f"a list of {', '.join(EMPTIABLE)}"),
    "makes": (lambda value: value == "free" or _is_positive(value), '"free" or an integer of at least 1'),
    "names": (_is_flag, "true or false"),
    "requests": (_is_positive, "an integer of at least 1"),
    "does": (partial(_is_one_of, DOINGS), f"one of {', '.join(DOINGS)}"),
    "agents": (partial(_is_list_of, _is_text), 'a list of operatorIds in quotes, such as ["8001", "8002"]'),
    "values": (lambda value: isinstance(value, Mapping), "a mapping from wire names to values"),
    "when": (partial(_is_one_of, ("before", "after")), "before or after"),
    "how": (partial(_is_one_of, MOVES), f"one of {', '.join(MOVES)}"),
    "count": (lambda value: _is_integer(value) and value != 0, "an integer, and not 0"),
    "real": (_is_flag, "true or false"),
    "max": (_is_positive, "an integer of at least 1"),
}


def _is_header(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _wrong(name: str, allowed: str, value: object) -> ValueError:
    return ValueError(f"{name} must be {allowed}; not {reprlib.repr(value)}")
