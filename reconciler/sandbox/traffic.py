"""What reached the sandbox and what is still under way: the attempts, and the requests that a fault holds back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

# A sandbox left running for weeks must not grow for ever.
MOST_ATTEMPTS = 100_000
PATIENCE = 10.0  # seconds for what was let go to be over; it takes none, unless a client does not read


class Attempt(NamedTuple):
    """One request that arrived: what it asked for, the fault that hit it, whether it was a write carried out."""

    endpoint: str
    operator_ids: list[str]
    fault: str | None
    committed: bool


@dataclass(slots=True)
class Entry:
    """The line of one attempt, which is told later whether it was committed."""

    endpoint: str
    operator_ids: list[str]
    fault: str | None
    committed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """One request under way. `let_go` ends its waiting: with True it goes on, with False it is given up."""

    let_go: Future[bool] = field(default_factory=Future)
    over: Future[None] = field(default_factory=Future)

    @property
    def given_up(self) -> bool:
        """Whether it is to end without doing anything more."""
        return self.let_go.done() and not self.let_go.result()


class Traffic:
    """Attempts and requests under way, seen from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=MOST_ATTEMPTS)
        self._holds: set[Hold] = set()

    def arrived(self, endpoint: str, operator_ids: list[str], fault: str | None = None) -> Entry:
        """Notes a request."""
        entry = Entry(endpoint, operator_ids, fault)
        with self._lock:
            self._entries.append(entry)
        return entry

    def attempts(self) -> list[Attempt]:
        """Every request, in the order of arrival; the last 100,000."""
        with self._lock:
            return [Attempt(e.endpoint, list(e.operator_ids), e.fault, e.committed) for e in self._entries]

    def clear(self) -> None:
        """Forgets the attempts."""
        with self._lock:
            self._entries.clear()

    @contextmanager
    def under_way(self) -> Iterator[Hold]:
        """Keeps a request in sight for as long as the block lasts."""
        hold = Hold()
        with self._lock:
            self._holds.add(hold)
        try:
            yield hold
        finally:
            with self._lock:
                self._holds.remove(hold)
            hold.over.set_result(None)

    def let_go(self, *, go_on: bool) -> list[Future[None]]:
        """Ends all waiting; each request is over when its future is."""
        with self._lock:
            holds = [hold for hold in self._holds if not hold.let_go.done()]
            for hold in holds:
                hold.let_go.set_result(go_on)
        return [hold.over for hold in holds]

    def settle(self, *, go_on: bool) -> None:
        """Ends all waiting, and returns when those requests are over; not for the server's own thread."""
        wait(self.let_go(go_on=go_on), timeout=PATIENCE)
