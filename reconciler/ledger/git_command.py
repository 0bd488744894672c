"""The `git` command as a child process, in a scratch repository of its own: the user's one is only asked for settings.

No work tree, index, branch or reflog of the user's is in reach of it, no hook runs on this side, and nobody is asked
anything. What git knows about reaching a server (proxies, credential helpers, headers, ssh) holds as it does in the
user's repository.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.core.model.message import Text, text, verbatim
from reconciler.errors import ReconcilerError
from reconciler.files.child_environment import bare, without_secrets
from reconciler.files.system import end_group
from reconciler.log import milliseconds, tell

OLDEST: Final = (2, 32)
"""The first git that takes settings, and the file of the user's, from the environment."""
CALL_TIMEOUT: Final = 60.0
"""Seconds for one call of git."""
Settings = tuple[tuple[str, str], ...]
"""Names and values of git's settings, in the order in which they hold."""

_KEPT: Final = re.compile(
    r"(http|credential|url|ssh|protocol)\..*|core\.(sshcommand|gitproxy|askpass)|user\.(name|email)|safe\.directory"
)
_TRANSPORT_VARIABLES: Final = re.compile(
    r"GIT_(SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|SSL_.*|PROXY_.*|HTTP_.*|EXEC_PATH|ALLOW_PROTOCOL|PROTOCOL.*)"
)
_LOGIN_VARIABLES: Final = re.compile(r"GIT_(.*_)?(USER|USERNAME|PASS|PASSWORD|TOKEN|PAT|AUTH|CREDENTIALS?)(_.*)?")
"""What pipelines call the values that their own `GIT_ASKPASS` or credential helper answers with."""
_SETTINGS_VARIABLES: Final = re.compile(r"GIT_CONFIG(_.*)?")
_OWN: Final = (
    *(
        ("core.hooksPath", os.devnull),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("advice.pushUpdateRejected", "false"),
    ),
    *(("push.followTags", "false"), ("push.gpgSign", "false"), ("fetch.writeCommitGraph", "false")),
)
_DEFAULT_AUTHOR: Final = (("user.name", "reconciler"), ("user.email", "reconciler@localhost"))
_ASK_A_SERVER: Final = frozenset({"fetch", "ls-remote", "push"})
_SHOWN: Final = 400
_PACKET: Final = b" packet: "
"""What each line of git's own trace of its protocol has."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a call of git ended; `code` is `None` where it was stopped because it took too long.

    `spoke_git` tells, of a call of `ls-remote`, whether what answered knows git's protocol.
    """

    code: int | None
    out: bytes
    said: Text
    spoke_git: bool = False

    @property
    def ok(self) -> bool:
        """Whether it did what it was told."""
        return self.code == 0


def settings_at(folder: Path) -> Settings:
    """All settings of git that hold in a folder, the user's own and the system's included.

    Raises:
        ReconcilerError: git is not installed, is too old, or refuses to look into the folder.
    """
    environment = {**_clean(bare(os.environ)), **_named(os.environ, _SETTINGS_VARIABLES)}
    version = re.search(r"(\d+)\.(\d+)", _call(["version"], environment, CALL_TIMEOUT).out.decode("utf-8", "replace"))
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        raise ReconcilerError(
            "git-missing",
            text("a ledger on a branch needs git {oldest} or newer", oldest=".".join(map(str, OLDEST))),
            text("update git"),
        )
    done = _call(["-C", _existing(folder), "config", "--list", "-z"], environment, CALL_TIMEOUT)
    if not done.ok:
        raise ReconcilerError("git-failed", text("git's settings in {folder} cannot be read", folder=folder), done.said)
    pairs = (entry.decode("utf-8", "replace").partition("\n") for entry in done.out.split(b"\0")[:-1])
    return tuple((key, value if newline else "true") for key, newline, value in pairs)


def top_of(folder: Path) -> Path:
    """The top of the work tree that a folder stands in, or the folder itself."""
    done = _call(["-C", _existing(folder), "rev-parse", "--show-toplevel"], _clean(bare(os.environ)), CALL_TIMEOUT)
    return Path(os.fsdecode(done.out).removesuffix("\n")) if done.ok and done.out else folder


def head_of(folder: Path) -> str:
    """The commit that is checked out where a folder stands; empty where there is none, or no git."""
    arguments = ["-C", _existing(folder), "rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD^{commit}"]
    try:
        return _call(arguments, _clean(bare(os.environ)), CALL_TIMEOUT).out.decode().strip()
    except ReconcilerError:
        return ""


def _existing(folder: Path) -> str:
    folder = folder.resolve()
    return str(next(each for each in (folder, *folder.parents) if each.is_dir()))


class Git:
    """Calls of git in a scratch repository, which exists from the first call until `close`.

    `settings` are those that hold where the user is; of them the ones about servers and the author count. `remote` are
    the settings of the remote that is called `books` here. `timeout` is the seconds for one call. `password_env` are
    the patterns of variables that may hold passwords: no call gets those.
    """

    def __init__(
        self, settings: Settings, remote: Settings, timeout: float = CALL_TIMEOUT, password_env: Sequence[str] = ()
    ) -> None:
        self.timeout = timeout
        self._password_env = password_env
        kept = [(key, value) for key, value in settings if _KEPT.fullmatch(key) and not _is_no_author(key, value)]
        self._trusted = [value for key, value in kept if key == "safe.directory"]
        self._settings = [*_DEFAULT_AUTHOR, *kept, *_OWN, *remote]
        self._secrets = [value for key, value in kept if key.endswith(".extraheader") and value]
        self._folder: Path | None = None

    def run(self, *arguments: str, data: bytes = b"", index: bool = False) -> Done:
        """Call git. With `index` it works on an index of the scratch repository's own.

        Raises:
            ReconcilerError: git is not installed, or there is no room for the scratch repository.
        """
        folder = self._made()
        more = {"GIT_DIR": str(folder / "books.git"), "GIT_CONFIG_GLOBAL": str(folder / "trusted")}
        if index:
            more["GIT_INDEX_FILE"] = str(folder / "index")
        if arguments[0] == "ls-remote":
            more["GIT_TRACE_PACKET"] = "1"
        since = time.monotonic()
        done = _call(arguments, {**self._environment(arguments[0]), **more}, self.timeout, data)
        ms = milliseconds(time.monotonic() - since)
        tell("git", {"command": arguments[0], "code": done.code, "ms": ms}, detail=True)
        return Done(done.code, done.out, self._harmless(done.said), done.spoke_git)

    def close(self) -> None:
        """Remove the scratch repository."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _made(self) -> Path:
        if self._folder is not None:
            return self._folder
        try:
            folder = Path(tempfile.mkdtemp(prefix="reconciler-books-"))
            lines = "".join(f"\tdirectory = {_quoted(value)}\n" for value in self._trusted)
            (folder / "trusted").write_text(f"[safe]\n{lines}", encoding="utf-8")
        except OSError as error:
            hint = text("name a folder with room in TMPDIR")
            raise ReconcilerError(
                "unwritable-file", text("there is no room for git's copy of the books: {why}", why=error.strerror), hint
            ) from None
        self._folder = folder
        made = ["init", "--quiet", "--bare", "--template=", "--initial-branch=books", str(folder / "books.git")]
        done = _call(made, self._environment(made[0]), self.timeout)
        if not done.ok:
            self.close()
            raise ReconcilerError(
                "git-failed", text("git cannot make a repository for its copy of the books"), done.said
            )
        return folder

    def _environment(self, command: str) -> dict[str, str]:
        """Of the variables of others, a call that asks a server gets all: its credential helper may need them."""
        asks = command in _ASK_A_SERVER
        ours = without_secrets(os.environ, self._password_env) if asks else bare(os.environ)
        kept = _named(os.environ, _TRANSPORT_VARIABLES)
        logins = _named(ours, _LOGIN_VARIABLES) if asks else {}
        return {**_clean(ours), **kept, **logins, "GIT_CONFIG_NOSYSTEM": "1", **dict(_numbered(self._settings))}

    def _harmless(self, said: Text) -> Text:
        for secret in self._secrets:
            if secret in said:
                said = verbatim(said.replace(secret, "…"))
        return said


def _is_no_author(key: str, value: str) -> bool:
    """Whether this is a name or address of which git leaves nothing, so that it would refuse to commit."""
    return key.startswith("user.") and not value.strip(" \t\n.,:;<>\"\\'")


def _numbered(settings: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Settings as git takes them from its environment, where no other user reads them, as in a list of processes."""
    yield "GIT_CONFIG_COUNT", str(len(settings))
    for number, (key, value) in enumerate(settings):
        yield f"GIT_CONFIG_KEY_{number}", key
        yield f"GIT_CONFIG_VALUE_{number}", value


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a call, without what leads git elsewhere, and so that it asks nobody."""
    kept = {name: value for name, value in environment.items() if not name.startswith(("GIT_", "SSH_ASKPASS"))}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never", "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    return {**kept, **quiet}


def _named(environment: Mapping[str, str], pattern: re.Pattern[str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if pattern.fullmatch(name)}


def _call(arguments: Iterable[str], environment: Mapping[str, str], timeout: float, data: bytes = b"") -> Done:
    """Call git in a session of its own: it has no terminal to ask on, and its children end with it."""
    try:
        process = subprocess.Popen(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise ReconcilerError(
            "git-missing", text("git is not installed"), text("a ledger on a branch is read and written with it")
        ) from None
    except (OSError, ValueError) as error:  # a name holds a NUL character
        raise ReconcilerError(
            "git-failed", text("git cannot be started: {why}", why=getattr(error, "strerror", None) or error)
        ) from None
    with process:
        try:
            out, errors = process.communicate(data, timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            return Done(None, b"", text("it did not answer within {seconds:g} seconds", seconds=timeout))
        except BaseException:
            _end(process)
            raise
        return Done(process.returncode, out, _words(errors), _PACKET in errors)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill git and its helpers, and read no more of what they say."""
    end_group(process)
    for stream in (process.stdout, process.stderr, process.stdin):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _words(errors: bytes) -> Text:
    """What git and the server said, in one line, without passwords that a URL holds."""
    told = b"".join(line for line in errors.splitlines(keepends=True) if _PACKET not in line)
    lines = (line.strip() for line in told.decode("utf-8", "replace").replace("\r", "\n").splitlines())
    words = [line for line in lines if line not in ("", "remote:") and not line.startswith(("To ", "hint:"))]
    said = re.sub(r"//[^/\s]*@", "//…@", "; ".join(words))
    return verbatim(said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…")
