"""How fast requests may follow one another.

All requests share one rate. A refusal (HTTP 429) lowers it, in the manner of CUBIC (RFC 9438, section 4): the rate then
rises quickly towards the rate that was refused, slows down near it, and rises ever faster beyond it while the vendor
refuses nothing. So a vendor that becomes slower costs one refusal now and then, not one for each request. A vendor that
was slow for a while is soon asked as quickly as before.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

DECREASE_FACTOR: Final = 0.7
"""A refusal multiplies the rate by this (beta in RFC 9438)."""
GROWTH: Final = 0.0025
"""How quickly the rate grows (C in RFC 9438): requests a second, for each cubed second away from the plateau."""
SLOWEST: Final = 0.5
"""Requests a second that remain, however often the vendor refuses."""
HOPELESS_AFTER: Final = 12
"""Consecutive refusals, with nothing let through between them, after which it makes no sense to go on."""
LONGEST_HOLD: Final = 15.0
"""Seconds for which all requests are held back at most, unless the vendor asks for more."""


class RateLimiter:
    """Gives one slot every `1 / rate` seconds to all requests together; `pause` holds all back and lowers the rate.

    `wait` returns the number of pauses so far, and the caller hands it to `pause` with a refusal: of many requests that
    were in flight together only the first refusal counts. `rate` is in requests a second, 0 for no limit; `clock` and
    `sleep` are in seconds. Safe for threads.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._highest = rate or math.inf
        self._plateau = math.inf  # the rate that was refused
        self._clock = clock
        self._sleep = sleep
        self._next_slot = 0.0
        self._held_until = 0.0
        self._pauses = 0
        self._refusals_in_a_row = 0
        self._answer_times: deque[float] = deque()  # of the last second
        self._lock = threading.Lock()

    @property
    def hopeless(self) -> bool:
        """Whether the vendor has refused everything for so long that it may as well be gone."""
        return self._refusals_in_a_row >= HOPELESS_AFTER

    def wait(self) -> int:
        """Sleep until this request's slot, and longer while all are held back; return the number of pauses so far.

        A sleep that ends early ends the wait: whoever sends looks first whether the run has been stopped.
        """
        with self._lock:
            now = self._clock()
            slot = max(now, self._next_slot)
            self._next_slot = slot + 1 / self._rate(slot)
        while slot > now:
            self._sleep(slot - now)
            now, slot = slot, self._held_until
        return self._pauses

    def record_answer(self) -> None:
        """Note that the vendor let a request through and answered it."""
        with self._lock:
            self._refusals_in_a_row = 0
            self._answer_times.append(self._clock())
            self._forget_old_answers()

    def pause(self, seconds: float, pauses: int | None = None) -> None:
        """Let no request go for `seconds`, not even those that wait for their slot.

        `pauses` is what `wait` returned for the refused request; a refusal from before the latest pause is not counted.
        """
        with self._lock:
            now = self._clock()
            if pauses in (None, self._pauses):
                self._slow_down(now)
                seconds = max(seconds, min(2.0 ** (self._refusals_in_a_row - 2), LONGEST_HOLD))
            self._held_until = max(self._held_until, now + seconds)
            self._next_slot = max(self._next_slot, self._held_until)

    def _slow_down(self, now: float) -> None:
        self._pauses += 1
        self._refusals_in_a_row += 1
        if self._refusals_in_a_row == 1:  # a later refusal in a row only says that the vendor still refuses
            self._forget_old_answers()
            rate = self._rate(now)
            answered = float(len(self._answer_times))
            refused_rate = min(rate, answered if math.isinf(rate) else max(answered, rate / 4))
            self._plateau = max(SLOWEST / DECREASE_FACTOR, refused_rate)

    def _rate(self, at: float) -> float:
        """Requests a second: below the plateau after a refusal, at it some seconds later, above it after that."""
        if math.isinf(self._plateau):
            return self._highest
        to_plateau = math.cbrt(self._plateau * (1 - DECREASE_FACTOR) / GROWTH)
        rate = self._plateau + GROWTH * (max(at - self._held_until, 0.0) - to_plateau) ** 3
        return min(rate, self._highest)

    def _forget_old_answers(self) -> None:
        second_ago = self._clock() - 1
        while self._answer_times and self._answer_times[0] <= second_ago:
            self._answer_times.popleft()
