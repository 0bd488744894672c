"""Files so large that they are read in a process of their own, with the command as its users run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from benchmarks.data import desired_file
from reconciler.files.reader_process import SPAWN_FROM
from reconciler.sandbox.server import Box, running
from tests.process import TOKEN, Workplace
from tests.sandbox.wire import until


@cache
def large() -> bytes:
    """A file that is read in a process of its own."""
    return desired_file(8_000)


@contextmanager
def planning(place: Workplace) -> Iterator[subprocess.Popen[str]]:
    """A `plan` of a large file, as the head of a group of processes of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "plan"],
        cwd=place.folder,
        env=place.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        left = Path(f"/proc/{process.pid}")
        assert process.poll() is not None
        assert not left.exists()


def child_of(process: subprocess.Popen[str]) -> int:
    """The process that reads, once there is one."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (found := children.read_text().split()):
        assert process.poll() is None
        time.sleep(0.001)
    return int(found[0])


def is_over(pid: int) -> bool:
    """Whether a process has ended, also where nobody has taken notice yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Workplace]:
    """A folder with a large file, and a vendor who takes his time."""
    assert len(large()) > SPAWN_FROM
    with running(token=TOKEN, company="acme:4242", latency=300) as box:
        box.store.reset([{"operatorId": str(8000 + number)} for number in range(500)])
        place = Workplace(tmp_path, box.url)
        (tmp_path / "agents.yaml").write_bytes(large())
        yield place


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_both(slow: Workplace, number: signal.Signals) -> None:
    """Interrupted as a terminal does it, the whole group at once: 130, one line, and nobody is left."""
    with planning(slow) as process:
        child = child_of(process)
        os.kill(child, signal.SIGSTOP)  # it would end by itself soon, and here it cannot
        os.killpg(process.pid, number)
        try:
            out, err = process.communicate(timeout=60)
            assert (process.returncode, out, err.strip()) == (130, "", "interrupted")
            until(lambda: is_over(child))
        finally:
            if not is_over(child):
                os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_reader_that_is_killed_is_an_error(slow: Workplace) -> None:
    """The system may end the process that reads: exit 1, in words, with what to do."""
    with planning(slow) as process:
        os.kill(child_of(process), signal.SIGKILL)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("error: the process that reads the files has ended by itself\n")


def test_a_large_plan(place: Workplace, box: Box) -> None:
    """A large file is planned and applied as a small one is, and a bad one is refused with all that is wrong."""
    text = large().decode()
    (place.folder / "agents.yaml").write_text(
        text.replace("name: ", "nmae: ", 2).replace("judge: true", "judge: 1.0", 1)
    )
    for command in (("plan",), ("apply", "-y")):
        ran = place.run(*command, "--format", "json")
        assert ran.code == 1
        found = ran.json["error"]["problems"]
        assert [(problem["line"], problem["path"]) for problem in found] == [
            (5, "agents[0] (100000).nmae"),
            (19, "agents[0] (100000).judge"),
            (21, "agents[1] (100001).nmae"),
        ]
    assert box.store.history() == []
    (place.folder / "agents.yaml").write_text(text)
    planned = place.run("plan", "--target", "10000[0-3]")
    assert "4 to create" in planned.out
    applied = place.run("apply", "-y", "--target", "10000[0-3]")
    assert applied.code == 0
    assert sorted(box.store.agents()) == ["100000", "100001", "100002", "100003"]


@pytest.mark.skipif(sys.platform != "linux", reason="a process is forked there alone")
@pytest.mark.parametrize("limits", ["trap '' CHLD", "ulimit -u 1"])
def test_a_large_plan_where_processes_are_scarce(place: Workplace, limits: str) -> None:
    """Where the end of a process is nobody's news, or no process is to be had, a large file is planned all the same."""
    (place.folder / "agents.yaml").write_bytes(large())
    command = f"{limits}; exec '{sys.executable}' -m reconciler plan --format json --target 10000[0-3]"
    done = subprocess.run(
        ["bash", "-c", command], cwd=place.folder, env=place.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"]["create"] == 4
