"""What a rendering says beside the plan itself: where and when it was made, and how it may look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """`created_at` is UTC, ISO 8601; `rate` is requests a second, 0 for unlimited; `color` allows ANSI colours."""

    tool: str
    created_at: str
    rate: float
    color: bool = False
