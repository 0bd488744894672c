"""What is known of one kind of message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: what it means, what is written or done where one is told, and what to write or do about it."""

    meaning: str
    wrong: str
    right: str
