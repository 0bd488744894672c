"""The origin of each action: this change of the files, or drift, which somebody made on the live side.

The files before the change are planned for the live agents of now. What that plan does too is drift; the rest is this
change. So no earlier live state has to be stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.model.diff import FieldChange, Origin
from reconciler.core.model.plan import Action, Plan
from reconciler.core.planning.actions import is_owed


def with_origins(plan: Plan, before: Plan) -> Plan:
    """The plan with the origin of each action and field. `before` is the old files' plan for the same live agents.

    An action with fields of both origins is a `change`; each field has its own origin. What the ledger says is owed to
    an agent that a replace made anew is neither: the field is `owed`, and its action no drift.
    """
    comparable = before.company == plan.company
    old_actions = {_key(action): action for action in before.actions} if comparable else {}
    return replace(plan, actions=tuple(_with_origin(action, old_actions.get(_key(action))) for action in plan.actions))


def _key(action: Action) -> tuple[str, bool]:
    """The agent, and whether the action sets its password: an agent has at most one other action."""
    return action.operator_id, action.kind == "password"


def _with_origin(action: Action, before: Action | None) -> Action:
    old_values = {change.field: change.after for change in before.changes} if before else {}
    changes = tuple(
        replace(change, origin="owed" if is_owed(action, change) else _origin(change, old_values))
        for change in action.changes
    )
    drift = (
        before is not None
        and _differs_only_in_values(action, before)
        and all(change.origin == "drift" for change in changes)
    )
    return replace(action, changes=changes, origin="drift" if drift else "change")


def _differs_only_in_values(action: Action, before: Action) -> bool:
    """Whether kind, block and password are as before, and no field is left out; only values may be new.

    An edit may leave out fields that the old files changed, even those that took a replace: it then does a part of
    what the old files did.
    """
    if bool(action.blocked) != bool(before.blocked):
        return False
    if action.kind == "edit":
        return before.kind in ("edit", "replace")
    left_out = {change.field for change in before.changes} - {change.field for change in action.changes}
    return (action.kind, action.password) == (before.kind, before.password) and not left_out


def _origin(change: FieldChange, old_values: Mapping[str, object]) -> Origin:
    return "drift" if change.field in old_values and old_values[change.field] == change.after else "change"
