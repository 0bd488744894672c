"""Saved plans on disk: not a byte of one can change unseen, and nothing that is no plan is taken for one."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.desired import Policy
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.plan import Plan
from reconciler.core.saved.plan_json import plan_document, read_plan
from reconciler.core.text import json_text
from reconciler.core.wire import live_agent as listed
from reconciler.errors import Declined, NewerFormat, ReconcilerError
from reconciler.files.plan_file import SavedPlan, load_plan, save_plan
from reconciler.ledger.ledger import load_ledger
from reconciler.ledger.on_disk import LocalStore
from reconciler.render import FORMATS
from reconciler.render.heading import Heading
from tests.core.build import REPLACING, agent, desired, env, live, live_agent, planned

TOOL, CREATED = "0.1.0", "2026-11-22T10:00:00Z"
CHANGED = "is not as it was saved"
PLAN = planned(
    desired(
        agent("8001", env(2), name="张三", roleName="客服"),
        *(agent(f"81{n:02}", sipNumber=f"600{n:02}") for n in range(6)),
        max_deletes="2",
    ),
    live(live_agent("8001", name="旧"), live_agent("8009"), live_agent("8010", sipNumber="60003")),
    {"8001": LedgerEntry(1)},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the plan is."""
    return tmp_path / "plan.json"


def save(path: Path, plan: Plan = PLAN) -> bytes:
    """Save a plan; its bytes."""
    save_plan(path, plan, TOOL, CREATED)
    return path.read_bytes()


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_saved_is_what_is_loaded(path: Path) -> None:
    """The plan, who made it, when, until when, and its seal come back; the file is the plan's JSON and the seal."""
    saved = save_plan(path, PLAN, TOOL, CREATED)
    assert load_plan(path) == saved == SavedPlan(PLAN, TOOL, CREATED, "2026-11-29T10:00:00Z", saved.seal)
    written = json.loads(path.read_bytes())
    assert written.pop("seal") == saved.seal
    assert written.pop("policy") == load_plan(path).plan.policy == PLAN.policy
    assert written == plan_document(PLAN, TOOL, CREATED)


def test_who_stands_in_which_file_is_saved(path: Path) -> None:
    """All agents of each file lie beside the plan, outside its digest."""
    files = {"a.yaml": ["8001", "8002"], "b.yaml": []}
    saved = save_plan(path, PLAN, TOOL, CREATED, files)
    assert load_plan(path) == saved
    assert saved.files == files


@pytest.mark.parametrize(
    "wrong", [[], {}, [{"a.yaml": []}], *([{"file": "a.yaml", "operatorIds": ids}] for ids in ("8001", [8001], [""]))]
)
def test_other_files_are_no_saved_plan(path: Path, wrong: object) -> None:
    """What is no list of agents by file is refused."""
    path.write_bytes(resealed({**plan_document(PLAN, TOOL, CREATED), "files": wrong}))
    with pytest.raises(Declined):
        load_plan(path)


def test_a_file_is_named_once(path: Path) -> None:
    """Two lists of one file are refused: one of them would be lost."""
    twice = [{"file": "a.yaml", "operatorIds": [id_]} for id_ in ("8001", "8002")]
    path.write_bytes(resealed({**plan_document(PLAN, TOOL, CREATED), "files": twice}))
    with pytest.raises(Declined, match=CHANGED):
        load_plan(path)


@pytest.mark.parametrize(
    "name", ["👩\u200d💼", "\ud800", chr(0xDCFF), "\x1b[31m", "##[error]", "\u2028", '"\\\n', "\ud83d\ude00"]
)
def test_any_name_can_be_saved(path: Path, name: str) -> None:
    """Whatever the vendor calls its agents, a plan about them can be saved, and applied."""
    plan = planned(desired(agent("8001", bindcode="1")), live(listed({"operatorId": "8001", "name": name})))
    save(path, plan)
    assert load_plan(path).plan.actions[0].name == plan.actions[0].name


# Every byte


def replacements(data: bytes, at: int) -> Iterator[bytes]:
    """The file with one byte of it changed: a bit of it; and, taking turns, it is gone, twice, or of another case."""
    byte = data[at : at + 1]
    flipped = bytes([byte[0] ^ 1])
    for other in {flipped, (b"", byte * 2, byte.swapcase(), bytes([byte[0] ^ 0x80]))[at % 4]} - {byte}:
        yield data[:at] + other + data[at + 1 :]


def test_every_byte_counts(path: Path) -> None:
    """Of a saved plan of ten actions no single byte can be changed, left out or doubled, white space included."""
    data = save(path)
    assert len(PLAN.actions) == 10
    handle = os.open(path, os.O_WRONLY)
    taken = []
    for at in range(len(data)):
        for changed in replacements(data, at):
            os.truncate(handle, os.pwrite(handle, changed, 0))
            if not _is_refused(path):
                taken.append((at, data[at - 20 : at + 20]))
    os.close(handle)
    assert taken == []
    path.write_bytes(data)
    assert load_plan(path).plan == PLAN


def _is_refused(path: Path) -> bool:
    try:
        load_plan(path)
    except Declined:
        return True
    return False


def resealed(written: dict[str, Any]) -> bytes:
    """The file that somebody makes of this who can seal."""
    bare = {key: value for key, value in written.items() if key != "seal"}
    text = json_text(bare).removesuffix("\n}\n").encode()
    return text + b',\n "seal": "%s"\n}\n' % hashlib.sha256(text).hexdigest().encode()


def other_json(data: bytes) -> dict[str, bytes]:
    """The same values, written otherwise."""
    value, text = json.loads(data), data.decode()
    return {
        "in one line": json.dumps(value).encode(),
        "indented by two": json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n",
        "in ASCII": json.dumps(value, indent=1).encode() + b"\n",
        "sorted": json_text(dict(sorted(value.items()))).encode(),
        "with CR LF": data.replace(b"\n", b"\r\n"),
        "with a byte order mark": b"\xef\xbb\xbf" + data,
        "in UTF-16": text.encode("utf-16"),
        "with a blank line more": data + b"\n",
        "without the last line end": data[:-1],
        "twice": data * 2,
        "with a key twice": data.replace(b'"allow_replace": false', b'"allow_replace": true,\n "allow_replace": false'),
        "with an action's key twice": data.replace(
            b'"action": "delete"', b'"action": "edit",\n   "action": "delete"', 1
        ),
        "with a comment": b"// approved\n" + data,
        "with a number as 1.0": data.replace(b'"planned": 2', b'"planned": 2.0'),
        "with another Unicode form": data.replace("张".encode(), b"\\u5f20"),
        "with a half pair in bytes": data.replace("张".encode(), b"\xed\xa0\x80"),
        "with two seals": data.replace(b'\n "seal"', b'\n "seal": "",\n "seal"'),
        "with the seal in upper case": data.replace(value["seal"].encode(), value["seal"].upper().encode()),
    }


@pytest.mark.parametrize("case", other_json(resealed(plan_document(PLAN, TOOL, CREATED))))
def test_the_same_written_otherwise_is_refused(path: Path, case: str) -> None:
    """A file that another program wrote anew was perhaps changed by it: it must be the very bytes."""
    data = save(path)
    other = other_json(data)[case]
    assert other != data
    path.write_bytes(other)
    with pytest.raises(Declined, match=CHANGED):
        load_plan(path)


def test_the_seal_is_kept_from_another_plan(path: Path) -> None:
    """A seal fits one plan, and no other one, nor the same one made a second later."""
    data = save(path)
    other = plan_document(PLAN, TOOL, "2026-11-22T10:00:01Z")
    path.write_bytes(json_text({**other, "seal": json.loads(data)["seal"]}).encode())
    with pytest.raises(Declined, match=CHANGED):
        load_plan(path)


# What is no saved plan


GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "zeros": b"\0" * 4096,
    "text": b"version: 1\n",
    "not UTF-8": b"\xff\xfe{",
    "null": b"null",
    "a number": b"1",
    "a huge number": b"1" * 5000,
    "a number without end": b"1e999",
    "no number": b"NaN",
    "a text": b'"reconciler.plan/1"',
    "a list": b"[]",
    "an empty object": b"{}",
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"format":' * 100_000,
    "deep, and a plan": b'{"format": "reconciler.plan/1", "seal": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a format only": b'{"format": "reconciler.plan/1"}',
    "a format and a seal": b'{"format": "reconciler.plan/1", "seal": "x"}',
    "a format that is a list": b'{"format": ["reconciler.plan/1"]}',
    "a ledger": b'{"format": "reconciler.ledger/1", "company": "acme"}',
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_plan_is_refused(path: Path, data: bytes) -> None:
    """Anything at all may stand where a plan should: it is refused in words, with what to do."""
    path.write_bytes(data)
    with pytest.raises(Declined) as caught:
        load_plan(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_plan_that_was_only_shown(path: Path) -> None:
    """What `--format json` prints is a plan to read; that it is none to apply is said."""
    path.write_text(json_text(plan_document(PLAN, TOOL, CREATED)))
    with pytest.raises(Declined, match="not a saved one") as caught:
        load_plan(path)
    assert "--out" in caught.value.hint


def test_a_newer_plan(path: Path) -> None:
    """A plan of a newer version is called that, and not changed or damaged, which it is not."""
    path.write_bytes(resealed({**plan_document(PLAN, TOOL, CREATED), "format": "reconciler.plan/2", "unheard": [1]}))
    with pytest.raises(NewerFormat, match=r"a newer version of reconciler, in the format reconciler\.plan/2") as caught:
        load_plan(path)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("format_", ["reconciler.plan/0", "reconciler.plan/1.1", "reconciler.plan/"])
def test_another_format(path: Path, format_: str) -> None:
    """A plan of another version of the format is called that, though this one cannot read it."""
    path.write_bytes(resealed({**plan_document(PLAN, TOOL, CREATED), "format": format_, "unheard": [1]}))
    with pytest.raises(Declined, match=r"another format than reconciler\.plan/1"):
        load_plan(path)


@pytest.mark.parametrize(
    ("what", "words"), [("nothing", "No such file"), ("folder", "directory"), ("pipe", "regular"), ("name", "too long")]
)
def test_a_plan_that_cannot_be_read(tmp_path: Path, what: str, words: str) -> None:
    """What is not there, or is no file, is an error that says so; a pipe is not waited for."""
    path = tmp_path / ("x" * 300 if what == "name" else what)
    if what == "folder":
        path.mkdir()
    if what == "pipe":
        os.mkfifo(path)
    with pytest.raises(ReconcilerError, match=words) as caught:
        load_plan(path)
    assert caught.value.exit_code == 1


def test_a_huge_plan(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is larger than any plan is not taken in."""
    data = save(path)
    monkeypatch.setattr("reconciler.files.plan_file.MAX_BYTES", len(data))
    assert load_plan(path).plan == PLAN
    path.write_bytes(data + b"\n")
    with pytest.raises(ReconcilerError, match="too large"):
        load_plan(path)


# What somebody could seal who can seal


def _first(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda written: written["actions"][0].update(changes)


def _changes(*changes: tuple[str, Any]) -> Callable[[dict[str, Any]], None]:
    return _first(changes=[{"field": field, "before": None, "after": after} for field, after in changes])


def _top(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda written: written.update(changes)


def _password(**source: Any) -> Callable[[dict[str, Any]], None]:
    return lambda written: written["actions"][1].update(password={"version": 2, **source})


NONSENSE: dict[str, Callable[[dict[str, Any]], object]] = {
    "every action twice": lambda d: d.update(actions=d["actions"] * 2),
    "an action twice": lambda d: d["actions"].append(d["actions"][-1]),
    "actions out of order": lambda d: d["actions"].reverse(),
    "an edit of a password's version": _changes(("password.version", 9)),
    "an edit of a fixed field": _changes(("email", "x")),
    "an edit to a text for a number": _changes(("afterInterval", "nine")),
    "an edit to a number for a text": _changes(("name", 9)),
    "an edit to less than can be": _changes(("afterInterval", -1)),
    "an edit to a number for a flag": _changes(("isrecord", 1)),
    "an edit to no choice": _changes(("outcallflag", "always")),
    "an edit of one field twice": _changes(("name", "x"), ("name", "y")),
    "an edit of nothing": _changes(),
    "an edit of one who is not there": lambda d: (d["actions"][0].pop("live"), _first(live_sha256=None)(d)),
    "a create of one who is there": _first(action="create"),
    "a delete of one who is not there": lambda d: (
        d["actions"][2].pop("live"), d["actions"][2].update(live_sha256=None)
    ),
    "a delete with changes": lambda d: d["actions"][2].update(changes=d["actions"][0]["changes"]),
    "a password from nowhere": lambda d: d["actions"][1].pop("password"),
    "a password of the tool's own": _password(env="RECONCILER_TOKEN"),
    "a password of no name": _password(env=""),
    "a password of an impossible name": _password(env="A=B"),
    "a password of two sources": _password(env="AGENT_1", file="pw"),
    "a variable in a folder": _password(env="AGENT_1", folder="x"),
    "a generated one in a folder": _password(generate=True, folder="x"),
    "a folder without a file": _password(folder="x"),
    "a removal that edits": lambda d: (_first(removal=True, source=None)(d)),
    "a removal that deletes": lambda d: d["actions"][2].update(removal=True),
    "a removal of one who is in the files": lambda d: (_changes(("status", "disabled"))(d), _first(removal=True)(d)),
    "nobody": _first(operatorId=""),
    "no company": _top(company={"abbreviate": ""}),
    "a whole number as a fraction": _top(expires_in=604800.0),
    "a life beyond all calendars": _top(expires_in=10**12),
    "a life beyond all numbers": _top(expires_in=10**400),
    "a month too many": _top(created_at="2026-13-01T00:00:00Z"),
    "the year nought": _top(created_at="0000-01-01T00:00:00Z"),
    "a year of three digits": _top(created_at="0500-01-01T00:00:00Z"),
    "a guardrail that nobody has": lambda d: d["guardrails"][0].update(rule="maxFun"),
    "a limit that is none": lambda d: d["guardrails"][0].update(limit="as you like"),
    "other counts": lambda d: d["summary"].update(delete=0),
    "other calls": lambda d: d["calls"].update(total=0),
    "another digest": _top(digest="0" * 64),
    "another fingerprint": _first(live_sha256="0" * 64),
    "a fingerprint of nobody": lambda d: d["actions"][0].pop("live"),
    "a key more": _top(approved=True),
}  # fmt: skip
DERIVED = frozenset({"other counts", "other calls", "another digest", "another fingerprint", "a fingerprint of nobody"})


@pytest.mark.parametrize("case", NONSENSE)
def test_sealed_nonsense_is_refused(path: Path, case: str) -> None:
    """A plan that no planning makes is refused when it is read, though its seal and its digest are right."""
    path.write_bytes(forged(json.loads(save(path)), NONSENSE[case], honest=case in DERIVED))
    with pytest.raises(Declined, match=CHANGED):
        load_plan(path)


def forged(written: dict[str, Any], edit: Callable[[dict[str, Any]], object], *, honest: bool = False) -> bytes:
    """The plan with something else in it; digest, counts and fingerprints follow where they can, or as they were."""
    edit(written)
    if not honest:
        with suppress(KeyError, ValueError, TypeError, IndexError, OverflowError):  # then it stays as it is
            written = {**written, **plan_document(read_plan(written), written["tool"], written["created_at"])}
    return resealed(written)


def test_a_plan_from_the_future_is_not_alive(path: Path) -> None:
    """Whoever sets the time of a plan ahead, or has a clock that is, does not make it live longer."""
    save_plan(path, PLAN, TOOL, "2027-01-01T00:00:00Z")
    saved = load_plan(path)
    assert saved.expired(datetime(2026, 11, 22, 10, tzinfo=UTC))


HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "tool": _top(tool="\x1b]0;zqx\x07"),
    "endpoint": _top(endpoint="https://v\x1b[31m"),
    "file": lambda d: d["actions"][0]["source"].update(file="\x1b[31m"),
    "note": _top(notes=[{"message": "\x1b[31m", "operatorIds": ["\x1b[31m"]}]),
    "blocked": _first(blocked="\x1b[31m"),
    "rule": lambda d: d["guardrails"][0].update(rule="\x1b[31m", allowed=0),
    "limit": lambda d: d["guardrails"][0].update(limit="\x1b[31m", allowed=0),
    "hint": lambda d: d["guardrails"][0].update(hint="\x1b[31m", allowed=0),
}


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
def test_a_forged_plan_acts_on_no_terminal(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Whatever text somebody seals into a plan, it is refused, or shown in every format without acting."""
    path.write_bytes(forged(json.loads(save(path)), edit))
    try:
        saved = load_plan(path)
    except Declined:
        return
    for name, render in FORMATS.items():
        assert "\x1b" not in render(saved.plan, Heading(saved.tool, saved.created_at, 0)), name


# Time


@pytest.mark.parametrize(("seconds", "until"), [(1, "10:00:01"), (90, "10:01:30"), (3600, "11:00:00"), (0, "10:00:00")])
def test_a_plan_expires(path: Path, seconds: int, until: str) -> None:
    """A plan is alive until, and not at, the end of the span that it was given."""
    plan = planned(desired(agent()), policy=Policy(expires_in=seconds))
    save_plan(path, plan, TOOL, CREATED)
    end = datetime.fromisoformat(f"2026-11-22T{until}Z")
    assert load_plan(path).expires_at == f"2026-11-22T{until}Z"
    assert load_plan(path).expired(end)
    assert load_plan(path).expired(end + timedelta(days=400))
    assert not load_plan(path).expired(end - timedelta(seconds=1))


def test_a_spent_plan_is_remembered_for_as_long_as_it_lives(tmp_path: Path) -> None:
    """The ledger keeps every plan that was begun until it could no longer be applied, also while others are."""
    store, company = LocalStore(tmp_path / "ledger.json"), PLAN.company
    for seal, until in (("one", "2026-11-22T11:00:00Z"), ("two", "2026-11-22T10:30:00Z"), ("three", CREATED)):
        ledger = load_ledger(store, company)
        ledger.remember_applied(seal, until, "2026-11-22T10:00:00Z")
        ledger.save("run")
    assert set(load_ledger(store, company).applied) == {"one", "two", "three"}
    ledger.remember_applied("four", "2026-11-22T12:00:00Z", "2026-11-22T10:30:00Z")
    assert set(ledger.applied) == {"one", "four"}


# The file


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_a_plan_is_private(path: Path, umask: int, before: int | None) -> None:
    """It names people: only its owner may read it, whatever the umask, and whatever stood there."""
    if before is not None:
        path.write_text("old" * 9000)
        path.chmod(before)
    former = os.umask(umask)
    try:
        save(path)
    finally:
        os.umask(former)
    assert mode(path) == 0o600
    assert load_plan(path).plan == PLAN
    assert [entry.name for entry in path.parent.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("before", [0o644, 0o666])
def test_what_a_repository_left_in_the_way_does_not_open_it(path: Path, before: int) -> None:
    """Whatever file has the name under which it is first written, as anybody can commit one, it ends private."""
    temporary = path.with_name(".plan.json.new")
    temporary.write_text("in the way")
    temporary.chmod(before)
    save(path)
    assert mode(path) == 0o600


def test_a_plan_replaces_a_link(path: Path) -> None:
    """What a link leads to is not written to."""
    other = path.with_name("other")
    other.write_text("mine")
    path.symlink_to(other)
    save(path)
    assert other.read_text() == "mine"
    assert not path.is_symlink()


@pytest.mark.parametrize("what", ["no folder", "a folder in the way"])
def test_a_plan_that_cannot_be_saved(tmp_path: Path, what: str) -> None:
    """That is an error with the reason."""
    path = tmp_path / "a" / "plan.json"
    if what == "a folder in the way":
        path.mkdir(parents=True)
    with pytest.raises(ReconcilerError, match=r"the plan cannot be saved to .*plan\.json: "):
        save(path)


def test_every_kind_of_plan_can_be_saved(path: Path) -> None:
    """Replaces with what they carry, what is owed, agents nobody is sure of, and blocked ones are loaded as saved."""
    rows = live(
        live_agent("8001", email="old", sipNumber="60001", ttscontent="您好"),
        live_agent("8002", sipNumber="60002"),
        live_agent("8003"),
    )
    book = {
        "8001": LedgerEntry(1, {"roleName": "客服"}),
        "8003": LedgerEntry(password_unknown=True),
        "8004": LedgerEntry(to_restore={"email": "e"}),
    }
    wanted = desired(
        agent("8001", env(2), email="new"), agent("8002", sipNumber="60001"), agent("8003"), agent("8004"), prune=False
    )
    plan = planned(wanted, rows, book, REPLACING)
    assert {action.kind for action in plan.actions} == {"replace", "edit", "password", "create"}
    assert plan.blocked
    save(path, plan)
    assert load_plan(path).plan == plan
