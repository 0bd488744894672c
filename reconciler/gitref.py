"""The desired state as it was at a git revision. Read with git from its objects; nothing is checked out or run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from reconciler.core.desired import Content, read_files
from reconciler.core.document import MAX_BYTES
from reconciler.core.model import Company, DesiredState, Place, Problem
from reconciler.errors import InvalidFiles, ReconcilerError
from reconciler.files import ENDINGS

_BLOB: Final = ("100644", "100755")


def desired_at(paths: Sequence[Path], ref: str) -> DesiredState:
    """What the files and folders said at `ref`; nothing at all where none was there yet.

    Raises `InvalidFiles` for files that had problems then, and `ReconcilerError` where git cannot tell.
    """
    files = {name: content for path in paths for name, content in _contents(path, ref)}
    if not files:
        return DesiredState(Company(""), (), (), "", prune=False)
    desired, problems = read_files(files.items())
    if desired is None:
        raise InvalidFiles(problems)
    return desired


def _contents(path: Path, ref: str) -> Iterator[tuple[str, Content]]:
    """A file as it was, or every file that was below a folder."""
    folder, only = (path, []) if path.is_dir() else (path.parent, [path.name])
    for line in _git(folder, "ls-tree", "-r", "-z", _commit(folder, ref), "--", *only).split(b"\0")[:-1]:
        about, _, listed = line.partition(b"\t")
        mode, _, blob = about.decode().split()
        name = Path(os.fsdecode(listed))
        if only or _is_read(name):
            shown = f"{ref}:{folder / name}"
            yield shown, _content(folder, shown, mode, blob)


def _is_read(name: Path) -> bool:
    """Whether a folder's file is one of those that count, as `files` has it."""
    return name.suffix in ENDINGS and not any(part.startswith(".") for part in name.parts)


def _content(folder: Path, name: str, mode: str, blob: str) -> Content:
    if mode not in _BLOB:
        return Problem(Place(name, 1), "", "is no regular file")
    if int(_git(folder, "cat-file", "-s", blob)) > MAX_BYTES:
        return Problem(Place(name, 1), "", f"is too large; {MAX_BYTES >> 20} MB is the limit")
    return _git(folder, "cat-file", "blob", blob)


def _commit(folder: Path, ref: str) -> str:
    try:
        return (
            _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").decode().strip()
        )
    except ReconcilerError as error:
        hint = error.hint or "a shallow clone may not have it: fetch it first (in GitHub Actions fetch-depth: 0)"
        raise ReconcilerError(f"git knows no commit {ref}", hint) from None


def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints; raises `ReconcilerError` when it fails. Configuration cannot make it run or write anything."""
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    command = ["git", "--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, **quiet})  # noqa: S603
    except FileNotFoundError:
        raise ReconcilerError("git is not installed", "--since reads the files of before with it") from None
    except ValueError:  # a NUL in a name
        raise ReconcilerError(f"git {arguments[0]} failed in {folder}", "a name holds a NUL character") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip()
        raise ReconcilerError(f"git {arguments[0]} failed in {folder}", said) from None
    return done.stdout
