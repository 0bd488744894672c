"""Anything in any order: edits of the file, drift, applies that go well, go wrong, are cut off or meet another."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from reconciler.apply.channel import CallChannel, Settled
from reconciler.apply.settle import settle
from reconciler.core.model.outcome import Event
from reconciler.core.model.plan import Call
from reconciler.core.model.report import Report
from reconciler.sandbox.server import Box, running
from reconciler.vendor.answer import Lost
from tests.fuzz import examples
from tests.process import TOKEN
from tests.reliability.mixed import Applier, known_credentials

HEAD: dict[str, Any] = {
    "version": 1,
    "company": {"abbreviate": "acme", "companyId": 4242},
    "guardrails": {"maxDeletes": "100%"},
    "scope": {"operatorId": ["8*"]},
    "protect": ["89*"],
}
ALWAYS = "8001"
"""Stays in the file: a file without agents deletes nobody."""
WITH_SIP = ("8001", "8002", "8003")
"""Whose SIP number the file manages; the others are given one by the vendor."""
WITH_PASSWORD: dict[str, dict[str, Any]] = {"8001": {"env": "AGENT_GIVEN"}, "8004": {"generate": True}}
WANTED = (*WITH_SIP, "8004", "8005")
UNTOUCHABLE = ("8900", "9001")
"""Protected and not in the file; out of scope."""
NUMBERS = (None, "60901", "60902", "60903")
ENDPOINTS = ("create/v2", "edit/v2", "del/v2", "editPwd", "one/v2", "page", "writes", "*")
FAULTS = (
    "drop-before", "drop-after", "reset-after", "429", "5xx-before", "5xx-after", "envelope-5xx-after", "html",
    "html-after", "truncated", "cut", "refuse",
)  # fmt: skip

calls = st.one_of(st.integers(1, 6).map(lambda n: [n]), st.integers(1, 4).map(lambda n: {"from": n}))
faults = st.builds(
    lambda endpoint, fault, when: {"endpoint": endpoint, "fault": fault, "calls": when},
    st.sampled_from(ENDPOINTS),
    st.sampled_from(FAULTS),
    calls,
)
names = st.sampled_from(("甲", "乙", "丙"))


class Crash(BaseException):
    """The process is gone."""


class Machine(RuleBasedStateMachine):
    """One vendor, one folder, and what they must have in common in the end."""

    box: Box

    def __init__(self) -> None:
        super().__init__()
        box = self.box
        box.faults([])
        box.store.reset([{"operatorId": id_, "sipNumber": f"6000{n}"} for n, id_ in enumerate(UNTOUCHABLE, 1)])
        self.untouched = self._untouchable()
        self.applier = Applier(Path(tempfile.mkdtemp(prefix="reconciler-")), box, timeout=10)
        self.file: dict[str, dict[str, Any]] = {ALWAYS: {"name": "甲", "sipNumber": "60901"}}
        self.versions = dict.fromkeys(WITH_PASSWORD, 1)
        self.foreign: set[str] = set()
        self.notes: dict[str, str] = {}
        self._seen = 0
        self._unseen: set[str] = set()
        self._write()

    def _write(self) -> None:
        agents = []
        for id_, fields in sorted(self.file.items()):
            source = WITH_PASSWORD.get(id_)
            password = {"password": {**source, "version": self.versions[id_]}} if source else {}
            agents.append({"operatorId": id_, **fields, **password})
        self.applier.file.write_text(json.dumps({**HEAD, "agents": agents}), encoding="utf-8")

    def _untouchable(self) -> dict[str, dict[str, Any]]:
        return {id_: agent for id_, agent in self.box.store.agents().items() if id_ in UNTOUCHABLE}

    # The file.

    @rule(id_=st.sampled_from(WANTED[1:]), name=names)
    def join(self, id_: str, name: str) -> None:
        """Somebody new, or the same with another name."""
        sip = {"sipNumber": None} if id_ in WITH_SIP else {}
        self.file[id_] = {**sip, **self.file.get(id_, {}), "name": name}
        self._write()

    @rule(id_=st.sampled_from(WANTED[1:]))
    def leave(self, id_: str) -> None:
        """Somebody is to go."""
        self.file.pop(id_, None)
        self.notes.pop(id_, None)
        self._write()

    @rule(data=st.data(), change=st.sampled_from(({"email": "a@x"}, {"email": "b@x"}, {"roleName": "客服"})))
    def change(self, data: st.DataObject, change: dict[str, str]) -> None:
        """Something that only a replace can do, or that is never listed."""
        self.file[data.draw(st.sampled_from(sorted(self.file)))] |= change
        self._write()

    @rule(data=st.data(), number=st.sampled_from(NUMBERS))
    def number(self, data: st.DataObject, number: str | None) -> None:
        """Another SIP number; who had it in the file takes the one that is given up."""
        id_ = data.draw(st.sampled_from(sorted(set(WITH_SIP) & set(self.file))))
        for other in self.file.values():
            if number and other.get("sipNumber") == number:
                other["sipNumber"] = self.file[id_]["sipNumber"]
        self.file[id_]["sipNumber"] = number
        self._write()

    @rule(id_=st.sampled_from(sorted(WITH_PASSWORD)))
    def bump(self, id_: str) -> None:
        """A new password."""
        self.versions[id_] += 1
        self._write()

    # The console.

    @rule(id_=st.sampled_from(("8004", "8005", "8006")), name=names)
    def drift(self, id_: str, name: str) -> None:
        """Somebody is renamed in the console, or made there."""
        if id_ not in self.box.store.agents():
            self.foreign.add(id_)
            self.notes.pop(id_, None)
        self.box.store.put(id_, name=name)

    @rule(id_=st.sampled_from(WANTED), text=names)
    def note(self, id_: str, text: str) -> None:
        """Somebody gets what the file does not manage, and keeps it."""
        if id_ in self.box.store.agents() and id_ in self.file:
            self.box.store.put(id_, ttscontent=text)
            self.notes[id_] = text

    @rule(id_=st.sampled_from(WANTED))
    def vanish(self, id_: str) -> None:
        """Somebody is deleted in the console."""
        if id_ in self.box.store.agents():
            self.box.store.remove(id_)
            self.foreign.discard(id_)
            self.notes.pop(id_, None)

    @rule(id_=st.sampled_from(WANTED))
    def another_password(self, id_: str) -> None:
        """Somebody's password is changed in the console."""
        if id_ in self.box.store.agents():
            self.box.store.put(id_, password="from the console")
            self.foreign.add(id_)

    # Apply.

    @rule()
    def apply(self) -> None:
        """All goes well."""
        self._apply()

    @rule(faulty=st.lists(faults, min_size=1, max_size=2))
    def apply_with_faults(self, faulty: list[dict[str, Any]]) -> None:
        """Something goes wrong, once or from some call on."""
        self._apply(*faulty)

    @rule(endpoint=st.sampled_from(ENDPOINTS[:4]), when=calls)
    def apply_with_lost_answers(self, endpoint: str, when: Any) -> None:
        """What is asked is done, and the answers never come."""
        self._apply({"endpoint": endpoint, "fault": "drop-after", "calls": when})

    @rule(after=st.integers(1, 4), faulty=st.lists(faults, max_size=1))
    def apply_and_crash(self, after: int, faulty: list[dict[str, Any]]) -> None:
        """Nobody is there any more to hear the answers or to keep the books."""
        self.applier.ended = _at(after, _crash)
        self._apply(*faulty)

    @rule(after=st.integers(1, 3))
    def apply_and_stop(self, after: int) -> None:
        """Somebody interrupts it."""
        stop = threading.Event()
        self.applier.ended = _at(after, stop.set)
        self._apply(stop=stop)

    @rule()
    def apply_twice_at_once(self) -> None:
        """Another apply comes while one is at work, and is sent away."""
        other = Applier(self.applier.folder, self.box, tries=self.applier.tries + 500)
        self.applier.ended = _at(1, other.apply)
        self._apply()
        for ended in other.runs:
            assert isinstance(ended, str), "two at once"
            assert "is locked" in ended

    def _apply(self, *faulty: dict[str, Any], stop: threading.Event | None = None) -> None:
        self.box.faults(list(faulty))
        try:
            ended = self.applier.apply(stop)
        except Crash:
            ended = "crashed"
        finally:
            self.applier.ended = lambda _event: None
            self.box.faults([])
        if isinstance(ended, Report) and ended.exit_code == 0:
            assert self.applier.left() == 0, "it said done, and was not"

    # What always holds.

    @invariant()
    def strangers_are_left_alone(self) -> None:
        """Protected agents and those out of scope are as they were, and no write ever named them."""
        assert self._untouchable() == self.untouched
        named = {id_ for written in self.box.store.history() for id_ in written.operator_ids}
        assert not named & set(UNTOUCHABLE)

    @invariant()
    def no_create_is_blind(self) -> None:
        """Between two creates of one agent somebody has looked, and was answered."""
        attempts = self.box.store.attempts()
        for attempt in attempts[self._seen :]:
            if attempt.endpoint == "create/v2" and attempt.fault != "429":
                ids = {*attempt.operator_ids}
                assert not ids & self._unseen, f"{ids & self._unseen} was created blindly"
                self._unseen |= ids
            elif attempt.endpoint == "one/v2" and attempt.fault is None:
                self._unseen -= set(attempt.operator_ids)
            elif attempt.endpoint == "page" and attempt.fault is None:
                self._unseen.clear()
        self._seen = len(attempts)

    def teardown(self) -> None:
        """Three applies without faults are enough, and then every credential is true and nothing was lost."""
        self.box.faults([])
        for _ in range(3):
            self._apply()
        self.no_create_is_blind()
        self.strangers_are_left_alone()
        assert self.applier.left() == 0, self.applier.runs[-3:]
        live, known = self.box.store.agents(), known_credentials(self.applier.folder)
        assert sorted(live) == sorted({*self.file, *UNTOUCHABLE})
        for id_ in set(self.file) - self.foreign:
            said, agent = known[id_], live[id_]
            assert hashlib.md5(said["password"].encode()).hexdigest() == agent["password_md5"], id_
            if agent["sipNumber"]:
                assert (said["sipNumber"], said["sipPassword"]) == (agent["sipNumber"], agent["sipPassword"]), id_
        assert {id_: live[id_]["ttscontent"] for id_ in self.notes} == self.notes
        shutil.rmtree(self.applier.folder)


def on(vendor: Box) -> type[Machine]:
    """The machine at one vendor."""

    class Here(Machine):
        box = vendor

    return Here


def _at(number: int, act: Callable[[], object]) -> Callable[[Event], None]:
    """Does something as the call of that number ends."""
    ended = 0

    def on_progress(_event: Event) -> None:
        nonlocal ended
        ended += 1
        if ended == number:
            act()

    return on_progress


def _crash() -> None:
    raise Crash


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box


STEADY = settings(
    max_examples=examples(100),
    stateful_step_count=14,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""As the profile says: the same runs every time in the suite, others every time in `make fuzz`."""


@pytest.mark.generated
def test_any_history_converges(vendor: Box) -> None:
    """Whatever has happened: nothing is made twice or blindly, nobody else is touched, credentials are true."""
    run_state_machine_as_test(on(vendor), settings=STEADY)


def blind(call: Call, channel: CallChannel, *, maybe_sent: bool, batch: Call | None) -> Settled:
    """The bug that must be found: a create whose answer was lost is simply sent again."""
    if call.kind != "create" or call.batch:
        return settle(call, channel, maybe_sent=maybe_sent, batch=batch)
    outcome = channel.send(call)
    return Settled([(call, channel.send(call) if isinstance(outcome, Lost) else outcome)])


def test_the_machine_finds_a_blind_repetition(vendor: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a planted bug the same search fails, and says why."""
    monkeypatch.setattr("reconciler.apply.execute.settle", blind)
    search = settings(STEADY, phases=[Phase.generate], derandomize=True, max_examples=40)
    with pytest.raises(AssertionError, match="was created blindly"):
        run_state_machine_as_test(on(vendor), settings=search)


# What the machine is kept away from, since it is known.


def test_a_password_that_was_refused_and_is_no_longer_wanted(vendor: Box, tmp_path: Path) -> None:
    """Version 2 is refused and taken back out of the file: the latest credential is that of version 1 again."""
    applier = _single(vendor, tmp_path, {"password": {"generate": True, "version": 1}})
    applier.apply()
    _wish(applier, {"password": {"generate": True, "version": 2}})
    vendor.faults([{"endpoint": "editPwd", "fault": "refuse"}])
    applier.apply()
    vendor.faults([])
    _wish(applier, {"password": {"generate": True, "version": 1}})
    applier.apply()
    assert applier.left() == 0
    said = known_credentials(tmp_path)["8001"]["password"]
    assert hashlib.md5(said.encode()).hexdigest() == vendor.store.agents()["8001"]["password_md5"]


def test_a_number_that_was_bound_by_an_edit_of_which_something_else_was_undone(vendor: Box, tmp_path: Path) -> None:
    """Cut off after an edit whose answer was lost, then renamed in the console: the SIP password is delivered."""
    applier = _single(vendor, tmp_path, {"name": "乙", "sipNumber": "60901"})
    vendor.faults([{"endpoint": "edit/v2", "fault": "drop-after"}, {"endpoint": "one/v2", "fault": "drop-before"}])
    applier.ended = _at(1, _crash)
    with pytest.raises(Crash):
        applier.apply()
    vendor.faults([])
    applier.ended = lambda _event: None
    assert vendor.store.agents()["8001"]["sipNumber"] == "60901"
    vendor.store.put("8001", name="丙")
    applier.apply()
    assert applier.left() == 0
    assert known_credentials(tmp_path)["8001"]["sipPassword"] == vendor.store.agents()["8001"]["sipPassword"]


def _single(vendor: Box, folder: Path, wanted: dict[str, Any]) -> Applier:
    vendor.faults([])
    vendor.store.reset([{"operatorId": "8001", "name": "甲"}])
    applier = Applier(folder, vendor, timeout=10)
    _wish(applier, wanted)
    return applier


def _wish(applier: Applier, wanted: dict[str, Any]) -> None:
    applier.file.write_text(json.dumps({**HEAD, "agents": [{"operatorId": "8001", **wanted}]}), encoding="utf-8")
