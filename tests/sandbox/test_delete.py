"""del/v2 (2.1.3)."""

from __future__ import annotations

import pytest

from reconciler.sandbox.server import Box

from .client import Client


@pytest.fixture
def vendor(box: Box) -> Client:
    """Four agents with SIP numbers."""
    box.store.reset({"operatorId": f"800{n}", "sipNumber": f"6000{n}"} for n in range(1, 5))
    return Client(box.url)


def test_every_agent_of_the_list_goes(box: Box, vendor: Client) -> None:
    """All that are named are deleted, nobody else, and the answer has no data."""
    answer = vendor.call("del/v2", operatorIds=["8003", "8001"])
    assert answer == {"code": 200, "msg": "成功"}
    assert list(box.store.agents()) == ["8002", "8004"]


def test_an_unknown_id_refuses_the_whole_list(box: Box, vendor: Client) -> None:
    """One unknown id and nobody is deleted; the message names the first unknown one."""
    answer = vendor.call("del/v2", operatorIds=["8001", "9998", "9999"])
    assert answer == {"code": 20004, "msg": "坐席 9998 不存在"}
    assert len(box.store.agents()) == 4


def test_sip_numbers_come_free(vendor: Client) -> None:
    """The SIP numbers of the deleted can be bound by others."""
    vendor.data("del/v2", operatorIds=["8001"])
    assert vendor.code("edit/v2", operatorId="8002", sipnumber="60001") == 200


def test_a_deleted_agent_is_unknown(vendor: Client) -> None:
    """A second deletion is refused, and so is reading."""
    vendor.data("del/v2", operatorIds=["8001"])
    assert vendor.code("del/v2", operatorIds=["8001"]) == 20004
    assert vendor.code("one/v2", operatorId="8001") == 20004


def test_an_id_named_twice(box: Box, vendor: Client) -> None:
    """An id named twice is deleted once."""
    vendor.data("del/v2", operatorIds=["8001", "8001"])
    assert len(box.store.agents()) == 3
