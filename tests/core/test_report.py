"""Events to Report: what became of each action, and what the listing says afterwards."""

from __future__ import annotations

import pytest

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.outcome import CallOutcome, Event
from reconciler.core.model.plan import Plan
from reconciler.core.model.report import ActionResult, Mismatch
from reconciler.core.report import action_results, mismatches
from tests.core.build import REPLACING, agent, desired, env, live, live_agent, planned

TWO_CALLS = planned(desired(agent("8001", status="disabled")))
"""A create and then an edit."""


def outcomes(plan: Plan, *ended: tuple[CallOutcome, str]) -> list[tuple[str, str]]:
    """What is made of calls that ended so, in order; the rest never ended."""
    events = [Event(call, outcome, message) for call, (outcome, message) in zip(plan.calls, ended, strict=False)]
    return [(result.outcome, result.message) for result in action_results(plan, events)]


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        ([("done", ""), ("done", "")], ("done", "")),
        ([("done", ""), ("refused", "no")], ("partly", "no")),
        ([("done", ""), ("skipped", "stopped")], ("partly", "stopped")),
        ([("done", "")], ("partly", "not started")),
        ([("refused", "no"), ("skipped", "not tried")], ("failed", "no")),
        ([("lost", "?"), ("skipped", "not tried")], ("failed", "?")),
        ([("not-sent", "offline")], ("failed", "offline")),
        ([("skipped", "a"), ("skipped", "b")], ("skipped", "a")),
        ([], ("skipped", "not started")),
    ],
)
def test_what_became_of_an_action(ended: list[tuple[CallOutcome, str]], expected: tuple[str, str]) -> None:
    """Done when all its calls are, partly when some are, and the first failure's reason before a skip's."""
    assert outcomes(TWO_CALLS, *ended) == [expected]


def test_a_blocked_action_was_not_done() -> None:
    """An action that was blocked is not done, although not one call of it is missing."""
    plan = planned(desired(agent("8001", email="new")), live(live_agent("8001")))
    (result,) = action_results(plan, ())
    assert (result.outcome, result.message) == ("skipped", plan.actions[0].blocked)


def test_one_call_of_many_actions() -> None:
    """A delete of several agents decides the end of each."""
    plan = planned(desired(agent("8009")), live(live_agent("8001"), live_agent("8002"), live_agent("8009")))
    assert len(plan.calls) == 1
    assert outcomes(plan, ("done", "")) == [("done", ""), ("done", "")]
    assert outcomes(plan, ("refused", "no")) == [("failed", "no"), ("failed", "no")]


def test_results_are_in_plan_order() -> None:
    """There is one result an action, whatever order the events came in."""
    plan = planned(desired(agent("8001"), agent("8003"), agent("8005")))
    events = [Event(plan.calls[index], outcome) for index, outcome in ((2, "done"), (0, "lost"))]  # type: ignore[arg-type]
    found = action_results(plan, events)
    assert [result.action for result in found] == list(plan.actions)
    assert [result.outcome for result in found] == ["failed", "skipped", "done"]


def test_what_was_done_and_is_not_so() -> None:
    """An agent that was done and still has something planned is a mismatch, by kind and field."""
    wanted = desired(
        agent("8001"), agent("8002", name="n"), agent("8003", email="n"), agent("8004", env(2)), agent("8009")
    )
    listed = live(*(live_agent(f"800{index}") for index in (2, 3, 4, 5)))
    plan = planned(wanted, listed, policy=REPLACING)
    done = tuple(ActionResult(action, "done") for action in plan.actions)
    changed = "the vendor accepted the change and did not make it"
    assert mismatches(done, plan) == (
        Mismatch("8001", "was created, and is not in the listing"),
        Mismatch("8002", changed, (FieldChange("name", "", "n"),)),
        Mismatch("8003", changed, (FieldChange("email", "", "n"),)),
        Mismatch("8004", "its password is not recorded as set"),
        Mismatch("8005", "was deleted, and is still in the listing"),
        Mismatch("8009", "was created, and is not in the listing"),
    )


def test_what_was_not_done_is_no_mismatch() -> None:
    """An agent with any action that did not end well, or with none, is not complained of again."""
    wanted = desired(agent("8001", env(2), name="n"), agent("8002", name="n"))
    listed = live(live_agent("8001"), live_agent("8002"))
    plan = planned(wanted, listed, {"8001": LedgerEntry(1)})
    edit, password = (ActionResult(action, "done") for action in plan.actions[:2])
    assert [m.operator_id for m in mismatches([edit, password], plan)] == ["8001", "8001"]
    assert mismatches([edit, ActionResult(password.action, "failed")], plan) == ()
    assert mismatches([ActionResult(edit.action, "partly"), password], plan) == ()
    assert mismatches([], plan) == ()


def test_nothing_left_is_no_mismatch() -> None:
    """A listing that bears everything out has none."""
    done = (ActionResult(TWO_CALLS.actions[0], "done"),)
    again = planned(desired(agent("8001", status="disabled")), live(live_agent("8001", status="disabled")))
    assert mismatches(done, again) == ()
