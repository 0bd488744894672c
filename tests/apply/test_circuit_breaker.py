"""When a run stops because everything is refused alike, and what is tried before: laws over every order of outcomes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.apply.circuit_breaker import ALIKE_AT_MOST, DOUBTED_AFTER, CircuitBreaker, Halving, likeness, part_of
from reconciler.core.model.message import text, verbatim
from reconciler.core.model.plan import Call
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused

FULL = Refused(20030, text("坐席授权数已满"))


def edit(operator_id: int | str, name: str = "new") -> Call:
    """An edit of one agent."""
    return Call("edit", (str(operator_id),), (0,), {"name": name})


def batch(count: int) -> Call:
    """A create, or a batch, of so many."""
    ids = tuple(str(8000 + number) for number in range(count))
    return Call("create", ids, tuple(range(count)), {"name": "new"}, vendor_password=count > 1)


# Alike


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("坐席 8001 通话中", "8001"), ("坐席 8002 通话中", "8002"), True),
        (("坐席8001通话中", "8001"), ("坐席8002通话中", "8002"), True),
        (("8001 is busy", "8001"), ("80010 is busy", "80010"), True),
        (("limit 18001 reached", "8001"), ("limit 18002 reached", "8002"), False),
        (("full", "8001"), ("busy", "8002"), False),
        (("a.c is busy", "a.c"), ("abc is busy", "8002"), False),
        (
            ("full (trace 4bf92f3577b34da6a3ce929d0e0e4736)", "1"),
            ("full (trace 00f067aa0ba902b700f067aa0ba902b7)", "2"),
            True,
        ),
        (("no, 0f8fad5b-d9cb-469f-a165-70867728950e", "1"), ("no, 7C9E6679-7425-40DE-944B-E07FC1F90AE7", "2"), True),
        (("2026-11-22 10:00:01 失败", "1"), ("2026-11-22 10:00:02.345 失败", "2"), True),
        (("at 2026-11-22T10:00:01Z", "1"), ("at 2026-11-22T10:00:02+08:00", "2"), True),
        (("full, 1795341600123", "1"), ("full, 1795341600456", "2"), True),
        (("号码 60001 已被占用", "1"), ("号码 60002 已被占用", "2"), False),
        (("手机 13800138001 已存在", "1"), ("手机 13800138002 已存在", "2"), False),
    ],
)
def test_alike(one: tuple[str, str], other: tuple[str, str], same: bool) -> None:
    """Refusals are alike by code and words, whatever the own number, time or trace id; other numbers count."""
    first, second = (likeness(Refused(1, verbatim(words)), [operator_id]) for words, operator_id in (one, other))
    assert (first == second) is same
    assert first != likeness(Refused(2, verbatim(one[0])), [one[1]])


def test_a_list_and_its_agent_are_alike() -> None:
    """A list is refused in the words of the one that is at fault."""
    ids = [str(8000 + number) for number in range(100)]
    busy = Refused(1, text("坐席 8013 通话中"))
    assert likeness(busy, ids) == likeness(busy, ["8013"])


# What is tried, and when the run stops


@dataclass(slots=True)
class Sent:
    """Calls that are sent as `execute` does it, so many at once; the breaker decides what is next, and when to stop."""

    ready: list[Call]
    answer: Callable[[int, Call], Outcome]
    places: int = 1
    look: Outcome = field(default_factory=lambda: Ok(None))
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    sent: list[Call] = field(default_factory=list)
    looks: int = 0

    def run(self) -> Sent:
        """Send until nothing is left, or the run stops."""
        running: deque[tuple[int, Call]] = deque()
        while True:
            while self.ready and len(running) < self.places and self.breaker.has_room(len(running)):
                place = self.breaker.trial(self.ready)
                if self.breaker.doubtful and place is None:
                    self._make_sure()
                if self.breaker.opened:
                    return self
                call = self.ready.pop(place or 0)
                running.append((len(self.sent), call))
                self.sent.append(call)
            if not running:
                return self
            number, call = running.popleft()
            self.breaker.hear(number, call, self.answer(number, call))
            if self.breaker.opened:
                self.ready.clear()

    def _make_sure(self) -> None:
        if operator_id := self.breaker.agent_to_look_up:
            self.looks += 1
            self.breaker.hear_look_up(operator_id, self.look)
        self.breaker.hear_nothing_to_try()


names = st.lists(st.sampled_from("abc"), min_size=1, max_size=60)
places = st.integers(1, 8)


@given(names, places, st.integers(0, 20))
def test_a_vendor_that_refuses_everything_from_some_moment_on(wanted: list[str], places: int, dies: int) -> None:
    """At most nine more, or what was under way: a trial, or a look-up where all are alike, and the run stops."""
    calls = [edit(8000 + number, name) for number, name in enumerate(wanted)]
    sent = Sent(calls, lambda number, _: Ok() if number < dies else FULL, places, FULL).run()
    after = len(sent.sent) - dies
    assert after <= DOUBTED_AFTER + 1
    assert bool(sent.breaker.opened) == (len(wanted) - dies > DOUBTED_AFTER)
    assert "坐席授权数已满 (code 20030)" in (sent.breaker.opened or "坐席授权数已满 (code 20030)")


@given(st.integers(1, 80), places)
def test_equal_calls_that_are_all_refused(count: int, places: int) -> None:
    """Where nothing unlike is ready and agents can be looked up, as one is, sixteen agents must be refused."""
    sent = Sent([edit(8000 + number) for number in range(count)], lambda *_: FULL, places).run()
    assert len(sent.sent) == min(count, ALIKE_AT_MOST)
    assert sent.looks == (count > DOUBTED_AFTER)


@given(names, places, st.data())
def test_what_is_accepted_goes_on(wanted: list[str], places: int, data: st.DataObject) -> None:
    """A trial that is accepted lets the run go on: whoever is not at fault is served while trials are."""
    calls = [edit(8000 + number, name) for number, name in enumerate(wanted)]
    calls += [Call("password", (str(9000 + number),), (0,)) for number in range(len(calls) // DOUBTED_AFTER + 1)]
    bad = data.draw(st.sets(st.sampled_from([call.operator_ids for call in calls if call.kind == "edit"])))
    sent = Sent(calls.copy(), lambda _, call: FULL if call.operator_ids in bad else Ok(), places).run()
    assert not sent.breaker.opened
    assert sorted(call.operator_ids for call in sent.sent) == sorted(call.operator_ids for call in calls)


@given(st.lists(st.sampled_from(["alike", "other", "lost", "away"]), max_size=60))
def test_in_a_row(story: list[str]) -> None:
    """Fewer than eight alike between two other answers never raise a doubt; silence is no answer."""
    outcomes: dict[str, Outcome] = {
        "alike": FULL,
        "other": Refused(1, text("other")),
        "lost": Lost(text("?")),
        "away": NotSent(text("429")),
    }
    breaker, row, last = CircuitBreaker(), 0, ""
    for number, what in enumerate(story):
        breaker.hear(number, edit(8000 + number), outcomes[what])
        if what in ("alike", "other"):
            row, last = (row + 1 if what == last else 1), what
        assert breaker.doubtful == (row >= DOUBTED_AFTER)
    assert not breaker.opened


@given(st.permutations(range(12)), st.integers(0, 11))
def test_answers_overtake_each_other(order: list[int], accepted: int) -> None:
    """What counts is the order of sending: only what was sent after the last one that was accepted is in the row."""
    breaker = CircuitBreaker()
    for number in order:
        breaker.hear(number, edit(8000 + number), Ok() if number == accepted else FULL)
    assert breaker.doubtful == (11 - accepted >= DOUBTED_AFTER)


def test_the_same_agent_counts_once() -> None:
    """An agent whose edits are refused again and again is one agent."""
    breaker = CircuitBreaker()
    for number in range(40):
        breaker.hear(number, edit(8001, f"n{number}"), FULL)
    assert not breaker.doubtful


def test_another_kind_before_other_values() -> None:
    """The trial is of another kind where there is one, else it has other values; never an agent that was refused."""
    breaker = CircuitBreaker()
    for number in range(DOUBTED_AFTER):
        breaker.hear(number, edit(8000 + number), FULL)
    alike, other, seen = edit(9001), edit(9002, "other"), Call("password", ("8001",), (0,))
    assert breaker.trial([alike, seen]) is None
    assert breaker.trial([alike, other, seen]) == 1
    assert breaker.trial([alike, other, Call("delete", ("9003",), (0,))]) == 2


# Halving


def halved(call: Call, refuses: Callable[[Call], bool]) -> tuple[list[Call], dict[str, str]]:
    """All that is sent of a call, and how each agent ends."""
    breaker, halving = CircuitBreaker(), Halving()
    sent: list[Call] = []
    ends: dict[str, str] = {}
    queue = deque([call])
    first = True
    while queue:
        part = queue.popleft()
        sent.append(part)
        halving.under_way -= not first
        first = False
        if not refuses(part):
            breaker.hear(len(sent), part, Ok())
            ends |= dict.fromkeys(part.operator_ids, "done")
            queue.extend(each for each, _ in halving.accept())
            continue
        breaker.hear(len(sent), part, FULL)
        if len(part.operator_ids) > 1:
            middle = len(part.operator_ids) // 2
            halves = part.operator_ids[:middle], part.operator_ids[middle:]
            halving.refuse((part_of(part, half), False) for half in halves)
        else:
            ends |= dict.fromkeys(part.operator_ids, "refused")
            halving.refuse(())
            if breaker.gives_up(part):
                ends |= {id_: "unsent" for each, _ in halving.rest() for id_ in each.operator_ids}
        queue.extend(each for each, _ in halving.following())
    return sent, ends


def spoilt(bad: Iterable[str]) -> Callable[[Call], bool]:
    """A vendor that refuses whatever names one of these."""
    wrong = set(bad)
    return lambda call: not wrong.isdisjoint(call.operator_ids)


@given(st.integers(2, 1000))
def test_a_list_of_which_everybody_is_refused(count: int) -> None:
    """Down one branch to a single agent, seven others alone, and no more; everybody's end is told."""
    sent, ends = halved(batch(count), lambda _: True)
    assert len(sent) <= math.ceil(math.log2(count)) + DOUBTED_AFTER
    assert sorted(ends) == sorted(batch(count).operator_ids)
    sizes = [len(call.operator_ids) for call in sent]
    down = sizes[: sizes.index(1) + 1]
    assert down == sorted(down, reverse=True)
    assert set(sizes[len(down) :]) <= {1}


@given(st.integers(2, 300), st.data())
def test_a_list_with_some_at_fault(count: int, data: st.DataObject) -> None:
    """Fewer than eight at fault, wherever they stand: they are refused, and everybody else is served."""
    ids = batch(count).operator_ids
    bad = data.draw(st.sets(st.sampled_from(ids), max_size=DOUBTED_AFTER - 1))
    _, ends = halved(batch(count), spoilt(bad))
    assert ends == {id_: "refused" if id_ in bad else "done" for id_ in ids}


@given(st.integers(40, 300), st.integers(1, ALIKE_AT_MOST - 1))
def test_a_list_that_begins_with_many_at_fault(count: int, bad: int) -> None:
    """Neighbours may share a fault: fewer than sixteen of them, and the others of their list are served."""
    ids = batch(count).operator_ids
    _, ends = halved(batch(count), spoilt(ids[:bad]))
    assert [id_ for id_ in ids if ends[id_] == "done"] == list(ids[bad:])


@given(st.integers(2, 1000), st.integers(1, 300))
def test_a_vendor_that_limits_sizes(count: int, longest: int) -> None:
    """Everybody is served, in as many requests as halves take until they fit."""

    def halves(size: int) -> int:
        return 1 if size <= longest else 1 + halves(size // 2) + halves(size - size // 2)

    sent, ends = halved(batch(count), lambda call: len(call.operator_ids) > longest)
    assert (len(sent), set(ends.values())) == (halves(count), {"done"})


@given(st.integers(2, 300), st.sets(st.integers(0, 299), max_size=40))
def test_parts_are_parts(count: int, places: Sequence[int]) -> None:
    """Whatever is refused, a part holds neighbours only, and a single agent gets a password that is known before."""
    ids = batch(count).operator_ids
    sent, ends = halved(batch(count), spoilt(ids[place] for place in places if place < count))
    for part in sent:
        numbers = [int(id_) for id_ in part.operator_ids]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert part.vendor_password == (len(numbers) > 1)
    assert sorted(ends) == sorted(ids)
