"""Files that must not be half-written or readable by others, and the `.reconciler` folder that holds them."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Final

from reconciler.core.model.message import text
from reconciler.files.system import AS_BYTES, NO_WAIT

FOLDER: Final = ".reconciler"


def private_folder(folder: Path) -> Path:
    """Make a folder (mode 0700), or take the one that exists; git ignores the content of a new `.reconciler`.

    A folder inside `.reconciler` is made likewise, and what git is told there covers it.

    Raises:
        OSError: the folder cannot be made.
    """
    if not folder.is_dir():
        if folder.parent.name == FOLDER:
            private_folder(folder.parent)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.name == FOLDER:
            (folder / ".gitignore").write_text("*\n")
    return folder


def read_regular(path: Path, limit: int) -> tuple[bytes, int]:
    """The bytes and the mode of a regular file of at most `limit` bytes. A pipe is refused, not waited for.

    Raises:
        OSError: the file cannot be read, is no regular file, or is larger.
    """
    try:
        handle = os.open(path, os.O_RDONLY | NO_WAIT | AS_BYTES)
    except ValueError:  # the name holds a NUL character
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, text("it is no regular file"))
        data = stream.read(limit + 1)
    if len(data) > limit:
        size = text("{count:,} bytes", count=limit)
        if limit >> 20:
            size = text("{count} MB", count=limit >> 20)
        raise OSError(errno.EFBIG, text("it is too large; {size} is the limit", size=size))
    return data, status.st_mode


def json_line(value: object) -> bytes:
    """A JSON document on a line of its own. Half a surrogate pair, which UTF-8 cannot carry, becomes an escape."""
    return (json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
