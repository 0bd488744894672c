"""How many requests an apply sends, whether fewer would do, and how long that takes: the same words in every format."""

from __future__ import annotations

from reconciler.core.model.plan import Plan


def requests(plan: Plan) -> str:
    """Such as `9 (3 create, 6 edit), the fewest possible`."""
    calls = plan.call_counts
    total = calls.pop("total")
    if not total:
        return "none"
    each = ", ".join(f"{number:,} {kind}" for kind, number in calls.items() if number)
    fewest = "the fewest possible" if total == plan.fewest_calls else f"where {plan.fewest_calls:,} would do"
    return f"{total:,} ({each}), {fewest}"


def pace(plan: Plan, rate: float) -> str:
    """Such as `about 0.5 s at 20 a second`; empty where no rate limits it (0), or nothing is sent."""
    seconds = len(plan.calls) / rate if rate else 0.0
    took = f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
    return f"about {took} at {rate:g} a second" if seconds else ""
