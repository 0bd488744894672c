"""Files of the user's own repository: written whole, readable by colleagues, and never over another by accident."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.errors import Declined, ReconcilerError
from reconciler.files.desired_files import ENDINGS
from reconciler.files.private import replace_file, written_beside

_HINT: Final = "--force replaces it; nothing was written"


def write_file(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file whole: a reader sees the old or the new. An old one keeps its mode, a new one has the umask's.

    Raises `Declined` for one that is there and not to be replaced, and `ReconcilerError` where it cannot be written.
    """
    refuse_existing(path, replace=replace)
    try:
        if os.path.lexists(path):
            rewrite(path, data)
        else:
            _create(path, data)
    except FileExistsError:
        raise Declined(f"{path} is there already", _HINT) from None
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be written: {error.strerror}") from None


def refuse_existing(path: Path, *, replace: bool) -> None:
    """Raise `Declined` for a file that is there and not to be replaced, or that is no file."""
    if not os.path.lexists(path):
        return
    if path.exists() and not path.is_file():
        raise Declined(f"{path} is no regular file", "name another; nothing was written")
    if not replace:
        raise Declined(f"{path} is there already", _HINT)


def rewrite(path: Path, data: bytes) -> None:
    """Replace a file's content, its mode kept; what a link points to is replaced, not the link. Raises `OSError`.

    A file that may not be written is not replaced either.
    """
    target = Path(os.path.realpath(path))
    mode = stat.S_IMODE(target.stat().st_mode)
    if not (os.access(target, os.W_OK) and mode & 0o222):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    replace_file(target, data, mode)


def _create(path: Path, data: bytes) -> None:
    with written_beside(path, data, None) as temporary:
        _name(temporary, path)


def _name(temporary: Path, path: Path) -> None:
    """Give a file its name, unless a file of that name came in between."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a disk that has no hard links
        temporary.replace(path)


def write_folder(folder: Path, files: Mapping[str, bytes], *, replace: bool) -> None:
    """Write a folder's files, each whole, in their order. A folder with other desired-state files is left alone.

    Raises as `write_file` does, before anything is written where that can be known.
    """
    if folder.is_dir():
        _refuse_others(folder, files)
    for name in files:
        refuse_existing(folder / name, replace=replace)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReconcilerError(f"the folder {folder} cannot be made: {error.strerror}") from None
    for name, data in files.items():
        write_file(folder / name, data, replace=replace)


def _refuse_others(folder: Path, files: Mapping[str, bytes]) -> None:
    """Files that would be read along with the new ones, and whose agents would stand twice."""
    found = (path for path in folder.rglob("*") if path.suffix in ENDINGS)
    others = sorted(str(path.relative_to(folder)) for path in found if str(path.relative_to(folder)) not in files)
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        hint = "move them away, or name an empty folder; nothing was written"
        raise Declined(f"{folder} holds desired-state files of its own: {others[0]}{more}", hint)
