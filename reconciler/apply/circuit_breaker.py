"""When a run stops by itself: the vendor is dead, the token no longer holds, or the books can no longer be kept."""

from __future__ import annotations

from typing import Final

from reconciler.core.model.outcome import Event
from reconciler.vendor.answer import NotSent, Ok, Outcome, Refused

DEAD_AFTER: Final = 3
"""Calls in a row without any answer after which the vendor is taken for dead and the run stops."""


class CircuitBreaker:
    """Hears every outcome, and says when it makes no sense to go on. `alive`: the vendor has answered this run."""

    def __init__(self) -> None:
        self.alive = False
        self._silent = 0

    def stop_reason(self, outcome: Outcome, event: Event) -> str:
        """Why the run stops after this outcome, or nothing."""
        if isinstance(outcome, Ok | Refused):
            self.alive, self._silent = True, 0
        else:
            self._silent += 1
        if isinstance(outcome, Refused) and outcome.authentication:
            return "not tried: the vendor no longer accepts the token"
        if self._silent >= DEAD_AFTER:
            away = isinstance(outcome, NotSent) and outcome.turned_away
            return f"not tried: the vendor {'turns every request away' if away else 'does not answer'}"
        if isinstance(outcome, Ok) and event.outcome != "done":
            return "not tried: passwords and intents can no longer be stored"
        return ""
