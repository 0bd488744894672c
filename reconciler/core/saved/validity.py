"""Whether the planner could have made a plan that was read from a file: the seal proves nothing, anybody can write one.

Without these checks such a plan could end an apply in its middle, or send what no desired-state file may ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from reconciler.core.model.fields import BY_NAME, Value, can_edit, fits
from reconciler.core.model.plan import Action, Plan


def is_sound(plan: Plan) -> bool:
    """Whether the actions are sorted, those of one agent fit together, and each can be carried out."""
    keys = [(action.operator_id, action.kind) for action in plan.actions]
    if keys != sorted(set(keys)):
        return False
    by_agent = (list(group) for _, group in groupby(plan.actions, key=lambda action: action.operator_id))
    return all(_fit_together(actions) for actions in by_agent) and all(map(_is_possible, plan.actions))


def _fit_together(actions: list[Action]) -> bool:
    """Whether one agent has a single action, or an edit (or blocked replace) and a password planned from one state."""
    first, *others = actions
    same_state = all((other.live, other.recorded) == (first.live, first.recorded) for other in others)
    allows_password = first.kind == "edit" or (first.kind == "replace" and bool(first.blocked))
    return same_state and (not others or (allows_password and [other.kind for other in others] == ["password"]))


def _is_possible(action: Action) -> bool:
    if action.removal and action.kind != "edit":
        return False
    if action.kind == "password":
        return _is_possible_password(action)
    names = [change.field for change in action.changes]
    if len(set(names)) < len(names) or not set(names) <= BY_NAME.keys():
        return False
    after = {change.field: change.after for change in action.changes}
    match action.kind:
        case "create":
            return action.live is None and _all_fit({**after, **action.carries})
        case "replace":
            return action.live is not None and _all_fit(after if action.blocked else {**after, **action.carries})
        case "delete":
            return action.live is not None and not (names or action.password or action.carries)
        case _:
            editable = all(can_edit(BY_NAME[name], value) for name, value in after.items())
            fits_removal = not action.removal or (after == {"status": "disabled"} and action.place is None)
            possible = action.live is not None and editable and bool(names) and fits_removal
            return possible and not (action.password or action.carries)


def _all_fit(values: Mapping[str, Value]) -> bool:
    return all(fits(BY_NAME[name], value) for name, value in values.items())


def _is_possible_password(action: Action) -> bool:
    source = action.password
    if action.live is None or source is None or action.carries:
        return False
    return [(change.field, change.after) for change in action.changes] == [("password.version", source.version)]
