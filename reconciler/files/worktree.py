"""Files in the user's repository: written whole, readable by colleagues, and never over another file by accident."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.core.model.message import listed, text
from reconciler.errors import Declined, ReconcilerError, unwritable
from reconciler.files.atomic import replace_file, written_beside
from reconciler.files.desired_files import is_desired_state, is_hidden

_HINT: Final = text("--force replaces it; nothing was written")


def write_file(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file whole: a reader sees the old or the new content.

    A replaced file keeps its mode; the umask decides the mode of a new one.

    Raises:
        Declined: the file exists and `replace` is false, or it is no regular file.
        ReconcilerError: the file cannot be written.
    """
    refuse_existing(path, replace=replace)
    try:
        if os.path.lexists(path):
            rewrite(path, data)
        else:
            _create(path, data)
    except FileExistsError:
        raise Declined("already-there", text("{path} is there already", path=path), _HINT) from None
    except OSError as error:
        raise unwritable(path, error) from None


def refuse_existing(path: Path, *, replace: bool) -> None:
    """Check that `write_file` may write to the path.

    Raises:
        Declined: the file exists and `replace` is false, or it is no regular file.
    """
    if not os.path.lexists(path):
        return
    if path.exists() and not path.is_file():
        raise Declined(
            "no-regular-file", text("{path} is no regular file", path=path), text("name another; nothing was written")
        )
    if not replace:
        raise Declined("already-there", text("{path} is there already", path=path), _HINT)


def rewrite(path: Path, data: bytes) -> None:
    """Replace a file's content and keep its mode. Of a link, the file that it points to is replaced.

    Raises:
        OSError: the file is read-only, or cannot be written.
    """
    target = Path(os.path.realpath(path))
    mode = stat.S_IMODE(target.stat().st_mode)
    if not (os.access(target, os.W_OK) and mode & 0o222):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    replace_file(target, data, mode)


def _create(path: Path, data: bytes) -> None:
    with written_beside(path, data, None) as temporary:
        _link_or_rename(temporary, path)


def _link_or_rename(temporary: Path, path: Path) -> None:
    """Give a file its final name; raises `FileExistsError` when another file has got that name meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # the disk has no hard links
        temporary.replace(path)


def write_folder(folder: Path, files: Mapping[str, bytes], *, replace: bool) -> None:
    """Write a folder's files, each whole, in their order.

    Raises:
        Declined: the folder holds other desired-state files, or `write_file` declines one. All that exists is checked
            before anything is written.
        ReconcilerError: the folder or a file cannot be written.
    """
    if folder.is_dir():
        _refuse_others(folder, files)
    for name in files:
        refuse_existing(folder / name, replace=replace)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReconcilerError(
            "unwritable-file", text("the folder {folder} cannot be made: {why}", folder=folder, why=error.strerror)
        ) from None
    for name, data in files.items():
        write_file(folder / name, data, replace=replace)


def _refuse_others(folder: Path, files: Mapping[str, bytes]) -> None:
    """Raise `Declined` for other desired-state files: they would be read too, and name the same agents again."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if is_desired_state(path))
    others = sorted(name for name in names if name not in files and not is_hidden(name))
    if others:
        message = text("{folder} holds desired-state files of its own: {names}", folder=folder, names=listed(others, 1))
        hint = text("move them away, or name an empty folder; nothing was written")
        raise Declined("folder-in-use", message, hint)
