"""The other spellings of rows, for clients that must read them all."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.quirks import quirky
from reconciler.sandbox.server import running

from .client import Client

ROW = {"name": None, "ttscontent": "", "isaudio": 1, "bindcode": "13800000000", "operatorId": "0071", "text": "张三"}
MISSING = "missing"


def forms(field: str) -> set[tuple[str, Any]]:
    """Every form in which a field of `ROW` comes over many agents, with its type's name."""
    values = (quirky({"id": n, **ROW}).get(field, MISSING) for n in range(200))
    return {(type(value).__name__, value) for value in values}


def test_an_empty_value_has_three_forms() -> None:
    """Null and "" come as null, as "" or not at all."""
    three = {("NoneType", None), ("str", ""), ("str", MISSING)}
    assert forms("name") == forms("ttscontent") == three


def test_an_integer_may_be_a_string() -> None:
    """An integer comes as such or as a string, never as nothing."""
    assert forms("isaudio") == {("int", 1), ("str", "1")}


def test_digits_may_be_a_number() -> None:
    """Text of digits comes as such or as a number."""
    assert forms("bindcode") == {("str", "13800000000"), ("int", 13800000000)}


def test_nothing_is_lost() -> None:
    """Digits with a leading zero, and other text, always come as they are."""
    assert forms("operatorId") == {("str", "0071")}
    assert forms("text") == {("str", "张三")}


def test_quirks_are_the_same_at_every_reading() -> None:
    """Which form it is depends on the agent and the field alone, in page and in one."""
    with running(agents=50, quirks=True) as box:
        client = Client(box.url)
        first = client.data("page", pageSize=100)["result"]
        assert first == client.data("page", pageSize=100)["result"]
        assert first[0] == client.data("one/v2", operatorId="8001")
    assert len({tuple(row) for row in first}) > 1


def test_quirks_spare_writes() -> None:
    """What is written, and what a write answers, is spelt as ever."""
    with running(quirks=True) as box:
        data = Client(box.url).data("create/v2", operatorId="8001", sipFlag=0)
        assert (data[0]["operatorId"], data[0]["sipNumber"]) == ("8001", None)
        assert box.store.agents()["8001"]["operatorId"] == "8001"


def test_no_quirks_unless_asked() -> None:
    """By default every row has all columns, and integers are integers."""
    with running(agents=50) as box:
        rows = Client(box.url).data("page", pageSize=100)["result"]
    assert {len(row) for row in rows} == {27}
    assert {type(row["isaudio"]) for row in rows} == {int}
