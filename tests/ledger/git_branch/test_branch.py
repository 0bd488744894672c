"""What a ledger on a branch promises on a good day, by a folder and by git's own HTTP backend."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.core.model.message import text
from reconciler.errors import LedgerConflict, LockHeld, ReconcilerError
from reconciler.ledger.git_branch import GitBranch
from reconciler.ledger.remote import RemoteStore
from tests.ledger.git_branch.host import BRANCH, Host, made
from tests.vendor.vendor_stub import reply, stub

ONE, TWO, FOREIGN = b'{"serial": 1}', b'{"serial": 2}', b'{"serial": 2, "by": "another"}'


class Stores:
    """Makes stores as other machines would, and closes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = ExitStack()

    def __call__(self, named: str, timeout: float = 30) -> RemoteStore:
        """A store that hardly pauses between tries."""
        store = RemoteStore(GitBranch(named, self._folder, timeout=timeout, sleep=lambda _: None))
        self._held.callback(store.close)
        return store

    def close(self) -> None:
        """Close all."""
        self._held.close()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    """Makes stores."""
    maker = Stores(tmp_path)
    yield maker
    maker.close()


def test_what_is_written_is_read(host: Host, stores: Stores) -> None:
    """The bytes lie on an orphan branch as they are, each write is one commit, and another machine reads them."""
    store = stores(host.named)
    assert store.read() is None
    store.write(ONE)
    store.write(TWO)
    assert host.read("ledger.json").encode() == TWO
    assert stores(host.named).read() == TWO
    assert host.git("rev-list", "--count", BRANCH) == "2"


def test_the_branch_shares_no_history(bare: Host, stores: Stores) -> None:
    """Other branches of the repository stay as they are, and their files never come to ours."""
    other = bare.put({"agents.yaml": "version: 1\n"})
    bare.git("branch", "main", other)
    bare.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    stores(bare.named).write(ONE)
    assert bare.git("rev-parse", "main") == other
    assert bare.git("ls-tree", "-r", "--name-only", BRANCH) == "ledger.json"
    assert bare.git("for-each-ref", "--format=%(refname)").split() == ["refs/heads/main", f"refs/heads/{BRANCH}"]


def test_the_slower_of_two_writers_hears_of_it(host: Host, stores: Stores) -> None:
    """Two that read the same version: the second write is a conflict, also when it is tried again."""
    mine, theirs = stores(host.named), stores(host.named)
    mine.read()
    theirs.read()
    theirs.write(FOREIGN)
    for _ in range(2):
        with pytest.raises(LedgerConflict):
            mine.write(ONE)
    assert host.read("ledger.json").encode() == FOREIGN
    assert mine.read() == FOREIGN
    mine.write(TWO)


def test_what_others_write_elsewhere_is_kept(host: Host, stores: Stores) -> None:
    """Somebody takes the lock away while the ledger is written: both stand, since they are about different things."""
    mine, theirs = stores(host.named), stores(host.named)
    lock = mine.lock()
    lock.__enter__()
    mine.read()
    holder = theirs.holder()
    assert holder is not None
    theirs.unlock(holder.id)
    mine.write(ONE)
    assert (host.read("ledger.json").encode(), host.free) == (ONE, True)
    with pytest.raises(ReconcilerError, match="somebody removed the lock"):
        lock.__exit__(None, None, None)


def test_the_lock_tells_who_holds_it(host: Host, stores: Stores) -> None:
    """The holder is known by id, user, host and process, and UTC time; a second one is refused; after it none is."""
    with stores(host.named).lock():
        holder = stores(host.named).holder()
        assert holder is not None
        assert re.fullmatch(r"[0-9a-f]{16}", holder.id)
        assert re.fullmatch(r".+@.+:\d+", holder.who)
        with pytest.raises(LockHeld) as refusal, stores(host.named).lock():
            pytest.fail("two holders")
    assert refusal.value.info == holder
    assert f"ledger unlock --id {holder.id}" in refusal.value.hint
    assert stores(host.named).holder() is None


def test_a_lock_is_free_after_a_failed_body(bare: Host, stores: Stores) -> None:
    """The lock is released however the body ends, also by an interrupt."""
    for ending in (ReconcilerError("git-failed", text("no")), KeyboardInterrupt(), SystemExit(4)):
        with pytest.raises(type(ending)), stores(bare.named).lock():
            raise ending
        assert bare.free


def test_unlock_removes_exactly_that_lock(bare: Host, stores: Stores) -> None:
    """Another's id, a free lock and a lock that never was are errors, and nothing changes."""
    with pytest.raises(ReconcilerError, match="is not locked"):
        stores(bare.named).unlock("0123456789abcdef")
    bare.put({"lock": json.dumps({"id": "stale", "who": "ci@runner:7", "since": "2026-11-22T10:00:00Z"})})
    with pytest.raises(ReconcilerError, match="locked by another: ci@runner:7"):
        stores(bare.named).unlock("0123456789abcdef")
    assert not bare.free
    stores(bare.named).unlock("stale")
    assert stores(bare.named).holder() is None


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("how", ["deleted", "rewritten", "put back"])
def test_a_branch_that_somebody_rewrote(host: Host, stores: Stores, how: str) -> None:
    """Whoever rewrites the branch under a run is not written over: it is told, and the next run reads what is there."""
    store = stores(host.named)
    store.write(ONE)
    first = host.tip
    store.write(TWO)
    if how == "deleted":
        host.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    elif how == "rewritten":
        host.put({"ledger.json": FOREIGN.decode()})
    else:
        host.git("update-ref", f"refs/heads/{BRANCH}", first)
    now = host.tip
    with pytest.raises(LedgerConflict):
        store.write(b'{"serial": 3}')
    assert host.tip == now
    assert store.read() == {"deleted": None, "rewritten": FOREIGN, "put back": ONE}[how]
    store.write(b'{"serial": 4}')


def test_a_branch_of_something_else_is_left_alone(bare: Host, stores: Stores) -> None:
    """A branch that holds other files than books is refused, and named."""
    tip = bare.put({"agents.yaml": "version: 1\n"})
    with pytest.raises(ReconcilerError, match=r"something else than books: agents\.yaml"), stores(bare.named).lock():
        pytest.fail("took it")
    assert bare.tip == tip


@pytest.mark.parametrize("data", ["", "{}", "[]", "7", '"released"', '{"id": 1, "who": "", "since": ""}'])
def test_a_lock_that_is_none_is_not_guessed_at(bare: Host, stores: Stores, data: str) -> None:
    """Anything else in place of the lock stops an apply and stays as it is."""
    tip = bare.put({"lock": data})
    with pytest.raises(ReconcilerError, match="holds something that is no lock"), stores(bare.named).lock():
        pytest.fail("took it")
    assert bare.tip == tip


def test_a_server_that_rejects_is_refused(host: Host, stores: Stores) -> None:
    """A rejected push is an error before the lock is held, in the server's words and with what to do."""
    host.hook("pre-receive", "echo 'only the pipeline may push here, //who:canary@there' >&2; exit 1")
    with pytest.raises(ReconcilerError, match="only the pipeline may push here") as refusal, stores(host.named).lock():
        pytest.fail("took it")
    assert "no permission" in refusal.value.message
    assert "docs/ledger.md" in refusal.value.hint
    assert "canary" not in refusal.value.message
    assert host.tip == ""


def test_a_copy_that_lags_behind_is_refused(tmp_path: Path, bare: Host) -> None:
    """A remote that pushes to one repository and reads from another cannot hold a lock."""
    behind, user = made(tmp_path / "behind.git"), made(tmp_path / "user.git")
    for name, value in (("url", behind.url), ("pushurl", bare.url)):
        user.git("config", f"remote.origin.{name}", value)
    store = RemoteStore(GitBranch(f"git+origin#{BRANCH}", user.folder, sleep=lambda _: None))
    with pytest.raises(ReconcilerError, match="does not show what was just written"), store.lock():
        pytest.fail("took it")
    store.close()


def test_nothing_is_left_on_this_machine(tmp_path: Path, bare: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git's copy of the books goes with the store."""
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    store = RemoteStore(GitBranch(bare.named, tmp_path))
    store.write(ONE)
    (made_here,) = room.iterdir()
    assert made_here.stat().st_mode & 0o077 == 0
    store.close()
    assert list(room.iterdir()) == []


@pytest.mark.parametrize("known", [True, False])
def test_no_such_repository(tmp_path: Path, stores: Stores, known: bool) -> None:
    """A remote that is not there is told by its name, and what to look at."""
    remote = tmp_path / "nowhere.git"
    if known:
        remote.mkdir()
    with pytest.raises(ReconcilerError, match="nowhere") as told:
        stores(f"git+{remote}#{BRANCH}").read()
    assert told.value.hint


@pytest.mark.parametrize(
    ("others", "code", "told"),
    [
        (["reconciler"], 1, "name another branch"),
        (["reconciler/acme/old"], 1, "name another branch"),
        ([f"refs/heads/{BRANCH}"], 1, "delete that one"),
        ([f"x/{BRANCH}"], 0, ""),
    ],
)
def test_branches_with_names_like_ours(bare: Host, stores: Stores, others: list[str], code: int, told: str) -> None:
    """A branch that stands in the way is told as such, and never written; one that is only alike hinders nobody."""
    tip = bare.put({"README.md": "theirs"})
    bare.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    for name in others:
        bare.git("update-ref", f"refs/heads/{name}", tip)
    if code:
        with pytest.raises(ReconcilerError) as refusal:
            stores(bare.named).write(ONE)
        assert told in refusal.value.hint
    else:
        stores(bare.named).write(ONE)
    assert {bare.git("rev-parse", f"refs/heads/{name}") for name in others} == {tip}


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("text/html", b""),
        ("text/html", b"<html>please log in</html>"),
        ("text/html", b"<html>\nplease log in\n</html>\n"),
        ("application/x-git-upload-pack-advertisement", b""),
        ("application/x-git-upload-pack-advertisement", b"001e# service=git-upload-pack\n0000"),
        ("application/x-git-upload-pack-advertisement", bytes(range(256))),
    ],
)
def test_what_is_no_git_server(stores: Stores, head: str, body: bytes) -> None:
    """A page of a proxy, or garbage, is never taken for a ledger that is not there yet: a plan would be of nothing."""
    with stub() as page:
        page.script(reply(200, body, {"Content-Type": head}))
        with pytest.raises(ReconcilerError, match="cannot be read"):
            stores(f"git+{page.url}/books.git#{BRANCH}").read()
