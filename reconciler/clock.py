"""The time in UTC, and the one way in which files and messages of ours write it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """A time as every file of ours has it: ISO 8601, UTC, whole seconds."""
    return at.strftime(_FORMAT)


def parse_stamp(text: str) -> datetime:
    """The time that a stamp says.

    Raises:
        ValueError: the text is no stamp.
    """
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
