"""Which repository and branch `git+REMOTE#BRANCH` names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reconciler.core.model.address import GIT_BRANCH, is_loopback
from reconciler.core.model.message import text
from reconciler.errors import ReconcilerError, WrongUsage
from reconciler.ledger.git_command import Settings, settings_at, top_of

_EXAMPLE: Final = text("it looks like git+origin#reconciler/acme, or git+https://host/books.git#acme")
_SSH: Final = re.compile(r"(?:[\w.+-]+@)?(?:\w[\w.-]*|\[[0-9a-fA-F:]+\]):(?!/?/)[^@:]+")
"""The short form of an address for ssh, `git@host:path`."""
_BAD_NAME: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\.lock(/|$)|(^|/)\.|/$|^/|\.$|^-|^@$|^refs/")


@dataclass(frozen=True, slots=True)
class BranchPlace:
    """A branch of a remote: the remote's name, URL or path as it was given, and the branch without `refs/heads/`."""

    remote: str
    branch: str

    def __str__(self) -> str:
        return f"{GIT_BRANCH}{self.remote}#{self.branch}"


def parse_branch(named: str) -> BranchPlace:
    """The place that `git+REMOTE#BRANCH` names.

    Raises:
        WrongUsage: it cannot be used; the message does not repeat it, since it may hold a password.
    """
    remote, sign, branch = named.removeprefix(GIT_BRANCH).rpartition("#")
    if not sign or not remote or not branch:
        raise WrongUsage("bad-ledger", text("the ledger names no branch of a git remote"), _EXAMPLE)
    if not branch.isprintable() or _BAD_NAME.search(branch):
        raise WrongUsage("bad-ledger", text("the ledger's branch has a name that git does not allow"), _EXAMPLE)
    if not remote.isprintable() or "::" in remote:
        raise WrongUsage("bad-ledger", text("the ledger's git remote is no name, URL or path"), _EXAMPLE)
    if "://" in remote:
        _check_url(remote)
    elif re.match(r"[^/@]*:[^/]*@", remote):
        raise _with_password()
    return BranchPlace(remote, branch)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, password = parts.hostname or "", parts.password
    except ValueError:
        raise WrongUsage("bad-ledger", text("the ledger's git remote is not a URL"), _EXAMPLE) from None
    if parts.scheme not in ("https", "http", "ssh", "file"):
        raise WrongUsage(
            "bad-ledger", text("the ledger's git remote must begin with https://, ssh:// or file://"), _EXAMPLE
        )
    if "?" in url or password is not None or ("@" in parts.netloc and parts.scheme != "ssh"):
        raise _with_password()
    if parts.scheme == "http" and not is_loopback(host):
        raise WrongUsage(
            "insecure-address",
            text("http:// is for this machine only: whoever is on the way could forge the books"),
            text("use https://"),
        )
    if parts.scheme != "file" and (not host or host.startswith("-")):
        raise WrongUsage("bad-ledger", text("the ledger's git remote names no host"), _EXAMPLE)


def _with_password() -> WrongUsage:
    hint = text("git's credential helper, a header of its settings, or ssh say who you are; the URL is the place only")
    return WrongUsage("bad-ledger", text("the ledger's git remote holds a user, a password or a query"), hint)


def resolve(place: BranchPlace, folder: Path) -> tuple[Settings, Settings]:
    """Git's settings in `folder`, and the settings of the remote, as of one that is called `books`.

    Raises:
        ReconcilerError: there is no such remote, or git cannot be asked.
    """
    settings, remote = settings_at(folder), place.remote
    if "://" in remote:
        return settings, (("remote.books.url", remote),)
    head = f"remote.{remote}."
    own = {name: [value for key, value in settings if key == head + name] for name in ("url", "pushurl")}
    if own["url"]:
        if len(own["url"]) > 1 or len(own["pushurl"]) > 1:
            hint = text("name the URL of one")
            raise ReconcilerError(
                "bad-ledger",
                text("the git remote {remote} is several repositories, and books lie in one", remote=remote),
                hint,
            )
        others = (
            (name, value) for name in ("proxy", "proxyauthmethod") for key, value in settings if key == head + name
        )
        urls = ((name, _absolute(value, folder)) for name, values in own.items() for value in values)
        return settings, tuple((f"remote.books.{name}", value) for name, value in (*urls, *others))
    if Path(remote).is_dir():
        return settings, (("remote.books.url", str(Path(remote).resolve())),)
    if _SSH.fullmatch(remote):
        return settings, (("remote.books.url", remote),)
    raise ReconcilerError(
        "bad-ledger",
        text("git knows no remote {remote} in {folder}, and there is no such folder", remote=remote, folder=folder),
        _EXAMPLE,
    )


def _absolute(url: str, folder: Path) -> str:
    """A remote's path, seen from the top of the repository as git sees it; a URL is left as it is."""
    if ":" in url.partition("/")[0] or url.startswith(("/", "~")):
        return url
    return str(top_of(folder) / url)
