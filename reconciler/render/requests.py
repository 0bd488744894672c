"""How many requests an apply sends, whether fewer would do, and how long they take: the same words in every format."""

from __future__ import annotations

from typing import Final

from reconciler.core.model.message import NOTHING, Text, counted, noun, text
from reconciler.core.model.plan import Plan

_UNITS: Final = (
    (86400, noun("day|days")),
    (3600, noun("hour|hours")),
    (60, noun("minute|minutes")),
    (1, noun("second|seconds")),
)


def requests_in_words(plan: Plan) -> Text:
    """Such as `9 (3 create, 6 edit), the fewest possible`."""
    calls = plan.call_counts
    total = calls.pop("total")
    if not total:
        return text("none")
    counts = ", ".join(f"{number:,} {kind}" for kind, number in calls.items() if number)
    fewest = text("where {fewest:,} would do", fewest=plan.fewest_calls)
    if total == plan.fewest_calls:
        fewest = text("the fewest possible")
    return text("{total:,} ({counts}), {fewest}", total=total, counts=counts, fewest=fewest)


def span_in_words(seconds: int) -> Text:
    """Seconds in the largest unit that gives a whole number: `7 days`."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return counted(seconds // size, unit)


def duration_in_words(plan: Plan, rate: float) -> Text:
    """Such as `about 0.5 s at 20 a second`; empty if the rate is 0 (no limit) or nothing is sent."""
    seconds = len(plan.calls) / rate if rate else 0.0
    duration = text("{seconds:.1f} s", seconds=seconds)
    if seconds >= 60:
        duration = text("{minutes:.0f} min", minutes=seconds / 60)
    return text("about {duration} at {rate:g} a second", duration=duration, rate=rate) if seconds else NOTHING
