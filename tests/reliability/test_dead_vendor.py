"""A vendor that is gone, or no longer knows us: it is left alone soon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box, running
from reconciler.vendor.rate_limit import HOPELESS_AFTER
from tests.process import TOKEN, Workplace
from tests.reliability.killer import Break, Killer
from tests.sandbox.wire import until

PARALLELISM = 4
EDITED, DELETED, MADE = range(8100, 8130), range(8200, 8220), range(8300, 8340, 2)
PLANNED = len(EDITED) + 1 + 2 * len(MADE)
"""Calls: an edit each, one list of deletes, and a create and an edit each; no two new agents are neighbours."""
MOST = PLANNED * 6 // 5
FIRST = [1, 2, 3, 6, 20, 50, PLANNED]
READ_TRIES = 6
"""Times that a listing which nobody answers is asked for. The one before and the one after are no planned calls."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box
        box.faults([])


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    """A parent of processes."""
    with Killer(tmp_path_factory.mktemp("dead")) as made:
        yield made


def workplace(folder: Path, box: Box) -> Workplace:
    """A folder with a plan of many calls, and the vendor as it is before."""
    box.faults([])
    box.store.reset([{"operatorId": str(number)} for number in (*EDITED, *DELETED)])
    place = Workplace(folder, box.url, {"RECONCILER_PARALLELISM": str(PARALLELISM), "RECONCILER_TIMEOUT": "2"})
    edited = [f'  - {{operatorId: "{number}", name: changed}}' for number in EDITED]
    made = [f'  - {{operatorId: "{number}", name: made, mainGroupName: 一组}}' for number in MADE]
    head = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nguardrails: {maxDeletes: 100%}\nagents:\n"
    place.write(head + "\n".join(edited + made) + "\n")
    return place


def test_the_plan_is_as_large_as_is_said(vendor: Box, tmp_path: Path, killer: Killer) -> None:
    """A vendor that is well is asked for the planned calls, and for the listing before and after."""
    place = workplace(tmp_path, vendor)
    assert killer.run(place.folder, place.environment(), "apply", "-y").code == 0
    assert len(vendor.store.history()) == PLANNED
    assert len(vendor.store.attempts()) == PLANNED + 2


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "5xx-before", "429"])
@pytest.mark.parametrize("first", FIRST)
def test_a_dead_vendor_is_not_flooded(vendor: Box, tmp_path: Path, killer: Killer, first: int, fault: str) -> None:
    """Whichever call the vendor dies at, it is asked at most 1.2 times what was planned; mended, all goes on.

    One that turns everything away is asked a dozen times more by each request that is in flight, ever more slowly.
    """
    turns = HOPELESS_AFTER if fault == "429" else 0
    place = workplace(tmp_path, vendor)
    vendor.faults([{"endpoint": "*", "calls": {"from": first}, "fault": fault}])
    ended = killer.run(place.folder, place.environment(), "apply", "-y")
    attempts = Counter(attempt.endpoint == "page" for attempt in vendor.store.attempts())
    assert ended.code == (1 if first <= 2 and fault != "drop-after" else ended.code)
    assert ended.code in (1, 4)
    assert attempts[False] <= MOST + turns * PARALLELISM
    assert attempts[True] <= 1 + max(turns, READ_TRIES)
    vendor.faults([])
    assert killer.run(place.folder, place.environment(), "apply", "-y").code == 0


@pytest.mark.parametrize("first", [1, 3, 20])
def test_a_vendor_that_is_gone_is_not_flooded(tmp_path: Path, killer: Killer, first: int) -> None:
    """Where nobody listens any more, connections are tried at most 1.2 times what was planned."""
    with running(token=TOKEN, company="acme:4242") as box:
        place = workplace(tmp_path, box)
        box.faults([{"endpoint": "*", "calls": [first], "fault": "hang"}])
        run = killer.start(place.folder, place.environment(), "apply", "-y", breaking=Break("kill"))
        until(lambda: any(attempt.fault for attempt in box.store.attempts()))
    assert killer.wait(run).code in (1, 4)
    attempts = Counter(point == "before send page" for point in run.trace if point.startswith("before send"))
    assert attempts[False] <= MOST
    assert attempts[True] <= 1 + READ_TRIES


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_stops_the_run(vendor: Box, tmp_path: Path, killer: Killer, first: int, status: int) -> None:
    """Once the vendor no longer accepts the token, no more is sent than is in flight."""
    place = workplace(tmp_path, vendor)
    vendor.faults([{"endpoint": "*", "calls": {"from": first}, "fault": "status", "status": status}])
    ended = killer.run(place.folder, place.environment(), "apply", "-y")
    assert ended.code == (1 if first <= 2 else 4), ended.err
    refused = sum(attempt.fault is not None for attempt in vendor.store.attempts())
    assert 1 <= refused <= 1 + PARALLELISM
    vendor.faults([])
    assert killer.run(place.folder, place.environment(), "apply", "-y").code == 0
