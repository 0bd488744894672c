"""What each endpoint accepts: the table of its parameters, transcribed from the reference (2.1), and the check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reconciler.sandbox.answers import PARAMETER_ERROR, RefusedError

# The reference says `integer`, which is assumed to be 32 bits wide.
SMALLEST_INTEGER = -(2**31)
LARGEST_INTEGER = 2**31 - 1
LOWER_CASE_MD5 = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of a parameter table; bounds are inclusive, lengths are in characters."""

    name: str
    kind: Literal["string", "integer", "string[]"]
    required: bool = False
    default: int | None = None
    minimum: int = SMALLEST_INTEGER
    maximum: int = LARGEST_INTEGER
    shortest: int = 0
    longest: int | None = None
    md5: bool = False


def _text(name: str, shortest: int = 0, longest: int | None = None) -> Parameter:
    return Parameter(name, "string", shortest=shortest, longest=longest)


def _required(name: str) -> Parameter:
    return Parameter(name, "string", required=True, shortest=1)


def _integer(
    name: str,
    default: int | None = None,
    minimum: int = SMALLEST_INTEGER,
    maximum: int = LARGEST_INTEGER,
) -> Parameter:
    return Parameter(name, "integer", default=default, minimum=minimum, maximum=maximum)


def _flag(name: str, default: int | None = None) -> Parameter:
    return _integer(name, default, minimum=0, maximum=1)


CREATE = (
    _required("abbreviate"),
    _integer("afterInterval", default=0, minimum=0),
    _flag("batchFlag", default=0),
    _integer("batchSize", default=1, minimum=1, maximum=1000),
    _text("bindcode"),
    _integer("companyId"),
    _text("email"),  # the reference leaves the name of this row out; 2.1.5 lists it
    _flag("isHidePhone", default=0),
    _flag("isaudio", default=1),
    _flag("ismessage", default=1),
    _flag("isrecord", default=1),
    _flag("isvideo", default=0),
    _flag("judge", default=1),
    _text("name"),
    _text("operatorId", shortest=1),
    _flag("operatorType", default=0),
    _integer("outcallflag", default=0, minimum=0, maximum=3),
    _text("password", shortest=6, longest=32),
    _text("showcaller"),
    _flag("sipFlag", default=1),
    _text("ttscontent"),
    _text("roleName"),
    _text("bindSkillName"),
    _integer("bindSkillLevel", default=0),
)

EDIT = (
    _required("abbreviate"),
    _integer("afterInterval", minimum=1),
    _text("bindcode"),
    _integer("companyId"),
    _text("name"),
    _required("operatorId"),
    _flag("operatorType"),
    _text("password"),
    _text("showcaller"),
    _text("sipnumber"),
    _flag("status"),
    _text("ttscontent"),
    _flag("unbindSip"),  # the reference gives its bounds only in the remark
    _text("roleName"),
    _flag("isHidePhone"),
    _flag("isrecord"),
    _integer("outcallflag", minimum=0, maximum=3),
    _text("mainGroupName"),
)

DELETE = (
    _required("abbreviate"),
    _integer("companyId"),
    Parameter("operatorIds", "string[]", required=True, shortest=1),
)

ONE = (
    _required("abbreviate"),
    _integer("companyId"),
    _required("operatorId"),
    _text("mainGroupName"),
)

PAGE = (
    _required("abbreviate"),
    _text("operatorId"),
    _integer("pageNumber", default=1, minimum=1),
    _integer("pageSize", default=10, minimum=10, maximum=100),
    _text("sipNumber"),
    _text("mainGroupName"),
)

EDIT_PASSWORD = (
    _required("abbreviate"),
    _integer("companyId"),
    _required("operatorId"),
    Parameter("password", "string", required=True, md5=True),
)

TABLES: Mapping[str, tuple[Parameter, ...]] = {
    "create/v2": CREATE,
    "edit/v2": EDIT,
    "del/v2": DELETE,
    "one/v2": ONE,
    "page": PAGE,
    "editPwd": EDIT_PASSWORD,
}


def checked(endpoint: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the endpoint's defaults filled in.

    Raises:
        RefusedError: a parameter is unknown, missing, mistyped or out of range; the message names it.
    """
    table = TABLES[endpoint]
    _refuse_unknown(table, body)
    values: dict[str, Any] = {}
    for parameter in table:
        if parameter.name in body:
            _check(parameter, body[parameter.name])
            values[parameter.name] = body[parameter.name]
        elif parameter.required:
            raise _refused(parameter.name, "不能为空")
        elif parameter.default is not None:
            values[parameter.name] = parameter.default
    return values


def _refuse_unknown(table: tuple[Parameter, ...], body: Mapping[str, Any]) -> None:
    known = {parameter.name for parameter in table}
    for name in body:
        if name not in known:
            raise _refused(name, "不是支持的参数")


def _check(parameter: Parameter, value: object) -> None:
    if parameter.kind == "integer":
        _check_integer(parameter, value)
    elif parameter.kind == "string":
        _check_text(parameter, value)
    else:
        _check_list(parameter, value)


def _check_integer(parameter: Parameter, value: object) -> None:
    if type(value) is not int:  # to isinstance a JSON true is an int
        raise _refused(parameter.name, "类型应为 integer")
    if value < parameter.minimum:
        raise _refused(parameter.name, f"最小值为 {parameter.minimum}")
    if value > parameter.maximum:
        raise _refused(parameter.name, f"最大值为 {parameter.maximum}")


def _check_text(parameter: Parameter, value: object) -> None:
    if not isinstance(value, str):
        raise _refused(parameter.name, "类型应为 string")
    _check_length(parameter, len(value))
    if parameter.md5 and not LOWER_CASE_MD5.match(value):
        raise _refused(parameter.name, "应为32位小写MD5摘要")
    if not _is_unicode(value):
        raise _refused(parameter.name, "含有非法字符")


def _check_list(parameter: Parameter, value: object) -> None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _refused(parameter.name, "类型应为 string []")
    _check_length(parameter, len(value))
    for item in value:
        if not item:
            raise _refused(parameter.name, "不能包含空值")
        if not _is_unicode(item):
            raise _refused(parameter.name, "含有非法字符")


def _check_length(parameter: Parameter, length: int) -> None:
    if length < parameter.shortest:
        reason = "不能为空" if parameter.shortest == 1 else f"最小长度为 {parameter.shortest}"
        raise _refused(parameter.name, reason)
    if parameter.longest is not None and length > parameter.longest:
        raise _refused(parameter.name, f"最大长度为 {parameter.longest}")


def _is_unicode(text: str) -> bool:
    """False for half a surrogate pair: JSON can express one, but no database can store it."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _refused(name: str, reason: str) -> RefusedError:
    return RefusedError(PARAMETER_ERROR, f"参数错误: {name} {reason}")
