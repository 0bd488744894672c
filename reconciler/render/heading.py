"""What a renderer is given beside the plan: who made it and when, the request rate, and whether colours are allowed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """`tool` is our version; `created_at` is UTC, ISO 8601; `rate` is requests a second, 0 for no limit."""

    tool: str
    created_at: str
    rate: float
    color: bool = False
