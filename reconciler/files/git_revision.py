"""The desired state as it was at a git revision. Read with git from its objects; nothing is checked out or run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.core.desired.read import read_files
from reconciler.core.model.desired import Company, DesiredState
from reconciler.core.model.problem import MAX_BYTES, Content, Place, Problem
from reconciler.errors import InvalidFiles, ReconcilerError
from reconciler.files.desired_files import ENDINGS

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
        raise InvalidFiles(tuple(replace(each, place=_at(each.place, ref)) for each in problems))
    return desired


def _at(place: Place, ref: str) -> Place:
    return replace(place, file=f"{ref}:{place.file}")


def _contents(path: Path, ref: str) -> Iterator[tuple[str, Content]]:
    """A file as it was, or every file that was below a folder."""
    folder, only = (path, []) if path.is_dir() else (path.parent, [path.name])
    for line in _git(folder, "ls-tree", "-r", "-z", _commit(folder, ref), "--", *only).split(b"\0")[:-1]:
        about, _, listed = line.partition(b"\t")
        mode, _, blob = about.decode().split()
        name = Path(os.fsdecode(listed))
        if only or _is_read(name):
            shown = str(folder / name)
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
    """The commit that a revision names; raises `ReconcilerError` where it names none, or more than one."""
    done = _run(folder, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode:
        hint = "a shallow clone may not have it: fetch it first (in GitHub Actions fetch-depth: 0)"
        raise ReconcilerError(f"git knows no commit {ref}", hint if "single revision" in said else said)
    if "ambiguous" in said:  # a tag that somebody pushed would pass for a branch
        raise ReconcilerError(f"{ref} names more than one thing", "write it out, such as refs/remotes/origin/main")
    return done.stdout.decode().strip()


def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints; raises `ReconcilerError` when it fails."""
    done = _run(folder, *arguments)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise ReconcilerError(f"git {arguments[0]} failed in {folder}", said)
    return done.stdout


_QUIET: Final = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
_HONEST: Final = (
    *("--no-pager", "--literal-pathspecs", "--no-replace-objects", "-c", "core.fsmonitor=false"),
    # A repository that was committed as files must not be asked, and a tag that looks like a branch be told.
    *("-c", "safe.bareRepository=explicit", "-c", "core.warnAmbiguousRefs=true"),
)


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git so that what the repository says cannot make it run or write anything, or tell another story."""
    command = ["git", *_HONEST, "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **_QUIET})  # noqa: S603
    except FileNotFoundError:
        raise ReconcilerError("git is not installed", "--since reads the files of before with it") from None
    except ValueError:  # a NUL in a name
        raise ReconcilerError(f"git {arguments[0]} failed in {folder}", "a name holds a NUL character") from None
