"""The desired state as it was at a git revision. Read with git from its objects; nothing is checked out or run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from reconciler.core.desired import read_desired
from reconciler.core.document import MAX_BYTES
from reconciler.core.model import Company, DesiredState
from reconciler.errors import InvalidFiles, ReconcilerError

_BLOB: Final = ("100644", "100755")


def desired_at(file: Path, ref: str) -> DesiredState:
    """What the file said at `ref`; nothing at all where it was not there yet.

    Raises `InvalidFiles` for a file that had problems then, and `ReconcilerError` where git cannot tell.
    """
    commit = _commit(file.parent, ref)
    listed = _git(file.parent, "ls-tree", commit, "--", file.name)
    if not listed:
        return DesiredState(Company(""), (), (), "", prune=False)
    mode, _, blob = listed.partition(b"\t")[0].decode().split()
    name = f"{ref}:{file}"
    if mode not in _BLOB:
        raise ReconcilerError(f"{name} is no regular file")
    if int(_git(file.parent, "cat-file", "-s", blob)) > MAX_BYTES:
        raise ReconcilerError(f"{name} is too large; {MAX_BYTES >> 20} MB is the limit")
    desired, problems = read_desired(name, _git(file.parent, "cat-file", "blob", blob))
    if desired is None:
        raise InvalidFiles(problems)
    return desired


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
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip()
        raise ReconcilerError(f"git {arguments[0]} failed in {folder}", said) from None
    return done.stdout
