"""How fast requests may follow one another, and how long to wait before one is repeated.

There is one budget for all, which the vendor can shrink, in the manner of TCP (Chiu and Jain 1989, and the plateau of
CUBIC, RFC 9438): a refusal halves the rate, what follows wins it back quickly until shortly before the rate that was
refused, and from there on slowly. So a slower vendor costs a refusal now and then, and not one for each request.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final

_RECOVERY: Final = 0.97
_NEAR_REFUSAL: Final = 0.999
_MARGIN: Final = 1.2
_FIRST_SLOWDOWN: Final = 0.01
_SLOWEST: Final = 2.0


class RateLimiter:
    """One slot each `1 / rate` seconds for all requests together; `pause` keeps everybody back and slows them down.

    Each pause halves the rate, and every request that follows wins some of it back. `clock` and `sleep` are in seconds.
    A rate of 0 is unlimited.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._shortest = 1 / rate if rate else 0.0
        self._interval = self._shortest
        self._refused = 0.0
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._held = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Sleep until this request's slot, and on while everybody is held back."""
        with self._lock:
            now = self._clock()
            slot = max(now, self._next)
            self._next = slot + self._interval
            recovery = _RECOVERY if self._interval > self._refused * _MARGIN else _NEAR_REFUSAL
            self._interval = max(self._shortest, self._interval * recovery)
        while slot > now:
            self._sleep(slot - now)
            now, slot = slot, self._held

    def pause(self, seconds: float) -> None:
        """Let no further request go for `seconds`, those that wait for their slot included."""
        with self._lock:
            now = self._clock()
            if now >= self._held:  # of many refusals at once only the first slows down
                self._refused = max(self._interval, _FIRST_SLOWDOWN / 2)
                self._interval = min(2 * self._refused, _SLOWEST)
            self._held = max(self._held, now + seconds)
            self._next = max(self._next, self._held)


def backoff(attempt: int, retry_after: float | None, jitter: Callable[[], float] = random.random) -> float:
    """Seconds before try `attempt + 1` (from 1): exponential with full jitter, never less than the vendor asks."""
    return max(retry_after or 0.0, jitter() * min(8.0, 0.25 * 2.0**attempt))
