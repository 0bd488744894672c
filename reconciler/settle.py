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
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from reconciler.client import Looked, Lost, NotSent, Ok, Outcome, Reader, Refused, Writer, backoff
from reconciler.core.fields import BY_NAME
from reconciler.core.model import Call, Secret

TRIES: Final = 4
"""Times that one call is sent at most."""


class Budget:
    """Requests beyond the planned ones that a whole run may spend, so that a dead vendor is not flooded.

    A fifth of the planned calls, and enough to ride out one hiccup of a small plan: a look and a repetition.
    """

    def __init__(self, planned: int) -> None:
        self._left = max(2, planned // 5)
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether one more may be sent."""
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        """It was answered: the vendor lives, and answers cost nothing."""
        with self._lock:
            self._left += 1


@dataclass(frozen=True, slots=True)
class Tongs:
    """What a call is sent and looked up with. `wait` sleeps so many seconds, and returns at once when the run stops."""

    writer: Writer
    reader: Reader
    passwords: Mapping[str, Secret]
    budget: Budget
    stop: threading.Event
    wait: Callable[[float], object]

    def send(self, call: Call) -> Outcome:
        """Once."""
        operator_id = call.operator_ids[0]
        match call.kind:
            case "create":
                return self.writer.create(operator_id, call.fields, self.passwords[operator_id])
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
        outcome = request()
        if isinstance(outcome, Ok | Refused):
            self.budget.give_back()
        return outcome

    def look(self, operator_id: str) -> Outcome | None:
        """Look an agent up, as one of those requests."""
        return self.again(lambda: self.reader.look(operator_id))


def settle(call: Call, tongs: Tongs) -> list[tuple[Call, Outcome]]:
    """Send a call and settle how it ended. A delete list may end in parts, each a call of its own."""
    if call.kind == "delete":
        return _delete(call, tongs)
    return [(call, _single(call, tongs))]


def _single(call: Call, tongs: Tongs) -> Outcome:
    outcome = tongs.send(call)
    lost: Outcome | None = None
    for attempt in range(1, TRIES):
        if isinstance(outcome, Ok) or (isinstance(outcome, Refused) and outcome.authentication):
            return outcome
        if isinstance(outcome, Refused):
            return outcome if lost is None else _seen(call, tongs) or outcome
        lost = outcome if isinstance(outcome, Lost) else lost
        tongs.wait(backoff(attempt, outcome.retry_after))
        if lost is not None and (seen := _seen(call, tongs)) is not None:
            return seen
        repeated = tongs.again(partial(tongs.send, call))
        if repeated is None:
            return lost or outcome
        outcome = repeated
    return lost if lost is not None and isinstance(outcome, NotSent) else outcome


def _seen(call: Call, tongs: Tongs) -> Outcome | None:
    """How the call ended, as far as the vendor shows it: `None` when there is nothing of it to be seen.

    `Lost` when the vendor cannot be asked; a create is not repeated blindly.
    """
    if call.kind == "password":
        return None
    looked = tongs.look(call.operator_ids[0])
    if not isinstance(looked, Ok):
        blind = call.kind == "create" or isinstance(looked, Refused)
        return (looked or Lost("it could not be looked up")) if blind else None
    found: Looked | None = looked.data
    if found is None or (call.kind == "edit" and not _as_asked(call, found)):
        return None
    password = found.sip_password.reveal() if found.sip_password else None
    return Ok({"operatorId": call.operator_ids[0], "sipNumber": found.sip_number, "sipPassword": password})


def _as_asked(call: Call, found: Looked) -> bool:
    """Whether every field of an edit is listed, and as it was asked."""
    return all(
        not BY_NAME[name].write_only and found.agent.fields[name] == value for name, value in call.fields.items()
    )


def _delete(call: Call, tongs: Tongs) -> list[tuple[Call, Outcome]]:
    ended: list[tuple[Call, Outcome]] = []
    left = call
    outcome = tongs.send(call)
    for attempt in range(1, TRIES):
        if isinstance(outcome, Ok) or (isinstance(outcome, Refused) and outcome.authentication):
            break
        if isinstance(outcome, Refused):
            return [*ended, *_halved(left, outcome, tongs)]
        tongs.wait(backoff(attempt, outcome.retry_after))
        if isinstance(outcome, Lost):
            gone = [id_ for id_ in left.operator_ids if _is_gone(id_, tongs)]
            ended += [(_part(left, gone), Ok())] if gone else []
            left = _part(left, [id_ for id_ in left.operator_ids if id_ not in gone])
            if not left.operator_ids:
                return ended
        repeated = tongs.again(partial(tongs.send, left))
        if repeated is None:
            break
        outcome = repeated
    return [*ended, (left, outcome)]


def _halved(call: Call, refused: Refused, tongs: Tongs) -> list[tuple[Call, Outcome]]:
    """A refused list, halved. One agent that is refused alone is done when it does not exist, and failed otherwise."""
    ids = call.operator_ids
    if len(ids) == 1:
        return [(call, Ok() if _is_gone(ids[0], tongs) else refused)]
    middle = len(ids) // 2
    return [end for half in (ids[:middle], ids[middle:]) for end in _delete(_part(call, half), tongs)]


def _is_gone(operator_id: str, tongs: Tongs) -> bool:
    looked = tongs.look(operator_id)
    return isinstance(looked, Ok) and looked.data is None


def _part(call: Call, operator_ids: list[str] | tuple[str, ...]) -> Call:
    """The part of a list that is about these agents."""
    actions = dict(zip(call.operator_ids, call.actions, strict=True))
    return replace(call, operator_ids=tuple(operator_ids), actions=tuple(actions[id_] for id_ in operator_ids))
