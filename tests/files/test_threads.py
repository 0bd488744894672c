"""Threads that are ready: all of them or none, whatever memory there is."""

from __future__ import annotations

import subprocess
import sys
from threading import Barrier

import pytest

from reconciler.files.threads import ready_threads


def test_all_run_from_the_first_moment() -> None:
    """As many calls as there are threads run at the same time."""
    together = Barrier(8)
    with ready_threads(8, "one") as threads:
        assert sorted(future.result(60) for future in [threads.submit(together.wait) for _ in range(8)]) == [*range(8)]


SHORT_OF_MEMORY = """
import os, resource, signal
from reconciler.files.threads import ready_threads

def try_with(extra):
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra,) * 2)
    signal.alarm(10)
    try:
        with ready_threads(8, "one") as threads:
            return [*threads.map(abs, range(8))] == [*range(8)]
    except MemoryError:
        return 2

for extra in range(0, 66 * 2**17, 2**13):
    pid = os.fork()
    if not pid:
        os._exit(try_with(extra))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="address space is limited by Linux")
def test_there_is_room_for_all_or_it_is_said() -> None:
    """However little memory there is: eight threads, or a MemoryError; no wait for ever, and no word on stderr.

    With each stack of 8 MiB the same narrow places come again: 16 KiB in which a thread starts and dies.
    """
    done = subprocess.run([sys.executable, "-c", SHORT_OF_MEMORY], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert {*done.stdout.split()} <= {"1", "2"}
