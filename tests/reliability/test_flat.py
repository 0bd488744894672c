"""A process that applies again and again, as a service would, grows by nothing."""

from __future__ import annotations

import gc
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconciler.core.model.desired import Policy
from reconciler.core.model.report import Report
from tests.exhaustive import Share
from tests.process import TOKEN
from tests.reliability.mixed import Applier

APPLIES = {True: 1000, False: 350}
"""How many, where all is to be proved and where a part is."""
SETTLED = 200
"""Applies after which every cache is warm."""
HEAD = "version: 1\ncompany: {abbreviate: acme}\nguardrails: {maxDeletes: 100%}\nagents:\n"
ONE = '  - {operatorId: "8001", name: a, password: {generate: true, version: 1}}\n'
POOL = 'pools:\n  - {from: "8005", to: "8009"}\n'
OTHER = '  - {operatorId: "8001", name: b, password: {generate: true, version: 2}}\n' + POOL


@pytest.fixture
def vendor() -> Iterator[str]:
    """The URL of a sandbox in a process of its own, so that only the applies are measured."""
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--token", TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.send_signal(signal.SIGTERM)


def held() -> tuple[int, int, int]:
    """Open files, threads, and blocks of memory, of this process."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), sys.getallocatedblocks()


def applies(url: str, folder: Path, count: int) -> None:
    """So many of them; says what is held after the first ones and at the end."""
    applier = Applier(folder, cast(Any, SimpleNamespace(url=url)), Policy())
    for number in range(count):
        applier.file.write_text(HEAD + (OTHER if number % 2 else ONE), encoding="utf-8")
        ended = applier.apply()
        assert isinstance(ended, Report)
        assert (ended.exit_code, ended.done) == (0, len(ended.results))
        applier.runs.clear()
        if number in (SETTLED, count - 1):
            sys.stdout.write(" ".join(map(str, held())) + "\n")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
@pytest.mark.exhaustive(0)
def test_a_thousand_applies_in_one_process(vendor: str, share: Share, tmp_path: Path) -> None:
    """Creates, a batch, edits, passwords and deletes, a thousand times over: files, threads and memory stay flat."""
    count = APPLIES[share.whole]
    command = [sys.executable, "-m", "tests.reliability.test_flat", vendor, str(tmp_path), str(count)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    before, after = ([int(each) for each in line.split()] for line in ran.stdout.splitlines())
    assert after[:2] == before[:2]
    assert after[2] - before[2] < count - SETTLED, "a block an apply is kept, or more"


if __name__ == "__main__":
    applies(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
