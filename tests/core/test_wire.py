"""Canonical values to and from the vendor's JSON, with literal rows and bodies from the reference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import wire
from reconciler.core.model.desired import Company
from reconciler.core.model.fields import COMPARED, LISTED, Value
from reconciler.core.model.live import LiveAgent
from tests.core.build import COMPANY, live_agent
from tests.strategies import canonical_values

# 2.1.4, with every column that the reference lists.
ROW: dict[str, Any] = {
    "id": 17,
    "companyId": 4242,
    "operatorId": "8001",
    "name": "张三",
    "operatorType": 1,
    "showcaller": "4008001234",
    "priority": 0,
    "sipid": 3,
    "bindcode": "13800138000",
    "ismemory": 0,
    "isaudio": 1,
    "isvideo": 0,
    "ismessage": 1,
    "isHidePhone": 1,
    "outcallflag": 3,
    "email": "zhang@example.com",
    "ctime": 1700000000000,
    "utime": 1700000000000,
    "ttscontent": "您好",
    "status": 0,
    "isrecord": 0,
    "maingroupid": 9,
    "judge": 0,
    "afterInterval": 10,
    "sipNumber": "60001",
    "sipPassword": "hunter2",
    "mainGroupName": "售后一组",
}
FIELDS: dict[str, Value] = {
    "name": "张三",
    "operatorType": "leader",
    "status": "disabled",
    "mainGroupName": "售后一组",
    "showcaller": "4008001234",
    "bindcode": "13800138000",
    "sipNumber": "60001",
    "afterInterval": 10,
    "isHidePhone": True,
    "isrecord": False,
    "outcallflag": "no-international",
    "ttscontent": "您好",
    "email": "zhang@example.com",
    "isaudio": True,
    "ismessage": True,
    "isvideo": False,
    "judge": False,
}
HEAD: dict[str, Any] = {"abbreviate": "acme", "companyId": 4242, "operatorId": "8001"}


def test_a_listed_row() -> None:
    """A full row is read by the table's names; what has no row there is dropped, the SIP password with it."""
    agent = wire.live_agent(ROW)
    assert agent == LiveAgent("8001", FIELDS)
    assert "hunter2" not in repr(agent)


@pytest.mark.parametrize("empty", [{}, {name: None for name in ROW if name != "operatorId"}], ids=["missing", "null"])
def test_what_a_row_leaves_out_is_empty(empty: dict[str, None]) -> None:
    """Missing keys and nulls are the empty value of each kind."""
    fields = dict(wire.live_agent({**empty, "operatorId": 8001}).fields)
    assert {name for name, value in fields.items() if value == ""} == {
        *("name", "mainGroupName", "showcaller", "bindcode", "ttscontent", "email")
    }
    numbers = {"operatorType": "agent", "status": "disabled", "outcallflag": "allowed", "afterInterval": 0}
    flags = dict.fromkeys(("isHidePhone", "isrecord", "isaudio", "ismessage", "isvideo", "judge"), False)
    assert {name: value for name, value in fields.items() if value != ""} == {**numbers, **flags, "sipNumber": None}


def test_numbers_in_texts_are_numbers_and_the_other_way_round() -> None:
    """The vendor's mixture of texts and integers reads the same as a tidy row."""
    untidy = {name: str(value) if isinstance(value, int) else value for name, value in ROW.items()}
    untidy |= {"operatorId": 8001, "showcaller": 4008001234, "sipNumber": 60001, "afterInterval": 10.0}
    assert wire.live_agent(untidy) == wire.live_agent(ROW)


@pytest.mark.parametrize("row", [None, [], "8001", 5])
def test_what_is_no_row_is_refused(row: object) -> None:
    """A row that is no object cannot be an agent."""
    with pytest.raises(ValueError, match="a listed row is not an object"):
        wire.live_agent(row)


@pytest.mark.parametrize("row", [{}, {"operatorId": None}, {"operatorId": ""}, {"operatorid": "8001"}])
def test_a_row_without_a_key_is_refused(row: object) -> None:
    """An agent that cannot be named is not taken for one with an empty name."""
    with pytest.raises(ValueError, match="a listed row has no operatorId"):
        wire.live_agent(row)


def test_the_company_in_a_request() -> None:
    """Every request names the company, and its id when it is known; the listing never takes the id."""
    assert wire.company_body(COMPANY) == {"abbreviate": "acme", "companyId": 4242}
    assert wire.company_body(Company("acme")) == {"abbreviate": "acme"}
    assert wire.company_body(Company("acme", 0)) == {"abbreviate": "acme", "companyId": 0}
    assert wire.page_body(COMPANY, 3) == {"abbreviate": "acme", "pageNumber": 3, "pageSize": 100}
    assert wire.one_body(COMPANY, "8001") == HEAD
    search = {"abbreviate": "acme", "pageNumber": 1, "pageSize": 100, "operatorId": "8001"}
    assert wire.search_body(COMPANY, "8001") == search


def test_a_create_of_a_batch() -> None:
    """2.1.1: the first id and how many they are; without a password the vendor chooses one for each."""
    first, size = wire.create_body(COMPANY, ("8001",), {}, None), {"batchFlag": 1, "batchSize": 3}
    assert wire.create_body(COMPANY, ("8001", "8002", "8003"), {}, None) == first | size
    assert "password" not in first


def test_a_create_with_everything() -> None:
    """2.1.1: integers for flags and choices, no status, group or SIP number, and no number to be assigned."""
    fields: dict[str, Value] = {**FIELDS, "roleName": "值班", "bindSkillName": "售后", "bindSkillLevel": 3}
    assert wire.create_body(COMPANY, ("8001",), fields, "hunter2") == {
        **HEAD,
        "name": "张三",
        "operatorType": 1,
        "showcaller": "4008001234",
        "bindcode": "13800138000",
        "afterInterval": 10,
        "isHidePhone": 1,
        "isrecord": 0,
        "outcallflag": 3,
        "ttscontent": "您好",
        "email": "zhang@example.com",
        "isaudio": 1,
        "ismessage": 1,
        "isvideo": 0,
        "judge": 0,
        "roleName": "值班",
        "bindSkillName": "售后",
        "bindSkillLevel": 3,
        "sipFlag": 0,
        "password": "hunter2",
    }


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({}, {}),
        ({"sipNumber": None}, {"sipFlag": 0}),
        ({"sipNumber": "60001"}, {"sipFlag": 0}),
        ({"status": "disabled", "mainGroupName": "g"}, {}),
        ({"name": ""}, {"name": ""}),
        ({"afterInterval": 0}, {"afterInterval": 0}),
    ],
)
def test_a_create_sends_what_is_managed(fields: dict[str, Value], more: dict[str, object]) -> None:
    """A number is left to the vendor only where the file says nothing of it; empty values are sent as they are."""
    assert wire.create_body(COMPANY, ("8001",), fields, "hunter2") == {**HEAD, **more, "password": "hunter2"}


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({"sipNumber": None}, {"unbindSip": 1}),
        ({"sipNumber": "60001"}, {"sipnumber": "60001"}),
        ({"status": "disabled"}, {"status": 0}),
        ({"status": "enabled", "mainGroupName": ""}, {"status": 1, "mainGroupName": ""}),
        ({"name": "", "isrecord": True}, {"name": "", "isrecord": 1}),
        ({"roleName": "值班"}, {"roleName": "值班"}),
        ({"outcallflag": "forbidden", "operatorType": "agent"}, {"outcallflag": 2, "operatorType": 0}),
    ],
)
def test_an_edit_sends_exactly_the_given_fields(fields: dict[str, Value], more: dict[str, object]) -> None:
    """2.1.2: only what is given goes out, and no number becomes an unbinding."""
    assert wire.edit_body(COMPANY, "8001", fields) == {**HEAD, **more}


def test_a_field_that_cannot_be_edited_is_not_sent_in_an_edit() -> None:
    """What edit does not know never reaches it."""
    fixed: dict[str, Value] = {"email": "a", "isaudio": True, "judge": False, "bindSkillName": "s"}
    assert wire.edit_body(COMPANY, "8001", {**fixed, "name": "a"}) == {**HEAD, "name": "a"}


def test_a_delete_names_its_agents() -> None:
    """2.1.3 takes a list of texts."""
    body = {"abbreviate": "acme", "companyId": 4242, "operatorIds": ["8001", "0071"]}
    assert wire.delete_body(COMPANY, ("8001", "0071")) == body


def test_a_password_goes_as_lower_case_md5() -> None:
    """2.1.6 takes the MD5 of the UTF-8 text as 32 lower-case hexadecimal digits, never the password."""
    assert wire.password_body(COMPANY, "8001", "hunter2") == {**HEAD, "password": "2ab96390c7dbe3439de74d0c9b0b1767"}
    assert wire.password_body(COMPANY, "8001", "密码")["password"] == "a8105204604a0b11e916f3879aae3b0b"


@given(st.fixed_dictionaries({row.name: canonical_values(row) for row in LISTED}))
def test_what_is_sent_is_what_is_listed(fields: dict[str, Value]) -> None:
    """A row that echoes what create and edit sent reads as the values that were meant."""
    sent = wire.create_body(COMPANY, ("8001",), fields, "x") | wire.edit_body(COMPANY, "8001", fields)
    row = {name: value for name, value in sent.items() if name not in ("sipFlag", "unbindSip", "password")}
    row["sipNumber"] = row.pop("sipnumber", None)
    assert wire.live_agent(row) == live_agent("8001", **fields)


@given(st.fixed_dictionaries({}, optional={row.name: canonical_values(row) for row in COMPARED}))
def test_no_body_holds_a_boolean_or_a_null(fields: dict[str, Value]) -> None:
    """Whatever is sent is a text or an integer."""
    for body in (wire.create_body(COMPANY, ("8001",), fields, "x"), wire.edit_body(COMPANY, "8001", fields)):
        assert {type(value) for value in body.values()} <= {str, int}
