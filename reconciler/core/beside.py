"""One agent, live and desired beside each other: each field's live and desired value, and the source of the latter."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.desired.resolve import ResolvedAgent, WrittenValue
from reconciler.core.model.fields import COMPARED, Value, canon
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.problem import Place


@dataclass(frozen=True, slots=True)
class Source:
    """Where a desired value comes from. `layer` is `defaults`, `profile NAME`, `pool FROM…TO` or `own`."""

    layer: str
    place: Place


@dataclass(frozen=True, slots=True)
class ComparedField:
    """One field's values. `live_known` is false if the vendor never lists the field and the ledger has no record of it.

    `source` is `None` if the files do not manage the field.
    """

    field: str
    live: Value
    live_known: bool
    desired: Value = None
    source: Source | None = None

    @property
    def differs(self) -> bool:
        """Whether the desired value is not the live one, or the live one is unknown."""
        return self.source is not None and not (self.live_known and self.live == self.desired)


def compare_agent(
    live: LiveAgent | None, agent: ResolvedAgent | None, recorded: LedgerEntry
) -> tuple[ComparedField, ...]:
    """Every field that is known or managed, in the order of the field table."""
    known = {**(live.fields if live else {}), **recorded.last_sent}
    managed = agent.values if agent else {}
    rows = []
    for row in COMPARED:
        written = managed.get(row.name)
        desired = canon(row, written.value) if written else None
        source = source_of(agent, written) if agent and written else None
        if written or row.name in known:
            rows.append(ComparedField(row.name, known.get(row.name), row.name in known, desired, source))
    return tuple(rows)


def source_of(agent: ResolvedAgent, written: WrittenValue) -> Source:
    """The layer that a value comes from, in words, and its place in the files."""
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
