"""What differs between the desired and the live state. A diff states facts; `core.model.plan` says what to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.core.model.desired import DesiredAgent, DesiredState, PasswordSource
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerView
from reconciler.core.model.live import LiveAgent, LiveState

Origin = Literal["", "change", "drift", "owed"]
"""Who caused a difference: a change of the files, or drift on the live side. Empty without `--since`."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. `before_known` is false if the vendor never lists it and the ledger has no record."""

    field: str
    before: Value
    after: Value
    before_known: bool = True
    origin: Origin = ""


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A password to set. `before` is the version in the ledger, `None` without a record; `source` has the new one."""

    before: int | None
    source: PasswordSource


AgentStatus = Literal["missing", "extra", "present"]


@dataclass(frozen=True, slots=True)
class AgentDiff:
    """How one agent differs: missing from the live side, extra there, or present with differences.

    `unknowable` names the create-only fields that nobody can compare, since the vendor never lists them and the ledger
    has no record. `to_restore` are values that a missing agent had before a replace that was cut short.
    """

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
    """Desired against live state.

    `agents` holds every agent that differs, sorted by id. `in_scope` counts the live agents in scope, and
    `agents_compared` the desired agents that the policy includes. `forgotten` has agents that the ledger knows from a
    file which exists and was not given, each with that file. `due` has the ids of agents that have been missing for
    as long as a disabled agent is kept.
    """

    desired: DesiredState
    live: LiveState
    ledger: LedgerView
    agents: tuple[AgentDiff, ...]
    in_scope: int
    agents_compared: int
    forgotten: Mapping[str, str] = field(default_factory=dict)
    due: Collection[str] = frozenset()
