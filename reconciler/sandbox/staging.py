"""Between `server` and `vendor`: carries each call out as the faults in force demand.

The server asks a `FaultedCall` how long to hold the call back, lets it act, and sends what it returns. The vendor's
handlers know nothing of faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from reconciler.sandbox.answers import (
    NO_ANSWER,
    PARAMETER_ERROR,
    TOO_MANY_REQUESTS,
    Answer,
    RefusedError,
)
from reconciler.sandbox.delivery import Delivery, delivered
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.moves import Moves
from reconciler.sandbox.rules import Rule
from reconciler.sandbox.traffic import AttemptRecord
from reconciler.sandbox.vendor import Vendor, VendorCall

# The faults under which the vendor never sees the call.
UNSEEN = frozenset({"drop-before", "hang", "429", "5xx-before", "html", "refuse", "limit-list", "status"})


@dataclass(frozen=True, slots=True)
class FaultInjector:
    """Finds the rule that hits a call, and records the call's arrival."""

    vendor: Vendor
    faults: Faults

    def enter(self, call: VendorCall, token: str) -> FaultedCall:
        """A call that got past the door, with the rule that hits it; the call is counted."""
        rule = self.faults.hit(call)
        fault = None if rule is None else rule.fault
        record = self.faults.traffic.record_arrival(call.endpoint, call.operator_ids, fault)
        return FaultedCall(self.vendor, self.faults.moves, call, token, rule, record)

    def turn_away(self, path: str, refusal: RefusedError) -> Delivery:
        """The answer to a request that the door refused; no fault alters it."""
        self.faults.traffic.record_arrival(path, [])
        return delivered(refusal.answer)


@dataclass(frozen=True, slots=True)
class FaultedCall:
    """One call under way, and the rule that hits it."""

    vendor: Vendor
    moves: Moves
    call: VendorCall
    token: str
    rule: Rule | None
    record: AttemptRecord

    @property
    def delay(self) -> float:
        """Seconds to hold the call back before `act`."""
        return self.rule.seconds if self.rule is not None and self.rule.fault == "late" else 0

    def act(self) -> Delivery:
        """Carries the call out, or not, as the rule demands; returns what is to be sent."""
        if self.rule is not None and self.rule.fault in UNSEEN:
            answer = _answer_without_vendor(self.rule, self.call, self.token)
            self.vendor.note(self.call, answer.code)
        else:
            answer, self.record.committed = self._answer_of_vendor()
        return delivered(answer, self.rule)

    def _answer_of_vendor(self) -> tuple[Answer, bool]:
        """What the vendor answers, and whether the call was a write that was carried out."""
        try:
            return self._perform(self.vendor.check(self.call))
        except RefusedError as refusal:
            return self.vendor.refuse(self.call, refusal), False

    def _perform(self, checked: VendorCall) -> tuple[Answer, bool]:
        match self.rule:
            case Rule(fault="ignore-all"):
                return self.vendor.pretend(checked), False
            case Rule(fault="ignore", field="password") if checked.endpoint == "editPwd":
                return self.vendor.pretend(checked), False  # there is nothing else to do
            case Rule(fault="ignore", field=name):
                rest = {key: value for key, value in self.call.body.items() if key != name}
                return self.vendor.act(self.vendor.check(VendorCall(checked.endpoint, rest))), True
            case Rule(fault="move", how=how, real=real) as rule:
                perform = self.vendor.act if real or how == "restore" else self.vendor.pretend
                return perform(checked, partial(self.moves.page, rule)), False
            case _:
                return self.vendor.act(checked), self.call.writes


def _answer_without_vendor(rule: Rule, call: VendorCall, token: str) -> Answer:
    """The answer to a call that the vendor never sees."""
    match rule.fault:
        case "429":
            return Answer(TOO_MANY_REQUESTS, "请求过于频繁, 请稍后再试", http=TOO_MANY_REQUESTS)
        case "refuse":
            quoted = [f": {' '.join((*_texts(call.body), token))}"] if rule.quote else []
            return Answer(_code(rule), "".join((rule.msg, *quoted)))
        case "status":
            return Answer(_code(rule), rule.msg, http=rule.status)
        case "limit-list":
            return Answer(PARAMETER_ERROR, f"参数错误: operatorIds 最多 {rule.max} 个")
        case _:
            return Answer(NO_ANSWER, "")


def _code(rule: Rule) -> int:
    return rule.status if rule.code is None else rule.code


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
