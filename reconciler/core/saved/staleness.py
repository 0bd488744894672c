"""A saved plan against the present: whether its agents are still as reviewed, and what it leads to.

Only the agents that the plan touches are compared, so that a change to another agent voids no review.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.authorship import are_two, made_anew
from reconciler.core.model.desired import DesiredAgent, DesiredState, Policy
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import LISTED
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry, LedgerView
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.message import text
from reconciler.core.model.outcome import StaleAgent
from reconciler.core.model.plan import Action, Plan
from reconciler.core.model.problem import Place
from reconciler.core.planning.actions import block_taken_sip_numbers


def stale_agents(plan: Plan, live: LiveState, ledger: LedgerView) -> tuple[StaleAgent, ...]:
    """The agents whose listing or ledger entry is no longer as the plan has it, in plan order; none if the plan holds.

    Last come actions that are blocked now and were not then, since another agent has taken their SIP number.
    """
    ledger = {**ledger, **made_anew(live, ledger)}
    stale = list(dict.fromkeys(agent for action in plan.actions for agent in _stale(action, live, ledger)))
    for before, now in zip(plan.actions, block_taken_sip_numbers(plan.actions, live), strict=True):
        if now.blocked and not before.blocked:
            stale.append(StaleAgent(now.operator_id, now.blocked))
    return tuple(stale)


def _stale(action: Action, live: LiveState, ledger: LedgerView) -> Iterator[StaleAgent]:
    operator_id = action.operator_id
    now = live.agents.get(operator_id)
    if action.live is None and now is not None:
        yield StaleAgent(operator_id, text("appeared: it was not there, and is listed now"))
    elif action.live is not None and now is None:
        yield StaleAgent(operator_id, text("vanished: it is no longer listed"))
    elif action.live is not None and now is not None and action.live != now:
        yield StaleAgent(operator_id, text("was changed on the live side"), _listing_changes(action.live, now))
    elif action.live is not None and now is not None and are_two(action.live.identity, now.identity):
        yield StaleAgent(operator_id, text("was deleted and made anew: it is another agent under the same number"))
    entry = ledger.get(operator_id, NOT_RECORDED)
    if entry.deciding != action.recorded.deciding:
        before, after = _shown_entry(action.recorded), _shown_entry(entry)
        yield StaleAgent(operator_id, text("has another record in the ledger"), _changes(before, after))


def _listing_changes(before: LiveAgent, after: LiveAgent) -> tuple[FieldChange, ...]:
    names = [row.name for row in LISTED]
    old = {name: before.fields.get(name) for name in names}
    return _changes(old, {name: after.fields.get(name) for name in names})


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    names = [*before, *(name for name in after if name not in before)]
    return tuple(
        FieldChange(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _shown_entry(entry: LedgerEntry) -> dict[str, Any]:
    to_restore = {f"owed {name}": value for name, value in entry.to_restore.items()}
    return {
        "password.version": entry.password_version,
        **entry.last_sent,
        **to_restore,
        "unsure": entry.password_unknown,
        "missing since": entry.missing_since or None,
        "disabled by removal": entry.disabled_by_removal,
    }


def expected_state(plan: Plan) -> tuple[DesiredState, Policy]:
    """The desired state of the plan's agents once it is applied, and a policy that includes only them."""
    desired: dict[str, DesiredAgent] = {}
    for action in plan.actions:
        if action.kind != "delete":
            desired[action.operator_id] = _desired_agent(action, desired.get(action.operator_id))
    agents = tuple(desired[operator_id] for operator_id in sorted(desired))
    touched = frozenset(action.operator_id for action in plan.actions)
    return DesiredState(plan.company, agents, plan.files, plan.desired_sha256), Policy(only=touched)


def _desired_agent(action: Action, other: DesiredAgent | None) -> DesiredAgent:
    """The agent as this action leaves it, together with `other`, which is what its other action leads to."""
    fields = {name: value for name, value in action.after.items() if action.kind != "password"}
    # Version 0 is a password that no file manages; the ledger never records it.
    password = action.password if action.password and action.password.version else None
    if other is not None:
        fields, password = {**other.fields, **fields}, password or other.password
    return DesiredAgent(action.operator_id, fields, password, action.place or Place("", 1))
