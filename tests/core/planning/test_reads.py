"""The fewest reads: what a narrow look may stand for the listing in, and that it takes no more calls than that."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model.desired import Limit, Policy
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.planning.make_plan import make_plan
from reconciler.core.planning.reads import (
    Look,
    SeesTooLittle,
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
    shown = {
        id_: each
        for id_, each in everybody.agents.items()
        if id_ in asked or each.fields["sipNumber"] in look.sip_numbers
    }
    return LiveState(shown, asked=asked, total=len(everybody.agents))


def wanted(random: Random) -> tuple[LiveAgent, ...]:
    """What the files want of each agent."""
    return tuple(company(random).agents.values())


@settings(max_examples=examples(400), deadline=None)
@given(st.integers(0, 2**32))
def test_a_narrowed_plan_is_that_of_the_listing(seed: int) -> None:
    """Made from the agents that it is about it is the same to the last value; or it says that it sees too little."""
    random = Random(seed)
    everybody, target = company(random), random.choice(IDS)
    files = desired(
        *(agent(each.operator_id, None, **each.fields) for each in wanted(random)),
        prune=random.random() < 0.8,
        protect=random.choice(((), ("8001",), ("7*",))),
        max_deletes=random.choice((None, "10%", "1")),
    )
    policy = Policy(targets=(target,), allow_replace=random.random() < 0.5)
    numbers = tuple(str(each.fields["sipNumber"]) for each in files.agents if each.operator_id == target)
    narrow = seen(Look((target,), sip_numbers=numbers), everybody)
    if narrow is None:
        return
    whole = make_plan(files, everybody, {}, policy)
    try:
        assert make_plan(files, narrow, {}, policy) == whole
    except SeesTooLittle:
        assert whole.notes or {action.kind for action in whole.actions} & {"create", "replace"}


@settings(max_examples=examples(400), deadline=None)
@given(st.integers(0, 2**32))
def test_a_plan_is_found_stale_as_by_the_listing(seed: int) -> None:
    """Whoever moved, vanished, or took a SIP number of the plan: the narrow look finds what the listing finds."""
    random = Random(seed)
    files = desired(*(agent(each.operator_id, None, **each.fields) for each in wanted(random)))
    plan = make_plan(files, company(random), {}, REPLACING)
    look, now = look_before(plan.actions), company(random)
    narrow = seen(look, now) if look else None
    if narrow is not None:
        assert stale_agents(plan, narrow, {}) == stale_agents(plan, now, {})


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3000))
def test_no_look_takes_more_reads_than_the_listing(seed: int, agents: int) -> None:
    """Before and after each, the reads are those of the listing or fewer."""
    random = Random(seed)
    files = desired(*(agent(each.operator_id, None, **each.fields) for each in wanted(random)))
    actions = make_plan(files, company(random), {}, REPLACING).actions
    before, after = look_before(actions), look_after(actions)
    assert reads_of_apply(actions, agents) <= 2 * pages(agents)
    if before and after and before.is_shorter(agents) and after.is_shorter(agents):
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


def test_new_agents_take_the_listing() -> None:
    """Who made an agent, and whose id it looks like, the agents of a plan alone do not tell."""
    plan = planned(desired(agent("8001", None, name="a")), live(live_agent("8002")))
    assert look_before(plan.actions) is None
    assert look_after(plan.actions) is None
    assert reads_of_apply(plan.actions, 1000) == 20
    assert reads_of_apply((), 1000) == 10


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
