"""Events to Report: what became of each action, and what the listing says afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import LISTED, Kind, Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import text, verbatim
from reconciler.core.model.outcome import CallOutcome, Event
from reconciler.core.model.plan import Action, Call, Plan
from reconciler.core.model.report import ActionResult, Mismatch
from reconciler.core.report import action_results, drifted, mismatches, read_back, side_effects
from tests.core.build import REPLACING, agent, desired, env, live, live_agent, planned

TWO_CALLS = planned(desired(agent("8001", status="disabled")))
"""A create and then an edit."""


def outcomes(plan: Plan, *ended: tuple[CallOutcome, str]) -> list[tuple[str, str]]:
    """What is made of calls that ended so, in order; the rest never ended."""
    events = [
        Event(call, outcome, verbatim(message)) for call, (outcome, message) in zip(plan.calls, ended, strict=False)
    ]
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
    changed = text("the vendor accepted the change and did not make it")
    assert mismatches(done, plan) == (
        Mismatch("8001", text("was created, and is not in the listing")),
        Mismatch("8002", changed, (FieldChange("name", "", "n"),)),
        Mismatch("8003", changed, (FieldChange("email", "", "n"),)),
        Mismatch("8004", text("its password is not recorded as set")),
        Mismatch("8005", text("was deleted, and is still in the listing")),
        Mismatch("8009", text("was created, and is not in the listing")),
    )


@pytest.mark.parametrize(("vendor_id", "created", "new"), [(7, 1_000, False), (7, 2_000, True), (9, 2_000, True)])
def test_somebody_else_under_a_deleted_number(vendor_id: int, created: int, new: bool) -> None:
    """Who has got the number is another agent by `id` or `ctime`: named as that, and nothing of it changed unasked."""
    old = replace(live_agent("8001", name="old"), vendor_id=7, created=1_000)
    now = replace(live_agent("8001", name="new"), vendor_id=vendor_id, created=created)
    wanted, other = desired(agent("8002")), live_agent("8002")
    plan, again = planned(wanted, live(old, other)), planned(wanted, live(now, other))
    (found,) = mismatches([ActionResult(plan.actions[0], "done")], again)
    assert ("another agent" in found.message, "still in the listing" in found.message) == (new, not new)
    effects = side_effects(plan, [Event(plan.calls[0], "done")], live(old, other), live(now, other))
    assert [effect.operator_id for effect in effects] == ["8001"] * (not new)


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


# What changed although nobody asked


def some(row: str) -> Value:
    """A value that a new agent does not have."""
    return f"a {row}"


fields = st.sets(st.sampled_from([row.name for row in LISTED]))
outcomes_of_calls = st.sampled_from(["done", "lost", "refused", "not-sent", "skipped"])


@given(fields, fields, outcomes_of_calls)
def test_what_changed_and_was_not_asked(asked: set[str], changed: set[str], outcome: CallOutcome) -> None:
    """Of an agent that was edited, or may have been: every listed field that moved and that no action asks for."""
    changes = tuple(FieldChange(name, None, some(name)) for name in sorted(asked))
    action = Action("edit", "8001", "", None, changes, live=live_agent("8001"))
    plan = replace(TWO_CALLS, actions=(action,), calls=())
    event = Event(Call("edit", ("8001",), (0,)), outcome)
    now = live_agent("8001", **{name: some(name) for name in changed})
    found = side_effects(plan, [event], live(live_agent("8001"), live_agent("8002")), live(now, live_agent("8002")))
    named = {change.field for mismatch in found for change in mismatch.changes}
    assert named == (changed - asked if outcome in ("done", "lost") else set())
    assert all(mismatch.operator_id == "8001" and mismatch.unasked for mismatch in found)
    defaults = {row.name: row.default for row in LISTED}
    assert all(
        (change.before, change.after) == (some(change.field), defaults[change.field])
        for mismatch in found
        for change in mismatch.changes
    )


@given(fields)
def test_what_a_new_agent_has_unasked(changed: set[str]) -> None:
    """A new agent is held against what the reference says that it has; not against texts, groups and SIP numbers."""
    plan = planned(desired(agent("8001")))
    now = live(live_agent("8001", **{name: some(name) for name in changed}))
    found = side_effects(plan, [Event(plan.calls[0], "done")], live(), now)
    said = {row.name for row in LISTED if row.wire.create and row.kind in (Kind.FLAG, Kind.CHOICE, Kind.INTEGER)}
    assert said == {
        *("operatorType", "afterInterval", "isHidePhone", "isrecord", "outcallflag"),
        *("isaudio", "ismessage", "isvideo", "judge"),
    }
    assert {change.field for mismatch in found for change in mismatch.changes} == changed & said
    assert side_effects(plan, [Event(plan.calls[0], "lost")], live(), now) == ()


def test_nobody_else_is_looked_at() -> None:
    """Agents that no call was about, and those that are gone, are not compared: that is drift."""
    plan = planned(desired(agent("8001", name="new")), live(live_agent("8001"), live_agent("8002")))
    done = [Event(call, "done") for call in plan.calls]
    before = live(live_agent("8001"), live_agent("8002"), live_agent("8003"))
    assert side_effects(plan, done, before, live(live_agent("8001", name="new"), live_agent("8003", name="x"))) == ()


changes_of = st.lists(
    st.tuples(st.sampled_from(["8001", "8002"]), st.sampled_from(["name", "email", "judge"])), unique=True, max_size=6
)


@given(changes_of, changes_of)
def test_a_field_stands_once(found: list[tuple[str, str]], effects: list[tuple[str, str]]) -> None:
    """What is still planned and was never asked for is a side effect, and is told once; nothing is lost."""

    def told(pairs: list[tuple[str, str]], *, unasked: bool) -> list[Mismatch]:
        return [Mismatch(id_, text("x"), (FieldChange(name, 1, 2),), unasked) for id_, name in pairs]

    gone = Mismatch("8003", text("is no longer in the listing"))
    both = read_back([*told(found, unasked=False), gone], told(effects, unasked=True))
    named = [(each.operator_id, change.field) for each in both for change in each.changes]
    assert sorted(named) == sorted({*found, *effects})
    assert gone in both
    assert {(e.operator_id, c.field) for e in both if e.unasked for c in e.changes} == set(effects)


def test_what_a_call_changed_unasked() -> None:
    """Of agents that a call was about every field is compared that no action asks for; of a new one, its defaults."""
    before = live(live_agent("8001", name="a", email="x"), live_agent("8002", name="b"), live_agent("8003", name="c"))
    now = live(
        live_agent("8001", name="new", email=""),
        live_agent("8002", name="other"),
        live_agent("8003", name="c"),
        live_agent("8004", isrecord=False, name="y"),
        live_agent("8005"),
    )
    edit = Action("edit", "8001", "a", None, (FieldChange("name", "a", "new"),))
    plan = replace(planned(desired()), actions=(edit,))
    events = [
        Event(Call("edit", ("8001",), (0,), {"name": "new"}), "done"),
        Event(Call("edit", ("8003",), (0,)), "lost"),
        Event(Call("create", ("8004",), (0,)), "done"),
        Event(Call("create", ("8005",), (0,)), "lost"),
        Event(Call("edit", ("8009",), (0,)), "refused"),
    ]
    effects = side_effects(plan, events, before, now)
    assert [(each.operator_id, [change.field for change in each.changes]) for each in effects] == [
        ("8001", ["email"]),
        ("8004", ["isrecord"]),
    ]
    found = [Mismatch("8001", text("m"), (FieldChange("email", "", "x"),)), Mismatch("8002", text("gone"))]
    together = read_back(found, effects)
    assert [(each.operator_id, each.unasked) for each in together] == [("8001", True), ("8002", False), ("8004", True)]


def test_who_drifted_is_of_no_action() -> None:
    """Whoever differs afterwards and was in no action of the plan was changed by somebody; each is named once."""
    wanted = desired(agent("8001", name="a"), agent("8002", name="b"))
    plan = planned(wanted, live(live_agent("8001", name="old"), live_agent("8002", name="b")))
    again = planned(wanted, live(live_agent("8001", name="old"), live_agent("8002", name="by hand")))
    assert drifted(plan, again) == ("8002",)
