"""Whose doing an action is: this change of the files, or somebody's on the live side. Three-way, and no state is kept.

What the files of before would have done to the live agents of now is drift; everything else is this change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.model.diff import FieldChange, Origin
from reconciler.core.model.plan import Action, Plan


def with_origins(plan: Plan, before: Plan) -> Plan:
    """The plan, each action and change with its origin. `before` is the old files' plan for the same live agents.

    An action with changes of both kinds is a change; each of its fields says which it is.
    """
    comparable = before.company == plan.company
    known = {_key(action): action for action in before.actions} if comparable else {}
    return replace(plan, actions=tuple(_with_origin(action, known.get(_key(action))) for action in plan.actions))


def _key(action: Action) -> tuple[str, bool]:
    """Whose it is, and whether it is about the password; what else happens to an agent is one action."""
    return action.operator_id, action.kind == "password"


def _with_origin(action: Action, before: Action | None) -> Action:
    wanted = {change.field: change.after for change in before.changes} if before else {}
    changes = tuple(replace(change, origin=_origin(change, wanted)) for change in action.changes)
    drift = before is not None and _same(action, before) and all(change.origin == "drift" for change in changes)
    return replace(action, changes=changes, origin="drift" if drift else "change")


def _same(action: Action, before: Action) -> bool:
    """Whether nothing but values of fields is new: its kind, its block, its password, what it leaves out.

    An edit may leave out what the old files asked for, even what it would have taken a replace to do: it is then less
    of the same.
    """
    if bool(action.blocked) != bool(before.blocked):
        return False
    if action.kind == "edit":
        return before.kind in ("edit", "replace")
    less = {change.field for change in before.changes} - {change.field for change in action.changes}
    return (action.kind, action.password) == (before.kind, before.password) and not less


def _origin(change: FieldChange, wanted: Mapping[str, object]) -> Origin:
    return "drift" if change.field in wanted and wanted[change.field] == change.after else "change"
