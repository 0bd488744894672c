"""Reads large files in a child process, while this process asks the vendor for pages.

Threads would gain nothing, since the YAML parser never releases the interpreter's lock. The child gets bytes and sends
back a desired state or problems; it knows no token, opens no connection and prints nothing. It ends with this process.
When it ends early by itself, that is a `ReconcilerError`.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, Final, NoReturn, Protocol, Self

from reconciler.core.desired.packed import packed_company, packed_problems, packed_state, unpacked, unpacked_company
from reconciler.core.model.desired import Company, DesiredState
from reconciler.core.model.message import text
from reconciler.core.model.problem import Content
from reconciler.errors import InvalidFiles, ReconcilerError
from reconciler.files.child_environment import bare_while_starting, forget
from reconciler.files.system import (
    INTERRUPTS,
    block_interrupts_again,
    can_fork,
    end_child,
    fork,
    interrupts_blocked,
    widen,
)
from reconciler.files.threads import check_room

FORK_FROM: Final = 256 * 1024
SPAWN_FROM: Final = 1024 * 1024
"""Bytes of YAML from which a child is quicker: some 600 agents where it can be forked, 2,500 where it is spawned."""

Contents = Sequence[tuple[str, Content]]


def start(contents: Contents) -> ReaderProcess | None:
    """A child process that reads the files; `None` where it would not be quicker or cannot be started."""
    try:
        return ReaderProcess(contents) if is_worthwhile(contents) else None
    except OSError:
        return None


def is_worthwhile(contents: Contents) -> bool:
    """Whether every file was read, and together they are so large that a child is quicker."""
    sizes = [len(content) for _, content in contents if isinstance(content, bytes)]
    return len(sizes) == len(contents) and sum(sizes) >= (FORK_FROM if can_fork() else SPAWN_FROM)


class ReaderProcess:
    """`DesiredFiles` that a child process reads. A context, whose end ends the child. Safe for threads.

    Raises:
        OSError: the child cannot be started.
        MemoryError: there is no room for it.
    """

    def __init__(self, contents: Contents) -> None:
        self._company: Company | None = None
        self._company_known = threading.Event()
        self._desired: DesiredState | None = None
        self._error: ReconcilerError | None = None
        self._done = threading.Event()
        try:
            with interrupts_blocked():
                check_room()
                self._process, receiver = (_forked if can_fork() else _spawned)(contents)
                self._thread = threading.Thread(target=self._receive, args=(receiver,), daemon=True)
                self._thread.start()
        except KeyboardInterrupt:  # it was blocked until the child and the thread had started
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
        """Raise the error in the files, if one is known by now.

        Raises:
            ReconcilerError: they have problems, or the child has ended by itself.
        """
        if self._error is not None:
            raise self._error

    def pause(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Sleep for so many seconds, or until an error is found in the files.

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
        """The company of the agents; known at once where it stands before the agents, else when all is read.

        Raises:
            ReconcilerError: as `check` does.
        """
        self._company_known.wait()
        return self._company or self.desired().company

    def desired(self) -> DesiredState:
        """The desired state; waits until the files are read.

        Raises:
            ReconcilerError: they have problems, or the child has ended by itself.
        """
        self._done.wait()
        self.check()
        if self._desired is None:
            raise AssertionError("neither a state nor an error")
        if self._company not in (None, self._desired.company):
            raise ReconcilerError(
                "not-the-same", text("the company was read twice and differs"), text("please report it")
            )
        return self._desired

    def _receive(self, receiver: _Receiver) -> None:
        # This thread imports nothing: a main thread that is interrupted during an import and then joins this thread
        # would deadlock with it.
        try:
            with closing(receiver):
                parts = _received_parts(receiver)
                self._company = unpacked_company(next(parts))
                self._company_known.set()
                self._desired, problems = unpacked(parts)
            self._error = InvalidFiles(problems) if problems else None
        except (EOFError, OSError, MemoryError):
            hint = text("it may have run out of memory; try again, or split the file")
            self._error = ReconcilerError(
                "reader-ended", text("the process that reads the files has ended by itself"), hint
            )
        finally:
            self._company_known.set()
            self._done.set()


class _Process(Protocol):
    pid: int

    def kill(self) -> None: ...
    def join(self) -> None: ...


class _Receiver(Protocol):
    def recv_bytes(self) -> bytes: ...
    def close(self) -> None: ...


def _spawned(contents: Contents) -> tuple[_Process, _Receiver]:
    from multiprocessing import get_context

    context: Any = get_context("spawn")
    with bare_while_starting():
        block_interrupts_again()
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_run_child, args=(contents, sender.send_bytes), daemon=True)
        process.start()
    sender.close()
    return process, receiver


def _forked(contents: Contents) -> tuple[_Process, _Receiver]:
    """A forked child, which starts sooner: importing `multiprocessing` takes as long as reading 300 agents."""
    receiving, sending = os.pipe()
    widen(sending)
    pid = fork()
    if not pid:
        # With the receiving end open, the child would never see that this process has gone.
        os.close(receiving)
        _run_child(contents, _Pipe(sending).send_bytes)
    os.close(sending)
    return _Fork(pid), _Pipe(receiving)


class _Fork:
    def __init__(self, pid: int) -> None:
        self.pid = pid

    def kill(self) -> None:
        end_child(self.pid)

    def join(self) -> None:
        # Where SIGCHLD is ignored, the system reaps the child itself, and waiting for it raises.
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


class _Pipe:
    """One end of a pipe. A part is sent as its length in 8 bytes and then its bytes."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def close(self) -> None:
        os.close(self._handle)

    def send_bytes(self, part: bytes) -> None:
        unsent = memoryview(len(part).to_bytes(8, "big") + part)
        while unsent:
            unsent = unsent[os.write(self._handle, unsent) :]

    def recv_bytes(self) -> bytes:
        return self._exactly(int.from_bytes(self._exactly(8), "big"))

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            if not (chunk := os.read(self._handle, size - len(data))):
                raise EOFError
            data += chunk
        return bytes(data)


def _received_parts(receiver: _Receiver) -> Iterator[bytes]:
    while True:
        yield receiver.recv_bytes()


def _run_child(contents: Contents, send: Callable[[bytes], object]) -> NoReturn:
    """The child's whole work. It reports an exception only by ending early; this process kills it when it is done."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
    gc.disable()
    code = 1
    with suppress(BaseException):
        forget()
        for part in _packed(contents):
            send(part)
        code = 0
    os._exit(code)


def _packed(contents: Contents) -> Iterator[bytes]:
    # Imported in the child only: this process needs no parser.
    from reconciler.core.desired.read import packed_agents, parse_files, peek_company, state_without_agents

    heads = (peek_company(content) for _, content in contents if isinstance(content, bytes))
    yield packed_company(next((company for company in heads if company is not None), None))
    parsed = parse_files(contents)
    if parsed.problems:
        yield packed_problems(parsed.problems)
    else:
        yield from packed_state(state_without_agents(parsed), packed_agents(parsed), len(parsed.agents))
