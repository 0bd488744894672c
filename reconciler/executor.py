"""Runs a plan's calls, those of different agents in parallel, each after the ones it needs. It never prints.

One thread decides and keeps the books (credentials before a call, ledger after it); the others only send. A failed
call stops what needs it and nothing else.
"""

from __future__ import annotations

import heapq
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from reconciler.client import Lost, NotSent, Ok, Outcome, Refused, Writer
from reconciler.core.model import Call, CallOutcome, Event, Secret
from reconciler.credentials import CredentialsFile
from reconciler.ledger import Ledger

_OUTCOMES: dict[type[Outcome], CallOutcome] = {Ok: "done", Refused: "refused", NotSent: "not-sent", Lost: "lost"}


@dataclass(frozen=True, slots=True)
class Hands:
    """What a run works with."""

    writer: Writer
    ledger: Ledger
    credentials: CredentialsFile
    passwords: Mapping[str, Secret]
    parallelism: int


def execute(calls: Sequence[Call], hands: Hands, stop: threading.Event) -> Iterator[Event]:
    """Carry out the calls; one event for each as it ends, those that could not be tried included.

    When `stop` is set nothing new is started, and what is in flight is waited for and recorded. The vendor no longer
    accepting the token stops the run in the same way.
    """
    order = _Order(calls)
    running: dict[Future[Outcome], int] = {}
    with ThreadPoolExecutor(hands.parallelism, "apply") as threads:
        while running or order.ready:
            while order.ready and len(running) < hands.parallelism and not stop.is_set():
                index = heapq.heappop(order.ready)
                try:
                    _before(calls[index], hands)
                except OSError as error:
                    yield Event(calls[index], "not-sent", f"its password could not be stored: {error.strerror}")
                    yield from order.over(index, succeeded=False)
                    continue
                running[threads.submit(_send, calls[index], hands)] = index
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=running.__getitem__):
                index, outcome = running.pop(future), future.result()
                yield _recorded(calls[index], outcome, hands)
                if isinstance(outcome, Refused) and outcome.authentication:
                    yield from order.stop("not tried: the vendor no longer accepts the token")
                yield from order.over(index, succeeded=isinstance(outcome, Ok))
    yield from order.stop("not tried: interrupted")


class _Order:
    """Which calls may start: `ready` is a heap of indices, so that runs are alike."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls
        self._missing = [len(call.after) + len(call.behind) for call in calls]
        self._needed_by: defaultdict[int, list[int]] = defaultdict(list)
        self._before: defaultdict[int, list[int]] = defaultdict(list)
        self._moving = sum(call.moves_sip for call in calls)
        self._gate = [index for index, call in enumerate(calls) if call.takes_any_sip] if self._moving else []
        self._open = set(range(len(calls)))
        for index in self._gate:
            self._missing[index] += 1
        for index, call in enumerate(calls):
            for other in call.after:
                self._needed_by[other].append(index)
            for other in call.behind:
                self._before[other].append(index)
        self.ready = [index for index, missing in enumerate(self._missing) if not missing]
        heapq.heapify(self.ready)

    def stop(self, reason: str) -> Iterator[Event]:
        """Let nothing more start; an event for each call that is neither started nor over."""
        ready = set(self.ready)
        waiting = [index for index in sorted(self._open) if self._missing[index] or index in ready]
        self.ready.clear()
        self._open.difference_update(waiting)
        for index in waiting:
            yield Event(self._calls[index], "skipped", reason)

    def over(self, index: int, *, succeeded: bool) -> Iterator[Event]:
        """Note that a call has ended; an event for each call that can therefore not be tried any more."""
        ended = [(index, succeeded)]
        while ended:
            index, succeeded = ended.pop()
            self._open.discard(index)
            for other in self._needed_by[index]:
                if succeeded:
                    self._one_less(other)
                elif other in self._open:
                    call = self._calls[index]
                    needs = f"the {call.kind} of {', '.join(call.operator_ids[:3])}"
                    yield Event(self._calls[other], "skipped", f"not tried: it needs {needs}, which failed")
                    self._open.discard(other)
                    ended.append((other, False))
            for other in [*self._before[index], *self._opened_gate(index)]:
                self._one_less(other)

    def _opened_gate(self, index: int) -> Sequence[int]:
        """The creates that may take any SIP number, once the last call that moves one is over."""
        self._moving -= self._calls[index].moves_sip
        return self._gate if self._calls[index].moves_sip and not self._moving else ()

    def _one_less(self, index: int) -> None:
        self._missing[index] -= 1
        if not self._missing[index] and index in self._open:
            heapq.heappush(self.ready, index)


def _before(call: Call, hands: Hands) -> None:
    """What must be on disk before the call can make it true."""
    if call.kind in ("create", "password"):
        operator_id = call.operator_ids[0]
        hands.credentials.write(operator_id, hands.passwords[operator_id])


def _send(call: Call, hands: Hands) -> Outcome:
    operator_id = call.operator_ids[0]
    match call.kind:
        case "create":
            return hands.writer.create(operator_id, call.fields, hands.passwords[operator_id])
        case "edit":
            return hands.writer.edit(operator_id, call.fields)
        case "delete":
            return hands.writer.delete(call.operator_ids)
        case "password":
            return hands.writer.password(operator_id, hands.passwords[operator_id])


def _recorded(call: Call, outcome: Outcome, hands: Hands) -> Event:
    """Keep the books for a call that has ended."""
    if isinstance(outcome, Ok):
        hands.ledger.record(call)
        _deliver_sip(call, outcome, hands)
        return Event(call, "done")
    return Event(call, _OUTCOMES[type(outcome)], str(outcome))


def _deliver_sip(call: Call, outcome: Ok, hands: Hands) -> None:
    """The SIP part of a credential, from the answer to a create (2.1.1) or to an edit that binds (2.1.2)."""
    if call.kind not in ("create", "edit"):
        return
    items = outcome.data if isinstance(outcome.data, list) else [outcome.data or {}]
    for item in items:
        number, password = item.get("sipNumber"), item.get("sipPassword")
        wanted = call.kind == "create" or call.fields.get("sipNumber") is not None
        if wanted and number and password:
            hands.credentials.write(call.operator_ids[0], None, str(number), Secret(str(password)))
