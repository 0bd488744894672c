"""The desired state at a git revision. git reads it from its objects; nothing is checked out or run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.core.desired.read import read_files
from reconciler.core.model.desired import Company, DesiredState
from reconciler.core.model.message import Text, text, verbatim
from reconciler.core.model.problem import MAX_BYTES, Content, Place, Problem
from reconciler.errors import InvalidFiles, ReconcilerError
from reconciler.files.child_environment import bare
from reconciler.files.desired_files import LEADS_OUT, is_desired_state, is_hidden

_REGULAR_MODES: Final = ("100644", "100755")


def desired_at(paths: Sequence[Path], ref: str) -> DesiredState:
    """The desired state of the files and folders at `ref`; an empty one where none of them existed yet.

    Raises:
        InvalidFiles: the files had problems at that revision; carries them all.
        ReconcilerError: git is not installed, knows no such commit, or fails.
    """
    found: dict[Path, tuple[str, Content]] = {}
    for path in paths:
        for real, file in _contents(path, ref):
            found.setdefault(real, file)
    if not found:
        return DesiredState(Company(""), (), (), "", prune=False)
    desired, problems = read_files(found.values())
    if desired is None:
        raise InvalidFiles(tuple(replace(problem, place=_at(problem.place, ref)) for problem in problems))
    return desired


def _at(place: Place, ref: str) -> Place:
    return replace(place, file=f"{ref}:{place.file}")


def _contents(path: Path, ref: str) -> Iterator[tuple[Path, tuple[str, Content]]]:
    """A file at the revision, or every file below a folder, as `desired_files` reads them on disk.

    The first path is where the file really lies, which tells whether two names are one file.
    """
    if path.is_dir():
        tree = _Tree(path, Path(os.path.realpath(path)), _entries(path, _commit(path, ref)))
        for name in tree.entries:
            if is_desired_state(name) and not is_hidden(name):
                yield from tree.file(name, str(path / name), LEADS_OUT)
        return
    folder, commit = path.parent, _commit(path.parent, ref)
    tree, name = _Tree(folder, Path(os.path.realpath(folder)), _entries(folder, commit, path.name)), path.name
    if tree.is_link(name):
        root = Path(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
        name = Path(os.path.relpath(tree.root / name, root)).as_posix()
        tree = _Tree(folder, root, _entries(folder, commit, whole=True))
    if name in tree.entries:
        yield from tree.file(name, str(path), _NO_FILE)


_NO_FILE: Final = text("is no regular file")
_LINK: Final = "120000"
_MAX_LINKS: Final = 40
"""Links that are followed one after the other, as many as Linux follows."""


def _entries(folder: Path, commit: str, *only: str, whole: bool = False) -> dict[str, tuple[str, str]]:
    """Mode and object of each file of a commit by its name, as seen from the folder or from the repository's root."""
    listing = _git(folder, "ls-tree", "-r", "-z", *(["--full-tree"] if whole else []), commit, "--", *only)
    found = {}
    for line in listing.split(b"\0")[:-1]:
        attributes, _, name = line.partition(b"\t")
        mode, _, blob = attributes.decode().split()
        found[os.fsdecode(name)] = (mode, blob)
    return found


@dataclass(frozen=True, slots=True)
class _Tree:
    """The files of a commit below `root`, by their names there. git runs in `folder`."""

    folder: Path
    root: Path
    entries: dict[str, tuple[str, str]]

    def is_link(self, name: str) -> bool:
        return name in self.entries and self.entries[name][0] == _LINK

    def file(self, name: str, shown: str, outside: Text) -> Iterator[tuple[Path, tuple[str, Content]]]:
        """A file and where it really lies; nothing for a link to a folder, whose files have names of their own."""
        real = self._followed(name)
        if real is None:
            yield self.root / name, (shown, Problem(Place(shown, 1), "", outside, code="unreadable-file"))
        elif real in self.entries:
            yield self.root / real, (shown, _content(self.folder, shown, *self.entries[real]))
        elif real != "." and not any(other.startswith(f"{real}/") for other in self.entries):
            yield self.root / name, (shown, Problem(Place(shown, 1), "", _NO_FILE, code="unreadable-file"))

    def _followed(self, name: str) -> str | None:
        """The name that a name leads to, links followed; `None` if it is not below the root, or goes in a circle."""
        for _ in range(_MAX_LINKS):
            parts = name.split("/")
            ways = ("/".join(parts[:end]) for end in range(1, len(parts) + 1))
            link = next(filter(self.is_link, ways), None)
            if link is None:
                return name
            target = os.fsdecode(_git(self.folder, "cat-file", "blob", self.entries[link][1]))
            path = f"{self.root / Path(link).parent / target}{name.removeprefix(link)}"
            name = Path(os.path.relpath(os.path.normpath(path), self.root)).as_posix()
            if name.split("/")[0] == os.pardir:
                break
        return None


def _content(folder: Path, name: str, mode: str, blob: str) -> Content:
    if mode not in _REGULAR_MODES:
        return Problem(Place(name, 1), "", _NO_FILE, code="unreadable-file")
    if int(_git(folder, "cat-file", "-s", blob)) > MAX_BYTES:
        message = text("is too large; {megabytes} MB is the limit", megabytes=MAX_BYTES >> 20)
        return Problem(Place(name, 1), "", message, code="file-too-large")
    return _git(folder, "cat-file", "blob", blob)


def _commit(folder: Path, ref: str) -> str:
    """The commit that a revision names; raises `ReconcilerError` where it names none, or more than one."""
    process = _run(folder, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    errors = process.stderr.decode("utf-8", "replace").strip()
    if process.returncode:
        hint = text("a shallow clone may not have it: fetch it first (in GitHub Actions fetch-depth: 0)")
        raise ReconcilerError(
            "unknown-revision",
            text("git knows no commit {ref}", ref=ref),
            hint if "single revision" in errors else verbatim(errors),
        )
    if "ambiguous" in errors:  # a tag that somebody pushed could pass for a branch
        raise ReconcilerError(
            "unknown-revision",
            text("{ref} names more than one thing", ref=ref),
            text("write it out, such as refs/remotes/origin/main"),
        )
    return process.stdout.decode().strip()


def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints; raises `ReconcilerError` when it fails."""
    process = _run(folder, *arguments)
    if process.returncode:
        errors = process.stderr.decode("utf-8", "replace").strip()
        if "promisor remote" in errors:
            hint = text("have all of it: git fetch --refetch --no-filter; or clone without --filter")
            raise ReconcilerError(
                "partial-clone",
                text("the clone in {folder} is a partial one, and lacks what the revision holds", folder=folder),
                hint,
            )
        raise ReconcilerError(
            "git-failed",
            text("git {arguments} failed in {folder}", arguments=arguments[0], folder=folder),
            verbatim(errors),
        )
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
    git_own = {name: value for name, value in os.environ.items() if name.startswith("GIT_")}
    environment = {**bare(os.environ), **git_own, **_ENVIRONMENT}
    try:
        return subprocess.run(command, capture_output=True, check=False, env=environment)  # noqa: S603
    except FileNotFoundError:
        raise ReconcilerError(
            "git-missing", text("git is not installed"), text("--since reads the files of before with it")
        ) from None
    except ValueError:  # a name holds a NUL character
        raise ReconcilerError(
            "git-failed",
            text("git {arguments} failed in {folder}", arguments=arguments[0], folder=folder),
            text("a name holds a NUL character"),
        ) from None
