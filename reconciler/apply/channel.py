"""Sends single calls and looks agents up, within what may be spent on that; and how calls end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from reconciler.apply.create_requests import CreateRequests
from reconciler.core.authorship import ListedBefore
from reconciler.core.model.plan import Call
from reconciler.core.model.secret import Secret
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused
from reconciler.vendor.reader import Reader
from reconciler.vendor.retry import Budget, backoff
from reconciler.vendor.writer import Writer


@dataclass(frozen=True, slots=True)
class CallChannel:
    """Sends calls and looks agents up. `pause` sleeps so many seconds, and returns at once when the run stops.

    `passwords` are those that are known before they are sent; an agent that leaves its batch gets one on the way.
    `before` is what the refresh listed, and `creates` what was asked for: evidence of who made an agent that is there.
    `vendor_time` tells the vendor's time in milliseconds, where that is known.
    """

    writer: Writer
    reader: Reader
    passwords: dict[str, Secret]
    budget: Budget
    stop: threading.Event
    pause: Callable[[float], object]
    before: ListedBefore = field(default_factory=ListedBefore)
    vendor_time: Callable[[], int | None] = lambda: None
    creates: CreateRequests = field(default_factory=CreateRequests)

    def send(self, call: Call) -> Outcome:
        """Send the call, once. Where a person has to mend something first, nothing is repeated any more."""
        outcome = self._send(call)
        if isinstance(outcome, NotSent) and outcome.hint:
            self.budget.close()
        return outcome

    def _send(self, call: Call) -> Outcome:
        operator_id = call.operator_ids[0]
        match call.kind:
            case "create":
                password = None if call.vendor_password else self.passwords[operator_id]
                self.creates.sent(call.operator_ids, self.vendor_time())
                outcome = self.writer.create(call.operator_ids, call.fields, password)
                self.creates.answered(call.operator_ids, outcome)
                return outcome
            case "edit":
                return self.writer.edit(operator_id, call.fields)
            case "delete":
                return self.writer.delete(call.operator_ids)
            case "password":
                return self.writer.password(operator_id, self.passwords[operator_id])

    def resend(self, call: Call) -> Outcome | None:
        """Send the call once more, or `None` when the run stops or there is nothing left to spend."""
        return self._spend(partial(self.send, call))

    def look_up(self, operator_id: str) -> Outcome | None:
        """Look an agent up, or `None` when the run stops or there is nothing left to spend."""
        return self._spend(partial(self.reader.look_up, operator_id))

    def look_up_twice(self, operator_id: str) -> Outcome | None:
        """The same, and once more where no answer comes: without one nothing is known of a new agent."""
        outcome = self.look_up(operator_id)
        if isinstance(outcome, NotSent | Lost):
            self.pause(backoff(1, outcome.retry_after))
            outcome = self.look_up(operator_id) or outcome
        return outcome

    def _spend(self, request: Callable[[], Outcome]) -> Outcome | None:
        if self.stop.is_set() or not self.budget.take():
            return None
        outcome: Outcome | None = None
        try:
            outcome = request()
        finally:
            self.budget.give_back(answered=isinstance(outcome, Ok | Refused))
        return outcome


PartOutcomes = list[tuple[Call, Outcome]]
"""How the parts of a call ended, each a call of its own."""
CreatedItem = dict[str, Any]
"""What an answer to create says of one agent (2.1.1): `operatorId`, `operatorPassword`, `sipNumber`, `sipPassword`."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How a call ended: the parts that are over, and the parts that are to be sent anew.

    `maybe_sent`: an earlier request may have carried the latter out; so may, whatever was answered, the `batch` that
    they leave. `strangers` are agents that the answer names and the call does not. `refused`: why the whole request was
    refused that the latter come from. `ms` is how many milliseconds it all took.
    """

    over: PartOutcomes
    to_resend: Sequence[Call] = ()
    maybe_sent: bool = False
    strangers: Sequence[CreatedItem] = ()
    batch: Call | None = None
    refused: Refused | None = None
    ms: int = 0
