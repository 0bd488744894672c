"""What child processes find in their environment: none of our secrets, and of other people's only what they need."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

_NAMED_BY: Final = "RECONCILER_PASSWORD_ENV"
"""Has the patterns of the variables that may hold passwords."""
_NAMED: Final = "AGENT_*"
_OURS: Final = "RECONCILER_*"
_NEEDED: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "LANG", "LANGUAGE", "LC_*", "TMPDIR", "TMP", "TEMP"),
    *("LD_LIBRARY_PATH", "DYLD_*", "XDG_*_HOME", "XDG_RUNTIME_DIR", "VIRTUAL_ENV", "PYTHON*"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "HOMEDRIVE", "HOMEPATH"),
    *("APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES*", "PROCESSOR_*", "NUMBER_OF_PROCESSORS", "OS"),
)
"""Patterns of what a program needs that works on this machine alone."""


def bare(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables for a child that works on this machine alone: those that every program may need, and no other."""
    return {name: value for name, value in environment.items() if _any(name.upper(), _NEEDED)}


def without_secrets(environment: Mapping[str, str], password_env: Sequence[str] = ()) -> dict[str, str]:
    """The variables for a child that calls a server with credentials of its own: all but the token and passwords.

    `password_env` are the patterns of the variables that may hold passwords; where there are none, those that the
    environment names.
    """
    named = password_env or (environment.get(_NAMED_BY) or _NAMED).split(",")
    ours = [_OURS, *(pattern.strip() for pattern in named)]
    return {name: value for name, value in environment.items() if not _any(name, ours)}


def _any(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@contextmanager
def bare_while_starting() -> Iterator[None]:
    """While the body runs, this process has the variables of `bare` alone: a child that it starts inherits those."""
    kept = dict(os.environ)
    forget(scrub=False)
    try:
        yield
    finally:
        os.environ.update(kept)


def forget(*, scrub: bool = True) -> None:
    """Take all but the variables of `bare` out of this process's environment.

    With `scrub` also out of what the system shows of it to others, where that can be done: for a forked child.
    """
    gone = os.environ.keys() - bare(os.environ).keys()
    for name in gone:
        del os.environ[name]
    if scrub:
        with suppress(OSError, ValueError, IndexError):
            _scrub({os.fsencode(name) for name in gone})


def _scrub(gone: set[bytes]) -> None:
    """Overwrite these variables in the block that /proc shows, which Linux keeps from the start of the process."""
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    begin = int(fields[_ENV_START])
    block = Path("/proc/self/environ").read_bytes()
    left = b"\0".join(b"\0" * len(entry) if entry.partition(b"=")[0] in gone else entry for entry in block.split(b"\0"))
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        memory.seek(begin)
        memory.write(left)


_ENV_START: Final = 47
"""Where in /proc/self/stat, after the name of the process, the address of the block stands."""
