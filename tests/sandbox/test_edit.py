"""edit/v2 (2.1.2) and editPwd (2.1.6)."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.server import Box

from .client import Client, md5

FIELDS = {
    "afterInterval": 9,
    "bindcode": "010999",
    "name": "李四",
    "operatorType": 1,
    "showcaller": "4008001234",
    "status": 0,
    "ttscontent": "再见",
    "roleName": "值班主管",
    "isHidePhone": 1,
    "isrecord": 0,
    "outcallflag": 2,
    "mainGroupName": "投诉组",
}


@pytest.fixture
def vendor(box: Box) -> Client:
    """Three agents: 8001 with everything, 8002 with a SIP number, 8003 with nothing."""
    box.store.reset(
        [
            {"operatorId": "8001", "name": "张三", "sipNumber": "60001", "mainGroupName": "售前组"},
            {"operatorId": "8002", "sipNumber": "60002"},
            {"operatorId": "8003"},
        ]
    )
    return Client(box.url)


def state(box: Box, operator_id: str = "8001") -> dict[str, Any]:
    """All that is stored of one agent, but for the time of its last change."""
    return {name: value for name, value in box.store.agents()[operator_id].items() if name != "utime"}


@pytest.mark.parametrize("field", FIELDS)
def test_only_the_field_sent_changes(box: Box, vendor: Client, field: str) -> None:
    """Each field alone is changed, and no other (its group's id aside)."""
    before = state(box)
    vendor.data("edit/v2", operatorId="8001", **{field: FIELDS[field]})
    after = state(box)
    assert after[field] == FIELDS[field] != before[field]
    along = {field, "maingroupid"} if field == "mainGroupName" else {field}
    assert {name for name in after if after[name] != before[name]} == along


def test_text_can_be_emptied(box: Box, vendor: Client) -> None:
    """Text set to nothing is "", not null."""
    vendor.data("edit/v2", operatorId="8001", name="")
    assert state(box)["name"] == ""


def test_an_edit_of_nothing(box: Box, vendor: Client) -> None:
    """Only the key sent: accepted, and nothing changes."""
    before = state(box)
    vendor.data("edit/v2", operatorId="8001")
    assert state(box) == before


def test_data_is_one_object(vendor: Client) -> None:
    """The answer's data is an object of four keys, with the state after the edit."""
    data = vendor.data("edit/v2", operatorId="8001", mainGroupName="投诉组")
    assert list(data) == ["operatorId", "sipNumber", "sipPassword", "mainGroupName"]
    assert (data["operatorId"], data["sipNumber"], data["mainGroupName"]) == ("8001", "60001", "投诉组")
    assert len(data["sipPassword"]) > 0


def test_the_time_of_change_is_kept(box: Box, vendor: Client) -> None:
    """An edit moves utime and not ctime."""
    box.store.put("8001", ctime=1, utime=1)
    vendor.data("edit/v2", operatorId="8001", name="李四")
    agent = box.store.agents()["8001"]
    assert agent["ctime"] == 1 < agent["utime"]


def test_an_unknown_agent_is_refused(vendor: Client) -> None:
    """No agent, no edit; the message names the operatorId."""
    assert vendor.call("edit/v2", operatorId="9999", name="x") == {"code": 20004, "msg": "坐席 9999 不存在"}


def test_wrap_up_time_cannot_return_to_zero(vendor: Client) -> None:
    """An afterInterval is at least 1 here, unlike at creation (最小值: 1)."""
    answer = vendor.call("edit/v2", operatorId="8001", afterInterval=0)
    assert answer == {"code": 20001, "msg": "参数错误: afterInterval 最小值为 1"}


def test_binding_a_free_sip_number_releases_the_former(vendor: Client) -> None:
    """A sipnumber sent binds a free number, and the one held before can be bound by another."""
    assert vendor.data("edit/v2", operatorId="8001", sipnumber="60009")["sipNumber"] == "60009"
    assert vendor.data("edit/v2", operatorId="8003", sipnumber="60001")["sipNumber"] == "60001"


def test_binding_ones_own_sip_number(vendor: Client) -> None:
    """The agent's own number is accepted and stays."""
    assert vendor.data("edit/v2", operatorId="8001", sipnumber="60001")["sipNumber"] == "60001"


def test_a_sip_password_belongs_to_its_number(vendor: Client) -> None:
    """Whoever holds a number has that number's SIP password."""
    first = vendor.data("edit/v2", operatorId="8001")["sipPassword"]
    vendor.data("edit/v2", operatorId="8001", unbindSip=1)
    assert vendor.data("edit/v2", operatorId="8003", sipnumber="60001")["sipPassword"] == first


def test_a_taken_sip_number_is_refused(box: Box, vendor: Client) -> None:
    """A number that another agent holds is refused, with all else of the request."""
    before = state(box)
    answer = vendor.call("edit/v2", operatorId="8001", sipnumber="60002", name="李四", mainGroupName="新组")
    assert answer == {"code": 20006, "msg": "sip号码 60002 已被其他坐席绑定"}
    assert state(box) == before


@pytest.mark.parametrize("number", ["60000", "100000", "060001", "６０００１", "60001 ", "", "x", "9" * 5000])
def test_an_unknown_sip_number_is_refused(vendor: Client, number: str) -> None:
    """A number outside the pool, or in another spelling, is unknown."""
    assert vendor.code("edit/v2", operatorId="8001", sipnumber=number) == 20007


def test_the_last_sip_number_of_the_pool(vendor: Client) -> None:
    """The pool has 39,999 numbers unless told otherwise: 60001 to 99999."""
    assert vendor.data("edit/v2", operatorId="8001", sipnumber="99999")["sipNumber"] == "99999"


def test_unbinding(vendor: Client) -> None:
    """An unbindSip of 1 takes the number away, and it can be bound by another."""
    data = vendor.data("edit/v2", operatorId="8001", unbindSip=1)
    assert (data["sipNumber"], data["sipPassword"]) == (None, None)
    assert vendor.code("edit/v2", operatorId="8003", sipnumber="60001") == 200


def test_unbinding_ignores_a_number_to_bind(vendor: Client) -> None:
    """With unbindSip 1 sipnumber is ignored (忽略该参数绑定), even one that is taken or unknown."""
    for number in ("60009", "60002", "nonsense"):
        assert vendor.data("edit/v2", operatorId="8001", unbindSip=1, sipnumber=number)["sipNumber"] is None


def test_unbind_0_does_not_unbind(vendor: Client) -> None:
    """An unbindSip of 0 is as good as not sent (0或不传:不解绑), and sipnumber then binds."""
    assert vendor.data("edit/v2", operatorId="8001", unbindSip=0)["sipNumber"] == "60001"
    assert vendor.data("edit/v2", operatorId="8001", unbindSip=0, sipnumber="60009")["sipNumber"] == "60009"


def test_unbinding_an_agent_without_number(vendor: Client) -> None:
    """Nothing to unbind is no refusal."""
    assert vendor.code("edit/v2", operatorId="8003", unbindSip=1) == 200


def test_a_group_keeps_its_id(box: Box, vendor: Client) -> None:
    """Any group's name is accepted, and two agents of one group have one maingroupid."""
    for operator_id in ("8002", "8003"):
        vendor.data("edit/v2", operatorId=operator_id, mainGroupName="夜班组")
    ids = {operator_id: agent["maingroupid"] for operator_id, agent in box.store.agents().items()}
    assert ids["8002"] == ids["8003"] not in (None, ids["8001"])


def test_no_group(vendor: Client) -> None:
    """A mainGroupName of "" takes the group away: name and id read as null."""
    assert vendor.data("edit/v2", operatorId="8001", mainGroupName="")["mainGroupName"] is None
    assert vendor.data("one/v2", operatorId="8001")["maingroupid"] is None


def test_a_password_on_edit_is_taken_as_plain(box: Box, vendor: Client) -> None:
    """edit/v2 does not say in which form: stored as the MD5 of what came."""
    vendor.data("edit/v2", operatorId="8001", password="secret")
    assert state(box)["password_md5"] == md5("secret")


def test_edit_pwd_stores_the_digest_that_came(box: Box, vendor: Client) -> None:
    """The 32 digits of editPwd are stored; it changes nothing else, and answers without data (2.1.6)."""
    before = state(box)
    digest = md5("new")
    answer = vendor.call("editPwd", operatorId="8001", password=digest)
    assert answer == {"code": 200, "msg": "成功"}
    assert state(box) == {**before, "password_md5": digest}


def test_edit_pwd_of_an_unknown_agent(vendor: Client) -> None:
    """No agent, no password (2.1.6)."""
    assert vendor.code("editPwd", operatorId="9999", password="0" * 32) == 20004
