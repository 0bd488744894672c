"""One agent, live and desired beside each other: what each field is, what it should be, and where that is written."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.desired.resolve import Resolved, WrittenValue
from reconciler.core.model.fields import COMPARED, Value, canon
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.problem import Place


@dataclass(frozen=True, slots=True)
class Source:
    """Where a desired value comes from: `defaults`, `profile NAME`, `pool FROM…TO` or `own`."""

    layer: str
    place: Place


@dataclass(frozen=True, slots=True)
class ComparedField:
    """One field. `live_known` is false where the vendor never lists it and the ledger has no record of it.

    `source` is `None` where the files do not manage the field.
    """

    field: str
    live: Value
    live_known: bool
    desired: Value = None
    source: Source | None = None

    @property
    def differs(self) -> bool:
        """Whether the files want another value than there is, or than anybody knows of."""
        return self.source is not None and not (self.live_known and self.live == self.desired)


def beside(live: LiveAgent | None, agent: Resolved | None, recorded: LedgerEntry) -> tuple[ComparedField, ...]:
    """Every field in the table's order; those that are neither known nor managed are left out."""
    known = {**(live.fields if live else {}), **recorded.given}
    wanted = agent.values if agent else {}
    rows = []
    for row in COMPARED:
        written = wanted.get(row.name)
        desired = canon(row, written.value) if written else None
        source = source_of(agent, written) if agent and written else None
        if written or row.name in known:
            rows.append(ComparedField(row.name, known.get(row.name), row.name in known, desired, source))
    return tuple(rows)


def source_of(agent: Resolved, written: WrittenValue) -> Source:
    """Which layer a value comes from, in words, and where it stands."""
    match written.layer:
        case "profiles":
            layer = f"profile {written.path[1]}"
        case "pools":
            layer = f"pool {agent.own.get('from')}…{agent.own.get('to')}"
        case "agents":
            layer = "own"
        case _:
            layer = written.layer
    return Source(layer, written.place)
