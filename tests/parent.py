"""Runs the real command in processes that are forked with its imports already made.

`python -m tests.parent` imports everything once. Then it reads jobs, one JSON object a line, and forks a process for
each. The process runs the command from its entry point on. Two things differ from what users have: the pauses between
tries are tiny, and the certificates, which nobody needs at a loopback address, are read only once.
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
"""Seconds after which a process that does not end counts as hung."""
HASTE: Final = 500
"""The clock that paces requests goes so many times as fast."""


@dataclass(slots=True)
class Ran:
    """How a command ended and what it printed; a negative code is the signal that ended it.

    `memory` is its peak in MiB, with the imports of its parent; 0 where it had no parent.
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
        """Check that it printed no traceback: no process ever does.

        Raises:
            AssertionError: it did.
        """
        assert "Traceback" not in self.out + self.err, self.err
        assert "internal error" not in self.out + self.err, self.err


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is started with: folder, environment, arguments, the file for its stdin.

    It is killed after `longest` seconds. The names of its output files begin with `logs`. `limits` are the system's,
    by their names in `resource`. `more` is for the `prepare` of whoever serves as the parent.
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
        """Turn this process into the command's, up to the call of its entry point."""
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
    """A process that was started; the names of its output files begin with `logs`."""

    pid: int
    logs: Path

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def said(self) -> str:
        """Return what it has printed on stderr up to now."""
        return self.read("err")

    @property
    def trace(self) -> list[str]:
        """The lines that a parent which watches its processes has noted about it."""
        return self.read("trace").splitlines()

    def read(self, ending: str) -> str:
        """Read the output file with this ending; empty where there is none."""
        path = Path(f"{self.logs}.{ending}")
        return path.read_text(encoding="utf-8") if path.exists() else ""


class Parent:
    """The process that forks, as a context. Any thread may start jobs, several at once too.

    While one thread waits for the end of a job, jobs of other threads are not started.
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
        """Start `reconciler` with these arguments.

        Raises:
            AssertionError: the parent has ended by itself.
        """
        with self._lock:
            self._count += 1
            logs = self._logs / f"{self._count:05}"
        stdin_file = os.devnull
        if stdin:
            stdin_file = f"{logs}.in"
            Path(stdin_file).write_text(stdin, encoding="utf-8")
        job = Job(str(folder), dict(env), list(arguments), str(logs), stdin_file, longest, dict(limits or {}), more)
        (pid,) = self._ask({"start": asdict(job)})
        self._alive.add(pid)
        return Running(pid, logs)

    def clear(self) -> None:
        """Kill every process that was started and not waited for."""
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)
            self._ask({"wait": pid})
        self._alive.clear()

    def wait(self, running: Running) -> Ran:
        """Wait for a process to end.

        Raises:
            AssertionError: it did not end in time, or printed a traceback.
        """
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
    """Serve as the parent until stdin ends; each new process calls `prepare`, and then the command's entry point."""
    preload()
    from reconciler.cli.main import main

    if (job := _next_job(sys.stdin)) is not None:
        job.take_place()
        if prepare is not None:
            prepare(job)
        try:
            main()
        except SystemExit as ended:
            os._exit(finish(ended.code))


def finish(code: object) -> int:
    """Do what the interpreter does at its end, with threads and exit functions, but free no memory value by value."""
    getattr(threading, "_shutdown")()  # noqa: B009 - mypy does not know it
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    assert isinstance(code, int)
    return code


def _next_job(questions: IO[str]) -> Job | None:
    """Answer the questions on stdin. Like `fork`, a job makes two processes: only the new one returns, with its job."""
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


def preload() -> None:
    """Import everything that the command may import while it runs."""
    import reconciler

    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not module.name.startswith(("reconciler.sandbox", "reconciler.__main__", "reconciler.cli.sandbox")):
            importlib.import_module(module.name)
    for name in ("deepdiff", "filelock", "httpx", "httpcore", "truststore", "yaml"):
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
    """Return a substitute for `ssl.create_default_context` that reads the certificates once; for tests without TLS."""
    import certifi

    made = functools.cache(ssl.create_default_context)
    made(cafile=certifi.where())
    return made


def hurry(transport: Transport) -> None:
    """Pace requests by a clock that goes `HASTE` times as fast, so that pauses which the vendor asks for are short."""
    from reconciler.vendor.rate_limit import RateLimiter

    transport.limiter = RateLimiter(0, lambda: HASTE * time.monotonic(), transport.sleep)


if __name__ == "__main__":
    serve()
