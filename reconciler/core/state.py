"""What is there: the live state, the ledger's record, and what differs from what is asked for. Facts, no acts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from reconciler.core.fields import Value
from reconciler.core.model import DesiredAgent, DesiredState, PasswordSource


@dataclass(frozen=True, slots=True)
class LiveAgent:
    """An agent as the vendor lists it: canonical values of every listed field, and no secret."""

    operator_id: str
    fields: Mapping[str, Value]

    @property
    def sha256(self) -> str:
        """A fingerprint of everything that is listed of the agent, secrets apart."""
        listed = json.dumps([self.operator_id, dict(self.fields)], sort_keys=True)
        return hashlib.sha256(listed.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class LiveState:
    """The listing, and the vendor it came from. From one that is not `complete`, nothing may be deleted."""

    agents: Mapping[str, LiveAgent]
    complete: bool = True
    endpoint: str = ""


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
    owed: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diff:
    """Desired against live: every agent that differs, by id, and how many agents were looked at on either side."""

    desired: DesiredState
    live: LiveState
    ledger: LedgerView
    agents: tuple[AgentDiff, ...]
    in_scope: int
    looked_at: int
