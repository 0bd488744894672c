"""What the ledger tells the core of each agent, and who holds its lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.core.model.fields import Value


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the vendor cannot tell of one agent: the password's version and the write-only values last sent.

    `password_unknown`: nobody may know the agent's password: a create that we gave up may still make it, with a
    password that is not the latest we stored. `to_restore`: values that a replaced agent had and must get back.
    """

    password_version: int | None = None
    given: Mapping[str, Value] = field(default_factory=dict)
    password_unknown: bool = False
    to_restore: Mapping[str, Value] = field(default_factory=dict)


NOT_RECORDED: Final = LedgerEntry()


LedgerView = Mapping[str, LedgerEntry]


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who holds a lock: a random id, `user@host:pid`, and since when (UTC, ISO 8601)."""

    id: str
    who: str
    since: str
