"""The shape of one stored agent: a listed row (2.1.4, 2.1.5), and what a new agent starts with (2.1.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

# A row as `one/v2` and `page` list it, in the order of the reference.
LISTED = (
    "id",
    "companyId",
    "operatorId",
    "name",
    "operatorType",
    "showcaller",
    "priority",
    "sipid",
    "sipNumber",
    "sipPassword",
    "bindcode",
    "ismemory",
    "isaudio",
    "isvideo",
    "ismessage",
    "isHidePhone",
    "outcallflag",
    "email",
    "ctime",
    "utime",
    "ttscontent",
    "status",
    "isrecord",
    "maingroupid",
    "judge",
    "afterInterval",
    "mainGroupName",
)

# What is stored and never listed.
HIDDEN = ("roleName", "bindSkillName", "bindSkillLevel", "password_md5")

# Every stored column, with the value that it has when a create says nothing of it. Text that was never set is null.
BLANK: Mapping[str, int | str | None] = {
    "id": None,
    "operatorId": None,
    "name": None,
    "operatorType": 0,
    "showcaller": None,
    "priority": 0,
    "sipid": None,
    "bindcode": None,
    "ismemory": 0,
    "isaudio": 1,
    "isvideo": 0,
    "ismessage": 1,
    "isHidePhone": 0,
    "outcallflag": 0,
    "email": None,
    "ctime": None,
    "utime": None,
    "ttscontent": None,
    "status": 1,
    "isrecord": 1,
    "maingroupid": None,
    "judge": 1,
    "afterInterval": 0,
    "roleName": None,
    "bindSkillName": None,
    "bindSkillLevel": 0,
    "password_md5": None,
}

# The wire names that are not stored in a column of the same name, and all that the console can set.
DERIVED = frozenset({"mainGroupName", "sipNumber", "password"})
SETTABLE = (frozenset(BLANK) | DERIVED) - {"sipid", "maingroupid"}

# The roles of an agent created without one, by `operatorType`: one "of the given type" is drawn (2.1.1).
ROLES: Mapping[int, tuple[str, ...]] = {0: ("普通坐席", "高级坐席", "外呼坐席"), 1: ("班长", "值班主管")}


def password_md5(plain: str) -> str:
    """The form in which a password is kept: 32 lower-case hex digits (2.1.6)."""
    return hashlib.md5(plain.encode(), usedforsecurity=False).hexdigest()


def picked(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Those of `names` that `values` holds."""
    return {name: values[name] for name in names if name in values}
