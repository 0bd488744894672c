"""What the vendor cannot tell us: which password version an agent has, and the write-only values last sent.

A JSON file without any secret, replaced whole. Losing it loses no agent: what it knew counts as not recorded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from reconciler.core.fields import BY_NAME, Value
from reconciler.core.model import Call, Company, LedgerEntry, LedgerView
from reconciler.errors import ReconcilerError
from reconciler.storage import private_folder, replace_file

FORMAT: Final = "reconciler.ledger/1"


@dataclass(slots=True)
class Ledger:
    """The entries of one company, by operatorId, and the file that they live in."""

    path: Path
    company: Company
    entries: dict[str, LedgerEntry] = field(default_factory=dict)

    @property
    def view(self) -> LedgerView:
        """What the core may see of it."""
        return self.entries

    def record(self, call: Call) -> None:
        """Remember what a call that succeeded made true."""
        given = {name: value for name, value in call.fields.items() if BY_NAME[name].write_only}
        version = call.password.version if call.password else None
        for operator_id in call.operator_ids:
            match call.kind:
                case "create":
                    self.entries[operator_id] = LedgerEntry(version, given)
                case "edit" if given:
                    known = self.entries.get(operator_id, LedgerEntry())
                    self.entries[operator_id] = replace(known, given={**known.given, **given})
                case "password":
                    known = self.entries.get(operator_id, LedgerEntry())
                    self.entries[operator_id] = replace(known, password_version=version)
                case "delete":
                    self.entries.pop(operator_id, None)

    def save(self) -> None:
        """Replace the file; raises `OSError` and then leaves the old one."""
        private_folder(self.path.parent)
        document = {
            "format": FORMAT,
            "company": self.company.abbreviate,
            "agents": {id_: _written(entry) for id_, entry in sorted(self.entries.items())},
        }
        replace_file(self.path, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())


def _written(entry: LedgerEntry) -> dict[str, Any]:
    version = {} if entry.password_version is None else {"passwordVersion": entry.password_version}
    return {**version, **({"given": dict(entry.given)} if entry.given else {})}


def load_ledger(path: Path, company: Company) -> Ledger:
    """Read the ledger; a missing file is an empty one. Raises `ReconcilerError` for one that cannot be trusted."""
    try:
        document = json.loads(path.read_bytes())
        if document["format"] != FORMAT:
            raise ValueError
        owner = document["company"]
        entries = {id_: _entry(written) for id_, written in document["agents"].items()}
    except FileNotFoundError:
        return Ledger(path, company)
    except OSError as error:
        raise ReconcilerError(f"the ledger {path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        hint = "restore it, or move it away: passwords and roles then count as not recorded"
        raise ReconcilerError(f"the ledger {path} is damaged", hint) from None
    if owner != company.abbreviate:
        hint = "keep one ledger a company: name another with --ledger"
        raise ReconcilerError(f"the ledger {path} belongs to company {owner}, not {company.abbreviate}", hint)
    return Ledger(path, company, entries)


def _entry(written: dict[str, Any]) -> LedgerEntry:
    version = written.get("passwordVersion")
    given: dict[str, Value] = {name: value for name, value in written.get("given", {}).items() if name in BY_NAME}
    if not isinstance(version, int | None):
        raise TypeError
    return LedgerEntry(version, given)
