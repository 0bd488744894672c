"""Who is let in, and how often: the token and the rate. Both refuse before any endpoint is reached."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

from reconciler.sandbox.answers import TOKEN_INVALID, TOO_MANY_REQUESTS, turned_away


class Bucket:
    """A token bucket: `rate` requests a second, and as many at once after a quiet second."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._room = max(1.0, rate)
        self._clock = clock
        self._left = self._room
        self._at = clock()

    def take(self) -> bool:
        """Takes one request's worth; False when there is none."""
        now = self._clock()
        self._left = min(self._room, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Door:
    """Counts every request and asks it for the token; with none set, any that is not empty will do."""

    def __init__(self, token: str | None = None, bucket: Bucket | None = None) -> None:
        self._token = token
        self._bucket = bucket

    def count(self) -> None:
        """Counts one request.

        Raises:
            RefusedError: there are too many.
        """
        if self._bucket is not None and not self._bucket.take():
            raise turned_away(TOO_MANY_REQUESTS, "请求过于频繁, 请稍后再试")

    def admit(self, token: str) -> None:
        """Looks at the `token` header, "" when there is none.

        Raises:
            RefusedError: it is not the right one.
        """
        if not token or (self._token is not None and not _same(token, self._token)):
            raise turned_away(TOKEN_INVALID, "token无效或已过期")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="surrogateescape"), other.encode(errors="surrogateescape"))
