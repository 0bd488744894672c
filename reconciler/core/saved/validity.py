"""Whether a plan that was read from a file is one that a planner could have made: who can write a file can seal it.

What is caught here would otherwise end an apply in its middle, or send what no desired-state file may ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from reconciler.core.model.fields import BY_NAME, Value, can_edit, fits
from reconciler.core.model.plan import Action, Plan


def is_sound(plan: Plan) -> bool:
    """Whether its actions stand in order, no two at odds, each of a shape that can be carried out."""
    keys = [(action.operator_id, action.kind) for action in plan.actions]
    if keys != sorted(set(keys)):
        return False
    agents = (list(some) for _, some in groupby(plan.actions, key=lambda action: action.operator_id))
    return all(_agree(actions) for actions in agents) and all(map(_is_possible, plan.actions))


def _agree(actions: list[Action]) -> bool:
    """Of one agent: one action, or a password beside an edit; decided on the same facts."""
    first, *others = actions
    same = all((other.live, other.recorded) == (first.live, first.recorded) for other in others)
    beside = first.kind == "edit" or (first.kind == "replace" and bool(first.blocked))
    return same and (not others or (beside and [other.kind for other in others] == ["password"]))


def _is_possible(action: Action) -> bool:
    if action.kind == "password":
        return _is_password(action)
    names = [change.field for change in action.changes]
    if len(set(names)) < len(names) or not set(names) <= BY_NAME.keys():
        return False
    after = {change.field: change.after for change in action.changes}
    match action.kind:
        case "create":
            return action.live is None and _fit({**after, **action.carries})
        case "replace":
            return action.live is not None and _fit(after if action.blocked else {**after, **action.carries})
        case "delete":
            return action.live is not None and not (names or action.password or action.carries)
        case _:
            can = all(can_edit(BY_NAME[name], value) for name, value in after.items())
            return action.live is not None and can and bool(names) and not (action.password or action.carries)


def _fit(values: Mapping[str, Value]) -> bool:
    return all(fits(BY_NAME[name], value) for name, value in values.items())


def _is_password(action: Action) -> bool:
    source = action.password
    if action.live is None or source is None or action.carries:
        return False
    return [(change.field, change.after) for change in action.changes] == [("password.version", source.version)]
