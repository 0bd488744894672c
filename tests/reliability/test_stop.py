"""Stop means stop: after a signal nothing is put on the wire that was not there, whatever a request was waiting for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpcore
import pytest

from reconciler.sandbox.server import Box
from reconciler.vendor.answer import NotSent
from tests.process import Workplace
from tests.vendor.line import line
from tests.vendor.vendor_stub import stub

pytestmark = pytest.mark.exhaustive(6)
"""Real processes take their time: a part of the parameter sets stands for all."""

IDS = [str(8001 + number) for number in range(60)]
EMPTIED = 'version: 1\ncompany: {abbreviate: acme}\nguardrails: {maxDeletes: 100%}\nagents: [{operatorId: "9001"}]\n'
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Case:
    """How an apply comes to wait: its flags, the vendor's faults, and after how many requests the signal is sent."""

    flags: Sequence[str]
    faults: Sequence[dict[str, Any]]
    after: int


CASES = {
    "for its slot": Case(("--rate", "20"), (), 5),
    "for its slot, many at once": Case(("--rate", "1", "--parallelism", "40"), (), 2),
    "as long as the vendor asks": Case(
        ("--rate", "0"), ({"endpoint": "writes", "calls": {"from": 3}, "fault": "429", "retryAfter": 60},), 3
    ),
    "before it tries again": Case(
        ("--rate", "4"), ({"endpoint": "writes", "calls": {"from": 2}, "fault": "drop-before"},), 2
    ),
    "for what may be spent": Case(
        ("--rate", "0", "--parallelism", "40"),
        (
            {"endpoint": "writes", "calls": {"from": 2}, "fault": "drop-before"},
            {"endpoint": "one/v2", "fault": "slow", "seconds": 3},
        ),
        50,
    ),
}


def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.005)


@contextmanager
def applying(place: Workplace, *flags: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """An apply as users start it, with pauses as long as theirs, that ends with the block."""
    command = [sys.executable, "-m", "reconciler", "apply", "--auto-approve", "--delete-list", "1", *flags]
    with subprocess.Popen(
        command, cwd=place.folder, env=place.environment(), stdin=subprocess.DEVNULL, text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def writes(box: Box) -> int:
    """How many requests the vendor has seen since the listing."""
    return sum(attempt.endpoint != "page" for attempt in box.store.attempts())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.exhaustive(8)
def test_nothing_is_sent_after_a_signal(place: Workplace, box: Box, case: Case, number: signal.Signals) -> None:
    """Whatever a request waits for, once the signal was handled it is not sent; the run is 130 and its books closed."""
    box.store.reset([{"operatorId": id_} for id_ in IDS])
    box.faults(case.faults)
    place.write(EMPTIED)
    said = place.folder / "said"
    with said.open("w") as stderr, applying(place, *case.flags, stderr=stderr) as process:
        until(lambda: writes(box) >= case.after)
        process.send_signal(number)
        until(lambda: "stopping" in said.read_text())
        time.sleep(0.05)  # for what was on the wire to arrive
        seen = writes(box)
        box.release()
        process.communicate()
    assert process.returncode == 130
    assert writes(box) == seen
    box.faults([])
    told = place.run("status", "--format", "json").json
    assert told["run"]["ended"] == "interrupted"


def test_a_connection_that_is_made_too_late_sends_nothing() -> None:
    """A run that is stopped while a connection is being made sends nothing over it."""
    real, stopped = httpcore.SyncBackend.connect_tcp, []

    def slow(*arguments: Any, **more: Any) -> httpcore.NetworkStream:
        stopped.append(True)
        return real(*arguments, **more)

    with stub() as vendor, line(vendor.url) as client, patch.object(httpcore.SyncBackend, "connect_tcp", slow):
        client.transport.stopped = lambda: bool(stopped)
        outcome = client.edit()
        assert isinstance(outcome, NotSent)
        assert outcome.interrupted
        assert vendor.requests == []


def test_a_terminal_that_closes_is_an_interrupt(place: Workplace, box: Box) -> None:
    """A hang-up stops a run like SIGTERM, and hang-ups that follow do not cut its end short."""
    box.store.reset([{"operatorId": id_} for id_ in IDS])
    box.faults([{"endpoint": "writes", "fault": "slow", "seconds": 3}])
    place.write(EMPTIED)
    said = place.folder / "said"
    with said.open("w") as stderr, applying(place, "--rate", "20", stderr=stderr) as process:
        until(lambda: writes(box) >= 1)
        process.send_signal(signal.SIGHUP)
        until(lambda: "stopping" in said.read_text())
        process.send_signal(signal.SIGHUP)
        time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        box.release()
        process.communicate()
    assert process.returncode == 130
    told = place.run("status", "--format", "json").json
    assert told["run"]["ended"] == "interrupted"
    assert [call for call in told["calls"] if call["outcome"] == "unknown"] == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_stays_ignored(place: Workplace, box: Box, number: signal.Signals) -> None:
    """A run that was started with a signal ignored, as by nohup, goes on to its end when it comes."""
    box.store.reset([{"operatorId": id_} for id_ in IDS[:8]])
    box.faults([{"endpoint": "writes", "calls": [1], "fault": "slow", "seconds": 3}])
    place.write(EMPTIED)
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with applying(place, "--rate", "0") as process:
            until(lambda: writes(box) >= 1)
            process.send_signal(number)
            time.sleep(0.05)
            box.release()
            process.communicate()
    finally:
        signal.signal(number, before)
    assert process.returncode == 0
    assert sorted(box.store.agents()) == ["9001"]


def _on_a_terminal(place: Workplace, *arguments: str) -> tuple[subprocess.Popen[bytes], int]:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "reconciler", "apply", *arguments]
    process = subprocess.Popen(
        command, cwd=place.folder, env=place.environment(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    return process, ours


def _answered(place: Workplace, meanwhile: Callable[[], object], answer: bytes = b"yes\n") -> tuple[int, str]:
    """An apply on a terminal that is answered after something has happened; its code and what it showed."""
    process, ours = _on_a_terminal(place)
    with process:
        shown = b""
        while b"Only 'yes' goes on" not in shown:
            shown += os.read(ours, 4096)
        meanwhile()
        os.write(ours, answer)
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
    os.close(ours)
    return process.returncode, shown.decode()


WANTED = """\
version: 1
company: {abbreviate: acme}
guardrails: {maxDeletes: 100%}
agents: [{operatorId: "8002", name: new}, {operatorId: "8101"}]
"""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"operatorId": "8001", "name": "keep this person"}, "now keep this person"),
        ({"operatorId": "8101"}, "appeared"),
        ({"operatorId": "8002", "name": "somebody"}, "somebody"),
    ],
    ids=["of whom is deleted", "of whom is created", "of whom is edited"],
)
def test_what_moved_during_the_question_is_not_written(
    place: Workplace, box: Box, change: dict[str, Any], says: str
) -> None:
    """An agent of the plan that changed while the question was asked: exit 3 with the difference, and nothing sent."""
    agents = {"8001": {"operatorId": "8001", "name": "old"}, "8002": {"operatorId": "8002", "name": "old"}}
    box.store.reset(agents.values())
    place.write(WANTED)
    agents[change["operatorId"]] = change
    code, shown = _answered(place, lambda: box.store.reset(agents.values()))
    assert code == 3
    assert says in shown[shown.index("Only 'yes'") :]
    assert box.store.history() == []


def test_what_others_do_during_the_question_is_nothing_to_it(place: Workplace, box: Box) -> None:
    """A change of an agent that the plan does not touch stops nobody."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}, {"operatorId": "9000", "name": "a"}])
    place.write(WANTED.replace("company:", "scope: {operatorId: ['8*']}\ncompany:"))
    rows = [{"operatorId": "8001"}, {"operatorId": "8002"}, {"operatorId": "9000", "name": "b"}]
    code, shown = _answered(place, lambda: box.store.reset(rows))
    assert code == 0, shown
    assert sorted(box.store.agents()) == ["8002", "8101", "9000"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux")
def test_a_terminal_that_is_gone_approves_nothing(place: Workplace, box: Box) -> None:
    """A terminal that closes while it is asked ends the apply; nothing is sent, and the lock is free."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}])
    place.write(WANTED)
    process, ours = _on_a_terminal(place)
    with process:
        shown = b""
        while b"Only 'yes' goes on" not in shown:
            shown += os.read(ours, 4096)
        os.close(ours)
    assert process.returncode in (3, 130)
    assert box.store.history() == []
    assert place.run("apply", "--auto-approve").code == 0
