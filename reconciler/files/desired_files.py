"""Desired-state files on disk: which files count, their bytes for the core, and every problem of reading them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from reconciler.core.model.desired import Company, DesiredState
from reconciler.core.model.message import text
from reconciler.core.model.problem import MAX_BYTES, Content, Place, Problem
from reconciler.errors import InvalidFiles, ReconcilerError, unreadable
from reconciler.files.private import read_regular

if TYPE_CHECKING:
    from reconciler.core.desired.read import ParsedFiles

ENDINGS: Final = (".yaml", ".yml")
"""A folder's files are read if they end in one of these, in any case, and their names do not begin with a dot."""
LEADS_OUT: Final = text("is a link that leads out of the folder")


def is_desired_state(name: str | Path) -> bool:
    """Whether a file of a folder is a desired-state file, by the ending of its name."""
    return Path(name).suffix.lower() in ENDINGS


def is_hidden(name: str | Path) -> bool:
    """Whether a file, by its name below a folder, is passed over when the folder is read: it or a folder is hidden."""
    return any(part.startswith(".") for part in Path(name).parts)


class DesiredFiles(Protocol):
    """Desired-state files that have been read, or that another process is still reading."""

    @property
    def company(self) -> Company:
        """The company of the agents; known before the agents themselves where the file names it first."""

    def desired(self) -> DesiredState:
        """Wait until the files are read, and return the desired state.

        Raises:
            InvalidFiles: the files have problems; carries them all.
            ReconcilerError: the reading process has ended by itself.
        """

    def check(self) -> None:
        """Raise the problems that are known by now; wait for nothing.

        Raises:
            ReconcilerError: as `desired` does.
        """

    def pause(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Sleep for so many seconds, or until a problem is found in the files.

        Raises:
            ReconcilerError: as `desired` does.
        """


@dataclass(frozen=True, slots=True)
class FilesRead:
    """Desired-state files that have been read and have no problems."""

    state: DesiredState

    @property
    def company(self) -> Company:
        """The company of the agents."""
        return self.state.company

    def desired(self) -> DesiredState:
        """The desired state."""
        return self.state

    def check(self) -> None:
        """Do nothing: the files have no problems."""

    def pause(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Sleep for so many seconds."""
        sleep(seconds)


@contextmanager
def read(paths: Sequence[Path]) -> Iterator[DesiredFiles]:
    """Read files and folders as one desired state; another process reads large ones while the body runs.

    Problems of the files take precedence over an error of the body.

    Raises:
        ReconcilerError: as `DesiredFiles.desired` does.
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
    """The desired state of files and folders, read and checked as one in this process.

    Raises:
        InvalidFiles: the files have problems; carries them all.
    """
    return desired_from(read_contents(paths))


def desired_from(files: Iterable[tuple[str, Content]]) -> DesiredState:
    """The desired state of files whose content has been read.

    Raises:
        InvalidFiles: the files have problems; carries them all.
    """
    from reconciler.core.desired.read import desired_state

    return desired_state(_parsed(files))


def load_parsed(paths: Sequence[Path]) -> ParsedFiles:
    """Files and folders parsed and resolved: their documents and agents, with the place of every value.

    Raises:
        InvalidFiles: the files have problems; carries them all.
    """
    return _parsed(read_contents(paths))


def parsed_file(file: Path) -> ParsedFiles:
    """One file parsed and resolved, to be changed in place.

    Raises:
        InvalidFiles: the file has problems; carries them all.
        ReconcilerError: it cannot be read.
    """
    try:
        data, _ = read_regular(file, MAX_BYTES)
    except OSError as error:
        raise unreadable(file, error) from None
    return _parsed(((str(file), data),))


def _parsed(files: Iterable[tuple[str, Content]]) -> ParsedFiles:
    # Imported late: a process that only hands the bytes to another one needs no parser.
    from reconciler.core.desired.read import parse_files

    parsed = parse_files(files)
    if parsed.problems:
        raise InvalidFiles(parsed.problems)
    return parsed


def read_contents(paths: Sequence[Path]) -> Iterator[tuple[str, Content]]:
    """Every file that is named or is in a named folder, once, with its bytes or the problem of reading it."""
    seen: set[Path] = set()
    for path in paths:
        for file, problem in _files(path):
            real = Path(os.path.realpath(file))
            if real not in seen:
                seen.add(real)
                yield str(file), problem or _read(file)


def _read(file: Path) -> Content:
    try:
        return read_regular(file, MAX_BYTES)[0]
    except OSError as error:
        return _unreadable(file, error)


def _unreadable(file: Path, error: OSError) -> Problem:
    message = text("cannot be read: {reason}", reason=str(error.strerror))
    hint = text("name it with --file, or set RECONCILER_FILE")
    return Problem(Place(str(file), 1), "", message, hint, "unreadable-file")


def _files(path: Path) -> Iterator[tuple[Path, Problem | None]]:
    """The path itself, or the files below it when it is a folder."""
    files: list[tuple[Path, Problem | None]] = [(path, None)]
    try:
        if path.is_dir():
            files = list(_below(path, Path(os.path.realpath(path))))
    except OSError as error:
        files = [(path, _unreadable(path, error))]
    if not files:
        message = text("the folder holds no desired-state file")
        hint = text("a folder's files end in {yaml} or {yml}", yaml=ENDINGS[0], yml=ENDINGS[1])
        files = [(path, Problem(Place(str(path), 1), "", message, hint, "unreadable-file"))]
    yield from files


def _below(folder: Path, root: Path) -> Iterator[tuple[Path, Problem | None]]:
    """The files below a folder, sorted by name. A link may lead to another place in the root folder, nowhere else."""
    for entry in sorted(folder.iterdir()):
        if is_hidden(entry.name):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _below(entry, root)
        elif is_desired_state(entry) or (entry.is_symlink() and entry.is_dir()):
            yield from _entry(entry, root)


def _entry(entry: Path, root: Path) -> Iterator[tuple[Path, Problem | None]]:
    if entry.is_symlink() and not Path(os.path.realpath(entry)).is_relative_to(root):
        hint = text("copy what it points to into the folder, or name that with --file")
        yield entry, Problem(Place(str(entry), 1), "", LEADS_OUT, hint, "unreadable-file")
    elif not entry.is_dir():
        yield entry, None
