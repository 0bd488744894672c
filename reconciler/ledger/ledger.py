"""The ledger keeps what the vendor never lists: each agent's password version, and the write-only values last sent.

It is one JSON document without any secret, replaced as a whole. Whoever loses it loses no agent: its values then count
as not recorded.
"""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, get_args

from reconciler.clock import now, parse_stamp
from reconciler.core.model.address import same_endpoint
from reconciler.core.model.desired import Company
from reconciler.core.model.fields import BY_NAME, Value, fits
from reconciler.core.model.ledger import LedgerEntry, LedgerView, LockInfo, Untold
from reconciler.core.model.message import Text, text
from reconciler.core.text import is_newer_format
from reconciler.errors import Declined, NewerFormat, ReconcilerError

if TYPE_CHECKING:
    from reconciler.core.model.plan import Call

FORMAT: Final = "reconciler.ledger/1"
_MOST_REMOVED: Final = 1000
"""The most deleted agents whose record in the history the ledger names."""


Objects = Mapping[str, bytes]
"""Objects that lie beside the ledger, by name."""
NO_OBJECTS: Final[Objects] = {}
NO_IDS: Final[Mapping[str, int]] = {}


class LedgerStore(Protocol):
    """Holds the ledger's bytes, and a lock that lets one apply run at a time."""

    @property
    def name(self) -> str:
        """The path or URL, for messages."""

    @property
    def remote(self) -> bool:
        """Whether it outlives this machine, so that everything that must not be lost goes there as well."""

    def read(self) -> bytes | None:
        """The bytes, or `None` when there are none yet. The store remembers this version for the next `write`.

        Raises:
            ReconcilerError: the store cannot be read.
        """

    def write(self, data: bytes, before: Objects = NO_OBJECTS, after: Objects = NO_OBJECTS) -> None:
        """Replace the version that was read or written last, and other objects with it.

        A store that can writes all at once; another one writes `before`, the ledger and `after` in this order.

        Raises:
            LedgerConflict: somebody else has written another version.
            ReconcilerError: the store cannot be written.
        """

    def read_beside(self, name: str) -> bytes | None:
        """The bytes of another object, or `None` when there are none; remembered like the ledger's.

        Raises:
            ReconcilerError: the store cannot be read.
        """

    def names(self, folder: str) -> list[str]:
        """The names of all objects in a folder, in their order.

        Raises:
            ReconcilerError: the store cannot be read.
        """

    def check_rights(self) -> None:
        """Refuse a store that may not be written, as far as can be told without writing.

        Raises:
            ReconcilerError: it may not.
        """

    def read_listed(self, name: str) -> bytes | None:
        """The bytes of an object that `names` has named, as of then where the store knows them already.

        Raises:
            ReconcilerError: the store cannot be read.
        """

    def write_beside(self, name: str, data: bytes) -> None:
        """Replace the version of another object that was read or written last.

        Raises:
            LedgerConflict: somebody else has written another version.
            ReconcilerError: the store cannot be written.
        """

    def lock(self) -> AbstractContextManager[None]:
        """Hold the lock while the body runs.

        Raises:
            LockHeld: another apply holds the lock.
            ReconcilerError: the store cannot lock.
        """

    def holder(self) -> LockInfo | None:
        """Who holds the lock now; `None` when nobody does.

        Raises:
            ReconcilerError: the store cannot be read.
        """

    def unlock(self, lock_id: str) -> None:
        """Remove the lock with this id.

        Raises:
            ReconcilerError: there is no lock, or another one.
        """

    def close(self) -> None:
        """Remove what is kept on this machine only while the store is in use."""


def next_name(store: LedgerStore, folder: str, ending: str) -> str:
    """A name for a new object in a folder that sorts behind all others, whatever the clocks of the machines say.

    It begins with a number of eight digits. The lock must be held.

    Raises:
        ReconcilerError: the store cannot be read.
    """
    names = [name.rpartition("/")[2] for name in store.names(folder)]
    number = max((int(name[:8]) for name in names if name[:8].isdigit()), default=0) + 1
    return f"{folder}/{number:08}-{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}{ending}"


@dataclass(slots=True)
class Ledger:
    """The entries of one company, by operatorId, in a store. `lineage` is the ledger's own id, `serial` counts writes.

    `run` is the id of the run that wrote it last. `applied` holds the saved plans that an apply has begun: their seals,
    with the time at which each one expires (UTC, ISO 8601). `endpoint` is the vendor's base URL, and empty where nobody
    has said it yet. `bound` means that the stored ledger says it. `removed` names, for each agent that was deleted
    lately, the record of the history that tells what it had; `history` is the record of the run at work. `files` has
    the desired-state file that each agent stood in when an apply last read it, by the name that `files.standing` gives.
    `untold` is what recoveries found of agents, until an apply that gets to its end has told it.
    """

    store: LedgerStore
    company: Company
    entries: dict[str, LedgerEntry] = field(default_factory=dict)
    lineage: str = field(default_factory=lambda: secrets.token_hex(8))
    serial: int = 0
    run: str = ""
    applied: dict[str, str] = field(default_factory=dict)
    endpoint: str = ""
    bound: bool = False
    removed: dict[str, str] = field(default_factory=dict)
    history: str = ""
    files: dict[str, str] = field(default_factory=dict)
    untold: dict[str, Untold] = field(default_factory=dict)

    @property
    def view(self) -> LedgerView:
        """The entries, for the core to read."""
        return self.entries

    def record(self, call: Call, vendor_ids: Mapping[str, int] = NO_IDS) -> None:
        """Record what a successful call has changed; `vendor_ids` are those of its agents that the answer tells."""
        from reconciler.core.model.outcome import Intent
        from reconciler.core.recovery import entry_after

        for operator_id in call.operator_ids:
            entry = entry_after(self.entries.get(operator_id), Intent.of(call))
            if entry is not None and call.kind in ("create", "password"):
                entry = replace(entry, recorded=self.serial + 1)
                if (told := vendor_ids.get(operator_id)) is not None:
                    entry = replace(entry, vendor_id=told, created=None)
            self.update({operator_id: entry})
            if call.kind in ("create", "delete"):
                self.note_removed(operator_id, self.history if call.kind == "delete" else "")
            if call.kind == "delete" and not call.to_restore:
                self.files.pop(operator_id, None)

    def note_removed(self, operator_id: str, history: str) -> None:
        """Remember the record of the run that deleted an agent, or forget it; the latest ones are kept."""
        self.removed.pop(operator_id, None)
        if history:
            self.removed[operator_id] = history
        for oldest in [*self.removed][:-_MOST_REMOVED]:
            del self.removed[oldest]

    def record_files(self, standing: Mapping[str, Collection[str]]) -> bool:
        """Record the agents of these files, and forget whom they no longer hold; returns whether that is news."""
        kept = {operator_id: file for operator_id, file in self.files.items() if file not in standing}
        stands = {operator_id: file for file, ids in standing.items() for operator_id in ids}
        before, self.files = self.files, {**kept, **stands}
        return before != self.files

    def update(self, entries: Mapping[str, LedgerEntry | None]) -> None:
        """Replace these agents' entries; `None` removes one."""
        for operator_id, entry in entries.items():
            if entry is None:
                self.entries.pop(operator_id, None)
            else:
                self.entries[operator_id] = entry

    def remember_applied(self, seal: str, expires_at: str, now: str) -> None:
        """Remember that an apply has begun a saved plan, and forget the plans that have expired.

        `now` and `expires_at` are UTC, ISO 8601.
        """
        still_applicable = {other: until for other, until in self.applied.items() if until > now}
        self.applied = {**still_applicable, seal: expires_at}

    def save(self, run: str, before: Objects = NO_OBJECTS, after: Objects = NO_OBJECTS) -> None:
        """Write the ledger with the next serial, as a write of the run with this id; and with it what lies beside it.

        Raises:
            LedgerConflict: somebody else has written the ledger since.
            ReconcilerError: the store cannot be written; the old version is still there.
        """
        from reconciler.core.saved.plan_json import entry_document

        document = {
            "format": FORMAT,
            "company": self.company.abbreviate,
            **({"endpoint": self.endpoint} if self.endpoint else {}),
            "lineage": self.lineage,
            "serial": self.serial + 1,
            "run": run,
            **({"applied": self.applied} if self.applied else {}),
            **({"removed": self.removed} if self.removed else {}),
            **({"untold": self.untold} if self.untold else {}),
            "agents": {operator_id: entry_document(entry) for operator_id, entry in sorted(self.entries.items())},
            **({"files": _by_file(self.files)} if self.files else {}),
        }
        data = json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace") + b"\n"
        self.store.write(data, before, after)
        self.serial, self.run, self.bound = self.serial + 1, run, bool(self.endpoint)


def load_ledger(store: LedgerStore, company: Company, endpoint: str = "") -> Ledger:
    """Read the ledger; where there is none, it is empty. One that knows no endpoint takes this one by its next save.

    Without `endpoint` nobody asks whose agents they are.

    Raises:
        Declined: the ledger belongs to another company, or was made with another endpoint.
        ReconcilerError: the ledger cannot be read, is damaged, or was written by a newer version.
    """
    ledger = read_ledger(store, company)
    what = text("the ledger {name}", name=store.name)
    refuse_foreign(what, (ledger.company.abbreviate, ledger.endpoint), (company, endpoint))
    ledger.endpoint = ledger.endpoint or endpoint
    return ledger


def refuse_foreign(what: Text, made: tuple[str, str], now: tuple[Company, str]) -> None:
    """Refuse books of another vendor or company. `made` is the company's name and the endpoint as the books say them.

    Raises:
        Declined: they differ from `now`; what is empty on either side differs from nothing.
    """
    (owner, before), (company, endpoint) = made, now
    if owner != company.abbreviate:
        hint = text(
            "keep one ledger a company: name another with --ledger; if this is the same one under a new "
            "name, reconciler ledger rebind says so in the books"
        )
        raise Declined(
            "another-ledger",
            text(
                "{what} belongs to company {owner}, not {abbreviate}",
                what=what,
                owner=owner,
                abbreviate=company.abbreviate,
            ),
            hint,
        )
    if before and endpoint and not same_endpoint(before, endpoint):
        hint = text(
            "it knows the agents of that vendor only: name another ledger with --ledger; if it is the same "
            "vendor at a new address, reconciler ledger rebind says so in the books"
        )
        raise Declined(
            "another-ledger",
            text("{what} was made with {before}, and this is {endpoint}", what=what, before=before, endpoint=endpoint),
            hint,
        )


def read_ledger(store: LedgerStore, company: Company) -> Ledger:
    """Read the ledger, whoever it belongs to. Where there is none, it is empty, and the company's.

    Raises:
        ReconcilerError: the ledger cannot be read, is damaged, or was written by a newer version.
    """
    data = store.read()
    if data is None:
        return Ledger(store, company)
    try:
        document = json.loads(data)
        if not is_newer_format(document["format"], FORMAT):
            return _read(store, company, document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        hint = text("restore it, or move it away: passwords and roles then count as not recorded")
        raise ReconcilerError("books-damaged", text("the ledger {name} is damaged", name=store.name), hint) from None
    raise NewerFormat(text("the ledger {name}", name=store.name), document["format"])


def _read(store: LedgerStore, company: Company, document: dict[str, Any]) -> Ledger:
    if document["format"] != FORMAT:
        raise ValueError
    applied, endpoint = dict(document.get("applied", {})), document.get("endpoint", "")
    removed, untold = dict(document.get("removed", {})), dict(document.get("untold", {}))
    head = (document["company"], endpoint, document["lineage"], document["run"])
    texts = (*head, *applied.values(), *removed.values())
    if not all(isinstance(text, str) for text in texts) or type(document["serial"]) is not int:
        raise TypeError
    if not {*untold.values()} <= {*get_args(Untold)}:
        raise ValueError
    entries = {operator_id: read_entry(entry) for operator_id, entry in document["agents"].items()}
    files = {operator_id: file for file, ids in document.get("files", {}).items() for operator_id in _texts(ids)}
    owner = Company(document["company"], company.company_id)
    names = (document["lineage"], document["serial"], document["run"])
    ledger = Ledger(store, owner, entries, *names, applied, endpoint, bool(endpoint), removed)
    ledger.files, ledger.untold = files, untold
    return ledger


def _by_file(files: Mapping[str, str]) -> dict[str, list[str]]:
    """The agents of each file, sorted."""
    by_file: defaultdict[str, list[str]] = defaultdict(list)
    for operator_id, file in sorted(files.items(), key=lambda item: (item[1], item[0])):
        by_file[file].append(operator_id)
    return by_file


def _texts(values: Any) -> list[str]:
    if not (isinstance(values, list) and all(isinstance(value, str) for value in values)):
        raise TypeError
    return values


def read_entry(document: dict[str, Any]) -> LedgerEntry:
    """The entry that `entry_document` made plain.

    Raises:
        ValueError: a value does not fit; likewise `TypeError` and `AttributeError`.
    """
    version = document.get("passwordVersion")
    if version is not None and (type(version) is not int or version < 1):
        raise TypeError
    last_sent, to_restore = _values(document.get("given", {})), _values(document.get("owed", {}))
    if not all(BY_NAME[name].write_only for name in last_sent):
        raise ValueError
    awaited = _values(document["awaited"]) if "awaited" in document else None
    unknown, in_doubt = document.get("unsure") is True, document.get("inDoubt", "")
    if in_doubt not in ("", "author", "password"):
        raise ValueError
    missing = document.get("missing", "")
    if missing:
        parse_stamp(missing)
    disabled = document.get("disabled") is True
    numbers = document.get("id"), document.get("ctime"), document.get("recorded")
    if not all(number is None or type(number) is int for number in numbers):
        raise TypeError
    return LedgerEntry(version, last_sent, unknown, to_restore, awaited, in_doubt, missing, disabled, *numbers)


def _values(document: dict[str, Any]) -> dict[str, Value]:
    """Values by field. A field that this version does not know is dropped; a value that does not fit is damage."""
    values = {name: value for name, value in document.items() if name in BY_NAME}
    if not all(BY_NAME[name].compared and fits(BY_NAME[name], value) for name, value in values.items()):
        raise ValueError
    return values
