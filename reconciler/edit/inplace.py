"""A file that people keep, replaced whole: it stays what it was in all but its content."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from reconciler.storage import sync_folder


def rewrite(path: Path, data: bytes) -> None:
    """Replace a file's content, its mode kept; what a link points to is replaced, not the link. Raises `OSError`.

    A reader sees the old or the new. A file that may not be written is not replaced either.
    """
    real = Path(os.path.realpath(path))
    mode = stat.S_IMODE(real.stat().st_mode)
    if not (os.access(real, os.W_OK) and mode & 0o222):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    # One name for all times: what a kill leaves behind is taken over by the next run.
    temporary = real.with_name(f".{real.name}.new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        temporary.replace(real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(real.parent)
