"""The history as an apply keeps it and a plan asks it: an object for each run, beside the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from reconciler.core.history import Deleted, deleted_in, is_record, restored_notes
from reconciler.core.model.plan import Plan
from reconciler.errors import ReconcilerError
from reconciler.ledger.ledger import Ledger, LedgerStore
from reconciler.ledger.swap_store import HISTORY


def record_bytes(record: dict[str, Any]) -> bytes:
    """A record as it is stored."""
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def read_record(store: LedgerStore, name: str) -> dict[str, Any] | None:
    """A record; `None` where it is not there, is damaged, or of a newer version.

    Raises:
        ReconcilerError: the store cannot be read.
    """
    data = store.read_listed(name)
    try:
        document = json.loads(data) if data is not None else None
    except (ValueError, RecursionError):
        return None
    return document if is_record(document) else None


def newest_first(store: LedgerStore) -> Iterator[dict[str, Any]]:
    """The records of all runs, each read when it is asked for.

    Raises:
        ReconcilerError: the store cannot be read.
    """
    for name in reversed(store.names(HISTORY)):
        if (record := read_record(store, name)) is not None:
            yield record


def with_losses(plan: Plan, ledger: Ledger) -> Plan:
    """The plan, with notes about agents that were deleted and that it creates again. A history that fails is none."""
    again = {
        a.operator_id: ledger.removed[a.operator_id] for a in plan.actions if _comes_back(a.operator_id, a.kind, ledger)
    }
    deleted: dict[str, Deleted] = {}
    for name in dict.fromkeys(again.values()):
        try:
            record = read_record(ledger.store, name)
        except ReconcilerError:
            record = None
        for operator_id in (id_ for id_, other in again.items() if other == name and record is not None):
            if record is not None and (found := deleted_in(record, operator_id)) is not None:
                deleted[operator_id] = found
    return replace(plan, notes=(*plan.notes, *restored_notes(plan, deleted))) if deleted else plan


def _comes_back(operator_id: str, kind: str, ledger: Ledger) -> bool:
    return kind == "create" and operator_id in ledger.removed
