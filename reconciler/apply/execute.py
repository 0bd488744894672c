"""Runs a plan's calls, those of different agents in parallel, each after the ones it needs. It never prints.

One thread decides and keeps the books: the password and the intent are on disk before a call, and the outcome is after
it, with what the vendor chose. The others only send. A failed call stops what needs it and nothing else.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.apply.call_order import CallOrder
from reconciler.apply.circuit_breaker import CircuitBreaker
from reconciler.apply.settle import CallChannel, CreatedItem, Settled, settle
from reconciler.core.model.outcome import CallOutcome, Event, Intent
from reconciler.core.model.plan import Call
from reconciler.core.model.secret import Secret
from reconciler.credentials.delivery import Credential, CredentialsFile
from reconciler.credentials.passwords import generate_password
from reconciler.ledger.books import Books
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused

_OUTCOMES: Final[dict[type[Outcome], CallOutcome]] = {Ok: "done", Refused: "refused", NotSent: "not-sent", Lost: "lost"}


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run works with. `strangers` are agents that the vendor created although nobody asked for them."""

    channel: CallChannel
    books: Books
    credentials: CredentialsFile
    parallelism: int
    strangers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _UnknownPassword:
    """An agent that was created with a password that nobody knows; `number` is the journal's for the create."""

    create: Call
    number: int


@dataclass(frozen=True, slots=True)
class _Job:
    """A request that the planned call `index` has come to: itself, a part of it, or a password for `created`.

    `maybe_sent`: an earlier request may have carried it out. `from_batch`: it left a batch that was answered.
    """

    index: int
    call: Call
    maybe_sent: bool = False
    from_batch: bool = False
    created: _UnknownPassword | None = None

    def settle(self, channel: CallChannel) -> Settled:
        """Send it and settle how it ended."""
        return settle(self.call, channel, maybe_sent=self.maybe_sent, from_batch=self.from_batch)

    def unsent(self, reason: str) -> Event:
        """How it ends where it is not sent."""
        if self.created is not None:
            words = f"created, and nobody knows its password: {reason}; run apply again"
            return Event(self.created.create, "lost", words)
        return Event(self.call, "lost" if self.maybe_sent else "skipped", reason)


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
                job = run.next_job()
                number = _record_intent(job.call, context)
                if isinstance(number, OSError):
                    yield from run.not_journaled(job, number)
                else:
                    running[threads.submit(job.settle, context.channel)] = (job, number)
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=lambda future: running[future][1]):
                yield from run.settled(*running.pop(future), future.result())
    yield from run.stop("not tried: interrupted")


class _Run:
    """Which requests are to be sent, and how the planned calls end. A call ends with the last of its agents."""

    def __init__(self, calls: Sequence[Call], context: RunContext) -> None:
        self.breaker = CircuitBreaker()
        self._calls = calls
        self._context = context
        self._order = CallOrder(calls)
        self._resend: deque[_Job] = deque()
        self._ends: defaultdict[int, dict[str, CallOutcome]] = defaultdict(dict)
        self._stopped = ""

    @property
    def ready(self) -> bool:
        """Whether a request may be sent."""
        return bool(self._resend or self._order.ready)

    def next_job(self) -> _Job:
        """The next request: what was begun comes before what is new."""
        if self._resend:
            return self._resend.popleft()
        index = heapq.heappop(self._order.ready)
        return _Job(index, self._calls[index])

    def not_journaled(self, job: _Job, error: OSError) -> Iterator[Event]:
        """End a request that is not sent because its intent cannot be stored; nothing else is sent either."""
        why = f"it could not be noted: {error.strerror}"
        yield job.unsent(why) if job.created else Event(job.call, "not-sent", f"nothing was sent: {why}")
        yield from self.stop("not tried: passwords and intents can no longer be stored")

    def stop(self, reason: str) -> Iterator[Event]:
        """Let nothing more start; an event for each call that is neither started nor over."""
        self._stopped = self._stopped or reason
        unsent = [job.unsent(reason) for job in self._resend]
        self._resend.clear()
        yield from unsent
        yield from self._order.stop(reason)

    def settled(self, job: _Job, number: int, settled: Settled) -> Iterator[Event]:
        """Record how a request ended; an event for each part that is over."""
        if settled.strangers:
            _keep_strangers(settled.strangers, self._context)
        for part, outcome in settled.over:
            yield from self._part_over(job, number, part, outcome)
        if settled.to_resend:
            self.breaker.alive = True
        for part in settled.to_resend:
            with suppress(OSError):
                # A request that may have been sent may come through yet.
                ended: CallOutcome = "lost" if settled.maybe_sent else "refused"
                self._context.books.record_outcome(number, Event(part, ended, "not made, and sent anew"))
            yield from self._enqueue(_Job(job.index, part, settled.maybe_sent, from_batch=True))

    def _enqueue(self, job: _Job) -> Iterator[Event]:
        if self._stopped:
            yield job.unsent(self._stopped)
        else:
            self._resend.append(job)

    def _part_over(self, job: _Job, number: int, part: Call, outcome: Outcome) -> Iterator[Event]:
        if _password_unknown(part, outcome):
            self.breaker.alive = True
            _record_unknown_password(part, outcome, self._context)
            password = Call("password", part.operator_ids, part.actions, password=part.password)
            yield from self._enqueue(_Job(job.index, password, created=_UnknownPassword(part, number)))
            return
        event = _record(part, outcome, number, self._context)
        if job.created is not None:
            event = _end_of_create(job, job.created, event, self._context)
        yield event
        if reason := self.breaker.stop_reason(outcome, event):
            yield from self.stop(reason)
        ends = self._ends[job.index]
        ends.update(dict.fromkeys(part.operator_ids, event.outcome))
        if len(ends) == len(self._calls[job.index].operator_ids):
            yield from self._order.over(job.index, ends)


def _record_intent(call: Call, context: RunContext) -> int | OSError:
    """Put on disk what must be there before the call: its passwords, then the intent, whose number comes back."""
    try:
        if call.kind in ("create", "password") and not call.vendor_password:
            _store_passwords(call, context)
        return context.books.record_intent(Intent.of(call))
    except OSError as error:
        return error


def _store_passwords(call: Call, context: RunContext) -> None:
    """Store the call's passwords, where they are not stored yet; one that nobody has chosen is generated now."""
    passwords = context.channel.passwords
    for operator_id in call.operator_ids:
        if operator_id not in passwords:
            passwords[operator_id] = generate_password()
    new = [id_ for id_ in call.operator_ids if not context.credentials.holds(id_, passwords[id_])]
    context.credentials.write_all(Credential(id_, passwords[id_]) for id_ in new)


def _record(call: Call, outcome: Outcome, number: int, context: RunContext) -> Event:
    """Keep the books for a call that has ended. One whose credentials cannot be stored stays open in the journal."""
    message = "" if isinstance(outcome, Ok) else str(outcome)
    event = Event(call, _OUTCOMES[type(outcome)], message)
    try:
        if isinstance(outcome, Ok):
            context.books.ledger.record(call)
            _deliver(call, outcome, context)
        elif isinstance(outcome, Refused | NotSent) and call.kind in ("create", "password"):
            for operator_id in () if call.vendor_password else call.operator_ids:
                context.credentials.withdraw(operator_id)
        context.books.record_outcome(number, event)
    except OSError as error:
        if isinstance(outcome, Ok):
            return Event(call, "lost", f"done, but that could not be noted ({error.strerror}); run apply again")
    return event


def _password_unknown(call: Call, outcome: Outcome) -> bool:
    """Whether the call made an agent of whom the vendor did not tell the password that it chose."""
    return isinstance(outcome, Ok) and call.vendor_password and not _items(outcome)[0].get("operatorPassword")


def _record_unknown_password(call: Call, outcome: Outcome, context: RunContext) -> None:
    """Until its password is set, the ledger says that nobody knows it, and the create stays open in the journal."""
    ledger, operator_id = context.books.ledger, call.operator_ids[0]
    ledger.record(call)
    ledger.update({operator_id: replace(ledger.entries[operator_id], password_unknown=True)})
    with suppress(OSError):  # the next run delivers what is open in the journal
        _deliver(call, outcome, context)


def _keep_strangers(items: Sequence[CreatedItem], context: RunContext) -> None:
    ids = [str(item["operatorId"]) for item in items]
    context.strangers.extend(ids)
    with suppress(OSError):  # the report names them in any case
        context.credentials.write_all(_credential(id_, item, ours=False) for id_, item in zip(ids, items, strict=True))


def _end_of_create(job: _Job, created: _UnknownPassword, event: Event, context: RunContext) -> Event:
    """How a create ends whose password was set afterwards."""
    if event.outcome != "done":
        return job.unsent(event.message)
    with suppress(OSError):  # losing this line loses nothing: the agent is looked up, and its password set anew
        context.books.record_outcome(created.number, Event(created.create, "done"))
    return Event(created.create, "done")


def _items(outcome: Outcome) -> list[CreatedItem]:
    data = outcome.data if isinstance(outcome, Ok) else None
    return data if isinstance(data, list) else [data or {}]


def _deliver(call: Call, outcome: Outcome, context: RunContext) -> None:
    """Store the credentials that the answer to a create (2.1.1), or to an edit that binds (2.1.2), tells."""
    if call.kind == "create" or (call.kind == "edit" and call.fields.get("sipNumber") is not None):
        answered = zip(call.operator_ids, _items(outcome), strict=False)
        credentials = [_credential(id_, item, ours=not call.vendor_password) for id_, item in answered]
        context.credentials.write_all(new for new in credentials if new.password or new.sip_password)


def _credential(operator_id: str, item: CreatedItem, *, ours: bool) -> Credential:
    password = None if ours else _secret(item.get("operatorPassword"))
    number, sip_password = item.get("sipNumber"), _secret(item.get("sipPassword"))
    return Credential(operator_id, password, str(number) if number else None, sip_password if number else None)


def _secret(text: object) -> Secret | None:
    return Secret(str(text)) if text else None
