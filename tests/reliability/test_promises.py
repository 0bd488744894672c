"""Promises of an apply that nothing else shows so directly; `python -m tests.mutants` breaks each of them once."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from reconciler.apply.channel import CallChannel
from reconciler.apply.settle import settle
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import text
from reconciler.core.model.outcome import Event, Intent
from reconciler.core.model.plan import Call
from reconciler.core.model.report import Report
from reconciler.core.model.secret import Secret
from reconciler.core.recovery import entry_after, recover
from reconciler.errors import LedgerConflict, LockHeld
from reconciler.ledger.journal import Journal, RunRecord, last_run
from reconciler.ledger.on_disk import LocalStore
from reconciler.sandbox.server import Box
from reconciler.vendor.answer import Lost, Ok, Outcome, Refused
from reconciler.vendor.http import Transport
from reconciler.vendor.reader import LookedUp
from reconciler.vendor.retry import Budget
from tests.core.build import live, live_agent
from tests.reliability.mixed import Applier, assert_converged, assert_credentials_are_true, begin

KINDS = ("create", "edit", "delete", "password")


# What is on disk, and when.


@dataclass(slots=True)
class Disk:
    """What a power cut would leave of a folder's files, and which requests were sent without being noted there."""

    folder: Path
    contents: dict[str, bytes] = field(default_factory=dict)
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    unnoted: list[str] = field(default_factory=list)

    def sync(self, handle: int) -> None:
        """A file is synced: what it holds now is what is left of it."""
        for path in self.folder.iterdir():
            if path.is_file() and os.path.samestat(path.stat(), os.fstat(handle)):
                self.contents[path.name] = path.read_bytes()

    def send(self, kind: str, body: Mapping[str, Any]) -> None:
        """A request leaves: its intent must be there, one for each time, and its password."""
        first, size = body.get("operatorId", "0"), body.get("batchSize", 1)
        ids = body.get("operatorIds") or [str(int(first) + step) for step in range(size)]
        intents = Counter(
            (line["intent"], id_)
            for line in self._lines("journal.jsonl") if "intent" in line
            for id_ in line["operatorIds"]
        )  # fmt: skip
        for id_ in ids:
            self.sent[kind, id_] += 1
            if intents[kind, id_] < self.sent[kind, id_]:
                self.unnoted.append(f"{kind} of {id_}: no intent")
        if "password" in body:
            self.unnoted += [
                f"{kind} of {id_}: no password" for id_ in ids if body["password"] not in self._passwords(id_)
            ]

    def _passwords(self, operator_id: str) -> Iterator[str]:
        for line in self._lines("credentials-001.jsonl"):
            if line["operatorId"] == operator_id:
                yield line["password"]
                yield hashlib.md5(line["password"].encode()).hexdigest()

    def _lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.contents.get(name, b"").splitlines()]


def test_the_books_come_before_the_call(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever a write leaves, its intent and its password would survive a power cut."""
    applier = begin(tmp_path, box)
    disk = Disk(applier.books)
    fsync, send = os.fsync, Transport.send

    def synced(handle: int) -> None:
        fsync(handle)
        disk.sync(handle)

    def sent(transport: Transport, name: Any, body: Mapping[str, Any]) -> Outcome:
        if name in KINDS:
            disk.send(name, body)
        return send(transport, name, body)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Transport, "send", sent)
    applier.apply()
    assert sum(disk.sent.values()) >= 14
    assert disk.unnoted == []


def test_a_torn_journal_is_read(tmp_path: Path) -> None:
    """A line that a kill cut off counts as not written; what stands before it and after it is read."""
    path = tmp_path / "journal.jsonl"
    call = Call("delete", ("8001",), (0,))
    with closing(Journal(path)) as journal:
        journal.begin(RunRecord("run", "2026-11-22T10:00:00Z", "acme", 2, "credentials", "lineage", 1))
        journal.record_outcome(journal.record_intent(Intent.of(call)), Event(call, "done"))
    with path.open("ab") as stream:
        stream.write(b'{"n": 1, "intent": "del')
    run = last_run(path)
    assert run is not None
    assert [kept.intent.outcome for kept in run.calls] == ["done"]
    with closing(Journal(path)) as journal:
        journal.resume()
        journal.record_saved(2, settled=True)
    run = last_run(path)
    assert run is not None
    assert (len(run.calls), run.serial, run.recovered) == (1, 2, True)


def test_a_refused_call_is_planned_again(box: Box, tmp_path: Path) -> None:
    """The ledger says nothing of calls that were refused, and the next run does them."""
    applier = begin(tmp_path, box)
    before = applier.left()
    box.faults([{"endpoint": "writes", "fault": "refuse"}])
    ended = applier.apply()
    box.faults([])
    assert isinstance(ended, Report)
    assert ended.exit_code == 1
    assert json.loads((applier.books / "ledger.json").read_bytes())["agents"] == {}
    assert applier.left() == before
    applier.apply()
    assert_converged(applier)


def test_a_ledger_that_changed_is_not_overwritten(tmp_path: Path) -> None:
    """Who read a ledger and writes it over another one is told so, and the other stays."""
    path = tmp_path / "ledger.json"
    mine, theirs = LocalStore(path), LocalStore(path)
    mine.write(b"1")
    theirs.read()
    theirs.write(b"2")
    with pytest.raises(LedgerConflict):
        mine.write(b"3")
    assert path.read_bytes() == b"2"


def test_who_may_take_any_number_waits_for_all_that_move(box: Box, tmp_path: Path) -> None:
    """A create that leaves its number to the vendor begins when every call that frees or binds one is over."""
    applier = begin(tmp_path, box)
    applier.apply()
    run = [json.loads(line) for line in (applier.books / "journal.jsonl").read_bytes().splitlines()]
    created = {at: line["operatorIds"] for at, line in enumerate(run) if line.get("intent") == "create"}
    choosing = [at for at, ids in created.items() if ids in (["8010"], ["8011"], ["8013"], ["8015", "8016", "8017"])]
    moving = {line["n"] for line in run if line.get("intent") == "edit" and "sipNumber" in line["fields"]}
    moving |= {line["n"] for line in run if line.get("intent") == "delete"}
    over = [at for at, line in enumerate(run) if "outcome" in line and line["n"] in moving]
    assert len(over) >= 6
    assert len(choosing) == 4
    assert min(choosing) > max(over)


# Two appliers.


def test_a_held_lock_is_held(tmp_path: Path) -> None:
    """Whoever comes second is refused and told by whom; afterwards the lock is free."""
    path = tmp_path / "ledger.json"
    with LocalStore(path).lock():
        with pytest.raises(LockHeld) as refusal, LocalStore(path).lock():
            pass
        assert refusal.value.info is not None
        assert refusal.value.info.who.endswith(f":{os.getpid()}")
    with LocalStore(path).lock():
        pass


def test_a_left_lock_file_is_no_lock(tmp_path: Path) -> None:
    """What a killed applier leaves, here or on a machine that shares the disk, keeps nobody out."""
    path = tmp_path / "ledger.json"
    for name in ("ledger.json.lock", "ledger.json.holder"):
        (tmp_path / name).write_text("4242\nanother-host\n")
    with LocalStore(path).lock():
        assert LocalStore(path).holder()


# A call whose answer is lost.


@dataclass(slots=True)
class Scripted:
    """A vendor whose answers are written down; every request is, too. As Writer and as Reader it is the same."""

    answers: list[Outcome]
    looks: list[Outcome] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def create(self, operator_ids: tuple[str, ...], *_: object) -> Outcome:
        return self._next(f"create {' '.join(operator_ids)}")

    def edit(self, operator_id: str, *_: object) -> Outcome:
        return self._next(f"edit {operator_id}")

    def delete(self, operator_ids: tuple[str, ...]) -> Outcome:
        return self._next(f"delete {' '.join(operator_ids)}")

    def look_up(self, operator_id: str) -> Outcome:
        self.asked.append(f"look {operator_id}")
        return self.looks.pop(0)

    def _next(self, what: str) -> Outcome:
        self.asked.append(what)
        return self.answers.pop(0)


def settled(
    call: Call, vendor: Scripted, budget: Budget | None = None, *, stopped: bool = False
) -> list[tuple[tuple[str, ...], Outcome]]:
    """How a call ended, part by part, what was sent anew included; `stopped`: the run was told to stop meanwhile."""
    hand, stop = cast(Any, vendor), threading.Event()
    if stopped:
        stop.set()
    channel = CallChannel(hand, hand, {"8001": Secret("pw")}, budget or Budget(100), stop, lambda _seconds: None)
    ends, left = [], [call]
    while left:
        ended = settle(left.pop(0), channel)
        ends += [(part.operator_ids, outcome) for part, outcome in ended.over]
        left = [*ended.to_resend, *left]
    return ends


HERE = Ok(LookedUp(live_agent("8001", sipNumber="60001"), "60001", Secret("sip")))
GONE = Ok(None)


@pytest.mark.parametrize("unanswered", [Lost(text("no answer")), Refused(401, text("no"), authentication=True)])
def test_a_create_is_not_repeated_without_a_look(unanswered: Outcome) -> None:
    """Where the look-up has no answer either, a create stays lost, and is the next run's to find out about."""
    vendor = Scripted([Lost(text("no answer"))], [unanswered] * 2)
    ((_, outcome),) = settled(Call("create", ("8001",), (0,)), vendor)
    assert not isinstance(outcome, Ok)
    assert vendor.asked == ["create 8001", *["look 8001"] * (1 + isinstance(unanswered, Lost))]


@pytest.mark.parametrize("kind", ["create", "edit", "delete"])
def test_a_stopped_run_sends_no_more(kind: Literal["create", "edit", "delete"]) -> None:
    """Interrupted, what is in flight ends as it ends: nothing is looked up or sent again."""
    vendor = Scripted([Lost(text("no answer"))], [])
    ((_, outcome),) = settled(Call(kind, ("8001",), (0,)), vendor, stopped=True)
    assert isinstance(outcome, Lost)
    assert len(vendor.asked) == 1


def test_a_create_that_arrives_late_is_ours() -> None:
    """Repeated after a look that showed nobody, and refused because the first one arrived after all: it is done."""
    vendor = Scripted([Lost(text("no answer")), Refused(20005, text("in use"))], [GONE, HERE])
    ended = settled(Call("create", ("8001",), (0,)), vendor)
    done = Ok([{"operatorId": "8001", "sipNumber": "60001", "sipPassword": "sip"}])
    assert ended == [(("8001",), done)]
    assert vendor.asked == ["create 8001", "look 8001", "create 8001", "look 8001"]


def test_one_of_a_delete_list_is_gone_already() -> None:
    """A refused list is halved until who does not exist stands alone: that is done, and so are the others."""
    no = Refused(20004, text("no such agent"))
    vendor = Scripted([no, no, Ok(), Ok()], [GONE])
    ended = settled(Call("delete", ("8001", "8002", "8003"), (0, 1, 2)), vendor)
    assert ended == [(("8001",), Ok()), (("8002", "8003"), Ok())]
    vendor = Scripted([no, no, Ok()], [HERE])
    ended = settled(Call("delete", ("8001", "8002"), (0, 1)), vendor)
    assert ended == [(("8001",), no), (("8002",), Ok())]


def test_a_refused_look_up_is_made_sure_of(box: Box, tmp_path: Path) -> None:
    """Every create is carried out without an answer, and 2.1.4 always refused: the listing shows that they are ours."""
    applier = begin(tmp_path, box)
    box.faults([{"endpoint": "create/v2", "fault": "drop-after"}, {"endpoint": "one/v2", "fault": "refuse"}])
    ended = applier.apply()
    box.faults([])
    assert isinstance(ended, Report)
    assert ended.exit_code == 0, ended
    assert_converged(applier)


LOST_CREATE: list[dict[str, Any]] = [
    {"endpoint": "create/v2", "operatorId": "8011", "fault": "drop-after"},
    {"endpoint": "one/v2", "operatorId": "8011", "calls": [1, 2], "fault": "drop-before"},
]
"""A create that is carried out, without an answer, and whose look-up has none either."""


def test_a_create_that_the_read_back_shows_is_delivered(box: Box, tmp_path: Path) -> None:
    """The run itself finds the agent when it reads the listing again, and fetches its SIP password."""
    applier = begin(tmp_path, box)
    box.faults(LOST_CREATE)
    applier.apply()
    box.faults([])
    assert "8011" in box.store.agents()
    assert_credentials_are_true(applier)
    applier.apply()
    assert_converged(applier)


def test_a_create_that_no_read_back_showed_is_delivered_later(box: Box, tmp_path: Path) -> None:
    """Where that listing cannot be read, the next run finds the agent and fetches its SIP password."""
    applier = begin(tmp_path, box)
    box.faults([*LOST_CREATE, {"endpoint": "page", "calls": {"from": 2}, "fault": "refuse"}])
    applier.apply()
    box.faults([])
    applier.apply()
    assert_converged(applier)


def test_a_number_that_somebody_waits_for_is_not_given_away(box: Box, tmp_path: Path) -> None:
    """A swap that stands still half-way leaves a number free: creates that take any wait for the next run."""
    applier = begin(tmp_path, box)
    box.faults([{"endpoint": "edit/v2", "operatorId": "8002", "fault": "refuse"}])
    ended = applier.apply()
    box.faults([])
    assert "not tried: it could be given a SIP number that another agent waits for" in reasons(ended)
    assert not {"8010", "8011", "8013", "8015", "8016", "8017"} & box.store.agents().keys()
    applier.apply()
    assert_converged(applier)


def test_a_budget_ends() -> None:
    """A fifth of the planned calls may be repeated or looked up without an answer, and two in any case."""
    for planned, most in ((0, 2), (10, 2), (100, 20)):
        assert spent(Budget(planned), most + 1) == [True] * most + [False]
    vendor = Scripted([Lost(text("no answer"))] * 4, [Lost(text("no answer"))] * 3)
    budget = Budget(10)
    for _ in range(2):
        ((_, outcome),) = settled(Call("edit", ("8001",), (0,), {"name": "a"}), vendor, budget)
        assert isinstance(outcome, Lost)
    assert vendor.asked == ["edit 8001", "look 8001", "edit 8001", "edit 8001"]


def spent(budget: Budget, requests: int) -> list[bool]:
    """Which of so many requests without an answer may be sent, one after the other."""
    sent = []
    for _ in range(requests):
        sent.append(budget.take())
        if sent[-1]:
            budget.give_back(answered=False)
    return sent


def test_what_is_out_may_be_answered_yet() -> None:
    """With all that may be spent on its way, another request waits for an answer, and is sent when there is one."""
    budget = Budget(10)
    assert [budget.take(), budget.take()] == [True, True]
    with ThreadPoolExecutor() as threads:
        third, fourth = threads.submit(budget.take), threads.submit(budget.take)
        assert not wait([third, fourth], timeout=0.05).done
        budget.give_back(answered=True)
        assert [done.result() for done in wait([third, fourth], return_when=FIRST_COMPLETED).done] == [True]
        budget.give_back(answered=False)
        budget.give_back(answered=False)
        assert sorted([third.result(), fourth.result()]) == [False, True]


def reasons(ended: Report | str) -> set[str]:
    """Why actions were not done."""
    assert isinstance(ended, Report), ended
    return {result.message for result in ended.results}


def writes(applier: Applier) -> int:
    """How many writes the vendor was sent."""
    return sum(attempt.endpoint not in ("page", "one/v2") for attempt in applier.box.store.attempts())


def test_a_vendor_that_dies_is_left_alone(box: Box, tmp_path: Path) -> None:
    """When three calls in a row have no answer nothing new is sent; the next run goes on."""
    applier = begin(tmp_path, box)
    dead = {"fault": "drop-before"}
    box.faults([{"endpoint": "writes", "calls": {"from": 2}, **dead}, {"endpoint": "one/v2", **dead}])
    ended = applier.apply()
    box.faults([])
    assert "not tried: the vendor does not answer" in reasons(ended)
    applier.apply()
    applier.apply()
    assert_converged(applier)


def test_a_token_that_is_withdrawn_ends_the_run(box: Box, tmp_path: Path) -> None:
    """When a token that was good is refused, what is in flight ends and nothing new is sent."""
    applier = begin(tmp_path, box)
    box.faults([{"endpoint": "writes", "calls": {"from": 2}, "fault": "status", "status": 401}])
    ended = applier.apply()
    box.faults([])
    assert "not tried: the vendor no longer accepts the token" in reasons(ended)
    assert writes(applier) <= 6
    applier.apply()
    assert_converged(applier)


# What the next run makes of what the last one left.


def test_what_is_lost_is_looked_up() -> None:
    """The listing decides about a delete that the journal calls lost."""
    lost = Intent("delete", ("8001",), {}, None, "lost")
    known = {"8001": LedgerEntry(1)}
    assert recover([lost], live(live_agent("8001")), known)[0] == known
    assert recover([lost], live(), known)[0] == {"8001": None}


def test_a_create_not_seen_may_still_come() -> None:
    """An agent that is not listed after its create was given up is marked, so that its password is set anew."""
    entries, _ = recover([Intent("create", ("8001",), {}, 1, "lost")], live(), {})
    assert entries == {"8001": LedgerEntry(password_unknown=True, awaited={})}


def test_a_password_without_an_answer_is_not_recorded() -> None:
    """Neither the old version nor the new one is believed, and nobody knows which password it is."""
    entries, _ = recover(
        [Intent("password", ("8001",), {}, 2, "lost")], live(live_agent("8001")), {"8001": LedgerEntry(1)}
    )
    assert entries == {"8001": LedgerEntry(None, in_doubt="password")}


def test_a_role_without_an_answer_is_not_recorded() -> None:
    """Nor is a value that is never listed, the recorded one included."""
    known = {"8001": LedgerEntry(1, {"roleName": "old", "bindSkillName": "s"})}
    entries, _ = recover([Intent("edit", ("8001",), {"roleName": "new"}, None)], live(live_agent("8001")), known)
    assert entries == {"8001": LedgerEntry(1, {"bindSkillName": "s"})}


def test_a_replace_cut_in_two_owes() -> None:
    """After the delete that begins a replace the ledger says what the agent had, until our new one has got it back."""
    to_restore = {"sipNumber": "60001", "roleName": "old"}
    after = entry_after(
        LedgerEntry(1, {"roleName": "old"}), Intent("delete", ("8001",), {}, None, to_restore=to_restore)
    )
    assert after == LedgerEntry(to_restore=to_restore, in_doubt="author")
