"""One apply as the store sees it: its calls in order, and what it leaves."""

from __future__ import annotations

import json
from typing import Any

from reconciler.ledger.object_store import ObjectStore
from reconciler.ledger.remote import RemoteStore
from tests.ledger.object_store.s3 import Server

CALLS = (
    *("PUT probe", "PUT probe", "GET probe", "PUT probe", "PUT probe", "GET probe", "DELETE probe"),
    *("GET lock", "PUT lock", "GET ledger", "PUT ledger", "PUT ledger", "GET lock", "PUT lock"),
)
"""All calls of a session on an undisturbed line; the first one has number 1."""

LOOK = 8
TAKE = 9
READ = 10
WRITES = (11, 12)
RELEASE = 14
IDS = [f"{number}-{call.replace(' ', '-')}" for number, call in enumerate(CALLS, 1)]

ONE = b'{"serial": 1, "lineage": "ours"}'
TWO = b'{"serial": 2, "lineage": "ours"}'
FOREIGN = b'{"serial": 2, "lineage": "another"}'


def open_store(url: str, timeout: float = 15) -> RemoteStore:
    """A store that does not pause between tries."""
    return RemoteStore(ObjectStore(url, timeout=timeout, sleep=lambda _: None))


def session(store: RemoteStore) -> None:
    """Lock, read, write twice, release."""
    with store.lock():
        store.read()
        store.write(ONE)
        store.write(TWO)


def lock_note(server: Server, key: str) -> Any:
    """What lies in the lock."""
    data = server.get(f"{key}.lock")
    return None if data is None else json.loads(data)


def is_free(server: Server, key: str) -> bool:
    """Whether the next apply can take the lock."""
    note = lock_note(server, key)
    return note is None or "released" in note


def probes(server: Server, key: str) -> list[str]:
    """Probes that were left behind."""
    return [found for found in server.keys(key) if ".probe-" in found]
