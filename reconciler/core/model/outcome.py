"""What became of it: calls that are over or open, the end of each action, and the report of an apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import Value
from reconciler.core.model.plan import Action, Call, CallKind

CallOutcome = Literal["done", "refused", "not-sent", "lost", "skipped"]


@dataclass(frozen=True, slots=True)
class Intent:
    """A call as the journal keeps it, without any secret; `outcome` is `None` while it is not known to be over."""

    kind: CallKind
    operator_ids: tuple[str, ...]
    fields: Mapping[str, Value]
    password_version: int | None
    outcome: CallOutcome | None = None
    to_restore: Mapping[str, Value] = field(default_factory=dict)
    vendor_password: bool = False

    @classmethod
    def of(cls, call: Call) -> Intent:
        """What is about to be sent."""
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
    """What was found about an agent whose call was unsettled. The password of `sip_number` may be undelivered."""

    operator_id: str
    message: str
    sip_number: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One call is over: how it ended, and in words why when it did not succeed."""

    call: Call
    outcome: CallOutcome
    message: str = ""


ActionOutcome = Literal["done", "partly", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What became of one action. `partly`: some of its calls were carried out, and running apply again goes on."""

    action: Action
    outcome: ActionOutcome
    message: str = ""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What the vendor accepted and did not do, seen when the listing was read again."""

    operator_id: str
    message: str
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """What is no longer as a reviewed plan has it: whose, what; `before` of a change is what was reviewed."""

    operator_id: str
    message: str
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What an apply did: each action's end, and what the listing said afterwards (`verified`: it was read).

    `warnings` say what of our own went wrong.
    """

    results: tuple[ActionResult, ...]
    mismatches: tuple[Mismatch, ...] = ()
    verified: bool = False
    interrupted: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """How many actions were carried out whole."""
        return sum(result.outcome == "done" for result in self.results)

    @property
    def exit_code(self) -> int:
        """0 all done and seen; 130 interrupted; 1 nothing succeeded; 4 a part, or accepted but not done."""
        if self.interrupted:
            return 130
        if self.done == len(self.results) and self.verified and not self.mismatches:
            return 0
        return 4 if any(result.outcome in ("done", "partly") for result in self.results) else 1
