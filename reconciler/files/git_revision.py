"""The desired state at a git revision. git reads it from its objects; nothing is checked out or run."""

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

_REGULAR_MODES: Final = ("100644", "100755")


def desired_at(paths: Sequence[Path], ref: str) -> DesiredState:
    """The desired state of the files and folders at `ref`; an empty one where none of them existed yet.

    Raises:
        InvalidFiles: the files had problems at that revision; carries them all.
        ReconcilerError: git is not installed, knows no such commit, or fails.
    """
    files = {name: content for path in paths for name, content in _contents(path, ref)}
    if not files:
        return DesiredState(Company(""), (), (), "", prune=False)
    desired, problems = read_files(files.items())
    if desired is None:
        raise InvalidFiles(tuple(replace(problem, place=_at(problem.place, ref)) for problem in problems))
    return desired


def _at(place: Place, ref: str) -> Place:
    return replace(place, file=f"{ref}:{place.file}")


def _contents(path: Path, ref: str) -> Iterator[tuple[str, Content]]:
    """The content of a file at the revision, or of every file below a folder."""
    folder, only = (path, []) if path.is_dir() else (path.parent, [path.name])
    for line in _git(folder, "ls-tree", "-r", "-z", _commit(folder, ref), "--", *only).split(b"\0")[:-1]:
        attributes, _, raw_name = line.partition(b"\t")
        mode, _, blob = attributes.decode().split()
        name = Path(os.fsdecode(raw_name))
        if only or _is_desired_state(name):
            file = str(folder / name)
            yield file, _content(folder, file, mode, blob)


def _is_desired_state(name: Path) -> bool:
    """Whether a folder's file counts, by the same rule as in `desired_files`."""
    return name.suffix in ENDINGS and not any(part.startswith(".") for part in name.parts)


def _content(folder: Path, name: str, mode: str, blob: str) -> Content:
    if mode not in _REGULAR_MODES:
        return Problem(Place(name, 1), "", "is no regular file")
    if int(_git(folder, "cat-file", "-s", blob)) > MAX_BYTES:
        return Problem(Place(name, 1), "", f"is too large; {MAX_BYTES >> 20} MB is the limit")
    return _git(folder, "cat-file", "blob", blob)


def _commit(folder: Path, ref: str) -> str:
    """The commit that a revision names; raises `ReconcilerError` where it names none, or more than one."""
    process = _run(folder, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    errors = process.stderr.decode("utf-8", "replace").strip()
    if process.returncode:
        hint = "a shallow clone may not have it: fetch it first (in GitHub Actions fetch-depth: 0)"
        raise ReconcilerError(f"git knows no commit {ref}", hint if "single revision" in errors else errors)
    if "ambiguous" in errors:  # a tag that somebody pushed could pass for a branch
        raise ReconcilerError(f"{ref} names more than one thing", "write it out, such as refs/remotes/origin/main")
    return process.stdout.decode().strip()


def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints; raises `ReconcilerError` when it fails."""
    process = _run(folder, *arguments)
    if process.returncode:
        errors = process.stderr.decode("utf-8", "replace").strip()
        raise ReconcilerError(f"git {arguments[0]} failed in {folder}", errors)
    return process.stdout


_ENVIRONMENT: Final = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
_OPTIONS: Final = (
    *("--no-pager", "--literal-pathspecs", "--no-replace-objects", "-c", "core.fsmonitor=false"),
    # git must not read a bare repository that somebody committed as files, and must warn of an ambiguous name.
    *("-c", "safe.bareRepository=explicit", "-c", "core.warnAmbiguousRefs=true"),
)


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git so that nothing in the repository can make it run a program, write, or show other content."""
    command = ["git", *_OPTIONS, "-C", str(folder), *arguments]
    environment = {**os.environ, **_ENVIRONMENT}
    try:
        return subprocess.run(command, capture_output=True, check=False, env=environment)  # noqa: S603
    except FileNotFoundError:
        raise ReconcilerError("git is not installed", "--since reads the files of before with it") from None
    except ValueError:  # a name holds a NUL character
        raise ReconcilerError(f"git {arguments[0]} failed in {folder}", "a name holds a NUL character") from None
