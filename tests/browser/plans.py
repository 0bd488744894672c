"""Plans for the page: a crowd of any size, in which every kind, group and origin of action occurs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange, Origin
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.problem import Place
from reconciler.render.heading import Heading
from tests.core.build import live_agent

HEADING: Final = Heading("0.1.0", "2026-11-22T10:00:00Z", 20.0)
SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
GIVEN: Final = (
    *("伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超"),
    *("秀兰", "霞", "平", "刚", "桂英", "欣怡", "梓涵", "浩然", "子轩", "雨桐"),
)
GROUPS: Final = ("售后一组", "售后二组", "外呼组", "投诉处理组", "VIP 专席", "夜班组", "")
ORIGINS: Final[tuple[Origin, ...]] = ("change", "drift", "change", "change", "drift")


def name_of(number: int) -> str:
    """A Chinese name; many numbers share one."""
    return SURNAMES[number * 7 % len(SURNAMES)] + GIVEN[number * 11 % len(GIVEN)]


def crowd(count: int) -> Plan:
    """A plan of so many actions on agents from 10000 up."""
    actions = tuple(_KINDS[number % len(_KINDS)](number) for number in range(count))
    deleted = tuple(action.operator_id for action in actions if action.kind == "delete")
    rail = Guardrail("maxDeletes", "20%", count // 5, len(deleted), deleted, Text("raise it"), "default")
    notes = (Note(Text("not in the file, and kept because they are protected"), ("9000",)),)
    return Plan(
        Company("acme", 4242),
        "0" * 64,
        ("agents.yaml",),
        count,
        count,
        count,
        count // 2,
        actions,
        (),
        endpoint="https://vendor.example",
        expires_in=7 * 86400,
        guardrails=(rail,),
        notes=notes,
    )


def _base(number: int) -> Action:
    place = Place("agents.yaml" if number % 2 else "teams/outbound.yaml", number + 8)
    origin = ORIGINS[number % len(ORIGINS)]
    live = live_agent(
        str(10000 + number),
        name=name_of(number),
        mainGroupName=GROUPS[number % len(GROUPS)],
        sipNumber=str(60000 + number),
    )
    return Action("edit", str(10000 + number), name_of(number), place, live=live, origin=origin)


def _edit(number: int) -> Action:
    base = _base(number)
    changes = (
        FieldChange("name", base.name[:1], base.name, origin=base.origin),
        FieldChange("afterInterval", 5, 10 + number % 7, origin="drift"),
        FieldChange("roleName", None, "班长", before_known=False, origin=base.origin),
    )
    return replace(base, changes=changes[number % 3 :])


def _create(number: int) -> Action:
    wanted = {
        "name": name_of(number),
        "mainGroupName": GROUPS[number % len(GROUPS)],
        "afterInterval": 10,
        "judge": False,
    }
    changes = tuple(FieldChange(field, None, value) for field, value in wanted.items())
    password = PasswordSource("env", f"AGENT_{number}", 1) if number % 2 else None
    return replace(_base(number), kind="create", changes=changes, live=None, password=password)


def _delete(number: int) -> Action:
    return replace(_base(number), kind="delete", place=None, recorded=LedgerEntry(1, {"roleName": "质检员"}))


def _password(number: int) -> Action:
    source = PasswordSource("file", f"/run/secrets/{number}", 3)
    known = bool(number % 2)
    change = FieldChange("password.version", 2 if known else None, 3, before_known=known)
    return replace(_base(number), kind="password", changes=(change,), password=source)


def _replace(number: int) -> Action:
    changes = (FieldChange("email", "old@example.com", f"agent{number}@example.com"),)
    carries = {"name": name_of(number), "sipNumber": str(60000 + number), "showcaller": None, "isrecord": False}
    return replace(_base(number), kind="replace", changes=changes, carries=carries)


def _blocked(number: int) -> Action:
    reason = "email can be set only at creation; take the key out of the file"
    return replace(_replace(number), carries={}, blocked=Text(reason))


_KINDS: Final[tuple[Callable[[int], Action], ...]] = (
    *(_edit, _create, _edit, _delete, _edit, _password),
    *(_edit, _create, _replace, _edit, _blocked),
)

PLAN: Final = crowd(110)
