"""create/v2 (2.1.1)."""

from __future__ import annotations

import pytest

from reconciler.sandbox.server import Box, running

from .client import Client, md5


def test_data_is_always_a_list(client: Client) -> None:
    """One agent comes back as a list of one, with the four keys of the text."""
    data = client.data("create/v2", operatorId="8001")
    assert [sorted(agent) for agent in data] == [["operatorId", "operatorPassword", "sipNumber", "sipPassword"]]


def test_defaults(box: Box, client: Client) -> None:
    """What is not sent gets the default of the text (默认值), and a new agent is enabled."""
    client.data("create/v2", operatorId="8001")
    agent = box.store.agents()["8001"]
    defaults = {
        "afterInterval": 0,
        "isHidePhone": 0,
        "isaudio": 1,
        "ismessage": 1,
        "isrecord": 1,
        "isvideo": 0,
        "judge": 1,
        "operatorType": 0,
        "outcallflag": 0,
        "bindSkillLevel": 0,
        "status": 1,
    }
    assert {name: agent[name] for name in defaults} == defaults


def test_text_never_set_is_null(client: Client) -> None:
    """Text that was not sent reads as null."""
    client.data("create/v2", operatorId="8001")
    row = client.data("one/v2", operatorId="8001")
    texts = ("name", "showcaller", "bindcode", "email", "ttscontent", "mainGroupName")
    assert [row[name] for name in texts] == [None] * len(texts)


def test_every_field_sent_is_stored(box: Box, client: Client) -> None:
    """Every attribute of the table is stored as sent, listed or not."""
    sent = {
        "afterInterval": 7,
        "bindcode": "+8613800000000",
        "email": "a@example.com",
        "isHidePhone": 1,
        "isaudio": 0,
        "ismessage": 0,
        "isrecord": 0,
        "isvideo": 1,
        "judge": 0,
        "name": "张三",
        "operatorId": "0071",
        "operatorType": 1,
        "outcallflag": 3,
        "showcaller": "01062345678",
        "ttscontent": "您好",
        "roleName": "班长",
        "bindSkillName": "售前组",
        "bindSkillLevel": 5,
    }
    client.data("create/v2", **sent)
    agent = box.store.agents()["0071"]
    assert {name: agent[name] for name in sent} == sent


def test_the_first_chosen_operator_id(client: Client) -> None:
    """Without operatorId an empty company's first agent gets 8001."""
    assert client.data("create/v2")[0]["operatorId"] == "8001"


def test_a_chosen_operator_id_is_free(box: Box, client: Client) -> None:
    """Without operatorId the vendor takes the number after the greatest of at least four digits in use."""
    box.store.reset([{"operatorId": "9999"}, {"operatorId": "012"}, {"operatorId": "x99999"}])
    assert client.data("create/v2")[0]["operatorId"] == "10000"


def test_an_operator_id_in_use_is_refused(client: Client) -> None:
    """A second agent of the same operatorId is refused, and the message names it."""
    client.data("create/v2", operatorId="8001")
    assert client.call("create/v2", operatorId="8001") == {"code": 20005, "msg": "坐席工号 8001 已存在"}


def test_operator_ids_are_text(client: Client) -> None:
    """0071 and 71 are two agents."""
    client.data("create/v2", operatorId="0071")
    assert client.code("create/v2", operatorId="71") == 200


def test_sip_numbers_are_given_from_the_lowest(client: Client) -> None:
    """A sipFlag of 1, the default, gives the lowest free SIP number."""
    given = [client.data("create/v2")[0]["sipNumber"] for _ in range(3)]
    assert given == ["60001", "60002", "60003"]


def test_a_released_sip_number_is_given_again(client: Client) -> None:
    """A number that came free is the lowest free one again."""
    for operator_id in ("8001", "8002", "8003"):
        client.data("create/v2", operatorId=operator_id)
    client.data("del/v2", operatorIds=["8002"])
    assert client.data("create/v2")[0]["sipNumber"] == "60002"


def test_a_held_sip_number_is_passed_over(box: Box, client: Client) -> None:
    """A number bound by name before its turn is not given twice."""
    box.store.reset([{"operatorId": "9001", "sipNumber": "60002"}])
    assert [client.data("create/v2")[0]["sipNumber"] for _ in range(2)] == ["60001", "60003"]


def test_no_sip_number_when_not_wanted(client: Client) -> None:
    """A sipFlag of 0 gives none, and both SIP values of the answer are null."""
    agent = client.data("create/v2", sipFlag=0)[0]
    assert (agent["sipNumber"], agent["sipPassword"]) == (None, None)


def test_no_sip_number_left() -> None:
    """With the pool used up creation is refused whole, but not without a SIP number."""
    with running(sip_numbers=2) as box:
        client = Client(box.url)
        assert client.code("create/v2", batchFlag=1, batchSize=3) == 20008
        assert client.code("create/v2", batchFlag=1, batchSize=2) == 200
        assert client.call("create/v2") == {"code": 20008, "msg": "可用的sip号码不足"}
        assert client.code("create/v2", sipFlag=0) == 200
        assert len(box.store.agents()) == 3


def test_a_password_sent_is_the_password(box: Box, client: Client) -> None:
    """The password sent comes back, and only its MD5 is stored."""
    answered = client.data("create/v2", operatorId="8001", password="secret-8001")[0]
    assert answered["operatorPassword"] == "secret-8001"
    assert box.store.agents()["8001"]["password_md5"] == md5("secret-8001")
    assert "secret-8001" not in str(box.store.agents())


def test_a_password_not_sent_is_random(box: Box, client: Client) -> None:
    """Without one the vendor makes up six characters (默认随机6位密码), different ones for each agent."""
    answered = client.data("create/v2", batchFlag=1, batchSize=50)
    passwords = {agent["operatorPassword"] for agent in answered}
    assert {len(password) for password in passwords} == {6}
    assert len(passwords) > 1
    stored = box.store.agents()
    for agent in answered:
        digest = md5(agent["operatorPassword"])
        assert stored[agent["operatorId"]]["password_md5"] == digest


@pytest.mark.parametrize(
    ("operator_type", "roles"), [(0, {"普通坐席", "高级坐席", "外呼坐席"}), (1, {"班长", "值班主管"})]
)
def test_a_role_not_named_is_drawn_from_the_type(box: Box, client: Client, operator_type: int, roles: set[str]) -> None:
    """Without roleName the vendor draws one of the agent's type (从指定类型中随机选取一个)."""
    client.data("create/v2", batchFlag=1, batchSize=100, operatorType=operator_type)
    assert {agent["roleName"] for agent in box.store.agents().values()} <= roles


def test_a_batch_numbers_upwards(client: Client) -> None:
    """A batchFlag of 1 makes batchSize agents with consecutive operatorIds, in that order."""
    created = client.data("create/v2", operatorId="8001", batchFlag=1, batchSize=3)
    assert [agent["operatorId"] for agent in created] == ["8001", "8002", "8003"]


def test_a_batch_keeps_leading_zeros(client: Client) -> None:
    """The operatorIds of a batch keep the first one's width."""
    created = client.data("create/v2", operatorId="0099", batchFlag=1, batchSize=2)
    assert [agent["operatorId"] for agent in created] == ["0099", "0100"]


def test_a_batch_shares_its_attributes(box: Box, client: Client) -> None:
    """Every agent of a batch has the attributes sent, and a SIP number of its own."""
    client.data("create/v2", operatorId="8001", batchFlag=1, batchSize=3, name="外呼", afterInterval=9)
    agents = box.store.agents().values()
    assert {(agent["name"], agent["afterInterval"]) for agent in agents} == {("外呼", 9)}
    assert [agent["sipNumber"] for agent in agents] == ["60001", "60002", "60003"]


def test_a_batch_may_not_outgrow_its_width(box: Box, client: Client) -> None:
    """A batch that would need one digit more is refused whole."""
    answer = client.call("create/v2", operatorId="9999", batchFlag=1, batchSize=2)
    assert answer == {"code": 20001, "msg": "参数错误: batchSize 超出 operatorId 的 4 位范围"}
    assert box.store.agents() == {}


@pytest.mark.parametrize("operator_id", ["a001", "８００１", "80 1", "-801", "8001\n"])
def test_a_batch_needs_digits(client: Client, operator_id: str) -> None:
    """A batch's operatorId must be ASCII digits."""
    assert client.code("create/v2", operatorId=operator_id, batchFlag=1, batchSize=2) == 20001


def test_a_batch_that_meets_an_id_in_use_is_refused_whole(box: Box, client: Client) -> None:
    """One id in use refuses every agent of the batch, and the message names it."""
    client.data("create/v2", operatorId="8003")
    answer = client.call("create/v2", operatorId="8001", batchFlag=1, batchSize=5)
    assert answer == {"code": 20005, "msg": "坐席工号 8003 已存在"}
    assert list(box.store.agents()) == ["8003"]


def test_a_batch_without_operator_id(box: Box, client: Client) -> None:
    """Without operatorId the whole batch gets free numbers."""
    box.store.reset([{"operatorId": "8500"}])
    created = client.data("create/v2", batchFlag=1, batchSize=2)
    assert [agent["operatorId"] for agent in created] == ["8501", "8502"]


def test_batch_size_means_nothing_without_batch_flag(client: Client) -> None:
    """A batchSize alone makes one agent (batchFlag defaults to 0: 不批量创建)."""
    assert len(client.data("create/v2", batchSize=1000)) == 1


def test_the_largest_batch(client: Client) -> None:
    """A batchSize of 1000, the maximum, makes a thousand agents."""
    assert len(client.data("create/v2", batchFlag=1, batchSize=1000)) == 1000


def test_vendor_ids_are_never_used_again(box: Box, client: Client) -> None:
    """The vendor's own id of a deleted agent goes to nobody else."""
    client.data("create/v2", operatorId="8001")
    client.data("del/v2", operatorIds=["8001"])
    client.data("create/v2", operatorId="8001")
    assert box.store.agents()["8001"]["id"] == 2
