"""How an apply goes: the intent and outcome of each call, the outcome of each action, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import NOTHING, Text
from reconciler.core.model.plan import Call, CallKind

CallOutcome = Literal["done", "refused", "not-sent", "lost", "skipped"]


@dataclass(frozen=True, slots=True)
class Intent:
    """A call as the journal records it, without any secret. `outcome` is `None` until the journal knows it.

    `batch` are all agents of the request, where this is a part of it. `before` has what the ledger knew of the agents
    when the call was sent, and is `None` where nobody wrote that down.
    """

    kind: CallKind
    operator_ids: tuple[str, ...]
    fields: Mapping[str, Value]
    password_version: int | None
    outcome: CallOutcome | None = None
    to_restore: Mapping[str, Value] = field(default_factory=dict)
    vendor_password: bool = False
    batch: tuple[str, ...] = ()
    before: Mapping[str, LedgerEntry] | None = None

    @classmethod
    def of(cls, call: Call) -> Intent:
        """The intent that the journal records before the call is sent."""
        version = call.password.version if call.password else None
        return cls(
            call.kind,
            call.operator_ids,
            call.fields,
            version,
            to_restore=call.to_restore,
            vendor_password=call.vendor_password,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """What recovery finds out about an agent whose call was never settled.

    The password of `sip_number` may still be undelivered. `left_alone`: the agent may be somebody else's, and nothing
    that a run left open is done to it. `anew`: somebody has deleted the one that it was about, and made another.
    """

    operator_id: str
    message: Text
    sip_number: str | None = None
    left_alone: bool = False
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """The end of one call. `message` says why it did not succeed.

    `ms` is how many milliseconds it took to settle, waits and repetitions included; `None` where nothing was sent.
    """

    call: Call
    outcome: CallOutcome
    message: Text = NOTHING
    ms: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class StaleAgent:
    """An agent that is no longer as the reviewed plan has it; `before` of each change is the reviewed value."""

    operator_id: str
    message: Text
    changes: tuple[FieldChange, ...] = ()
