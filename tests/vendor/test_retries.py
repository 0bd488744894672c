"""What is tried again: reads until they are answered, writes only when they were never sent. Pauses are injected."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import pytest

from reconciler.core.model.endpoints import EndpointName
from reconciler.core.model.secret import Secret
from reconciler.errors import IncompleteListing, VendorError
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused
from reconciler.vendor.rate_limit import HOPELESS_AFTER
from reconciler.vendor.reader import LookedUp
from reconciler.vendor.retry import MAX_RESENDS, READ_TRIES
from tests.vendor.line import PASSWORD, Line, line
from tests.vendor.vendor_stub import Answer, Stub, closed, cut, envelope, garbage, hangs, redirect, reply

ROW = {"operatorId": "8001", "name": "张三"}
ONE = envelope(data=ROW)
PAGE = envelope(data={"result": [ROW], "total": 1})
PASSING: dict[str, Answer] = {
    "429": reply(429),
    "500": reply(500),
    "502": reply(502, b"<html>"),
    "503": envelope(1, status=503),
    "closed": closed(),
    "reset": closed(rudely=True),
    "cut": cut(b'{"code": 200}', 5),
    "no HTTP": garbage(b"\0\0\0\0"),
    "HTML with 200": reply(200, b"<html>"),
    "404 without an envelope": reply(404, b"<html>"),
    "no code": envelope(None),
    "data of another form": envelope(data=[]),
}
LASTING: dict[str, Answer] = {
    "refused": envelope(20001, "不行"),
    "refused with 400": envelope(20001, "不行", status=400),
    "401": reply(401),
    "403 in the envelope": envelope(403, "不行"),
    "redirect": redirect(302, "/elsewhere"),
}
READS: dict[str, tuple[Callable[[Line], Any], Answer]] = {
    "one": (lambda client: [found.agent for found in [client.reader.one("8001")] if found], ONE),
    "page": (lambda client: client.reader.listing(), PAGE),
}
WRITES: dict[str, tuple[Callable[[Line], Outcome], Answer]] = {
    "create": (lambda client: client.writer.create(("8001",), {}, Secret(PASSWORD)), envelope(data=[ROW])),
    "edit": (lambda client: client.writer.edit("8001", {"name": "张三"}), envelope(data=ROW)),
    "delete": (lambda client: client.writer.delete(("8001",)), envelope()),
    "password": (lambda client: client.writer.password("8001", Secret(PASSWORD)), envelope()),
}


@pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize(("read", "good"), READS.values(), ids=READS)
def test_a_read_rides_out_a_passing_trouble(
    vendor: Stub, client: Line, read: Callable[[Line], Any], good: Answer, answer: Answer
) -> None:
    """429, 5xx, broken connections and what is no answer: the read is sent again, and the reader hears nothing."""
    vendor.script(answer, good)
    agents = read(client)
    assert [agent.operator_id for agent in agents] == ["8001"]
    assert len(vendor.requests) == 2
    assert vendor.requests[0].raw == vendor.requests[1].raw


def test_a_read_rides_out_a_timeout(vendor: Stub, hasty: Line) -> None:
    """So is an answer that does not come in time."""
    vendor.script(hangs(), ONE)
    assert isinstance(hasty.reader.one("8001"), LookedUp)


@pytest.mark.parametrize(("read", "good"), READS.values(), ids=READS)
def test_the_last_try_counts(vendor: Stub, client: Line, read: Callable[[Line], Any], good: Answer) -> None:
    """A read that is answered at the last try is answered."""
    vendor.script(*[reply(503)] * (READ_TRIES - 1), good)
    assert [agent.operator_id for agent in read(client)] == ["8001"]
    assert len(vendor.requests) == READ_TRIES


@pytest.mark.parametrize("trouble", PASSING)
@pytest.mark.parametrize("read", [read for read, _ in READS.values()], ids=READS)
def test_a_read_gives_up(vendor: Stub, client: Line, read: Callable[[Line], Any], trouble: str) -> None:
    """A trouble that lasts ends in one error after a bounded number of tries, which says what it was."""
    tries = HOPELESS_AFTER if trouble == "429" else READ_TRIES
    vendor.script(PASSING[trouble])
    with pytest.raises(VendorError, match=f"{tries} times") as caught:
        read(client)
    assert not isinstance(caught.value, IncompleteListing)
    assert caught.value.hint
    assert len(vendor.requests) == tries


def test_a_read_of_nobody_gives_up() -> None:
    """Where nobody listens a read ends in an error too."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with line(f"http://127.0.0.1:{taken.getsockname()[1]}") as client, pytest.raises(VendorError, match="refused"):
            client.reader.listing()
    assert len(client.pauses) == READ_TRIES - 1


def test_pauses_grow_and_are_bounded(vendor: Stub, client: Line) -> None:
    """Between tries there is a pause, at most twice the one before and at most eight seconds; none after the last."""
    vendor.script(closed())
    with pytest.raises(VendorError):
        client.reader.one("8001")
    bounds = [0.5, 1.0, 2.0, 4.0, 8.0]
    assert len(client.pauses) == len(bounds)
    assert all(0 <= pause <= bound for pause, bound in zip(client.pauses, bounds, strict=True))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_retry_after_is_honoured(vendor: Stub, client: Line, status: int) -> None:
    """Before each try that follows, the client pauses for as long as the vendor asks."""
    vendor.script(*[reply(status, headers={"Retry-After": "17"})] * 3, ONE)
    client.reader.one("8001")
    assert sum(pause >= 16.5 for pause in client.pauses) >= 3
    assert max(client.pauses) < 30


@pytest.mark.parametrize("answer", LASTING.values(), ids=LASTING)
def test_a_refused_listing_is_not_tried_again(vendor: Stub, client: Line, answer: Answer) -> None:
    """A refusal is an answer: the listing ends with it at the first request."""
    vendor.script(answer)
    with pytest.raises(VendorError):
        client.reader.listing()
    assert (len(vendor.requests), client.pauses) == (1, [])


@pytest.mark.parametrize("answer", LASTING.values(), ids=LASTING)
def test_a_refused_look_is_not_tried_again(vendor: Stub, client: Line, answer: Answer) -> None:
    """Neither is a look at one agent, which is made sure of by one search and no more."""
    vendor.script(answer)
    with pytest.raises(VendorError):
        client.reader.one("8001")
    assert len(vendor.requests) <= 2
    assert client.pauses == []


@pytest.mark.parametrize("read", [read for read, _ in READS.values()], ids=READS)
@pytest.mark.parametrize("answer", [reply(401), reply(403), envelope(401, "x"), envelope(403, "x", status=403)])
def test_a_refused_token_is_an_error(vendor: Stub, client: Line, read: Callable[[Line], Any], answer: Answer) -> None:
    """A token that is not accepted is never "no such agent"."""
    vendor.script(answer)
    with pytest.raises(VendorError, match="refused"):
        read(client)


def test_a_refused_token_has_a_hint(vendor: Stub, client: Line) -> None:
    """A listing that is refused because of the token says to check it."""
    vendor.script(reply(401))
    with pytest.raises(VendorError) as caught:
        client.reader.listing()
    assert "token" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [envelope(20004, "坐席 8001 不存在"), envelope(), envelope(data=None), envelope(data={})],
    ids=["refused", "no data", "null", "empty"],
)
def test_no_such_agent(vendor: Stub, client: Line, answer: Answer) -> None:
    """An agent that the vendor does not know is `None`, in each way to say so; a refusal is made sure of."""
    vendor.script(answer, envelope(data={"result": [], "total": 0}))
    assert client.reader.one("8001") is None


@pytest.mark.parametrize("write", [write for write, _ in WRITES.values()], ids=WRITES)
def test_a_write_that_was_turned_away_is_sent_again(
    vendor: Stub, client: Line, write: Callable[[Line], Outcome]
) -> None:
    """429 did nothing, and says when to come again: the write goes then, and succeeds."""
    vendor.script(*[reply(429, headers={"Retry-After": "3"})] * 3, envelope(data=[ROW]), envelope())
    assert not isinstance(write(client), NotSent)
    assert len(vendor.requests) == 4
    assert sum(pause > 2.5 for pause in client.pauses) >= 3


def test_a_vendor_that_turns_everything_away_is_left_alone(vendor: Stub, client: Line) -> None:
    """After a dozen refusals with nothing let through between them a request ends, and the next ones at once."""
    vendor.script(reply(429, headers={"Retry-After": "3"}))
    for asked in (HOPELESS_AFTER, HOPELESS_AFTER + 1):
        outcome = client.writer.edit("8001", {"name": "x"})
        assert isinstance(outcome, NotSent)
        assert outcome.turned_away
        assert len(vendor.requests) == asked


def test_nobody_who_has_stopped_waits_for_a_turn(vendor: Stub, client: Line) -> None:
    """Once nobody wants the answer a request that was turned away is not sent again."""
    client.transport.stopped = lambda: bool(vendor.requests)
    vendor.script(reply(429))
    assert isinstance(client.writer.edit("8001", {"name": "x"}), NotSent)
    assert len(vendor.requests) == 1


def test_an_unlucky_request_ends(vendor: Stub, client: Line) -> None:
    """One request that is always turned away, while others get through, is given up in the end."""
    vendor.script(reply(429))
    real = client.transport.send

    def send(name: EndpointName, body: Mapping[str, Any]) -> Outcome:
        client.transport.limiter.record_answer()
        return real(name, body)

    with patch.object(client.transport, "send", send):
        assert isinstance(client.writer.edit("8001", {"name": "x"}), NotSent)
    assert len(vendor.requests) == 1 + MAX_RESENDS


@pytest.mark.parametrize("write", [write for write, _ in WRITES.values()], ids=WRITES)
def test_a_write_to_nobody_is_not_sent(write: Callable[[Line], Outcome]) -> None:
    """A connection that cannot be made is not sent, and tried once."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with line(f"http://127.0.0.1:{taken.getsockname()[1]}") as client:
            assert isinstance(write(client), NotSent)
    assert client.pauses == []


LOST = {name: answer for name, answer in PASSING.items() if name not in ("429", "data of another form")}


@pytest.mark.parametrize("answer", LOST.values(), ids=LOST)
@pytest.mark.parametrize("write", [write for write, _ in WRITES.values()], ids=WRITES)
def test_a_lost_write_is_not_repeated(
    vendor: Stub, client: Line, write: Callable[[Line], Outcome], answer: Answer
) -> None:
    """A write of which nobody knows whether it was carried out goes once: who called must look first."""
    vendor.script(answer)
    assert isinstance(write(client), Lost)
    assert (len(vendor.requests), client.pauses) == (1, [])


@pytest.mark.parametrize("write", [write for write, _ in WRITES.values()], ids=WRITES)
def test_a_write_without_an_answer_is_not_repeated(vendor: Stub, hasty: Line, write: Callable[[Line], Outcome]) -> None:
    """The same when the answer does not come in time."""
    vendor.script(hangs())
    assert isinstance(write(hasty), Lost)
    assert vendor.heard() == 1


@pytest.mark.parametrize("answer", LASTING.values(), ids=LASTING)
@pytest.mark.parametrize("write", [write for write, _ in WRITES.values()], ids=WRITES)
def test_a_refused_write_is_not_repeated(
    vendor: Stub, client: Line, write: Callable[[Line], Outcome], answer: Answer
) -> None:
    """A refusal is an answer to a write as well."""
    vendor.script(answer)
    assert isinstance(write(client), Refused)
    assert (len(vendor.requests), client.pauses) == (1, [])


@pytest.mark.parametrize(("write", "good"), WRITES.values(), ids=WRITES)
def test_a_write_that_is_answered_goes_once(
    vendor: Stub, client: Line, write: Callable[[Line], Outcome], good: Answer
) -> None:
    """What succeeded is not sent twice."""
    vendor.script(good)
    assert isinstance(write(client), Ok)
    assert (len(vendor.requests), client.pauses) == (1, [])


def test_a_send_is_one_request(vendor: Stub, client: Line) -> None:
    """`send` itself repeats nothing."""
    vendor.script(reply(429))
    assert isinstance(client.edit(), NotSent)
    assert len(vendor.requests) == 1
