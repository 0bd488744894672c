"""The faults that make a client wait: hang, hang-after, late, slow, drip; and what ends the waiting."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.sandbox.server import Box, running
from reconciler.sandbox.traffic import Attempt

from .client import Client
from .wire import Wire, announced, arrived, until

FOREVER = 3600


@pytest.fixture
def stocked(box: Box) -> Box:
    """One agent."""
    box.store.reset([{"operatorId": "8001", "name": "张三"}])
    return box


def edit_under(box: Box, **rule: Any) -> Wire:
    """Sends one edit, which one rule hits, and waits until it has arrived."""
    box.faults([{"endpoint": "edit/v2", **rule}])
    wire = Wire(box).send("edit/v2", operatorId="8001", name="李四")
    arrived(box)
    return wire


def name(box: Box) -> Any:
    """The name of the one agent."""
    return box.store.agents()["8001"]["name"]


@pytest.mark.parametrize(("fault", "after"), [("hang", "张三"), ("hang-after", "李四")])
def test_hanging(stocked: Box, fault: str, after: str) -> None:
    """A hanging request gets neither a byte nor an end; it is done at once or never, and at last closed."""
    with edit_under(stocked, fault=fault) as wire:
        until(lambda: bool(stocked.store.history()))
        assert (name(stocked), wire.is_silent()) == (after, True)
        stocked.release()
        assert wire.rest() == (b"", "closed")
    assert name(stocked) == after
    assert stocked.store.attempts() == [Attempt("edit/v2", ["8001"], fault, after == "李四")]


def test_hanging_ends_by_itself(stocked: Box) -> None:
    """After its seconds a hanging connection is closed."""
    with edit_under(stocked, fault="hang", seconds=0.01) as wire:
        assert wire.rest() == (b"", "closed")


def test_late_is_committed_after_the_client_has_gone(stocked: Box) -> None:
    """A late write is not yet done when the client gives up, and is done afterwards all the same."""
    wire = edit_under(stocked, fault="late", seconds=FOREVER)
    assert (name(stocked), stocked.store.history(), wire.is_silent()) == ("张三", [], True)
    wire.leave()
    assert stocked.store.attempts() == [Attempt("edit/v2", ["8001"], "late", False)]
    stocked.release()
    assert name(stocked) == "李四"
    assert [tuple(written) for written in stocked.store.history()] == [(1, "edit/v2", ["8001"], 200, True)]
    assert stocked.store.attempts() == [Attempt("edit/v2", ["8001"], "late", True)]


def test_late_is_committed_by_itself(stocked: Box) -> None:
    """After its seconds a late write is done, and the connection closed without an answer."""
    with edit_under(stocked, fault="late", seconds=0.01) as wire:
        assert wire.rest() == (b"", "closed")
    assert name(stocked) == "李四"


def test_late_meets_what_has_changed(stocked: Box) -> None:
    """A late write is judged when it is done: a creation whose id was taken meanwhile is refused."""
    stocked.faults([{"endpoint": "create/v2", "calls": [1], "fault": "late", "seconds": FOREVER}])
    with Wire(stocked).send("create/v2", operatorId="8002", name="迟"):
        arrived(stocked)
        Client(stocked.url).data("create/v2", operatorId="8002", name="早")
        stocked.release()
    assert stocked.store.agents()["8002"]["name"] == "早"
    assert [(written.code, written.committed) for written in stocked.store.history()] == [(200, True), (20005, False)]


def test_slow(stocked: Box) -> None:
    """A slow request is done at once, says nothing for its seconds, and is then answered on a living connection."""
    with edit_under(stocked, fault="slow", seconds=FOREVER) as wire:
        until(lambda: bool(stocked.store.history()))
        assert (name(stocked), wire.is_silent()) == ("李四", True)
        stocked.release()
        assert wire.answer().envelope["code"] == 200
        assert wire.send("one/v2", operatorId="8001").answer().status == 200


def test_slow_answers_by_itself(stocked: Box) -> None:
    """After its seconds a slow answer comes."""
    with edit_under(stocked, fault="slow", seconds=0.01) as wire:
        assert wire.answer().envelope["code"] == 200


def test_drip(stocked: Box) -> None:
    """A dripping answer begins at once, one byte of its body at a time, and is whole and true in the end."""
    with edit_under(stocked, fault="drip", seconds=FOREVER) as wire:
        received = wire.some()
        while not received.endswith(b"\r\n\r\n{"):
            received += wire.some()
        assert wire.is_silent()
        assert name(stocked) == "李四"
        stocked.release()
        length, body = announced(received)
        while len(body) < length:
            body += wire.some()
    assert json.loads(body)["code"] == 200


def test_drip_is_whole(stocked: Box) -> None:
    """However it drips, the answer is the same, and the connection lives."""
    plain = Client(stocked.url).call("page")
    stocked.faults([{"endpoint": "page", "fault": "drip", "seconds": 0.05}])
    with Wire(stocked) as wire:
        for _ in range(2):
            answer = wire.send("page").answer()
            assert (answer.envelope, int(answer.headers["Content-Length"])) == (plain, len(answer.body))


def test_drip_from_the_head(stocked: Box) -> None:
    """drip-head sends the first byte of the header, and nothing more for a while; the write is done meanwhile."""
    with edit_under(stocked, fault="drip-head", seconds=FOREVER) as wire:
        assert wire.some() == b"H"
        assert wire.is_silent()
        assert name(stocked) == "李四"
        stocked.release()
        received, end = wire.rest()
    length, body = announced(b"H" + received)
    assert (end, len(body), json.loads(body)["code"]) == ("closed", length, 200)


def test_a_client_that_leaves_while_the_head_drips(stocked: Box, caplog: pytest.LogCaptureFixture) -> None:
    """The sandbox makes no noise about a client that does not wait for the header."""
    with edit_under(stocked, fault="drip-head", seconds=0.5) as wire:
        wire.some()
    stocked.release()
    assert Client(stocked.url).code("page") == 200
    assert caplog.records == []


def test_a_client_that_leaves_while_it_drips(stocked: Box, caplog: pytest.LogCaptureFixture) -> None:
    """The sandbox outlives a client that has heard enough, and makes no noise about it."""
    with edit_under(stocked, fault="drip", seconds=0.2) as wire:
        wire.some()
    stocked.release()
    assert Client(stocked.url).code("page") == 200
    assert caplog.records == []


def test_other_faults_cut_what_is_held(stocked: Box) -> None:
    """When faults are replaced, late writes of the old ones are given up and their connections closed."""
    with edit_under(stocked, fault="late", seconds=FOREVER) as wire:
        stocked.faults()
        assert wire.rest() == (b"", "closed")
    assert (name(stocked), stocked.store.history()) == ("张三", [])


@pytest.mark.parametrize("fault", ["slow", "drip"])
def test_other_faults_cut_slow_answers(stocked: Box, fault: str) -> None:
    """When faults are replaced, answers that are not yet whole are never to be."""
    with edit_under(stocked, fault=fault, seconds=FOREVER) as wire:
        stocked.faults()
        received, end = wire.rest()
    assert end == "closed"
    assert not received.endswith(b"}")


def test_a_reset_gives_up_what_is_held(stocked: Box) -> None:
    """A late write of before a reset never reaches the agents of after."""
    with edit_under(stocked, fault="late", seconds=FOREVER) as wire:
        stocked.store.reset([{"operatorId": "8001", "name": "王五"}])
        assert wire.rest() == (b"", "closed")
    stocked.release()
    assert (name(stocked), stocked.store.history(), stocked.store.attempts()) == ("王五", [], [])


def test_the_end_does_not_wait() -> None:
    """A sandbox that ends closes what hangs, and commits nothing that is late."""
    rules = [
        {"endpoint": "create/v2", "fault": "late", "seconds": FOREVER},
        {"endpoint": "page", "fault": "hang", "seconds": FOREVER},
    ]
    with running(faults=rules) as box:
        late, hanging = Wire(box).send("create/v2", operatorId="8001"), Wire(box).send("page")
        arrived(box, 2)
    with late, hanging:
        assert late.rest() == hanging.rest() == (b"", "closed")
    assert [attempt.committed for attempt in box.store.attempts()] == [False, False]


def test_others_are_served_meanwhile(stocked: Box) -> None:
    """While one request hangs, others are answered."""
    with edit_under(stocked, fault="hang") as wire:
        assert Client(stocked.url).code("page") == 200
        assert wire.is_silent()


def test_releasing_nothing(box: Box) -> None:
    """With nothing held back there is nothing to end."""
    box.release()
    assert Client(box.url).code("page") == 200
