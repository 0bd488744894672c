"""A stranger's agent is never overwritten, and what was lost is never forgotten, on a real sandbox over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.outcome import Event
from reconciler.core.model.report import Report
from reconciler.sandbox.server import Box
from tests.reliability.mixed import Applier, known_credentials
from tests.reliability.test_batches import pool

pytestmark = pytest.mark.exhaustive(3)
"""Real processes take their time: a part of the parameter sets stands for all."""


@pytest.fixture
def vendor(box: Box) -> Iterator[Box]:
    """The worker's sandbox, without faults at the end."""
    yield box
    box.faults([])


THEIRS = {"password": "known-to-them"}
DIGEST = hashlib.md5(b"known-to-them").hexdigest()


def stranger(*operator_ids: str, **values: Any) -> dict[str, Any]:
    """Somebody makes these agents in the console while the first create is under way."""
    made = {"agents": [*operator_ids], "values": {**THEIRS, **values}}
    return {"endpoint": "create/v2", "calls": [1], "fault": "stranger", "does": "create", "seconds": 0.1, **made}


def reported(report: Report | str) -> dict[str, str]:
    """What the report says of each agent that is not done."""
    assert isinstance(report, Report)
    return {result.action.operator_id: result.message for result in report.results if result.outcome != "done"}


def passwords_set(box: Box) -> list[str]:
    """Whose password was set with a request of its own."""
    return [id_ for write in box.store.history() if write.endpoint == "editPwd" for id_ in write.operator_ids]


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [{"endpoint": "create/v2", "calls": [1], "fault": "drop-after"}],
        [{"endpoint": "create/v2", "calls": [1], "fault": "drop-before"}],
        [{"endpoint": "create/v2", "calls": [1], "fault": "partial-batch"}],
        [{"endpoint": "create/v2", "calls": [1], "fault": "partial-batch", "names": False}],
        [{"endpoint": "create/v2", "calls": [1], "fault": "refuse"}],
    ],
    ids=["refused", "lost after", "lost before", "named in part", "nobody named", "refused by a code"],
)
@pytest.mark.parametrize("values", [{}, {"name": "console"}], ids=["as new", "with a name"])
def test_a_stranger_in_the_middle_of_a_batch(
    vendor: Box, tmp_path: Path, faults: list[dict[str, Any]], values: dict[str, Any]
) -> None:
    """Agents that somebody makes while our batch is under way keep their password and values, and are reported."""
    if not values and faults and faults[0].get("names") is False:
        pytest.skip("agents as new, made at the same moment, and a success that names nobody: nothing tells them apart")
    applier = pool(tmp_path, vendor, "8001", "8003", "")
    vendor.faults([*faults, stranger("8001", "8002", **values)])
    report = applier.apply()
    vendor.faults([])
    agents = vendor.store.agents()
    assert {id_: agents[id_]["password_md5"] for id_ in ("8001", "8002")} == {"8001": DIGEST, "8002": DIGEST}
    assert [agents[id_]["name"] for id_ in ("8001", "8002")] == [values.get("name")] * 2
    assert not {"8001", "8002"} & set(passwords_set(vendor))
    assert {"8001", "8002"} <= reported(report).keys()
    assert isinstance(report, Report)
    assert report.exit_code == 4
    assert (
        hashlib.md5(known_credentials(tmp_path)["8003"]["password"].encode()).hexdigest()
        == (agents["8003"]["password_md5"])
    )


def test_the_next_run_leaves_the_stranger_too(vendor: Box, tmp_path: Path) -> None:
    """Nothing of a stranger's agent is left in the books that would set its password later."""
    applier = pool(tmp_path, vendor, "8001", "8003", "")
    vendor.faults([stranger("8001", "8002")])
    applier.apply()
    vendor.faults([])
    again = applier.apply()
    assert isinstance(again, Report)
    assert again.exit_code == 0
    assert vendor.store.agents()["8001"]["password_md5"] == DIGEST
    assert not {"8001", "8002"} & set(passwords_set(vendor))


def single(folder: Path, box: Box, more: str = "") -> Applier:
    """A file with one agent that is created by itself, since its password is generated here."""
    return pool(folder, box, "8001", "8001", more or "name: 张三")


def test_an_agent_of_another_name_is_not_ours(vendor: Box, tmp_path: Path) -> None:
    """Somebody makes the very agent while the answer to our create is lost: it is left, and named in the report."""
    applier = single(tmp_path, vendor)
    vendor.faults([{"endpoint": "create/v2", "calls": [1], "fault": "drop-before"}, stranger("8001", name="console")])
    report = applier.apply()
    vendor.faults([])
    live = vendor.store.agents()["8001"]
    assert (live["name"], live["password_md5"]) == ("console", DIGEST)
    assert "left as it is" in reported(report)["8001"]


@pytest.mark.parametrize("kind", ["drop-after", "refuse-after"])
def test_a_create_that_was_carried_out_keeps_its_credential(vendor: Box, tmp_path: Path, kind: str) -> None:
    """Lost and refused the second time while look-ups are stale, or refused although done: the password stays.

    It is true, and the run after knows it.
    """
    applier = single(tmp_path, vendor)
    stale = [] if kind == "refuse-after" else [{"endpoint": "one/v2", "fault": "stale", "seconds": 60}]
    vendor.faults([{"endpoint": "create/v2", "calls": [1], "fault": kind}, *stale])
    first = applier.apply()
    vendor.faults([])
    assert isinstance(first, Report)
    assert (
        hashlib.md5(known_credentials(tmp_path)["8001"]["password"].encode()).hexdigest()
        == (vendor.store.agents()["8001"]["password_md5"])
    )
    second = applier.apply()
    assert isinstance(second, Report)
    assert second.exit_code == 0
    assert applier.left() == 0
    assert passwords_set(vendor) == []


def until_all_have_ended(count: int, then: Callable[[], None]) -> Callable[[Event], None]:
    """Hears the end of each call, and does something once so many agents have theirs."""
    ended: set[str] = set()

    def hear(event: Event) -> None:
        ended.update(event.call.operator_ids)
        if len(ended) == count:
            then()

    return hear


@pytest.mark.parametrize("count", [3, 20])
@pytest.mark.parametrize("code", [500, 20005])
def test_a_batch_that_was_carried_out_and_refused_gets_known_passwords(
    vendor: Box, tmp_path: Path, count: int, code: int
) -> None:
    """Nobody is to be seen while the refused batch is taken apart; the read-back shows them.

    The passwords that were chosen for single creates never were true. The next run sets others, also of those that
    were not tried alone.
    """
    applier = pool(tmp_path, vendor, "8001", str(8000 + count), "")
    vendor.faults(
        [
            {"endpoint": "create/v2", "calls": [1], "fault": "refuse-after", "code": code},
            {"endpoint": "create/v2", "fault": "refuse", "code": 20005},
            {"endpoint": "reads", "fault": "stale", "seconds": 60},
        ]
    )
    applier.ended = until_all_have_ended(count, lambda: vendor.faults([]))
    first = applier.apply()
    assert isinstance(first, Report)
    assert first.exit_code in (1, 4)
    assert isinstance(applier.apply(), Report)
    assert applier.left() == 0
    known, live = known_credentials(tmp_path), vendor.store.agents()
    assert len(live) == count
    for operator_id, agent in live.items():
        assert hashlib.md5(known[operator_id]["password"].encode()).hexdigest() == agent["password_md5"], operator_id


def test_agents_of_a_refused_batch_that_were_made_one_by_one_keep_their_passwords(vendor: Box, tmp_path: Path) -> None:
    """A batch is refused; of its single creates one is refused although it was carried out: nothing is set anew."""
    applier = pool(tmp_path, vendor, "8001", "8002", "")
    once = {"fault": "refuse", "code": 20005}
    vendor.faults(
        [
            {"endpoint": "create/v2", "calls": [1], **once},
            {"endpoint": "create/v2", "calls": [3], "fault": "refuse-after"},
            {"endpoint": "reads", "fault": "stale", "seconds": 60},
        ]
    )
    applier.ended = until_all_have_ended(2, lambda: vendor.faults([]))
    applier.apply()
    applier.apply()
    assert applier.left() == 0
    known, live = known_credentials(tmp_path), vendor.store.agents()
    for operator_id in ("8001", "8002"):
        digest = hashlib.md5(known[operator_id]["password"].encode()).hexdigest()
        assert digest == live[operator_id]["password_md5"], operator_id
    assert passwords_set(vendor) == []


def test_a_create_that_was_refused_leaves_no_credential(vendor: Box, tmp_path: Path) -> None:
    """The read-back does not show the agent: its password cannot be true, and is withdrawn."""
    applier = single(tmp_path, vendor)
    vendor.faults([{"endpoint": "create/v2", "fault": "refuse"}])
    report = applier.apply()
    vendor.faults([])
    assert reported(report).keys() == {"8001"}
    assert not known_credentials(tmp_path)["8001"]["password"]


def test_an_answer_that_lists_another_agent_first(vendor: Box, tmp_path: Path) -> None:
    """What an answer to a single create tells of somebody else is never delivered as ours."""
    vendor_agent = {"operatorId": "7001", "name": "other", "sipNumber": "60009"}
    applier = single(tmp_path, vendor)
    vendor.store.reset([vendor_agent])
    vendor.faults([{"endpoint": "create/v2", "fault": "another-first"}])
    report = applier.apply()
    vendor.faults([])
    assert isinstance(report, Report)
    known, live = known_credentials(tmp_path)["8001"], vendor.store.agents()["8001"]
    assert (known["sipNumber"], known["sipPassword"]) == (live["sipNumber"], live["sipPassword"])
    assert hashlib.md5(known["password"].encode()).hexdigest() == live["password_md5"]


def test_a_delete_whose_answer_was_lost_stays_lost(vendor: Box, tmp_path: Path) -> None:
    """A repetition that is not sent does not make a lost delete one that was never sent."""
    applier = single(tmp_path, vendor)
    vendor.store.reset([{"operatorId": id_, "name": "张三"} for id_ in ("8001", "8002")])
    late = {"endpoint": "del/v2", "calls": [1], "fault": "late", "seconds": 0.5}
    vendor.faults([late, {"endpoint": "one/v2", "fault": "5xx-before"}, {"endpoint": "del/v2", "fault": "429"}])
    applier.policy = applier.policy.__class__(max_deletes=None)
    report = applier.apply()
    vendor.faults([])
    assert "outcome unknown" in reported(report)["8002"] or "lost" in reported(report)["8002"]


def given_up(folder: Path, box: Box) -> Applier:
    """A run of which one create is given up, while an edit is carried out: the agent is not there at its end."""
    applier = pool(folder, box, "8001", "8002", "name: 张三, afterInterval: 9")
    box.store.reset([{"operatorId": "8002", "name": "old"}])
    box.faults([{"endpoint": "create/v2", "fault": "drop-before"}])
    report = applier.apply()
    box.faults([])
    assert isinstance(report, Report)
    assert report.exit_code == 4
    return applier


@pytest.mark.parametrize(
    "values", [{"name": "console"}, {"name": "张三", "afterInterval": 9, "ttscontent": "theirs"}], ids=["name", "note"]
)
def test_who_is_made_by_hand_after_a_create_was_given_up(vendor: Box, tmp_path: Path, values: dict[str, Any]) -> None:
    """People help themselves while the vendor does not answer: the next run sets no password, and says who it is.

    It ends with 4, once. Each plan notes that nothing shows who made the agent.
    """
    applier = given_up(tmp_path, vendor)
    vendor.store.put("8001", **THEIRS, **values)
    report = applier.apply()
    assert isinstance(report, Report)
    assert (report.exit_code, [mismatch.operator_id for mismatch in report.mismatches]) == (4, ["8001"])
    again = applier.apply()
    assert isinstance(again, Report)
    assert (again.exit_code, applier.left(), notes(applier)) == (0, 0, ["8001"])
    live = vendor.store.agents()["8001"]
    assert live["password_md5"] == DIGEST
    assert (live["name"], live["ttscontent"]) == ("张三", values.get("ttscontent"))
    assert passwords_set(vendor) == []


def test_a_create_that_comes_through_after_its_run_is_ours(vendor: Box, tmp_path: Path) -> None:
    """Exactly as the create makes it: its password is set anew, and delivered."""
    applier = given_up(tmp_path, vendor)
    vendor.store.put("8001", name="张三", afterInterval=9)
    assert isinstance(applier.apply(), Report)
    assert passwords_set(vendor) == ["8001"]
    known = known_credentials(tmp_path)["8001"]["password"]
    assert hashlib.md5(known.encode()).hexdigest() == vendor.store.agents()["8001"]["password_md5"]
    assert applier.left() == 0


def half_made(folder: Path, box: Box) -> Applier:
    """A batch of four of which the vendor makes two, and then says that something broke; the run has ended."""
    applier = pool(folder, box, "8001", "8004", "")
    half = {"fault": "partial-batch", "makes": 2, "names": False, "code": 500}
    box.faults([{"endpoint": "create/v2", "calls": [1], **half}])
    report = applier.apply()
    box.faults([])
    assert isinstance(report, Report)
    assert report.exit_code == 4
    return applier


def notes(applier: Applier) -> list[str]:
    """Of whom a plan says that nothing shows who made them."""
    plan = applier.plan()
    return [id_ for note in plan.notes if "nothing shows" in note.message for id_ in note.operator_ids]


def test_a_doubt_stays_until_somebody_ends_it(vendor: Box, tmp_path: Path) -> None:
    """A part of a batch is there, and nobody may know its passwords: each plan says so, until people set them right.

    Nothing is overwritten meanwhile. People who know a password name the agent to `ledger adopt`.
    """
    applier = half_made(tmp_path, vendor)
    for _ in range(2):
        assert notes(applier) == ["8001", "8002"]
        assert isinstance(applier.apply(), Report)
    assert passwords_set(vendor) == []
    applier.adopt("8001")
    assert notes(applier) == ["8002"]
    pool_of = applier.file.read_text()
    applier.file.write_text(pool_of.replace('"8004", ', '"8004", password: {generate: true, version: 1}'))
    assert isinstance(applier.apply(), Report)
    assert notes(applier) == []
    assert "8002" in passwords_set(vendor)
    known, live = known_credentials(tmp_path), vendor.store.agents()
    assert hashlib.md5(known["8002"]["password"].encode()).hexdigest() == live["8002"]["password_md5"]


def test_somebody_new_under_a_deleted_number_stays(vendor: Box, tmp_path: Path) -> None:
    """A delete is lost, and people give the number to somebody else before we look: it is deleted once."""
    applier = single(tmp_path, vendor)
    vendor.store.reset([{"operatorId": id_, "name": "张三"} for id_ in ("8001", "8002")])
    applier.policy = applier.policy.__class__(max_deletes=None)
    hired = {"agents": ["8002"], "values": {**THEIRS, "name": "new"}, "does": "create"}
    vendor.faults(
        [
            {"endpoint": "del/v2", "calls": [1], "fault": "drop-after"},
            {"endpoint": "one/v2", "calls": [1], "fault": "stranger", **hired},
        ]
    )
    report = applier.apply()
    vendor.faults([])
    assert isinstance(report, Report)
    assert report.exit_code == 4
    (mismatch,) = report.mismatches
    assert (mismatch.operator_id, "another agent under its number" in mismatch.message) == ("8002", True)
    live = vendor.store.agents()["8002"]
    assert (live["name"], live["password_md5"]) == ("new", DIGEST)


@pytest.mark.parametrize("named", [False, True], ids=["left alone", "named to adopt"])
def test_a_stranger_gets_nothing_of_the_agent_that_was_replaced(vendor: Box, tmp_path: Path, named: bool) -> None:
    """Between the delete and the create of a replace somebody else takes the number: the old values are not given."""
    applier = single(tmp_path, vendor, "judge: false")
    old = {"operatorId": "8001", "name": "old", "judge": 1, "bindcode": "13800138001", "sipNumber": "60001"}
    vendor.store.reset([old])
    applier.policy = applier.policy.__class__(max_deletes=None, allow_replace=True)
    vendor.faults([stranger("8001", name="new", judge=0)])
    report = applier.apply()
    vendor.faults([])
    assert isinstance(report, Report)
    assert report.exit_code in (1, 4)
    if named:
        applier.adopt("8001")
    assert isinstance(applier.apply(), Report)
    live = vendor.store.agents()["8001"]
    assert (live["name"], live["bindcode"], live["password_md5"]) == ("new", None, DIGEST)
    assert live["sipNumber"] != "60001"
    assert applier.left() == 0
    assert not known_credentials(tmp_path)["8001"]["password"]


@pytest.mark.parametrize("ends", ["a password", "adopt", "nothing"])
def test_ids_that_do_not_ascend(vendor: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    """A lost create whose agent has a lower `id` than others is left, and each plan notes it, until the doubt is ended.

    Its password is not withdrawn, since it may be true.
    """
    monkeypatch.setattr("reconciler.core.wire._number", lambda value: -value if type(value) is int else None)
    applier = single(tmp_path, vendor)
    vendor.store.reset([{"operatorId": "9001"}])
    wanted = applier.file.read_text(encoding="utf-8").replace("version: 1", "version: 1\nprune: false", 1)
    applier.file.write_text(wanted, encoding="utf-8")
    vendor.faults([{"endpoint": "create/v2", "calls": [1], "fault": "drop-after"}])
    report = applier.apply()
    vendor.faults([])
    assert isinstance(report, Report)
    assert "left as it is" in reported(report)["8001"]
    digest = vendor.store.agents()["8001"]["password_md5"]
    assert hashlib.md5(known_credentials(tmp_path)["8001"]["password"].encode()).hexdigest() == digest
    for _ in range(2):
        assert [note.operator_ids for note in applier.plan().notes if "nobody may know" in note.message] == [("8001",)]
        applier.apply()
    if ends == "adopt":
        applier.adopt("8001")
    elif ends == "a password":
        more = "name: 张三, password: {generate: true, version: 1}"
        applier.file.write_text(wanted.replace("name: 张三", more), encoding="utf-8")
        applier.apply()
    noted = [note for note in applier.plan().notes if "nobody may know" in note.message]
    assert bool(noted) is (ends == "nothing")
