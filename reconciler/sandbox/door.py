"""The checks before any endpoint is reached: the token and the rate of requests."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

from reconciler.sandbox.answers import TOKEN_INVALID, TOO_MANY_REQUESTS, turned_away


class TokenBucket:
    """Allows `rate` requests a second, and as many at once after a quiet second."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._capacity = max(1.0, rate)
        self._clock = clock
        self._tokens = self._capacity
        self._filled_at = clock()

    def take(self) -> bool:
        """Takes one token, for one request; False when there is none."""
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Door:
    """Counts every request and checks its token. Without a token set, any token that is not empty is right."""

    def __init__(self, token: str | None = None, bucket: TokenBucket | None = None) -> None:
        self._token = token
        self._bucket = bucket

    def count(self) -> None:
        """Counts one request.

        Raises:
            RefusedError: there are too many requests.
        """
        if self._bucket is not None and not self._bucket.take():
            raise turned_away(TOO_MANY_REQUESTS, "请求过于频繁, 请稍后再试")

    def admit(self, token: str) -> None:
        """Checks the value of the `token` header, "" for a request without one.

        Raises:
            RefusedError: the token is wrong.
        """
        if not token or (self._token is not None and not _same(token, self._token)):
            raise turned_away(TOKEN_INVALID, "token无效或已过期")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="surrogateescape"), other.encode(errors="surrogateescape"))
