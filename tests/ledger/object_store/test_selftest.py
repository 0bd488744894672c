"""A store that does not keep conditions is found out before anything rests on them."""

from __future__ import annotations

import pytest

pytest.importorskip("obstore", reason="the extra `remote` is not installed")

from reconciler.errors import ReconcilerError
from tests.ledger.object_store.proxy import Answer, Exchange, Proxy, answers
from tests.ledger.object_store.s3 import Server
from tests.ledger.object_store.session import CALLS, open_store, probes, session


@pytest.mark.parametrize(
    ("lost", "does"),
    [
        ({"if-none-match"}, "overwrites an object that must only be created"),
        ({"if-match"}, "overwrites an object that has changed since"),
        ({"if-match", "if-none-match"}, "overwrites an object that must only be created"),
    ],
)
def test_a_store_that_ignores_conditions_is_refused(
    line: Proxy, server: Server, url: str, key: str, lost: set[str], does: str
) -> None:
    """The message says what the store does and what to use instead; nothing is left there, no probe and no lock."""
    line.strip = frozenset(lost)
    with pytest.raises(ReconcilerError, match=does) as refusal:
        session(open_store(url))
    assert "ledger on disk" in refusal.value.hint
    assert server.keys(key) == []


def test_a_store_that_never_replaces_is_refused(line: Proxy, server: Server, url: str, key: str) -> None:
    """A store that fails also where the condition holds is no place for a ledger."""
    line.rule = lambda exchange: answers(412) if "if-match" in map(str.lower, exchange.headers) else None
    with pytest.raises(ReconcilerError, match="refuses though nobody changed it"):
        session(open_store(url))
    assert server.keys(key) == []


def test_a_store_that_says_yes_and_does_no_is_refused(line: Proxy, server: Server, url: str, key: str) -> None:
    """An answer of success to a write whose condition does not hold is enough to refuse."""

    def polite(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.reply(Answer(200, (("ETag", '"canary"'),)) if answer.status == 412 else answer)

    line.rule = lambda _: polite
    with pytest.raises(ReconcilerError, match="overwrites"):
        session(open_store(url))
    assert probes(server, key) == []


def test_the_probe_goes_when_the_store_fails_midway(line: Proxy, server: Server, url: str, key: str) -> None:
    """A self-test that ends early removes its probe all the same."""
    line.rule = lambda exchange: answers(403) if exchange.number == 4 else None
    with pytest.raises(ReconcilerError, match="no permission"):
        session(open_store(url))
    assert server.keys(key) == []


def test_the_store_is_tried_once_a_run(line: Proxy, url: str) -> None:
    """The second lock of the same run is taken without another self-test."""
    store = open_store(url)
    session(store)
    with store.lock():
        pass
    assert line.calls.count("DELETE probe") == 1
    assert len(line.calls) == len(CALLS) + 4


def test_looking_needs_no_self_test(line: Proxy, url: str) -> None:
    """`plan` and `ledger show` only read."""
    store = open_store(url)
    assert store.read() is None
    assert store.holder() is None
    assert line.calls == ["GET ledger", "GET lock"]
