"""The requests that reached the sandbox (attempts), and those that are still under way because a fault holds them.

What strangers did between them is kept beside them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# A sandbox that runs for weeks must not grow without limit.
MOST_ATTEMPTS = 100_000
PATIENCE = 10.0  # seconds to wait for released requests to end; only a client that does not read makes them take any


class Attempt(NamedTuple):
    """One request that arrived; `committed`: it was a write, and it was carried out."""

    endpoint: str
    operator_ids: list[str]
    fault: str | None
    committed: bool


class Visit(NamedTuple):
    """What a stranger did: created, edited or deleted one agent, with the values that he set.

    `after`: the `seq` of the last write in the history before it, 0 when there was none.
    """

    after: int
    does: str
    operator_id: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class AttemptRecord:
    """The record of one attempt, in which `committed` is set later."""

    endpoint: str
    operator_ids: list[str]
    fault: str | None
    committed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """One request under way. `let_go` ends its waiting: with True it goes on, with False it is given up.

    `over` is set when the request has ended.
    """

    let_go: Future[bool] = field(default_factory=Future)
    over: Future[None] = field(default_factory=Future)

    @property
    def given_up(self) -> bool:
        """Whether the request is to end without doing anything more."""
        return self.let_go.done() and not self.let_go.result()


class Traffic:
    """Attempts and requests under way. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: deque[AttemptRecord] = deque(maxlen=MOST_ATTEMPTS)
        self._visits: deque[Visit] = deque(maxlen=MOST_ATTEMPTS)
        self._holds: set[Hold] = set()

    def record_arrival(self, endpoint: str, operator_ids: list[str], fault: str | None = None) -> AttemptRecord:
        """Adds a request to the attempts."""
        record = AttemptRecord(endpoint, operator_ids, fault)
        with self._lock:
            self._records.append(record)
        return record

    def attempts(self) -> list[Attempt]:
        """Every request, in the order of arrival; the last 100,000."""
        with self._lock:
            return [
                Attempt(record.endpoint, list(record.operator_ids), record.fault, record.committed)
                for record in self._records
            ]

    def record_visit(self, visit: Visit) -> None:
        """Adds what a stranger did."""
        with self._lock:
            self._visits.append(visit)

    def visits(self) -> list[Visit]:
        """What strangers did, in order; the last 100,000."""
        with self._lock:
            return list(self._visits)

    def clear(self) -> None:
        """Forgets the attempts and the visits."""
        with self._lock:
            self._records.clear()
            self._visits.clear()

    @contextmanager
    def under_way(self) -> Iterator[Hold]:
        """Counts a request among those under way while the block runs."""
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
        """Ends the waiting of all requests; each is over when its future is done."""
        with self._lock:
            holds = [hold for hold in self._holds if not hold.let_go.done()]
            for hold in holds:
                hold.let_go.set_result(go_on)
        return [hold.over for hold in holds]

    def settle(self, *, go_on: bool) -> None:
        """Ends the waiting of all requests, and returns when they are over. Not to be called by the server's thread."""
        wait(self.let_go(go_on=go_on), timeout=PATIENCE)
