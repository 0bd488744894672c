"""Desired-state files from disk: the bytes for the core, and every problem of reading them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from reconciler.core.desired import read_desired
from reconciler.core.document import MAX_BYTES
from reconciler.core.model import DesiredState, Place, Problem
from reconciler.errors import InvalidFiles


def load_desired(path: Path) -> DesiredState:
    """Read and check one file; raises `InvalidFiles` with everything that is wrong."""
    try:
        data = _read(path)
    except OSError as error:
        hint = "name it with --file, or set RECONCILER_FILE"
        problem = Problem(Place(str(path), 1), "", f"cannot be read: {error.strerror}", hint)
        raise InvalidFiles((problem,)) from None
    desired, problems = read_desired(str(path), data)
    if desired is None:
        raise InvalidFiles(problems)
    return desired


def _read(path: Path) -> bytes:
    """At most one byte more than the limit: the core says what is too large. Pipes and devices are refused."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "it is no regular file")
        return stream.read(MAX_BYTES + 1)
