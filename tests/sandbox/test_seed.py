"""The invented agents."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from reconciler.sandbox.console import Console
from reconciler.sandbox.seed import invent_agents
from reconciler.sandbox.server import running
from reconciler.sandbox.store import AgentStore

from .client import Client


def planted(count: int, seed: int = 1, sip_numbers: int = 39_999) -> dict[str, dict[str, Any]]:
    """The agents of a store of their own."""
    with closing(AgentStore(seed=seed, sip_numbers=sip_numbers)) as store:
        with store.transaction():
            invent_agents(store, count, seed)
        return Console(store).agents()


def test_the_same_seed_gives_the_same_agents() -> None:
    """Seed and number decide everything, SIP passwords and times included."""
    assert planted(200, seed=5) == planted(200, seed=5)


def test_another_seed_gives_others() -> None:
    """Another seed gives other names."""
    names = [[agent["name"] for agent in planted(200, seed=seed).values()] for seed in (5, 6)]
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("count", "first", "last"),
    [(1, "8001", "8001"), (900, "8001", "8900"), (901, "10001", "10901")],
)
def test_operator_ids_have_one_width(count: int, first: str, last: str) -> None:
    """Ids run upwards without a gap, wider when there are many."""
    ids = list(planted(count))
    assert (ids[0], ids[-1], len(ids)) == (first, last, count)


@pytest.mark.exhaustive(0)
def test_a_hundred_thousand_agents() -> None:
    """100,000 agents have six digits, and their pages can be read to the last."""
    with running(agents=100_000) as box:
        data = Client(box.url).data("page", pageSize=100, pageNumber=1000)
    assert (data["total"], data["pageTotal"]) == (100_000, 1000)
    assert data["result"][-1]["operatorId"] == "200000"
    assert data["result"][-1]["id"] == 100_000


def test_agents_are_mixed() -> None:
    """Among many there are all kinds: leaders, disabled, without SIP number, every outbound flag, every group."""
    agents = planted(900).values()
    assert {agent["outcallflag"] for agent in agents} == {0, 1, 2, 3}
    assert len({agent["mainGroupName"] for agent in agents}) == 9
    for field in ("operatorType", "status", "isHidePhone", "isrecord", "isvideo", "ismessage", "judge"):
        assert {agent[field] for agent in agents} == {0, 1}, field
    with_sip = sum(agent["sipNumber"] is not None for agent in agents)
    assert 0.8 * 900 < with_sip < 900


def test_sip_numbers_are_one_each() -> None:
    """No two agents share a SIP number."""
    numbers = [agent["sipNumber"] for agent in planted(900).values() if agent["sipNumber"]]
    assert len(numbers) == len(set(numbers))


def test_more_agents_than_sip_numbers() -> None:
    """When the pool is too small the later agents have none."""
    agents = planted(50, sip_numbers=10).values()
    assert sum(agent["sipNumber"] is not None for agent in agents) == 10


def test_numbers_left_over_are_free() -> None:
    """The next agent created gets the lowest number that the invented ones left."""
    with running(agents=30) as box:
        held = {agent["sipNumber"] for agent in box.store.agents().values()}
        lowest = next(str(n) for n in range(60001, 70000) if str(n) not in held)
        assert Client(box.url).data("create/v2")[0]["sipNumber"] == lowest
