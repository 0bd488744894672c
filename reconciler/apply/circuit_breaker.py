"""When a run stops by itself: the vendor is dead or refuses everything alike, or the books can no longer be kept.

| what is heard | what follows |
|---|---|
| no answer, three times in a row | the run stops |
| the token is refused | the run stops |
| eight requests in a row refused alike | one call of another kind, or with other values, is tried alone |
| … and there is none that is ready | an agent is looked up; then the others go one by one, the last first |
| the trial is refused alike | the run stops |
| sixteen agents refused alike, each alone, and nothing else to try | the run stops |
| a batch or a list is refused | it goes down one branch of halves to a single agent |
| eight single agents refused alike (sixteen after one was accepted) | the rest of such lists ends refused, unsent |

"In a row" is the order of sending, since answers overtake each other. It is decided here, and nothing is sent.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.core.model.message import NOTHING, Text, text
from reconciler.core.model.outcome import Event
from reconciler.core.model.plan import Call
from reconciler.vendor.answer import NotSent, Ok, Outcome, Refused

DEAD_AFTER: Final = 3
"""Calls in a row without any answer after which the vendor is taken for dead and the run stops."""
DOUBTED_AFTER: Final = 8
"""Refusals in a row, all alike, after which they may be the vendor's state; and single agents that end a halving."""
ALIKE_AT_MOST: Final = 16
"""Agents refused alike in a row, each alone, after which the run stops where nothing unlike can be tried."""


_OF_ONE_REQUEST: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|\d{13,}"
    r"|\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r")(?![0-9A-Za-z])",
    re.ASCII | re.IGNORECASE,
)
"""What names the request and no agent: a trace id, a time of day. No phone or SIP number is so long."""


def likeness(refused: Refused, operator_ids: Iterable[str]) -> tuple[int, str]:
    """What two refusals have in common that are alike: code and words, without the ids of agents and request."""
    ids = "|".join(map(re.escape, sorted(operator_ids, key=len, reverse=True)))
    words = re.sub(rf"(?<![0-9A-Za-z])(?:{ids})(?![0-9A-Za-z])", "", refused.message)
    return refused.code, _OF_ONE_REQUEST.sub("", words)


def wish(call: Call) -> Hashable:
    """What a call asks for, whoever it is about."""
    return call.kind, frozenset(call.fields.items()), call.password


@dataclass(frozen=True, slots=True)
class _Heard:
    """A request that was refused. `number` is that of its intent, which grows with the order of sending."""

    number: int
    operator_ids: tuple[str, ...]
    kind: str
    wish: Hashable


class CircuitBreaker:
    """Hears every outcome, and says when it makes no sense to go on. `alive`: the vendor has answered this run.

    `opened`: why the run stops because of refusals that are alike, or nothing.
    """

    def __init__(self) -> None:
        self.alive = False
        self.opened = NOTHING
        self._silent = 0
        self._row: list[_Heard] = []
        self._words: tuple[int, str] = (0, "")
        self._refused = Refused(0, NOTHING)
        self._accepted = -1
        self._has_looked = False
        self._alone: dict[Hashable, tuple[tuple[int, str], set[str]]] = {}
        self._served: set[Hashable] = set()

    def stop_reason(self, outcome: Outcome, event: Event) -> Text:
        """Why the run stops after this outcome of a part, or nothing.

        What an interrupt kept back says nothing of the vendor.
        """
        if isinstance(outcome, NotSent) and outcome.interrupted:
            return NOTHING
        if isinstance(outcome, Ok | Refused):
            self.alive, self._silent = True, 0
        else:
            self._silent += 1
        if isinstance(outcome, Refused) and outcome.authentication:
            return text("not tried: the vendor no longer accepts the token")
        if isinstance(outcome, NotSent) and outcome.hint:
            return text("not tried: {reason}", reason=outcome.reason)
        if self._silent >= DEAD_AFTER:
            if isinstance(outcome, NotSent) and outcome.turned_away:
                return text("not tried: the vendor turns every request away")
            return text("not tried: the vendor does not answer")
        if isinstance(outcome, Ok) and event.outcome != "done":
            return text("not tried: passwords and intents can no longer be stored")
        return NOTHING

    def hear(self, number: int, call: Call, outcome: Outcome) -> None:
        """Note how the request of an intent ended. Silence says nothing of the vendor's state."""
        if isinstance(outcome, Ok):
            self._alone.pop(wish(call), None)
            self._served.add(wish(call))
            self._between(number)
        elif isinstance(outcome, Refused) and number > self._accepted:
            self._hear_refusal(number, call, outcome)

    def _hear_refusal(self, number: int, call: Call, refused: Refused) -> None:
        words = likeness(refused, call.operator_ids)
        if len(call.operator_ids) == 1:
            before, ids = self._alone.get(wish(call), (words, set()))
            self._alone[wish(call)] = words, {*(ids if before == words else ()), *call.operator_ids}
        if self._row and words != self._words:
            later = max(heard.number for heard in self._row)
            self._between(number)
            if number < later:
                return
        if self.doubtful and self._first_unlike([call]) is not None:
            self._open(len(self._row) + 1)
        self._words, self._refused = words, refused
        kept = [heard for heard in self._row if heard.operator_ids != call.operator_ids]
        self._row = [*kept, _Heard(number, call.operator_ids, call.kind, wish(call))]

    def _between(self, number: int) -> None:
        """Something else was answered to this request: what was sent before it is in no row with what comes after."""
        self._accepted = max(self._accepted, number)
        self._row = [heard for heard in self._row if heard.number > number]
        self._has_looked &= bool(self._row)

    def _open(self, count: int) -> None:
        alike = (
            "not tried: the vendor refused {count} {count:request|requests} in a row alike, which may be its state: "
            "{message} (code {code})"
        )
        self.opened = text(alike, count=count, message=self._refused.message, code=self._refused.code)

    @property
    def doubtful(self) -> bool:
        """Whether the refusals may be the vendor's state, so that one request at a time is sent to make sure."""
        return len(self._row) >= DOUBTED_AFTER

    def has_room(self, running: int) -> bool:
        """Whether a further request may be under way: no more than what it takes to be in doubt, then one."""
        return not running or not self._row or running + len(self._row) < DOUBTED_AFTER

    def trial(self, calls: Sequence[Call]) -> int | None:
        """Which of the calls that are ready is tried: of another kind before one with other values; `None` for none."""
        if not self.doubtful:
            return None
        kinds = {heard.kind for heard in self._row}
        others = [call if call.kind not in kinds else None for call in calls]
        place = self._first_unlike(others)
        return self._first_unlike(calls) if place is None else place

    def _first_unlike(self, calls: Sequence[Call | None]) -> int | None:
        """The first call that, refused alike, would show that neither its agents nor what it asks for are at fault."""
        seen = {id_ for heard in self._row for id_ in heard.operator_ids}
        wishes = {heard.wish for heard in self._row}
        unlike = (
            index
            for index, call in enumerate(calls)
            if call and (len(wishes) > 1 or wish(call) not in wishes) and not seen.issuperset(call.operator_ids)
        )
        return next(unlike, None)

    @property
    def agent_to_look_up(self) -> str | None:
        """Whom to look up where no call is a trial: reading is another kind of request; `None` when that was done."""
        return None if self._has_looked or not self.doubtful else self._row[-1].operator_ids[0]

    def hear_look_up(self, operator_id: str, outcome: Outcome | None) -> None:
        """Note what the look-up came to; `None` when there was nothing left to spend on it."""
        self._has_looked = True
        if isinstance(outcome, Refused) and likeness(outcome, [operator_id]) == self._words:
            self._open(len(self._row) + 1)

    def hear_nothing_to_try(self) -> None:
        """Note that nothing unlike is ready: then enough single agents must do."""
        if sum(len(heard.operator_ids) == 1 for heard in self._row) >= ALIKE_AT_MOST:
            self._open(len(self._row))

    def gives_up(self, call: Call) -> bool:
        """Whether so many single agents were refused alike what the call asks for that the others would be too."""
        enough = ALIKE_AT_MOST if wish(call) in self._served else DOUBTED_AFTER
        return len(self._alone.get(wish(call), ((0, ""), ()))[1]) >= enough


Part = tuple[Call, bool]
"""A part of a batch or a list that is to be sent, and whether an earlier request may have carried it out."""


class Halving:
    """The parts of one refused batch or list that wait, in order.

    It goes down one branch of halves to a single agent. Is that one refused, single agents from the other parts follow,
    the last ones first: neighbours may share a fault. As soon as one part is accepted all that wait are sent.
    """

    def __init__(self) -> None:
        self.under_way = 0
        self._parts: deque[Part] = deque()
        self._singly = False

    def refuse(self, parts: Iterable[Part]) -> None:
        """Note that something was refused: a part that is sent anew in these, or a single agent, of which none is."""
        halves = list(parts)
        self._singly |= not halves
        self._parts.extendleft(reversed(halves))

    def following(self) -> list[Part]:
        """What is to be sent now: one part when nothing of it is under way."""
        if self.under_way or not self._parts:
            return []
        self.under_way = 1
        if not self._singly or len(self._parts[0][0].operator_ids) == 1:
            return [self._parts.popleft()]
        call, maybe_sent = self._parts.pop()
        *others, last = call.operator_ids
        if others:
            self._parts.appendleft((part_of(call, others), maybe_sent))
        return [(part_of(call, [last]), maybe_sent)]

    def accept(self) -> list[Part]:
        """Note that something was accepted: all that waits is to be sent."""
        self._singly = False
        released = self.rest()
        self.under_way += len(released)
        return released

    def rest(self) -> list[Part]:
        """What waits, which is over for the halving."""
        waiting = list(self._parts)
        self._parts.clear()
        return waiting


def part_of(call: Call, operator_ids: Sequence[str]) -> Call:
    """The call for some of its agents. One that is created alone gets a password that is known before."""
    vendor_password = call.vendor_password and len(operator_ids) > 1
    return replace(call.narrowed_to(operator_ids), vendor_password=vendor_password)
