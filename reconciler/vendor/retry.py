"""How often a request is repeated, after what pause, and how many repetitions a whole run may spend."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final

from reconciler.log import tell, wait_told

CALL_TRIES: Final = 4
"""Times that one call is sent at most."""
READ_TRIES: Final = 6
LISTING_TRIES: Final = 6
MAX_RESENDS: Final = 50
"""How often one request is sent again while the vendor turns it away and lets others through."""


def backoff(attempt: int, retry_after: float | None, jitter: Callable[[], float] = random.random) -> float:
    """Seconds to wait after try number `attempt` (from 1): exponential with full jitter, at least `retry_after`."""
    return max(retry_after or 0.0, jitter() * min(8.0, 0.25 * 2.0**attempt))


class Budget:
    """Requests beyond the planned ones that a whole run may spend, so that a dead vendor is not flooded.

    A fifth of the planned calls, and enough to ride out one hiccup of a small plan: a look-up and a repetition.
    """

    def __init__(self, planned: int) -> None:
        self._left = max(2, planned // 5)
        self._in_flight = 0
        self._closed = False
        self._changed = threading.Condition()

    def take(self) -> bool:
        """Whether one more may be sent. The last ones that are in flight may be answered, and are waited for."""
        with self._changed:
            if not self._left and self._in_flight:
                with wait_told("budget"):
                    while not self._left and self._in_flight:
                        self._changed.wait()
            if not self._left:
                tell("budget spent")
                return False
            self._left -= 1
            self._in_flight += 1
            return True

    def close(self) -> None:
        """Let nothing more be spent: trying again would change nothing."""
        with self._changed:
            self._left = 0
            self._closed = True

    def give_back(self, *, answered: bool) -> None:
        """Note that one has ended; when it was answered the vendor lives, and answers cost nothing."""
        with self._changed:
            self._in_flight -= 1
            self._left += answered and not self._closed
            self._changed.notify_all()
