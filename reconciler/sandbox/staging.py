"""Between `server` and `vendor`: carries each call out as the faults in force demand.

The server asks a `FaultedCall` how long to hold the call back, lets it act, and sends what it returns. The vendor's
handlers know nothing of faults.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import cast
from urllib.parse import quote

from reconciler.sandbox.answers import (
    NO_ANSWER,
    PARAMETER_ERROR,
    TOO_MANY_REQUESTS,
    Answer,
    Data,
    RefusedError,
)
from reconciler.sandbox.delivery import Delivery, delivered
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.handlers import HANDLERS, Body
from reconciler.sandbox.oddities import emptying_edit, licensed_create, partial_batch, with_another_first
from reconciler.sandbox.rules import Rule
from reconciler.sandbox.store import AgentStore
from reconciler.sandbox.strangers import Stranger
from reconciler.sandbox.traffic import AttemptRecord
from reconciler.sandbox.vendor import Vendor, VendorCall

# The faults under which the vendor never sees the call.
UNSEEN = frozenset({"drop-before", "hang", "429", "5xx-before", "html", "refuse", "limit-list", "status", "token-dies"})
# The faults under which the vendor does otherwise than the reference says.
ODDITIES: Mapping[str, Callable[[Rule, AgentStore, Body], Data]] = {
    "empties": emptying_edit,
    "partial-batch": partial_batch,
    "licence": licensed_create,
}


@dataclass(frozen=True, slots=True)
class FaultInjector:
    """Finds the rule that hits a call, and records the call's arrival."""

    vendor: Vendor
    faults: Faults

    def enter(self, call: VendorCall, token: str) -> FaultedCall:
        """A call that got past the door, with the rule that hits it; the call is counted."""
        strangers, rule = self.faults.strangers(call), self.faults.hit(call)
        past = self.vendor.store.past
        past.arrivals += 1
        self._keep_the_past()
        fault = None if rule is None else rule.fault
        record = self.faults.traffic.record_arrival(call.endpoint, call.operator_ids, fault)
        return FaultedCall(self.vendor, self.faults, call, token, rule, record, tuple(strangers), past.arrivals)

    def _keep_the_past(self) -> None:
        store = self.vendor.store
        if self.faults.show_the_past:
            with store.transaction():
                store.past.begin()
                store.past.trim()
        elif store.past.begun:
            with store.transaction():
                store.past.end()

    def turn_away(self, path: str, refusal: RefusedError) -> Delivery:
        """The answer to a request that the door refused; no fault alters it."""
        self.faults.traffic.record_arrival(path, [])
        return delivered(refusal.answer)


@dataclass(frozen=True, slots=True)
class FaultedCall:
    """One call under way, the rule that hits it, and who comes with it; `arrival` counts the requests."""

    vendor: Vendor
    faults: Faults
    call: VendorCall
    token: str
    rule: Rule | None
    record: AttemptRecord
    strangers: tuple[Stranger, ...]
    arrival: int

    @property
    def delay(self) -> float:
        """Seconds to hold the call back before `act`."""
        late = self.rule.seconds if self.rule is not None and self.rule.fault == "late" else 0
        return max([late, *(stranger.seconds for stranger in self.strangers)])

    def act(self) -> Delivery:
        """Carries the call out, or not, as the rule demands; returns what is to be sent."""
        self._let_strangers_act("before")
        delivery = self._act()
        self._let_strangers_act("after")
        return delivery

    def _let_strangers_act(self, when: str) -> None:
        for stranger in self.strangers:
            if stranger.when == when:
                stranger.act(self.vendor.store, self.faults.traffic)

    def _act(self) -> Delivery:
        if self.rule is not None and self.rule.fault in UNSEEN:
            answer = _answer_without_vendor(self.rule, self.call, self.token)
            self.vendor.note(self.call, answer.code)
        else:
            answer, self.record.committed = self._answer_of_vendor()
            answer = self._reworded(answer)
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
                return self.vendor.act(self.vendor.check(VendorCall(checked.endpoint, rest))), self.call.writes
            case Rule(fault="move", how=how, real=real) as rule:
                perform = self.vendor.act if real or how == "restore" else self.vendor.pretend
                return perform(checked, partial(self.faults.moves.page, rule)), False
            case Rule(fault="stale"):
                return self.vendor.pretend(checked, self._handle_in_the_past), False
            case Rule(fault=fault) as rule if fault in ODDITIES:
                return self.vendor.act(checked, partial(ODDITIES[fault], rule)), True
            case _:
                return self.vendor.act(checked), self.call.writes

    def _handle_in_the_past(self, store: AgentStore, body: Body) -> Data | None:
        rule = cast(Rule, self.rule)
        store.past.rewind(seconds=rule.seconds, arrival=self.arrival - rule.requests if rule.requests else None)
        return HANDLERS[self.call.endpoint](store, body)

    def _reworded(self, answer: Answer) -> Answer:
        """What is answered to a call that the vendor carried out, in other words than its own."""
        match self.rule:
            case Rule(fault="refuse-after", code=code) as rule if self.record.committed:
                return Answer(code or 0, _words(rule, self.call, self.token))
            case Rule(fault="another-first") if isinstance(answer.data, list):
                with self.vendor.store.transaction():
                    return replace(answer, data=with_another_first(self.vendor.store, answer.data))
            case Rule(fault="partial-batch", code=code, names=names) as rule if self.record.committed:
                data = answer.data if names else None
                return replace(answer, data=data) if code is None else Answer(code, rule.msg, data)
            case _:
                return answer


def _answer_without_vendor(rule: Rule, call: VendorCall, token: str) -> Answer:
    """The answer to a call that the vendor never sees."""
    match rule.fault:
        case "429":
            return Answer(TOO_MANY_REQUESTS, "请求过于频繁, 请稍后再试", http=TOO_MANY_REQUESTS)
        case "refuse":
            return Answer(_code(rule), _words(rule, call, token))
        case "status" | "token-dies":
            return Answer(_code(rule), rule.msg, http=rule.status)
        case "limit-list":
            return Answer(PARAMETER_ERROR, f"参数错误: operatorIds 最多 {rule.max} 个")
        case _:
            return Answer(NO_ANSWER, "")


def _code(rule: Rule) -> int:
    return rule.status if rule.code is None else rule.code


def _words(rule: Rule, call: VendorCall, token: str) -> str:
    """The words of a refusal; they repeat the texts of the call, or its body in the spelling that is asked for."""
    body = json.dumps(call.body, ensure_ascii=False)
    match rule.quote:
        case False:
            return rule.msg
        case "json":
            return f"{rule.msg}: {json.dumps(call.body)}"
        case "html":
            return f"{rule.msg}: {html.escape(body).encode('ascii', 'xmlcharrefreplace').decode()}"
        case "url":
            return f"{rule.msg}: {quote(body, safe='', errors='replace')}"
        case _:
            return f"{rule.msg}: {' '.join((*_texts(call.body), token))}"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
