"""One request of git's goes wrong, at every call and in every way: the session ends as if nothing had happened."""

from __future__ import annotations

import pytest

from reconciler.errors import ReconcilerError
from reconciler.ledger.remote import RemoteStore
from tests.ledger.git_branch.host import Host
from tests.ledger.git_branch.test_branch import ONE, TWO, Stores, stores
from tests.ledger.object_store.proxy import FAULTS, SILENCES, Fault, Proxy

__all__ = ["stores"]

REQUESTS = 27
"""Requests of a session on an undisturbed line."""
SORTS = ("answer lost", "answer cut", "request lost", "request late by two", "request late by many", "500", "429")


def session(store: RemoteStore) -> None:
    """Lock, read, write twice, release."""
    with store.lock():
        store.read()
        store.write(ONE)
        store.write(TWO)


@pytest.fixture
def far(line: Proxy, bare: Host) -> Host:
    """The repository behind the line."""
    return Host(bare.folder, f"{line.url}/books.git")


def test_the_requests_are_counted(line: Proxy, far: Host, stores: Stores) -> None:
    """The numbers that the other tests go through are all there are."""
    session(stores(far.named))
    assert len(line.calls) == REQUESTS


@pytest.mark.exhaustive(48)
@pytest.mark.parametrize("number", range(1, REQUESTS + 1))
@pytest.mark.parametrize("name", SORTS)
def test_one_fault_changes_nothing(line: Proxy, far: Host, stores: Stores, name: str, number: int) -> None:
    """After any single fault the ledger holds the last write and the lock is free: no own success counts as defeat."""
    line.faults[number] = FAULTS[name]
    session(stores(far.named))
    line.deliver()
    assert (far.read("ledger.json").encode(), far.free) == (TWO, True)


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("number", [5, 9, 15])
@pytest.mark.parametrize("fault", SILENCES.values(), ids=[name.replace(" ", "-") for name in SILENCES])
def test_a_server_that_says_nothing(line: Proxy, far: Host, stores: Stores, fault: Fault, number: int) -> None:
    """Each call of git has its time, and is tried anew after it."""
    line.faults[number] = fault
    session(stores(far.named, timeout=2))
    assert (far.read("ledger.json").encode(), far.free) == (TWO, True)


@pytest.mark.exhaustive(36)
@pytest.mark.parametrize("number", range(1, REQUESTS + 1))
@pytest.mark.parametrize("name", ["answer lost", "request lost"])
def test_an_outage_is_an_error_that_can_be_mended(
    line: Proxy, far: Host, stores: Stores, name: str, number: int
) -> None:
    """Nothing passes from some call on: an error in our words; a lock that stays is named in it, and goes by its id."""
    line.rule = lambda exchange: FAULTS[name] if exchange.number >= number else None
    with pytest.raises(ReconcilerError) as stopped:
        session(stores(far.named))
    line.rule = None
    if not far.free:
        holder = stores(far.named).holder()
        assert holder is not None
        said = f"{stopped.value.hint} {getattr(stopped.value, '__notes__', '')}"
        assert f"reconciler ledger unlock --id {holder.id}" in said
        stores(far.named).unlock(holder.id)
    session(stores(far.named))
