"""How fast requests may follow one another, and how long to wait before one is repeated.

There is one budget for all, which the vendor can shrink, in the manner of CUBIC (RFC 9438, section 4): a refusal slows
everybody down, the rate that was refused is approached quickly at first and then with care, and passed ever more
quickly when nothing is refused there. So a slower vendor costs a refusal now and then, and not one for each request,
and a vendor that was slow for a while is soon asked as quickly as before.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

LEFT: Final = 0.7
"""What a refusal leaves of the rate."""
CURVE: Final = 0.0025
"""How quickly the rate grows with time: requests a second, for each cubed second away from the plateau."""
SLOWEST: Final = 0.5
"""Requests a second, however often the vendor refuses."""
HOPELESS: Final = 12
"""Refusals one after the other, with nothing let through between them, after which it makes no sense to go on."""
LONGEST_HOLD: Final = 15.0
"""Seconds for which everybody is held back unless the vendor asks for more."""


class RateLimiter:
    """One slot each `1 / rate` seconds for all requests together; `pause` keeps everybody back and slows them down.

    Who waited for a slot gets the number of pauses until then, and hands it back with a refusal: of many requests that
    were in flight together only the first refusal counts. `clock` and `sleep` are in seconds. A rate of 0 is unlimited.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._top = rate or math.inf
        self._plateau = math.inf  # the rate that was refused
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._held = 0.0
        self._pauses = 0
        self._in_a_row = 0
        self._let_through: deque[float] = deque()
        self._lock = threading.Lock()

    @property
    def hopeless(self) -> bool:
        """Whether the vendor has refused everything for so long that it may as well be gone."""
        return self._in_a_row >= HOPELESS

    def wait(self) -> int:
        """Sleep until this request's slot, and on while everybody is held back; the number of pauses until then."""
        with self._lock:
            now = self._clock()
            slot = max(now, self._next)
            self._next = slot + 1 / self._rate(slot)
        while slot > now:
            self._sleep(slot - now)
            now, slot = slot, self._held
        return self._pauses

    def passed(self) -> None:
        """Note that the vendor has taken a request."""
        with self._lock:
            self._in_a_row = 0
            self._let_through.append(self._clock())
            self._forget()

    def pause(self, seconds: float, pauses: int | None = None) -> None:
        """Let no further request go for `seconds`, those that wait for their slot included."""
        with self._lock:
            now = self._clock()
            if pauses in (None, self._pauses):
                self._slow_down(now)
                seconds = max(seconds, min(2.0 ** (self._in_a_row - 2), LONGEST_HOLD))
            self._held = max(self._held, now + seconds)
            self._next = max(self._next, self._held)

    def _slow_down(self, now: float) -> None:
        self._pauses += 1
        self._in_a_row += 1
        if self._in_a_row == 1:  # what is refused after that says only that the vendor still refuses
            self._forget()
            rate = self._rate(now)
            taken = float(len(self._let_through))
            self._plateau = max(SLOWEST / LEFT, min(rate, taken if math.isinf(rate) else max(taken, rate / 4)))

    def _rate(self, at: float) -> float:
        """Requests a second: below the plateau after a refusal, at it some seconds later, and then away from it."""
        if math.isinf(self._plateau):
            return self._top
        to_plateau = math.cbrt(self._plateau * (1 - LEFT) / CURVE)
        rate = self._plateau + CURVE * (max(at - self._held, 0.0) - to_plateau) ** 3
        return min(rate, self._top)

    def _forget(self) -> None:
        second_ago = self._clock() - 1
        while self._let_through and self._let_through[0] <= second_ago:
            self._let_through.popleft()


def backoff(attempt: int, retry_after: float | None, jitter: Callable[[], float] = random.random) -> float:
    """Seconds before try `attempt + 1` (from 1): exponential with full jitter, never less than the vendor asks."""
    return max(retry_after or 0.0, jitter() * min(8.0, 0.25 * 2.0**attempt))
