"""The ledger: what it remembers of each call, how it is stored, and that a damaged one is never trusted."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.plan import Call, CallKind
from reconciler.errors import LedgerConflict, ReconcilerError
from reconciler.ledger.ledger import FORMAT, Ledger, load_ledger
from reconciler.ledger.on_disk import LocalStore

ACME = Company("acme", 4242)
ENTRIES = {
    "8001": LedgerEntry(2, {"roleName": "班长", "bindSkillName": "售后", "bindSkillLevel": 5}),
    "0071": LedgerEntry(None, {"roleName": "值班"}),
    "8002": LedgerEntry(1),
    "8003": LedgerEntry(),
}
RUN = "run-1"
GOOD: dict[str, Any] = {
    "format": FORMAT,
    "company": "acme",
    "lineage": "1f2e3d4c5b6a7988",
    "serial": 3,
    "run": RUN,
    "agents": {"8001": {"passwordVersion": 1, "given": {"roleName": "班长"}}},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is."""
    return tmp_path / ".reconciler" / "ledger.json"


def load(path: Path) -> Ledger:
    """The ledger in a file."""
    return load_ledger(LocalStore(path), ACME)


def save(path: Path, entries: Mapping[str, LedgerEntry]) -> None:
    """Have the ledger in a file hold exactly these entries."""
    ledger = load(path)
    ledger.entries = dict(entries)
    ledger.save(RUN)


def put(path: Path, data: bytes) -> None:
    """A ledger as somebody left it."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def test_no_ledger_is_an_empty_one(path: Path) -> None:
    """Before the first apply there is none, and reading makes none."""
    assert load(path).entries == {}
    assert not path.parent.exists()


@pytest.mark.parametrize("entries", [{}, ENTRIES, {'👩‍💼 "\\\n': LedgerEntry(2**31)}], ids=range(3))
def test_round_trip(path: Path, entries: dict[str, LedgerEntry]) -> None:
    """What is saved is what is loaded."""
    save(path, entries)
    assert load(path).entries == entries


def test_the_view_is_the_entries(path: Path) -> None:
    """The core sees the entries and nothing of the file."""
    assert Ledger(LocalStore(path), ACME, ENTRIES).view == ENTRIES


def test_the_form_on_disk(path: Path) -> None:
    """The file is JSON in UTF-8, sorted by agent, with only what is known of each."""
    save(path, ENTRIES)
    text = path.read_text(encoding="utf-8")
    written = json.loads(text)
    assert list(written["agents"]) == sorted(ENTRIES)
    assert written == {
        "format": "reconciler.ledger/1",
        "company": "acme",
        "lineage": written["lineage"],
        "serial": 1,
        "run": RUN,
        "agents": {
            "0071": {"given": {"roleName": "值班"}},
            "8001": {
                "passwordVersion": 2,
                "given": {"roleName": "班长", "bindSkillName": "售后", "bindSkillLevel": 5},
            },
            "8002": {"passwordVersion": 1},
            "8003": {},
        },
    }
    assert "班长" in text
    assert text.endswith("}\n")


def test_the_order_of_recording_does_not_show(path: Path) -> None:
    """The same entries are the same text, so that a ledger can be compared."""
    save(path, ENTRIES)
    first = path.read_text(encoding="utf-8").partition('"agents"')[2]
    save(path, dict(reversed(ENTRIES.items())))
    assert path.read_text(encoding="utf-8").partition('"agents"')[2] == first


def test_mode_0600(path: Path) -> None:
    """Only its owner reads it, in a folder that only its owner enters."""
    save(path, ENTRIES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_saving_again_replaces(path: Path) -> None:
    """An agent that is gone from the entries is gone from the file, and no other file is left."""
    save(path, ENTRIES)
    save(path, {"8002": LedgerEntry(1)})
    assert load(path).entries == {"8002": LedgerEntry(1)}
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".gitignore", "ledger.json"]


def test_a_reader_sees_a_whole_ledger(path: Path) -> None:
    """Whoever loads while it is saved gets the old or the new, never a damaged one."""
    one, many = {"8002": LedgerEntry(1)}, {str(number): LedgerEntry(1) for number in range(2000)}
    save(path, one)
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(len(load(path).entries))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        save(path, many)
        save(path, one)
    done.set()
    reader.join()
    assert set(seen) <= {1, 2000}


FULL_DISK = """
import resource, sys
from pathlib import Path
from reconciler.core.model.desired import Company
from reconciler.core.model.ledger import LedgerEntry
from reconciler.errors import LedgerConflict, ReconcilerError
from reconciler.ledger.ledger import load_ledger
from reconciler.ledger.on_disk import LocalStore
ledger = load_ledger(LocalStore(Path(sys.argv[1])), Company("acme"))
ledger.entries |= {str(number): LedgerEntry(1) for number in range(1000)}
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    ledger.save("run-2")
except ReconcilerError as error:
    sys.exit(f"refused {error}")
"""


def test_a_full_disk_leaves_the_old_ledger(path: Path) -> None:
    """A save that fails is an error, and what was known before is still known."""
    save(path, ENTRIES)
    ran = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, check=False)
    assert ran.stderr.startswith(b"refused")
    assert load(path).entries == ENTRIES


def without(key: str) -> dict[str, Any]:
    """The good ledger less one key."""
    return {name: value for name, value in GOOD.items() if name != key}


def agent(entry: Any) -> dict[str, Any]:
    """A ledger with this entry."""
    return {**GOOD, "agents": {"8001": entry}}


DAMAGED: dict[str, Any] = {
    "empty": b"",
    "blank": b"\n",
    "zeros": b"\0" * 512,
    "no JSON": b"version: 1\n",
    "cut": json.dumps(GOOD).encode()[:-9],
    "twice": json.dumps(GOOD).encode() * 2,
    "merge marks": b"<<<<<<< ours\n" + json.dumps(GOOD).encode() + b"\n=======\n",
    "not UTF-8": json.dumps(GOOD, ensure_ascii=False).encode("gbk"),
    "null": None,
    "a list": [GOOD],
    "a text": FORMAT,
    "a number": 1,
    "no format": without("format"),
    "another format": {**GOOD, "format": "reconciler.plan/1"},
    "an older format": {**GOOD, "format": "reconciler.ledger/0"},
    "an endpoint as a list": {**GOOD, "endpoint": ["https://vendor.example"]},
    "no company": without("company"),
    "no agents": without("agents"),
    "no serial": without("serial"),
    "a serial as text": {**GOOD, "serial": "3"},
    "a company as a list": {**GOOD, "company": ["acme"]},
    "agents as a list": {**GOOD, "agents": ["8001"]},
    "agents as null": {**GOOD, "agents": None},
    "agents as text": {**GOOD, "agents": "8001"},
    "an entry as text": agent("班长"),
    "an entry as a list": agent([1]),
    "an entry as null": agent(None),
    "an entry as a number": agent(1),
    "a version as text": agent({"passwordVersion": "2"}),
    "a version as a fraction": agent({"passwordVersion": 2.5}),
    "a version as a list": agent({"passwordVersion": [2]}),
    "given as a list": agent({"given": ["roleName"]}),
    "given as text": agent({"given": "班长"}),
    "given as null": agent({"given": None}),
    "untold as a list": {**GOOD, "untold": ["8001"]},
    "untold of no kind": {**GOOD, "untold": {"8001": "else"}},
    "untold as a number": {**GOOD, "untold": {"8001": {}}},
}


@pytest.mark.parametrize("written", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_ledger_is_refused(path: Path, written: Any) -> None:
    """What is no ledger, whole, is refused with its path and what to do, and is left as it is."""
    data = written if isinstance(written, bytes) else json.dumps(written).encode()
    put(path, data)
    with pytest.raises(ReconcilerError, match="damaged") as caught:
        load(path)
    assert str(path) in caught.value.message
    assert "restore it" in caught.value.hint
    assert path.read_bytes() == data


@pytest.mark.parametrize("owner", ["other", "ACME", "acme ", ""])
def test_the_ledger_of_another_company(path: Path, owner: str) -> None:
    """Another company's ledger is refused, with both names: its agents are not ours."""
    put(path, json.dumps({**GOOD, "company": owner}).encode())
    with pytest.raises(ReconcilerError, match=f"company {owner}, not acme") as caught:
        load(path)
    assert "--ledger" in caught.value.hint


@pytest.mark.parametrize("kind", ["folder", "below a file", "loop"])
def test_a_ledger_that_cannot_be_read(path: Path, kind: str) -> None:
    """What cannot be read is not taken for a missing ledger, which would forget everything."""
    match kind:
        case "folder":
            path.mkdir(parents=True)
        case "below a file":
            path.parent.write_text("")
        case "loop":
            path.parent.mkdir()
            path.symlink_to(path)
    with pytest.raises(ReconcilerError, match="cannot be read") as caught:
        load(path)
    assert str(path) in caught.value.message


def test_values_of_unknown_fields_are_dropped(path: Path) -> None:
    """A field that the table no longer has is forgotten, the others are not."""
    put(path, json.dumps(agent({"given": {"roleName": "班长", "nickname": "x"}, "seen": True})).encode())
    assert load(path).entries == {"8001": LedgerEntry(None, {"roleName": "班长"})}


SOURCE = PasswordSource("env", "CANARY_NAME", 3)
BEFORE = {"8001": LedgerEntry(1, {"roleName": "班长", "bindSkillName": "售后"}), "8002": LedgerEntry(1)}


def call(
    kind: CallKind, *ids: str, fields: dict[str, Value] | None = None, password: PasswordSource | None = None
) -> Call:
    """A call that succeeded."""
    return Call(kind, ids, tuple(range(len(ids))), fields or {}, password)


@pytest.mark.parametrize(
    ("made", "after"),
    [
        (
            call("create", "8003", fields={"name": "张三", "roleName": "值班", "bindSkillLevel": 2}, password=SOURCE),
            {**BEFORE, "8003": LedgerEntry(3, {"roleName": "值班", "bindSkillLevel": 2})},
        ),
        (call("create", "8003"), {**BEFORE, "8003": LedgerEntry()}),
        (call("create", "8001", fields={"name": "张三"}), {**BEFORE, "8001": LedgerEntry()}),
        (call("edit", "8001", fields={"name": "张三"}), BEFORE),
        (
            call("edit", "8001", fields={"name": "张三", "roleName": "值班"}),
            {**BEFORE, "8001": LedgerEntry(1, {"roleName": "值班", "bindSkillName": "售后"})},
        ),
        (
            call("edit", "8003", fields={"roleName": "值班"}),
            {**BEFORE, "8003": LedgerEntry(None, {"roleName": "值班"})},
        ),
        (call("edit", "8003", fields={"sipNumber": None}), BEFORE),
        (
            call("password", "8001", password=SOURCE),
            {**BEFORE, "8001": LedgerEntry(3, {"roleName": "班长", "bindSkillName": "售后"})},
        ),
        (call("password", "8003", password=SOURCE), {**BEFORE, "8003": LedgerEntry(3)}),
        (call("delete", "8001"), {"8002": LedgerEntry(1)}),
        (call("delete", "8001", "8002"), {}),
        (call("delete", "8003"), BEFORE),
    ],
    ids=[
        "a new agent: version and write-only values",
        "a new agent of which nothing is managed",
        "an agent made anew forgets what the former had",
        "an edit of listed fields",
        "an edit of a write-only field",
        "an edit of an agent not recorded",
        "an edit that unbinds",
        "a password",
        "a password of an agent not recorded",
        "a deleted agent",
        "several deleted agents",
        "a deleted agent not recorded",
    ],
)
def test_what_a_call_leaves(path: Path, made: Call, after: dict[str, LedgerEntry]) -> None:
    """A call that succeeded changes what is known of its agents, and of no others."""
    ledger = Ledger(LocalStore(path), ACME, dict(BEFORE))
    ledger.record(made)
    assert {operator_id: entry.deciding for operator_id, entry in ledger.entries.items()} == after


@pytest.mark.parametrize("kind", ["create", "password"])
def test_a_record_of_a_password_says_since_when_and_whose_it_is(path: Path, kind: CallKind) -> None:
    """It has the serial under which the ledger first tells of it, and the vendor's `id` where an answer named it."""
    ledger = Ledger(LocalStore(path), ACME, {"8001": LedgerEntry(vendor_id=7)}, serial=4)
    ledger.record(call(kind, "8001", "8002"), {"8002": 9})
    known = 7 if kind == "password" else None  # whom a create makes is somebody new
    assert ledger.entries == {
        "8001": LedgerEntry(vendor_id=known, recorded=5),
        "8002": LedgerEntry(vendor_id=9, recorded=5),
    }
    ledger.save(RUN)
    assert load(path).entries == ledger.entries


def test_recording_saves_nothing(path: Path) -> None:
    """The file changes when it is saved, and not before."""
    Ledger(LocalStore(path), ACME).record(call("create", "8001", password=SOURCE))
    assert not path.exists()


@pytest.mark.parametrize("kind", ["create", "password"])
def test_no_secret(path: Path, kind: CallKind) -> None:
    """Of a password the ledger keeps the version, neither where it came from nor anything made of it."""
    ledger = load(path)
    ledger.record(call(kind, "8001", password=SOURCE))
    ledger.save(RUN)
    assert json.loads(path.read_text())["agents"] == {"8001": {"passwordVersion": 3, "recorded": 1}}


def test_a_conflict_stays_a_conflict(path: Path) -> None:
    """What somebody else wrote is not overwritten by the second try either; only who has read it may."""
    ours, theirs = LocalStore(path), LocalStore(path)
    ours.read()
    theirs.write(b"theirs")
    for _ in range(2):
        with pytest.raises(LedgerConflict):
            ours.write(b"ours")
        assert path.read_bytes() == b"theirs"
    ours.read()
    ours.write(b"ours")
    assert path.read_bytes() == b"ours"


def test_whoever_asks_for_the_holder_holds_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder's note is read, and the lock is never taken for it; afterwards nobody holds it."""
    store = LocalStore(path)
    with store.lock():
        note = store.holder()
        monkeypatch.setattr("filelock.FileLock.acquire", lambda *_, **__: pytest.fail("the lock was taken"))
        assert note is not None
        assert LocalStore(path).holder() == note
        monkeypatch.undo()
    assert store.holder() is None
