"""The limits that a plan must stay within. Each guard is one function; if one trips, nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from reconciler.core.model.desired import Limit, Policy
from reconciler.core.model.diff import Diff
from reconciler.core.model.operator_id import difference, look
from reconciler.core.model.plan import Action, Guardrail, SetBy

DEFAULT_MAX_DELETES: Final = Limit("20%")
DEFAULT_FROM: Final = 10
"""Live agents in scope from which the default limit on deletes holds: below, a fifth is one person or none."""


def guardrails(actions: Sequence[Action], diff: Diff, policy: Policy) -> tuple[Guardrail, ...]:
    """Every guardrail in force, tripped or not; percentages are of the live agents in scope."""
    results = (guard(actions, diff, policy) for guard in GUARDS)
    return tuple(guardrail for guardrail in results if guardrail)


Guard = Callable[[Sequence[Action], Diff, Policy], Guardrail | None]


def _deleted(actions: Sequence[Action]) -> tuple[str, ...]:
    """The agents that the plan deletes; a replace counts, since its agent is gone for a while."""
    return tuple(a.operator_id for a in actions if a.kind in ("delete", "replace") and not a.blocked)


def _max_deletes(actions: Sequence[Action], diff: Diff, policy: Policy) -> Guardrail | None:
    default = DEFAULT_MAX_DELETES if diff.in_scope >= DEFAULT_FROM else None
    limit, set_by = _in_force(policy.max_deletes, diff.desired.max_deletes, default)
    if limit is None:
        return None
    deleted = _deleted(actions)
    hint = "if they are really to go, raise guardrails.maxDeletes in the file or pass --max-deletes"
    return Guardrail("maxDeletes", limit.text, limit.allowed(diff.in_scope), len(deleted), deleted, hint, set_by)


def _in_force(flag: Limit | None, file: Limit | None, default: Limit | None = None) -> tuple[Limit | None, SetBy]:
    if flag:
        return flag, "flag"
    return (file, "file") if file else (default, "default")


def _max_changes(actions: Sequence[Action], diff: Diff, policy: Policy) -> Guardrail | None:
    limit, set_by = _in_force(policy.max_changes, diff.desired.max_changes)
    if limit is None:
        return None
    changed = tuple(action.operator_id for action in actions if not action.blocked)
    hint = "if so much is really to change, raise guardrails.maxChanges in the file or pass --max-changes"
    return Guardrail("maxChanges", limit.text, limit.allowed(diff.in_scope), len(changed), changed, hint, set_by)


def _lookalikes(actions: Sequence[Action], diff: Diff, policy: Policy) -> Guardrail | None:
    """A new agent whose id has the look of a live agent's is a slip in the id of that agent, which would go."""
    created = [action.operator_id for action in actions if action.kind == "create"]
    live_by_look = {look(id_): id_ for id_ in diff.live.agents} if created else {}
    twins = {id_: twin for id_ in created if (twin := live_by_look.get(look(id_)))}
    allowed = len(twins) if policy.allow_lookalikes else diff.desired.lookalikes
    if allowed is None and not twins:
        return None
    set_by: SetBy = "flag" if policy.allow_lookalikes else "default" if allowed is None else "file"
    pairs = [f"{id_} looks like {twin}: {difference(id_, twin)}" for id_, twin in twins.items()]
    more = f"; and {len(pairs) - _MAX_PAIRS} more" if len(pairs) > _MAX_PAIRS else ""
    way_on = "write the id as the live agent has it; if it is to be another agent, "
    way_on += "set guardrails.lookalikes in the file or pass --allow-lookalikes"
    hint = ": ".join(filter(None, ("; ".join(pairs[:_MAX_PAIRS]) + more, way_on)))
    return Guardrail("lookalikes", str(allowed or 0), allowed or 0, len(twins), tuple(twins), hint, set_by)


_MAX_PAIRS: Final = 3
"""Pairs of ids that the hint of a guardrail explains."""


def _empty_desired(actions: Sequence[Action], diff: Diff, _policy: Policy) -> Guardrail | None:
    """A file without agents is a broken merge far more often than the end of a call centre."""
    deleted = _deleted(actions)
    if diff.desired.agents or not deleted:
        return None
    hint = "a file without agents never deletes; set prune: false, or keep at least one agent in the file"
    return Guardrail("emptyDesired", "0", 0, len(deleted), deleted, hint, "always")


GUARDS: Final[tuple[Guard, ...]] = (_max_deletes, _max_changes, _lookalikes, _empty_desired)
