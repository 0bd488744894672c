"""A log line for each request to the vendor: where to, how it ended, what it took; never what it or its answer held."""

from __future__ import annotations

import logging
from typing import Final

from reconciler.core.model.endpoints import EndpointName
from reconciler.log import LOG, milliseconds, tell
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused

_WORDS: Final = ((Ok, "ok"), (Refused, "refused"), (NotSent, "not-sent"), (Lost, "lost"))


class RequestLog:
    """Tells each request once it has ended, and counts tries: the same bytes to the same endpoint until answered."""

    def __init__(self) -> None:
        self._tries: dict[tuple[EndpointName, int], int] = {}

    def tell(self, name: EndpointName, content: bytes, outcome: Outcome, *, waited: float, took: float) -> None:
        """Log a request that has ended; `waited` for its turn and `took` are in seconds."""
        if not LOG.isEnabledFor(logging.INFO):
            return
        key = name, hash(content)
        attempt = self._tries.pop(key, 0) + 1
        more: dict[str, object] = {"code": outcome.code} if isinstance(outcome, Refused) else {}
        if isinstance(outcome, NotSent | Lost):
            self._tries[key] = attempt
            more = {"retry_after": outcome.retry_after} if outcome.retry_after else {}
        word = next(word for kind, word in _WORDS if isinstance(outcome, kind))
        times = {"ms": milliseconds(took), "attempt": attempt, "wait": milliseconds(waited)}
        tell("request", {"endpoint": name, "outcome": word, **times, **more})
