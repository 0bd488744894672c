"""What a ledger in an object store promises on a good day."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("obstore", reason="the extra `remote` is not installed")

from reconciler.core.model.message import text
from reconciler.errors import LedgerConflict, LockHeld, ReconcilerError
from tests.ledger.object_store.proxy import Proxy
from tests.ledger.object_store.s3 import BUCKET, Server
from tests.ledger.object_store.session import FOREIGN, ONE, TWO, is_free, lock_note, open_store


def test_what_is_written_is_read(line: Proxy, server: Server, url: str, key: str) -> None:
    """The bytes lie under the key as they are, and come back."""
    store = open_store(url)
    assert store.read() is None
    store.write(ONE)
    store.write(TWO)
    assert server.get(key) == TWO
    assert open_store(url).read() == TWO


def test_a_write_without_a_look_creates(line: Proxy, server: Server, url: str, key: str) -> None:
    """A store that was never read writes over nothing, so not over a ledger that is there."""
    server.put(key, FOREIGN)
    with pytest.raises(LedgerConflict):
        open_store(url).write(ONE)
    assert server.get(key) == FOREIGN


def test_the_slower_of_two_writers_hears_of_it(line: Proxy, server: Server, url: str, key: str) -> None:
    """Two that read the same version: the second write is a conflict, also when it is tried again."""
    mine, theirs = open_store(url), open_store(url)
    mine.read()
    theirs.read()
    theirs.write(FOREIGN)
    for _ in range(2):
        with pytest.raises(LedgerConflict):
            mine.write(ONE)
    assert server.get(key) == FOREIGN
    assert mine.read() == FOREIGN
    mine.write(TWO)


@pytest.mark.parametrize("name", ["张三 ledger.json", "a+b=c&d.json", "100%25.json", "~$'().json"])
def test_a_key_is_taken_as_it_stands(line: Proxy, server: Server, key: str, name: str) -> None:
    """Any printable key works, and lands under that very name."""
    whole = f"{key}/{name}"
    store = open_store(f"s3://{BUCKET}/{whole}")
    with store.lock():
        store.write(ONE)
    assert server.get(whole) == ONE
    assert server.get(f"{whole}.lock") is not None


def test_the_lock_tells_who_holds_it(line: Proxy, url: str) -> None:
    """The holder is known by a random id, user, host and process, and UTC time; after it there is none."""
    with open_store(url).lock():
        holder = open_store(url).holder()
        assert holder is not None
        assert re.fullmatch(r"[0-9a-f]{16}", holder.id)
        assert re.fullmatch(r".+@.+:\d+", holder.who)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", holder.since)
        with pytest.raises(LockHeld) as refusal, open_store(url).lock():
            pytest.fail("two holders")
    assert refusal.value.info == holder
    assert refusal.value.exit_code == 3
    assert holder.id in refusal.value.hint
    assert open_store(url).holder() is None


def test_a_lock_is_free_after_a_failed_body(line: Proxy, server: Server, url: str, key: str) -> None:
    """The lock is released however the body ends, also by an interrupt."""
    for ending in (ReconcilerError("store-failed", text("no")), KeyboardInterrupt(), SystemExit(4)):
        with pytest.raises(type(ending)), open_store(url).lock():
            raise ending
        assert is_free(server, key)


def test_unlock_removes_exactly_that_lock(line: Proxy, server: Server, url: str, key: str) -> None:
    """Another's id, a free lock and a lock that never was are errors, and nothing changes."""
    with pytest.raises(ReconcilerError, match="is not locked"):
        open_store(url).unlock("0123456789abcdef")
    server.put(f"{key}.lock", b'{"id": "stale", "who": "ci@runner:7", "since": "2026-11-22T10:00:00Z"}')
    with pytest.raises(ReconcilerError, match="locked by another: ci@runner:7"):
        open_store(url).unlock("0123456789abcdef")
    assert lock_note(server, key)["id"] == "stale"
    open_store(url).unlock("stale")
    assert open_store(url).holder() is None
    with pytest.raises(ReconcilerError, match="is not locked"):
        open_store(url).unlock("stale")


def test_a_lock_that_was_unlocked_under_us_is_reported(line: Proxy, url: str) -> None:
    """Whose lock was removed while it was at work is told so at the end: two may have run."""
    lock = open_store(url).lock()
    lock.__enter__()
    holder = open_store(url).holder()
    assert holder is not None
    open_store(url).unlock(holder.id)
    with pytest.raises(ReconcilerError, match="somebody removed the lock"):
        lock.__exit__(None, None, None)


def test_a_lock_that_was_deleted_by_hand_can_be_taken(line: Proxy, server: Server, url: str, key: str) -> None:
    """Deleting the lock's object, with no apply running, frees it like `unlock`."""
    server.put(f"{key}.lock", b'{"id": "stale", "who": "ci@runner:7", "since": "then"}')
    server.delete(f"{key}.lock")
    with open_store(url).lock():
        assert server.get(f"{key}.lock")


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"7", b"\xff", b'"released"', b'{"id": 1, "who": "", "since": ""}']
)
def test_a_lock_that_is_none_is_not_guessed_at(line: Proxy, server: Server, url: str, key: str, data: bytes) -> None:
    """Anything else under the lock's key stops an apply and stays as it is."""
    server.put(f"{key}.lock", data)
    with pytest.raises(ReconcilerError, match="holds something that is no lock"), open_store(url).lock():
        pytest.fail("took it")
    assert server.get(f"{key}.lock") == data


@pytest.mark.parametrize("name", ["ledger.json", "张三 ledger.json", "a+b=c&d.json", "100%25.json"])
def test_what_lies_beside_the_ledger(line: Proxy, server: Server, key: str, name: str) -> None:
    """Other objects are written with the ledger, in order, and listed by folder, without those of other ledgers."""
    whole = f"{key}/{name}"
    store = open_store(f"s3://{BUCKET}/{whole}")
    server.put(f"{whole}.credentials-of-others/1", b"x")
    assert store.names("credentials") == []
    store.write(ONE, {"credentials/2": b"two", "credentials/1": b"one"}, {"run.jsonl": b"run"})
    assert server.get(f"{whole}.credentials/2") == b"two"
    assert store.names("credentials") == ["credentials/1", "credentials/2"]
    assert store.read_beside("credentials/2") == b"two"
    assert store.read_beside("run.jsonl") == b"run"
    assert store.read_beside("credentials/3") is None
    written = [line.calls[number] for number, call in enumerate(line.calls) if call.startswith("PUT")]
    assert len(written) == 4


def test_what_somebody_else_wrote_beside_it(line: Proxy, server: Server, url: str, key: str) -> None:
    """A write stops at the first object that is another one by now; the ledger is not written then."""
    store = open_store(url)
    store.read_beside("run.jsonl")
    server.put(f"{key}.run.jsonl", b"theirs")
    with pytest.raises(LedgerConflict):
        store.write(ONE, {"run.jsonl": b"ours"})
    assert (server.get(f"{key}.run.jsonl"), server.get(key)) == (b"theirs", None)
