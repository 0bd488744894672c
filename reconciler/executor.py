"""Runs a plan's calls, those of different agents in parallel, each after the ones it needs. It never prints.

One thread decides and keeps the books: the password and the intent are on disk before a call, and the outcome is after
it. The others only send. A failed call stops what needs it and nothing else.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from reconciler.client import Lost, NotSent, Ok, Outcome, Refused
from reconciler.core.model import Call, CallOutcome, Event, Intent, Secret
from reconciler.credentials import CredentialsFile
from reconciler.journal import Journal
from reconciler.ledger import Ledger
from reconciler.settle import Tongs, settle

DEAD_AFTER: Final = 3
"""Calls in a row without any answer after which the vendor is taken for dead and the run stops."""

_OUTCOMES: Final[dict[type[Outcome], CallOutcome]] = {Ok: "done", Refused: "refused", NotSent: "not-sent", Lost: "lost"}

Ends = list[tuple[Call, Outcome]]


@dataclass(frozen=True, slots=True)
class Hands:
    """What a run works with."""

    tongs: Tongs
    ledger: Ledger
    credentials: CredentialsFile
    journal: Journal
    parallelism: int


def execute(calls: Sequence[Call], hands: Hands) -> Iterator[Event]:
    """Carry out the calls; one event for each as it ends, those that could not be tried included.

    When the run is told to stop nothing new is started, and what is in flight is waited for and recorded. It stops by
    itself when the vendor no longer accepts the token, no longer answers, or the books can no longer be kept.
    """
    order = _Order(calls)
    pulse = _Pulse()
    running: dict[Future[Ends], tuple[int, int]] = {}
    with ThreadPoolExecutor(hands.parallelism, "apply") as threads:
        while running or order.ready:
            # Until the vendor has answered once, one call at a time: a dead vendor is asked as little as possible.
            places = hands.parallelism if pulse.alive else 1
            while order.ready and len(running) < places and not hands.tongs.stop.is_set():
                index = heapq.heappop(order.ready)
                number = _note(calls[index], hands)
                if isinstance(number, OSError):
                    yield Event(calls[index], "not-sent", f"nothing was sent: it could not be noted: {number.strerror}")
                    yield from order.stop("not tried: passwords and intents can no longer be stored")
                else:
                    running[threads.submit(settle, calls[index], hands.tongs)] = (index, number)
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=running.__getitem__):
                index, number = running.pop(future)
                ends = future.result()
                for part, outcome in ends:
                    event = _recorded(part, outcome, number, hands)
                    yield event
                    if reason := pulse.felt(outcome, event):
                        yield from order.stop(reason)
                yield from order.over(index, _worst(ends))
    yield from order.stop("not tried: interrupted")


def _worst(ends: Ends) -> CallOutcome:
    """How a call ended as a whole: a delete list is done when any part of it is; the rest shows where it matters."""
    outcomes = {_OUTCOMES[type(outcome)] for _, outcome in ends}
    return next(outcome for outcome in ("done", "lost", "not-sent", "refused") if outcome in outcomes)


class _Pulse:
    """Whether it makes sense to go on."""

    def __init__(self) -> None:
        self.alive = False
        self._silent = 0

    def felt(self, outcome: Outcome, event: Event) -> str:
        """Why the run must stop after this outcome, or nothing."""
        if isinstance(outcome, Ok | Refused):
            self.alive, self._silent = True, 0
        else:
            self._silent += 1
        if isinstance(outcome, Refused) and outcome.authentication:
            return "not tried: the vendor no longer accepts the token"
        if self._silent >= DEAD_AFTER:
            return "not tried: the vendor does not answer"
        if isinstance(outcome, Ok) and event.outcome != "done":
            return "not tried: passwords and intents can no longer be stored"
        return ""


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
        self._done: set[int] = set()
        self._at_risk = False
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

    def over(self, index: int, outcome: CallOutcome) -> Iterator[Event]:
        """Note how a call has ended; an event for each call that can therefore not be tried any more."""
        ended = [(index, outcome)]
        while ended:
            index, outcome = ended.pop()
            call = self._calls[index]
            self._open.discard(index)
            if outcome == "done":
                self._done.add(index)
            for other in self._needed_by[index]:
                if outcome == "done":
                    self._one_less(other)
                elif other in self._open:
                    needs = f"the {call.kind} of {', '.join(call.operator_ids[:3])}"
                    yield self._skip(other, f"not tried: it needs {needs}, which failed")
                    ended.append((other, outcome))
            for other in self._before[index]:
                self._one_less(other)
            if call.moves_sip:
                yield from self._through_the_gate(index, outcome)

    def _skip(self, index: int, reason: str) -> Event:
        self._open.discard(index)
        return Event(self._calls[index], "skipped", reason)

    def _through_the_gate(self, index: int, outcome: CallOutcome) -> Iterator[Event]:
        """Let the creates that may take any SIP number go, once the last call that moves one is over.

        Not while a number is free, or may be, that an agent of this plan still waits for: they could be given it. A
        call that was refused has freed nothing, and what it wanted is free only where an earlier call freed it.
        """
        freed = any(self._calls[other].moves_sip and other in self._done for other in self._calls[index].after)
        self._at_risk |= outcome != "done" and (outcome != "refused" or freed)
        self._moving -= 1
        if self._moving:
            return
        for other in self._gate:
            if not self._at_risk:
                self._one_less(other)
            elif other in self._open:
                yield self._skip(other, "not tried: it could be given a SIP number that another agent waits for")
                yield from self._skipped_after(other)

    def _skipped_after(self, index: int) -> Iterator[Event]:
        for other in self._needed_by[index]:
            if other in self._open:
                yield self._skip(other, "not tried: it needs the create, which was not tried")
                yield from self._skipped_after(other)

    def _one_less(self, index: int) -> None:
        self._missing[index] -= 1
        if not self._missing[index] and index in self._open:
            heapq.heappush(self.ready, index)


def _note(call: Call, hands: Hands) -> int | OSError:
    """Put on disk what must be there before the call: its password, then the intent, whose number comes back."""
    try:
        if call.kind in ("create", "password"):
            operator_id = call.operator_ids[0]
            hands.credentials.write(operator_id, hands.tongs.passwords[operator_id])
        return hands.journal.intend(Intent.of(call))
    except OSError as error:
        return error


def _recorded(call: Call, outcome: Outcome, number: int, hands: Hands) -> Event:
    """Keep the books for a call that has ended. One whose SIP password cannot be stored stays open in the journal."""
    message = "" if isinstance(outcome, Ok) else str(outcome)
    event = Event(call, _OUTCOMES[type(outcome)], message)
    try:
        if isinstance(outcome, Ok):
            hands.ledger.record(call)
            _deliver_sip(call, outcome, hands)
        elif call.kind in ("create", "password") and isinstance(outcome, Refused | NotSent):
            hands.credentials.withdraw(call.operator_ids[0])
        hands.journal.over(number, event)
    except OSError as error:
        if isinstance(outcome, Ok):
            return Event(call, "lost", f"done, but that could not be noted ({error.strerror}); run apply again")
    return event


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
