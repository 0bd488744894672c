"""A stand-in for a system that is not POSIX: run as a program, it runs the command without what only POSIX has.

It is not Windows: paths, files that are open and cannot be renamed, and the console are those of this machine.
"""

from __future__ import annotations

import errno
import importlib
import os
import select
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

ONLY_POSIX: Final = {
    os: (
        *(
            "O_NOFOLLOW",
            "O_NONBLOCK",
            "O_CLOEXEC",
            "O_DIRECTORY",
            "fork",
            "forkpty",
            "fchmod",
            "fchown",
            "pread",
            "pwrite",
        ),
        *("getuid", "geteuid", "getgid", "getegid", "killpg", "setsid", "getpgid", "set_blocking", "uname", "chown"),
        *("mkfifo", "wait4", "wait3", "nice", "sched_getaffinity", "openpty", "posix_fadvise"),
    ),
    signal: (
        *("SIGHUP", "SIGKILL", "SIGCHLD", "SIGPIPE", "SIGALRM", "SIGQUIT", "SIGUSR1", "pthread_sigmask", "sigpending"),
        *("alarm", "setitimer", "sigwait", "set_wakeup_fd"),
    ),
}
MODULES: Final = ("fcntl", "grp", "pwd", "pty", "resource", "syslog", "termios", "tty")
# The standard library takes what it needs of these names when it is imported; on Windows it has its own.
BEFORE: Final = ("asyncio", "getpass", "multiprocessing.popen_spawn_posix", "selectors", "shutil", "socket", "tempfile")


class _Missing:
    """Finds the modules that there are not."""

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse."""
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def leave_posix() -> None:
    """Take away what only POSIX has, and let what is otherwise on Windows be so."""
    for name in (*BEFORE, "asyncio.unix_events", "filelock._unix", "subprocess", "aiohttp", "pyrage"):
        importlib.import_module(name)
    for name in ("filelock._unix", "asyncio.unix_events"):  # on Windows they have other modules for the same
        sys.modules[name].os = SimpleNamespace(**vars(os))  # type: ignore[attr-defined]
    for module, names in ONLY_POSIX.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Missing())
    really_open, really_stat = os.open, os.fstat

    def open_(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied")  # a folder cannot be opened
        return really_open(path, flags, mode, **more)

    def fstat(handle: int) -> os.stat_result:
        mode, *rest = really_stat(handle)
        return os.stat_result((int(mode) | 0o666, *rest))  # whoever may enter the folder may read

    def kill(pid: int, number: int) -> None:
        raise AssertionError(f"os.kill({pid}, {number}) would end the process")

    def select_(*_: object) -> None:
        raise OSError(errno.ENOTSOCK, "not a socket")

    os.open, os.fstat, os.kill, select.select = open_, fstat, kill, select_  # type: ignore[assignment]


if __name__ == "__main__":
    leave_posix()
    from reconciler.cli.main import main

    main()
