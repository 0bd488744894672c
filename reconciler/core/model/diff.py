"""What differs between the desired and the live state. A diff states facts; `core.model.plan` states acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.core.model.desired import DesiredAgent, DesiredState, PasswordSource
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerView
from reconciler.core.model.live import LiveAgent, LiveState

Origin = Literal["", "change", "drift"]
"""Who caused it: this change of the files, or somebody on the live side; empty where nobody asked (`--since`)."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's way. `before_known` is false where the field is never listed and the ledger has no record."""

    field: str
    before: Value
    after: Value
    before_known: bool = True
    origin: Origin = ""


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The recorded version, `None` when there is no record, and the wanted one."""

    before: int | None
    source: PasswordSource


AgentStatus = Literal["missing", "extra", "present"]


@dataclass(frozen=True, slots=True)
class AgentDiff:
    """One agent's facts: is it missing from the live side, extra there, or present; and what differs."""

    operator_id: str
    status: AgentStatus
    desired: DesiredAgent | None
    live: LiveAgent | None
    changes: tuple[FieldChange, ...] = ()
    password: PasswordChange | None = None
    unknowable: tuple[str, ...] = ()
    to_restore: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diff:
    """Desired against live: every agent that differs, by id, and how many agents were looked at on either side."""

    desired: DesiredState
    live: LiveState
    ledger: LedgerView
    agents: tuple[AgentDiff, ...]
    in_scope: int
    looked_at: int
