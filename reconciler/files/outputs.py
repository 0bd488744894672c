"""Where a report, a plan or credentials may be written: over an older one, and never over a desired state."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from reconciler.core.model.message import text
from reconciler.errors import WrongUsage, unwritable
from reconciler.files.desired_files import is_desired_state, is_hidden

_LOOKED_AT: Final = 1 << 20
"""Bytes of an existing file that are looked at."""
_TOP_KEY: Final = r"""(?m)(?:\A\{\s*|^(?:\?[ \t]+)?)["']?(?:version|agents)["']?[ \t]*:(?:\s|$)"""
_HINT: Final = text("name another file; nothing was read or written")


def refuse_desired_state(targets: Iterable[Path | None], files: Sequence[Path] = ()) -> None:
    """Check that none of the targets is a desired-state file. `files` are the files and folders that are given.

    Raises:
        WrongUsage: one is a given file, would be read with a given folder, or looks like a desired state.
    """
    for target in targets:
        if target is None:
            continue
        if any(_is_given(target, file) for file in files):
            raise WrongUsage(
                "output-is-input", text("{target} is one of the desired-state files", target=target), _HINT
            )
        if _looks_desired(target):
            raise WrongUsage(
                "output-is-input",
                text("{target} holds a desired state: it has version or agents at its top", target=target),
                _HINT,
            )


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
    """Whether a target is the file, whatever the case of its letters, or is read when the folder is."""
    try:
        if target.samefile(file):
            return True
    except (OSError, ValueError):  # one of them is not there
        pass
    here, there = (Path(os.path.realpath(path).casefold()) for path in (target, file))
    if here == there:
        return True
    below = here.relative_to(there) if here.is_relative_to(there) else None
    return below is not None and is_desired_state(below) and not is_hidden(below)


def _looks_desired(target: Path) -> bool:
    try:
        if not target.is_file():
            return False
        with target.open("rb") as stream:
            data = stream.read(_LOOKED_AT)
    except (OSError, ValueError):
        return False  # whoever writes it says what is wrong
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
    try:
        top = json.loads(text)
    except (ValueError, RecursionError):
        return re.search(_TOP_KEY, text) is not None
    return isinstance(top, dict) and "format" not in top and ("agents" in top or top.get("version") == 1)
