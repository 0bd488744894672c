"""A mixed plan x every fault x every endpoint, and at every call what makes a difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.report import Report
from reconciler.sandbox.server import Box, running
from tests.process import TOKEN
from tests.reliability.mixed import Applier, assert_converged, assert_no_blind_create, begin

FAULTS: dict[str, dict[str, Any]] = {
    "drop-before": {}, "drop-after": {}, "429": {"retryAfter": 0}, "reset-after": {}, "hang": {}, "hang-after": {},
    "5xx-before": {}, "5xx-after": {}, "envelope-5xx-after": {}, "html": {}, "html-after": {}, "truncated": {},
    "cut": {},
}  # fmt: skip
"""Hiccups: what a network or a gateway does once and not again."""

DISTINCT = ("drop-before", "drop-after", "429")
"""Beyond the client a fault is one of these three: `Lost` and not done, `Lost` and done, `NotSent`.

That it takes each of the others for one of them is what `tests/vendor/test_http.py` shows. These three strike at every
call; the others at one of each endpoint, not always the same.
"""

CALLS = {"create/v2": 7, "edit/v2": 7, "del/v2": 2, "editPwd": 1, "page": 2}
"""How many calls the plan has at most of each endpoint; page: the listing before and the one after."""

CROWDED_CALLS = {**CALLS, "one/v2": 2, "page": 37}
"""The same among many: 21 pages of the listing, and then a look at each agent of the plan, at two of them twice."""

IMPATIENT = 0.5
"""Seconds for which a client waits where the vendor has to keep it waiting."""


def numbers(endpoint: str, fault: str, numbers: Sequence[int]) -> Sequence[int]:
    """At which of these calls of an endpoint a fault is to strike."""
    turn = list(FAULTS).index(fault) + list(CALLS).index(endpoint)
    return numbers if fault in DISTINCT else [numbers[turn % len(numbers)]]


def begun(folder: Path, vendor: Box, fault: str, *, crowded: bool = False) -> Applier:
    """The mixed plan, to be applied by a client that waits no longer than it must."""
    vendor.faults([])
    applier = begin(folder, vendor, crowded=crowded)
    if fault in ("hang", "hang-after", "late"):
        applier.timeout = IMPATIENT
    return applier


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box
        box.faults([])


@pytest.mark.exhaustive(6)
@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_one_hiccup_is_ridden_out(vendor: Box, tmp_path: Path, endpoint: str, fault: str) -> None:
    """Whatever happens once to whichever call: the run itself rides it out, and all is as the file says."""
    for number in numbers(endpoint, fault, range(1, CALLS[endpoint] + 1)):
        applier = begun(tmp_path / str(number), vendor, fault)
        vendor.faults([{"endpoint": endpoint, "calls": [number], "fault": fault, **FAULTS[fault]}])
        ended = applier.apply()
        struck = [attempt for attempt in vendor.store.attempts() if attempt.fault]
        vendor.faults([])
        assert struck, "the fault never struck"
        assert isinstance(ended, Report), ended
        assert ended.exit_code == 0, (number, ended)
        assert_converged(applier)
        assert_no_blind_create(applier.box)


@pytest.mark.exhaustive(9)
@pytest.mark.parametrize("endpoint", CROWDED_CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_one_hiccup_is_ridden_out_among_many(vendor: Box, tmp_path: Path, endpoint: str, fault: str) -> None:
    """The same where the result is read back agent by agent: neither calls nor looks are lost, and nobody is missed."""
    last = CROWDED_CALLS[endpoint]
    points = [1, 22, last] if endpoint == "page" else sorted({1, last})
    for number in points if fault in DISTINCT else points[-1:]:
        applier = begun(tmp_path / str(number), vendor, fault, crowded=True)
        vendor.faults([{"endpoint": endpoint, "calls": [number], "fault": fault, **FAULTS[fault]}])
        ended = applier.apply()
        attempts = vendor.store.attempts()
        vendor.faults([])
        assert any(attempt.fault for attempt in attempts), "the fault never struck"
        assert isinstance(ended, Report), ended
        assert ended.exit_code == 0, (number, ended)
        assert_converged(applier)
        assert_no_blind_create(applier.box)


FAULTS_OF_WRITES: dict[str, dict[str, Any]] = {"refuse": {}, "late": {"seconds": IMPATIENT + 0.2}}
LASTING = [(endpoint, fault) for endpoint in CALLS for fault in FAULTS] + [
    (endpoint, fault) for endpoint in CALLS if endpoint != "page" for fault in FAULTS_OF_WRITES
]


@pytest.mark.exhaustive(6)
@pytest.mark.parametrize(("endpoint", "fault"), LASTING)
def test_a_lasting_fault_of_one_endpoint_heals(vendor: Box, tmp_path: Path, endpoint: str, fault: str) -> None:
    """The calls of one endpoint go wrong, from one of them on: two more runs after it is over, and all is well."""
    firsts = sorted({1, CALLS[endpoint]})
    settings = FAULTS_OF_WRITES.get(fault) or FAULTS.get(fault, {})
    for first in firsts if fault in FAULTS_OF_WRITES else numbers(endpoint, fault, firsts):
        applier = begun(tmp_path / str(first), vendor, fault)
        vendor.faults([{"endpoint": endpoint, "calls": {"from": first}, "fault": fault, **settings}])
        ended = applier.apply()
        # A late delete may be carried out twice, the second time after the read-back: nobody can see that coming.
        if isinstance(ended, Report) and ended.exit_code == 0 and endpoint != "page" and fault != "late":
            assert applier.left() == 0, "it said done, and was not"
        vendor.release()
        vendor.faults([])
        assert_no_blind_create(applier.box)
        applier.apply()
        applier.apply()
        assert_converged(applier)
