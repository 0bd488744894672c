"""The real command in a process that breaks at a chosen point: it is killed there, or its disk fails there.

`python -m tests.reliability.killer` pays for the imports once and forks a process for each job that it reads, one
JSON object a line. A disk that is full just then cannot be had otherwise, and neither can a kill between two system
calls: what is wrapped are the functions of `os` that change files, the writing of `io`, and `Transport.send`.
"""

from __future__ import annotations

import errno
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal, Self

from tests.process import Ran

ROOT: Final = Path(__file__).parents[2]
LONGEST: Final = 120
"""Seconds after which a process that does not end is taken for hung."""

WRITE: Final = "write"
SEND: Final = "send"
FULL: Final = frozenset({"open", "mkdir", WRITE})
"""What a full disk refuses: room for anything new."""
READ_ONLY: Final = frozenset({"open", "mkdir", WRITE, "replace", "unlink", "ftruncate"})
"""What a disk refuses that was remounted read-only."""
ANYTHING: Final = READ_ONLY | {"fsync"}


@dataclass(frozen=True, slots=True)
class Break:
    """What breaks, and at which point, counted from 1; at 0 nothing does, and the points are only counted.

    `kill`: points are before and after each operation, and a write has one more, in its middle. `signal`: that signal,
    before the operation. `fail`: the operation fails with `error`; `short` writes a half of it first. `lasting`: so do
    all those after it that `error` would make fail.
    """

    how: Literal["kill", "signal", "fail"]
    at: int = 0
    error: int = 0
    short: bool = False
    lasting: bool = False


class Breaker:
    """Counts the points of this process, and breaks at the chosen one."""

    def __init__(self, what: Break, folder: str, trace: int) -> None:
        self._what = what
        self._folder = folder
        self._trace = trace
        self._count = 0
        self._broken = False
        self._lock = threading.Lock()
        self._os_write, self._kill = os.write, os.kill
        self.paths: dict[int, str] = {}

    def is_ours(self, path: str) -> bool:
        """Whether a file is one of the folder that the command works in."""
        return os.path.join(self._folder, path).startswith(self._folder + os.sep)  # noqa: PTH118 - pathlib is watched

    def step(self, name: str, path: str, do: Callable[[], Any]) -> Any:
        """An operation that does all or nothing."""
        where = f"{name} {path.removeprefix(self._folder)}"
        self._before(name, where, path)
        result = do()
        self._after(where)
        return result

    def write(self, path: str, data: Any, do: Callable[[Any], int]) -> int:
        """A write, which may be cut in its middle."""
        where = f"{WRITE} {path.removeprefix(self._folder)}"
        half = bytes(data)[: len(data) // 2]
        if self._before(WRITE, where, path):
            return do(half)
        if self._what.how == "kill" and self._reached(f"amid {where}"):
            do(half)
            self._die(signal.SIGKILL)
        written = do(data)
        self._after(where)
        return written

    def _before(self, name: str, where: str, path: str) -> bool:
        """Whether only a half is to be done."""
        if self._what.how != "fail":
            if self._reached(f"before {where}"):
                self._die(signal.SIGKILL if self._what.how == "kill" else self._what.error)
            return False
        if name == SEND:
            return False
        if self._broken:
            if self._what.lasting and self._refuses(name, path):
                self._fail(path)
            return False
        if self._reached(where):
            self._broken = True
            if self._what.short and name == WRITE:
                return True
            if self._refuses(name, path):
                self._fail(path)
        return False

    def _after(self, where: str) -> None:
        if self._what.how == "kill" and self._reached(f"after {where}"):
            self._die(signal.SIGKILL)

    def _refuses(self, name: str, path: str) -> bool:
        """Whether a disk that fails with this error would refuse this operation."""
        if self._what.error == errno.ENOSPC:
            return name in FULL and not (name == "open" and os.path.lexists(path))
        return name in (READ_ONLY if self._what.error == errno.EROFS else ANYTHING)

    def _fail(self, path: str) -> None:
        raise OSError(self._what.error, os.strerror(self._what.error), path)

    def _reached(self, where: str) -> bool:
        with self._lock:
            self._count += 1
            if self._what.at in (0, self._count):
                self._os_write(self._trace, (where + "\n").encode())
            return self._count == self._what.at

    def _die(self, number: int) -> None:
        self._kill(os.getpid(), number)

    def install(self) -> None:
        """Put the points where they belong, in this process only."""
        self._install_os()
        self._install_io()
        self._install_transport()

    def _install_os(self) -> None:
        def opened(path: Any, flags: int, *rest: Any, _do: Callable[..., int] = os.open, **named: Any) -> int:
            file = os.fspath(path)
            writes = flags & (os.O_WRONLY | os.O_RDWR) and self.is_ours(file)
            handle: int = (
                self.step("open", file, lambda: _do(path, flags, *rest, **named))
                if writes
                else _do(path, flags, *rest, **named)
            )
            self.paths[handle] = file
            return handle

        def by_path(name: str, number: int) -> Callable[..., Any]:
            real = getattr(os, name)

            def called(*given: Any, **named: Any) -> Any:
                path = os.fspath(given[number])
                return (
                    self.step(name, path, lambda: real(*given, **named))
                    if self.is_ours(path)
                    else real(*given, **named)
                )

            return called

        def by_handle(name: str) -> Callable[..., Any]:
            real = getattr(os, name)
            return lambda handle, *rest: self.step(name, self.paths.get(handle, ""), lambda: real(handle, *rest))

        def written(handle: int, data: Any, _do: Callable[..., int] = os.write) -> int:
            path = self.paths.get(handle, "")
            return self.write(path, data, lambda part: _do(handle, part)) if self.is_ours(path) else _do(handle, data)

        changed: dict[str, Any] = {
            "open": opened, "write": written, "fsync": by_handle("fsync"), "ftruncate": by_handle("ftruncate"),
            "mkdir": by_path("mkdir", 0), "unlink": by_path("unlink", 0), "replace": by_path("replace", 1),
            "rename": by_path("rename", 1),
        }  # fmt: skip
        for name, function in changed.items():
            setattr(os, name, function)

    def _install_io(self) -> None:
        breaker, real = self, io.open

        class Watched(io.FileIO):
            """A file of ours that is written to."""

            def write(self, data: Any) -> int:
                path = breaker.paths.get(self.fileno(), "")
                return breaker.write(path, data, super().write)

        def opened(
            file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, *rest: Any, **named: Any
        ) -> Any:
            path = self.paths.get(file, "") if isinstance(file, int) else os.fspath(file)
            if not set(mode) & set("wax+") or not self.is_ours(path):
                return real(file, mode, buffering, encoding, *rest, **named)
            plain = mode.replace("b", "").replace("t", "")
            if isinstance(file, int):
                raw = Watched(file, plain)
            else:
                raw = self.step("open", path, lambda: Watched(file, plain))
            self.paths[raw.fileno()] = path
            if buffering == 0:
                return raw
            buffered = io.BufferedWriter(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding)

        setattr(io, "open", opened)  # noqa: B010 - mypy knows that one does not do this
        setattr(importlib.import_module("builtins"), "open", opened)  # noqa: B010

    def _install_transport(self) -> None:
        from reconciler.client import Transport

        real = Transport.send

        def send(transport: Transport, name: Any, *rest: Any, **named: Any) -> Any:
            return self.step(SEND, str(name), lambda: real(transport, name, *rest, **named))

        setattr(Transport, "send", send)  # noqa: B010


def _hasten() -> None:
    """Make the pauses between tries tiny, and read the certificates, of which nobody here has need, only once."""
    import certifi

    from reconciler.client import Transport
    from reconciler.settings import Connection

    setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))  # noqa: B010
    ssl.create_default_context(cafile=certifi.where())
    real = Transport.__init__

    def made(transport: Transport, settings: Connection, sleep: Callable[[float], object]) -> None:
        real(transport, settings, lambda seconds: sleep(min(seconds, 0.002)))

    setattr(Transport, "__init__", made)  # noqa: B010


@dataclass(frozen=True, slots=True)
class Job:
    """One process: where, with which environment and arguments, and what breaks."""

    folder: str
    env: dict[str, str]
    arguments: list[str]
    logs: str
    breaking: dict[str, Any] | None = None

    def take_place(self) -> None:
        """Become the command, up to the call of its entry point."""
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.env)
        for number, name in ((0, os.devnull), (1, f"{self.logs}.out"), (2, f"{self.logs}.err")):
            handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(handle, number)
            os.close(handle)
        trace = os.open(f"{self.logs}.trace", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        signal.alarm(LONGEST)
        if self.breaking is not None:
            Breaker(Break(**self.breaking), self.folder, trace).install()


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
        return self._read("err")

    @property
    def trace(self) -> list[str]:
        """The points that were counted, or the one where it broke."""
        return self._read("trace").splitlines()

    def _read(self, ending: str) -> str:
        path = Path(f"{self.logs}.{ending}")
        return path.read_text(encoding="utf-8") if path.exists() else ""


class Killer:
    """The process that forks; a context. One job after another, or several at once."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._count = 0
        self._alive: set[int] = set()
        self._lock = threading.Lock()
        logs.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.reliability.killer"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        self._process.communicate()

    def start(self, folder: Path, env: Mapping[str, str], *arguments: str, breaking: Break | None = None) -> Running:
        """Start `reconciler` with these arguments."""
        self._count += 1
        logs = self._logs / f"{self._count:05}"
        broken = asdict(breaking) if breaking else None
        job = asdict(Job(str(folder), dict(env), list(arguments), str(logs), broken))
        pid = self._ask({"start": job})
        self._alive.add(pid)
        return Running(pid, logs)

    def clear(self) -> None:
        """Kill what was started and not waited for."""
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)
            self._ask({"wait": pid})
        self._alive.clear()

    def wait(self, running: Running) -> Ran:
        """Wait for its end; a negative code is the signal that ended it. No process ever prints a traceback."""
        code = self._ask({"wait": running.pid})
        self._alive.discard(running.pid)
        out, err = (Path(f"{running.logs}.{end}").read_text(encoding="utf-8") for end in ("out", "err"))
        assert "Traceback" not in out + err, err
        assert "internal error" not in out + err, err
        return Ran(code, out, err)

    def run(self, folder: Path, env: Mapping[str, str], *arguments: str, breaking: Break | None = None) -> Ran:
        """Start it and wait."""
        return self.wait(self.start(folder, env, *arguments, breaking=breaking))

    def _ask(self, question: Mapping[str, Any]) -> int:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with self._lock:
            stdin.write(json.dumps(question) + "\n")
            stdin.flush()
            return int(stdout.readline())


def _next_job(questions: IO[str]) -> Job | None:
    """Answers questions; returns twice for a job, as `fork` does: it comes back in the new process only."""
    for line in questions:
        question = json.loads(line)
        if "wait" in question:
            answer = os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
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
    tempfile.gettempdir()
    _hasten()
    gc.freeze()


if __name__ == "__main__":
    _preload()
    from reconciler.cli.main import main

    if (job := _next_job(sys.stdin)) is not None:
        job.take_place()
        main(job.arguments)
