"""The fault `stale`: reads that show what was so a while ago."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.server import Box
from reconciler.sandbox.store import AgentStore
from reconciler.sandbox.traffic import Attempt

from .client import Client


@pytest.fixture
def stocked(box: Box) -> Box:
    """Two agents."""
    box.store.reset([{"operatorId": "8001", "name": "张三", "sipNumber": "60001"}, {"operatorId": "8002"}])
    return box


def stale(box: Box, **options: Any) -> Client:
    """A client whose reads are stale. The first of them begins what can be seen later."""
    box.faults([{"endpoint": "reads", "fault": "stale", **options}])
    client = Client(box.url)
    client.data("page")
    return client


def ids(client: Client) -> list[str]:
    """Who is listed."""
    return [row["operatorId"] for row in client.data("page")["result"]]


CHANGES: list[Callable[[Client], object]] = [
    lambda client: client.data("create/v2", operatorId="8003", password="secret-1"),
    lambda client: client.data("edit/v2", operatorId="8001", name="李四", sipnumber="60009", mainGroupName="一组"),
    lambda client: client.data("edit/v2", operatorId="8001", unbindSip=1),
    lambda client: client.data("del/v2", operatorIds=["8001", "8002"]),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("operator_id", ["8001", "8002", "8003"])
def test_a_change_is_seen_later(stocked: Box, change: Callable[[Client], object], operator_id: str) -> None:
    """With requests: 1 the read after a write shows all as before it, and the next read shows it."""
    client = stale(stocked, requests=1)
    before = [client.call("page"), client.call("one/v2", operatorId=operator_id)]
    change(client)
    assert client.call("page") == before[0]
    after = [client.call("page"), client.call("one/v2", operatorId=operator_id)]
    stocked.faults()
    assert after == [client.call("page"), client.call("one/v2", operatorId=operator_id)]


def test_so_many_requests(stocked: Box) -> None:
    """With requests: N the last N requests before a read, reads too, have not been yet."""
    client = stale(stocked, requests=3)
    for operator_id in ("8003", "8004"):
        client.data("create/v2", operatorId=operator_id)
    assert [len(ids(client)) for _ in range(4)] == [2, 2, 3, 4]


def test_so_many_seconds(stocked: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """With seconds a read shows what was so then, by the sandbox's clock."""
    clock = [1_000_000]
    store: AgentStore = stocked.store._store
    monkeypatch.setattr(store.past, "_clock", lambda: clock[0])
    client = stale(stocked, seconds=5)
    client.data("create/v2", operatorId="8003")
    clock[0] += 4_999
    assert ids(client) == ["8001", "8002"]
    clock[0] += 1
    assert ids(client) == ["8001", "8002", "8003"]


def test_writes_see_what_is_true(stocked: Box) -> None:
    """A stale read changes nothing: the store is as it is, and a write is judged by that."""
    client = stale(stocked, seconds=3600)
    client.data("create/v2", operatorId="8003")
    live = stocked.store.agents()
    assert client.code("one/v2", operatorId="8003") == 20004
    assert (stocked.store.agents(), client.code("create/v2", operatorId="8003")) == (live, 20005)
    assert stocked.store.attempts()[-2:] == [
        Attempt("one/v2", ["8003"], "stale", False),
        Attempt("create/v2", ["8003"], None, False),
    ]


def test_the_console_is_seen_late_too(stocked: Box) -> None:
    """What is changed in the console is seen as late, and a filtered listing is of the same past."""
    client = stale(stocked, seconds=3600)
    stocked.store.put("8001", name="李四", mainGroupName="一组")
    stocked.store.remove("8002")
    assert client.data("one/v2", operatorId="8001")["name"] == "张三"
    assert [row["operatorId"] for row in client.data("page", mainGroupName="")["result"]] == ["8001", "8002"]


def test_nothing_is_older_than_the_rule(box: Box) -> None:
    """A read shows nothing from before the first request under the rule, and nothing from before a reset."""
    box.store.reset([{"operatorId": "8001"}])
    client = stale(box, seconds=3600)
    assert ids(client) == ["8001"]
    box.store.reset([{"operatorId": "8005"}])
    assert ids(client) == ["8005"]


def test_a_log_has_an_end(stocked: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many changes the oldest are forgotten."""
    monkeypatch.setattr("reconciler.sandbox.past.MOST_CHANGES", 1)
    client = stale(stocked, seconds=3600)
    for operator_id in ("8003", "8004"):
        stocked.store.put(operator_id)
    assert ids(client) == ["8001", "8002", "8003"]
