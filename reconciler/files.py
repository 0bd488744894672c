"""Desired-state files from disk: the bytes for the core, and every problem of reading them."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.desired import read_desired
from reconciler.core.document import MAX_BYTES
from reconciler.core.model import DesiredState, Place, Problem
from reconciler.errors import InvalidFiles
from reconciler.storage import read_regular


def load_desired(path: Path) -> DesiredState:
    """Read and check one file; raises `InvalidFiles` with everything that is wrong."""
    try:
        data, _ = read_regular(path, MAX_BYTES)
    except OSError as error:
        hint = "name it with --file, or set RECONCILER_FILE"
        problem = Problem(Place(str(path), 1), "", f"cannot be read: {error.strerror}", hint)
        raise InvalidFiles((problem,)) from None
    desired, problems = read_desired(str(path), data)
    if desired is None:
        raise InvalidFiles(problems)
    return desired
