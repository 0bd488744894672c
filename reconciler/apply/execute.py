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
from reconciler.apply.channel import CallChannel, CreatedItem, Settled
from reconciler.apply.circuit_breaker import CircuitBreaker
from reconciler.apply.settle import settle
from reconciler.core.model.outcome import CallOutcome, Event, Intent
from reconciler.core.model.plan import Call
from reconciler.core.model.secret import Secret
from reconciler.credentials.delivery import Credential, CredentialsFile
from reconciler.credentials.passwords import generate_password
from reconciler.ledger.books import Books
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused, Stranger, Undecided

_OUTCOMES: Final[dict[type[Outcome], CallOutcome]] = {
    Ok: "done",
    Refused: "refused",
    Stranger: "refused",
    NotSent: "not-sent",
    Lost: "lost",
    Undecided: "refused",
}


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run works with.

    `strangers` are agents that the vendor created although nobody asked for them. `refused_creates` may have been
    carried out all the same: their credentials are withdrawn when the read-back shows that they were not.
    """

    channel: CallChannel
    books: Books
    credentials: CredentialsFile
    parallelism: int
    strangers: list[str] = field(default_factory=list)
    refused_creates: list[Call] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _UnknownPassword:
    """An agent that was created with a password that nobody knows; `number` is the journal's for the create."""

    create: Call
    number: int


@dataclass(frozen=True, slots=True)
class _Job:
    """A request that the planned call `index` has come to: itself, a part of it, or a password for `created`.

    `maybe_sent`: an earlier request may have carried it out. `batch`: it left this batch, which was refused.
    """

    index: int
    call: Call
    maybe_sent: bool = False
    batch: Call | None = None
    created: _UnknownPassword | None = None

    def settle(self, channel: CallChannel) -> Settled:
        """Send it and settle how it ended."""
        return settle(self.call, channel, maybe_sent=self.maybe_sent, batch=self.batch)

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
        self._claimed: defaultdict[int, set[str]] = defaultdict(set)
        self._judged: set[int] = set()
        self._stopped = ""

    @property
    def ready(self) -> bool:
        """Whether a request may be sent."""
        return bool(self._resend or self._order.ready)

    def next_job(self) -> _Job:
        """The next request: what was begun comes before what is new."""
        if self._resend:
            job = self._resend.popleft()
            return replace(job, batch=None) if job.index in self._judged else job
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
            if new := self._claim(job, part):
                yield from self._part_over(job, number, part.narrowed_to(new), outcome)
        if settled.to_resend:
            self.breaker.alive = True
        self._drop_claimed()
        if job.batch is not None and len(job.call.operator_ids) == 1:
            # What is there from now on no longer shows what the batch made: agents of it are created one by one.
            self._judged.add(job.index)
        for part in settled.to_resend:
            if not self._claimed[job.index].isdisjoint(part.operator_ids):
                continue
            with suppress(OSError):
                # A request that may have been sent may come through yet.
                ended: CallOutcome = "lost" if settled.maybe_sent else "refused"
                self._context.books.record_outcome(number, Event(part, ended, "not made, and sent anew"))
            batch = job.batch or settled.batch
            yield from self._enqueue(_Job(job.index, part, settled.maybe_sent, batch))

    def _claim(self, job: _Job, part: Call) -> list[str]:
        """The agents of a part whose end is not known yet; one that leaves a batch may tell the end of all of it."""
        claimed = self._claimed[job.index]
        new = [id_ for id_ in part.operator_ids if id_ not in claimed or job.created]
        claimed.update(new)
        return new

    def _drop_claimed(self) -> None:
        """Send nothing more for agents whose end is known."""
        self._resend = deque(
            job for job in self._resend if job.created or self._claimed[job.index].isdisjoint(job.call.operator_ids)
        )

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
        else:
            _withdraw_untrue(call, outcome, context)
        context.books.record_outcome(number, event)
    except OSError as error:
        if isinstance(outcome, Ok):
            return Event(call, "lost", f"done, but that could not be noted ({error.strerror}); run apply again")
    return event


def _withdraw_untrue(call: Call, outcome: Outcome, context: RunContext) -> None:
    """Withdraw the passwords of a call that cannot be true; those of a refused create wait for the read-back."""
    if call.vendor_password or call.kind not in ("create", "password") or isinstance(outcome, Lost | Undecided):
        return
    if call.kind == "create" and type(outcome) is Refused and not outcome.authentication:
        context.refused_creates.append(call)
    else:
        withdraw(call, context)


def withdraw(call: Call, context: RunContext) -> None:
    """Say in the credentials file that the passwords that were stored for the call are not true.

    Raises:
        OSError: the disk does not take it.
    """
    for operator_id in call.operator_ids:
        context.credentials.withdraw(operator_id)


def _password_unknown(call: Call, outcome: Outcome) -> bool:
    """Whether the call made an agent of whom the vendor did not tell the password that it chose."""
    if not isinstance(outcome, Ok) or not call.vendor_password:
        return False
    return not _items(outcome).get(call.operator_ids[0], {}).get("operatorPassword")


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


def _items(outcome: Outcome) -> dict[str, CreatedItem]:
    """What an answer tells, by operatorId: what it tells of somebody else is nobody's here."""
    data = outcome.data if isinstance(outcome, Ok) else None
    items = data if isinstance(data, list) else [data or {}]
    return {str(item["operatorId"]): item for item in items if item.get("operatorId")}


def _deliver(call: Call, outcome: Outcome, context: RunContext) -> None:
    """Store the credentials that the answer to a create (2.1.1), or to an edit that binds (2.1.2), tells."""
    if call.kind == "create" or (call.kind == "edit" and call.fields.get("sipNumber") is not None):
        items = _items(outcome)
        answered = [(id_, items[id_]) for id_ in call.operator_ids if id_ in items]
        credentials = [_credential(id_, item, ours=not call.vendor_password) for id_, item in answered]
        context.credentials.write_all(new for new in credentials if new.password or new.sip_password)


def _credential(operator_id: str, item: CreatedItem, *, ours: bool) -> Credential:
    password = None if ours else _secret(item.get("operatorPassword"))
    number, sip_password = item.get("sipNumber"), _secret(item.get("sipPassword"))
    return Credential(operator_id, password, str(number) if number else None, sip_password if number else None)


def _secret(text: object) -> Secret | None:
    return Secret(str(text)) if text else None
