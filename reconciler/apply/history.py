"""The history as an apply keeps it and a plan asks it: an object for each run, beside the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from reconciler.core.history import deleted_in, is_record, restored_notes
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
    created = [action.operator_id for action in plan.actions if action.kind == "create"]
    names = {operator_id: ledger.removed[operator_id] for operator_id in created if operator_id in ledger.removed}
    records = {}
    for name in dict.fromkeys(names.values()):
        with suppress(ReconcilerError):
            records[name] = read_record(ledger.store, name)
    deleted = {
        operator_id: agent
        for operator_id, name in names.items()
        if (record := records.get(name)) is not None and (agent := deleted_in(record, operator_id)) is not None
    }
    return replace(plan, notes=(*plan.notes, *restored_notes(plan, deleted))) if deleted else plan
