"""One request goes wrong, at every call and in every way: the session ends as if nothing had happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import pytest

pytest.importorskip("obstore", reason="the extra `remote` is not installed")

from reconciler.errors import LedgerConflict, LockHeld, ReconcilerError
from reconciler.ledger.object_store import ObjectStore
from reconciler.ledger.remote import RemoteStore
from tests.ledger.object_store.proxy import FAULTS, SILENCES, Fault, Proxy, answers, first, late, passes
from tests.ledger.object_store.s3 import Server
from tests.ledger.object_store.session import (
    CALLS,
    FOREIGN,
    IDS,
    LOOK,
    ONE,
    READ,
    RELEASE,
    TAKE,
    TWO,
    WRITES,
    is_free,
    lock_note,
    open_store,
    probes,
    session,
)

NUMBERS = range(1, len(CALLS) + 1)
each_call = pytest.mark.parametrize("number", NUMBERS, ids=IDS)
each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=[name.replace(" ", "-") for name in FAULTS])

DISTINCT = ("answer lost", "request lost", "request late by one", "request late by two", "request late by many", "409")
"""What makes a difference: beyond the library that sends it, every other fault is as one of the first two."""


def striking(numbers: Sequence[int], kinds: Callable[[int], object]) -> pytest.MarkDecorator:
    """The faults that make a difference at each of these calls, and the others at one of each kind, in turn."""
    alike: defaultdict[object, list[int]] = defaultdict(list)
    for number in numbers:
        alike[kinds(number)].append(number)
    cases = []
    for turn, (name, fault) in enumerate(FAULTS.items()):
        at = numbers if name in DISTINCT else [same[turn % len(same)] for same in alike.values()]
        cases += [pytest.param(number, fault, id=f"{IDS[number - 1]}-{name.replace(' ', '-')}") for number in at]
    return pytest.mark.parametrize(("number", "fault"), cases)


def test_the_calls_are_these(line: Proxy, url: str) -> None:
    """The list of calls that the other tests go through is complete."""
    session(open_store(url))
    assert tuple(line.calls) == CALLS


@pytest.mark.exhaustive(9)
@striking(NUMBERS, lambda number: CALLS[number - 1])
def test_one_fault_changes_nothing(line: Proxy, server: Server, url: str, key: str, number: int, fault: Fault) -> None:
    """After any single fault the ledger holds the last write and the lock is free: no own success counts as defeat."""
    line.faults[number] = fault
    session(open_store(url))
    assert len(line.calls) > number
    line.deliver()
    assert server.get(key) == TWO
    assert is_free(server, key)


@pytest.mark.exhaustive(9)
@each_fault
@pytest.mark.parametrize("number", [TAKE, WRITES[0]])
def test_one_fault_changes_nothing_later_on(
    line: Proxy, server: Server, url: str, key: str, number: int, fault: Fault
) -> None:
    """The same where a ledger and a released lock are there already."""
    server.put(key, FOREIGN)
    server.put(f"{key}.lock", b'{"released": "earlier", "by": "another"}')
    line.faults[number] = fault
    session(open_store(url))
    line.deliver()
    assert server.get(key) == TWO
    assert is_free(server, key)


@pytest.mark.exhaustive(7)
@pytest.mark.parametrize("fault", SILENCES.values(), ids=[name.replace(" ", "-") for name in SILENCES])
@each_call
def test_silence_is_given_up_on(line: Proxy, server: Server, url: str, key: str, number: int, fault: Fault) -> None:
    """A server that says nothing is given up on, and is a fault like the others."""
    line.faults[number] = fault
    session(open_store(url, timeout=0.25))
    assert server.get(key) == TWO
    assert is_free(server, key)


@each_call
def test_no_probe_stays(line: Proxy, server: Server, url: str, key: str, number: int) -> None:
    """A lost answer never leaves a probe behind."""
    line.faults[number] = FAULTS["answer lost"]
    session(open_store(url))
    assert probes(server, key) == []


@pytest.mark.exhaustive(3)
@striking([1, 2, 7, LOOK], lambda number: number == LOOK)
def test_a_held_lock_stays_held(line: Proxy, server: Server, url: str, key: str, number: int, fault: Fault) -> None:
    """Whoever comes second is told so, whatever happens on its way, and the first keeps the lock."""
    with open_store(url).lock():
        held = lock_note(server, key)
        line.faults[len(line.calls) + number] = fault
        with pytest.raises(LockHeld) as refusal, open_store(url).lock():
            pytest.fail("two holders")
        line.deliver()
        assert lock_note(server, key) == held
        assert refusal.value.info is not None
        assert refusal.value.info.id == held["id"]


@each_fault
def test_the_quicker_one_gets_the_lock(line: Proxy, server: Server, url: str, key: str, fault: Fault) -> None:
    """Another takes the lock between our look and our attempt: it is theirs, whatever happens to the attempt."""
    theirs = b'{"id": "theirs", "who": "them", "since": "then"}'
    line.faults[TAKE] = first(lambda: server.put(f"{key}.lock", theirs), fault)
    with pytest.raises(LockHeld), open_store(url).lock():
        pytest.fail("two holders")
    line.deliver()
    assert server.get(f"{key}.lock") == theirs


@pytest.mark.exhaustive(9)
@each_fault
@pytest.mark.parametrize("number", WRITES)
def test_a_foreign_ledger_is_never_overwritten(
    line: Proxy, server: Server, url: str, key: str, number: int, fault: Fault
) -> None:
    """Somebody wrote the ledger just before us: that is a conflict, theirs stays, and the lock is released."""
    line.faults[number] = first(lambda: server.put(key, FOREIGN), fault)
    with pytest.raises(LedgerConflict):
        session(open_store(url))
    line.deliver()
    assert server.get(key) == FOREIGN
    assert is_free(server, key)


def test_a_foreign_ledger_over_our_own_is_a_conflict(line: Proxy, server: Server, url: str, key: str) -> None:
    """Our write arrived, its answer was lost, and somebody wrote over it before we looked: theirs stays."""
    line.faults[WRITES[0]] = FAULTS["answer lost"]
    line.faults[WRITES[0] + 1] = first(lambda: server.put(key, FOREIGN))
    with pytest.raises(LedgerConflict):
        session(open_store(url))
    assert server.get(key) == FOREIGN


def test_a_ledger_that_was_deleted_is_a_conflict(line: Proxy, server: Server, url: str, key: str) -> None:
    """A write goes only over the version that was seen, and over nothing when that is gone."""
    line.faults[WRITES[1]] = first(lambda: server.delete(key))
    with pytest.raises(LedgerConflict):
        session(open_store(url))
    assert server.get(key) is None


@pytest.mark.exhaustive(3)
@each_fault
def test_a_release_never_touches_the_next_lock(line: Proxy, server: Server, url: str, key: str, fault: Fault) -> None:
    """Our lock was removed by hand and another holds it when we release: theirs stays, and we say what happened."""
    theirs = b'{"id": "theirs", "who": "them", "since": "then"}'
    line.faults[RELEASE] = first(lambda: server.put(f"{key}.lock", theirs), fault)
    with pytest.raises(ReconcilerError, match="somebody removed the lock"):
        session(open_store(url))
    line.deliver()
    assert server.get(f"{key}.lock") == theirs


def test_an_interrupt_on_the_way_leaves_no_lock(line: Proxy, server: Server, url: str, key: str) -> None:
    """Interrupted while it takes the lock, an apply releases what may have arrived meanwhile."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    line.faults[TAKE] = late(1)
    with pytest.raises(KeyboardInterrupt), RemoteStore(ObjectStore(url, sleep=interrupt)).lock():
        pytest.fail("nobody said that it was taken")
    assert "released" in lock_note(server, key)


def test_an_unlock_by_hand_is_not_taken_for_our_release(line: Proxy, url: str) -> None:
    """Somebody unlocks by our id in the moment of our release: the lock is free, but not by us, and we say so."""
    lock = open_store(url).lock()
    lock.__enter__()
    holder = open_store(url).holder()
    assert holder is not None
    line.faults[len(line.calls) + 2] = first(lambda: open_store(url).unlock(holder.id))
    with pytest.raises(ReconcilerError, match="somebody removed the lock"):
        lock.__exit__(None, None, None)


def test_a_release_that_arrives_late_frees_nobody_elses_lock(line: Proxy, server: Server, url: str, key: str) -> None:
    """A release that was given up, sent again and overtaken by the next holder finds nothing of its own."""
    line.faults[RELEASE] = late(1_000)
    session(open_store(url))
    with open_store(url).lock():
        held = lock_note(server, key)
        line.deliver()
        assert lock_note(server, key) == held


def test_an_attempt_that_arrives_late_takes_no_lock(line: Proxy, server: Server, url: str, key: str) -> None:
    """An attempt on the lock that arrives after its own release finds the lock changed, and leaves it free."""
    line.faults[TAKE] = late(1_000)
    session(open_store(url))
    line.deliver()
    assert is_free(server, key)


OUTAGES: dict[str, Fault] = {name: FAULTS[name] for name in ("answer lost", "request lost", "500")}


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("fault", OUTAGES.values(), ids=[name.replace(" ", "-") for name in OUTAGES])
@each_call
def test_an_outage_is_an_error_that_can_be_mended(
    line: Proxy, server: Server, url: str, key: str, number: int, fault: Fault
) -> None:
    """Nothing passes from some call on: an error in our words; a lock that stays is named in it, and goes by its id."""
    line.rule = lambda exchange: fault if exchange.number >= number else None
    with pytest.raises(ReconcilerError) as stopped:
        session(open_store(url))
    line.rule = None
    assert server.get(key) in (None, ONE, TWO)
    note = lock_note(server, key)
    if not is_free(server, key):
        said = f"{stopped.value.hint} {getattr(stopped.value, '__notes__', '')}"
        assert f"reconciler ledger unlock --id {note['id']}" in said
        open_store(url).unlock(note["id"])
    session(open_store(url))


def test_a_write_is_looked_for_before_it_is_sent_again(line: Proxy, url: str) -> None:
    """Three tries at the most, and the library does not send again by itself."""
    store = open_store(url)
    store.read()
    line.calls.clear()
    line.rule = lambda exchange: answers(503) if exchange.method == "PUT" else passes
    with pytest.raises(ReconcilerError, match="not reachable"):
        store.write(ONE)
    assert line.calls == ["PUT ledger", "GET ledger"] * 3


def test_a_read_is_sent_three_times(line: Proxy, url: str) -> None:
    """A read that is not answered is sent again, and not for ever."""
    line.rule = lambda _: answers(500)
    with pytest.raises(ReconcilerError, match="not reachable"):
        open_store(url).read()
    assert line.calls == ["GET ledger"] * 3


def test_the_failure_of_the_body_comes_first(line: Proxy, server: Server, url: str, key: str) -> None:
    """A lock that cannot be released never hides why the body failed; the exception carries a note about it."""
    store = open_store(url)

    def fail() -> None:
        with store.lock():
            line.rule = lambda _: FAULTS["request lost"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as failure:
        fail()
    assert lock_note(server, key)["id"] in failure.value.__notes__[0]


def test_the_numbers_mean_what_they_say() -> None:
    """The calls that the tests single out are those."""
    named = [CALLS[number - 1] for number in (LOOK, TAKE, READ, *WRITES, RELEASE)]
    assert named == ["GET lock", "PUT lock", "GET ledger", "PUT ledger", "PUT ledger", "PUT lock"]
