"""Books on a branch of a git remote. Each write is one commit on top of the last one, pushed as compare and swap.

A push says which commit it expects the branch to have, and every git server updates the branch from that commit or not
at all. The branch holds nothing but books, and shares no history with the others of its repository.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.core.model.message import NOTHING, Text, joined, text, verbatim
from reconciler.errors import ReconcilerError
from reconciler.ledger.git_command import CALL_TIMEOUT, Done, Git
from reconciler.ledger.git_remote import parse_branch, resolve
from reconciler.ledger.swap_store import CREDENTIALS, HISTORY, LEDGER, LOCK, RUN, Change, Version

PAUSES: Final = (0.3, 1.2, 3.0)
"""Seconds to wait after each attempt that failed."""
MOVES: Final = 10
"""How often somebody else may write something else on the branch while we try."""
MAX_BYTES: Final = 256 * 1024 * 1024
BOOKS: Final = frozenset({LEDGER, LOCK, RUN, CREDENTIALS, HISTORY})
"""What lies at the top of the branch."""

_MOVED: Final = re.compile(r"stale info|non-fast-forward|fetch first|lock|failed to update|already exists|expected")
_NO_ACCESS: Final = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|access denied|returned error: 40[13]"
    r"|denied to|not allowed to|host key verification failed|invalid username or|terminal prompts disabled|forbidden",
    re.IGNORECASE,
)
_NO_REPOSITORY: Final = re.compile(
    r"not found|does not appear to be a git repository|dubious ownership|does not exist|no such file|not recognized"
    r"|unable to find remote helper|transport '.*' not allowed",
    re.IGNORECASE,
)


_NAME_TAKEN: Final = re.compile(r"exists; cannot create|directory file conflict")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of the branch: its object, and its size in bytes."""

    blob: str
    size: int


class GitBranch:
    """A `SwapStore` on a branch; `folder` is where the user's git settings and remotes are looked for.

    `timeout` is the seconds for one call of git; `sleep` waits between attempts; `password_env` are the patterns of
    variables that git never gets. For one thread at a time.

    Raises:
        WrongUsage: the place is none, or holds a password.
    """

    def __init__(
        self,
        named: str,
        folder: Path,
        *,
        timeout: float = CALL_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
        password_env: Sequence[str] = (),
    ) -> None:
        self._password_env = password_env
        self._place = parse_branch(named)
        self._folder = folder
        self._timeout = timeout
        self._sleep = sleep
        self._ref = f"refs/heads/{self._place.branch}"
        self._opened: Git | None = None
        self._tip: str | None = None
        self._files: dict[str, _Entry] = {}
        self._looked = False
        self._proved = False

    def __str__(self) -> str:
        return str(self._place)

    def prove(self) -> None:
        """Nothing is pushed to try it out: the first write is looked for where it must be seen, see `swap`."""

    def check_rights(self) -> None:
        """Refuse a remote that lets us push nothing: a push is begun, and ends before anything is sent.

        Raises:
            ReconcilerError: it does not.
        """
        self._look()
        done = self._git.run(*self._push_arguments(self._commit([]), "--dry-run"))
        if not done.ok:
            raise self._error(_refusal(done) or done.said, _WRITTEN)

    def get(self, name: str) -> Version | None:
        """The file, or `None` when there is none.

        Raises:
            ReconcilerError: the remote does not answer or refuses, or the branch holds something else than books.
        """
        self._look()
        return self._version(name)

    def peek(self, name: str) -> Version | None:
        """The file as of the last look, or `None` when there was none.

        Raises:
            ReconcilerError: the remote does not answer or refuses, or the branch holds something else than books.
        """
        if not self._looked:
            self._look()
        return self._version(name)

    def names(self, folder: str) -> list[str]:
        """The names of all files in a folder, in their order, as of the last look.

        Raises:
            ReconcilerError: the remote does not answer or refuses, or the branch holds something else than books.
        """
        if not self._looked:
            self._look()
        return sorted(name for name in self._files if name.startswith(f"{folder}/"))

    def swap(self, changes: Sequence[Change]) -> list[Version | None]:
        """Make all changes in one commit, or none of them.

        Raises:
            ReconcilerError: the remote does not answer or refuses, or does not show what was written to it.
        """
        failures, moves, stirred, commit, parent = 0, 0, False, "", self._tip
        while True:
            self._look()
            stirred |= bool(commit) and parent != self._tip
            there = [self._version(change.name) for change in changes]
            if any(_tag(version) != _tag(change.seen) for version, change in zip(there, changes, strict=True)):
                return there
            if not commit or parent != self._tip:
                commit, parent = self._commit(changes), self._tip
            done = self._git.run(*self._push_arguments(commit))
            refusal = _refusal(done)
            if done.ok:
                return self._written(commit, changes)
            if refusal and not _MOVED.search(refusal):
                raise self._error(joined((refusal, done.said), ": ") if done.said else refusal, _WRITTEN, refused=True)
            if refusal:
                moves += 1
                if moves == MOVES:
                    raise self._error(text("others write to it all the time") if stirred else done.said, _WRITTEN)
            elif (failures := failures + 1) == len(PAUSES) or _hopeless(done.said):
                raise self._error(done.said, _WRITTEN)
            self._sleep(PAUSES[0] if refusal else PAUSES[failures - 1])

    def close(self) -> None:
        """Remove the scratch repository."""
        if self._opened is not None:
            self._opened.close()

    @property
    def _git(self) -> Git:
        if self._opened is None:
            self._opened = Git(*resolve(self._place, self._folder), self._timeout, self._password_env)
        return self._opened

    def _written(self, commit: str, changes: Sequence[Change]) -> list[Version | None]:
        """What was pushed, once a look has shown it; that is done for the first push, which is the lock's."""
        if self._proved:
            self._read_tree(commit)
        else:
            self._look()
        versions = [self._version(change.name) for change in changes]
        if not self._proved and [version and version.data for version in versions] != [each.data for each in changes]:
            hint = text("it may be a copy that is brought up to date later: name the repository itself")
            raise ReconcilerError(
                "cannot-lock",
                text("{what} cannot hold a lock: it does not show what was just written", what=self),
                hint,
            )
        self._proved = True
        return versions

    def _push_arguments(self, commit: str, *more: str) -> tuple[str, ...]:
        quiet = ("--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no")
        lease = f"--force-with-lease={self._ref}:{self._tip or ''}"
        return "push", *quiet, *more, lease, "--", "books", f"{commit}:{self._ref}"

    def _look(self) -> None:
        """Bring our copy of the branch up to date."""
        for pause in PAUSES:
            listed = self._git.run("ls-remote", "--", "books", self._ref)
            if listed.ok:
                refs = {line.partition(b"\t")[2]: line.partition(b"\t")[0].decode() for line in listed.out.splitlines()}
                tip = refs.get(self._ref.encode())
                if tip is None:
                    self._check_that_it_is_new(listed, sorted(refs))
                self._looked = True
                if tip is None:
                    self._tip, self._files = None, {}
                    return
                if tip == self._tip:
                    return
                listed = self._fetch()
                if listed.ok:
                    self._read_tree(self._plumb("rev-parse", "--verify", "--end-of-options", "refs/tip"))
                    return
            if _hopeless(listed.said):
                break
            self._sleep(pause)
        raise self._error(listed.said, _READ)

    def _check_that_it_is_new(self, listed: Done, alike: Sequence[bytes]) -> None:
        """Refuse to take the branch for one that is not there yet, where that is not certain.

        Git lists refs whose names end like ours too, and would push to one of those in the place of a new branch. And
        over HTTP it takes a page that is empty, or has no line break, for a repository without branches.
        """
        if alike:
            hint = text("delete that one: git would take it for the ledger's")
            raise ReconcilerError(
                "bad-ledger",
                text("{what} cannot be made: there is {other}", what=self, other=alike[0].decode("utf-8", "replace")),
                hint,
            )
        if not listed.spoke_git:
            raise self._error(text("what answers there is no git server"), _READ)

    def _fetch(self) -> Done:
        quiet = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--depth=1")
        return self._git.run("fetch", *quiet, "--", "books", f"+{self._ref}:refs/tip")

    def _read_tree(self, commit: str) -> None:
        files = {}
        for line in self._git.run("ls-tree", "-r", "-l", "-z", "--end-of-options", commit).out.split(b"\0")[:-1]:
            attributes, _, name = line.partition(b"\t")
            _, kind, blob, size = attributes.decode().split()
            files[name.decode("utf-8", "replace")] = _Entry(blob, int(size) if kind == "blob" else 0)
        strange = sorted(name for name in files if name.partition("/")[0] not in BOOKS)
        if strange:
            hint = text("name a branch of its own; the first apply makes it")
            raise ReconcilerError(
                "no-books",
                text("{what} holds something else than books: {strange}", what=self, strange=strange[0]),
                hint,
            )
        self._tip, self._files = commit, files

    def _version(self, name: str) -> Version | None:
        entry = self._files.get(name)
        if entry is None:
            return None
        if entry.size > MAX_BYTES:
            raise ReconcilerError(
                "books-too-large",
                text(
                    "{name} of {what} is too large; {max_bytes} MB is the limit",
                    name=name,
                    what=self,
                    max_bytes=MAX_BYTES >> 20,
                ),
            )
        done = self._git.run("cat-file", "blob", entry.blob)
        if not done.ok:
            raise self._error(done.said, _READ)
        return Version(done.out, entry.blob)

    def _commit(self, changes: Sequence[Change]) -> str:
        """A commit with the changes on top of the branch as we know it."""
        lines = [
            f"100644 {self._plumb('hash-object', '-w', '--stdin', data=change.data)}\t{change.name}\n"
            for change in changes
        ]
        self._plumb("read-tree", *(["--end-of-options", self._tip] if self._tip else ["--empty"]), index=True)
        self._plumb("update-index", "--add", "--index-info", data="".join(lines).encode(), index=True)
        tree = self._plumb("write-tree", index=True)
        parents = ("-p", self._tip) if self._tip else ()
        names = ", ".join(change.name for change in changes)
        return self._plumb("commit-tree", *parents, "-m", f"Write {names}", tree)

    def _plumb(self, *arguments: str, data: bytes = b"", index: bool = False) -> str:
        done = self._git.run(*arguments, data=data, index=index)
        if not done.ok:
            raise ReconcilerError(
                "git-failed",
                text("git {arguments} failed for {what}", arguments=arguments[0], what=self),
                done.said,
            )
        return done.out.decode().strip()

    def _error(self, why: Text, verb: Text, *, refused: bool = False) -> ReconcilerError:
        """An error about the remote, in its own words and git's, which hold no password."""
        if refused or _NO_ACCESS.search(why):
            hint = text("docs/ledger.md says what the pipeline needs to be allowed, and how git learns who it is")
            return ReconcilerError(
                "no-permission",
                text("{what} cannot be {verb}: no permission: {why}", what=self, verb=verb, why=why),
                hint,
            )
        hint = text("check the remote's name and git's settings with: git ls-remote REMOTE")
        if _NAME_TAKEN.search(why):
            hint = text("no branch can be called as a part of another one's name: name another branch")
        return ReconcilerError(
            "git-failed",
            text("{what} cannot be {verb}: {why}", what=self, verb=verb, why=why or text("git failed")),
            hint,
        )


def _tag(version: Version | None) -> str | None:
    return version.tag if version else None


_READ: Final = text("read")
_WRITTEN: Final = text("written")


def _refusal(done: Done) -> Text:
    """The reason that a push was refused for, as git's own table gives it; empty where nothing was answered."""
    for line in done.out.decode("utf-8", "replace").splitlines():
        flag, _, rest = line.partition("\t")
        reason = rest.partition("\t")[2].strip()
        if flag == "!" and not reason.startswith("[remote failure]"):  # that is: nothing was answered
            return verbatim(reason)
    return NOTHING


def _hopeless(said: str) -> bool:
    """Whether there is no point in trying again."""
    return bool(_NO_ACCESS.search(said) or _NO_REPOSITORY.search(said))
