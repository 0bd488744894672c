"""Which places `git+REMOTE#BRANCH` names, and that no name can make git do anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import ReconcilerError, WrongUsage
from reconciler.ledger.git_remote import BranchPlace, parse_branch, resolve
from tests.ledger.git_branch.host import git


@pytest.mark.parametrize(
    ("named", "remote", "branch"),
    [
        ("git+origin#reconciler/acme", "origin", "reconciler/acme"),
        ("git+https://host.example/team/books.git#acme", "https://host.example/team/books.git", "acme"),
        ("git+ssh://git@host.example:2222/books.git#客服", "ssh://git@host.example:2222/books.git", "客服"),
        ("git+git@host.example:team/books.git#acme", "git@host.example:team/books.git", "acme"),
        ("git+/srv/a b#c/books.git#acme", "/srv/a b#c/books.git", "acme"),
        ("git+http://127.0.0.1:8080/books.git#acme", "http://127.0.0.1:8080/books.git", "acme"),
    ],
)
def test_a_remote_and_a_branch(named: str, remote: str, branch: str) -> None:
    """What stands behind the last `#` is the branch; the rest is a remote's name, a URL or a path. Both are shown."""
    assert parse_branch(named) == BranchPlace(remote, branch)
    assert str(parse_branch(named)) == named


@pytest.mark.parametrize(
    "named",
    [
        *("git+", "git+origin", "git+#acme", "git+origin#", "git+origin#-f", "git+origin#a b", "git+origin#a..b"),
        *("git+origin#a:b", "git+origin#a~1", "git+origin#a^", "git+origin#a*", "git+origin#.a", "git+origin#a.lock"),
        *("git+origin#a\x00b", "git+origin#a\nb", "git+origin#refs/heads/a", "git+origin#@", "git+origin#a/"),
        *("git+origin#a\u202eb", "git+or\ngin#a", "git+ext::sh -c canary#a", "git+fd::7#a", "git+ftp://host/x#a"),
        *("git+git://host/x#a", "git+http://host.example/x#a", "git+https:///x#a", "git+ssh://-oProxyCommand=x/y#a"),
        *("git+https://canary@host/x#a", "git+https://u:canary@host/x#a", "git+ssh://u:canary@host/x#a"),
        *("git+https://host/x?token=canary#a", "git+u:canary@host:x#a", "git+https://:canary@host/x#a"),
        *("git+http://u:canary@127.0.0.1/x#a", "git+https://[canary/x#a"),
    ],
)
def test_no_other_name_will_do(named: str) -> None:
    """A password, another protocol, a name that git does not allow: wrong usage, and never repeated."""
    with pytest.raises(WrongUsage) as refusal:
        parse_branch(named)
    assert "canary" not in f"{refusal.value} {refusal.value.hint}"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of the user's, in which tests set remotes."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "user"
    (folder / "deep").mkdir(parents=True)
    git(folder, "init", "--quiet")
    return folder


def remote_of(named: str, folder: Path) -> dict[str, str]:
    """The settings of the remote that is meant."""
    return dict(resolve(parse_branch(named), folder)[1])


def test_a_name_is_looked_up_where_the_files_are(user: Path) -> None:
    """The remote of the files' repository is meant, wherever the command runs; its paths are seen from its top."""
    git(user, "remote", "add", "origin", "https://host.example/books.git")
    git(user, "config", "remote.origin.proxy", "http://proxy.example:3128")
    git(user, "remote", "add", "near", "../books.git")
    found = remote_of("git+origin#a", user / "deep")
    assert found == {
        "remote.books.url": "https://host.example/books.git",
        "remote.books.proxy": "http://proxy.example:3128",
    }
    assert remote_of("git+near#a", user / "deep") == {"remote.books.url": str(user / "../books.git")}


def test_a_path_is_seen_from_the_working_directory(user: Path) -> None:
    """As git sees it; a name that is neither remote, folder nor address is told."""
    (user.parent / "books.git").mkdir()
    assert remote_of("git+books.git#a", user) == {"remote.books.url": str(user.parent / "books.git")}
    assert remote_of("git+git@host:books.git#a", user) == {"remote.books.url": "git@host:books.git"}
    for name in ("origin", "-x", "--upload-pack=touch canary", "-oProxyCommand=x:y"):
        with pytest.raises(ReconcilerError, match="git knows no remote"):
            remote_of(f"git+{name}#a", user)


def test_a_remote_of_several_repositories_is_refused(user: Path) -> None:
    """A push to two places is no compare and swap."""
    git(user, "remote", "add", "origin", "https://host.example/books.git")
    git(user, "remote", "set-url", "--add", "origin", "https://other.example/books.git")
    with pytest.raises(ReconcilerError, match="several repositories"):
        remote_of("git+origin#a", user)
