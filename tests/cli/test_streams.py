"""What a run does when nobody can hear it any more: its books and its exit code do not depend on a stream."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.server import Box
from tests.process import Workplace

pytestmark = pytest.mark.exhaustive(4)
"""Real processes take their time: a part of the parameter sets stands for all."""

FULL = Path("/dev/full")
IDS = [str(8001 + number) for number in range(8)]
EMPTIED = 'version: 1\ncompany: {abbreviate: acme}\nguardrails: {maxDeletes: 100%}\nagents: [{operatorId: "9001"}]\n'
APPLY = (sys.executable, "-m", "reconciler", "apply", "--auto-approve", "--delete-list", "1")


@pytest.fixture
def work(place: Workplace, box: Box) -> Workplace:
    """A folder with a plan of eight single deletes and a create."""
    box.store.reset([{"operatorId": id_} for id_ in IDS])
    place.write(EMPTIED)
    return place


def assert_all_was_done(place: Workplace, box: Box) -> None:
    """The plan was carried out to its end, and its books are closed."""
    assert sorted(box.store.agents()) == ["9001"]
    told = place.run("status", "--format", "json").json
    assert told["run"]["ended"] == "done"
    assert {call["outcome"] for call in told["calls"]} == {"done"}


def start(place: Workplace, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
    """An apply as users start it."""
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.Popen([*APPLY, *arguments], cwd=place.folder, env=place.environment(), **more)


@pytest.mark.parametrize("lines", [1, 3, 12])
def test_a_reader_that_leaves(work: Workplace, box: Box, lines: int) -> None:
    """`apply 2>&1 | head`: the run goes on to its end, however early the reader goes."""
    command = f'"$@" 2>&1 | head -{lines}; exit ${{PIPESTATUS[0]}}'
    ran = subprocess.run(
        ["bash", "-c", command, "bash", *APPLY], cwd=work.folder, env=work.environment(),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert_all_was_done(work, box)


@pytest.mark.skipif(not FULL.exists(), reason="a full disk is Linux's")
@pytest.mark.parametrize("streams", [("stdout",), ("stderr",), ("stdout", "stderr")], ids=" and ".join)
def test_a_full_disk(work: Workplace, box: Box, streams: tuple[str, ...]) -> None:
    """Where what is said has no room all is done that was to be done; the exit code is the run's."""
    box.faults([{"endpoint": "writes", "fault": "slow", "seconds": 0.3}])
    with FULL.open("wb") as full, start(work, "--parallelism", "1", **dict.fromkeys(streams, full)) as process:
        said = b"".join(part or b"" for part in process.communicate(timeout=60))
    box.faults([])
    assert process.returncode == 0, said
    assert b"Traceback" not in said
    assert_all_was_done(work, box)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_were_closed_before(work: Workplace, box: Box, closed: str) -> None:
    """A stream that is closed from the start keeps no run from its end, and no file takes its number."""
    ran = subprocess.run(
        ["bash", "-c", f'exec "$@" {closed}', "bash", *APPLY], cwd=work.folder, env=work.environment(),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert_all_was_done(work, box)


def test_without_a_stdin_nobody_is_asked(work: Workplace, box: Box) -> None:
    """`apply <&-` refuses as it does without a terminal."""
    ran = subprocess.run(
        ["bash", "-c", 'exec "$@" <&-', "bash", sys.executable, "-m", "reconciler", "apply"],
        cwd=work.folder, env=work.environment(), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 3
    assert "there is no terminal to ask on" in ran.stderr
    assert box.store.history() == []


# Events.


def test_events_that_nobody_reads(work: Workplace, box: Box) -> None:
    """A pipe without a reader is refused before anything is sent."""
    os.mkfifo(work.folder / "events")
    ran = work.run("apply", "--auto-approve", "--events", "events")
    assert ran.code == 1
    assert "nobody reads the pipe" in ran.err
    assert box.store.history() == []
    assert work.run("apply", "--auto-approve").code == 0


@pytest.mark.exhaustive(0)
@pytest.mark.parametrize("leaves", [True, False], ids=["gone", "asleep"])
def test_events_that_are_read_no_longer(work: Workplace, box: Box, leaves: bool) -> None:
    """A reader that goes, or stops reading, is given up with a word, once; the run goes on."""
    path = work.folder / "events"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    filler = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        if not leaves:  # the pipe is full, as after many events
            for piece in (4096, 1):
                with suppress(BlockingIOError):
                    while os.write(filler, b"\n" * piece):
                        pass
        box.faults([{"endpoint": "writes", "calls": [1], "fault": "slow", "seconds": 30}])
        with start(work, "--events", "events") as process:
            while not any(attempt.endpoint != "page" for attempt in box.store.attempts()):
                assert process.poll() is None
            if leaves:
                os.close(reader)
            box.release()
            _, err = process.communicate(timeout=60)
    finally:
        for handle in (filler,) if leaves else (filler, reader):
            os.close(handle)
    assert process.returncode == 0
    assert err.decode().count("takes no more") == 1
    assert_all_was_done(work, box)


def test_events_to_a_reader(work: Workplace) -> None:
    """A pipe that is read gets a line for each call."""
    os.mkfifo(work.folder / "events")
    with subprocess.Popen(["cat", "events"], cwd=work.folder, stdout=subprocess.PIPE, text=True) as reader:
        # A writer that holds the pipe open lets both sides begin in any order.
        handle = os.open(work.folder / "events", os.O_RDWR)
        with start(work, "--events", "events") as process:
            process.communicate(timeout=60)
        os.close(handle)
        read, _ = reader.communicate(timeout=60)
    assert len([json.loads(line) for line in read.splitlines()]) == len(IDS) + 1


# Memory.


def _at_most(megabytes: int) -> Callable[[], None]:
    size = megabytes * 1024 * 1024
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))


@pytest.mark.exhaustive(3)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="address space is limited by Linux")
@pytest.mark.parametrize("megabytes", range(120, 1000, 80))
def test_too_little_memory(work: Workplace, box: Box, megabytes: int) -> None:
    """With little memory a run is refused before its first call, in plain words; or it closes its books."""
    with start(work, preexec_fn=_at_most(megabytes)) as process:
        out, err = process.communicate(timeout=60)
    said = (out + err).decode()
    assert "Traceback" not in said
    assert "internal error" not in said
    if box.store.history():
        assert process.returncode in (0, 4), said
        assert work.run("status", "--format", "json").json["run"]["ended"]
    else:
        assert process.returncode == 1, said
        assert "not enough memory" in said
    assert work.run("apply", "--auto-approve").code == 0


# What is said.


def test_counts_that_add_up(work: Workplace, box: Box) -> None:
    """A call that ends in parts never makes progress pass its total."""
    box.faults([
        {"endpoint": "del/v2", "fault": "limit-list", "max": 1},
        {"endpoint": "writes", "fault": "slow", "seconds": 0.4},
    ])  # fmt: skip
    command = [*APPLY, "--delete-list", "100", "--parallelism", "1"]
    script = "import reconciler.cli.progress as p; p.SECONDS_BETWEEN_LINES = p.QUIET_SECONDS = 0.0\n"
    script += f"import sys; sys.argv[1:] = {command[3:]!r}\nfrom reconciler.cli.main import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=work.folder, env=work.environment(), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    told = [line for line in ran.stderr.splitlines() if line.startswith("applying: ")]
    counts = [line.removeprefix("applying: ").removesuffix(" agents").split(" of ") for line in told]
    assert counts
    assert all(int(done) <= int(total) for done, total in counts), counts
    assert counts[-1] == ["9", "9"]


def test_credentials_are_named_only_where_there_are_some(work: Workplace, box: Box) -> None:
    """A run that made no credential, or had the only one refused, names no file; one that made some shows its path."""
    box.faults([{"endpoint": "create/v2", "fault": "refuse"}])
    assert "New credentials" not in work.run("apply", "--auto-approve").err
    box.faults([])
    ran = work.run("apply", "--auto-approve", "--credentials", "new\x1b[31m.jsonl")
    assert "New credentials are in" in ran.err
    assert "\x1b" not in ran.err
    assert "New credentials" not in work.run("apply", "--auto-approve").err
