"""The calls of applies of little, as the page tells them."""

from __future__ import annotations

import pytest

from benchmarks.touched import counted


@pytest.mark.parametrize(
    ("agents", "edits", "before", "saved", "fresh"),
    [
        (20_000, 5, 405, 15, 210),
        (1_000, 1, 21, 3, 12),
        (1_000, 100, 120, 120, 120),
        (100_000, 100, 2_100, 300, 1_200),
        (100_000, 1_000, 3_000, 3_000, 3_000),
    ],
)
def test_calls_are_those_of_the_plan(agents: int, edits: int, before: int, saved: int, fresh: int) -> None:
    """Edits, and for each a look before and after, or the listing where that takes fewer calls."""
    assert counted(agents, edits) == (before, saved, fresh)
