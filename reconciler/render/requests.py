"""How many requests an apply sends, whether fewer would do, and how long they take: the same words in every format."""

from __future__ import annotations

from reconciler.core.model.plan import Plan


def requests_in_words(plan: Plan) -> str:
    """Such as `9 (3 create, 6 edit), the fewest possible`."""
    calls = plan.call_counts
    total = calls.pop("total")
    if not total:
        return "none"
    counts = ", ".join(f"{number:,} {kind}" for kind, number in calls.items() if number)
    fewest = "the fewest possible" if total == plan.fewest_calls else f"where {plan.fewest_calls:,} would do"
    return f"{total:,} ({counts}), {fewest}"


def duration_in_words(plan: Plan, rate: float) -> str:
    """Such as `about 0.5 s at 20 a second`; empty if the rate is 0 (no limit) or nothing is sent."""
    seconds = len(plan.calls) / rate if rate else 0.0
    duration = f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
    return f"about {duration} at {rate:g} a second" if seconds else ""
