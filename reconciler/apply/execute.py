"""Runs a plan's calls, those of different agents in parallel, each after the ones it needs. It never prints.

One thread decides and keeps the books: the intent and the password are on disk before a call, and the outcome is after
it, with what the vendor chose. The others only send. A failed call stops what needs it and nothing else.
"""

from __future__ import annotations

import heapq
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace

from reconciler.apply.call_order import CallOrder
from reconciler.apply.channel import CallChannel, Settled
from reconciler.apply.circuit_breaker import DOUBTED_AFTER, CircuitBreaker, Halving, Part
from reconciler.apply.record import (
    RefusedCreate,
    RunContext,
    UnknownPassword,
    keep_strangers,
    password_unknown,
    record,
    record_intent,
    record_unknown_password,
)
from reconciler.apply.settle import settle
from reconciler.core.model.message import NOTHING, Text, text
from reconciler.core.model.outcome import CallOutcome, Event
from reconciler.core.model.plan import Call
from reconciler.files.threads import ready_threads
from reconciler.log import milliseconds
from reconciler.vendor.answer import Ok, Outcome, Refused


@dataclass(frozen=True, slots=True)
class _Job:
    """A request that the planned call `index` has come to: itself, a part of it, or a password for `created`.

    `maybe_sent`: an earlier request may have carried it out. `batch`: it left this batch, which may have made it,
    whatever was answered. `halved`: it is a part of a batch or a list that was refused.
    """

    index: int
    call: Call
    maybe_sent: bool = False
    batch: Call | None = None
    halved: bool = False
    created: UnknownPassword | None = None

    def settle(self, channel: CallChannel) -> Settled:
        """Send it and settle how it ended."""
        since = time.monotonic()
        settled = settle(self.call, channel, maybe_sent=self.maybe_sent, batch=self.batch)
        return replace(settled, ms=milliseconds(time.monotonic() - since))

    def unsent(self, reason: Text) -> Event:
        """How it ends where it is not sent."""
        if self.created is not None:
            words = text("created, and nobody knows its password: {reason}; run apply again", reason=reason)
            return Event(self.created.create, "lost", words)
        return Event(self.call, "lost" if self.maybe_sent else "skipped", reason)


def execute(calls: Sequence[Call], context: RunContext) -> Iterator[Event]:
    """Carry out the calls; an event for each, or for each part of one, as it ends, untried ones included.

    When the run is told to stop nothing new is started, and what is in flight is waited for and recorded. It stops by
    itself when the vendor no longer accepts the token, no longer answers, or the books can no longer be kept.
    """
    run = _Run(calls, context)
    running: dict[Future[Settled], tuple[_Job, int]] = {}
    with ready_threads(context.parallelism, "apply") as threads:
        while True:
            # Until the vendor has answered once, one call at a time: a dead vendor is asked as little as possible.
            places = context.parallelism if run.breaker.alive else 1
            while run.ready and run.has_room(len(running), places) and not context.channel.stop.is_set():
                if reason := run.doubt():
                    yield from run.stop(reason)
                    break
                job = run.next_job()
                number = record_intent(job.call, context)
                if isinstance(number, OSError):
                    yield from run.not_journaled(job, number)
                else:
                    running[threads.submit(job.settle, context.channel)] = (job, number)
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=lambda future: running[future][1]):
                job, number = running.pop(future)
                yield from _timed(run.settled(job, number, future.result()), job, future.result().ms)
    yield from run.stop(text("not tried: interrupted"))


class _Run:
    """Which requests are to be sent, and how the planned calls end. A call ends with the last of its agents."""

    def __init__(self, calls: Sequence[Call], context: RunContext) -> None:
        self.breaker = CircuitBreaker()
        self._calls = calls
        self._context = context
        self._order = CallOrder(calls)
        self._resend: deque[_Job] = deque()
        self._halvings: dict[int, Halving] = {}
        self._ends: defaultdict[int, dict[str, CallOutcome]] = defaultdict(dict)
        self._claimed: defaultdict[int, set[str]] = defaultdict(set)
        self._judged: set[int] = set()
        self._stopped = NOTHING

    @property
    def ready(self) -> bool:
        """Whether a request may be sent."""
        return bool(self._resend or self._order.ready)

    def has_room(self, running: int, places: int) -> bool:
        """Whether a further request may be under way."""
        return running < places and self.breaker.has_room(running)

    def doubt(self) -> Text:
        """Make sure that the refusals are not the vendor's state: why the run stops, or nothing."""
        if self.breaker.doubtful and self._trial() is None:
            if operator_id := self.breaker.agent_to_look_up:
                self.breaker.hear_look_up(operator_id, self._context.channel.look_up(operator_id))
            self.breaker.hear_nothing_to_try()
        return self.breaker.opened

    def _trial(self) -> int | None:
        """Where the call stands that makes sure, among those to be sent anew and then those that are ready."""
        calls = [job.call for job in self._resend] + [self._calls[index] for index in self._order.ready]
        return self.breaker.trial(calls)

    def next_job(self) -> _Job:
        """The next request: what was begun comes before what is new, and what makes sure before both."""
        place = self._trial() if self.breaker.doubtful else None
        if self._resend and (place is None or place < len(self._resend)):
            job = self._resend[place or 0]
            self._resend.remove(job)
            return replace(job, batch=None) if job.index in self._judged else job
        ready = self._order.ready
        if place is not None or self.breaker.doubtful:
            index = max(ready) if place is None else ready[place - len(self._resend)]
            ready.remove(index)
            heapq.heapify(ready)
        else:
            index = heapq.heappop(ready)
        return _Job(index, self._calls[index])

    def not_journaled(self, job: _Job, error: OSError) -> Iterator[Event]:
        """End a request that is not sent because its intent cannot be stored; nothing else is sent either."""
        why = text("it could not be noted: {why}", why=error.strerror)
        yield job.unsent(why) if job.created else Event(job.call, "not-sent", text("nothing was sent: {why}", why=why))
        yield from self.stop(text("not tried: passwords and intents can no longer be stored"))

    def stop(self, reason: Text) -> Iterator[Event]:
        """Let nothing more start; an event for each call that is neither started nor over."""
        self._stopped = self._stopped or reason
        held = [_Job(index, *part) for index, halving in self._halvings.items() for part in halving.rest()]
        jobs = [*self._resend, *held]
        self._resend.clear()
        for job in jobs:
            if job.call.kind == "create" and not job.maybe_sent and (batch := self._batch_of(job.index)):
                self._context.refused_creates.append(RefusedCreate(job.call, batch))
            yield job.unsent(reason)
        yield from self._order.stop(reason)

    def settled(self, job: _Job, number: int, settled: Settled) -> Iterator[Event]:
        """Record how a request ended; an event for each part that is over."""
        if settled.strangers:
            keep_strangers(settled.strangers, self._context)
        ended = settled.refused or _kindest([outcome for _, outcome in settled.over])
        if ended is not None:
            self.breaker.hear(number, job.call, ended)
        for part, outcome in settled.over:
            if new := self._claim(job, part):
                yield from self._part_over(job, number, part.narrowed_to(new), outcome)
        if settled.to_resend:
            self.breaker.alive = True
        self._resend = deque(job for job in self._resend if not self._is_over(job))
        if job.batch is not None and len(job.call.operator_ids) == 1:
            # What is there from now on no longer shows what the batch made: agents of it are created one by one.
            self._judged.add(job.index)
        for part in settled.to_resend:
            if not self._claimed[job.index].isdisjoint(part.operator_ids):
                continue
            with suppress(OSError):
                # A request that may have been sent may come through yet.
                doubt: CallOutcome = "lost" if settled.maybe_sent else "refused"
                words = text("not made, and sent anew")
                if settled.refused:
                    words = text("in a list: {refused}", refused=settled.refused.words)
                self._context.books.record_outcome(number, Event(part, doubt, words))
            if settled.refused is None:
                yield from self._enqueue(_Job(job.index, part, settled.maybe_sent, job.batch or settled.batch))
        yield from self._halve(job, settled, ended)
        if self.breaker.opened or self._stopped:
            yield from self.stop(self._stopped or self.breaker.opened)

    def _claim(self, job: _Job, part: Call) -> list[str]:
        """The agents of a part whose end is not known yet; one that leaves a batch may tell the end of all of it."""
        claimed = self._claimed[job.index]
        new = [id_ for id_ in part.operator_ids if id_ not in claimed or job.created]
        claimed.update(new)
        return new

    def _is_over(self, job: _Job) -> bool:
        """Whether the end of its agents is known, so that nothing more is sent for them."""
        return job.created is None and not self._claimed[job.index].isdisjoint(job.call.operator_ids)

    def _halve(self, job: _Job, settled: Settled, outcome: Outcome | None) -> Iterator[Event]:
        """Go on with a batch or a list that was refused, after one part of it has ended."""
        if settled.refused is not None:
            self._halvings.setdefault(job.index, Halving())
        halving = self._halvings.get(job.index)
        if halving is None or job.created is not None:
            return
        halving.under_way -= job.halved
        if isinstance(outcome, Ok):
            parts = halving.accept()
        else:
            halving.refuse((part, settled.maybe_sent) for part in settled.to_resend if settled.refused)
            alone = isinstance(outcome, Refused) and not settled.to_resend
            if outcome is not None and alone and self.breaker.gives_up(job.call):
                yield from self._refuse_rest(job.index, halving.rest(), outcome.words)
            parts = halving.following()
        for call, maybe_sent in parts:
            batch = job.batch or settled.batch if call.kind == "create" else None
            yield from self._enqueue(_Job(job.index, call, maybe_sent, batch, halved=True))

    def _refuse_rest(self, index: int, parts: Sequence[Part], words: Text) -> Iterator[Event]:
        """End the rest of a list of which enough single agents were refused alike: nothing of it is sent."""
        others = "{words}; {count} {count:other was|others were} refused so one by one, and it was not sent alone"
        why = text(others, words=words, count=DOUBTED_AFTER)
        for call, maybe_sent in parts:
            event = Event(call, "lost" if maybe_sent else "refused", why)
            if not maybe_sent and call.kind == "create":
                self._context.refused_creates.append(RefusedCreate(call, self._batch_of(index)))
            yield event
            yield from self._ended(index, event)

    def _batch_of(self, index: int) -> tuple[str, ...]:
        """The agents of the planned batch of which a create is a part: refused or not, it may have made them all."""
        call = self._calls[index]
        return call.operator_ids if call.batch else ()

    def _enqueue(self, job: _Job) -> Iterator[Event]:
        if self._is_over(job):
            return
        if self._stopped:
            yield job.unsent(self._stopped)
        else:
            self._resend.append(job)

    def _part_over(self, job: _Job, number: int, part: Call, outcome: Outcome) -> Iterator[Event]:
        unknown = password_unknown(part, outcome, self._context)
        if unknown and len(part.operator_ids) > 1:
            for operator_id in part.operator_ids:
                yield from self._part_over(job, number, part.narrowed_to([operator_id]), outcome)
            return
        if unknown:
            self.breaker.alive = True
            record_unknown_password(part, outcome, self._context)
            password = Call("password", part.operator_ids, part.actions, password=part.password)
            yield from self._enqueue(_Job(job.index, password, created=UnknownPassword(part, number)))
            return
        event = record(part, outcome, number, self._context, self._batch_of(job.index))
        if job.created is not None:
            event = _end_of_create(job, job.created, event, self._context)
        yield event
        if reason := self.breaker.stop_reason(outcome, event):
            yield from self.stop(reason)
        yield from self._ended(job.index, Event(part, event.outcome))

    def _ended(self, index: int, event: Event) -> Iterator[Event]:
        """Note the end of a part; with the last one the planned call is over."""
        ends = self._ends[index]
        ends.update(dict.fromkeys(event.call.operator_ids, event.outcome))
        if len(ends) == len(self._calls[index].operator_ids):
            yield from self._order.over(index, ends)


def _timed(events: Iterator[Event], job: _Job, took: int) -> Iterator[Event]:
    """The events; those about the agents of the job that has ended say how many milliseconds it took."""
    for event in events:
        sent = event.outcome != "skipped" and {*event.call.operator_ids} <= {*job.call.operator_ids}
        yield replace(event, ms=took) if sent else event


def _kindest(outcomes: Sequence[Outcome]) -> Outcome | None:
    """What the vendor's answer to a request comes to as a whole: it was accepted when any part of it was."""
    return next((outcome for outcome in outcomes if isinstance(outcome, Ok)), outcomes[0] if outcomes else None)


def _end_of_create(job: _Job, created: UnknownPassword, event: Event, context: RunContext) -> Event:
    """How a create ends whose password was set afterwards."""
    if event.outcome != "done":
        return job.unsent(event.message)
    with suppress(OSError):  # losing this line loses nothing: the agent is looked up, and its password set anew
        context.books.record_outcome(created.number, Event(created.create, "done"))
    return Event(created.create, "done")
