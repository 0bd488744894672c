"""Threads that are there before anything depends on them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def ready_threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """So many threads, each of them started. A pool that starts them one by one may find no room for the next one.

    Raises:
        MemoryError: the system has no room for them.
    """
    together = threading.Barrier(count)
    with ThreadPoolExecutor(count, name) as threads:
        try:
            started = [threads.submit(together.wait) for _ in range(count)]
        except RuntimeError:
            together.abort()
            raise MemoryError from None
        for each in started:
            each.result()
        yield threads
