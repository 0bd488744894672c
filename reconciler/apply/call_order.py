"""Which calls may start: each waits for those it needs the success of, and for those whose end it waits for."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.core.model.message import Text, text
from reconciler.core.model.outcome import CallOutcome, Event
from reconciler.core.model.plan import Call


class CallOrder:
    """Which calls may start: `ready` is a heap of indices, so that runs are alike."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls
        self._missing = [len(call.requires_success_of) + len(call.waits_for) for call in calls]
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
            for other in call.requires_success_of:
                self._needed_by[other].append(index)
            for other in call.waits_for:
                self._before[other].append(index)
        self.ready = [index for index, missing in enumerate(self._missing) if not missing]
        heapq.heapify(self.ready)

    def stop(self, reason: Text) -> Iterator[Event]:
        """Let nothing more start; an event for each call that is neither started nor over."""
        ready = set(self.ready)
        waiting = [index for index in sorted(self._open) if self._missing[index] or index in ready]
        self.ready.clear()
        self._open.difference_update(waiting)
        for index in waiting:
            yield Event(self._calls[index], "skipped", reason)

    def over(self, index: int, ends: Mapping[str, CallOutcome]) -> Iterator[Event]:
        """Note how a call has ended for each agent; an event for each call that can therefore not be tried any more."""
        ended = [(index, ends)]
        while ended:
            index, ends = ended.pop()
            call, whole = self._calls[index], _overall(ends.values())
            self._open.discard(index)
            if whole == "done":
                self._done.add(index)
            for other in self._needed_by[index]:
                # Of several agents the one that the other call is about counts.
                outcome = ends.get(self._calls[other].operator_ids[0], whole)
                if outcome == "done":
                    self._one_less(other)
                elif other in self._open:
                    ids = self._calls[other].operator_ids if call.batch else call.operator_ids[:3]
                    needs = "not tried: it needs the {kind} of {ids}, which failed"
                    yield self._skip(other, text(needs, kind=call.kind, ids=", ".join(ids)))
                    ended.append((other, dict.fromkeys(self._calls[other].operator_ids, outcome)))
            for other in self._before[index]:
                self._one_less(other)
            if call.moves_sip:
                yield from self._through_the_gate(index, whole)

    def _skip(self, index: int, reason: Text) -> Event:
        self._open.discard(index)
        return Event(self._calls[index], "skipped", reason)

    def _through_the_gate(self, index: int, outcome: CallOutcome) -> Iterator[Event]:
        """Let the creates that may take any SIP number go, once the last call that moves one is over.

        Not while a number is free, or may be, that an agent of this plan still waits for: they could be given it. A
        call that was refused has freed nothing, and what it wanted is free only where an earlier call freed it.
        """
        freed = any(
            self._calls[other].moves_sip and other in self._done for other in self._calls[index].requires_success_of
        )
        self._at_risk |= outcome != "done" and (outcome != "refused" or freed)
        self._moving -= 1
        if self._moving:
            return
        for other in self._gate:
            if not self._at_risk:
                self._one_less(other)
            elif other in self._open:
                yield self._skip(other, text("not tried: it could be given a SIP number that another agent waits for"))
                yield from self._skipped_after(other)

    def _skipped_after(self, index: int) -> Iterator[Event]:
        for other in self._needed_by[index]:
            if other in self._open:
                yield self._skip(other, text("not tried: it needs the create, which was not tried"))
                yield from self._skipped_after(other)

    def _one_less(self, index: int) -> None:
        self._missing[index] -= 1
        if not self._missing[index] and index in self._open:
            heapq.heappush(self.ready, index)


def _overall(outcomes: Collection[CallOutcome]) -> CallOutcome:
    """How a call ended as a whole: it is done when any part of it is; the rest shows where it matters."""
    return next(outcome for outcome in ("done", "lost", "not-sent", "refused", "skipped") if outcome in outcomes)
