"""The fewest reads: what a narrow look may stand for the listing in, and that it takes no more calls than that."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.core.model.desired import Limit, Policy
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.planning.make_plan import make_plan
from reconciler.core.planning.reads import (
    Look,
    SeesTooLittle,
    agents_after,
    is_restored,
    is_settled,
    look_after,
    look_before,
    pages,
    reads_of_apply,
)
from reconciler.core.saved.staleness import stale_agents
from tests.core.build import REPLACING, agent, desired, env, live, live_agent, planned
from tests.fuzz import examples

IDS = ("8001", "8002", "8003", "8OO1", "9001")
NUMBERS = (None, "601", "602", "6O1")


def company(random: Random) -> LiveState:
    """Some agents as the vendor lists them; a SIP number has one holder."""
    free = list(NUMBERS[1:])
    agents = []
    for operator_id in (id_ for id_ in IDS if random.random() < 0.8):
        number = free.pop() if free and random.random() < 0.5 else None
        values = {"name": random.choice("ab"), "mainGroupName": random.choice(("", "g", "h")), "sipNumber": number}
        agents.append(live_agent(operator_id, **values))
    return live(*agents)


def seen(look: Look, everybody: LiveState) -> LiveState | None:
    """What a narrow look shows of a company; `None` where somebody is missing."""
    asked = frozenset((*look.present, *look.gone))
    if not everybody.agents.keys() >= {*look.present}:
        return None
    members = {each.fields["mainGroupName"]: id_ for id_, each in everybody.agents.items()}
    asked_too = {members.get(group) for group in look.groups}
    shown = {
        id_: each
        for id_, each in everybody.agents.items()
        if id_ in asked or id_ in asked_too or each.fields["sipNumber"] in look.sip_numbers
    }
    return LiveState(shown, asked=asked, total=len(everybody.agents))


def wanted(random: Random) -> tuple[LiveAgent, ...]:
    """What the files want of each agent."""
    return tuple(company(random).agents.values())


@settings(max_examples=examples(400), deadline=None)
@given(st.integers(0, 2**32))
def test_a_narrowed_plan_is_that_of_the_listing(seed: int) -> None:
    """Made from the agents that it is about it is the same to the last value; or it says that it sees too little.

    Only patterns of `protect` that are nowhere near the agent are not judged.
    """
    random = Random(seed)
    everybody, target = company(random), random.choice(IDS)
    files = desired(
        *(agent(each.operator_id, None, **each.fields) for each in wanted(random)),
        prune=random.random() < 0.8,
        protect=random.choice(((), ("8001",), ("7*",))),
        max_deletes=random.choice((None, "10%", "1")),
    )
    policy = Policy(targets=(target,), allow_replace=random.random() < 0.5)
    fields = [each.fields for each in files.agents if each.operator_id == target]
    numbers, groups = (
        tuple(str(each[name]) for each in fields if each[name]) for name in ("sipNumber", "mainGroupName")
    )
    narrow = seen(Look((target,), sip_numbers=numbers, groups=groups), everybody)
    if narrow is None:
        return
    whole = make_plan(files, everybody, {}, policy)
    judged = tuple(note for note in whole.notes if not note.message.startswith("protect: "))
    try:
        assert make_plan(files, narrow, {}, policy) == replace(whole, notes=judged)
    except SeesTooLittle:
        assert whole.notes or {action.kind for action in whole.actions} & {"create", "replace"}


@settings(max_examples=examples(400), deadline=None)
@given(st.integers(0, 2**32))
@example(7112538)
def test_a_plan_is_found_stale_as_by_the_listing(seed: int) -> None:
    """Whoever moved, vanished, or took a SIP number of the plan: the narrow look finds what the listing finds.

    Where an agent of the plan has let go of a number, that is found, and not who else has the number by now.
    """
    random = Random(seed)
    files = desired(*(agent(each.operator_id, None, **each.fields) for each in wanted(random)))
    plan = make_plan(files, company(random), {}, REPLACING)
    look, now = look_before(plan.actions), company(random)
    narrow = seen(look, now) if look else None
    if narrow is not None:
        found, whole = stale_agents(plan, narrow, {}), stale_agents(plan, now, {})
        assert (bool(found), {*found} <= {*whole}) == (bool(whole), True)
        let_go = {
            action.live_sip for action in plan.actions if action.live and now.agents[action.operator_id] != action.live
        }
        unseen = [each.message.split()[2] for each in whole if each not in found]
        assert {*unseen} <= let_go


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3000))
def test_no_look_takes_more_reads_than_the_listing(seed: int, agents: int) -> None:
    """Before and after each, the reads are those of the listing or fewer."""
    random = Random(seed)
    files = desired(*(agent(each.operator_id, None, **each.fields) for each in wanted(random)))
    actions = make_plan(files, company(random), {}, REPLACING).actions
    before, after = look_before(actions), look_after(actions)
    then = agents_after(actions, agents)
    assert reads_of_apply(actions, agents) <= pages(agents) + pages(then)
    if before and after and before.is_shorter(agents) and after.is_shorter(then):
        assert reads_of_apply(actions, agents) == before.reads + after.reads


def test_one_look_for_each_agent_and_number() -> None:
    """An edit is one read before and one after, a SIP number one before, and a delete is looked for twice."""
    files = desired(agent("8001", env(), name="b", sipNumber="602"))
    plan = planned(files, live(live_agent("8001", name="a"), live_agent("8002")), policy=REPLACING)
    assert [(each.operator_id, each.kind) for each in plan.actions] == [
        ("8001", "edit"),
        ("8001", "password"),
        ("8002", "delete"),
    ]
    assert look_before(plan.actions) == Look(("8001", "8002"), sip_numbers=("602",))
    assert look_after(plan.actions) == Look(("8001",), gone=("8002",))
    assert reads_of_apply(plan.actions, 10_000) == 3 + 3
    assert reads_of_apply(plan.actions, 200) == 2 + 2
    assert plan.reads == 2


def test_new_agents_take_the_listing_before() -> None:
    """Whose id one looks like the agents of a plan alone do not tell; whether it is there they do."""
    plan = planned(desired(agent("8001", None, name="a"), prune=False), live(live_agent("8002")))
    assert look_before(plan.actions) is None
    assert look_after(plan.actions) == Look(("8001",))
    assert reads_of_apply(plan.actions, 1000) == 10 + 1
    assert look_before(()) is None
    assert look_after(()) is None
    assert reads_of_apply((), 1000) == 10


def test_the_listing_afterwards_has_those_who_were_made() -> None:
    """Its pages are those of all who are there then."""
    pool = desired(*(agent(str(8001 + number), None) for number in range(250)))
    assert planned(pool, live()).reads == 1 + 3
    assert agents_after(planned(desired(agent("8001")), live(live_agent("8002"), live_agent("8003"))).actions, 2) == 1


def test_a_number_that_a_touched_agent_has_is_not_asked_for() -> None:
    """Two who swap their numbers hold them: that they do is part of what the plan was reviewed on."""
    everybody = live(live_agent("8001", sipNumber="601"), live_agent("8002", sipNumber="602"))
    plan = planned(desired(agent("8001", None, sipNumber="602"), agent("8002", None, sipNumber="601")), everybody)
    assert look_before(plan.actions) == Look(("8001", "8002"))


@pytest.mark.parametrize(
    ("entry", "settled"),
    [
        (LedgerEntry(3, {"roleName": "r"}), True),
        (LedgerEntry(to_restore={"name": "a"}), False),
        (LedgerEntry(password_unknown=True), False),
        (LedgerEntry(awaited={"name": "a"}), False),
        (LedgerEntry(in_doubt="author"), False),
        (LedgerEntry(missing_since="2026-11-29T00:00:00Z"), False),
        (LedgerEntry(disabled_by_removal=True), False),
    ],
)
def test_a_ledger_that_waits_for_somebody_is_not_settled(entry: LedgerEntry, settled: bool) -> None:
    """What is owed, awaited or in doubt takes the listing."""
    assert is_settled({"8001": LedgerEntry(), "8002": entry}) is settled


@pytest.mark.parametrize(
    ("owed", "restored"),
    [({}, True), ({"name": "a"}, True), ({"name": "b"}, False), ({"roleName": "r"}, True)],
)
def test_what_is_owed_to_whom_is_seen_shows(owed: dict[str, Value], restored: bool) -> None:
    """Whether a replaced agent has got its values again needs nobody else; those that are never listed do not show."""
    ledger = {"8001": LedgerEntry(to_restore=owed)}
    assert is_settled(ledger, ["8001"])
    assert is_settled(ledger) is not bool(owed)
    assert not is_settled({"8001": LedgerEntry(to_restore=owed, in_doubt="author")}, ["8001"])
    assert is_restored(live(live_agent("8001", name="a"), live_agent("8002")), ledger) is restored


def test_a_share_is_of_everybody() -> None:
    """A limit by share counts all agents, and not those that were looked at."""
    everybody = live(*(live_agent(str(8000 + number)) for number in range(50)))
    policy = Policy(targets=("8001",), max_deletes=Limit("2%"))
    narrow = replace(everybody, agents={"8001": everybody.agents["8001"]}, asked=frozenset(("8001",)), total=50)
    files = desired(agent("8000", None))
    assert make_plan(files, narrow, {}, policy) == make_plan(files, everybody, {}, policy)


def test_a_new_agent_needs_everybody() -> None:
    """Whose look a new agent's id has, and who made it, only the listing tells: a narrow look makes no plan of it."""
    narrow = replace(live(), asked=frozenset({"8009"}), total=3)
    with pytest.raises(SeesTooLittle):
        make_plan(desired(agent("8009")), narrow, {}, Policy())


def test_reads_are_counted_in_calls() -> None:
    """One for an agent or a number, two for somebody who should be gone; a page of the listing shows a hundred."""
    look = Look(("8001", "8002"), ("8003",), ("60001",))
    assert look.reads == 5
    assert not look.is_shorter(500)
    assert look.is_shorter(501)


@pytest.mark.parametrize(
    ("fields", "protect", "enough"),
    [
        ({"name": "b"}, (), True),
        ({"name": "b"}, ("admin*", "8009"), True),
        ({"name": "b"}, ("80O1",), False),
        ({"mainGroupName": "g"}, (), True),
        ({"mainGroupName": "h"}, (), False),
        ({"roleName": "given"}, (), True),
        ({"roleName": "new"}, (), False),
        ({"sipNumber": "603"}, (), True),
        ({"sipNumber": "6O3"}, (), False),
    ],
)
def test_a_doubt_about_others_takes_the_listing(
    fields: dict[str, Value], protect: tuple[str, ...], enough: bool
) -> None:
    """A group that nobody was found in, a role nobody was given, a number or a pattern that looks like another."""
    shown = live(live_agent("8001", name="a"), live_agent("8002", mainGroupName="g"))
    narrow = replace(shown, asked=frozenset({"8001"}), total=5000)
    files = desired(agent("8001", None, **fields), agent("8003"), protect=protect)
    ledger = {"8001": LedgerEntry(), "8003": LedgerEntry(last_sent={"roleName": "given"})}
    policy = Policy(targets=("8001",))
    if enough:
        plan = make_plan(files, narrow, ledger, policy)
        assert [action.operator_id for action in plan.actions] == ["8001"]
        assert any("no live agent has sipNumber 603:" in note.message for note in plan.notes) == ("sipNumber" in fields)
    else:
        with pytest.raises(SeesTooLittle):
            make_plan(files, narrow, ledger, policy)
