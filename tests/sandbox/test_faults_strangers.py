"""The fault `stranger`: somebody at the console while a request is under way."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.server import Box
from reconciler.sandbox.strangers import CONSOLE_PASSWORD
from reconciler.sandbox.traffic import Visit

from .client import Client, md5
from .wire import Wire, arrived

FOREVER = 3600


@pytest.fixture
def stocked(box: Box) -> Box:
    """One agent."""
    box.store.reset([{"operatorId": "8001", "name": "张三"}])
    return box


def with_stranger(box: Box, *others: dict[str, Any], **rule: Any) -> Client:
    """A client with whose calls a stranger comes."""
    box.faults([{"endpoint": "*", "fault": "stranger", **rule}, *others])
    return Client(box.url)


def test_who_is_made_before_a_create(box: Box) -> None:
    """A stranger who makes the agent that a create is about is quicker: the create is refused."""
    client = with_stranger(box, does="create", values={"name": "别人", "password": "theirs-1"})
    assert client.code("create/v2", operatorId="8001", password="ours-123") == 20005
    agent = box.store.agents()["8001"]
    assert (agent["name"], agent["password_md5"]) == ("别人", md5("theirs-1"))
    assert box.store.visits() == [Visit(0, "create", "8001", {"name": "别人", "password": "theirs-1"})]


def test_who_is_made_without_a_password_has_one(box: Box) -> None:
    """Whom a stranger makes has a password that no client knows."""
    with_stranger(box, does="create", agents=["8009"]).data("page")
    assert box.store.agents()["8009"]["password_md5"] == md5(CONSOLE_PASSWORD)


def test_a_batch_that_takes_its_time(box: Box) -> None:
    """Between the arrival of a batch and its execution two of its agents are made: all of it is refused."""
    rule = {"endpoint": "create/v2", "calls": [1], "agents": ["8001", "8002"], "seconds": FOREVER}
    box.faults([{"fault": "stranger", "does": "create", **rule}])
    with Wire(box).send("create/v2", operatorId="8001", batchFlag=1, batchSize=3) as wire:
        arrived(box)
        assert (box.store.agents(), wire.is_silent()) == ({}, True)
        box.release()
        assert wire.answer().envelope["code"] == 20005
    assert sorted(box.store.agents()) == ["8001", "8002"]


def test_a_stranger_comes_after_his_seconds(box: Box) -> None:
    """After its seconds the stranger acts by himself, and then the call is carried out."""
    client = with_stranger(box, does="create", agents=["8002"], seconds=0.01)
    client.data("create/v2", operatorId="8001")
    assert [agent["id"] for agent in box.store.agents().values()] == [1, 2]
    assert [*box.store.agents()] == ["8002", "8001"]


def test_a_stranger_comes_afterwards(stocked: Box) -> None:
    """With `when: after` he acts on what the call has done, and the answer tells what was done before him."""
    client = with_stranger(stocked, endpoint="writes", does="edit", when="after", values={"name": "别人"})
    client.data("edit/v2", operatorId="8001", name="李四")
    assert stocked.store.agents()["8001"]["name"] == "别人"
    [created] = client.data("create/v2", operatorId="8002")
    assert created["operatorId"] == "8002"
    assert [visit[:3] for visit in stocked.store.visits()] == [(1, "edit", "8001"), (2, "edit", "8002")]


def test_whom_a_stranger_deletes(stocked: Box) -> None:
    """A stranger deletes whom a call names, or whom the rule names."""
    assert with_stranger(stocked, does="delete").code("edit/v2", operatorId="8001", name="李四") == 20004
    with_stranger(stocked, does="delete", when="after", agents=["8002"]).data("create/v2", operatorId="8002")
    assert stocked.store.agents() == {}
    assert [visit[1:] for visit in stocked.store.visits()] == [("delete", "8001", {}), ("delete", "8002", {})]


@pytest.mark.parametrize(
    "rule",
    [
        {"does": "create", "agents": ["8001"], "values": {"name": "别人"}},
        {"does": "edit", "agents": ["8002"], "values": {"name": "别人"}},
        {"does": "delete", "agents": ["8002"]},
        {"does": "edit", "agents": ["8001"], "values": {"sipNumber": "60002"}},
        {"does": "edit", "agents": ["8001"], "values": {"sipNumber": "none"}},
    ],
)
def test_what_cannot_be_is_left(stocked: Box, rule: dict[str, Any]) -> None:
    """What the console would refuse is not done, and is no visit."""
    stocked.store.put("8003", sipNumber="60002")
    before = stocked.store.agents()
    with_stranger(stocked, **rule).data("page")
    assert (stocked.store.agents(), stocked.store.visits()) == (before, [])


def test_a_stranger_leaves_the_call_to_other_rules(stocked: Box) -> None:
    """He comes with a call that another rule hits, and its fault is that rule's; two of them come in turn."""
    client = with_stranger(
        stocked,
        {"endpoint": "edit/v2", "fault": "refuse-after"},
        {"endpoint": "*", "fault": "stranger", "does": "create", "when": "after", "agents": ["8002"]},
        does="edit",
        values={"ttscontent": "别人"},
    )
    assert client.code("edit/v2", operatorId="8001", name="李四") == 500
    agent = stocked.store.agents()["8001"]
    assert (agent["name"], agent["ttscontent"]) == ("李四", "别人")
    assert [visit.does for visit in stocked.store.visits()] == ["edit", "create"]
    assert [each.fault for each in stocked.store.attempts()] == ["refuse-after"]


def test_any_is_drawn_by_the_seed(stocked: Box) -> None:
    """With `any` the seed draws who comes, to whom, and what he does: the same seed the same, another one another."""

    def visits(seed: int) -> list[Visit]:
        stocked.store.reset([{"operatorId": "8001"}])
        rule = {"does": "any", "agents": ["8001", "8002", "8003"], "values": {"name": "某人"}, "probability": 0.7}
        stocked.faults([{"endpoint": "*", "fault": "stranger", **rule}], seed=seed)
        for _ in range(30):
            Client(stocked.url).data("page")
        return stocked.store.visits()

    once = visits(1)
    assert once == visits(1)
    assert once != visits(2)
    assert {visit.does for visit in once} == {"create", "edit", "delete"}


def test_any_of_nobody(stocked: Box) -> None:
    """With a call that names nobody, `any` does nothing."""
    with_stranger(stocked, does="any", values={"name": "某人"}).data("page")
    assert stocked.store.visits() == []


def test_a_reset_forgets_strangers(stocked: Box) -> None:
    """After a reset nobody has come."""
    with_stranger(stocked, does="delete", agents=["8001"]).data("page")
    stocked.store.reset()
    assert stocked.store.visits() == []
