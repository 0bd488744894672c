"""Files read in a process of their own: what it finds arrives here, and so does its end."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks.data import desired_file
from reconciler.apply.goal import FilesGoal
from reconciler.apply.refresh import refresh
from reconciler.cli.inputs import Options, files_goal, open_session
from reconciler.core.desired.read import read_files
from reconciler.core.model.desired import Company, DesiredState
from reconciler.core.model.message import text
from reconciler.core.saved.plan_json import plan_document
from reconciler.errors import InvalidFiles, ReconcilerError, VendorError, WrongUsage
from reconciler.files import reader_process
from reconciler.files.desired_files import FilesRead
from reconciler.files.reader_process import FORK_FROM, SPAWN_FROM, ReaderProcess, is_worthwhile
from reconciler.sandbox.server import Box
from tests.core.build import HEAD
from tests.process import TOKEN
from tests.vendor.vendor_stub import PATIENCE, Shelf, Stub

GOOD = [("agents.yaml", (HEAD + 'agents: [{operatorId: "8001", name: 张三}]\n').encode())]
BAD = [("agents.yaml", (HEAD + 'agents: [{operatorId: "8001", nmae: 张三}]\n').encode())]


@cache
def much() -> list[tuple[str, bytes]]:
    """A file that takes long to be read."""
    return [("agents.yaml", desired_file(20_000))]


def pid(reading: ReaderProcess) -> int:
    """The process that reads."""
    return reading._process.pid


def gone(process: int) -> bool:
    """Whether a process has ended and somebody has taken notice."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(autouse=True)
def _spawned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's processes have threads that nobody counts: there nothing is forked."""
    monkeypatch.setattr(threading, "active_count", lambda: 2)


def test_a_state_arrives() -> None:
    """What another process read is what this one would have read, and no process is left."""
    with ReaderProcess(GOOD) as reading:
        assert (reading.desired(), ()) == read_files(GOOD)
        reading.check()
        process = pid(reading)
    assert gone(process)


ALONE = """
import sys
from reconciler.files import reader_process
from reconciler.files.desired_files import FilesRead
from reconciler.errors import ReconcilerError
if sys.argv[1] == "bad":
    reader_process.packed_company = lambda _: 1 / 0
with reader_process.ReaderProcess([("a.yaml", b"version: 1\\ncompany: {abbreviate: acme}\\nagents: []\\n")]) as reading:
    try:
        print(reading._process.__class__.__name__, reading.desired().company.abbreviate)
    except ReconcilerError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
@pytest.mark.parametrize(
    ("how", "said"), [("good", "_Fork acme"), ("bad", "the process that reads the files has ended by itself")]
)
def test_without_threads_it_is_forked(how: str, said: str) -> None:
    """Where no thread is yet a fork will do; and what goes wrong inside is its death, without a traceback."""
    command = [sys.executable, "-c", ALONE, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == (said, "")


KILLED = """
import os, signal
from reconciler.files import reader_process
from reconciler.files.desired_files import FilesRead
from tests.files.test_reader_process import much
reading = reader_process.ReaderProcess(much())
print(reading._process.__class__.__name__, flush=True)
reading._thread.join(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
def test_it_does_not_outlive_us() -> None:
    """Killed without a word, this process leaves nobody behind who waits to be heard."""
    # The pipe to here ends when the last process that holds it does.
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "_Fork\n")


def test_problems_arrive() -> None:
    """Problems are raised as they would have been here, to whoever waits and to whoever asks."""
    with ReaderProcess(BAD) as reading:
        with pytest.raises(InvalidFiles) as caught:
            reading.desired()
        assert (None, caught.value.problems) == read_files(BAD)
        with pytest.raises(InvalidFiles):
            reading.check()


def test_it_takes_no_interrupts() -> None:
    """A signal to the whole group is for this process to act on."""
    with ReaderProcess(much()) as reading:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid(reading), number)
        assert len(reading.desired().agents) == 20_000


def test_whoever_leaves_early_ends_it() -> None:
    """It does not outlive what it was begun for."""
    with ReaderProcess(much()) as reading:
        process = pid(reading)
    assert gone(process)


def test_its_death_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    """A process that the system ends is told in words, and by nobody else."""
    with ReaderProcess(much()) as reading:
        os.kill(pid(reading), signal.SIGKILL)
        with pytest.raises(ReconcilerError, match="ended by itself") as caught:
            reading.desired()
        assert "memory" in caught.value.hint
    assert capfd.readouterr() == ("", "")


def test_small_files_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process pays for large files alone, all of which can be had."""
    large = [("a.yaml", b"version: 1\n"), much()[0]]
    assert is_worthwhile(large)
    assert not is_worthwhile(GOOD)
    assert not is_worthwhile([*large, ("b.yaml", read_files(BAD)[1][0])])
    monkeypatch.setattr(reader_process, "SPAWN_FROM", 0)
    assert is_worthwhile(GOOD)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
def test_a_fork_pays_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with no other thread forks, and for smaller files than it would spawn another for."""
    middle = [("a.yaml", b"#" * (FORK_FROM + SPAWN_FROM >> 1))]
    assert not is_worthwhile(middle)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert is_worthwhile(middle)
    assert not is_worthwhile(GOOD)


def test_the_company_is_known_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose agents they are is told before they are read, where it stands before them in one of the files."""
    asked = threading.Event()

    def held_back(
        receiver: reader_process._Receiver, parts: Callable[..., Iterator[bytes]] = reader_process._received_parts
    ) -> Any:
        arriving = parts(receiver)
        yield next(arriving)
        asked.wait(PATIENCE)
        yield from arriving

    monkeypatch.setattr(reader_process, "_received_parts", held_back)
    with ReaderProcess([("a.yaml", b"version: 1\n"), ("b.yaml", desired_file(3))]) as reading:
        assert reading.company == Company("acme", 4242)
        assert not reading._done.is_set()
        asked.set()
        assert len(reading.desired().agents) == 3


def test_a_company_that_is_not_known_ahead() -> None:
    """Behind the agents it is known when these are."""
    with ReaderProcess([("a.yaml", b"agents: []\n" + HEAD.encode())]) as reading:
        assert reading.company == Company("acme")
    with ReaderProcess([("a.yaml", b"version: 1\nagents: []\n")]) as reading, pytest.raises(InvalidFiles):
        _ = reading.company


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], Options]:
    """The options of a command that reads a file and asks at an endpoint."""
    monkeypatch.setenv("RECONCILER_TOKEN", TOKEN)
    file = tmp_path / "agents.yaml"

    def given(endpoint: str, data: bytes) -> Options:
        file.write_bytes(data)
        return Options((file,), endpoint, None, 4, 0, 30, None)

    return given


def test_the_plan_is_the_same(
    options: Callable[[str, bytes], Options], box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the file was read here or elsewhere shows in no byte of the plan."""
    box.store.reset([{"operatorId": f"8{number:03}", "name": "x", "isrecord": 1} for number in range(250)])
    text = HEAD + "profiles: {p: {isrecord: false}}\nagents:\n"
    text += "".join(f'  - {{operatorId: "8{number:03}", name: x, profile: p}}\n' for number in range(5, 255))
    found = []
    for least, kind in ((1 << 30, FilesRead), (0, ReaderProcess)):
        monkeypatch.setattr(reader_process, "SPAWN_FROM", least)
        given = options(box.url, text.encode())
        with files_goal(given) as goal, open_session(given, goal) as work:
            assert isinstance(goal.files, kind)
            assert (goal.recipients, goal.saved) == ((), None)
            plan = refresh(work, lambda _done, _total: None).plan
            left = goal.left(work.live(), {})
        found.append(plan_document(plan, "tool", "now"))
        assert left.actions == plan.actions
    assert found[0] == found[1]


@pytest.mark.exhaustive(0)
def test_bad_files_come_before_the_network(
    options: Callable[[str, bytes], Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the files and something else are wrong, the files are what is told."""
    monkeypatch.setattr(reader_process, "SPAWN_FROM", 0)
    for endpoint in ("http://127.0.0.1:1", "http://elsewhere.example", "nonsense"):
        given = options(endpoint, BAD[0][1])
        with pytest.raises(InvalidFiles), files_goal(given) as goal, open_session(given, goal) as work:
            refresh(work, lambda _done, _total: None)


def test_good_files_leave_the_other_error(
    options: Callable[[str, bytes], Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only something else is wrong, that is told."""
    monkeypatch.setattr(reader_process, "SPAWN_FROM", 0)
    given = options("nonsense", GOOD[0][1])
    with pytest.raises(WrongUsage), files_goal(given) as goal, open_session(given, goal):
        pass
    with pytest.raises(VendorError), files_goal(given):
        raise VendorError("vendor-refused", text("no"))


def test_bad_files_end_the_listing(
    options: Callable[[str, bytes], Options], vendor: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a problem is known no further page is waited for."""
    monkeypatch.setattr(reader_process, "SPAWN_FROM", 0)
    vendor.script(Shelf([{"operatorId": str(number)} for number in range(5000)]))
    given = options(vendor.url, BAD[0][1])

    def ask() -> None:
        with files_goal(given) as goal, open_session(given, goal) as work:
            assert isinstance(goal.files, ReaderProcess)
            goal.files._done.wait()
            refresh(work, lambda _done, _total: None)

    with pytest.raises(InvalidFiles):
        ask()
    assert len(vendor.requests) < 20


def test_bad_files_end_a_pause(options: Callable[[str, bytes], Options], monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that has to be waited for does not keep a problem back."""
    monkeypatch.setattr(reader_process, "SPAWN_FROM", 0)
    given = options("http://127.0.0.1:1", BAD[0][1])
    with pytest.raises(InvalidFiles), files_goal(given) as goal, open_session(given, goal) as work:
        work.transport.sleep(3600)


def test_two_companies_are_not_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched for one company is never held against the agents of another."""
    monkeypatch.setattr(reader_process, "unpacked_company", lambda _: Company("other"))
    with ReaderProcess(GOOD) as reading:
        goal = FilesGoal(reading, Options((), None, None, 1, 0, 1, None).policy)
        assert goal.company == Company("other")
        with pytest.raises(ReconcilerError, match="differs"):
            _ = goal.recipients


def test_what_was_before_is_asked_for_while_the_files_are_read(
    options: Callable[[str, bytes], Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of before stand beside those of now, wherever these were read."""
    before: DesiredState | None = read_files(GOOD)[0]
    for least in (0, 1 << 30):
        monkeypatch.setattr(reader_process, "SPAWN_FROM", least)
        with files_goal(options("http://127.0.0.1:1", GOOD[0][1]), lambda: before) as goal:
            assert goal.since is before


def test_without_a_process_files_are_read_here(
    options: Callable[[str, bytes], Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system has no process to give, the files are read all the same."""

    def none(_: object) -> None:
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(reader_process, "SPAWN_FROM", 0)
    monkeypatch.setattr(reader_process, "_spawned", none)
    with files_goal(options("http://127.0.0.1:1", GOOD[0][1])) as goal:
        assert isinstance(goal.files, FilesRead)
