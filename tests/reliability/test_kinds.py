"""Every kind of trouble in any order: strangers, stale reads, false refusals, dead tokens, interrupts, and so on."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from reconciler.apply.refresh import Refreshed
from reconciler.core.model.outcome import Event
from reconciler.core.model.report import Report
from reconciler.sandbox.server import Box, running
from tests.fuzz import examples
from tests.process import TOKEN
from tests.reliability.kinds import BATCHED, CROWD, EVERYBODY, KINDS, NEWCOMERS, SINGLES, Rules, switched_on
from tests.reliability.mixed import Applier, known_credentials
from tests.reliability.watch import (
    Moment,
    Passwords,
    Run,
    assert_few_requests,
    assert_no_create_is_blind,
    assert_nothing_unasked_is_called_done,
    assert_strangers_are_kept,
)

HEAD: dict[str, Any] = {
    "version": 1,
    "company": {"abbreviate": "acme", "companyId": 4242},
    "guardrails": {"maxDeletes": "100%"},
    "protect": ["89*"],
}
ALWAYS: dict[str, Any] = {"operatorId": "8090", "name": "不变"}
"""Stays in the file: a file without agents deletes nobody."""
PROTECTED = "8900"
WITH_PASSWORD = ("8001", "8002")
ROUNDS = 4
"""Applies of every machine that must be enough in the end."""

names = st.sampled_from(("甲", "乙", "丙"))
unsettled = st.dictionaries(st.sampled_from(EVERYBODY), st.booleans(), max_size=4)
"""Who is to be made or edited anew, and whether somebody who could be edited is."""


class Crash(BaseException):
    """The process is gone."""


class Wide(RuleBasedStateMachine):
    """One vendor, two machines with a ledger in common, and what was recorded of all of it."""

    box: Box
    kinds: tuple[str, ...]

    def __init__(self) -> None:
        super().__init__()
        box = self.box
        box.faults([])
        box.store.reset([{"operatorId": PROTECTED, "ttscontent": "受保护"}, ALWAYS])
        self.folder = Path(tempfile.mkdtemp(prefix="reconciler-"))
        self.appliers = [
            Applier(self.folder / name, box, timeout=10, ledger_folder=self.folder / "books")
            for name in ("one", "other")
        ]
        self.file: dict[str, dict[str, Any]] = {"8001": {"name": "甲"}, "8003": {"name": "甲"}, "8101": {}, "8102": {}}
        self.versions = dict.fromkeys(WITH_PASSWORD, 1)
        self.newcomers = False
        self.passwords = Passwords(box, self.appliers)
        self._write()
        self._apply(self.appliers[0], [])

    def _write(self) -> None:
        agents: list[dict[str, Any]] = [ALWAYS]
        for id_, fields in sorted(self.file.items()):
            version = self.versions.get(id_)
            password = {"password": {"generate": True, "version": version}} if version else {}
            group = {"mainGroupName": "一组"} if id_ == "8003" else {}
            agents.append({"operatorId": id_, **fields, **group, **password})
        pools = [{"from": NEWCOMERS[0], "to": NEWCOMERS[-1]}] if self.newcomers else []
        for applier in self.appliers:
            applier.folder.mkdir(exist_ok=True)
            text = json.dumps({**HEAD, "agents": agents, "pools": pools}, ensure_ascii=False)
            applier.file.write_text(text, encoding="utf-8")

    # The file, and what somebody does in peace.

    @rule(ids=st.lists(st.sampled_from(EVERYBODY), min_size=1, max_size=4, unique=True), name=names)
    def want(self, ids: list[str], name: str) -> None:
        """Some are new, or have another name; of a batch nothing but the number is said."""
        for id_ in ids:
            self.file[id_] = {"name": name} if id_ in SINGLES else {}
        self._write()

    @rule(id_=st.sampled_from(EVERYBODY))
    def leave(self, id_: str) -> None:
        """Somebody is to go."""
        self.file.pop(id_, None)
        self._write()

    @rule(id_=st.sampled_from(WITH_PASSWORD))
    def bump(self, id_: str) -> None:
        """A new password."""
        self.versions[id_] += 1
        self._write()

    @rule(id_=st.sampled_from(EVERYBODY), text=names)
    def note(self, id_: str, text: str) -> None:
        """Somebody gets in the console what the file does not manage."""
        if id_ in self.box.store.agents():
            self.box.store.put(id_, ttscontent=text)

    @rule(id_=st.sampled_from(EVERYBODY))
    def vanish(self, id_: str) -> None:
        """Somebody is deleted in the console."""
        if id_ in self.box.store.agents():
            self.box.store.remove(id_)
            self.passwords.theirs(id_)

    # Apply.

    @rule()
    def apply(self) -> None:
        """All goes well."""
        self._apply(self.appliers[0], [])

    @rule(data=st.data(), times=st.integers(1, 3))
    def apply_amid(self, data: st.DataObject, times: int) -> None:
        """Something goes wrong in one run after another."""
        for _ in range(times):
            self._apply_amid(data)

    def _apply_amid(self, data: st.DataObject) -> None:
        """Something of a kind goes wrong."""
        kind = data.draw(st.sampled_from(self.kinds), label="kind")
        rules = KINDS[kind](data.draw)
        self._unsettle(data.draw(unsettled, label="unsettled"))
        if kind in ("a token that dies", "refused alike"):
            self._crowd(newcomers=data.draw(st.booleans()))
        if kind == "two machines" and data.draw(st.booleans()):
            self._kill_in_a_batch_and_go_on_elsewhere(anew=data.draw(st.booleans()))
        elif kind == "two machines":
            self._apply(self.appliers[data.draw(st.integers(0, 1))], rules, crash=data.draw(st.integers(0, 3)))
        elif kind == "interrupted waits":
            self._apply(self.appliers[0], rules, stop=data.draw(st.integers(1, 8)))
        else:
            self._apply(self.appliers[0], rules)

    def _unsettle(self, edited: dict[str, bool]) -> None:
        """There is something to do: who is there is gone, or has another name and a note; the others are wanted."""
        for id_, edit in edited.items():
            if edit and id_ in self.box.store.agents() and id_ in SINGLES and id_ in self.file:
                self.box.store.put(id_, name="旧", ttscontent="记")
            elif id_ in self.box.store.agents():
                self.vanish(id_)
            self.file.setdefault(id_, {"name": "甲"} if id_ in SINGLES else {})
        self._write()

    def _kill_in_a_batch_and_go_on_elsewhere(self, *, anew: bool) -> None:
        """One machine is killed while nobody knows what became of its batch; the other works, and then it again.

        With `anew` the other one deletes the agents of the batch and makes them again: the passwords are then its own.
        """
        one, other = self.appliers
        for id_ in BATCHED:
            self.file.pop(id_, None)
        self._write()
        self._apply(one, [])
        self.want([*BATCHED], "甲")
        silent = {"endpoint": "reads", "fault": "drop-before"}
        self._apply(one, [{"endpoint": "create/v2", "fault": "drop-after"}, silent], crash=1)
        if anew:
            for id_ in BATCHED:
                self.file.pop(id_, None)
            self._write()
            self._apply(other, [])
            self.want([*BATCHED], "甲")
        for applier, name in ((other, "乙"), (one, "丙")):
            before = {id_: agent["password_md5"] for id_, agent in self.box.store.agents().items() if id_ in BATCHED}
            self.want(["8001"], name)
            self._apply(applier, [])
        last = other.runs[-1]
        if anew and isinstance(last, Report) and last.exit_code == 0:
            now = {id_: agent["password_md5"] for id_, agent in self.box.store.agents().items() if id_ in BATCHED}
            assert now == before, "a machine that was killed reset what another one has made since"

    def _crowd(self, *, newcomers: bool) -> None:
        """Many are to be made, or many to go."""
        self.newcomers = newcomers
        self._write()
        if not newcomers:
            for id_ in {*CROWD} - {*self.box.store.agents()}:
                self.box.store.put(id_)

    def _apply(self, applier: Applier, rules: Rules, *, crash: int = 0, stop: int = 0) -> None:
        """One run. The rules come into force with its first call; it crashes at a call or is stopped at a wait."""
        sights: list[tuple[Refreshed, Moment]] = []

        def planned(refreshed: Refreshed) -> None:
            sights.append((refreshed, Moment.of(self.box)))
            applier.waited = _at(stop, stopped.set)
            self.box.faults(rules)

        stopped, crashed, drifted = threading.Event(), False, set[str]()
        applier.planned, applier.late = planned, []
        applier.ended, applier.rate = _at(crash, _crash), 5 if stop else 0
        try:
            ended: Report | str = applier.apply(stopped)
        except Crash:
            ended, crashed = "crashed", True
        finally:
            applier.ended, applier.waited, applier.rate = _nothing, _nothing, 0
            self.box.faults([])
        assert not applier.late, f"sent after the stop: {applier.late}"
        if sights:
            (refreshed, moment), *_ = sights
            run = Run.seen(self.box, ended, refreshed.plan, moment)
            self._judge(run, rules)
            drifted = run.drifted()
        if isinstance(ended, Report) and ended.exit_code == 0:
            left = [(action.kind, action.operator_id) for action in applier.plan().actions]
            left = [each for each in left if each[1] not in drifted]
            assert not left, f"it said done, and was not: {left}"
        if not crashed:
            self.passwords.assert_known()

    def _judge(self, run: Run, rules: Rules) -> None:
        self.passwords.hear(run, rules)
        assert_strangers_are_kept(run)
        assert_no_create_is_blind(run)
        assert_nothing_unasked_is_called_done(run)
        assert_few_requests(run, rules)
        if run.verified:
            self._assert_sip_credentials_are_true(run)

    def _assert_sip_credentials_are_true(self, run: Run) -> None:
        live = self.box.store.agents()
        known = [known_credentials(applier.folder) for applier in self.appliers]
        for written in run.history:
            for id_ in written.operator_ids if written.committed and written.endpoint == "create/v2" else ():
                told = {said[id_].get("sipPassword") for said in known if id_ in said}
                assert id_ not in live or live[id_]["sipPassword"] in told, f"{id_}: its SIP password was not delivered"

    def teardown(self) -> None:
        """Some applies without faults are enough, on whichever machine, and everybody is as the file says."""
        for _ in range(ROUNDS):
            for applier in self.appliers:
                self._apply(applier, [])
        runs = [applier.runs[-ROUNDS:] for applier in self.appliers]
        assert [applier.left() for applier in self.appliers] == [0, 0], runs
        wanted = {*self.file, ALWAYS["operatorId"], PROTECTED, *(NEWCOMERS if self.newcomers else ())}
        assert {*self.box.store.agents()} == wanted
        self.passwords.assert_known(in_the_end=WITH_PASSWORD)
        assert self.box.store.agents()[PROTECTED]["ttscontent"] == "受保护"
        shutil.rmtree(self.folder)


def _nothing(*_: Event) -> None:
    """All goes on."""


def _crash() -> None:
    raise Crash


def _at(number: int, act: Any) -> Any:
    """Does something at the call of that number, of whatever thread."""
    count = 0

    def counted(*_: Event) -> None:
        nonlocal count
        count += 1
        if count == number:
            act()

    return counted


def on(vendor: Box, *chosen: str) -> type[Wide]:
    """The machine at one vendor, with these kinds."""

    class Here(Wide):
        box = vendor
        kinds = chosen

    return Here


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box


STEADY = settings(
    max_examples=examples(40),
    stateful_step_count=10,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""As the profile says: the same runs every time in the suite, others every time in `make fuzz`."""


@pytest.mark.exhaustive(11)
@pytest.mark.generated
@pytest.mark.parametrize("kind", switched_on())
def test_any_history_amid_one_kind(vendor: Box, kind: str) -> None:
    """Whatever happens of a kind: strangers are kept, nobody is made twice, passwords are known, done is true."""
    run_state_machine_as_test(on(vendor, kind), settings=STEADY)


@pytest.mark.generated
def test_any_history_amid_all_kinds(vendor: Box) -> None:
    """The same with all kinds, one after another."""
    run_state_machine_as_test(on(vendor, *switched_on()), settings=STEADY)
