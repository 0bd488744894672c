"""The faults under which an endpoint does otherwise than the reference says, and answers."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.server import Box
from reconciler.sandbox.traffic import Attempt

from .client import Client, md5

BATCH = {"operatorId": "8001", "batchFlag": 1, "batchSize": 4}


def under(box: Box, **rule: Any) -> Client:
    """A client whose calls one rule hits."""
    box.faults([rule])
    return Client(box.url)


def test_an_edit_that_empties(box: Box) -> None:
    """Empties: every text that an edit could send and does not is empty afterwards; all else is as it was."""
    box.store.reset([{"operatorId": "8001", "name": "张三", "ttscontent": "您好", "roleName": "客服", "email": "a@x",
                      "mainGroupName": "一组", "sipNumber": "60007", "afterInterval": 9}])  # fmt: skip
    data = under(box, endpoint="edit/v2", fault="empties").data("edit/v2", operatorId="8001", name="李四")
    agent = box.store.agents()["8001"]
    assert [agent[name] for name in ("name", "ttscontent", "roleName", "mainGroupName")] == ["李四", "", "", None]
    assert [agent[name] for name in ("email", "sipNumber", "afterInterval")] == ["a@x", "60007", 9]
    assert data["mainGroupName"] is None
    assert box.store.attempts() == [Attempt("edit/v2", ["8001"], "empties", True)]


def test_an_edit_that_empties_some(box: Box) -> None:
    """With fields only those are emptied, the SIP number if it is named."""
    box.store.reset([{"operatorId": "8001", "name": "张三", "showcaller": "1", "sipNumber": "60007"}])
    client = under(box, endpoint="edit/v2", fault="empties", fields=["showcaller", "sipnumber"])
    client.data("edit/v2", operatorId="8001", afterInterval=3)
    agent = box.store.agents()["8001"]
    assert (agent["name"], agent["showcaller"], agent["sipNumber"]) == ("张三", "", None)


def test_a_number_that_is_bound_is_not_emptied(box: Box) -> None:
    """What an edit sends stays, its SIP number too; a call that sends all of the fields is not hit."""
    box.store.reset([{"operatorId": "8001", "showcaller": "1"}])
    client = under(box, endpoint="edit/v2", fault="empties", fields=["showcaller", "sipnumber"])
    client.data("edit/v2", operatorId="8001", sipnumber="60009")
    client.data("edit/v2", operatorId="8001", sipnumber="60008", showcaller="2")
    agent = box.store.agents()["8001"]
    assert (agent["sipNumber"], agent["showcaller"]) == ("60008", "2")
    assert [each.fault for each in box.store.attempts()] == ["empties", None]


@pytest.mark.parametrize(
    ("options", "made", "code", "named"),
    [
        ({}, ["8001", "8003", "8004"], 200, ["8001", "8003", "8004"]),
        ({"names": False}, ["8001", "8003", "8004"], 200, None),
        ({"makes": 2}, ["8001", "8003"], 200, ["8001", "8003"]),
        ({"code": 20005}, ["8001", "8003", "8004"], 20005, ["8001", "8003", "8004"]),
        ({"makes": 1, "code": 20005, "names": False}, ["8001"], 20005, None),
    ],
)
def test_a_batch_in_part(
    box: Box, options: dict[str, Any], made: list[str], code: int, named: list[str] | None
) -> None:
    """partial-batch makes those that are free, or the first of them, and names them or not, under any code."""
    box.store.reset([{"operatorId": "8002", "password": "theirs"}])
    answer = under(box, endpoint="create/v2", fault="partial-batch", **options).call("create/v2", **BATCH)
    assert sorted({*box.store.agents()} - {"8002"}) == made
    assert box.store.agents()["8002"]["password_md5"] == md5("theirs")
    assert answer["code"] == code
    assert [agent["operatorId"] for agent in answer["data"]] == named if named else "data" not in answer
    [written] = box.store.history()
    assert (written.operator_ids, written.committed) == (made, True)


def test_the_passwords_of_a_batch_in_part(box: Box) -> None:
    """The passwords that the answer tells are those that were set."""
    data = under(box, endpoint="create/v2", fault="partial-batch", makes=2).data("create/v2", **BATCH)
    live = box.store.agents()
    assert {each["operatorId"]: md5(each["operatorPassword"]) for each in data} == {
        operator_id: agent["password_md5"] for operator_id, agent in live.items()
    }


def test_a_single_create_is_no_batch(box: Box) -> None:
    """partial-batch leaves a single create alone, and another-first a batch."""
    box.store.reset([{"operatorId": "8001"}])
    assert under(box, endpoint="create/v2", fault="partial-batch").code("create/v2", operatorId="8001") == 20005
    data = under(box, endpoint="create/v2", fault="another-first").data("create/v2", **{**BATCH, "operatorId": "8002"})
    assert [agent["operatorId"] for agent in data] == ["8002", "8003", "8004", "8005"]


def test_another_agent_first(box: Box) -> None:
    """another-first names a live agent, with its own SIP number and password, before the one that was made."""
    box.store.reset([{"operatorId": "8001", "sipNumber": "60007"}])
    other, own = under(box, endpoint="create/v2", fault="another-first").data("create/v2", operatorId="8002")
    live = box.store.agents()
    for said in (other, own):
        agent = live[said["operatorId"]]
        assert (said["sipNumber"], said["sipPassword"]) == (agent["sipNumber"], agent["sipPassword"])
    assert (other["operatorId"], own["operatorId"]) == ("8001", "8002")
    assert md5(own["operatorPassword"]) == live["8002"]["password_md5"]
    assert [written.operator_ids for written in box.store.history()] == [["8002"]]


def test_another_agent_where_there_is_none(box: Box) -> None:
    """In an empty company the other agent is one that nobody has."""
    other, own = under(box, endpoint="create/v2", fault="another-first").data("create/v2", operatorId="8002")
    assert [*box.store.agents()] == [own["operatorId"]] == ["8002"]
    assert other["operatorId"] != "8002"


def test_a_licence_that_is_full(box: Box) -> None:
    """Licence refuses every create that would lead beyond it, a batch as a whole; who goes makes room."""
    box.store.reset([{"operatorId": "8100"}])
    client = under(box, endpoint="create/v2", fault="licence", max=4)
    assert client.code("create/v2", **BATCH) == 20097
    assert [client.code("create/v2", operatorId=f"800{n}") for n in range(1, 6)] == [200, 200, 200, 20097, 20097]
    assert client.code("del/v2", operatorIds=["8100"]) == 200
    assert client.code("create/v2", operatorId="8004") == 200
    assert [written.committed for written in box.store.history()] == [False, *[True] * 3, False, False, True, True]
