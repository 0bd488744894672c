"""How fast and how many at once: the rate, the pause that holds everybody, and the places."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.vendor.answer import Ok
from reconciler.vendor.rate_limit import HOPELESS_AFTER, RateLimiter
from tests.vendor.line import Line, line
from tests.vendor.vendor_stub import Exchange, Shelf, Stub, envelope, reply, together


class Clock:
    """Time that only passes by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.slept.append(seconds)
        self.now += seconds


def times(limiter: RateLimiter, clock: Clock, count: int) -> list[float]:
    """When each of `count` requests may go."""
    went = []
    for _ in range(count):
        limiter.wait()
        went.append(clock())
    return went


@pytest.mark.parametrize("rate", [0, 20])
def test_a_slower_vendor_is_learnt(rate: float) -> None:
    """A vendor that takes 5 a second refuses a handful of 500 requests, not one in each few."""
    clock, allowed, refused, went = Clock(), 5, 0, 0
    limiter = RateLimiter(rate, clock, clock.sleep)
    recent: list[float] = []
    while went < 500:
        pauses = limiter.wait()
        clock.now += 0.001
        recent = [at for at in recent if clock.now - at < 1]
        if len(recent) >= allowed:
            refused += 1
            limiter.pause(1, pauses)
        else:
            recent.append(clock.now)
            limiter.record_answer()
            went += 1
    assert refused <= 15
    assert clock.now - 1000 < 500 / allowed * 1.3


def test_the_rate_comes_back() -> None:
    """A refusal leaves seven tenths of the rate; most of it is back in ten seconds, and in the end all of it."""
    clock = Clock()
    limiter = RateLimiter(20, clock, clock.sleep)
    for _ in times(limiter, clock, 20):
        limiter.record_answer()
    limiter.pause(1)
    went = times(limiter, clock, 1000)
    gaps = [later - first for first, later in itertools.pairwise(went)]
    assert gaps[0] == pytest.approx(1 / 14, rel=0.05)
    assert next(gap for at, gap in zip(went, gaps, strict=False) if at > went[0] + 10) < 1 / 17
    assert gaps[-1] == pytest.approx(1 / 20)


@pytest.mark.parametrize("seconds", [2, 5, 10, 30, 60])
def test_a_while_of_refusals_counts_once(seconds: float) -> None:
    """A vendor that refuses everything for a while is asked now and then, and afterwards soon as quickly as before."""
    clock = Clock()
    limiter = RateLimiter(20, clock, clock.sleep)
    begin, refused, went = clock.now + 2.5, 0, 0
    while went < 200:
        pauses = limiter.wait()
        if begin <= clock.now < begin + seconds:
            refused += 1
            limiter.pause(1, pauses)
        else:
            limiter.record_answer()
            went += 1
    assert refused < 10
    assert clock.now - 1000 < 10 + 2 * seconds + 10
    assert not limiter.hopeless


def test_refusals_of_what_was_in_flight_count_once() -> None:
    """Eight requests that were under way together and are all refused slow down as one does."""
    one, eight = (RateLimiter(20, clock, clock.sleep) for clock in (Clock(), Clock()))
    for limiter, count in ((one, 1), (eight, 8)):
        pauses = [limiter.wait() for _ in range(8)]
        for _ in range(8):
            limiter.record_answer()
        for number in pauses[:count]:
            limiter.pause(1, number)
    clocks = [limiter._clock for limiter in (one, eight)]
    gaps = [times(limiter, clock, 50)[-1] for limiter, clock in zip((one, eight), clocks, strict=True)]  # type: ignore[arg-type]
    assert gaps[0] == gaps[1]


def test_it_is_hopeless_after_a_dozen() -> None:
    """A dozen refusals in a row are the end of hope, and one request that gets through is its beginning."""
    clock = Clock()
    limiter = RateLimiter(20, clock, clock.sleep)
    for _ in range(HOPELESS_AFTER):
        assert not limiter.hopeless
        limiter.pause(1, limiter.wait())
    assert limiter.hopeless
    assert 60 < clock.now - 1000 < 180
    limiter.record_answer()
    assert not limiter.hopeless


@pytest.mark.parametrize("rate", [1, 3, 7, 20, 50, 999])
def test_no_second_has_more_than_the_rate(rate: int) -> None:
    """In any second, wherever it begins, no more than `rate` requests go."""
    clock = Clock()
    went = times(RateLimiter(rate, clock, clock.sleep), clock, 3 * rate + 2)
    assert all(later - first > 1 - 1e-6 for first, later in zip(went, went[rate:], strict=False))


@pytest.mark.parametrize(("rate", "seconds"), [(0.5, 18.0), (1, 9.0), (20, 0.45)])
def test_the_rate_is_reached(rate: float, seconds: float) -> None:
    """Ten requests take nine slots and not more: the first goes at once."""
    clock = Clock()
    went = times(RateLimiter(rate, clock, clock.sleep), clock, 10)
    assert went[0] == 1000.0
    assert went[-1] - went[0] == pytest.approx(seconds)


def test_idle_time_is_not_saved_up() -> None:
    """After a quiet hour there is no burst."""
    clock = Clock()
    limiter = RateLimiter(10, clock, clock.sleep)
    limiter.wait()
    clock.now += 3600
    went = times(limiter, clock, 5)
    assert [later - first for first, later in itertools.pairwise(went)] == pytest.approx([0.1] * 4)


def test_without_a_rate_nobody_waits() -> None:
    """A rate of 0 is unlimited."""
    clock = Clock()
    times(RateLimiter(0, clock, clock.sleep), clock, 1000)
    assert clock.slept == []


@pytest.mark.parametrize("rate", [0, 20])
def test_a_pause_holds_back_who_comes_after_it(rate: float) -> None:
    """During a pause no request gets a slot, at any rate, and afterwards they go on as before."""
    clock = Clock()
    limiter = RateLimiter(rate, clock, clock.sleep)
    limiter.wait()
    limiter.pause(30)
    went = times(limiter, clock, 3)
    interval = 1 / rate if rate else 0
    assert went[0] == 1030
    assert all(later - first >= interval for first, later in itertools.pairwise(went))


def test_a_shorter_pause_does_not_cut_a_longer() -> None:
    """Of two pauses the later end holds."""
    clock = Clock()
    limiter = RateLimiter(20, clock, clock.sleep)
    limiter.pause(30)
    limiter.pause(5)
    assert times(limiter, clock, 1) == [1030]


def test_threads_share_the_slots() -> None:
    """Requests of several threads get a slot each, none twice."""
    slots: list[float] = []
    limiter = RateLimiter(20, lambda: 0.0, slots.append)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(200):
            threads.submit(limiter.wait)
    assert sorted(slots) == pytest.approx([number / 20 for number in range(1, 200)])


def test_the_client_keeps_the_rate(vendor: Stub) -> None:
    """Each request of a client waits for its slot, reads and writes alike."""
    with line(vendor.url, rate=0.001) as client:
        client.edit()
        client.writer.delete(("8001",))
        client.reader.one("8001")
    assert [round(pause, -3) for pause in client.pauses] == [1000, 2000]
    assert len(vendor.requests) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_a_vendor_that_asks_for_a_pause_gets_it_from_all(vendor: Stub, client: Line, status: int) -> None:
    """After a Retry-After the next request of anybody waits as long, not only the one that was turned away."""
    vendor.script(reply(status, headers={"Retry-After": "40"}), envelope())
    client.edit()
    assert client.pauses == []
    assert client.writer.delete(("8002",)) == Ok(None)
    assert [round(pause) for pause in client.pauses] == [40]


@pytest.mark.parametrize("parallelism", [1, 2, 5])
def test_places_are_filled_and_not_overfilled(vendor: Stub, parallelism: int) -> None:
    """As many requests as the setting says are in flight at once, and never more."""
    barrier = threading.Barrier(parallelism)
    vendor.script(together(barrier, envelope()))
    with line(vendor.url, parallelism=parallelism) as client, ThreadPoolExecutor(16) as threads:
        sent = [threads.submit(client.edit) for _ in range(6 * parallelism)]
        assert [future.result() for future in sent] == [Ok(None)] * len(sent)
    assert vendor.most_at_once == parallelism


@pytest.mark.parametrize("parallelism", [1, 3, 4])
def test_a_listing_keeps_to_the_places(vendor: Stub, parallelism: int) -> None:
    """Pages are read in parallel, as many at once as the setting says."""
    pages = 12
    shelf = Shelf([{"operatorId": str(number)} for number in range(pages * 100 + 1)])
    barrier = threading.Barrier(parallelism)
    vendor.script(shelf, then=together(barrier, shelf))
    with line(vendor.url, parallelism=parallelism) as client:
        assert len(client.reader.listing()) == pages * 100 + 1
    assert vendor.most_at_once == parallelism


def test_connections_are_kept(vendor: Stub, client: Line) -> None:
    """Requests one after the other use one connection; a new one each would cost a handshake each."""
    ports: set[int] = set()

    def noting(exchange: Exchange) -> None:
        ports.add(exchange.client_address[1])
        envelope()(exchange)

    vendor.script(noting)
    for _ in range(5):
        client.edit()
    assert len(ports) == 1
