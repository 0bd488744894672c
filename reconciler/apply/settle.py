"""Sends one call until it is certain how it ended, within what may be spent on that.

| what came back | what is done |
|---|---|
| ok | it is done |
| refused | it is an answer, and final; after a lost try it is looked up first, for the try may be what is in the way |
| not sent | sent again |
| lost: edit | looked up; sent again unless everything that was asked is seen |
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
from typing import Any, Final

from reconciler.core.model.fields import BY_NAME
from reconciler.core.model.plan import Call
from reconciler.core.model.secret import Secret
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused
from reconciler.vendor.http import LookedUp, Reader, Writer
from reconciler.vendor.rate import backoff

TRIES: Final = 4
"""Times that one call is sent at most."""


class Budget:
    """Requests beyond the planned ones that a whole run may spend, so that a dead vendor is not flooded.

    A fifth of the planned calls, and enough to ride out one hiccup of a small plan: a look and a repetition.
    """

    def __init__(self, planned: int) -> None:
        self._left = max(2, planned // 5)
        self._out = 0
        self._over = threading.Condition()

    def take(self) -> bool:
        """Whether one more may be sent. What is out may be answered, and is waited for."""
        with self._over:
            while not self._left and self._out:
                self._over.wait()
            if not self._left:
                return False
            self._left -= 1
            self._out += 1
            return True

    def over(self, *, answered: bool) -> None:
        """One that was sent is over; when it was answered the vendor lives, and answers cost nothing."""
        with self._over:
            self._out -= 1
            self._left += answered
            self._over.notify_all()


@dataclass(frozen=True, slots=True)
class CallChannel:
    """What a call is sent and looked up with. `wait` sleeps so many seconds, and returns at once when the run stops.

    `passwords` are those that are known before they are sent; who is created alone after all gets one on the way.
    """

    writer: Writer
    reader: Reader
    passwords: dict[str, Secret]
    budget: Budget
    stop: threading.Event
    wait: Callable[[float], object]

    def send(self, call: Call) -> Outcome:
        """Once."""
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

    def again(self, request: Callable[[], Outcome]) -> Outcome | None:
        """A request beyond the planned ones, or `None` when the run stops or there is nothing left to spend."""
        if self.stop.is_set() or not self.budget.take():
            return None
        outcome: Outcome | None = None
        try:
            outcome = request()
        finally:
            self.budget.over(answered=isinstance(outcome, Ok | Refused))
        return outcome

    def look_up(self, operator_id: str) -> Outcome | None:
        """Look an agent up, as one of those requests."""
        return self.again(lambda: self.reader.look_up(operator_id))

    def look_up_twice(self, operator_id: str) -> Outcome | None:
        """The same, and once more where no answer comes: nothing of a new agent is known without it."""
        looked = self.look_up(operator_id)
        if isinstance(looked, NotSent | Lost):
            self.wait(backoff(1, looked.retry_after))
            looked = self.look_up(operator_id) or looked
        return looked


Ends = list[tuple[Call, Outcome]]
Item = dict[str, Any]
"""What an answer to create says of one agent (2.1.1): `operatorId`, `operatorPassword`, `sipNumber`, `sipPassword`."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How a call ended: the parts that are over, and those to be sent anew, which a `tried` request may have made.

    `strangers` are agents that the answer names and the call does not.
    """

    over: Ends
    again: Sequence[Call] = ()
    tried: bool = False
    strangers: Sequence[Item] = ()


def settle(call: Call, channel: CallChannel, *, tried: bool = False, parted: bool = False) -> Settled:
    """Send a call and settle how it ended. A list or a batch may end in parts, each a call of its own.

    With `tried`, an earlier request may have created the agents, with passwords that the vendor chose. So may, against
    what was answered, a batch of which the call was `parted`. An agent of whom that is found out ends as `Ok` with
    `vendor_password` and without an `operatorPassword`.
    """
    if call.kind == "delete":
        return Settled(_delete(call, channel))
    if call.batch:
        return _batch(call, channel, tried)
    return Settled([_single(call, channel, tried, parted)])


def _single(call: Call, channel: CallChannel, tried: bool, parted: bool) -> tuple[Call, Outcome]:
    outcome = channel.send(call)
    lost: Outcome | None = Lost("an earlier request may have made it") if tried else None
    seen_as = replace(call, vendor_password=tried or parted)
    for attempt in range(1, TRIES):
        if isinstance(outcome, Ok) or (isinstance(outcome, Refused) and outcome.authentication):
            return call, outcome
        if isinstance(outcome, Refused):
            if lost is not None:
                return seen_as, _seen(call, channel) or outcome
            made = _seen(call, channel, exactly=True) if parted else None
            return (call, outcome) if made is None else (seen_as, made)
        lost = outcome if isinstance(outcome, Lost) else lost
        channel.wait(backoff(attempt, outcome.retry_after))
        if lost is not None and (seen := _seen(call, channel)) is not None:
            return seen_as, seen
        repeated = channel.again(partial(channel.send, call))
        if repeated is None:
            return call, lost or outcome
        outcome = repeated
    return call, (lost if lost is not None and isinstance(outcome, NotSent) else outcome)


def _seen(call: Call, channel: CallChannel, *, exactly: bool = False) -> Outcome | None:
    """How the call ended, as far as the vendor shows it: `None` when there is nothing of it to be seen.

    `Lost` when the vendor cannot be asked; a create is not repeated blindly. An agent that is there was made by ours;
    with `exactly`, only where it is as that asked: somebody else may have been quicker.
    """
    if call.kind == "password":
        return None
    look_up = channel.look_up_twice if call.kind == "create" else channel.look_up
    looked = look_up(call.operator_ids[0])
    if not isinstance(looked, Ok):
        blind = call.kind == "create" or isinstance(looked, Refused)
        return (looked or Lost("it could not be looked up")) if blind else None
    found: LookedUp | None = looked.data
    if found is None or (call.kind == "edit" and not _as_asked(call, found)):
        return None
    return None if exactly and not _as_made(call, found) else Ok(_item(found))


def _item(found: LookedUp) -> Item:
    """What was looked up, as an answer would have told it."""
    password = found.sip_password.reveal() if found.sip_password else None
    return {"operatorId": found.agent.operator_id, "sipNumber": found.sip_number, "sipPassword": password}


def _as_asked(call: Call, found: LookedUp) -> bool:
    """Whether every field of an edit is listed, and as it was asked."""
    return _as_made(call, found) and not any(BY_NAME[name].write_only for name in call.fields)


def _as_made(call: Call, found: LookedUp) -> bool:
    """Whether every field of a call that is listed is as it was asked."""
    return all(BY_NAME[name].write_only or found.agent.fields[name] == value for name, value in call.fields.items())


def _batch(call: Call, channel: CallChannel, tried: bool) -> Settled:
    outcome = channel.send(call)
    for attempt in range(1, TRIES):
        if isinstance(outcome, Ok | Refused):
            break
        channel.wait(backoff(attempt, outcome.retry_after))
        if isinstance(outcome, Lost):
            tried = True
            there = _there(call.operator_ids, channel)
            if there is None:
                break
            if there:
                return _parted(call, there, tried=True)
        repeated = channel.again(partial(channel.send, call))
        if repeated is None:
            break
        outcome = repeated
    return _answered(call, outcome, channel, tried)


def _answered(call: Call, outcome: Outcome, channel: CallChannel, tried: bool) -> Settled:
    """What an answer to a batch comes to, agent by agent."""
    if isinstance(outcome, NotSent | Lost):
        unknown = tried and isinstance(outcome, NotSent)
        return Settled([(call, Lost(outcome.reason) if unknown else outcome)])
    if isinstance(outcome, Refused) and outcome.authentication:
        return Settled([(call, outcome)])
    named = _named(outcome.data)
    items = {id_: named[id_] for id_ in call.operator_ids if id_ in named}
    strangers = tuple(item for id_, item in named.items() if id_ not in items)
    rest = [id_ for id_ in call.operator_ids if id_ not in items]
    there = _there(rest, channel) if tried or isinstance(outcome, Ok) else {}
    if there is None:
        unseen = Lost("the answer does not name it, and it could not be looked up")
        return Settled([*_made(call, items), (call.narrowed_to(rest), unseen)], strangers=strangers)
    return _parted(call, {**items, **there}, tried=tried, singly=isinstance(outcome, Ok), strangers=strangers)


def _named(data: object) -> dict[str, Item]:
    """The agents that an answer names."""
    items = data if isinstance(data, list) else []
    return {str(item["operatorId"]): item for item in items if isinstance(item, dict) and item.get("operatorId")}


def _there(operator_ids: Iterable[str], channel: CallChannel) -> dict[str, Item] | None:
    """Who of them exists, or `None` when that cannot be found out."""
    there: dict[str, Item] = {}
    for operator_id in operator_ids:
        looked = channel.look_up_twice(operator_id)
        if not isinstance(looked, Ok):
            return None
        if looked.data is not None:
            there[operator_id] = _item(looked.data)
    return there


def _parted(
    call: Call, made: Mapping[str, Item], *, tried: bool, singly: bool = False, strangers: Sequence[Item] = ()
) -> Settled:
    """A batch of which some agents were made; the others are sent anew, in parts that are smaller than it."""
    runs = _runs([id_ for id_ in call.operator_ids if id_ not in made])
    if singly:
        runs = [[id_] for run in runs for id_ in run]
    elif not made:
        middle = len(call.operator_ids) // 2
        runs = [list(call.operator_ids[:middle]), list(call.operator_ids[middle:])]
    # Who is created alone gets a password that is known before.
    again = [replace(call.narrowed_to(run), vendor_password=call.vendor_password and len(run) > 1) for run in runs]
    return Settled(_made(call, made), again, tried, strangers)


def _runs(operator_ids: Iterable[str]) -> list[list[str]]:
    runs: list[list[str]] = []
    for operator_id in operator_ids:
        if runs and int(runs[-1][-1]) + 1 == int(operator_id):
            runs[-1].append(operator_id)
        else:
            runs.append([operator_id])
    return runs


def _made(call: Call, items: Mapping[str, Item]) -> Ends:
    """Those whose passwords are known together, each of the others by itself."""
    known = [id_ for id_ in items if not call.vendor_password or items[id_].get("operatorPassword")]
    unknown = items.keys() - known
    ends: Ends = [(call.narrowed_to(known), Ok([items[id_] for id_ in known]))] if known else []
    return ends + [(call.narrowed_to([id_]), Ok([items[id_]])) for id_ in sorted(unknown)]


def _delete(call: Call, channel: CallChannel) -> Ends:
    ended: Ends = []
    left = call
    outcome = channel.send(call)
    for attempt in range(1, TRIES):
        if isinstance(outcome, Ok) or (isinstance(outcome, Refused) and outcome.authentication):
            break
        if isinstance(outcome, Refused):
            return [*ended, *_halved(left, outcome, channel)]
        channel.wait(backoff(attempt, outcome.retry_after))
        if isinstance(outcome, Lost):
            gone = [id_ for id_ in left.operator_ids if _is_gone(id_, channel)]
            ended += [(left.narrowed_to(gone), Ok())] if gone else []
            left = left.narrowed_to([id_ for id_ in left.operator_ids if id_ not in gone])
            if not left.operator_ids:
                return ended
        repeated = channel.again(partial(channel.send, left))
        if repeated is None:
            break
        outcome = repeated
    return [*ended, (left, outcome)]


def _halved(call: Call, refused: Refused, channel: CallChannel) -> Ends:
    """A refused list, halved. One agent that is refused alone is done when it does not exist, and failed otherwise."""
    ids = call.operator_ids
    if len(ids) == 1:
        return [(call, Ok() if _is_gone(ids[0], channel) else refused)]
    middle = len(ids) // 2
    return [end for half in (ids[:middle], ids[middle:]) for end in _delete(call.narrowed_to(half), channel)]


def _is_gone(operator_id: str, channel: CallChannel) -> bool:
    looked = channel.look_up(operator_id)
    return isinstance(looked, Ok) and looked.data is None
