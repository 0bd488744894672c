"""What the ledger tells the core of each agent, and who holds its lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.core.model.fields import Value


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the vendor cannot tell of one agent: the password's version and the write-only values last sent.

    `unsure`: a create may still come through after we gave it up, with a password that is not the latest we stored.
    `owed`: what a replaced agent had and has not been given back yet.
    """

    password_version: int | None = None
    given: Mapping[str, Value] = field(default_factory=dict)
    unsure: bool = False
    owed: Mapping[str, Value] = field(default_factory=dict)


NOT_RECORDED: Final = LedgerEntry()


LedgerView = Mapping[str, LedgerEntry]


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who holds a lock: a random id, `user@host:pid`, and since when (UTC, ISO 8601)."""

    id: str
    who: str
    since: str
