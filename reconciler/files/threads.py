"""Threads that are there before anything depends on them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from mmap import mmap
from typing import Final

_ROOM: Final = 12 * 1024 * 1024
"""Bytes of address space: a stack of 8 MiB, and what Python takes at a time."""


def check_room() -> None:
    """Check that there is room for another thread. The memory is never written to, so that it costs next to nothing.

    Where a new thread finds no memory before its first line, `Thread.start` waits for its word for ever.

    Raises:
        MemoryError: there is none.
    """
    try:
        mmap(-1, _ROOM).close()
    except OSError:
        raise MemoryError from None


def ready_threads(count: int, name: str) -> ThreadPoolExecutor:
    """A pool of so many threads, each of them started: one that starts them one by one may find no room for the next.

    Raises:
        MemoryError: the system has no room for them.
    """
    threads = ThreadPoolExecutor(count, name)
    together = threading.Barrier(count)
    started = []
    try:
        for _ in range(count):
            check_room()
            started.append(threads.submit(together.wait))
        for each in started:
            each.result()
    except BaseException as error:
        together.abort()
        threads.shutdown()
        if isinstance(error, RuntimeError):  # the system cannot start one more
            raise MemoryError from None
        raise
    return threads
