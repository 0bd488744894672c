"""The mixed plan, killed and interrupted everywhere: the next run goes on from there."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.exhaustive import Share
from tests.parent import Running
from tests.reliability.killer import Break
from tests.reliability.trial import APPLY, PARALLELISM, Lane, Trial, assert_each, lanes, points
from tests.sandbox.wire import until

SHARDS = 4
SIGNALS = (signal.SIGINT, signal.SIGTERM)
FOREVER = 3600


@pytest.fixture(scope="module")
def two_lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Lane]]:
    """Vendors and process parents of this module's own."""
    with lanes(tmp_path_factory.mktemp("kill")) as made:
        yield made


def struck(trial: Trial, call: int, fault: str, **settings: Any) -> Running:
    """An apply whose call number `call` the vendor holds back."""
    trial.box.faults([{"endpoint": "*", "calls": [call], "fault": fault, **settings}])
    started = trial.start()
    until(lambda: any(attempt.fault for attempt in trial.box.store.attempts()))
    return started


def calls(trial: Trial) -> int:
    """How many requests an apply makes that nothing befalls."""
    assert trial.run().code == 0
    return len(trial.box.store.attempts())


@pytest.mark.exhaustive(1)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_every_point(two_lanes: list[Lane], share: Share, shard: int) -> None:
    """Killed before and amid each change of a file, before and after each request: the next run heals it."""
    trace = points(two_lanes[0].trial(), Break("kill"))
    assert len(trace) > 140

    def rule(trial: Trial, point: int) -> None:
        started = trial.start(breaking=Break("kill", point))
        ended = trial.killer.wait(started).code
        assert ended == -signal.SIGKILL, (started.trace, ended)
        try:
            trial.assert_books_are_whole()
            trial.assert_passwords_are_known()
            trial.assert_status_is_true()
            trial.recover(runs=2)
        except AssertionError as error:
            raise AssertionError(f"killed {started.trace}: {error}") from None

    assert_each(two_lanes, share.of_points(trace, 30)[shard::SHARDS], rule)


NARROW = ("apply", "plan.json", "--auto-approve")
TARGETS = ("8001", "8002", "8003", "8004", "8005", "8006")
"""Those of the mixed plan who are there already: edits, a password and deletes."""


def plan_some(trial: Trial) -> None:
    """Save a plan of some agents, which are looked at one by one, before its apply and afterwards."""
    planned = trial.run("plan", "--out", "plan.json", *(word for id_ in TARGETS for word in ("--target", id_)))
    assert planned.code == 0, planned.out + planned.err


@pytest.mark.exhaustive(1)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_every_point_of_a_narrow_look(two_lanes: list[Lane], share: Share, shard: int) -> None:
    """Killed in an apply that looks at nobody but those of its plan: the next run of everybody heals it."""
    unharmed = two_lanes[0].trial(crowded=True)
    plan_some(unharmed)
    trace = points(unharmed, Break("kill"), *NARROW)
    looks = sum("before send page" in point or "before send one" in point for point in trace)
    assert looks == len(TARGETS) + 4 + 2 * 2

    def rule(trial: Trial, point: int) -> None:
        plan_some(trial)
        started = trial.start(*NARROW, breaking=Break("kill", point))
        ended = trial.killer.wait(started).code
        assert ended == -signal.SIGKILL, (started.trace, ended)
        try:
            trial.assert_books_are_whole()
            trial.assert_passwords_are_known()
            trial.assert_status_is_true(of_all=False)
            trial.recover(runs=2)
        except AssertionError as error:
            raise AssertionError(f"killed {started.trace}: {error}") from None

    assert_each(two_lanes, share.of(range(1, len(trace) + 1), 24)[shard::SHARDS], rule, crowded=True)


@pytest.mark.exhaustive(1)
@pytest.mark.parametrize("fault", ["hang", "hang-after"])
def test_killed_while_the_vendor_is_at_it(two_lanes: list[Lane], share: Share, fault: str) -> None:
    """Killed while a request is out, before the vendor commits it and after: the next run heals it."""

    def rule(trial: Trial, call: int) -> None:
        started = struck(trial, call, fault)
        until(lambda: fault == "hang" or _is_committed(trial))
        started.signal(signal.SIGKILL)
        assert trial.killer.wait(started).code == -signal.SIGKILL
        trial.box.faults([])
        trial.assert_books_are_whole()
        trial.assert_passwords_are_known()
        trial.assert_status_is_true()
        trial.recover(runs=2)

    assert_each(two_lanes, share.of(range(1, calls(two_lanes[0].trial()) + 1), 9), rule)


@pytest.mark.exhaustive(1)
@pytest.mark.parametrize("number", SIGNALS)
def test_interrupted_at_every_call(two_lanes: list[Lane], share: Share, number: signal.Signals) -> None:
    """Told to stop: what is in flight is answered and recorded, nothing new is sent, exit 130; the next run goes on.

    Told so while it reads back what it has done, to the last call, it may say that it is done.
    """
    last = calls(two_lanes[0].trial())

    def rule(trial: Trial, call: int) -> None:
        started = struck(trial, call, "slow", seconds=FOREVER)
        started.signal(number)
        until(lambda: "stopping" in started.said() or "interrupted" in started.said())
        in_flight = len(trial.box.store.attempts())
        trial.box.release()
        ended = trial.killer.wait(started)
        done = ended.code == 0 and call == last and trial.applier.left() == 0
        assert ended.code == 130 or done, ended.out + ended.err
        assert len(trial.box.store.attempts()) < in_flight + PARALLELISM
        trial.box.faults([])
        told = trial.assert_status_is_true()
        assert [each for each in told.get("calls", ()) if each["outcome"] == "unknown"] == []
        trial.assert_books_are_whole()
        trial.recover(runs=1)

    assert_each(two_lanes, share.of(range(1, last + 1), 9), rule)


@pytest.mark.exhaustive(1)
def test_interrupted_at_every_write(two_lanes: list[Lane], share: Share) -> None:
    """Told to stop just before a file is changed: exit 130, or all was done by then; the next run goes on."""
    trace = points(two_lanes[0].trial(), Break("signal"))

    def rule(trial: Trial, point: int) -> None:
        started = trial.start(breaking=Break("signal", point, error=signal.SIGTERM))
        ended = trial.killer.wait(started)
        where = started.trace
        assert ended.code == 130 or (ended.code == 0 and trial.applier.left() == 0), (where, ended)
        told = trial.assert_status_is_true()
        assert [each for each in told.get("calls", ()) if each["outcome"] == "unknown"] == [], where
        trial.assert_books_are_whole()
        trial.recover(runs=1)

    assert_each(two_lanes, share.of(range(1, len(trace) + 1), 16), rule)


@pytest.mark.exhaustive(1)
@pytest.mark.parametrize("fault", ["hang", "hang-after"])
def test_a_second_signal_leaves_at_once(two_lanes: list[Lane], share: Share, fault: str) -> None:
    """Told twice, it waits for no answer: exit 130, and the next run looks up what was in flight."""
    count = calls(two_lanes[0].trial())

    def rule(trial: Trial, case: tuple[int, signal.Signals]) -> None:
        call, number = case
        started = struck(trial, call, fault)
        started.signal(number)
        until(lambda: "stopping" in started.said())
        started.signal(number)
        assert trial.killer.wait(started).code == 130
        trial.box.faults([])
        trial.assert_books_are_whole()
        trial.assert_passwords_are_known()
        trial.assert_status_is_true()
        trial.recover(runs=2)

    writes = range(2, count)  # the first reads the listing, the last reads it back
    cases = [*product(writes[::2], SIGNALS[:1]), *product(writes[1::2], SIGNALS[1:])]
    assert_each(two_lanes, share.of(cases, 6), rule)


@pytest.mark.exhaustive(1)
def test_two_appliers_at_once(two_lanes: list[Lane], share: Share) -> None:
    """Of two appliers started at once exactly one works; the other exits 3 and sends nothing."""

    def rule(trial: Trial, _: int) -> None:
        trial.box.faults([{"endpoint": "page", "calls": [1], "fault": "slow", "seconds": FOREVER}])
        both = [trial.start(), trial.start()]
        until(lambda: any("is locked" in each.said() for each in both))
        until(lambda: bool(trial.box.store.attempts()))
        (holder,) = (each for each in both if "is locked" not in each.said())
        (other,) = (each for each in both if each is not holder)
        turned_away = trial.killer.wait(other)
        assert (turned_away.code, turned_away.out) == (3, "")
        assert len(trial.box.store.attempts()) == 1
        trial.box.release()
        assert trial.killer.wait(holder).code == 0
        trial.recover(runs=1)

    assert_each(two_lanes, share.of(range(6), 3), rule)


@pytest.mark.parametrize("call", [1, 3])
def test_a_held_lock_names_its_holder(two_lanes: list[Lane], call: int) -> None:
    """Who comes while another is at work exits 3 and is told whose the lock is; a killed one holds nothing."""
    trial = two_lanes[0].trial()
    holder = struck(trial, call, "hang")
    turned_away = trial.place.run(*APPLY)
    assert (turned_away.code, turned_away.out) == (3, "")
    assert f":{holder.pid} since 20" in turned_away.err
    holder.signal(signal.SIGKILL)
    trial.killer.wait(holder)
    trial.box.faults([])
    assert trial.place.run(*APPLY).code == 0
    trial.recover(runs=1)


@pytest.mark.parametrize("earlier", [False, True], ids=["first", "after-a-killed-one"])
def test_a_lock_just_taken_names_nobody_else(two_lanes: list[Lane], earlier: bool) -> None:
    """Who comes before the holder has signed is not told that somebody holds the lock who is long dead."""
    trial = two_lanes[0].trial()
    note = trial.applier.books / "ledger.json.holder"
    if earlier:
        dead = trial.start(breaking=Break("kill", _first(points(two_lanes[1].trial(), Break("kill")), "before send")))
        trial.killer.wait(dead)
    unsigned = _first(points(two_lanes[1].trial(), Break("signal")), "ledger.json.holder")
    holder = trial.start(breaking=Break("signal", unsigned, error=signal.SIGSTOP))
    until(lambda: bool(holder.trace))
    turned_away = trial.run()
    assert turned_away.code == 3
    assert not earlier or f":{dead.pid} since" not in turned_away.err
    assert not earlier or note.exists()
    holder.signal(signal.SIGCONT)
    assert trial.killer.wait(holder).code == 0
    trial.recover(runs=1)


def _first(trace: list[str], what: str) -> int:
    """The number of the first point that is called so."""
    return next(number for number, point in enumerate(trace, 1) if what in point)


def _is_committed(trial: Trial) -> bool:
    (hit,) = (attempt for attempt in trial.box.store.attempts() if attempt.fault)
    return hit.committed or hit.endpoint in ("page", "one/v2")
