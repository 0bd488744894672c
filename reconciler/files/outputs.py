"""Where a report, a plan or credentials may be written: over an older one, and never over what somebody still needs."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from reconciler.core.model.message import Text, text
from reconciler.errors import WrongUsage, unwritable
from reconciler.files.desired_files import is_desired_state, is_hidden

_LOOKED_AT: Final = 1 << 20
"""Bytes of an existing file that are looked at."""
_TOP_KEY: Final = r"""(?m)(?:\A\{\s*|^(?:\?[ \t]+)?)["']?(?:version|agents)["']?[ \t]*:(?:\s|$)"""
_BOOKS: Final = re.compile(rb'\{\s*"format": "reconciler\.(?:ledger|journal|history)/')


def check_outputs(
    outputs: Iterable[Path | None],
    files: Sequence[Path] = (),
    inputs: Iterable[Path | None] = (),
    *,
    credentials: Path | None = None,
) -> None:
    """Check that no output replaces what somebody still needs: a desired state, books, credentials, another file named.

    `files` are the files and folders of the desired state that are given, `inputs` what else the command reads.
    `credentials` is an output too; it adds to those that are there.

    Raises:
        WrongUsage: one is a given file, would be read with a given folder, is named twice, or looks like one of these.
    """
    named = [path for path in inputs if path is not None]
    for target in filter(None, (credentials, *outputs)):
        if any(_is_given(target, file) for file in files):
            raise _refused(text("{target} is one of the desired-state files", target=target))
        if any(_is_same(target, other) for other in named):
            raise _refused(text("{target} is named twice: one would replace the other", target=target))
        if _looks_desired(target):
            raise _refused(text("{target} holds a desired state: it has version or agents at its top", target=target))
        if _is_kept(target, credentials_too=target is not credentials):
            raise _refused(text("{target} holds books or credentials, which nobody can make again", target=target))
        named.append(target)


def _refused(words: Text) -> WrongUsage:
    return WrongUsage("output-is-input", words, text("name another file; nothing was read or written"))


def refuse_unwritable(target: Path) -> None:
    """Check that a report can be written there once the work is done. Nothing is left behind.

    Raises:
        ReconcilerError: it cannot.
    """
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            if not os.access(target, os.W_OK):  # opening a pipe would wait for its reader
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        is_new = not os.path.lexists(target)
        with target.open("ab"):
            pass
        if is_new:
            target.unlink()
    except OSError as error:
        raise unwritable(target, error, text("nothing was sent; name another file with --output")) from None


def _is_given(target: Path, file: Path) -> bool:
    """Whether a target is the file, or is read when the folder is."""
    if _is_same(target, file):
        return True
    here, there = _place(target), _place(file)
    below = here.relative_to(there) if here.is_relative_to(there) else None
    return below is not None and is_desired_state(below) and not is_hidden(below)


def _is_same(target: Path, other: Path) -> bool:
    """Whether both are one file, whatever the case of its letters; pipes and devices may be named twice."""
    try:
        if target.samefile(other):
            return target.is_file() or target.is_dir()
    except (OSError, ValueError):  # one of them is not there
        pass
    return _place(target) == _place(other) and not target.exists()


def _place(path: Path) -> Path:
    return Path(os.path.realpath(path).casefold())


def _looks_desired(target: Path) -> bool:
    data = _beginning(target)
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
    try:
        top = json.loads(text)
    except (ValueError, RecursionError):
        return re.search(_TOP_KEY, text) is not None
    return isinstance(top, dict) and "format" not in top and ("agents" in top or top.get("version") == 1)


def _is_kept(target: Path, *, credentials_too: bool) -> bool:
    """Whether a file is a ledger, a journal, the record of a run, or credentials, encrypted or not."""
    data = _beginning(target)
    if _BOOKS.match(data):
        return True
    if not credentials_too or data.startswith(b"age-encryption.org/"):
        return credentials_too
    try:
        first = json.loads(data.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and {"operatorId", "sipPassword"} <= first.keys()


def _beginning(target: Path) -> bytes:
    try:
        if not target.is_file():
            return b""
        with target.open("rb") as stream:
            return stream.read(_LOOKED_AT)
    except (OSError, ValueError):
        return b""  # whoever writes it says what is wrong
