"""A mixed plan x every fault x every call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model import Report
from reconciler.sandbox.server import Box, running
from tests.process import TOKEN
from tests.reliability.mixed import assert_converged, assert_no_blind_create, begin

FAULTS: dict[str, dict[str, Any]] = {
    "drop-before": {}, "drop-after": {}, "reset-after": {}, "hang": {}, "hang-after": {}, "429": {"retryAfter": 0},
    "5xx-before": {}, "5xx-after": {}, "envelope-5xx-after": {}, "html": {}, "html-after": {}, "truncated": {},
    "cut": {},
}  # fmt: skip
"""Hiccups: what a network or a gateway does once and not again."""

CALLS = {"create/v2": 5, "edit/v2": 7, "del/v2": 2, "editPwd": 1, "page": 2}
"""How many calls the plan has at most of each endpoint; page: the listing before and the one after."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box
        box.faults([])


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_one_hiccup_is_ridden_out(vendor: Box, tmp_path: Path, endpoint: str, fault: str) -> None:
    """Whatever happens once to whichever call: the run itself rides it out, and all is as the file says."""
    for number in range(1, CALLS[endpoint] + 1):
        vendor.faults([])
        applier = begin(tmp_path / str(number), vendor)
        vendor.faults([{"endpoint": endpoint, "calls": [number], "fault": fault, **FAULTS[fault]}])
        ended = applier.apply()
        struck = [attempt for attempt in vendor.store.attempts() if attempt.fault]
        vendor.faults([])
        assert struck, "the fault never struck"
        assert isinstance(ended, Report), ended
        assert ended.exit_code == 0, (number, ended)
        assert_converged(applier)


LASTING = [(endpoint, fault) for endpoint in CALLS for fault in FAULTS] + [
    (endpoint, fault) for endpoint in CALLS if endpoint != "page" for fault in ("refuse", "late")
]


@pytest.mark.parametrize(("endpoint", "fault"), LASTING)
def test_a_lasting_fault_of_one_endpoint_heals(vendor: Box, tmp_path: Path, endpoint: str, fault: str) -> None:
    """Every call of one endpoint goes wrong, from each call on: two more runs after it is over, and all is well."""
    for first in sorted({1, CALLS[endpoint]}):
        vendor.faults([])
        applier = begin(tmp_path / str(first), vendor)
        settings = {"seconds": 0.4} if fault == "late" else FAULTS.get(fault, {})
        vendor.faults([{"endpoint": endpoint, "calls": {"from": first}, "fault": fault, **settings}])
        ended = applier.apply()
        # A late delete may be carried out twice, the second time after the read-back: nobody can see that coming.
        if isinstance(ended, Report) and ended.exit_code == 0 and endpoint != "page" and fault != "late":
            assert applier.left() == 0, "it said done, and was not"
        vendor.release()
        vendor.faults([])
        assert_no_blind_create(applier)
        applier.apply()
        applier.apply()
        assert_converged(applier)
