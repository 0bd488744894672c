"""Who made an agent that is there: what proves it, and what proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.authorship import (
    ListedBefore,
    about,
    are_two,
    as_created,
    author_of,
    authors_of,
    identified,
    in_spite_of_refusal,
    is_another,
    made_anew,
)
from reconciler.core.model.fields import LISTED, Field, Value
from reconciler.core.model.ledger import OF_ANOTHER, LedgerEntry
from reconciler.core.model.live import Identity, LiveAgent, LiveState
from tests.core.build import live, live_agent
from tests.strategies import canonical_values

BEFORE = ListedBefore({"7001"}, 100)
IDS = ("8001", "8002", "8003")


def made(operator_id: str, vendor_id: int | None = 101, created: int | None = None, /, **fields: Value) -> LiveAgent:
    """An agent with the vendor's own numbers."""
    return replace(live_agent(operator_id, **fields), vendor_id=vendor_id, created=created)


@pytest.mark.parametrize(
    ("agent", "before", "author"),
    [
        (made("8001", name="a"), BEFORE, "ours"),
        (made("8001", name="a", sipNumber="60001"), BEFORE, "ours"),
        (made("8001", None, name="a"), BEFORE, "ours"),
        (made("8001", name="b"), BEFORE, "unknown"),
        (made("8001", name="a", email="x@example.com"), BEFORE, "unknown"),
        (made("8001", name="a", afterInterval=5), BEFORE, "unknown"),
        (made("8001", 100, name="a"), BEFORE, "elder"),
        (made("8001", 7, name="a"), BEFORE, "elder"),
        (made("7001", 7, name="a"), BEFORE, "stranger"),
        (made("7001", 101, name="a"), BEFORE, "ours"),
        (made("7001", None, name="a"), BEFORE, "stranger"),
        (made("8001", 5, name="a"), ListedBefore(), "ours"),
    ],
)
def test_one_agent(agent: LiveAgent, before: ListedBefore, author: str) -> None:
    """Ours is what was made since the listing, and is in every listed value what the create makes of it."""
    assert author_of({"name": "a"}, agent, before) == author


JUDGED = [row for row in LISTED if row.name != "sipNumber"]
SENT = st.fixed_dictionaries({}, optional={row.name: canonical_values(row) for row in JUDGED if row.wire.create})


@given(SENT, st.sampled_from(JUDGED), st.data())
def test_one_value_more_proves_nothing(sent: dict[str, Value], row: Field, data: st.DataObject) -> None:
    """Whatever was sent: one listed value that our create does not make, sent or not, and the agent is not ours."""
    created = {each.name: sent.get(each.name, each.default) if each.wire.create else each.default for each in LISTED}
    agent = live_agent("8001", **created)
    assert as_created(sent, agent)
    other = data.draw(canonical_values(row).filter(lambda value: value != created[row.name]))
    changed = replace(agent, fields={**agent.fields, row.name: other})
    assert author_of(sent, changed, ListedBefore()) == "unknown"


def authors(*agents: LiveAgent, edited_since: bool = False) -> list[str]:
    """Whose the agents of a batch of three are."""
    there = {agent.operator_id: agent for agent in agents}
    return list(authors_of({"name": "a"}, IDS, there, BEFORE, edited_since=edited_since).values())


def test_a_whole_batch_is_ours() -> None:
    """All are there, in the order of their ids, of one time, and as the batch asked."""
    assert authors(*(made(id_, 101 + n, 5000 + n // 2, name="a") for n, id_ in enumerate(IDS))) == ["ours"] * 3
    assert authors(*(made(id_, None, None, name="a") for id_ in IDS)) == ["ours"] * 3


@pytest.mark.parametrize(
    "agents",
    [
        [made("8001", 101, name="a"), made("8002", 102, name="a")],
        [made("8003", 101, name="a")],
        [made("8001", 102, name="a"), made("8002", 101, name="a"), made("8003", 103, name="a")],
        [made("8001", 101, 5000, name="a"), made("8002", 102, 5003, name="a"), made("8003", 103, 5003, name="a")],
        [made(id_, 101 + n, 1_700_000_000_000 + 3000 * n, name="a") for n, id_ in enumerate(IDS)],
    ],
    ids=["the last is missing", "the first are missing", "not in order", "seconds apart", "milliseconds that add up"],
)
def test_a_part_of_a_batch_proves_nothing(agents: list[LiveAgent]) -> None:
    """Where some are missing, or not all are of one request, the vendor may have refused the batch for their sake."""
    assert authors(*agents) == ["unproved"] * len(agents)


def test_one_of_a_batch_that_was_changed_since() -> None:
    """The batch made them all, and one was edited since: of that one nothing is certain, the others are ours."""
    agents = [made(id_, 101 + n, 5000, name="b" if id_ == "8002" else "a") for n, id_ in enumerate(IDS)]
    assert authors(*agents) == ["ours", "unknown", "ours"]


def test_a_batch_that_was_made_at_one_stroke() -> None:
    """All made in one millisecond, one behind the other, by an earlier run: ours, also when all were edited since."""
    now = 1_700_000_000_000
    stroke = [made(id_, 101 + n, now, name="b") for n, id_ in enumerate(IDS)]
    assert authors(*stroke, edited_since=True) == ["ours"] * 3
    assert authors(*stroke) == ["unknown"] * 3
    for gap, at, tick in ((1, now, 1), (2, now, 0), (1, 5000, 0)):
        others = (made(id_, 101 + gap * n, at + tick * n, name="b") for n, id_ in enumerate(IDS))
        assert authors(*others, edited_since=True) == ["unknown"] * 3
    old = (made(id_, 100 + n, now, name="a") for n, id_ in enumerate(IDS))
    assert authors(*old, edited_since=True)[0] == "elder"


def test_one_of_a_batch_that_was_there() -> None:
    """An agent that was there before shows that the batch did not make it, and of the others nothing."""
    assert authors(*(made(id_, 100 + n, name="a") for n, id_ in enumerate(IDS))) == ["elder", "unproved", "unproved"]


def test_what_a_listing_shows() -> None:
    """Who was listed, and the vendor's largest id; agents that the run deletes to make them anew do not count."""
    listing = LiveState({agent.operator_id: agent for agent in (made("8001", 7), made("8002", 9), made("8003", None))})
    assert ListedBefore.of(listing, ["8002"]) == ListedBefore({"8001", "8003"}, 9)
    assert live().largest_id is None


@pytest.mark.parametrize(
    ("agent", "edits", "author"),
    [
        (made("8001", name="a"), ({"status": "disabled"},), "ours"),
        (made("8001", name="a", status="disabled"), ({"status": "disabled"},), "ours"),
        (made("8001", name="a", status="disabled"), ({"status": "disabled"}, {"name": "b"}), "ours"),
        (made("8001", name="b", status="disabled"), ({"status": "disabled"}, {"name": "b"}), "ours"),
        (made("8001", name="b"), ({"status": "disabled"}, {"name": "b"}), "unknown"),
        (made("8001", name="a", sipNumber="60009"), ({"sipNumber": "60002"},), "ours"),
        (made("8001", name="b", sipNumber="60009"), ({"sipNumber": "60002", "name": "b"},), "unknown"),
        (made("8001", 100, name="b"), ({"name": "b"},), "elder"),
    ],
)
def test_edits_that_may_have_followed(agent: LiveAgent, edits: tuple[dict[str, Value], ...], author: str) -> None:
    """A create and the first edits of the same run, in their order, show whose it is; a later edit alone does not."""
    assert author_of({"name": "a"}, agent, BEFORE, edits) == author


def test_edits_that_may_have_followed_a_batch() -> None:
    """Each agent of a batch may have been edited by itself."""
    there = {id_: made(id_, 101 + number, name="a") for number, id_ in enumerate(IDS)}
    there["8002"] = made("8002", 102, name="a", status="disabled")
    assert authors_of({"name": "a"}, IDS, there, BEFORE)["8002"] == "unknown"
    authors = authors_of({"name": "a"}, IDS, there, BEFORE, edits={"8002": [{"status": "disabled"}]})
    assert set(authors.values()) == {"ours"}


NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    ("created", "asked_at", "author"),
    [
        ((NOW, NOW), NOW, "ours"),
        ((NOW - 2000, NOW + 5000), NOW, "ours"),
        ((NOW // 1000 - 2, NOW // 1000), NOW, "ours"),
        ((NOW - 2001, NOW), NOW, "unproved"),
        ((NOW // 1000 - 3, NOW // 1000), NOW, "unproved"),
        ((None, NOW), NOW, "unproved"),
        ((NOW, NOW), None, "unproved"),
    ],
    ids=["then", "clocks that differ", "whole seconds", "before", "seconds before", "no ctime", "no date"],
)
def test_a_refusal_outweighs_equal_values(
    created: tuple[int | None, int | None], asked_at: int | None, author: str
) -> None:
    """Who the vendor refused to make, in words, is ours only where its own clock shows that it was made after that."""
    agents = [made(id_, 101, at) for id_, at in zip(IDS, created, strict=False)]
    assert in_spite_of_refusal("ours", agents, asked_at) == author
    assert in_spite_of_refusal("stranger", agents, asked_at) == "stranger"
    assert in_spite_of_refusal("unknown", agents, asked_at) == "unknown"


@pytest.mark.parametrize(
    ("vendor_id", "before", "another"),
    [
        (7, ListedBefore(identities={"8001": Identity(7)}), False),
        (9, ListedBefore(identities={"8001": Identity(7)}), True),
        (5, ListedBefore(identities={"8001": Identity(7)}), True),
        (None, ListedBefore(identities={"8001": Identity(7)}), False),
        (9, ListedBefore(identities={"8001": Identity(None)}), False),
        (9, ListedBefore(identities={"8001": Identity()}, largest_id=8), True),
        (9, ListedBefore(largest_id=8), True),
        (8, ListedBefore(largest_id=8), False),
        (9, ListedBefore(), False),
    ],
)
def test_another_agent_has_the_number(vendor_id: int | None, before: ListedBefore, another: bool) -> None:
    """The vendor's own id tells an agent from the one that was listed; or one that is larger than all ids then."""
    assert is_another(made("8001", vendor_id), before) is another


@pytest.mark.parametrize(
    ("known", "listed", "anew"),
    [(5, 9, True), (9, 5, True), (5, 5, False), (None, 5, False), (5, None, False), (None, None, False)],
)
def test_made_anew(known: int | None, listed: int | None, anew: bool) -> None:
    """Two `id`s that are told and differ show another agent, of which nothing else is known; no `id` shows nothing."""
    ledger = {"8001": LedgerEntry(1, password_unknown=True, vendor_id=known), "8002": LedgerEntry(1, vendor_id=1)}
    found = made_anew(live(made("8001", listed)), ledger)
    assert found == ({"8001": LedgerEntry(vendor_id=listed, recorded=0)} if anew else {})


def test_whom_an_entry_is_about() -> None:
    """An entry takes the `id` that is listed, once; the old one of an agent that was replaced says nothing."""
    ids = {"8001": 3, "8002": 4, "8003": 5, "8004": None}
    state = live(*(made(id_, number) for id_, number in ids.items()))
    ledger = {id_: LedgerEntry(1) for id_ in (*ids, "8005")} | {"8003": LedgerEntry(1, vendor_id=2)}
    assert identified(state, ledger) == {id_: LedgerEntry(1, vendor_id=ids[id_]) for id_ in ("8001", "8002")}
    before = ListedBefore.of(state, replaced=("8001",))
    assert identified(state, ledger, before) == {"8002": LedgerEntry(1, vendor_id=4)}


MILLISECONDS, WHOLE_SECONDS = 1_760_000_000_000, 1_760_000_000


@pytest.mark.parametrize(
    ("one", "other", "two"),
    [
        (Identity(5, MILLISECONDS), Identity(5, MILLISECONDS), False),
        (Identity(5, MILLISECONDS), Identity(5, MILLISECONDS + 60_000), True),
        (Identity(5, MILLISECONDS), Identity(5, MILLISECONDS + 59_999), False),
        (Identity(5, WHOLE_SECONDS), Identity(5, WHOLE_SECONDS + 60), True),
        (Identity(5, WHOLE_SECONDS), Identity(5, MILLISECONDS + 999), False),
        (Identity(5, MILLISECONDS + 999), Identity(5, WHOLE_SECONDS + 60), True),
        (Identity(5, None), Identity(5, MILLISECONDS), False),
        (Identity(5, MILLISECONDS), Identity(5, None), False),
        (Identity(5, MILLISECONDS), Identity(9, MILLISECONDS), False),
        (Identity(5, MILLISECONDS), Identity(9, MILLISECONDS + 1), True),
        (Identity(5, MILLISECONDS), Identity(9, None), True),
        (Identity(5, WHOLE_SECONDS), Identity(9, WHOLE_SECONDS), True),
        (Identity(None, MILLISECONDS), Identity(None, MILLISECONDS + 1), False),
        (Identity(5, MILLISECONDS), Identity(None, MILLISECONDS + 1), False),
    ],
)
def test_two_agents_under_one_number(one: Identity, other: Identity, two: bool) -> None:
    """Another `id`, or the same one with a `ctime` a minute or more apart, is another agent, whichever was first."""
    assert (are_two(one, other), are_two(other, one)) == (two, two)


def test_an_id_that_is_given_again() -> None:
    """Of an agent that has the `id` of one before it, and another `ctime`, nothing is known; it is no elder of ours."""
    ledger = {"8001": LedgerEntry(1, vendor_id=7, created=MILLISECONDS)}
    newcomer = made("8001", 7, MILLISECONDS + 3_600_000)
    assert made_anew(live(newcomer), ledger) == {"8001": about(OF_ANOTHER, newcomer)}
    assert is_another(newcomer, ListedBefore.of(live(made("8001", 7, MILLISECONDS))))


@pytest.mark.parametrize(("shifts", "anew"), [((3_600_000, 3_600_000), set()), ((60_000, 70_000), {"8000", "8001"})])
def test_times_that_the_vendor_sets_anew(shifts: tuple[int, ...], anew: set[str]) -> None:
    """Where the times of several are moved as far, as by another time zone, and their `id`s stay, they are the same."""
    ledger = {f"800{n}": LedgerEntry(1, vendor_id=n, created=MILLISECONDS) for n in range(2)}
    state = live(*(made(f"800{n}", n, MILLISECONDS + shift) for n, shift in enumerate(shifts)))
    assert made_anew(state, ledger).keys() == anew


@pytest.mark.parametrize(
    ("known", "listed", "anew"),
    [
        ((MILLISECONDS,), (MILLISECONDS,), False),
        ((MILLISECONDS,), (MILLISECONDS + 1,), True),
        ((WHOLE_SECONDS,), (WHOLE_SECONDS,), True),
        ((WHOLE_SECONDS, WHOLE_SECONDS), (WHOLE_SECONDS, WHOLE_SECONDS), False),
        ((WHOLE_SECONDS, WHOLE_SECONDS), (WHOLE_SECONDS, WHOLE_SECONDS + 1), True),
        ((None, None), (None, None), True),
    ],
)
def test_rows_that_are_numbered_anew(known: tuple[int | None, ...], listed: tuple[int | None, ...], anew: bool) -> None:
    """Other `id`s show other agents, unless `ctime`s stay: to the millisecond, or to the second for all of several."""
    ledger = {f"800{n}": LedgerEntry(1, vendor_id=n, created=time) for n, time in enumerate(known)}
    state = live(*(made(f"800{n}", 10 + n, time) for n, time in enumerate(listed)))
    expected = {id_: about(OF_ANOTHER, agent) for id_, agent in state.agents.items()}
    assert made_anew(state, ledger) == (expected if anew else {})
    same = {f"800{n}": LedgerEntry(1, vendor_id=10 + n, created=time) for n, time in enumerate(listed)}
    assert identified(state, ledger) == ({} if anew else same)
