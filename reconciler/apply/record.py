"""Keeps the books for each call: intent and passwords before it, outcome and what the vendor chose after it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.apply.channel import CallChannel, CreatedItem
from reconciler.core.authorship import doubt_about
from reconciler.core.model.ledger import NOT_RECORDED
from reconciler.core.model.message import text
from reconciler.core.model.outcome import CallOutcome, Event, Intent
from reconciler.core.model.plan import Call
from reconciler.core.model.secret import Secret
from reconciler.core.recovery import owed_nothing
from reconciler.credentials.delivery import Credential, CredentialsFile
from reconciler.credentials.passwords import generate_password
from reconciler.ledger.books import Books
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused, Stranger, Undecided, told_secret

_OUTCOMES: Final[dict[type[Outcome], CallOutcome]] = {
    Ok: "done",
    Refused: "refused",
    Stranger: "refused",
    NotSent: "not-sent",
    Lost: "lost",
    Undecided: "refused",
}


@dataclass(frozen=True, slots=True)
class RefusedCreate:
    """A create that was refused, and the agents of the batch that it had left, which may have made the agent."""

    call: Call
    batch: tuple[str, ...] = ()

    def by_batch(self, all_refused: Collection[str]) -> bool:
        """Whether the batch may have made the agent: one of which some were not refused in the end has made nobody."""
        return bool(self.batch) and {*self.batch} <= {*all_refused}

    def intent_for(self, operator_id: str, *, by_batch: bool) -> Intent:
        """What the next run is to look up of one agent; where the batch made it, nobody has its password."""
        intent = Intent.of(self.call.narrowed_to([operator_id]))
        return replace(intent, batch=self.batch, vendor_password=True) if by_batch else intent


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
    refused_creates: list[RefusedCreate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class UnknownPassword:
    """An agent that was created with a password that nobody knows; `number` is the journal's for the create."""

    create: Call
    number: int


def record_intent(call: Call, context: RunContext) -> int | OSError:
    """Put on disk what must be there before the call: the intent, whose number comes back, then its passwords.

    So no password is stored of which the next run would not know that it is in doubt.
    """
    try:
        number = context.books.record_intent(Intent.of(call))
    except OSError as error:
        return error
    try:
        if call.kind in ("create", "password") and not call.vendor_password:
            _store_passwords(call, context)
    except OSError as error:
        with suppress(OSError):  # without that line the next run looks the call up
            context.books.record_outcome(number, Event(call, "not-sent"))
        return error
    return number


def _store_passwords(call: Call, context: RunContext) -> None:
    """Store the call's passwords, where they are not stored yet; one that nobody has chosen is generated now."""
    passwords = context.channel.passwords
    for operator_id in call.operator_ids:
        if operator_id not in passwords:
            passwords[operator_id] = generate_password()
    new = [id_ for id_ in call.operator_ids if not context.credentials.holds(id_, passwords[id_])]
    context.credentials.write_all(Credential(id_, passwords[id_]) for id_ in new)


def record(call: Call, outcome: Outcome, number: int, context: RunContext, batch: Sequence[str] = ()) -> Event:
    """Keep the books for a call that has ended. One whose credentials cannot be stored stays open in the journal.

    `batch` are the agents of the refused batch that a create has left.
    """
    event = _event(call, outcome)
    try:
        if isinstance(outcome, Undecided):
            keep_in_doubt(call, context)
        elif isinstance(outcome, Stranger):
            owe_nothing(call.operator_ids[0], context)
        if isinstance(outcome, Ok):
            context.books.ledger.record(call, _vendor_ids(outcome))
            _deliver(call, outcome, context)
        else:
            _withdraw_untrue(call, outcome, context, batch)
        context.books.record_outcome(number, event)
    except OSError as error:
        if isinstance(outcome, Ok):
            return Event(
                call, "lost", text("done, but that could not be noted ({why}); run apply again", why=error.strerror)
            )
    return event


def _event(call: Call, outcome: Outcome) -> Event:
    """How a call ended. A server error in the vendor's own envelope does not say that nothing was done.

    That of a create is told by the read-back, which shows whether the agent is there.
    """
    if isinstance(outcome, Ok):
        return Event(call, "done")
    if type(outcome) is Refused and outcome.server_error and call.kind != "create":
        return Event(call, "lost", text("outcome unknown: {outcome}", outcome=outcome.words))
    return Event(call, _OUTCOMES[type(outcome)], outcome.words)


def _withdraw_untrue(call: Call, outcome: Outcome, context: RunContext, batch: Sequence[str]) -> None:
    """Withdraw the passwords of a call that cannot be true; those of a refused create wait for the read-back."""
    if call.kind not in ("create", "password") or isinstance(outcome, Lost | Undecided):
        return
    if call.kind == "create" and type(outcome) is Refused and not outcome.authentication:
        context.refused_creates.append(RefusedCreate(call, tuple(batch)))
    elif call.vendor_password or _event(call, outcome).outcome == "lost":
        return
    else:
        withdraw(call, context)


def keep_in_doubt(call: Call, context: RunContext) -> None:
    """Say in the ledger that nothing shows whether a request of ours made the agents of the call."""
    ledger = context.books.ledger
    ledger.update({operator_id: doubt_about(ledger.entries.get(operator_id)) for operator_id in call.operator_ids})


def owe_nothing(operator_id: str, context: RunContext) -> tuple[str, ...]:
    """Give nothing back to somebody else who has the number of a replaced agent: the names of what that had."""
    ledger = context.books.ledger
    owed = ledger.entries.get(operator_id, NOT_RECORDED).to_restore
    if owed:
        ledger.update({operator_id: owed_nothing(ledger.entries[operator_id])})
    return tuple(owed)


def withdraw(call: Call, context: RunContext) -> None:
    """Say in the credentials file that the passwords that were stored for the call are not true.

    Raises:
        OSError: the disk does not take it.
    """
    for operator_id in call.operator_ids:
        context.credentials.withdraw(operator_id)


def password_unknown(call: Call, outcome: Outcome, context: RunContext) -> bool:
    """Whether the call made an agent with a password that nobody knows.

    The vendor chose it and did not tell it; or the vendor names another one than it was sent.
    """
    if not isinstance(outcome, Ok) or call.kind != "create":
        return False
    told = {id_: told_secret(item.get("operatorPassword")) for id_, item in _items(outcome).items()}
    if call.vendor_password:
        return not told.get(call.operator_ids[0])
    return any(_is_another(told.get(id_, ""), context.channel.passwords[id_]) for id_ in call.operator_ids)


def _is_another(told: str, sent: Secret) -> bool:
    """Whether the vendor tells another password than was sent; a digest of it is no other."""
    digest = hashlib.md5(sent.reveal().encode(), usedforsecurity=False).hexdigest()
    return bool(told) and told != sent.reveal() and told.lower() != digest


def record_unknown_password(call: Call, outcome: Outcome, context: RunContext) -> None:
    """Until its password is set, the ledger says that nobody knows it, and the create stays open in the journal."""
    ledger, operator_id = context.books.ledger, call.operator_ids[0]
    ledger.record(call, _vendor_ids(outcome))
    ledger.update({operator_id: replace(ledger.entries[operator_id], password_unknown=True)})
    with suppress(OSError):  # the next run delivers what is open in the journal
        _deliver(call, outcome, context)


def keep_strangers(items: Sequence[CreatedItem], context: RunContext) -> None:
    """Name agents that the vendor created unasked for in the report, and store what it told of them."""
    ids = [str(item["operatorId"]) for item in items]
    context.strangers.extend(ids)
    with suppress(OSError):  # the report names them in any case
        context.credentials.write_all(_credential(id_, item, ours=False) for id_, item in zip(ids, items, strict=True))


def _items(outcome: Outcome) -> dict[str, CreatedItem]:
    """What an answer tells, by operatorId: what it tells of somebody else is nobody's here."""
    data = outcome.data if isinstance(outcome, Ok) else None
    items = data if isinstance(data, list) else [data or {}]
    return {str(item["operatorId"]): item for item in items if item.get("operatorId")}


def _vendor_ids(outcome: Outcome) -> dict[str, int]:
    """The vendor's own `id`s of agents, where an answer or a look-up tells them."""
    return {operator_id: id_ for operator_id, item in _items(outcome).items() if type(id_ := item.get("id")) is int}


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


def _secret(value: object) -> Secret | None:
    text = told_secret(value)
    return Secret(text) if text else None
