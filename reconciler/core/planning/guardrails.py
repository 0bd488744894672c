"""The limits that a plan must stay within. Each guard is one function; if one trips, nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from reconciler.core.model.desired import DesiredState, Limit, Policy
from reconciler.core.model.plan import Action, Guardrail, SetBy

DEFAULT_MAX_DELETES: Final = Limit("20%")
DEFAULT_FROM: Final = 10
"""Live agents in scope from which the default limit on deletes holds: below, a fifth is one person or none."""


def guardrails(
    actions: Sequence[Action], desired: DesiredState, in_scope: int, policy: Policy
) -> tuple[Guardrail, ...]:
    """Every guardrail in force, tripped or not; `in_scope` counts the live agents that percentages refer to."""
    results = (guard(actions, desired, in_scope, policy) for guard in GUARDS)
    return tuple(guardrail for guardrail in results if guardrail)


Guard = Callable[[Sequence[Action], DesiredState, int, Policy], Guardrail | None]


def _deleted(actions: Sequence[Action]) -> tuple[str, ...]:
    """The agents that the plan deletes; a replace counts, since its agent is gone for a while."""
    return tuple(a.operator_id for a in actions if a.kind in ("delete", "replace") and not a.blocked)


def _max_deletes(actions: Sequence[Action], desired: DesiredState, in_scope: int, policy: Policy) -> Guardrail | None:
    default = DEFAULT_MAX_DELETES if in_scope >= DEFAULT_FROM else None
    limit, set_by = _in_force(policy.max_deletes, desired.max_deletes, default)
    if limit is None:
        return None
    deleted = _deleted(actions)
    hint = "if they are really to go, raise guardrails.maxDeletes in the file or pass --max-deletes"
    return Guardrail("maxDeletes", limit.text, limit.allowed(in_scope), len(deleted), deleted, hint, set_by)


def _in_force(flag: Limit | None, file: Limit | None, default: Limit | None = None) -> tuple[Limit | None, SetBy]:
    if flag:
        return flag, "flag"
    return (file, "file") if file else (default, "default")


def _max_changes(actions: Sequence[Action], desired: DesiredState, in_scope: int, policy: Policy) -> Guardrail | None:
    limit, set_by = _in_force(policy.max_changes, desired.max_changes)
    if limit is None:
        return None
    changed = tuple(action.operator_id for action in actions if not action.blocked)
    hint = "if so much is really to change, raise guardrails.maxChanges in the file or pass --max-changes"
    return Guardrail("maxChanges", limit.text, limit.allowed(in_scope), len(changed), changed, hint, set_by)


def _empty_desired(
    actions: Sequence[Action], desired: DesiredState, _in_scope: int, _policy: Policy
) -> Guardrail | None:
    """A file without agents is a broken merge far more often than the end of a call centre."""
    deleted = _deleted(actions)
    if desired.agents or not deleted:
        return None
    hint = "a file without agents never deletes; set prune: false, or keep at least one agent in the file"
    return Guardrail("emptyDesired", "0", 0, len(deleted), deleted, hint, "always")


GUARDS: Final[tuple[Guard, ...]] = (_max_deletes, _max_changes, _empty_desired)
