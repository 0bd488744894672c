"""Large files are read in a process of their own, while this one asks the vendor for pages.

Threads would gain nothing: the YAML parser never lets go of the interpreter. The process gets bytes and gives back a
desired state or problems; it knows no token, opens no connection and prints nothing. Whatever ends this process ends it
too, and its own death is an error like any other.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, Final, NoReturn, Protocol, Self

from reconciler.core.desired.packed import packed_company, packed_problems, packed_state, unpacked, unpacked_company
from reconciler.core.model.desired import Company, DesiredState
from reconciler.core.model.problem import Content
from reconciler.errors import InvalidFiles, ReconcilerError

FORK_FROM: Final = 256 * 1024
SPAWN_FROM: Final = 1024 * 1024
"""Bytes of YAML from which a process of its own is quicker: some 600 agents, and 2,500 where it has to be spawned."""

Contents = Sequence[tuple[str, Content]]


def start(contents: Contents) -> ReaderProcess | None:
    """A process that reads the files, where they are large enough for it to pay and one is to be had."""
    try:
        return ReaderProcess(contents) if worth_it(contents) else None
    except OSError:
        return None


def worth_it(contents: Contents) -> bool:
    """Whether every file can be had, and they are so large that a process of its own reads them sooner."""
    sizes = [len(content) for _, content in contents if isinstance(content, bytes)]
    return len(sizes) == len(contents) and sum(sizes) >= (FORK_FROM if _alone() else SPAWN_FROM)


def _alone() -> bool:
    """Whether this process can be forked: no other thread runs in it."""
    return sys.platform == "linux" and threading.active_count() == 1


class ReaderProcess:
    """`DesiredFiles` that a process of their own reads; a context, at whose end the process is gone. Safe for threads.

    Raises:
        OSError: no process is to be had.
    """

    def __init__(self, contents: Contents) -> None:
        self._company: Company | None = None
        self._told = threading.Event()
        self._desired: DesiredState | None = None
        self._error: ReconcilerError | None = None
        self._done = threading.Event()
        try:
            with _undisturbed():
                self._process, receiver = (_forked if _alone() else _spawned)(contents)
                self._thread = threading.Thread(target=self._receive, args=(receiver,), daemon=True)
                self._thread.start()
        except KeyboardInterrupt:  # kept back until here
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._done.is_set():
            self._process.kill()
        self._thread.join()
        self._process.join()

    def check(self) -> None:
        """Raise what is known by now to be wrong with the files.

        Raises:
            ReconcilerError: they have problems, or the process has ended by itself.
        """
        if self._error is not None:
            raise self._error

    def pause(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Sleep so long, and no longer than until something is found to be wrong with the files.

        Raises:
            ReconcilerError: as `check` does.
        """
        until = time.monotonic() + seconds
        if not self._done.is_set():
            self._done.wait(seconds)
            seconds = until - time.monotonic()
        self.check()
        if seconds > 0:
            sleep(seconds)

    @property
    def company(self) -> Company:
        """Whose agents they are about: known at once where that stands before the agents, else with all the rest."""
        self._told.wait()
        return self._company or self.desired().company

    def desired(self) -> DesiredState:
        """The desired state, once the files are read.

        Raises:
            ReconcilerError: they have problems, or the process has ended by itself.
        """
        self._done.wait()
        self.check()
        if self._desired is None:
            raise AssertionError("neither a state nor an error")
        if self._company not in (None, self._desired.company):
            raise ReconcilerError("the company was read twice and differs", "please report it")
        return self._desired

    def _receive(self, receiver: _Receiver) -> None:
        # Nothing is imported here: where the main thread is interrupted in the middle of an import and then waits for
        # this one, the two would wait for each other.
        try:
            with closing(receiver):
                parts = _parts(receiver)
                self._company = unpacked_company(next(parts))
                self._told.set()
                self._desired, problems = unpacked(parts)
            self._error = InvalidFiles(problems) if problems else None
        except (EOFError, OSError, MemoryError):
            hint = "it may have run out of memory; try again, or split the file"
            self._error = ReconcilerError("the process that reads the files has ended by itself", hint)
        finally:
            self._told.set()
            self._done.set()


class _Process(Protocol):
    pid: int

    def kill(self) -> None: ...
    def join(self) -> None: ...


class _Receiver(Protocol):
    def recv_bytes(self) -> bytes: ...
    def close(self) -> None: ...


def _spawned(contents: Contents) -> tuple[_Process, _Receiver]:
    from multiprocessing import get_context, resource_tracker

    if hasattr(signal, "pthread_sigmask"):
        # The first process brings a tracker with it, whose start lets interrupts through again.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    context: Any = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_read, args=(contents, sender.send_bytes), daemon=True)
    process.start()
    sender.close()
    return process, receiver


def _forked(contents: Contents) -> tuple[_Process, _Receiver]:
    """The same, where it can be had for less: to import `multiprocessing` takes as long as to read 300 agents."""
    receiving, sending = os.pipe()
    _widen(sending)
    pid = os.fork()
    if not pid:
        # It has the receiving end too, and would never see that nobody is left to receive.
        os.close(receiving)
        _read(contents, _Pipe(sending).send_bytes)
    os.close(sending)
    return _Fork(pid), _Pipe(receiving)


def _widen(pipe: int) -> None:
    """Let the process send on while this one has no time to receive; where that is not allowed, it waits."""
    import fcntl

    with suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1024 * 1024)


class _Fork:
    def __init__(self, pid: int) -> None:
        self.pid = pid

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def join(self) -> None:
        # Where SIGCHLD is ignored the system takes the notice, and says so afterwards.
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


class _Pipe:
    """One end of a pipe, for whole parts."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def close(self) -> None:
        os.close(self._handle)

    def send_bytes(self, part: bytes) -> None:
        left = memoryview(len(part).to_bytes(8, "big") + part)
        while left:
            left = left[os.write(self._handle, left) :]

    def recv_bytes(self) -> bytes:
        return self._exactly(int.from_bytes(self._exactly(8), "big"))

    def _exactly(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            if not (more := os.read(self._handle, size - len(found))):
                raise EOFError
            found += more
        return bytes(found)


def _parts(receiver: _Receiver) -> Iterator[bytes]:
    while True:
        yield receiver.recv_bytes()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep interrupts back while a process begins; it is born with them kept back, and never takes any."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_INTERRUPTS: Final = (signal.SIGINT, signal.SIGTERM)


def _read(contents: Contents, send: Callable[[bytes], object]) -> NoReturn:
    """What the process does. It is ended from outside, and has nobody to tell of what goes wrong but by its end."""
    for number in _INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
    gc.disable()
    code = 1
    with suppress(BaseException):
        for part in _told(contents):
            send(part)
        code = 0
    os._exit(code)


def _told(contents: Contents) -> Iterator[bytes]:
    # Imported here alone: who asks the vendor meanwhile needs no parser.
    from reconciler.core.desired.read import packed_agents, parse_files, peek_company, state_without_agents

    heads = (peek_company(content) for _, content in contents if isinstance(content, bytes))
    yield packed_company(next((company for company in heads if company is not None), None))
    reading = parse_files(contents)
    if reading.problems:
        yield packed_problems(reading.problems)
    else:
        yield from packed_state(state_without_agents(reading), packed_agents(reading), len(reading.agents))
