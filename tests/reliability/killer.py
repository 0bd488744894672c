"""The real command in a process that breaks at a chosen point: it is killed there, or its disk fails there.

`python -m tests.reliability.killer` is a parent of processes as `tests.parent` is, and they may break. A disk that is
full just then cannot be had otherwise, and neither can a kill between two system calls: what is wrapped are the
functions of `os` that change files, the writing of `io`, and `Transport.send`.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from tests.parent import LONGEST, Job, Parent, Ran, Running, serve

WRITE: Final = "write"
SEND: Final = "send"
SYNC: Final = "fsync"
SWAP: Final = "swap"
"""A write to a remote store."""
FULL: Final = frozenset({"open", "mkdir", WRITE})
"""What a full disk refuses: room for anything new."""
READ_ONLY: Final = frozenset({"open", "mkdir", WRITE, "replace", "unlink", "ftruncate"})
"""What a disk refuses that was remounted read-only."""
ANYTHING: Final = READ_ONLY | {SYNC}


@dataclass(frozen=True, slots=True)
class Break:
    """What breaks, and at which point, counted from 1; at 0 nothing does, and the points are only counted.

    `kill`: points are before each operation, amid each write and after each request. After an operation on a file has
    none: it is before the next one. Nor has a sync: a kill leaves the same before and after it. `signal`: that signal,
    before the operation. `fail`: the operation fails with `error`; points are the operations that such a disk refuses.
    `short` writes a half of it first. `lasting`: so do all those after it.
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
        self._after(name, where)
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
        return do(data)

    def _before(self, name: str, where: str, path: str) -> bool:
        """Whether only a half is to be done."""
        if self._what.how != "fail":
            if not (self._what.how == "kill" and name == SYNC) and self._reached(f"before {where}"):
                self._die(signal.SIGKILL if self._what.how == "kill" else self._what.error)
            return False
        if not self._refuses(name, path):
            return False
        if self._broken:
            if self._what.lasting:
                self._fail(path)
            return False
        if self._reached(where):
            self._broken = True
            if self._what.short and name == WRITE:
                return True
            self._fail(path)
        return False

    def _after(self, name: str, where: str) -> None:
        if self._what.how == "kill" and name in (SEND, SWAP) and self._reached(f"after {where}"):
            self._die(signal.SIGKILL)

    def _refuses(self, name: str, path: str) -> bool:
        """Whether a disk that fails with this error would refuse this operation."""
        if name in (SEND, SWAP):
            return False
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
        self._install_stores()

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
            "open": opened, "write": written, "fsync": by_handle(SYNC), "ftruncate": by_handle("ftruncate"),
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
        from reconciler.vendor.http import Transport

        real = Transport.send

        def send(transport: Transport, name: Any, *rest: Any, **named: Any) -> Any:
            return self.step(SEND, str(name), lambda: real(transport, name, *rest, **named))

        setattr(Transport, "send", send)  # noqa: B010

    def _install_stores(self) -> None:
        from reconciler.ledger.git_branch import GitBranch

        kinds: list[Any] = [GitBranch]
        if find_spec("obstore") is not None:
            kinds.append(importlib.import_module("reconciler.ledger.object_store").ObjectStore)
        for kind in kinds:
            self._install_store(kind)

    def _install_store(self, kind: Any) -> None:
        real = kind.swap

        def swap(store: Any, changes: Any) -> Any:
            names = ", ".join(change.name for change in changes)
            return self.step(SWAP, names, lambda: real(store, changes))

        kind.swap = swap


class Killer(Parent):
    """A parent whose processes may break."""

    module = "tests.reliability.killer"

    def start(self, folder: Path, env: Mapping[str, str], *arguments: str, breaking: Break | None = None) -> Running:
        """Start `reconciler` with these arguments."""
        more = asdict(breaking) if breaking else None
        return self.fork(folder, env, *arguments, longest=LONGEST, more=more)

    def run(self, folder: Path, env: Mapping[str, str], *arguments: str, breaking: Break | None = None) -> Ran:
        """Start it and wait."""
        return self.wait(self.start(folder, env, *arguments, breaking=breaking))


def _prepare(job: Job) -> None:
    """In the new process: open the trace, and put the points where they belong."""
    if job.more is not None:
        trace = os.open(f"{job.logs}.trace", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        Breaker(Break(**job.more), job.folder, trace).install()


if __name__ == "__main__":
    tempfile.gettempdir()
    serve(_prepare)
