"""Runs a plan's calls, those of different agents in parallel, each after the ones it needs. It never prints.

One thread decides and keeps the books: the password and the intent are on disk before a call, and the outcome is after
it, with what the vendor chose. The others only send. A failed call stops what needs it and nothing else.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.apply.settle import CallChannel, Item, Settled, settle
from reconciler.core.model.outcome import CallOutcome, Event, Intent
from reconciler.core.model.plan import Call
from reconciler.core.model.secret import Secret
from reconciler.credentials.delivery import Credential, CredentialsFile
from reconciler.credentials.passwords import generate
from reconciler.ledger.journal import Journal
from reconciler.ledger.ledger import Ledger
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused

DEAD_AFTER: Final = 3
"""Calls in a row without any answer after which the vendor is taken for dead and the run stops."""

_OUTCOMES: Final[dict[type[Outcome], CallOutcome]] = {Ok: "done", Refused: "refused", NotSent: "not-sent", Lost: "lost"}


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run works with. `strangers` are agents that the vendor created although nobody asked for them."""

    channel: CallChannel
    ledger: Ledger
    credentials: CredentialsFile
    journal: Journal
    parallelism: int
    strangers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Made:
    """An agent that exists with a password that nobody knows; `number` is the journal's for the create."""

    create: Call
    number: int


@dataclass(frozen=True, slots=True)
class _Job:
    """A request that the planned call `index` has come to: itself, a part of it, or a password for what was `made`.

    `tried`: an earlier request may have carried it out. `parted`: it was part of a batch that has been answered.
    """

    index: int
    call: Call
    tried: bool = False
    parted: bool = False
    made: _Made | None = None

    def left(self, reason: str) -> Event:
        """How it ends where it is not sent."""
        if self.made is not None:
            return Event(self.made.create, "lost", f"created, and nobody knows its password: {reason}; run apply again")
        return Event(self.call, "lost" if self.tried else "skipped", reason)


def execute(calls: Sequence[Call], context: RunContext) -> Iterator[Event]:
    """Carry out the calls; an event for each, or for each part of one, as it ends, untried ones included.

    When the run is told to stop nothing new is started, and what is in flight is waited for and recorded. It stops by
    itself when the vendor no longer accepts the token, no longer answers, or the books can no longer be kept.
    """
    run = _Run(calls, context)
    running: dict[Future[Settled], tuple[_Job, int]] = {}
    with ThreadPoolExecutor(context.parallelism, "apply") as threads:
        while True:
            # Until the vendor has answered once, one call at a time: a dead vendor is asked as little as possible.
            places = context.parallelism if run.breaker.alive else 1
            while run.ready and len(running) < places and not context.channel.stop.is_set():
                job = run.take()
                number = _record_intent(job.call, context)
                if isinstance(number, OSError):
                    yield from run.not_journaled(job, number)
                else:
                    sent = threads.submit(settle, job.call, context.channel, tried=job.tried, parted=job.parted)
                    running[sent] = (job, number)
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=lambda future: running[future][1]):
                yield from run.over(*running.pop(future), future.result())
    yield from run.stop("not tried: interrupted")


class _Run:
    """Which requests are to be sent, and what the planned calls come to. A call is over when all its agents are."""

    def __init__(self, calls: Sequence[Call], context: RunContext) -> None:
        self.breaker = _CircuitBreaker()
        self._calls = calls
        self._hands = context
        self._order = _Order(calls)
        self._again: deque[_Job] = deque()
        self._ends: defaultdict[int, dict[str, CallOutcome]] = defaultdict(dict)
        self._stopped = ""

    @property
    def ready(self) -> bool:
        """Whether a request may be sent."""
        return bool(self._again or self._order.ready)

    def take(self) -> _Job:
        """The next one: what was begun comes before what is new."""
        if self._again:
            return self._again.popleft()
        index = heapq.heappop(self._order.ready)
        return _Job(index, self._calls[index])

    def not_journaled(self, job: _Job, error: OSError) -> Iterator[Event]:
        """A request that was not sent, since nothing could be noted of it; and so is no other."""
        why = f"it could not be noted: {error.strerror}"
        yield job.left(why) if job.made else Event(job.call, "not-sent", f"nothing was sent: {why}")
        yield from self.stop("not tried: passwords and intents can no longer be stored")

    def stop(self, reason: str) -> Iterator[Event]:
        """Let nothing more start; an event for each call that is neither started nor over."""
        self._stopped = self._stopped or reason
        left = [job.left(reason) for job in self._again]
        self._again.clear()
        yield from left
        yield from self._order.stop(reason)

    def over(self, job: _Job, number: int, settled: Settled) -> Iterator[Event]:
        """Note how a request has ended; an event for each part that is over."""
        if settled.strangers:
            _keep_strangers(settled.strangers, self._hands)
        for part, outcome in settled.over:
            yield from self._part_over(job, number, part, outcome)
        if settled.again:
            self.breaker.alive = True
        for part in settled.again:
            with suppress(OSError):
                # What was tried may come through yet.
                ended: CallOutcome = "lost" if settled.tried else "refused"
                self._hands.journal.over(number, Event(part, ended, "not made, and sent anew"))
            yield from self._send(_Job(job.index, part, settled.tried, parted=True))

    def _send(self, job: _Job) -> Iterator[Event]:
        if self._stopped:
            yield job.left(self._stopped)
        else:
            self._again.append(job)

    def _part_over(self, job: _Job, number: int, part: Call, outcome: Outcome) -> Iterator[Event]:
        if _password_unknown(part, outcome):
            self.breaker.alive = True
            _keep_in_doubt(part, outcome, self._hands)
            password = Call("password", part.operator_ids, part.actions, password=part.password)
            yield from self._send(_Job(job.index, password, made=_Made(part, number)))
            return
        event = _recorded(part, outcome, number, self._hands)
        if job.made is not None:
            event = _made_known(job, job.made, event, self._hands)
        yield event
        if reason := self.breaker.stop_reason(outcome, event):
            yield from self.stop(reason)
        ends = self._ends[job.index]
        ends.update(dict.fromkeys(part.operator_ids, event.outcome))
        if len(ends) == len(self._calls[job.index].operator_ids):
            yield from self._order.over(job.index, ends)


def _overall(outcomes: Collection[CallOutcome]) -> CallOutcome:
    """How a call ended as a whole: it is done when any part of it is; the rest shows where it matters."""
    return next(outcome for outcome in ("done", "lost", "not-sent", "refused", "skipped") if outcome in outcomes)


class _CircuitBreaker:
    """Whether it makes sense to go on."""

    def __init__(self) -> None:
        self.alive = False
        self._silent = 0

    def stop_reason(self, outcome: Outcome, event: Event) -> str:
        """Why the run must stop after this outcome, or nothing."""
        if isinstance(outcome, Ok | Refused):
            self.alive, self._silent = True, 0
        else:
            self._silent += 1
        if isinstance(outcome, Refused) and outcome.authentication:
            return "not tried: the vendor no longer accepts the token"
        if self._silent >= DEAD_AFTER:
            away = isinstance(outcome, NotSent) and outcome.turned_away
            return f"not tried: the vendor {'turns every request away' if away else 'does not answer'}"
        if isinstance(outcome, Ok) and event.outcome != "done":
            return "not tried: passwords and intents can no longer be stored"
        return ""


class _Order:
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

    def stop(self, reason: str) -> Iterator[Event]:
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
                    yield self._skip(other, f"not tried: it needs the {call.kind} of {', '.join(ids)}, which failed")
                    ended.append((other, dict.fromkeys(self._calls[other].operator_ids, outcome)))
            for other in self._before[index]:
                self._one_less(other)
            if call.moves_sip:
                yield from self._through_the_gate(index, whole)

    def _skip(self, index: int, reason: str) -> Event:
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


def _record_intent(call: Call, context: RunContext) -> int | OSError:
    """Put on disk what must be there before the call: its passwords, then the intent, whose number comes back."""
    try:
        if call.kind in ("create", "password") and not call.vendor_password:
            _store_passwords(call, context)
        return context.journal.intend(Intent.of(call))
    except OSError as error:
        return error


def _store_passwords(call: Call, context: RunContext) -> None:
    """Those that are not stored yet; one that nobody has chosen is made now."""
    passwords = context.channel.passwords
    for operator_id in call.operator_ids:
        if operator_id not in passwords:
            passwords[operator_id] = generate()
    new = [id_ for id_ in call.operator_ids if not context.credentials.holds(id_, passwords[id_])]
    context.credentials.write_all(Credential(id_, passwords[id_]) for id_ in new)


def _recorded(call: Call, outcome: Outcome, number: int, context: RunContext) -> Event:
    """Keep the books for a call that has ended. One whose credentials cannot be stored stays open in the journal."""
    message = "" if isinstance(outcome, Ok) else str(outcome)
    event = Event(call, _OUTCOMES[type(outcome)], message)
    try:
        if isinstance(outcome, Ok):
            context.ledger.record(call)
            _deliver(call, outcome, context)
        elif isinstance(outcome, Refused | NotSent) and call.kind in ("create", "password"):
            for operator_id in () if call.vendor_password else call.operator_ids:
                context.credentials.withdraw(operator_id)
        context.journal.over(number, event)
    except OSError as error:
        if isinstance(outcome, Ok):
            return Event(call, "lost", f"done, but that could not be noted ({error.strerror}); run apply again")
    return event


def _password_unknown(call: Call, outcome: Outcome) -> bool:
    """Whether it made an agent of whom the vendor did not tell the password that it chose."""
    return isinstance(outcome, Ok) and call.vendor_password and not _items(outcome)[0].get("operatorPassword")


def _keep_in_doubt(call: Call, outcome: Outcome, context: RunContext) -> None:
    """Until its password is set, the next run would set it, and the create stays open in the journal."""
    context.ledger.record(call)
    entry = context.ledger.entries[call.operator_ids[0]]
    context.ledger.take({call.operator_ids[0]: replace(entry, password_unknown=True)})
    with suppress(OSError):  # what is open in the journal is delivered by the next run
        _deliver(call, outcome, context)


def _keep_strangers(items: Sequence[Item], context: RunContext) -> None:
    ids = [str(item["operatorId"]) for item in items]
    context.strangers.extend(ids)
    with suppress(OSError):  # they are told of in any case
        context.credentials.write_all(_credential(id_, item, ours=False) for id_, item in zip(ids, items, strict=True))


def _made_known(job: _Job, made: _Made, event: Event, context: RunContext) -> Event:
    """How a create ends whose password was set afterwards."""
    if event.outcome != "done":
        return job.left(event.message)
    with suppress(OSError):  # losing this line loses nothing: the agent would be looked up, and its password set anew
        context.journal.over(made.number, Event(made.create, "done"))
    return Event(made.create, "done")


def _items(outcome: Outcome) -> list[Item]:
    data = outcome.data if isinstance(outcome, Ok) else None
    return data if isinstance(data, list) else [data or {}]


def _deliver(call: Call, outcome: Outcome, context: RunContext) -> None:
    """What the answer to a create (2.1.1), or to an edit that binds (2.1.2), tells of credentials, to the file."""
    if call.kind == "create" or (call.kind == "edit" and call.fields.get("sipNumber") is not None):
        told = zip(call.operator_ids, _items(outcome), strict=False)
        found = [_credential(id_, item, ours=not call.vendor_password) for id_, item in told]
        context.credentials.write_all(new for new in found if new.password or new.sip_password)


def _credential(operator_id: str, item: Item, *, ours: bool) -> Credential:
    password = None if ours else _secret(item.get("operatorPassword"))
    number, sip_password = item.get("sipNumber"), _secret(item.get("sipPassword"))
    return Credential(operator_id, password, str(number) if number else None, sip_password if number else None)


def _secret(text: object) -> Secret | None:
    return Secret(str(text)) if text else None
