"""What the vendor cannot tell us: which password version an agent has, and the write-only values last sent.

A JSON file without any secret, replaced whole. Losing it loses no agent: what it knew counts as not recorded.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from reconciler.core.model.desired import Company
from reconciler.core.model.fields import BY_NAME, Value, fits
from reconciler.core.model.ledger import LedgerEntry, LedgerView, LockInfo
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.core.model.plan import Call

FORMAT: Final = "reconciler.ledger/1"


class LedgerStore(Protocol):
    """Where the ledger's bytes live; one apply at a time."""

    @property
    def name(self) -> str:
        """The place, for messages."""

    def read(self) -> bytes | None:
        """The bytes, or `None` when there are none yet. Remembers the version that it saw."""

    def write(self, data: bytes) -> None:
        """Replace the version that was read or written last; raises `LedgerConflict` when there is another."""

    def lock(self) -> AbstractContextManager[None]:
        """Hold the lock; raises `LockHeld` when another apply does."""

    def holder(self) -> LockInfo | None:
        """Who holds the lock now."""

    def unlock(self, lock_id: str) -> None:
        """Remove exactly that lock; raises `ReconcilerError` when it is another's, or there is none."""


@dataclass(slots=True)
class Ledger:
    """The entries of one company, by operatorId, in a store. `lineage` is the ledger's own id, `serial` counts writes.

    `run` is the run that wrote it last. `applied` are the saved plans that were begun, by seal: until when
    they could have been applied (UTC, ISO 8601).
    """

    store: LedgerStore
    company: Company
    entries: dict[str, LedgerEntry] = field(default_factory=dict)
    lineage: str = field(default_factory=lambda: secrets.token_hex(8))
    serial: int = 0
    run: str = ""
    applied: dict[str, str] = field(default_factory=dict)

    @property
    def view(self) -> LedgerView:
        """What the core may see of it."""
        return self.entries

    def record(self, call: Call) -> None:
        """Remember what a call that succeeded made true."""
        from reconciler.core.model.outcome import Intent
        from reconciler.core.recovery import entry_after

        for operator_id in call.operator_ids:
            self.take({operator_id: entry_after(self.entries.get(operator_id), Intent.of(call))})

    def take(self, entries: Mapping[str, LedgerEntry | None]) -> None:
        """Take these entries over; `None` removes one."""
        for operator_id, entry in entries.items():
            if entry is None:
                self.entries.pop(operator_id, None)
            else:
                self.entries[operator_id] = entry

    def remember_applied(self, seal: str, expires_at: str, now: str) -> None:
        """Keep that a saved plan was begun, for as long as it could be applied again."""
        kept = {other: until for other, until in self.applied.items() if until > now}
        self.applied = {**kept, seal: expires_at}

    def save(self, run: str) -> None:
        """Write it as the next serial; raises what the store raises, and then the old one is still there."""
        from reconciler.core.saved.plan_json import entry_document

        document = {
            "format": FORMAT,
            "company": self.company.abbreviate,
            "lineage": self.lineage,
            "serial": self.serial + 1,
            "run": run,
            **({"applied": self.applied} if self.applied else {}),
            "agents": {id_: entry_document(entry) for id_, entry in sorted(self.entries.items())},
        }
        self.store.write(json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace") + b"\n")
        self.serial, self.run = self.serial + 1, run


def load_ledger(store: LedgerStore, company: Company) -> Ledger:
    """Read the ledger; where there is none it is empty. Raises `ReconcilerError` for one that cannot be trusted."""
    data = store.read()
    if data is None:
        return Ledger(store, company)
    try:
        ledger = _read(store, company, json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        hint = "restore it, or move it away: passwords and roles then count as not recorded"
        raise ReconcilerError(f"the ledger {store.name} is damaged", hint) from None
    if ledger.company.abbreviate != company.abbreviate:
        owner = ledger.company.abbreviate
        hint = "keep one ledger a company: name another with --ledger"
        raise ReconcilerError(f"the ledger {store.name} belongs to company {owner}, not {company.abbreviate}", hint)
    return ledger


def _read(store: LedgerStore, company: Company, document: dict[str, Any]) -> Ledger:
    if document["format"] != FORMAT:
        raise ValueError
    applied = dict(document.get("applied", {}))
    texts = (document["company"], document["lineage"], document["run"], *applied.values())
    if not all(isinstance(text, str) for text in texts) or type(document["serial"]) is not int:
        raise TypeError
    entries = {id_: _entry(written) for id_, written in document["agents"].items()}
    owner = Company(document["company"], company.company_id)
    return Ledger(store, owner, entries, document["lineage"], document["serial"], document["run"], applied)


def _entry(written: dict[str, Any]) -> LedgerEntry:
    version = written.get("passwordVersion")
    if version is not None and (type(version) is not int or version < 1):
        raise TypeError
    given, to_restore = _values(written.get("given", {})), _values(written.get("owed", {}))
    if not all(BY_NAME[name].write_only for name in given):
        raise ValueError
    return LedgerEntry(version, given, password_unknown=written.get("unsure") is True, to_restore=to_restore)


def _values(written: dict[str, Any]) -> dict[str, Value]:
    """Values by field. A field that this version does not know is left out; a value that does not fit is damage."""
    values = {name: value for name, value in written.items() if name in BY_NAME}
    if not all(BY_NAME[name].compared and fits(BY_NAME[name], value) for name, value in values.items()):
        raise ValueError
    return values
