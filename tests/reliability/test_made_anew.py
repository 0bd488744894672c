"""An agent that somebody deleted and made anew is another one, whatever the books know under its number."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.desired import Policy
from reconciler.core.model.outcome import Event
from reconciler.core.model.report import Report
from reconciler.core.saved.plan_json import digest
from reconciler.render import FORMATS
from reconciler.render.heading import Heading
from reconciler.sandbox.server import Box
from tests.reliability.mixed import Applier, known_credentials
from tests.reliability.test_authorship import passwords_set

HEAD: dict[str, Any] = {"version": 1, "company": {"abbreviate": "acme", "companyId": 4242}}
BATCH = ("8001", "8002", "8003")
THEIRS = "known-to-them"
DIGEST = hashlib.md5(THEIRS.encode()).hexdigest()
WITH_PASSWORD = {"password": {"generate": True, "version": 1}}
ANEW = "deleted and made anew by somebody"


@pytest.fixture
def vendor(box: Box) -> Iterator[Box]:
    """The worker's sandbox, without faults at the end."""
    box.faults([])
    box.store.reset([])
    yield box
    box.faults([])


@pytest.fixture
def no_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that lists neither `id` nor `ctime`."""
    monkeypatch.setattr("reconciler.core.wire._number", lambda _value: None)


def machine(folder: Path, box: Box, wanted: dict[str, Any], *ids: str, shared: Path | None = None) -> Applier:
    """A machine whose file has these agents, all alike; two may share a ledger."""
    folder.mkdir(exist_ok=True)
    applier = Applier(folder, box, ledger_folder=shared)
    wish(applier, wanted, *ids)
    return applier


def wish(applier: Applier, wanted: dict[str, Any], *ids: str) -> None:
    """Write the file, which always has one agent more."""
    always = {"operatorId": "8090", "name": "不变"}
    agents = [*({"operatorId": id_, **wanted} for id_ in ids), always]
    guardrails = {"maxDeletes": "100%", "maxPasswords": "100%"}
    applier.file.write_text(json.dumps({**HEAD, "guardrails": guardrails, "agents": agents}), encoding="utf-8")


def make_anew(box: Box, *ids: str, **values: Any) -> None:
    """Somebody deletes them in the console, and makes them again with a password that people know."""
    for operator_id in ids:
        box.store.remove(operator_id)
        box.store.put(operator_id, **{"password": THEIRS, **values})


def digests(box: Box, *ids: str) -> set[str]:
    """The passwords that the vendor has."""
    return {box.store.agents()[operator_id]["password_md5"] for operator_id in ids}


def notes(applier: Applier) -> list[str]:
    """What a plan notes of agents that were made anew."""
    return [operator_id for note in applier.plan().notes if ANEW in note.message for operator_id in note.operator_ids]


def code(ended: Report | str) -> int:
    """The exit code of a run that was not refused."""
    assert isinstance(ended, Report), ended
    return ended.exit_code


WANTED: list[dict[str, Any]] = [
    WITH_PASSWORD,
    {"roleName": "客服"},
    {"name": "张三", "roleName": "客服", **WITH_PASSWORD},
]


@pytest.mark.parametrize("wanted", WANTED, ids=["password", "role", "both"])
def test_what_the_ledger_knew_is_not_believed_of_another_agent(
    vendor: Box, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    """Its password and its role are planned as not recorded, as of any agent that the ledger does not know; once."""
    applier = machine(tmp_path, vendor, wanted, "8001")
    assert (code(applier.apply()), applier.left()) == (0, 0)
    make_anew(vendor, "8001", **{name: value for name, value in wanted.items() if name == "name"})
    plan = applier.plan()
    planned = {change.field for action in plan.actions for change in action.changes}
    assert planned == {"password.version" if name == "password" else name for name in wanted} - {"name"}
    assert not any(change.before_known for action in plan.actions for change in action.changes)
    assert notes(applier) == ["8001"]
    assert (code(applier.apply()), applier.left(), notes(applier)) == (0, 0, [])
    if "password" in wanted:
        known = known_credentials(tmp_path)["8001"]["password"]
        assert digests(vendor, "8001") == {hashlib.md5(known.encode()).hexdigest()}


def test_people_who_have_the_password_say_so(vendor: Box, tmp_path: Path) -> None:
    """After `ledger adopt` of an agent that was made anew nothing is set, and nothing is noted."""
    applier = machine(tmp_path, vendor, WITH_PASSWORD, "8001")
    applier.apply()
    make_anew(vendor, "8001")
    assert applier.adopt("8001") == 1
    assert (code(applier.apply()), notes(applier), digests(vendor, "8001")) == (0, [], {DIGEST})


@pytest.mark.usefixtures("no_ids")
def test_a_vendor_that_tells_no_id(vendor: Box, tmp_path: Path) -> None:
    """Nothing shows another agent then: what the ledger knows holds, and nothing is written for nothing."""
    applier = machine(tmp_path, vendor, WITH_PASSWORD, "8001")
    assert (code(applier.apply()), applier.left()) == (0, 0)
    make_anew(vendor, "8001")
    assert (code(applier.apply()), notes(applier), digests(vendor, "8001")) == (0, [], {DIGEST})


def test_a_ledger_that_knows_no_ids_learns_them(vendor: Box, tmp_path: Path) -> None:
    """One that an older version wrote is believed, and says from the next apply on whom it is about."""
    applier = machine(tmp_path, vendor, WITH_PASSWORD, "8001")
    applier.apply()
    path = applier.books / "ledger.json"
    old = json.loads(path.read_bytes())
    old["agents"]["8001"] = {"passwordVersion": 1}
    path.write_text(json.dumps(old))
    assert (code(applier.apply()), applier.left()) == (0, 0)
    make_anew(vendor, "8001")
    assert [(action.kind, action.operator_id) for action in applier.plan().actions] == [("password", "8001")]


def test_rows_that_are_numbered_anew(vendor: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor whose `id`s are others in each listing, with the same `ctime`: nothing is set, and nothing is noted."""
    applier = machine(tmp_path, vendor, WITH_PASSWORD, "8001")
    applier.apply()
    count = itertools.count(1)

    def other_numbers(value: Any) -> int | None:
        return next(count) if type(value) is int and value < 10**11 else value

    monkeypatch.setattr("reconciler.core.wire._number", other_numbers)
    for _ in range(2):
        assert (code(applier.apply()), applier.left(), notes(applier)) == (0, 0, [])
    assert passwords_set(vendor) == []


LEFT_OPEN: list[dict[str, Any]] = [{"unsure": True}, {"inDoubt": "password"}, {"owed": {"ttscontent": "old"}}]


@pytest.mark.parametrize("left", LEFT_OPEN, ids=["unknown", "in doubt", "owed"])
def test_what_a_run_left_open_is_not_done_to_another_agent(vendor: Box, tmp_path: Path, left: dict[str, Any]) -> None:
    """Nobody made by hand gets another password, or what is owed to the agent before them; told once, with exit 4."""
    applier = machine(tmp_path, vendor, {}, *BATCH)
    applier.apply()
    path = applier.books / "ledger.json"
    ledger = json.loads(path.read_bytes())
    ledger["agents"]["8001"] |= left
    path.write_text(json.dumps(ledger))
    make_anew(vendor, "8001", ttscontent="new")
    before = len(vendor.store.history())
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert (ended.exit_code, [mismatch.operator_id for mismatch in ended.mismatches]) == (4, ["8001"])
    assert (digests(vendor, "8001"), vendor.store.agents()["8001"]["ttscontent"]) == ({DIGEST}, "new")
    assert len(vendor.store.history()) == before
    assert code(applier.apply()) == 0


def test_it_is_told_beside_what_else_is_done(vendor: Box, tmp_path: Path) -> None:
    """The same where the plan has actions about others: they are done, and the report names the other agent."""
    applier = machine(tmp_path, vendor, {}, *BATCH)
    applier.apply()
    path = applier.books / "ledger.json"
    ledger = json.loads(path.read_bytes())
    ledger["agents"]["8001"] |= {"unsure": True}
    path.write_text(json.dumps(ledger))
    make_anew(vendor, "8001")
    wish(applier, {}, *BATCH, "8004")
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert (ended.exit_code, ended.done, digests(vendor, "8001")) == (4, 1, {DIGEST})
    assert [mismatch.operator_id for mismatch in ended.mismatches] == ["8001"]


class Crash(BaseException):
    """The process is gone."""


def crash(_event: object) -> None:
    """The process is gone as a call ends."""
    raise Crash


def killed(applier: Applier, box: Box, endpoint: str) -> None:
    """A run whose answer is lost, and which ends before it can look."""
    silent = {"endpoint": "reads", "fault": "drop-before"}
    applier.planned = lambda _: box.faults([{"endpoint": endpoint, "fault": "drop-after"}, silent])
    applier.ended = crash
    with pytest.raises(Crash):
        applier.apply()
    applier.ended, applier.planned = (lambda _: None), (lambda _: None)
    box.faults([])


def test_a_password_whose_answer_was_lost_is_not_set_for_another_agent(vendor: Box, tmp_path: Path) -> None:
    """A run was killed while it set a password of an agent that the ledger did not know; it is another one by now."""
    vendor.store.reset([{"operatorId": "8001"}])
    applier = machine(tmp_path, vendor, WITH_PASSWORD, "8001")
    killed(applier, vendor, "editPwd")
    wish(applier, {}, "8001")
    make_anew(vendor, "8001")
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert (ended.exit_code, digests(vendor, "8001")) == (4, {DIGEST})


def test_a_password_without_an_answer_that_the_file_drops(vendor: Box, tmp_path: Path) -> None:
    """A run was killed while it set a password that the file manages no longer: nothing is set, each plan notes it."""
    vendor.store.reset([{"operatorId": "8001"}])
    applier = machine(tmp_path, vendor, {}, "8001")
    assert code(applier.apply()) == 0
    wish(applier, WITH_PASSWORD, "8001")
    killed(applier, vendor, "editPwd")
    set_by_the_run = digests(vendor, "8001")
    wish(applier, {}, "8001")
    for _ in range(2):
        assert [n.operator_ids for n in applier.plan().notes if n.code == "password-in-doubt"] == [("8001",)]
        assert (code(applier.apply()), digests(vendor, "8001")) == (0, set_by_the_run)
    assert applier.adopt("8001") == 1
    assert not [note for note in applier.plan().notes if note.code == "password-in-doubt"]


KILLED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("editPwd", WITH_PASSWORD, {"password": {"generate": True, "version": 2}}),
    ("edit/v2", {"roleName": "客服"}, {"roleName": "班长"}),
    ("edit/v2", {"name": "张三", **WITH_PASSWORD}, {"name": "李四", "password": {"generate": True, "version": 2}}),
]


@pytest.mark.parametrize("kept", [True, False], ids=["in the file", "in no file"])
@pytest.mark.parametrize(("endpoint", "first", "then"), KILLED, ids=["a password", "a role", "both"])
def test_a_plan_says_after_a_kill_what_it_says_without(
    vendor: Box, tmp_path: Path, endpoint: str, first: dict[str, Any], then: dict[str, Any], kept: bool
) -> None:
    """Who was made anew since a run was killed is named by the plan that writes to them, in every format with notes.

    The digest is the same, too.
    """
    told = []
    for dies in (False, True):
        vendor.store.reset([])
        applier = machine(tmp_path / str(dies), vendor, first, "8001")
        assert code(applier.apply()) == 0
        wish(applier, then, "8001")
        if dies:
            killed(applier, vendor, endpoint)
        make_anew(vendor, "8001")
        if not kept:
            wish(applier, then)
        plan = applier.plan()
        told.append((digest(plan), {(note.code, note.operator_ids) for note in plan.notes}))
        assert notes(applier) == ["8001"]
        for format_ in ("text", "json", "markdown", "html", "github"):
            assert ANEW in FORMATS[format_](plan, Heading("reconciler", "2026-01-01T00:00:00Z", 0)), format_
    assert told[0] == told[1]


def test_an_agent_of_a_killed_batch_of_whom_nothing_is_shown_is_named(vendor: Box, tmp_path: Path) -> None:
    """Where somebody deletes one of a killed run's batch, nothing shows who made the others: exit 4, and a doubt."""
    applier = machine(tmp_path, vendor, {}, *BATCH)
    killed(applier, vendor, "create/v2")
    vendor.store.remove("8002")
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert ended.exit_code == 4
    assert {mismatch.operator_id for mismatch in ended.mismatches} == {"8001", "8003"}
    ledger = json.loads((applier.books / "ledger.json").read_bytes())["agents"]
    assert {id_ for id_, entry in ledger.items() if entry.get("inDoubt") == "author"} == {"8001", "8003"}


def replacing(folder: Path, box: Box) -> Applier:
    """A machine that is to replace an agent, since a value of it can be set only at creation."""
    old = {"operatorId": "8001", "name": "old", "judge": 1, "bindcode": "13800138001", "sipNumber": "60001"}
    box.store.reset([old])
    applier = machine(folder, box, {"judge": False}, "8001")
    applier.policy = Policy(max_deletes=None, allow_replace=True)
    return applier


def killed_after_its_delete(applier: Applier, _box: Box) -> None:
    """The delete is answered, and the process dies."""
    applier.ended = crash
    with pytest.raises(Crash):
        applier.apply()


def interrupted_after_its_delete(applier: Applier, _box: Box) -> None:
    """The delete is answered, and nothing more is sent."""
    stop = threading.Event()
    applier.ended = lambda _: stop.set()
    applier.apply(stop)


ENDS: list[Callable[[Applier, Box], None]] = [
    killed_after_its_delete,
    interrupted_after_its_delete,
    lambda applier, box: killed(applier, box, "del/v2"),
]


@pytest.mark.parametrize("ends", ENDS, ids=["killed", "interrupted", "killed, the answer lost"])
def test_who_gets_the_number_of_an_agent_that_was_to_be_made_anew(
    vendor: Box, tmp_path: Path, ends: Callable[[Applier, Box], None]
) -> None:
    """A run ends between the delete and the create of a replace, and somebody else makes the agent.

    It gets no name, no phone and no SIP number of the one before, and a plan notes it. What a run left open is told.
    """
    applier = replacing(tmp_path, vendor)
    ends(applier, vendor)
    applier.ended = lambda _: None
    assert "8001" not in vendor.store.agents()
    vendor.store.put("8001", password=THEIRS, name="new", judge=0)
    assert ["8001"] in [[*note.operator_ids] for note in applier.plan().notes if "nothing shows" in note.message]
    ended = applier.apply()
    assert isinstance(ended, Report)
    was_open = ends is not interrupted_after_its_delete
    assert (ended.exit_code, [each.operator_id for each in ended.mismatches]) == (
        (4, ["8001"]) if was_open else (0, [])
    )
    live = vendor.store.agents()["8001"]
    assert (live["name"], live["bindcode"], live["sipNumber"], live["password_md5"]) == ("new", None, None, DIGEST)
    assert (code(applier.apply()), applier.left()) == (0, 0)


def test_our_own_agent_gets_what_it_is_owed_after_a_kill(vendor: Box, tmp_path: Path) -> None:
    """Killed after its delete, the next run makes the agent, and gives back all that it had."""
    applier = replacing(tmp_path, vendor)
    killed_after_its_delete(applier, vendor)
    applier.ended = lambda _: None
    assert (code(applier.apply()), applier.left()) == (0, 0)
    live = vendor.store.agents()["8001"]
    assert (live["name"], live["bindcode"], live["sipNumber"]) == ("old", "13800138001", "60001")


THEN: list[tuple[dict[str, Any] | None, str]] = [
    ({}, "it is left as it is"),
    ({"name": "张三"}, "the plan edits it"),
    (WITH_PASSWORD, "the plan sets its password"),
    ({"name": "张三", **WITH_PASSWORD}, "the plan edits it, sets its password"),
    (None, "the plan deletes it"),
]


@pytest.mark.parametrize(("wanted", "told"), THEN, ids=["left", "edited", "password", "both", "deleted"])
def test_what_is_done_to_whom_nothing_shows_is_told(
    vendor: Box, tmp_path: Path, wanted: dict[str, Any] | None, told: str
) -> None:
    """A killed run's create, and somebody has changed the agent since: plan and report say what is done to it."""
    applier = machine(tmp_path, vendor, {"afterInterval": 9}, "8001")
    killed(applier, vendor, "create/v2")
    vendor.store.put("8001", name="console")
    wish(applier, wanted or {}, *["8001"] * (wanted is not None))
    (note,) = (note for note in applier.plan().notes if "nothing shows" in note.message)
    assert note.operator_ids == ("8001",)
    assert (told.removeprefix("the plan") in note.message) is (wanted != {})
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert ended.exit_code == 4
    assert [(each.operator_id, told in each.message) for each in ended.mismatches] == [("8001", True)]


@pytest.mark.parametrize("code", [500, 5001])
def test_a_refused_batch_that_was_carried_out_is_not_forgotten_by_a_kill(
    vendor: Box, tmp_path: Path, code: int
) -> None:
    """Killed while it is taken apart: nothing shows which create made any of them, so all are named, and in doubt."""

    def crash_alone(event: Event) -> None:
        if event.call.operator_ids == ("8001",):
            raise Crash

    applier = machine(tmp_path, vendor, {}, *BATCH)
    refused = {"endpoint": "create/v2", "fault": "refuse-after", "code": code, "calls": [1]}
    silent = [{"endpoint": endpoint, "fault": "drop-before"} for endpoint in ("create/v2", "reads")]
    applier.planned = lambda _: vendor.faults([refused, *silent])
    applier.ended = crash_alone
    with pytest.raises(Crash):
        applier.apply()
    applier.ended, applier.planned = (lambda _: None), (lambda _: None)
    vendor.faults([])
    ended = applier.apply()
    assert isinstance(ended, Report)
    assert (ended.exit_code, {mismatch.operator_id for mismatch in ended.mismatches}) == (4, {*BATCH})
    ledger = json.loads((applier.books / "ledger.json").read_bytes())["agents"]
    assert {id_ for id_, entry in ledger.items() if entry.get("inDoubt") == "author"} == {*BATCH}
    assert passwords_set(vendor) == []
    again = applier.apply()
    assert isinstance(again, Report)
    assert again.exit_code == 0


@pytest.mark.parametrize("fault", ["drop-before", "drop-after"])
def test_a_single_create_does_not_claim_what_a_broken_batch_may_have_made(
    vendor: Box, tmp_path: Path, fault: str
) -> None:
    """A batch that the vendor carried out ends with a server error, and the answer to a create of one is lost."""
    applier = machine(tmp_path, vendor, {}, *BATCH)
    refused = {"endpoint": "create/v2", "fault": "refuse-after", "code": 500, "calls": [1]}
    applier.planned = lambda _: vendor.faults([refused, {"endpoint": "create/v2", "fault": fault, "calls": [2]}])
    ended = applier.apply()
    vendor.faults([])
    assert isinstance(ended, Report)
    told = {result.action.operator_id for result in ended.results if result.outcome != "done"}
    ledger = json.loads((applier.books / "ledger.json").read_bytes())["agents"]
    doubted = {id_ for id_, entry in ledger.items() if entry.get("inDoubt") == "author"}
    assert (ended.exit_code, told, doubted) == (4, {*BATCH}, {*BATCH})


@pytest.mark.parametrize(
    ("agents", "call", "undecided"),
    [(3, 2, True), (3, 3, False), (3, 4, False), (4, 2, False), (4, 3, True), (4, 4, False)],
)
@pytest.mark.parametrize("fault", ["drop-before", "drop-after"])
def test_a_single_create_does_not_claim_what_a_refused_batch_has_made(
    vendor: Box, tmp_path: Path, fault: str, agents: int, call: int, undecided: bool
) -> None:
    """The vendor carries a batch out and refuses it in words, and the answer to a create of one of it is lost.

    Nobody counts as made by that create: each has the password that the file of credentials tells, or is in doubt.
    """
    ids = ("8001", "8002", "8003", "8004")[:agents]
    applier = machine(tmp_path, vendor, {}, *ids)
    applier.parallelism = 1  # so that the calls come in one order
    refused = {"endpoint": "create/v2", "fault": "refuse-after", "code": 5001, "calls": [1]}
    lost = {"endpoint": "create/v2", "fault": fault, "calls": [call]}
    applier.planned = lambda _: vendor.faults([refused, lost])
    ended = applier.apply()
    vendor.faults([])
    assert isinstance(ended, Report)
    ledger = json.loads((applier.books / "ledger.json").read_bytes())["agents"]
    doubted = {id_ for id_ in ids if ledger[id_].get("inDoubt") == "author"}
    assert ended.exit_code == (4 if doubted else 0)
    assert bool(doubted) is undecided
    known = known_credentials(tmp_path)
    for operator_id in {*ids} - doubted:
        told = hashlib.md5(known[operator_id]["password"].encode()).hexdigest()
        assert digests(vendor, operator_id) == {told}, operator_id


def test_a_single_create_after_a_batch_that_made_nobody_is_ours(vendor: Box, tmp_path: Path) -> None:
    """The batch was refused and not carried out: its others are not there, and a lost create of one has made it."""
    applier = machine(tmp_path, vendor, {}, *BATCH)
    refused = {"endpoint": "create/v2", "fault": "refuse", "code": 5001, "calls": [1]}
    applier.planned = lambda _: vendor.faults([refused, {"endpoint": "create/v2", "fault": "drop-after", "calls": [2]}])
    assert code(applier.apply()) == 0
    vendor.faults([])
    known = known_credentials(tmp_path)
    for operator_id in BATCH:
        told = hashlib.md5(known[operator_id]["password"].encode()).hexdigest()
        assert digests(vendor, operator_id) == {told}, operator_id


def test_an_agent_that_is_made_anew_in_mid_run_is_named(vendor: Box, tmp_path: Path) -> None:
    """Its password was set, and is not that of the agent that is there now: exit 4, and planned again."""
    applier = machine(tmp_path, vendor, WITH_PASSWORD, "8001")
    applier.apply()
    wish(applier, {"password": {"generate": True, "version": 2}}, "8001")
    applier.ended = lambda _: make_anew(vendor, "8001")
    ended = applier.apply()
    applier.ended = lambda _: None
    assert isinstance(ended, Report)
    assert ended.exit_code == 4
    assert any("made anew" in mismatch.message for mismatch in ended.mismatches)
    assert [action.kind for action in applier.plan().actions] == ["password"]


MAKES: list[Callable[[Applier], None]] = [
    lambda other: wish(other, {}, *BATCH),
    lambda other: wish(other, WITH_PASSWORD, *BATCH),
]


@pytest.mark.parametrize("ids", [True, False], ids=["with ids", "without"])
@pytest.mark.parametrize("makes", MAKES, ids=["in a batch", "one by one"])
def test_what_another_machine_made_anew_keeps_its_passwords(
    vendor: Box,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    makes: Callable[[Applier], None],
    ids: bool,
) -> None:
    """A was killed in a batch. B deleted its agents, made them again and handed them over: A resets none of them."""
    if not ids:
        request.getfixturevalue("no_ids")
    shared = tmp_path / "books"
    one, other = (machine(tmp_path / name, vendor, {}, shared=shared) for name in ("a", "b"))
    assert code(one.apply()) == 0
    wish(one, {}, *BATCH)
    killed(one, vendor, "create/v2")
    assert code(other.apply()) == 0
    assert not {*BATCH} & {*vendor.store.agents()}
    makes(other)
    assert code(other.apply()) == 0
    before, set_before = digests(vendor, *BATCH), len(passwords_set(vendor))
    one.file.write_bytes(other.file.read_bytes())
    assert code(one.apply()) == 0
    assert (digests(vendor, *BATCH), len(passwords_set(vendor))) == (before, set_before)
