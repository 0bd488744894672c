"""The vendor's time, as its answers tell it."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from reconciler.vendor.server_time import ServerTime


def test_the_time_is_never_later_than_the_vendors() -> None:
    """Of several answers the fastest counts: an answer that came late makes no time later, and none earlier."""
    clock, told = ServerTime(), int(time.time()) + 1_000_000
    clock.hear({"date": formatdate(told, usegmt=True)})
    first = clock.now()
    clock.hear({"date": formatdate(told - 100, usegmt=True)})
    second = clock.now()
    assert first is not None
    assert second is not None
    assert told * 1000 <= first <= second < (told + 600) * 1000


@pytest.mark.parametrize(
    "headers", [{}, {"date": ""}, {"date": "yesterday"}, {"date": "Mon, 99 Xxx 99999 99:99:99 GMT"}]
)
def test_an_answer_that_tells_no_time(headers: dict[str, str]) -> None:
    """It changes nothing."""
    clock = ServerTime()
    clock.hear(headers)
    assert clock.now() is None
