"""What only POSIX has, and what takes its place elsewhere: no other module names any of it.

Windows has no modes, no forks, no process groups and no SIGHUP; it opens files as text unless told otherwise, knows no
way to sync a folder, and waits for sockets alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

HAS_MODES: Final = hasattr(os, "fchmod") and os.name == "posix"
"""Whether a file's mode says who can read it. On Windows the rights of its folder do."""
NO_FOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
NO_WAIT: Final[int] = getattr(os, "O_NONBLOCK", 0)
AS_BYTES: Final[int] = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
"""Flags for `os.open`: no link at the end, no waiting for a pipe's other end, bytes that no child inherits."""
HANGUP: Final = getattr(signal, "SIGHUP", signal.SIGTERM)
"""A terminal closes."""
INTERRUPTS: Final = tuple(dict.fromkeys((signal.SIGINT, signal.SIGTERM, HANGUP)))
"""The signals that end a command in order."""
_OTHERS: Final = 0o077


def others_can_read(mode: int) -> bool:
    """Whether a mode lets others than the owner in; where modes say nothing, no."""
    return HAS_MODES and bool(mode & _OTHERS)


def set_mode(handle: int, mode: int) -> None:
    """Give an open file its mode, where there are modes.

    Raises:
        OSError: it cannot be given.
    """
    if HAS_MODES:
        os.fchmod(handle, mode)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where a folder can be synced.

    Raises:
        OSError: the folder cannot be opened or synced.
    """
    if not HAS_MODES:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_at(handle: int, count: int, offset: int) -> bytes:
    """Bytes from the middle of an open file that nobody else reads meanwhile.

    Raises:
        OSError: it cannot be read.
    """
    os.lseek(handle, offset, os.SEEK_SET)
    return os.read(handle, count)


def writable(handle: int, seconds: float) -> bool:
    """Wait until a pipe or terminal takes something; where nobody can tell, it is taken to."""
    import select

    try:
        return bool(select.select((), (handle,), (), seconds)[1])
    except (OSError, ValueError):
        return not HAS_MODES


def make_blocking(handle: int) -> None:
    """Undo that whoever shares a pipe has made it non-blocking.

    Raises:
        OSError: it is not open.
    """
    if hasattr(os, "set_blocking") and HAS_MODES:
        os.set_blocking(handle, True)


def user_number() -> str:
    """The user's number, for one without a name."""
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def runs(pid: int) -> bool:
    """Whether a process of this machine is alive; where looking could end it, it is taken to be."""
    if not HAS_MODES:
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def can_fork() -> bool:
    """Whether this process can be forked safely: on Linux, while no other thread runs."""
    return sys.platform == "linux" and hasattr(os, "fork") and threading.active_count() == 1


def fork() -> int:
    """Fork; 0 in the child. Only where `can_fork` says so.

    Raises:
        OSError: the system has no room for a process.
    """
    return os.fork()


def end_child(pid: int) -> None:
    """Kill a forked child."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def widen(pipe: int) -> None:
    """Enlarge a pipe, so that its writer need not wait; where that is not allowed, it waits."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1024 * 1024)


def end_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process that was started in a session of its own, and what it has started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Block interrupts while a child starts. The child inherits the block, and then ignores them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)


def block_interrupts_again() -> None:
    """Block them once more: the first process that `multiprocessing` spawns starts a tracker, which unblocks them."""
    if hasattr(signal, "pthread_sigmask"):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
