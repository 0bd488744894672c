"""Between a review and its apply: what makes a plan stale, what does not, and what is left once it was applied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from reconciler.apply.goal import SavedPlanGoal
from reconciler.core.model.desired import DesiredState, PasswordSource, Removal
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import BY_NAME, LISTED, Value, encode
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.message import text, verbatim
from reconciler.core.model.outcome import StaleAgent
from reconciler.core.model.plan import Plan
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.core.recovery import restored_entries
from reconciler.core.saved.plan_json import digest, plan_document, read_plan
from reconciler.core.saved.staleness import stale_agents
from reconciler.core.text import json_text
from reconciler.core.wire import live_agent as listed
from reconciler.errors import Declined, StalePlan
from reconciler.files.plan_file import SavedPlan
from tests.core.build import REPLACING, act, agent, desired, env, live, live_agent, planned
from tests.fuzz import examples
from tests.model_vendor import ModelVendor, admissible, record
from tests.strategies import SIP_NUMBERS, desired_states, ledgers, live_states

POOL = (*SIP_NUMBERS, *(str(number) for number in range(60006, 60030)))
randoms = st.randoms(use_true_random=False)
law = settings(
    deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def saved(plan: Plan) -> SavedPlanGoal:
    """The plan as the goal of an apply, after it was on disk."""
    back = read_plan(json.loads(json_text(plan_document(plan, "0.1.0", "2026-11-22T10:00:00Z"))))
    return SavedPlanGoal(SavedPlan(back, "0.1.0", "2026-11-22T10:00:00Z", "2026-11-29T10:00:00Z", "0" * 64))


# One plan with everything in it: 8001 edits and 8002 a password, 8003 is made, 8004 made anew, 8005 deleted, 8006 binds
# the number that 8005 frees, 8008 a free one; 8007 is as it should be.

WANTED = desired(
    agent("8001", env(2), name="new", roleName="客服"),
    agent("8002", env(3)),
    agent("8003"),
    agent("8004", email="new"),
    agent("8006", sipNumber="60005"),
    agent("8007"),
    agent("8008", sipNumber="60008"),
)
ROWS = {
    row.operator_id: row
    for row in (
        live_agent("8001", name="old"),
        live_agent("8002"),
        live_agent("8004", email="old", sipNumber="60004"),
        live_agent("8005", sipNumber="60005"),
        live_agent("8006", sipNumber="60006"),
        live_agent("8007", sipNumber="60007"),
        live_agent("8008"),
    )
}
BOOK = {
    "8001": LedgerEntry(1, {"roleName": "班长"}),
    "8002": LedgerEntry(2),
    "8004": LedgerEntry(last_sent={"roleName": "班长"}),
}
PLAN = planned(WANTED, live(*ROWS.values()), BOOK, REPLACING)


def changed(operator_id: str, **values: Value) -> dict[str, LiveAgent]:
    """The listing with other values of one agent."""
    row = ROWS[operator_id]
    return {**ROWS, operator_id: replace(row, fields={**row.fields, **values})}


def without(*operator_ids: str) -> dict[str, LiveAgent]:
    """The listing without these."""
    return {id_: row for id_, row in ROWS.items() if id_ not in operator_ids}


def booked(operator_id: str, entry: LedgerEntry) -> dict[str, LedgerEntry]:
    """The ledger with another entry."""
    return {**BOOK, operator_id: entry}


def seen(operator_id: str, *changes: tuple[str, Value, Value]) -> StaleAgent:
    """That these values of an agent are others."""
    return StaleAgent(operator_id, CHANGED, values(*changes))


def values(*changes: tuple[str, Value, Value]) -> tuple[FieldChange, ...]:
    """Changes, each as field, reviewed value and today's."""
    return tuple(FieldChange(*change) for change in changes)


APPEARED = text("appeared: it was not there, and is listed now")
VANISHED = text("vanished: it is no longer listed")
CHANGED = text("was changed on the live side")
ANOTHER = text("has another record in the ledger")
HELD = "SIP number {} is held by {}, from whom nothing in this plan takes it"

STALE: dict[str, tuple[Mapping[str, LiveAgent], Mapping[str, LedgerEntry], list[StaleAgent]]] = {
    "one to be made appeared": ({**ROWS, "8003": live_agent("8003")}, BOOK, [StaleAgent("8003", APPEARED)]),
    "one to be edited vanished": (without("8001"), BOOK, [StaleAgent("8001", VANISHED)]),
    "one to be deleted vanished": (without("8005"), BOOK, [StaleAgent("8005", VANISHED)]),
    "one to be made anew vanished": (without("8004"), BOOK, [StaleAgent("8004", VANISHED)]),
    "a before value": (changed("8001", name="other"), BOOK, [seen("8001", ("name", "old", "other"))]),
    "what was wanted is so": (changed("8001", name="new"), BOOK, [seen("8001", ("name", "old", "new"))]),
    "an unmanaged value": (changed("8001", bindcode="7"), BOOK, [seen("8001", ("bindcode", "", "7"))]),
    "two values, in the table's order": (
        changed("8001", ttscontent="x", name="other"),
        BOOK,
        [seen("8001", ("name", "old", "other"), ("ttscontent", "", "x"))],
    ),
    "a flag": (changed("8002", isrecord=False), BOOK, [seen("8002", ("isrecord", True, False))]),
    "a flag that is none": (changed("8002", isrecord=7), BOOK, [seen("8002", ("isrecord", True, 7))]),
    "a value of one to be deleted": (
        changed("8005", name="恢复"), BOOK, [seen("8005", ("name", "", "恢复"))]
    ),
    "a value to be carried over": (
        changed("8004", ttscontent="您好"), BOOK, [seen("8004", ("ttscontent", "", "您好"))]
    ),
    "a number taken away": (
        changed("8004", sipNumber=None), BOOK, [seen("8004", ("sipNumber", "60004", None))]
    ),
    "a password set": (
        ROWS, booked("8002", LedgerEntry(3)), [StaleAgent("8002", ANOTHER, values(("password.version", 2, 3)))]
    ),
    "a record lost": (
        ROWS,
        {},
        [
            StaleAgent("8001", ANOTHER, values(("password.version", 1, None), ("roleName", "班长", None))),
            StaleAgent("8002", ANOTHER, values(("password.version", 2, None))),
            StaleAgent("8004", ANOTHER, values(("roleName", "班长", None))),
        ],
    ),
    "a record of one to be made": (
        ROWS,
        booked("8003", LedgerEntry(password_unknown=True)),
        [StaleAgent("8003", ANOTHER, values(("unsure", False, True)))],
    ),
    "a record of one to be deleted": (
        ROWS, booked("8005", LedgerEntry(1)), [StaleAgent("8005", ANOTHER, values(("password.version", None, 1)))]
    ),
    "what is owed": (
        ROWS,
        booked("8006", LedgerEntry(to_restore={"bindcode": "7"})),
        [StaleAgent("8006", ANOTHER, values(("owed bindcode", None, "7")))],
    ),
    "a free number taken by a stranger": (
        {**ROWS, "9001": live_agent("9001", sipNumber="60008")},
        BOOK,
        [StaleAgent("8008", verbatim(HELD.format("60008", "9001")))],
    ),
    "a free number taken by one who stays": (
        changed("8007", sipNumber="60008"), BOOK, [StaleAgent("8008", verbatim(HELD.format("60008", "8007")))]
    ),
    "values and record": (
        changed("8001", name="other"),
        booked("8001", LedgerEntry(2, {"roleName": "班长"})),
        [
            seen("8001", ("name", "old", "other")),
            StaleAgent("8001", ANOTHER, values(("password.version", 1, 2))),
        ],
    ),
    "several agents, in plan order": (
        {**without("8005"), "8003": live_agent("8003")},
        BOOK,
        [StaleAgent("8003", APPEARED), StaleAgent("8005", VANISHED)],
    ),
}  # fmt: skip
FRESH: dict[str, tuple[Mapping[str, LiveAgent], Mapping[str, LedgerEntry]]] = {
    "nothing": (ROWS, BOOK),
    "a stranger more": ({**ROWS, "9001": live_agent("9001")}, BOOK),
    "a stranger with a number that nobody waits for": ({**ROWS, "9001": live_agent("9001", sipNumber="60009")}, BOOK),
    "one that is as it should be vanished": (without("8007"), BOOK),
    "one that is as it should be changed": (changed("8007", name="x", sipNumber=None), BOOK),
    "a stranger's record": (ROWS, {**BOOK, "8007": LedgerEntry(9), "9001": LedgerEntry(password_unknown=True)}),
    "an empty record": (ROWS, {**BOOK, "8003": LedgerEntry()}),
    "the listing's order": (dict(reversed(ROWS.items())), dict(reversed(BOOK.items()))),
}


def test_the_plan_of_the_table() -> None:
    """The plan under the table has every kind of action, and nothing in it is blocked."""
    assert PLAN.summary == {
        "create": 1, "edit": 3, "replace": 1, "delete": 1, "password": 2, "blocked": 0, "unchanged": 1
    }  # fmt: skip


@pytest.mark.parametrize(("rows", "book", "found"), STALE.values(), ids=STALE)
def test_what_makes_a_plan_stale(
    rows: Mapping[str, LiveAgent], book: Mapping[str, LedgerEntry], found: list[StaleAgent]
) -> None:
    """Whatever moved about an agent that the plan touches is told: whose, what, from which value to which."""
    assert list(stale_agents(PLAN, live(*rows.values()), book)) == found


@pytest.mark.parametrize(("rows", "book", "found"), STALE.values(), ids=STALE)
def test_a_stale_plan_is_no_plan(
    rows: Mapping[str, LiveAgent], book: Mapping[str, LedgerEntry], found: list[StaleAgent]
) -> None:
    """As a goal it then gives no plan at all, and the reason carries what moved."""
    with pytest.raises(StalePlan) as caught:
        saved(PLAN).plan(live(*rows.values()), book, {})
    assert list(caught.value.moved) == found


@pytest.mark.parametrize(("rows", "book"), FRESH.values(), ids=FRESH)
def test_what_voids_no_review(rows: Mapping[str, LiveAgent], book: Mapping[str, LedgerEntry]) -> None:
    """What happens to others does not matter: the plan is exactly the one that was reviewed."""
    assert saved(PLAN).plan(live(*rows.values()), book, {}) == PLAN


def test_another_vendor_is_refused() -> None:
    """A plan for one endpoint is not for another, though the same agents are there."""
    elsewhere = replace(live(*ROWS.values()), endpoint="https://other.example")
    with pytest.raises(Declined, match=r"made for .* and this is https://other\.example"):
        saved(PLAN).plan(elsewhere, BOOK, {})


def test_a_number_that_moved_among_touched_agents() -> None:
    """Who was to free a number and no longer has it is said to have changed, and who now has it blocks who waits."""
    rows = {**changed("8005", sipNumber=None), "9001": live_agent("9001", sipNumber="60005")}
    assert [(each.operator_id, each.message) for each in stale_agents(PLAN, live(*rows.values()), BOOK)] == [
        ("8005", CHANGED),
        ("8006", HELD.format("60005", "9001")),
    ]


def test_a_blocked_action_stays_so() -> None:
    """What was blocked when it was reviewed has not moved since."""
    rows = live(live_agent("8001"), live_agent("9001", sipNumber="60001"))
    plan = planned(desired(agent("8001", sipNumber="60001"), prune=False), rows)
    assert act(plan, "8001").blocked
    assert stale_agents(plan, rows, {}) == ()


@law
@given(desired_states(), live_states(), ledgers(), st.data())
def test_a_plan_is_fresh_until_a_touched_agent_moves(
    wanted: DesiredState, listing: LiveState, ledger: dict[str, LedgerEntry], data: st.DataObject
) -> None:
    """Any plan holds for what it was made of; another value of an agent is told exactly where the plan touches it."""
    plan = make_plan(wanted, listing, ledger, REPLACING)
    assert stale_agents(plan, listing, ledger) == ()
    assume(listing.agents)
    row = listing.agents[data.draw(st.sampled_from(sorted(listing.agents)))]
    field = data.draw(st.sampled_from([row.name for row in LISTED if row.name != "sipNumber"]))
    other = replace(row, fields={**row.fields, field: "canary"})
    found = stale_agents(plan, replace(listing, agents={**listing.agents, row.operator_id: other}), ledger)
    touched = row.operator_id in {action.operator_id for action in plan.actions}
    expected = (seen(row.operator_id, (field, row.fields[field], "canary")),)
    assert found == (expected if touched else ())


# What is left of it


@law
@given(desired_states(), live_states(odd=False), ledgers(), randoms)
@example(
    desired(agent("8001", env(1), name="")),
    live(live_agent("8001")),
    {"8001": LedgerEntry(to_restore={"name": " "})},
    Random(0),
)
@example(
    replace(desired(agent("8001")), on_remove=Removal(disable=True)),
    live(live_agent("8001"), live_agent("8002")),
    {"8002": LedgerEntry(password_unknown=True)},
    Random(0),
)
def test_nothing_is_left_once_it_was_applied(
    wanted: DesiredState, listing: LiveState, ledger: dict[str, LedgerEntry], random: Random
) -> None:
    """After all calls of any plan, replaces, swaps, passwords, skills and what is owed included, nothing is left."""
    _assert_nothing_is_left(wanted, listing, ledger, random)


@law
@given(desired_states(sip_only=True), live_states(sip_only=True), randoms)
def test_nothing_is_left_of_moves_of_numbers(wanted: DesiredState, listing: LiveState, random: Random) -> None:
    """The same where nothing but SIP numbers moves."""
    _assert_nothing_is_left(wanted, listing, {}, random)


def _assert_nothing_is_left(
    wanted: DesiredState, listing: LiveState, ledger: dict[str, LedgerEntry], random: Random
) -> None:
    while blocked := {a.operator_id for a in make_plan(wanted, listing, ledger, REPLACING).blocked}:
        wanted = replace(wanted, agents=tuple(a for a in wanted.agents if a.operator_id not in blocked))
    goal = saved(make_plan(wanted, listing, ledger, REPLACING))
    plan = goal.plan(listing, ledger, {})
    vendor = _vendor(listing, ledger)
    for call in admissible(plan.calls, random):
        vendor.send(call, plan.company)
        ledger = record(ledger, call)
    after = live_state((listed(row) for row in vendor.listing()), complete=listing.complete)
    ledger |= {id_: entry for id_, entry in restored_entries(after, ledger).items() if entry}
    assert goal.left(after, ledger).actions == ()


def _vendor(listing: LiveState, ledger: Mapping[str, LedgerEntry]) -> ModelVendor:
    rows = [
        {"operatorId": id_, **{str(row.wire.listed): encode(row, there.fields[row.name]) for row in LISTED}}
        for id_, there in listing.agents.items()
    ]
    hidden = {id_: {n: encode(BY_NAME[n], v) for n, v in entry.last_sent.items()} for id_, entry in ledger.items()}
    return ModelVendor(rows, POOL, hidden)


def test_a_number_owed_that_went_to_a_stranger_is_not_missed() -> None:
    """A number that an agent cannot be given back, since one whom the plan does not touch has it, is not left to do."""
    before = live(live_agent("8001"), live_agent("8002", sipNumber="60001"))
    book = {"8001": LedgerEntry(to_restore={"sipNumber": "60001"})}
    plan = planned(desired(agent("8001", name="new"), agent("8002")), before, book)
    assert [change.field for change in act(plan, "8001").changes] == ["name"]
    after = live(live_agent("8001", name="new"), live_agent("8002", sipNumber="60001"))
    assert saved(plan).left(after, book).actions == ()


def test_a_password_of_nobodys_file_is_not_left() -> None:
    """An agent whose password nobody may know gets another; no version of it is recorded, and none is missed."""
    rows, wanted = live(live_agent("8001")), desired(agent("8001"))
    plan = planned(wanted, rows, {"8001": LedgerEntry(password_unknown=True)})
    assert [(action.kind, action.password) for action in plan.actions] == [
        ("password", PasswordSource("generate", "", 0))
    ]
    assert saved(plan).left(rows, {"8001": LedgerEntry()}).actions == ()


NOT_DONE: dict[str, tuple[Mapping[str, LiveAgent], Mapping[str, LedgerEntry], tuple[str, str]]] = {
    "an edit": (changed("8001", name="old"), {}, ("8001", "edit")),
    "a create": (without("8003"), {}, ("8003", "create")),
    "a delete": (ROWS, {}, ("8005", "delete")),
    "a replace": (ROWS, {}, ("8004", "replace")),
    "a number": (ROWS, {}, ("8006", "edit")),
    "a password": (ROWS, {"8002": LedgerEntry(2)}, ("8002", "password")),
}


@pytest.mark.parametrize(("rows", "book", "expected"), NOT_DONE.values(), ids=NOT_DONE)
def test_what_was_not_done_is_left(
    rows: Mapping[str, LiveAgent], book: Mapping[str, LedgerEntry], expected: tuple[str, str]
) -> None:
    """What the vendor did not do, and what nobody recorded, is still to be done to that agent."""
    left = saved(PLAN).left(live(*rows.values()), {**BOOK, **book})
    operator_id, kind = expected
    assert kind in [a.kind for a in left.actions if a.operator_id == operator_id]


@pytest.mark.parametrize(
    ("before", "now", "found"), [(7, 9, 1), (7, 7, 0), (None, 9, 0), (7, None, 0), (None, None, 0)]
)
def test_another_agent_under_the_same_number(before: int | None, now: int | None, found: int) -> None:
    """An agent that was deleted and made anew with equal values is another one: the vendor's own `id` shows it.

    So it does in a plan from a file. Where one of the two has no `id`, only values are compared.
    """
    others = [live_agent(f"800{number}") for number in range(2, 8)]
    wanted = desired(*(agent(other.operator_id) for other in others))
    plan = planned(wanted, live(replace(live_agent("8001"), vendor_id=before), *others))
    assert plan.summary["delete"] == 1
    for reviewed in (plan, read_plan(plan_document(plan, "0", "2026-01-01T00:00:00Z"))):
        moved = stale_agents(reviewed, live(replace(live_agent("8001"), vendor_id=now), *others), {})
        assert [each.operator_id for each in moved] == ["8001"] * found


@pytest.mark.parametrize(("before", "now", "found"), [(5, 5, 0), (5, 65, 1), (None, 65, 0), (5, None, 0)])
def test_an_id_that_is_given_again(before: int | None, now: int | None, found: int) -> None:
    """Where a vendor gives the `id` of a deleted agent again, the `ctime` shows another one, also in a saved plan.

    The digest does not depend on it, and a plan of a version that noted none holds as before.
    """

    def listed(created: int | None) -> LiveAgent:
        return replace(live_agent("8001"), vendor_id=7, created=created)

    plan = _deleting(listed(before))
    for reviewed in (plan, read_plan(plan_document(plan, "0", "2026-01-01T00:00:00Z"))):
        assert digest(reviewed) == digest(_deleting(listed(now)))
        others = [live_agent(f"800{number}") for number in range(2, 8)]
        moved = stale_agents(reviewed, live(listed(now), *others), {})
        assert [each.operator_id for each in moved] == ["8001"] * found


def _deleting(doomed: LiveAgent) -> Plan:
    """A plan that deletes this agent of seven."""
    others = [live_agent(f"800{number}") for number in range(2, 8)]
    return planned(desired(*(agent(other.operator_id) for other in others)), live(doomed, *others))


def test_others_are_not_left() -> None:
    """Agents that the plan does not touch are nobody's business afterwards, whatever they are like."""
    rows = {**changed("8007", name="x"), "9001": live_agent("9001")}
    left = saved(PLAN).left(live(*rows.values()), BOOK)
    assert not {"8007", "9001"} & {action.operator_id for action in left.actions}
