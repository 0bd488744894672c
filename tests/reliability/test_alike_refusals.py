"""A vendor that refuses everybody alike is left alone soon, and one that refuses somebody serves all others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.circuit_breaker import ALIKE_AT_MOST, DOUBTED_AFTER
from reconciler.ledger.journal import last_run
from reconciler.sandbox.server import Box, running
from tests.process import TOKEN, Ran, Workplace
from tests.reliability.mixed import credential_lines

pytestmark = pytest.mark.exhaustive(4)
"""Real processes take their time: a part of the parameter sets stands for all."""

HEAD = {"version": 1, "company": {"abbreviate": "acme", "companyId": 4242}, "guardrails": {"maxDeletes": "100%"}}
MOST_AFTER_A_TOKEN_DIED = 16
MOST_FOR_CREATES = 40
MOST_FOR_DELETES = 60
MOST_WHILE_IT_FILLS = 200
FULL = {"fault": "refuse", "code": 20030, "msg": "坐席授权数已满"}
DEAD = {"endpoint": "*", "fault": "refuse", "code": 20102, "msg": "登录已失效"}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box


@pytest.fixture
def place(tmp_path: Path, vendor: Box) -> Iterator[Workplace]:
    """A folder, and the vendor with nobody and without faults."""
    vendor.faults([])
    vendor.store.reset()
    yield Workplace(tmp_path, vendor.url)
    vendor.faults([])


def wish(place: Workplace, *agents: Mapping[str, Any], **more: object) -> None:
    """Write the file."""
    place.write(json.dumps({**HEAD, "agents": agents, **more}))


def pool(place: Workplace, count: int, **more: object) -> None:
    """A file of so many equal agents with neighbouring ids."""
    wish(place, pools=[{"from": "8000", "to": str(8000 + count - 1), "name": "外呼", **more}])


def leavers(place: Workplace, box: Box, count: int) -> list[str]:
    """So many live agents who are not in the file, and one who is."""
    ids = [str(8000 + number) for number in range(count)]
    box.store.reset([{"operatorId": operator_id} for operator_id in (*ids, "9000")])
    wish(place, {"operatorId": "9000"})
    return ids


def writes(box: Box) -> int:
    """Requests that were to change something, and that a fault hit."""
    return sum(
        attempt.fault is not None for attempt in box.store.attempts() if attempt.endpoint not in ("page", "one/v2")
    )


def outcomes(ran: Ran) -> Counter[str]:
    """How the actions ended."""
    return Counter(result["outcome"] for result in ran.json["results"])


MIXED = [
    *({"operatorId": str(8100 + number), "name": "changed"} for number in range(30)),
    *({"operatorId": str(8300 + 2 * number), "name": "made", "mainGroupName": "一组"} for number in range(20)),
]
EQUAL = [{"operatorId": str(8100 + number), "name": "changed"} for number in range(90)]
EACH_ITS_OWN = [{"operatorId": str(8100 + number), "name": f"n{number}"} for number in range(90)]


@pytest.mark.parametrize("parallelism", [1, 8])
@pytest.mark.parametrize("dies", [2, 4, 12, 40])
@pytest.mark.parametrize("agents", [MIXED, EQUAL, EACH_ITS_OWN], ids=["mixed", "equal", "each its own"])
def test_a_token_that_dies_with_a_code(
    vendor: Box, place: Workplace, agents: list[dict[str, Any]], dies: int, parallelism: int
) -> None:
    """HTTP 200 and a code that nobody knows for the token's: sixteen more writes at most, and the run says so."""
    live = [{"operatorId": str(number)} for number in (*range(8100, 8190 if agents is not MIXED else 8130),)]
    deleted = [{"operatorId": str(8200 + number)} for number in range(20)] if agents is MIXED else []
    vendor.store.reset([*live, *deleted])
    wish(place, *agents)
    vendor.faults([{**DEAD, "calls": {"from": dies}}])
    ran = place.run("apply", "-y", "--parallelism", str(parallelism), "--format", "json")
    assert 1 <= writes(vendor) <= MOST_AFTER_A_TOKEN_DIED
    assert ran.code == (4 if outcomes(ran)["done"] else 1)
    untried = [result["message"] for result in ran.json["results"] if result["outcome"] == "skipped"]
    assert untried
    assert any("requests in a row alike" in words and "登录已失效 (code 20102)" in words for words in untried)
    vendor.faults([])
    assert place.run("apply", "-y").code == 0


def test_a_token_that_dies_among_lists(vendor: Box, place: Workplace) -> None:
    """Lists alone, eight of them at once: the same bound, since a look-up is refused in the same words."""
    leavers(place, vendor, 800)
    vendor.faults([{**DEAD, "calls": {"from": 11}}])
    assert place.run("apply", "-y").code == 4
    assert 1 <= writes(vendor) <= MOST_AFTER_A_TOKEN_DIED


def test_a_licence_that_is_full(vendor: Box, place: Workplace) -> None:
    """Two hundred equal creates, one call, all refused: forty requests at most, and all end in the vendor's words."""
    pool(place, 200)
    vendor.faults([{"endpoint": "create/v2", **FULL}])
    ran = place.run("apply", "-y", "--format", "json")
    assert ran.code == 1
    assert len(vendor.store.attempts()) <= MOST_FOR_CREATES
    assert outcomes(ran) == {"failed": 200}
    assert all("坐席授权数已满 (code 20030)" in result["message"] for result in ran.json["results"])
    assert vendor.store.agents() == {}
    vendor.faults([])
    assert place.run("apply", "-y").code == 0
    assert len(vendor.store.agents()) == 200


def test_a_licence_that_is_full_leaves_no_doubt(vendor: Box, place: Workplace) -> None:
    """What was not sent alone is settled in the journal, and its password is withdrawn from the credentials."""
    pool(place, 40, password={"env": "AGENT_GIVEN", "version": 1})
    vendor.faults([{"endpoint": "create/v2", **FULL}])
    assert place.run("apply", "-y", env={"AGENT_GIVEN": "given-to-all"}).code == 1
    run = last_run(place.books / "journal.jsonl")
    assert run is not None
    assert all(call.settled for call in run.calls)
    said = list(credential_lines(place.folder))
    assert Counter(bool(line.get("withdrawn")) for line in said) == {True: 40, False: 40}
    (file,) = place.books.glob("credentials-*")
    shown = place.run("credentials", str(file), "--format", "json").json["credentials"]
    assert {each["password"] for each in shown} == {None}


def test_a_licence_that_fills_up(tmp_path: Path) -> None:
    """There is room for seventy of two hundred: these are made, and the rest costs a bounded number of requests."""
    with running(token=TOKEN, company="acme:4242", sip_numbers=70) as box:
        place = Workplace(tmp_path, box.url)
        pool(place, 200)
        ran = place.run("apply", "-y", "--format", "json")
        assert ran.code == 4
        assert len(box.store.agents()) == 70
        assert outcomes(ran) == {"done": 70, "failed": 130}
        assert len(box.store.attempts()) <= MOST_WHILE_IT_FILLS


def test_a_vendor_that_deletes_nobody(vendor: Box, place: Workplace) -> None:
    """199 deletes, two calls, all refused: sixty requests at most, everybody is told of, and stays."""
    ids = leavers(place, vendor, 199)
    vendor.faults([{"endpoint": "del/v2", "fault": "refuse", "msg": "无权删除"}])
    ran = place.run("apply", "-y", "--format", "json")
    assert ran.code == 1
    assert len(vendor.store.attempts()) <= MOST_FOR_DELETES
    assert [result["operatorId"] for result in ran.json["results"]] == ids
    assert len(vendor.store.agents()) == 200
    vendor.faults([])
    assert place.run("apply", "-y").code == 0


def test_other_calls_go_on_beside_it(vendor: Box, place: Workplace) -> None:
    """Nobody may be deleted, and everybody else is edited: that is the trial, and it is accepted."""
    ids = leavers(place, vendor, 199)
    edited = [{"operatorId": str(8500 + number), "name": "new"} for number in range(60)]
    vendor.store.reset([{"operatorId": operator_id} for operator_id in ids] + [{**each, "name": ""} for each in edited])
    wish(place, *edited)
    vendor.faults([{"endpoint": "del/v2", "fault": "refuse", "msg": "无权删除"}])
    ran = place.run("apply", "-y", "--format", "json")
    assert (ran.code, outcomes(ran)["done"]) == (4, 60)
    deletes = sum(attempt.endpoint == "del/v2" for attempt in vendor.store.attempts())
    assert deletes <= MOST_FOR_DELETES - 60 // 2


@pytest.mark.parametrize("bad", [[0], [199], [0, 199], [0, 1, 2], [77], range(12), range(0, 200, 33)])
def test_a_batch_with_some_at_fault(vendor: Box, place: Workplace, bad: list[int]) -> None:
    """Wherever they stand, also many neighbours, the others of their batch are made."""
    pool(place, 200)
    stuck = [str(8000 + number) for number in bad]
    vendor.faults([{"endpoint": "create/v2", "operatorId": operator_id, **FULL} for operator_id in stuck])
    ran = place.run("apply", "-y", "--format", "json")
    assert ran.code == 4
    assert [result["operatorId"] for result in ran.json["results"] if result["outcome"] != "done"] == stuck
    assert len(vendor.store.agents()) == 200 - len(stuck)


def test_many_at_fault_beside_others(vendor: Box, place: Workplace) -> None:
    """A group that does not exist, for forty agents: each is refused alike, and everybody else is served."""
    others = [{"operatorId": str(8500 + number), "name": f"n{number}"} for number in range(40)]
    wrong = [{"operatorId": str(8100 + number), "mainGroupName": "无此组"} for number in range(40)]
    vendor.store.reset([{"operatorId": each["operatorId"]} for each in (*others, *wrong)])
    wish(place, *wrong, *others)
    vendor.faults(
        [
            {"endpoint": "edit/v2", "operatorId": each["operatorId"], "fault": "refuse", "msg": "技能组不存在"}
            for each in wrong
        ]
    )
    ran = place.run("apply", "-y", "--format", "json")
    assert ran.code == 4
    done = {result["operatorId"] for result in ran.json["results"] if result["outcome"] == "done"}
    assert done == {each["operatorId"] for each in others}


def test_equal_calls_that_are_all_refused(vendor: Box, place: Workplace) -> None:
    """Nothing unlike is ready, and agents can be looked up: sixteen agents are refused, and the rest is not tried."""
    vendor.store.reset([{"operatorId": each["operatorId"]} for each in EQUAL])
    wish(place, *EQUAL)
    vendor.faults([{"endpoint": "edit/v2", **FULL}])
    ran = place.run("apply", "-y", "--format", "json")
    assert ran.code == 1
    assert outcomes(ran) == {"failed": ALIKE_AT_MOST, "skipped": len(EQUAL) - ALIKE_AT_MOST}
    assert sum(attempt.endpoint == "one/v2" for attempt in vendor.store.attempts()) == 1


def test_refusals_that_name_their_agent(vendor: Box, place: Workplace) -> None:
    """The agent's own number in the vendor's words does not make two refusals different."""
    vendor.store.reset([{"operatorId": each["operatorId"]} for each in EQUAL])
    wish(place, *EQUAL)
    vendor.faults(
        [
            {
                "endpoint": "edit/v2",
                "operatorId": each["operatorId"],
                "fault": "refuse",
                "msg": f"坐席{each['operatorId']}不可用",
            }
            for each in EQUAL
        ]
    )
    assert place.run("apply", "-y").code == 1
    assert DOUBTED_AFTER < writes(vendor) <= ALIKE_AT_MOST
