"""Joins the stages, in order. `plan` and `apply` share all of it.

bytes ─read_desired─► DesiredState ─┐
rows  ─live_state───► LiveState ────┼─diff─► Diff ─plan─► Plan
ledger ─────────────► LedgerView ───┘
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.model.desired import DesiredState, Policy
from reconciler.core.model.ledger import LedgerView
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.plan import Plan
from reconciler.core.planning.actions import acts, batch_notes, notes
from reconciler.core.planning.calls import fewest, lower, marked
from reconciler.core.planning.diff import diff
from reconciler.core.planning.guardrails import guardrails


def live_state(agents: Iterable[LiveAgent], *, complete: bool = True, endpoint: str = "") -> LiveState:
    """The listing, by id."""
    return LiveState({agent.operator_id: agent for agent in agents}, complete, endpoint)


def make_plan(desired: DesiredState, live: LiveState, ledger: LedgerView, policy: Policy) -> Plan:
    """Everything between reading and showing."""
    found = diff(desired, live, ledger, policy)
    actions = acts(found, policy)
    calls = lower(actions, batch=policy.batch, delete_list=policy.delete_list)
    touched = {action.operator_id for action in actions if action.kind != "delete"}
    return Plan(
        company=desired.company,
        desired_sha256=desired.sha256,
        files=desired.files,
        desired_agents=len(desired.agents),
        live_agents=len(live.agents),
        in_scope=found.in_scope,
        unchanged=found.looked_at - len(touched),
        actions=marked(actions, calls),
        calls=calls,
        endpoint=live.endpoint,
        recipients=desired.recipients,
        allow_replace=policy.allow_replace,
        expires_in=policy.expires_in,
        targets=policy.targets,
        excludes=policy.excludes,
        guardrails=guardrails(actions, desired, found.in_scope, policy),
        notes=(*notes(found, actions, policy), *batch_notes(calls)),
        batch=policy.batch,
        delete_list=policy.delete_list,
        fewest_calls=fewest(actions),
    )
