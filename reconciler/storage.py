"""Files that must not be half-written or readable by others: the `.reconciler` folder and what is in it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

FOLDER: Final = ".reconciler"


def private_folder(folder: Path) -> Path:
    """Make a folder (mode 0700) whose content git ignores, or take the one that is there."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.name == FOLDER:
            (folder / ".gitignore").write_text("*\n")
    return folder


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file's content whole (mode 0600): a reader sees the old or the new, also after a power cut."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a new or renamed file's name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
