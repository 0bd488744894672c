"""Desired-state files from disk: files and folders to bytes for the core, and every problem of reading them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from reconciler.core.model.desired import Company, DesiredState
from reconciler.core.model.problem import MAX_BYTES, Content, Place, Problem
from reconciler.errors import InvalidFiles, ReconcilerError
from reconciler.files.private import read_regular

if TYPE_CHECKING:
    from reconciler.core.desired.read import ParsedFiles

ENDINGS: Final = (".yaml", ".yml")
"""What a folder's files must end in to be read. Names that begin with a dot are passed over."""


class DesiredFiles(Protocol):
    """Files that are read, or that a process of their own still reads."""

    @property
    def company(self) -> Company:
        """Whose agents they are about: known as soon as it can be."""

    def desired(self) -> DesiredState:
        """The desired state, once the files are read.

        Raises:
            ReconcilerError: they have problems (`InvalidFiles`, with all of them), or the process has ended by itself.
        """

    def check(self) -> None:
        """Raise what is known by now to be wrong with the files.

        Raises:
            ReconcilerError: as `desired` does.
        """

    def pause(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Sleep so long, and no longer than until something is found to be wrong with the files.

        Raises:
            ReconcilerError: as `desired` does.
        """


@dataclass(frozen=True, slots=True)
class FilesRead:
    """Files that are read, and in which nothing is wrong."""

    state: DesiredState

    @property
    def company(self) -> Company:
        """Whose agents they are about."""
        return self.state.company

    def desired(self) -> DesiredState:
        """The desired state."""
        return self.state

    def check(self) -> None:
        """Nothing is wrong with them."""

    def pause(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Sleep to the end: nothing is found out about them any more."""
        sleep(seconds)


@contextmanager
def read(paths: Sequence[Path]) -> Iterator[DesiredFiles]:
    """Read files and folders as one desired state; a process of its own reads large ones while the body runs.

    What is wrong with the files comes before whatever else goes wrong in the body.

    Raises:
        ReconcilerError: as `DesiredFiles.desired` does, in the body or before it.
    """
    # The child is forked before this process imports the parser.
    from reconciler.files.reader_process import start

    files = list(read_contents(paths))
    process = start(files)
    if process is None:
        yield FilesRead(desired_from(files))
        return
    with process:
        files.clear()
        try:
            yield process
        except ReconcilerError:
            process.desired()
            raise


def load_desired(paths: Sequence[Path]) -> DesiredState:
    """Read and check files and folders as one, in this process.

    Raises:
        InvalidFiles: with everything that is wrong.
    """
    return desired_from(read_contents(paths))


def desired_from(files: Iterable[tuple[str, Content]]) -> DesiredState:
    """The same of files whose bytes are there.

    Raises:
        InvalidFiles: with everything that is wrong.
    """
    from reconciler.core.desired.read import desired_state

    return desired_state(_sound(files))


def load_parsed(paths: Sequence[Path]) -> ParsedFiles:
    """What files and folders say, resolved.

    Raises:
        InvalidFiles: with everything that is wrong.
    """
    return _sound(read_contents(paths))


def _sound(files: Iterable[tuple[str, Content]]) -> ParsedFiles:
    # Who only wants the bytes, for another process to read, needs no parser.
    from reconciler.core.desired.read import parse_files

    reading = parse_files(files)
    if reading.problems:
        raise InvalidFiles(reading.problems)
    return reading


def read_contents(paths: Sequence[Path]) -> Iterator[tuple[str, Content]]:
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
