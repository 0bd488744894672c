from __future__ import annotations

import pytest

from benchmarks import stages
from benchmarks.bystage import FLOORS, LOOKS
from benchmarks.data import changed, desired_file
from benchmarks.vendor import Vendor
from tests.bench import COUNT


@pytest.mark.exhaustive(0)
def test_the_stages_make_the_same_plan(seller: Vendor) -> None:
    """One stage after another ends in the plan of the command, and each stage and floor of the table is timed."""
    watch = stages.Watch()
    data = desired_file(COUNT)
    stages.floors(watch, data, seller.port)
    desired = stages.offline(watch, data)
    assert stages.planned(watch, desired, stages.fetched(watch, desired, seller.port)) == changed(COUNT)
    assert {*FLOORS, *(floor for floors in FLOORS.values() for floor in floors)} <= watch.spent.keys()
    assert LOOKS in watch.spent
