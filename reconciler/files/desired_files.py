"""Desired-state files from disk: files and folders to bytes for the core, and every problem of reading them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.core.model.desired import DesiredState
from reconciler.core.model.problem import MAX_BYTES, Content, Place, Problem
from reconciler.errors import InvalidFiles
from reconciler.files.private import read_regular

if TYPE_CHECKING:
    from reconciler.core.desired.read import ParsedFiles

ENDINGS: Final = (".yaml", ".yml")
"""What a folder's files must end in to be read. Names that begin with a dot are passed over."""


def load_desired(paths: Sequence[Path]) -> DesiredState:
    """Read and check files and folders as one; raises `InvalidFiles` with everything that is wrong."""
    return desired_of(contents(paths))


def desired_of(files: Iterable[tuple[str, Content]]) -> DesiredState:
    """The same of files whose bytes are there."""
    from reconciler.core.desired.read import desired_state

    return desired_state(_sound(files))


def load(paths: Sequence[Path]) -> ParsedFiles:
    """What files and folders say, resolved; raises `InvalidFiles` with everything that is wrong."""
    return _sound(contents(paths))


def _sound(files: Iterable[tuple[str, Content]]) -> ParsedFiles:
    # Who only wants the bytes, for another process to read, needs no parser.
    from reconciler.core.desired.read import parse_files

    reading = parse_files(files)
    if reading.problems:
        raise InvalidFiles(reading.problems)
    return reading


def contents(paths: Sequence[Path]) -> Iterator[tuple[str, Content]]:
    """Every file that is named or stands in a named folder, each once, with its bytes or why they cannot be had."""
    seen: set[Path] = set()
    for path in paths:
        for file, wrong in _files(path):
            real = Path(os.path.realpath(file))
            if real not in seen:
                seen.add(real)
                yield str(file), wrong or _read(file)


def _read(file: Path) -> Content:
    try:
        return read_regular(file, MAX_BYTES)[0]
    except OSError as error:
        return _unreadable(file, error)


def _unreadable(file: Path, error: OSError) -> Problem:
    hint = "name it with --file, or set RECONCILER_FILE"
    return Problem(Place(str(file), 1), "", f"cannot be read: {error.strerror}", hint)


def _files(path: Path) -> Iterator[tuple[Path, Problem | None]]:
    """The path itself, or the files below it when it is a folder."""
    found: list[tuple[Path, Problem | None]] = [(path, None)]
    try:
        if path.is_dir():
            found = list(_below(path, Path(os.path.realpath(path))))
    except OSError as error:
        found = [(path, _unreadable(path, error))]
    if not found:
        hint = "a folder's files end in " + " or ".join(ENDINGS)
        found = [(path, Problem(Place(str(path), 1), "", "the folder holds no desired-state file", hint))]
    yield from found


def _below(folder: Path, root: Path) -> Iterator[tuple[Path, Problem | None]]:
    """In order of names. A link may lead to another place of the same folder, and nowhere else."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _below(entry, root)
        elif entry.suffix in ENDINGS or (entry.is_symlink() and entry.is_dir()):
            yield from _listed(entry, root)


def _listed(entry: Path, root: Path) -> Iterator[tuple[Path, Problem | None]]:
    if entry.is_symlink() and not Path(os.path.realpath(entry)).is_relative_to(root):
        hint = "copy what it points to into the folder, or name that with --file"
        yield entry, Problem(Place(str(entry), 1), "", "is a link that leads out of the folder", hint)
    elif not entry.is_dir():
        yield entry, None
