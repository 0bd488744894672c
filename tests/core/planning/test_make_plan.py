"""The stages, joined."""

from __future__ import annotations

from reconciler.core.model.desired import Policy
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.planning.actions import notes, plan_actions
from reconciler.core.planning.calls import calls_for
from reconciler.core.planning.diff import diff
from reconciler.core.planning.guardrails import guardrails
from reconciler.core.planning.make_plan import live_state, make_plan
from tests.core.build import agent, desired, env, live_agent


def test_the_listing_by_id() -> None:
    """The listing is kept by id, and is complete unless it is said not to be."""
    one, two = live_agent("8001"), live_agent("8002")
    assert live_state([one, two]) == LiveState({"8001": one, "8002": two}, complete=True)
    assert live_state([], complete=False) == LiveState({}, complete=False)


def test_a_plan_is_made_of_every_stage() -> None:
    """Acts, calls, guardrails and notes all come from one diff, with the same policy and ledger."""
    wanted = desired(agent("8001", env(2), name="n", email="n", bindSkillName="s"), max_changes="5")
    listed, ledger, policy = live_state([live_agent("8001")]), {"8001": LedgerEntry(1)}, Policy(allow_replace=True)
    found = make_plan(wanted, listed, ledger, policy)
    facts = diff(wanted, listed, ledger, policy)
    assert found.actions == plan_actions(facts, policy)
    assert found.calls == calls_for(found.actions)
    assert found.guardrails == guardrails(found.actions, facts, policy)
    assert found.notes == tuple(notes(facts, found.actions, policy))
    assert (len(found.actions), len(found.calls), len(found.guardrails), len(found.notes)) == (1, 2, 1, 1)
