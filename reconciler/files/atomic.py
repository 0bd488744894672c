"""Atomic writes: a reader sees the old file or the new one, also after a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.files.system import AS_BYTES, NO_FOLLOW, set_mode, sync_folder


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace a file's content whole: a reader sees the old or the new content, also after a power cut.

    Raises:
        OSError: the file cannot be written; the old one is kept.
    """
    with written_beside(path, data, mode) as temporary:
        temporary.replace(path)


@contextmanager
def written_beside(path: Path, data: bytes, mode: int | None) -> Iterator[Path]:
    """A temporary file beside `path` with the data on disk, which the body renames or links to its final name.

    With `mode` `None` the umask decides. Afterwards the temporary file is gone, and the folder is synced if the body
    succeeded.

    Raises:
        OSError: the file or its folder cannot be written.
    """
    # The name is always the same, so that the next run removes what a killed one leaves behind.
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW | AS_BYTES
    try:
        with os.fdopen(os.open(temporary, flags, 0o666 if mode is None else 0o600), "wb") as stream:
            stream.write(data)
            stream.flush()
            if mode is not None:
                set_mode(stream.fileno(), mode)
            os.fsync(stream.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
