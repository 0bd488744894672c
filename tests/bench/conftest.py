from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.vendor import Vendor, vendor
from tests.bench import COUNT


@pytest.fixture(scope="package")
def seller() -> Iterator[Vendor]:
    """The page server, with so many agents and no pauses."""
    with vendor(COUNT, latency=0) as running:
        yield running
