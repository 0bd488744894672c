"""Joins the stages of planning in order; `plan` and `apply` both call it.

bytes ─read_desired─► DesiredState ─┐
rows  ─live_state───► LiveState ────┼─diff─► Diff ─plan─► Plan
ledger ─────────────► LedgerView ───┘
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from reconciler.core.authorship import made_anew
from reconciler.core.model.desired import DesiredState, Policy
from reconciler.core.model.ledger import LedgerView
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.plan import Action, Plan
from reconciler.core.planning.actions import batch_notes, notes, plan_actions
from reconciler.core.planning.calls import calls_for, count_fewest_calls, mark_batched
from reconciler.core.planning.diff import diff
from reconciler.core.planning.doubts import doubts, identity_notes
from reconciler.core.planning.guardrails import guardrails
from reconciler.core.planning.policy_changes import policy_in_force
from reconciler.core.planning.reads import SeesTooLittle, is_settled, makes_agents, reads_of_apply
from reconciler.core.planning.removal import missing_agents, returned_agents


def live_state(agents: Iterable[LiveAgent], *, complete: bool = True, endpoint: str = "") -> LiveState:
    """The listed agents as a live state, by id."""
    return LiveState({agent.operator_id: agent for agent in agents}, complete, endpoint)


def make_plan(
    desired: DesiredState,
    live: LiveState,
    ledger: LedgerView,
    policy: Policy,
    forgotten: Mapping[str, str] | None = None,
    due: Collection[str] = frozenset(),
    others: Collection[str] = frozenset(),
) -> Plan:
    """Diff, actions, calls, guardrails and notes: all that lies between reading and showing.

    `forgotten` has agents of files that exist and were not given, each with its file; `due` those that were missing
    from the files for as long as `onRemove` keeps them disabled. What the ledger knows of an agent that somebody has
    made anew since counts for nothing; `others` are those of whom it has learned that already.

    Raises:
        SeesTooLittle: not everybody was looked at, and a new agent or a doubt depends on the others.
    """
    anew = made_anew(live, ledger)
    ledger, due = {**ledger, **anew} if anew else ledger, frozenset(due) - anew.keys()
    difference = replace(diff(desired, live, ledger, policy), forgotten=forgotten or {}, due=due)
    actions = plan_actions(difference, policy)
    calls = calls_for(actions, batch=policy.batch, delete_list=policy.delete_list)
    if live.asked is not None and policy.only is None and makes_agents(actions):
        raise SeesTooLittle
    doubtful = tuple(doubts(difference, actions, policy)) if policy.only is None else ()
    remarks = (*identity_notes(difference, actions, policy, {*anew, *others}), *notes(difference, actions, policy))
    touched = {action.operator_id for action in actions if action.kind != "delete" and not action.removal}
    missing, returned = missing_agents(difference), returned_agents(desired, ledger, policy)
    return Plan(
        company=desired.company,
        desired_sha256=desired.sha256,
        files=desired.files,
        desired_agents=len(desired.agents),
        live_agents=live.count,
        in_scope=difference.in_scope,
        unchanged=difference.agents_compared - len(touched),
        actions=mark_batched(actions, calls),
        calls=calls,
        endpoint=live.endpoint,
        recipients=desired.recipients,
        allow_replace=policy.allow_replace,
        expires_in=policy.expires_in,
        targets=policy.targets,
        excludes=policy.excludes,
        guardrails=guardrails(actions, difference, policy),
        notes=(*remarks, *doubtful, *batch_notes(calls)),
        batch=policy.batch,
        delete_list=policy.delete_list,
        fewest_calls=count_fewest_calls(actions),
        reads=_reads(actions, live.count, ledger, missing=bool(missing), returned=bool(returned)),
        policy=policy_in_force(desired),
        missing=missing,
        returned=returned,
    )


def _reads(actions: Sequence[Action], agents: int, ledger: LedgerView, *, missing: bool, returned: bool) -> int:
    """How many reads an apply takes; agents that no action is about are after it as they were before."""
    touched = {action.operator_id for action in actions}
    settled = is_settled(ledger)
    after = settled or is_settled({id_: entry for id_, entry in ledger.items() if id_ not in touched})
    before = missing or returned or not settled
    return reads_of_apply(actions, agents, all_before=before, all_after=missing or not after)
