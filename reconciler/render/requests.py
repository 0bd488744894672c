"""How many requests an apply sends, whether fewer would do, and how long that takes: the same words in every format."""

from __future__ import annotations

from reconciler.core.model import Plan


def requests(plan: Plan, rate: float) -> str:
    """Such as `9 (3 create, 6 edit), the fewest possible, about 0.5 s at 20 a second`. A `rate` of 0 is unlimited."""
    calls = plan.call_counts
    total = calls.pop("total")
    if not total:
        return "none"
    each = ", ".join(f"{number:,} {kind}" for kind, number in calls.items() if number)
    fewest = "the fewest possible" if total == plan.fewest_calls else f"where {plan.fewest_calls:,} would do"
    pace = f", about {_took(total / rate)} at {rate:g} a second" if rate else ""
    return f"{total:,} ({each}), {fewest}{pace}"


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
