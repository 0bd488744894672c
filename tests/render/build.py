"""Plans to be rendered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange, Origin
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Action, ActionKind, Guardrail, Note, Plan, PolicyChange
from reconciler.core.model.problem import Place
from reconciler.render.heading import Heading
from tests.core.build import live_agent

HEADING: Final = Heading("0.0.0", "2026-11-22T10:00:00Z", 20.0)
KINDS: Final[tuple[ActionKind, ...]] = ("create", "edit", "replace", "delete", "password")


def action(kind: ActionKind = "edit", operator_id: str = "8001", name: str = "张三", **more: Any) -> Action:
    """An action; one that is no delete has a change."""
    changes = () if kind == "delete" else (FieldChange("afterInterval", 5, 10),)
    place = None if kind == "delete" else Place("agents.yaml", 7)
    return Action(kind, operator_id, name, place, **{"changes": changes, **more})


def different(kind: ActionKind, number: int, operator_id: str = "", **more: Any) -> Action:
    """An action that is alike with none of another number."""
    changes = () if kind == "delete" else (FieldChange("afterInterval", 5, 10 + number),)
    live = live_agent(operator_id or str(number), mainGroupName=f"group {number}")
    return action(kind, operator_id or str(number), **{"changes": changes, "live": live, **more})


def plan(*actions: Action, **more: Any) -> Plan:
    """A plan of these actions."""
    base = Plan(Company("acme", 4242), "0" * 64, ("agents.yaml",), 3, 2, 2, 1, actions, (), "https://vendor.example")
    return replace(base, **more)


def everywhere(text: str) -> Plan:
    """A plan with the text, whole and as a piece, in every place that somebody else can fill."""
    env, file = PasswordSource("env", text, 1), PasswordSource("file", f"/{text}", 2)
    cases: tuple[tuple[str, str, Origin, PasswordSource | None], ...] = (
        (text, "", "change", env),
        (f"8{text}", "", "drift", file),
        (text, text, "drift", None),
    )
    return Plan(
        company=Company(text),
        desired_sha256="0" * 64,
        files=(text,),
        desired_agents=3,
        live_agents=2,
        in_scope=2,
        unchanged=1,
        actions=tuple(_action(kind, text, *case) for kind in KINDS for case in cases),
        calls=(),
        endpoint=text,
        guardrails=(
            Guardrail("maxDeletes", "1", 1, 2, (text, f"8{text}"), Text("raise it"), "file"),
            Guardrail("maxChanges", "9%", 9, 2, (text,), Text("raise it"), "flag"),
        ),
        notes=(Note(Text(text), (text, f"8{text}")), Note(Text(f"kept {text}"))),
        policy_changes=(
            PolicyChange("recipients", [text], [f"8{text}"], loosens=True, file=text),
            PolicyChange("protect", [text], [], loosens=True, file=text),
            PolicyChange("company", {"abbreviate": text}, {"abbreviate": f"8{text}", "companyId": 1}, loosens=None),
        ),
    )


def _action(
    kind: ActionKind, text: str, operator_id: str, blocked: str, origin: Origin, source: PasswordSource | None
) -> Action:
    changes = (
        FieldChange("name", f"b{text}", text, origin=origin),
        FieldChange("mainGroupName", text, f"g{text}", origin="drift"),
        FieldChange("ttscontent", text, f"a{text}", origin=origin),
    )
    live = live_agent(operator_id, name=f"b{text}", mainGroupName=text, sipNumber=text)
    name = text if blocked else f"n{text}"
    return Action(
        kind, operator_id, name, Place(text, 7), changes, {}, source, live, blocked=Text(blocked), origin=origin
    )
