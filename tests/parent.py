"""The real command in a process of its own, without the imports: forked from one that has made them.

`python -m tests.parent` makes them once and forks a process for each job that it reads, one JSON object a line. What
runs there is the command from its entry point on. Two things are not as its users have them: the pauses between tries
are tiny, and the certificates, of which nobody at a loopback address has need, are read only once.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from reconciler.vendor.http import Transport

ROOT: Final = Path(__file__).parents[1]
LONGEST: Final = 120
"""Seconds after which a process that does not end is taken for hung."""
HASTE: Final = 500
"""So much faster goes the clock by which requests are paced."""


@dataclass(slots=True)
class Ran:
    """How a command ended and what it printed; a negative code is the signal that ended it.

    `memory` is the most that it had, in megabytes, the imports of its parent included; 0 where it had no parent.
    """

    code: int
    out: str
    err: str
    memory: int = 0

    @property
    def json(self) -> Any:
        """Stdout as the one JSON document that it must be."""
        return json.loads(self.out)

    def __post_init__(self) -> None:
        """No process ever prints a traceback."""
        assert "Traceback" not in self.out + self.err, self.err
        assert "internal error" not in self.out + self.err, self.err


@dataclass(frozen=True, slots=True)
class Job:
    """One process: where, with which environment, arguments and stdin, and for how many seconds at most.

    `logs` is how the names of its output files begin; `limits` are the system's, by their names in `resource`; `more`
    is for whoever started the parent.
    """

    folder: str
    env: dict[str, str]
    arguments: list[str]
    logs: str
    stdin: str
    longest: int
    limits: dict[str, int]
    more: Any

    def take_place(self) -> None:
        """Become the command, up to the call of its entry point."""
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.env)
        for number, name in ((0, self.stdin), (1, f"{self.logs}.out"), (2, f"{self.logs}.err")):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            handle = os.open(name, flags, 0o600)
            os.dup2(handle, number)
            os.close(handle)
        signal.alarm(self.longest)
        for name, value in self.limits.items():
            resource.setrlimit(getattr(resource, name), (value, value))
        sys.argv[1:] = self.arguments


@dataclass(frozen=True, slots=True)
class Running:
    """A process that was started; `logs` is how the names of its output files begin."""

    pid: int
    logs: Path

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def said(self) -> str:
        """What it has said on stderr up to now."""
        return self.read("err")

    @property
    def trace(self) -> list[str]:
        """What a parent that watches its processes has noted of it."""
        return self.read("trace").splitlines()

    def read(self, ending: str) -> str:
        """One of its files."""
        path = Path(f"{self.logs}.{ending}")
        return path.read_text(encoding="utf-8") if path.exists() else ""


class Parent:
    """The process that forks; a context. One job after another, or several at once, from any thread.

    While one thread waits for the end of a job, the others' jobs are not started.
    """

    module = "tests.parent"

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._count = 0
        self._alive: set[int] = set()
        self._lock = threading.Lock()
        logs.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", self.module]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        self._process.communicate()

    def fork(
        self,
        folder: Path,
        env: Mapping[str, str],
        *arguments: str,
        stdin: str = "",
        longest: int,
        limits: Mapping[str, int] | None = None,
        more: Any = None,
    ) -> Running:
        """Start `reconciler` with these arguments."""
        with self._lock:
            self._count += 1
            logs = self._logs / f"{self._count:05}"
        said = os.devnull
        if stdin:
            said = f"{logs}.in"
            Path(said).write_text(stdin, encoding="utf-8")
        job = Job(str(folder), dict(env), list(arguments), str(logs), said, longest, dict(limits or {}), more)
        (pid,) = self._ask({"start": asdict(job)})
        self._alive.add(pid)
        return Running(pid, logs)

    def clear(self) -> None:
        """Kill what was started and not waited for."""
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)
            self._ask({"wait": pid})
        self._alive.clear()

    def wait(self, running: Running) -> Ran:
        """Wait for its end."""
        code, memory = self._ask({"wait": running.pid})
        self._alive.discard(running.pid)
        assert code != -signal.SIGALRM, "it did not end"
        return Ran(code, running.read("out"), running.read("err"), memory)

    def _ask(self, question: Mapping[str, Any]) -> list[int]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with self._lock, suppress(BrokenPipeError):
            stdin.write(json.dumps(question) + "\n")
            stdin.flush()
            if answer := stdout.readline():
                return [int(number) for number in answer.split()]
        raise AssertionError(f"`python -m {self.module}` has ended by itself")


def serve(prepare: Callable[[Job], object] | None = None) -> None:
    """Be the parent until stdin ends; in each new process call `prepare`, and then the command's entry point."""
    _preload()
    from reconciler.cli.main import main

    if (job := _next_job(sys.stdin)) is not None:
        job.take_place()
        if prepare is not None:
            prepare(job)
        try:
            main()
        except SystemExit as ended:
            _leave(ended.code)


def _leave(code: object) -> None:
    """End as the interpreter does, threads and exit functions included, but leave its memory to the system."""
    getattr(threading, "_shutdown")()  # noqa: B009 - mypy does not know it
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    assert isinstance(code, int)
    os._exit(code)


def _next_job(questions: IO[str]) -> Job | None:
    """Answers questions; returns twice for a job, as `fork` does: it comes back in the new process only."""
    for line in questions:
        question = json.loads(line)
        if "wait" in question:
            _, status, usage = os.wait4(question["wait"], 0)
            answer = f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss // 1024}"
        else:
            answer = str(os.fork())
            if answer == "0":
                return Job(**question["start"])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    return None


def _preload() -> None:
    """Import all that the command may import while it runs."""
    import reconciler

    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not module.name.startswith(("reconciler.sandbox", "reconciler.__main__", "reconciler.cli.sandbox")):
            importlib.import_module(module.name)
    for name in ("deepdiff", "filelock", "httpx", "httpcore", "rich.progress", "yaml"):
        importlib.import_module(name)
    _hasten()
    gc.freeze()


def _hasten() -> None:
    """Make the pauses tiny, and read the certificates only once."""
    from reconciler.settings import Connection
    from reconciler.vendor.http import Transport

    setattr(ssl, "create_default_context", certificates_read_once())  # noqa: B010
    real = Transport.__init__

    def made(transport: Transport, settings: Connection, sleep: Callable[[float], object]) -> None:
        real(transport, settings, lambda seconds: sleep(min(seconds, 0.002)))
        hurry(transport)

    setattr(Transport, "__init__", made)  # noqa: B010


def certificates_read_once() -> Callable[..., ssl.SSLContext]:
    """What may stand in for `ssl.create_default_context` where nobody speaks TLS; it has read httpx's certificates."""
    import certifi

    made = functools.cache(ssl.create_default_context)
    made(cafile=certifi.where())
    return made


def hurry(transport: Transport) -> None:
    """Pace requests by a clock that goes `HASTE` times as fast: what the vendor asks to wait for is soon over."""
    from reconciler.vendor.rate import RateLimiter

    transport.limiter = RateLimiter(0, lambda: HASTE * time.monotonic(), transport.sleep)


if __name__ == "__main__":
    serve()
