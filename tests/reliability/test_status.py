"""`status` and `ledger`: what the last run did, what is recorded, and what happens when that is lost or damaged."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.desired import Company
from reconciler.core.model.ledger import LedgerEntry
from reconciler.errors import ReconcilerError
from reconciler.ledger.journal import FORMAT, last_run
from reconciler.ledger.ledger import Ledger, load_ledger
from reconciler.ledger.on_disk import LocalStore
from reconciler.sandbox.server import Box
from tests.process import Ran, Workplace

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents:\n"
FILE = HEAD + (
    '  - {operatorId: "8001", name: new}\n'
    '  - {operatorId: "8002", password: {generate: true, version: 3}, roleName: 客服}\n'
    '  - {operatorId: "8003", name: 新人}\n'
)


@pytest.fixture
def office(place: Workplace, box: Box) -> Workplace:
    """Two live agents, of whom the file wants more, and one who is new."""
    box.faults([])
    box.store.reset([{"operatorId": "8001", "name": "old"}, {"operatorId": "8002"}])
    place.write(FILE)
    return place


def journal(office: Workplace) -> Path:
    """The journal's file."""
    return office.books / "journal.jsonl"


def ledger(office: Workplace) -> Path:
    """The ledger's file."""
    return office.books / "ledger.json"


def status(office: Workplace) -> tuple[str, Any]:
    """What `status` says, as text and as JSON; it ends with 0 and complains of nothing."""
    text, document = office.run("status"), office.run("status", "--format", "json")
    assert (text.code, text.err, document.code, document.err) == (0, "", 0, "")
    return text.out, document.json


def outcomes(document: Any) -> dict[tuple[str, str], str]:
    """How each call ended."""
    return {(call["call"], id_): call["outcome"] for call in document["calls"] for id_ in call["operatorIds"]}


ALL_DONE = {
    ("edit", "8001"): "done",
    ("edit", "8002"): "done",
    ("password", "8002"): "done",
    ("create", "8003"): "done",
}


def test_before_the_first_run(office: Workplace) -> None:
    """No run yet is no error, and needs no vendor."""
    office.endpoint = "http://127.0.0.1:1"
    text, document = status(office)
    assert "There is no run yet" in text
    assert document == {"run": None}


def test_after_a_run_that_did_everything(office: Workplace) -> None:
    """Every call, that it was done, where the credentials are, and that there is nothing to do."""
    assert office.run("apply", "-y").code == 0
    text, document = status(office)
    assert "4 calls planned; 4 done." in text
    assert "Nothing to do." in text
    assert "!" not in text
    assert outcomes(document) == ALL_DONE
    run = document["run"]
    assert (run["company"], run["planned"], run["ended"], run["recovered"]) == ("acme", 4, "done", True)
    assert (office.folder / run["credentials"]).is_file()


def test_after_a_run_of_which_a_part_failed(office: Workplace, box: Box) -> None:
    """What failed stands there with the vendor's words, and what to do; after the next run nothing does."""
    box.faults([{"endpoint": "edit/v2", "operatorId": "8001", "fault": "refuse", "msg": "坐席通话中"}])
    assert office.run("apply", "-y").code == 4
    text, document = status(office)
    assert "4 calls planned; 3 done, 1 refused." in text
    assert "! refused  edit 8001  the vendor refused: 坐席通话中" in text
    assert "Run apply again" in text
    assert outcomes(document) == {**ALL_DONE, ("edit", "8001"): "refused"}
    assert document["run"]["ended"] == "in part"
    box.faults([])
    assert office.run("apply", "-y").code == 0
    text, document = status(office)
    assert "1 call planned; 1 done." in text
    assert outcomes(document) == {("edit", "8001"): "done"}


@pytest.mark.exhaustive(0)
def test_after_an_interrupt(office: Workplace, box: Box) -> None:
    """Interrupted: what was done, what was not begun, and that apply goes on from there."""
    box.faults([{"endpoint": "writes", "fault": "slow", "seconds": 0.3}])
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "-y", "--parallelism", "1"],
        cwd=office.folder, env=office.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        while not box.store.history():
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    box.faults([])
    text, document = status(office)
    assert document["run"]["ended"] == "interrupted"
    assert 1 <= len(document["calls"]) < 4
    assert set(outcomes(document).values()) == {"done"}
    assert ": interrupted" in text
    assert "Run apply again" in text
    assert office.run("apply", "-y").code == 0
    assert office.run("plan", "--detailed-exitcode").code == 0


def cut_after(office: Workplace, mark: bytes, more: bytes = b"") -> None:
    """The journal as a kill leaves it: nothing beyond the first line that holds `mark`, and then `more`."""
    lines = journal(office).read_bytes().splitlines(keepends=True)
    last = next(number for number, line in enumerate(lines) if mark in line)
    journal(office).write_bytes(b"".join(lines[: last + 1]) + more)


def killed(office: Workplace, box: Box, mark: bytes, more: bytes = b"") -> None:
    """A run that did everything, its books taken back to where they were when it was killed."""
    assert office.run("apply", "-y").code == 0
    cut_after(office, mark, more)
    serial = json.loads(journal(office).read_bytes().splitlines()[0])["serial"]
    ledger(office).write_text(json.dumps({**office.ledger, "serial": serial, "agents": {}}))


TORN = {
    "whole": b"",
    "half an outcome": b'{"n": 1, "operatorIds": ["80',
    "half an intent": b'{"n": 4, "intent": "create", "operatorIds": ["8009"], "fie',
    "nothing but zeros": b"\0" * 400,
    "no text": b'{"n": 1, "outcome": "\xff\xfe',
}


@pytest.mark.parametrize("torn", TORN.values(), ids=TORN)
def test_after_a_kill(office: Workplace, box: Box, torn: bytes) -> None:
    """Killed in the middle of a call, whatever was torn: it counts as unknown, and the next apply looks and goes on."""
    killed(office, box, b'"create"', torn)
    before = len(box.store.history())
    text, document = status(office)
    assert "it did not end by itself" in text
    assert "unknown" in text
    assert "looks up what is unknown" in text
    assert document["run"]["ended"] == ""
    assert outcomes(document)["create", "8003"] == "unknown"
    planned = office.run("plan")
    assert "the last run left 8003 open: it was created" in planned.err
    ran = office.run("apply", "-y")
    assert ran.code == 0
    assert "the last run left 8003 open: it was created" in ran.err
    assert not [written for written in box.store.history()[before:] if written.endpoint == "create/v2"]
    assert office.run("plan", "--detailed-exitcode").code == 0
    lines = [line for line in office.credentials if line["operatorId"] == "8003"]
    assert lines[-1]["sipPassword"] == box.store.agents()["8003"]["sipPassword"]


def test_a_kill_before_the_first_call(office: Workplace, box: Box) -> None:
    """Nothing was sent: `status` says that, and nothing has to be looked up."""
    killed(office, box, b'"format"')
    text, document = status(office)
    assert "nothing was sent" in text
    assert document["calls"] == []


def test_a_journal_that_is_cut_anywhere(office: Workplace) -> None:
    """Cut at each byte after its first line it can be read; a call that was noted is there, and nothing is invented."""
    assert office.run("apply", "-y").code == 0
    whole = journal(office).read_bytes()
    lines = whole.splitlines(keepends=True)
    path = office.folder / "cut.jsonl"
    known = 0
    for end in range(whole.index(b"\n") + 1, len(whole) + 1):
        path.write_bytes(whole[:end])
        run = last_run(path)
        assert run is not None
        noted = [line for line in whole[: end + 1].splitlines(keepends=True) if line in lines]
        ended = sum(b'"outcome"' in line for line in noted)
        assert len(run.calls) == sum(b'"intent"' in line for line in noted)
        assert sum(kept.settled for kept in run.calls) == ended
        assert run.ended in ("", "done")
        known = max(known, ended)
    assert known == 4


def test_after_a_recovery(office: Workplace, box: Box) -> None:
    """Once an apply has looked up what was unknown, `status` no longer sends anybody to do that."""
    killed(office, box, b'"create"')
    (office.folder / "agents.yaml").write_text(
        FILE.replace(", password: {generate: true, version: 3}, roleName: 客服", "")
    )
    assert office.run("apply", "-y").code == 0
    text, document = status(office)
    assert document["run"]["recovered"] is True
    assert "unknown" not in text
    assert "looks up" not in text


def test_nothing_is_left_to_do_after_a_recovery(office: Workplace, box: Box) -> None:
    """Killed when everything was done: the next apply tells the ledger, and then there is nothing to do."""
    office.write(HEAD + '  - {operatorId: "8001", name: new}\n  - {operatorId: "8002"}\n')
    killed(office, box, b'"outcome"')
    assert office.run("apply", "-y").code == 0
    text, _ = status(office)
    assert "Nothing to do." in text


def test_what_was_found_not_done_is_not_called_done(office: Workplace, box: Box) -> None:
    """A create that was never carried out, was looked up, and then not approved again, is not `done`."""
    office.write(HEAD + "".join(f'  - {{operatorId: "{n}"}}\n' for n in (8001, 8002, 8003)))
    killed(office, box, b'"create"')
    box.store.remove("8003")
    assert office.run("apply").code == 3
    text, document = status(office)
    assert document["run"]["recovered"] is True
    assert "8003" not in box.store.agents()
    assert "1 done" not in text


# The ledger.


def test_what_is_recorded(office: Workplace) -> None:
    """`ledger show` tells versions and what is never listed, as text and JSON, and needs no vendor."""
    assert office.run("apply", "-y").code == 0
    nobody = {"RECONCILER_ENDPOINT": ""}
    text, document = (office.run("ledger", "show", "--format", form, env=nobody) for form in ("text", "json"))
    assert (text.code, document.code) == (0, 0)
    assert "8002  password version 3, roleName 客服" in text.out
    assert "8003  created by apply" in text.out
    assert document.json["agents"]["8002"] == {"passwordVersion": 3, "given": {"roleName": "客服"}}
    assert (document.json["company"], document.json["lock"]) == ("acme", None)
    assert document.json["serial"] == office.ledger["serial"]


DOUBTED = {"8001": "author", "8002": "password", "8003": "untold", "8004": "untold"}


def doubt(office: Workplace) -> None:
    """A ledger of which an agent may be somebody else's, one has a doubtful password, and two are not told of yet."""
    assert office.run("apply", "-y").code == 0
    book = office.ledger
    book["agents"] |= {"8001": {"inDoubt": "author"}, "8002": {"inDoubt": "password"}}
    ledger(office).write_text(json.dumps({**book, "untold": {"8001": "author", "8003": "author", "8004": "anew"}}))


@pytest.mark.parametrize("command", [("ledger", "show"), ("status",)], ids=["ledger show", "status"])
def test_who_is_in_doubt(office: Workplace, command: tuple[str, ...]) -> None:
    """`ledger show` and `status` name who is in doubt, in what, and how to end it, as text and JSON, each once."""
    doubt(office)
    text, document = office.run(*command), office.run(*command, "--format", "json")
    assert (text.code, text.err, document.code) == (0, "", 0)
    said = [line for line in text.out.splitlines() if line.startswith("! in doubt")]
    ended = ("look into the console first", "raise password.version", "the next apply", "the next apply")
    for line, operator_id, how in zip(said, DOUBTED, ended, strict=True):
        assert line.startswith(f"! in doubt  {operator_id}  ")
        assert how in line
        assert "reconciler ledger adopt ID" in line
    assert {each["operatorId"]: each["about"] for each in document.json["inDoubt"]} == DOUBTED
    assert [f"! in doubt  {each['operatorId']}  {each['message']}" for each in document.json["inDoubt"]] == said
    assert "Nothing to do." not in text.out


def test_the_doubts_are_told_until_they_are_ended(office: Workplace) -> None:
    """Each agent's own line tells its doubt; whom `ledger adopt` names is no longer told of."""
    doubt(office)
    shown = office.run("ledger", "show")
    assert "8001  in doubt who made it" in shown.out
    assert "8002  its password in doubt" in shown.out
    assert office.run("ledger", "show", "--format", "json").json["agents"]["8001"]["inDoubt"] == "author"
    assert office.run("ledger", "adopt", *DOUBTED).code == 0
    assert "in doubt" not in office.run("ledger", "show").out
    text, document = status(office)
    assert "Nothing to do." in text
    assert "inDoubt" not in document


def test_a_doubt_about_whom_nobody_has_can_be_ended(office: Workplace) -> None:
    """An agent that is gone and in no file stays named until `ledger adopt` names it; one that a replace left is so."""
    assert office.run("apply", "-y").code == 0
    book = office.ledger
    book["agents"] |= {"8008": {"inDoubt": "author"}, "8009": {"inDoubt": "author", "owed": {"name": "old"}}}
    ledger(office).write_text(json.dumps(book))
    assert office.run("apply", "-y").code == 0
    first, second = status(office)[1]["inDoubt"]
    assert (first["operatorId"], second["operatorId"]) == ("8008", "8009")
    assert "deleted to be made anew" not in first["message"]
    assert "deleted to be made anew" in second["message"]
    assert office.run("ledger", "adopt", "8008", "8009").code == 0
    assert "inDoubt" not in status(office)[1]


def test_status_with_a_ledger_that_cannot_be_read(office: Workplace) -> None:
    """What the journal knows is told all the same; that nobody can say who is in doubt is told on stderr."""
    assert office.run("apply", "-y").code == 0
    ledger(office).write_bytes(b"{")
    ran = office.run("status")
    assert (ran.code, "4 calls planned; 4 done" in ran.out) == (0, True)
    assert "who is in doubt cannot be told: the ledger" in ran.err


def test_a_ledger_that_is_lost(office: Workplace, box: Box) -> None:
    """What it knew is not recorded: plan says so, and nothing that is listed is planned anew."""
    assert office.run("apply", "-y").code == 0
    assert office.run("plan", "--detailed-exitcode").code == 0
    ledger(office).unlink()
    ran = office.run("plan", "--detailed-exitcode")
    assert ran.code == 2
    assert "password.version  not recorded → version 3" in ran.out
    assert "not recorded → 客服" in ran.out
    document = office.run("plan", "--format", "json").json
    assert {action["operatorId"] for action in document["actions"]} == {"8002"}
    assert all(change["before_known"] is False for action in document["actions"] for change in action["changes"])
    before = len(box.store.history())
    assert office.run("apply", "-y").code == 0
    sent = [(written.endpoint, written.operator_ids) for written in box.store.history()[before:]]
    assert sorted(sent) == [("edit/v2", ["8002"]), ("editPwd", ["8002"])]
    assert office.run("plan", "--detailed-exitcode").code == 0


def test_adopt_sends_nothing(office: Workplace, box: Box) -> None:
    """`ledger adopt` records what the file says of live agents; the vendor hears of nothing; the plan is content."""
    box.store.reset([{"operatorId": "8001", "name": "new"}, {"operatorId": "8002"}])
    assert "not recorded" in office.run("plan").out
    ran = office.run("ledger", "adopt")
    assert (ran.code, ran.out) == (0, "Recorded 1 agent as the file has them; nothing was sent.\n")
    assert box.store.history() == []
    planned = office.run("plan", "--format", "json")
    assert "not recorded" not in office.run("plan").out
    assert [(action["action"], action["operatorId"]) for action in planned.json["actions"]] == [("create", "8003")]
    assert set(office.ledger["agents"]) == {"8002"}
    assert not office.credentials


def test_adopt_does_not_forget_a_run_that_was_killed(office: Workplace, box: Box) -> None:
    """Killed between the two halves of a replace, then adopt of another: what the agent had is still given back."""
    box.store.reset([{"operatorId": "8001", "judge": 1, "sipNumber": "60007", "ttscontent": "您好"}])
    office.write(HEAD + '  - {operatorId: "8001", judge: false}\n')
    assert office.run("apply", "-y", "--allow-replace").code == 0
    cut_after(office, b'"outcome"')
    serial = json.loads(journal(office).read_bytes().splitlines()[0])["serial"]
    ledger(office).write_text(json.dumps({**office.ledger, "serial": serial, "agents": {}}))
    box.store.remove("8001")
    assert office.run("ledger", "adopt", "9*").code == 0
    assert office.run("apply", "-y").code == 0
    made = box.store.agents()["8001"]
    assert (made["sipNumber"], made["ttscontent"]) == ("60007", "您好")


def test_adopt_takes_patterns(office: Workplace, box: Box) -> None:
    """Only the agents that are named are recorded, and those who are not live never."""
    office.write(HEAD + "".join(f'  - {{operatorId: "{n}", roleName: r}}\n' for n in (8001, 8002, 8003, 9001)))
    box.store.reset([{"operatorId": id_} for id_ in ("8001", "8002", "9001")])
    assert office.run("ledger", "adopt", "9*", "8002", "8003").code == 0
    assert set(office.ledger["agents"]) == {"8002", "9001"}
    assert office.run("ledger", "adopt").code == 0
    assert set(office.ledger["agents"]) == {"8001", "8002", "9001"}
    assert box.store.history() == []


def test_a_lock_that_is_held(office: Workplace, box: Box) -> None:
    """Who comes second is refused and told by whom; `ledger show` tells it too; a local lock is never removed."""
    store = LocalStore(ledger(office))
    with store.lock():
        holder = store.holder()
        assert holder is not None
        for command in (("apply", "-y"), ("ledger", "adopt")):
            ran = office.run(*command)
            assert ran.code == 3
            assert f"is locked by {holder.who}" in ran.err
        assert f"locked by {holder.who}" in office.run("ledger", "show").out
        assert office.run("ledger", "show", "--format", "json").json["lock"]["id"] == holder.id
        ran = office.run("ledger", "unlock", "--id", holder.id)
        assert ran.code == 1
        assert "is at work" in ran.err
        assert office.run("plan").code == 0
    assert box.store.history() == []
    ran = office.run("ledger", "unlock", "--id", holder.id)
    assert ran.code == 1
    assert "is not locked" in ran.err
    assert office.run("apply", "-y").code == 0


def refused(office: Workplace, *arguments: str) -> Ran:
    """A command that ends with 1, says `damaged` and what to do, in text and JSON."""
    ran = office.run(*arguments)
    assert ran.code == 1
    assert "is damaged" in ran.err
    _, hint = ran.err.strip().split("\n", 1)
    assert "move it away" in hint or "move the journal away" in hint
    return ran


DAMAGED: dict[str, Callable[[Any], object]] = {
    "a list": lambda _: [],
    "another format": lambda book: {**book, "format": "other/1"},
    "a serial that is text": lambda book: {**book, "serial": "7"},
    "agents that are a list": lambda book: {**book, "agents": []},
    "an entry that is text": lambda book: {**book, "agents": {"8001": "x"}},
    "a version that is text": lambda book: {**book, "agents": {"8001": {"passwordVersion": "1"}}},
    "no lineage": lambda book: {key: value for key, value in book.items() if key != "lineage"},
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_ledger(tmp_path: Path, damage: Callable[[Any], object]) -> None:
    """A ledger that is not one is never taken for an empty one."""
    store = LocalStore(tmp_path / "ledger.json")
    book = Ledger(store, Company("acme"), {"8001": LedgerEntry(1)})
    book.save("run")
    assert load_ledger(store, book.company).entries == book.entries
    store.write(json.dumps(damage(json.loads(store.path.read_bytes()))).encode())
    with pytest.raises(ReconcilerError, match="is damaged") as caught:
        load_ledger(LocalStore(store.path), book.company)
    assert "move it away" in caught.value.hint


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe"], ids=["torn", "no text"])
def test_every_command_refuses_a_damaged_ledger(office: Workplace, box: Box, data: bytes) -> None:
    """Every command that needs it says so, in text and JSON; it is left as it is, and nothing is sent."""
    assert office.run("ledger", "adopt").code == 0
    ledger(office).write_bytes(data)
    for command in (("ledger", "show"), ("apply", "-y"), ("ledger", "adopt")):
        refused(office, *command)
    document = office.run("plan", "--format", "json").json
    assert document["exit_code"] == 1
    assert document["error"]["hint"]
    assert ledger(office).read_bytes() == data
    assert box.store.history() == []


@pytest.mark.parametrize("data", [b"", b"null", b"\0" * 100, b"[" * 100_000], ids=["empty", "null", "zeros", "deep"])
def test_a_ledger_that_is_no_json(tmp_path: Path, data: bytes) -> None:
    """Bytes that are nothing at all are no empty ledger either."""
    path = tmp_path / "ledger.json"
    path.write_bytes(data)
    with pytest.raises(ReconcilerError, match="is damaged"):
        load_ledger(LocalStore(path), Company("acme"))


GOOD = {"format": FORMAT, "run": "a", "started": "s", "company": "acme", "planned": 1, "credentials": "c"}
WHOLE = json.dumps({**GOOD, "lineage": "l", "serial": 1}).encode() + b"\n"
OLD = WHOLE.replace(FORMAT.encode(), b"reconciler.journal/1")
BAD = {
    "no journal": b"once upon a time\n",
    "a torn first line": WHOLE[: len(WHOLE) // 2],
    "no checksum": WHOLE,
    "another format": WHOLE.replace(b"journal/1", b"journal/0"),
    "a missing key": OLD.replace(b"lineage", b"line"),
    "a list": b"[]\n",
    "an outcome of no call": OLD + b'{"n": 3, "operatorIds": [], "outcome": "done", "message": ""}\n',
    "a line of another kind": OLD + b'{"hello": 1}\n',
    "an intent without ids": OLD + b'{"n": 0, "intent": "edit"}\n',
    "no text": b"\xff\xfe\n",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_a_damaged_journal(tmp_path: Path, data: bytes) -> None:
    """A journal that cannot be trusted is refused with a hint."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(data)
    with pytest.raises(ReconcilerError, match="is damaged") as caught:
        last_run(path)
    assert "move the journal away" in caught.value.hint


def test_a_journal_that_is_too_deep(tmp_path: Path) -> None:
    """Nor is a journal that no parser can follow an unexpected error."""
    (tmp_path / "journal.jsonl").write_bytes(b"[" * 100_000)
    with pytest.raises(ReconcilerError, match="is damaged"):
        last_run(tmp_path / "journal.jsonl")


def test_every_command_refuses_a_damaged_journal(office: Workplace, box: Box) -> None:
    """It stops status, plan and apply, is left as it is, and nothing is sent; moved away, apply goes on."""
    assert office.run("ledger", "adopt").code == 0
    journal(office).write_bytes(BAD["a torn first line"])
    for command in (("status",), ("apply", "-y"), ("plan",)):
        refused(office, *command)
    assert journal(office).read_bytes() == BAD["a torn first line"]
    assert box.store.history() == []
    journal(office).unlink()
    assert office.run("apply", "-y").code == 0


def test_a_ledger_of_another_company(office: Workplace, box: Box) -> None:
    """One ledger a company: another's is refused with a hint, and nothing is sent."""
    assert office.run("ledger", "adopt").code == 0
    ledger(office).write_text(json.dumps({**office.ledger, "company": "other"}))
    ran = office.run("apply", "-y")
    assert ran.code == 3
    assert "belongs to company other" in ran.err
    assert "--ledger" in ran.err
    assert "ledger rebind" in ran.err
    assert box.store.history() == []


def test_a_journal_that_cannot_be_read(office: Workplace) -> None:
    """A folder in its place is no run, and is not taken for one."""
    office.books.mkdir(parents=True)
    journal(office).mkdir()
    ran = office.run("status")
    assert ran.code == 1
    assert "cannot be read" in ran.err
    with pytest.raises(ReconcilerError):
        last_run(journal(office))
