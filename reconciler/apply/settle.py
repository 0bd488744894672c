"""Sends one call until it is certain how it ended, within what may be spent on that.

| what came back | what is done |
|---|---|
| ok | it is done |
| refused | an answer, and final; after a lost try the agent is looked up first: that try may be what is in the way |
| not sent | sent again |
| lost: edit | the agent is looked up; sent again unless everything that was asked is seen |
| lost: password | sent again: it cannot be seen, and setting it twice is setting it once |
| lost: create | looked up; there: ours, since the plan saw none; not there: sent once more, with the same password |
| lost: delete | looked up; who is gone is done, the others are sent again |
| refused: delete | the list is halved until the culprit stands alone; who does not exist is done |
| ok: batch | checked agent by agent; who is not in the answer is looked up; not there: created singly |
| refused: batch | sent again in halves, down to one |
| refused: one of a batch | looked up; there, and as it was asked: the batch has made it, whatever was answered |
| lost: batch | looked up, agent by agent; who is there was made, the others are sent again |
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from reconciler.core.model.fields import BY_NAME
from reconciler.core.model.plan import Call
from reconciler.core.model.secret import Secret
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused
from reconciler.vendor.reader import LookedUp, Reader
from reconciler.vendor.retry import CALL_TRIES, Budget, backoff
from reconciler.vendor.writer import Writer


@dataclass(frozen=True, slots=True)
class CallChannel:
    """Sends calls and looks agents up. `pause` sleeps so many seconds, and returns at once when the run stops.

    `passwords` are those that are known before they are sent; an agent that leaves its batch gets one on the way.
    """

    writer: Writer
    reader: Reader
    passwords: dict[str, Secret]
    budget: Budget
    stop: threading.Event
    pause: Callable[[float], object]

    def send(self, call: Call) -> Outcome:
        """Send the call, once."""
        operator_id = call.operator_ids[0]
        match call.kind:
            case "create":
                password = None if call.vendor_password else self.passwords[operator_id]
                return self.writer.create(call.operator_ids, call.fields, password)
            case "edit":
                return self.writer.edit(operator_id, call.fields)
            case "delete":
                return self.writer.delete(call.operator_ids)
            case "password":
                return self.writer.password(operator_id, self.passwords[operator_id])

    def resend(self, call: Call) -> Outcome | None:
        """Send the call once more, or `None` when the run stops or there is nothing left to spend."""
        return self._spend(partial(self.send, call))

    def look_up(self, operator_id: str) -> Outcome | None:
        """Look an agent up, or `None` when the run stops or there is nothing left to spend."""
        return self._spend(partial(self.reader.look_up, operator_id))

    def look_up_twice(self, operator_id: str) -> Outcome | None:
        """The same, and once more where no answer comes: without one nothing is known of a new agent."""
        outcome = self.look_up(operator_id)
        if isinstance(outcome, NotSent | Lost):
            self.pause(backoff(1, outcome.retry_after))
            outcome = self.look_up(operator_id) or outcome
        return outcome

    def _spend(self, request: Callable[[], Outcome]) -> Outcome | None:
        if self.stop.is_set() or not self.budget.take():
            return None
        outcome: Outcome | None = None
        try:
            outcome = request()
        finally:
            self.budget.give_back(answered=isinstance(outcome, Ok | Refused))
        return outcome


PartOutcomes = list[tuple[Call, Outcome]]
"""How the parts of a call ended, each a call of its own."""
CreatedItem = dict[str, Any]
"""What an answer to create says of one agent (2.1.1): `operatorId`, `operatorPassword`, `sipNumber`, `sipPassword`."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How a call ended: the parts that are over, and the parts that are to be sent anew.

    `maybe_sent`: an earlier request may have carried the latter out. `strangers` are agents that the answer names and
    the call does not.
    """

    over: PartOutcomes
    to_resend: Sequence[Call] = ()
    maybe_sent: bool = False
    strangers: Sequence[CreatedItem] = ()


def settle(call: Call, channel: CallChannel, *, maybe_sent: bool = False, from_batch: bool = False) -> Settled:
    """Send a call and settle how it ended. A list or a batch may end in parts, each a call of its own.

    With `maybe_sent`, an earlier request may have created the agents, with passwords that the vendor chose. With
    `from_batch`, a batch that was answered otherwise may have done so too. An agent of whom that is found out ends as
    `Ok` with `vendor_password` and without an `operatorPassword`.
    """
    if call.kind == "delete":
        return Settled(_delete(call, channel))
    if call.batch:
        return _batch(call, channel, maybe_sent)
    return Settled([_single(call, channel, maybe_sent, from_batch)])


def _single(call: Call, channel: CallChannel, maybe_sent: bool, from_batch: bool) -> tuple[Call, Outcome]:
    outcome = channel.send(call)
    lost: Outcome | None = Lost("an earlier request may have made it") if maybe_sent else None
    made_earlier = replace(call, vendor_password=maybe_sent or from_batch)
    for attempt in range(1, CALL_TRIES):
        if isinstance(outcome, Ok) or (isinstance(outcome, Refused) and outcome.authentication):
            return call, outcome
        if isinstance(outcome, Refused):
            if lost is not None:
                return made_earlier, _look_for(call, channel) or outcome
            seen = _look_for(call, channel, exactly=True) if from_batch else None
            return (call, outcome) if seen is None else (made_earlier, seen)
        lost = outcome if isinstance(outcome, Lost) else lost
        channel.pause(backoff(attempt, outcome.retry_after))
        if lost is not None and (seen := _look_for(call, channel)) is not None:
            return made_earlier, seen
        resent = channel.resend(call)
        if resent is None:
            return call, lost or outcome
        outcome = resent
    return call, (lost if lost is not None and isinstance(outcome, NotSent) else outcome)


def _look_for(call: Call, channel: CallChannel, *, exactly: bool = False) -> Outcome | None:
    """How the call ended, as far as the vendor shows it: `None` when there is nothing of it to be seen.

    `Lost` when the vendor cannot be asked; a create is not repeated blindly. An agent that is there was made by ours;
    with `exactly`, only where it is as that asked: somebody else may have been quicker.
    """
    if call.kind == "password":
        return None
    look_up = channel.look_up_twice if call.kind == "create" else channel.look_up
    outcome = look_up(call.operator_ids[0])
    if not isinstance(outcome, Ok):
        blind = call.kind == "create" or isinstance(outcome, Refused)
        return (outcome or Lost("it could not be looked up")) if blind else None
    agent: LookedUp | None = outcome.data
    if agent is None or (call.kind == "edit" and not _shows_edit(call, agent)):
        return None
    return None if exactly and not _shows_fields(call, agent) else Ok(_as_item(agent))


def _as_item(found: LookedUp) -> CreatedItem:
    """What was looked up, as the answer to a create would have told it."""
    password = found.sip_password.reveal() if found.sip_password else None
    return {"operatorId": found.agent.operator_id, "sipNumber": found.sip_number, "sipPassword": password}


def _shows_edit(call: Call, found: LookedUp) -> bool:
    """Whether every field of an edit is listed, and as it was asked."""
    return _shows_fields(call, found) and not any(BY_NAME[name].write_only for name in call.fields)


def _shows_fields(call: Call, found: LookedUp) -> bool:
    """Whether every field of a call that is listed is as it was asked."""
    return all(BY_NAME[name].write_only or found.agent.fields[name] == value for name, value in call.fields.items())


def _batch(call: Call, channel: CallChannel, maybe_sent: bool) -> Settled:
    outcome = channel.send(call)
    for attempt in range(1, CALL_TRIES):
        if isinstance(outcome, Ok | Refused):
            break
        channel.pause(backoff(attempt, outcome.retry_after))
        if isinstance(outcome, Lost):
            maybe_sent = True
            there = _look_up_each(call.operator_ids, channel)
            if there is None:
                break
            if there:
                return _split_batch(call, there, maybe_sent=True)
        resent = channel.resend(call)
        if resent is None:
            break
        outcome = resent
    return _settle_answered_batch(call, outcome, channel, maybe_sent)


def _settle_answered_batch(call: Call, outcome: Outcome, channel: CallChannel, maybe_sent: bool) -> Settled:
    """What the last answer to a batch comes to, agent by agent."""
    if isinstance(outcome, NotSent | Lost):
        unknown = maybe_sent and isinstance(outcome, NotSent)
        return Settled([(call, Lost(outcome.reason) if unknown else outcome)])
    if isinstance(outcome, Refused) and outcome.authentication:
        return Settled([(call, outcome)])
    named = _named_agents(outcome.data)
    created = {id_: named[id_] for id_ in call.operator_ids if id_ in named}
    strangers = tuple(item for id_, item in named.items() if id_ not in created)
    rest = [id_ for id_ in call.operator_ids if id_ not in created]
    there = _look_up_each(rest, channel) if maybe_sent or isinstance(outcome, Ok) else {}
    if there is None:
        unseen = Lost("the answer does not name it, and it could not be looked up")
        return Settled([*_created_parts(call, created), (call.narrowed_to(rest), unseen)], strangers=strangers)
    created |= there
    return _split_batch(call, created, maybe_sent=maybe_sent, singly=isinstance(outcome, Ok), strangers=strangers)


def _named_agents(data: object) -> dict[str, CreatedItem]:
    items = data if isinstance(data, list) else []
    return {str(item["operatorId"]): item for item in items if isinstance(item, dict) and item.get("operatorId")}


def _look_up_each(operator_ids: Iterable[str], channel: CallChannel) -> dict[str, CreatedItem] | None:
    """Which of the agents exist, or `None` when that cannot be found out."""
    there: dict[str, CreatedItem] = {}
    for operator_id in operator_ids:
        outcome = channel.look_up_twice(operator_id)
        if not isinstance(outcome, Ok):
            return None
        if outcome.data is not None:
            there[operator_id] = _as_item(outcome.data)
    return there


def _split_batch(
    call: Call,
    created: Mapping[str, CreatedItem],
    *,
    maybe_sent: bool,
    singly: bool = False,
    strangers: Sequence[CreatedItem] = (),
) -> Settled:
    """A batch of which some agents were created; the others are sent anew, in parts that are smaller than it."""
    runs = _consecutive_runs(id_ for id_ in call.operator_ids if id_ not in created)
    if singly:
        runs = [[id_] for run in runs for id_ in run]
    elif not created:
        middle = len(call.operator_ids) // 2
        runs = [list(call.operator_ids[:middle]), list(call.operator_ids[middle:])]
    # An agent that is created alone gets a password that is known before.
    to_resend = [replace(call.narrowed_to(run), vendor_password=call.vendor_password and len(run) > 1) for run in runs]
    return Settled(_created_parts(call, created), to_resend, maybe_sent, strangers)


def _consecutive_runs(operator_ids: Iterable[str]) -> list[list[str]]:
    runs: list[list[str]] = []
    for operator_id in operator_ids:
        if runs and int(runs[-1][-1]) + 1 == int(operator_id):
            runs[-1].append(operator_id)
        else:
            runs.append([operator_id])
    return runs


def _created_parts(call: Call, created: Mapping[str, CreatedItem]) -> PartOutcomes:
    """The agents whose passwords are known together, each of the others by itself."""
    known = [id_ for id_ in created if not call.vendor_password or created[id_].get("operatorPassword")]
    unknown = created.keys() - known
    parts: PartOutcomes = [(call.narrowed_to(known), Ok([created[id_] for id_ in known]))] if known else []
    return parts + [(call.narrowed_to([id_]), Ok([created[id_]])) for id_ in sorted(unknown)]


def _delete(call: Call, channel: CallChannel) -> PartOutcomes:
    ended: PartOutcomes = []
    outcome = channel.send(call)
    for attempt in range(1, CALL_TRIES):
        if isinstance(outcome, Ok) or (isinstance(outcome, Refused) and outcome.authentication):
            break
        if isinstance(outcome, Refused):
            return [*ended, *_halve(call, outcome, channel)]
        channel.pause(backoff(attempt, outcome.retry_after))
        if isinstance(outcome, Lost):
            gone = [id_ for id_ in call.operator_ids if _is_gone(id_, channel)]
            ended += [(call.narrowed_to(gone), Ok())] if gone else []
            call = call.narrowed_to([id_ for id_ in call.operator_ids if id_ not in gone])
            if not call.operator_ids:
                return ended
        resent = channel.resend(call)
        if resent is None:
            break
        outcome = resent
    return [*ended, (call, outcome)]


def _halve(call: Call, refused: Refused, channel: CallChannel) -> PartOutcomes:
    """A refused list, in halves. An agent that is refused alone is done when it does not exist, else failed."""
    ids = call.operator_ids
    if len(ids) == 1:
        return [(call, Ok() if _is_gone(ids[0], channel) else refused)]
    middle = len(ids) // 2
    return [end for half in (ids[:middle], ids[middle:]) for end in _delete(call.narrowed_to(half), channel)]


def _is_gone(operator_id: str, channel: CallChannel) -> bool:
    outcome = channel.look_up(operator_id)
    return isinstance(outcome, Ok) and outcome.data is None
