"""Between a review and its apply: whether what was reviewed is still so, and what is left of it afterwards.

Only the agents that the plan touches are looked at, so that a change elsewhere in the console voids no review.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.model.desired import DesiredAgent, DesiredState, Policy
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import LISTED
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry, LedgerView
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.outcome import Moved
from reconciler.core.model.plan import Action, Plan
from reconciler.core.model.problem import Place
from reconciler.core.planning.actions import block_taken_sip_numbers


def moved(plan: Plan, live: LiveState, ledger: LedgerView) -> tuple[Moved, ...]:
    """Every way in which listing and ledger are no longer as the plan has them, in plan order; none: it still holds."""
    found = list(dict.fromkeys(moved for action in plan.actions for moved in _moved(action, live, ledger)))
    for before, now in zip(plan.actions, block_taken_sip_numbers(plan.actions, live), strict=True):
        if now.blocked and not before.blocked:
            found.append(Moved(now.operator_id, now.blocked))
    return tuple(found)


def _moved(action: Action, live: LiveState, ledger: LedgerView) -> Iterator[Moved]:
    operator_id = action.operator_id
    now = live.agents.get(operator_id)
    if action.live is None and now is not None:
        yield Moved(operator_id, "appeared: it was not there, and is listed now")
    elif action.live is not None and now is None:
        yield Moved(operator_id, "vanished: it is no longer listed")
    elif action.live is not None and now is not None and action.live != now:
        yield Moved(operator_id, "was changed on the live side", _differences(action.live, now))
    entry = ledger.get(operator_id, NOT_RECORDED)
    if entry != action.recorded:
        before, after = _record(action.recorded), _record(entry)
        yield Moved(operator_id, "has another record in the ledger", _changed(before, after))


def _differences(before: LiveAgent, after: LiveAgent) -> tuple[FieldChange, ...]:
    names = [row.name for row in LISTED]
    return _changed({n: before.fields.get(n) for n in names}, {n: after.fields.get(n) for n in names})


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    names = [*before, *(name for name in after if name not in before)]
    return tuple(FieldChange(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n))


def _record(entry: LedgerEntry) -> dict[str, Any]:
    to_restore = {f"owed {name}": value for name, value in entry.to_restore.items()}
    return {"password.version": entry.password_version, **entry.given, **to_restore, "unsure": entry.password_unknown}


def left(plan: Plan) -> tuple[DesiredState, Policy]:
    """What a plan's agents should be like once it is applied, and a policy that looks at nobody else."""
    wanted: dict[str, DesiredAgent] = {}
    for action in plan.actions:
        if action.kind != "delete":
            wanted[action.operator_id] = _wanted(action, wanted.get(action.operator_id))
    agents = tuple(wanted[operator_id] for operator_id in sorted(wanted))
    touched = frozenset(action.operator_id for action in plan.actions)
    return DesiredState(plan.company, agents, plan.files, plan.desired_sha256), Policy(only=touched)


def _wanted(action: Action, other: DesiredAgent | None) -> DesiredAgent:
    """What the action makes of its agent, beside what another action does."""
    fields = {name: value for name, value in action.after.items() if action.kind != "password"}
    # Version 0 is a password that nobody's file manages; it is never recorded.
    password = action.password if action.password and action.password.version else None
    if other is not None:
        fields, password = {**other.fields, **fields}, password or other.password
    return DesiredAgent(action.operator_id, fields, password, action.place or Place("", 1))
