"""What is missing, what is extra, and what differs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model.desired import DesiredState, PasswordSource, Policy
from reconciler.core.model.diff import AgentDiff, Diff, FieldChange, PasswordChange
from reconciler.core.model.fields import COMPARED, LISTED, Value
from reconciler.core.model.ledger import LedgerEntry, LedgerView
from reconciler.core.model.live import LiveState
from reconciler.core.planning.diff import diff as compare
from tests.core.build import agent, desired, env, live, live_agent
from tests.strategies import canonical_values


def diff(wanted: DesiredState, listed: LiveState, ledger: LedgerView, policy: Policy | None = None) -> Diff:
    """The facts, for a command line that says nothing unless one is given."""
    return compare(wanted, listed, ledger, policy or Policy())


def test_nothing_differs() -> None:
    """Equal values are no difference, and neither are values that the file does not manage."""
    wanted = desired(agent("8001", name="a"), agent("8002"))
    listed = live(live_agent("8001", name="a", email="x"), live_agent("8002", isrecord=False))
    found = diff(wanted, listed, {})
    assert (found.agents, found.in_scope) == ((), 2)
    assert (found.desired, found.live) == (wanted, listed)


def test_a_missing_agent_has_all_its_fields_as_changes() -> None:
    """An agent that is not listed is missing: its managed fields are new, in the table's order."""
    wanted = agent("8001", env(), roleName="r", sipNumber=None, name="")
    assert diff(desired(wanted), live(), {}).agents == (
        AgentDiff(
            "8001",
            "missing",
            wanted,
            None,
            (FieldChange("name", None, ""), FieldChange("sipNumber", None, None), FieldChange("roleName", None, "r")),
        ),
    )


def test_an_extra_agent() -> None:
    """A listed agent that is in scope and not in the file is extra, and nothing is said of its fields."""
    extra = live_agent("8002", name="a")
    assert diff(desired(), live(extra), {}).agents == (AgentDiff("8002", "extra", None, extra),)


def test_agents_out_of_scope_are_not_looked_at() -> None:
    """Out of scope nobody is extra or counted."""
    listed = live(live_agent("8001"), live_agent("9001"), live_agent("900"))
    found = diff(desired(scope=("8*", "9??")), listed, {})
    assert [each.operator_id for each in found.agents] == ["8001", "900"]
    assert found.in_scope == 2


def test_agents_are_sorted_by_id() -> None:
    """Missing, extra and differing agents come in one order."""
    wanted = desired(agent("8003", name="b"), agent("8001"))
    listed = live(live_agent("8004"), live_agent("8003"), live_agent("8002"))
    assert [(a.operator_id, a.status) for a in diff(wanted, listed, {}).agents] == [
        ("8001", "missing"),
        ("8002", "extra"),
        ("8003", "present"),
        ("8004", "extra"),
    ]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("name", "a", "b"),
        ("name", "a", ""),
        ("name", "a", "a\n"),
        ("name", "é", "e\u0301"),
        ("name", "1", "01"),
        ("afterInterval", 0, 1),
        ("afterInterval", "x", 0),
        ("isrecord", False, True),
        ("isrecord", 2, True),
        ("operatorType", 7, "agent"),
        ("sipNumber", "60001", None),
        ("sipNumber", None, "60001"),
        ("sipNumber", "60001", "60002"),
    ],
)
def test_a_changed_field(name: str, before: Value, after: Value) -> None:
    """A field differs when its canonical values do; before and after are kept as they are."""
    (found,) = diff(desired(agent("8001", **{name: after})), live(live_agent("8001", **{name: before})), {}).agents
    assert found.status == "present"
    assert found.changes == (FieldChange(name, before, after),)


def test_changes_come_in_the_tables_order() -> None:
    """Known and unknown changes stand in the order of the table, whatever the order in the file."""
    wanted = agent("8001", roleName="r", ttscontent="t", name="n", isrecord=False)
    (found,) = diff(desired(wanted), live(live_agent("8001")), {}).agents
    assert [change.field for change in found.changes] == ["name", "isrecord", "ttscontent", "roleName"]


def test_a_write_only_field_is_known_by_the_ledger() -> None:
    """What is never listed is compared with what was last sent."""
    wanted = desired(agent("8001", roleName="r", bindSkillName="s"))
    listed = live(live_agent("8001"))
    known = {"8001": LedgerEntry(last_sent={"roleName": "r", "bindSkillName": "s"})}
    assert diff(wanted, listed, known).agents == ()
    other = {"8001": LedgerEntry(last_sent={"roleName": "q", "bindSkillName": "t"})}
    (found,) = diff(wanted, listed, other).agents
    assert found.changes == (FieldChange("roleName", "q", "r"), FieldChange("bindSkillName", "t", "s"))
    assert found.unknowable == ()


def test_a_write_only_field_without_a_record() -> None:
    """Not recorded, what can be edited is a change from something unknown, and the rest cannot be known."""
    wanted = agent("8001", roleName="r", bindSkillName="s", bindSkillLevel=0)
    (found,) = diff(
        desired(wanted), live(live_agent("8001")), {"8002": LedgerEntry(last_sent={"roleName": "r"})}
    ).agents
    assert found.changes == (FieldChange("roleName", None, "r", before_known=False),)
    assert set(found.unknowable) == {"bindSkillName", "bindSkillLevel"}


def test_what_only_cannot_be_known_is_a_difference() -> None:
    """An agent of which something cannot be known is in the diff, so that somebody can be told."""
    (found,) = diff(desired(agent("8001", bindSkillName="s")), live(live_agent("8001")), {}).agents
    assert (found.status, found.changes, found.unknowable) == ("present", (), ("bindSkillName",))


def test_the_listing_wins_over_the_ledger() -> None:
    """A listed field is compared with the listing, whatever a ledger might say of it."""
    ledger = {"8001": LedgerEntry(last_sent={"name": "b"})}
    (found,) = diff(desired(agent("8001", name="b")), live(live_agent("8001", name="a")), ledger).agents
    assert found.changes == (FieldChange("name", "a", "b"),)


@pytest.mark.parametrize(
    ("recorded", "wanted", "changes"),
    [(None, 1, True), (1, 1, False), (1, 2, True), (3, 2, True), (None, None, False), (5, None, False)],
)
def test_a_password_differs_by_its_version(recorded: int | None, wanted: int | None, changes: bool) -> None:
    """Another version than the recorded one is a change; a password that is not managed never is."""
    source = None if wanted is None else env(wanted)
    ledger = {"8001": LedgerEntry(recorded)}
    found = diff(desired(agent("8001", source)), live(live_agent("8001")), ledger).agents
    assert [each.password for each in found] == ([PasswordChange(recorded, source)] if changes and source else [])


def test_another_source_of_the_same_version_is_no_change() -> None:
    """A password that comes from elsewhere and has the same version is not set again."""
    wanted = desired(agent("8001", env(2, "OTHER")))
    assert diff(wanted, live(live_agent("8001")), {"8001": LedgerEntry(2)}).agents == ()


@pytest.mark.parametrize(
    ("source", "recorded", "expected"),
    [
        (env(2), 2, PasswordChange(None, env(2))),
        (env(2), None, PasswordChange(None, env(2))),
        (None, 3, PasswordChange(None, PasswordSource("generate", "", 0))),
        (None, None, PasswordChange(None, PasswordSource("generate", "", 0))),
    ],
)
def test_a_password_that_nobody_may_know_is_set(
    source: PasswordSource | None, recorded: int | None, expected: PasswordChange
) -> None:
    """An agent whose create came through late has its password set anew, a generated one where none is managed."""
    ledger = {"8001": LedgerEntry(recorded, password_unknown=True)}
    (found,) = diff(desired(agent("8001", source)), live(live_agent("8001")), ledger).agents
    assert (found.changes, found.password) == ((), expected)


def test_what_a_replaced_agent_had_is_owed_to_it() -> None:
    """What an interrupted replace has not given back is wanted as if the file managed it, the file's word first."""
    ledger = {"8001": LedgerEntry(to_restore={"name": "old", "status": "disabled", "mainGroupName": "g"})}
    listed = live_agent("8001", mainGroupName="g")
    (found,) = diff(desired(agent("8001", name="new")), live(listed), ledger).agents
    assert found.changes == (FieldChange("name", "", "new"), FieldChange("status", "enabled", "disabled"))
    (missing,) = diff(desired(agent("8001", name="new")), live(), ledger).agents
    assert missing.changes == (FieldChange("name", None, "new"),)
    assert missing.to_restore == ledger["8001"].to_restore
    assert diff(desired(), live(), ledger).agents == ()


def test_what_cannot_be_given_back_is_owed_no_longer() -> None:
    """A number that another agent has meanwhile, and what is fixed once the agent is there, are not asked for."""
    to_restore: dict[str, Value] = {"sipNumber": "60001", "email": "e", "afterInterval": 0, "name": "n"}
    ledger, other = {"8001": LedgerEntry(to_restore=to_restore)}, live_agent("8002", sipNumber="60001")
    wanted = desired(agent("8001"), prune=False, scope=("8001",))
    (missing,) = diff(wanted, live(other), ledger).agents
    assert missing.to_restore == {"email": "e", "afterInterval": 0, "name": "n"}
    (there,) = diff(wanted, live(live_agent("8001", afterInterval=5), other), ledger).agents
    assert there.changes == (FieldChange("name", "", "n"),)
    (holding,) = diff(wanted, live(live_agent("8001", sipNumber="60001")), ledger).agents
    assert holding.changes == (FieldChange("name", "", "n"),)


@given(
    st.fixed_dictionaries({}, optional={row.name: canonical_values(row) for row in COMPARED}),
    st.fixed_dictionaries({row.name: canonical_values(row) for row in LISTED}),
)
def test_exactly_what_differs_is_a_change(wanted: dict[str, Value], listed: dict[str, Value]) -> None:
    """A managed field is a change exactly when its two values are unequal, and no other field ever is."""
    found = diff(desired(agent("8001", **wanted)), live(live_agent("8001", **listed)), {}).agents
    changes = {change.field: (change.before, change.after) for each in found for change in each.changes}
    write_only = {"roleName": (None, wanted["roleName"])} if "roleName" in wanted else {}
    unequal = {name: (value, wanted[name]) for name, value in listed.items() if wanted.get(name, value) != value}
    assert changes == {**unequal, **write_only}
