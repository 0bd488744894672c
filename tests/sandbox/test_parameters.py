"""Every rule of the reference's parameter tables, written out by hand a second time (2.1.1 to 2.1.6)."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.server import Box

from .client import Client

MD5 = "e10adc3949ba59abbe56e057f20f883e"

# What each endpoint must be given; 8001 and 8002 exist.
REQUIRED: dict[str, dict[str, Any]] = {
    "create/v2": {"abbreviate": "acme"},
    "edit/v2": {"abbreviate": "acme", "operatorId": "8001"},
    "del/v2": {"abbreviate": "acme", "operatorIds": ["8002"]},
    "one/v2": {"abbreviate": "acme", "operatorId": "8001"},
    "page": {"abbreviate": "acme"},
    "editPwd": {"abbreviate": "acme", "operatorId": "8001", "password": MD5},
}

STRINGS: dict[str, str] = {
    "create/v2": "abbreviate bindcode email name operatorId password showcaller ttscontent roleName bindSkillName",
    "edit/v2": "abbreviate bindcode name operatorId password showcaller sipnumber ttscontent roleName mainGroupName",
    "del/v2": "abbreviate",
    "one/v2": "abbreviate operatorId mainGroupName",
    "page": "abbreviate operatorId sipNumber mainGroupName",
    "editPwd": "abbreviate operatorId password",
}

ANY = (-(2**31), 2**31 - 1)
FLAG = (0, 1)
INTEGERS: dict[str, dict[str, tuple[int, int]]] = {
    "create/v2": {
        "afterInterval": (0, ANY[1]),
        "batchFlag": FLAG,
        "batchSize": (1, 1000),
        "companyId": ANY,
        "isHidePhone": FLAG,
        "isaudio": FLAG,
        "ismessage": FLAG,
        "isrecord": FLAG,
        "isvideo": FLAG,
        "judge": FLAG,
        "operatorType": FLAG,
        "outcallflag": (0, 3),
        "sipFlag": FLAG,
        "bindSkillLevel": ANY,
    },
    "edit/v2": {
        "afterInterval": (1, ANY[1]),
        "companyId": ANY,
        "operatorType": FLAG,
        "status": FLAG,
        "unbindSip": FLAG,
        "isHidePhone": FLAG,
        "isrecord": FLAG,
        "outcallflag": (0, 3),
    },
    "del/v2": {"companyId": ANY},
    "one/v2": {"companyId": ANY},
    "page": {"pageNumber": (1, ANY[1]), "pageSize": (10, 100)},
    "editPwd": {"companyId": ANY},
}

TEXT_ROWS = [(endpoint, name) for endpoint, names in STRINGS.items() for name in names.split()]
INTEGER_ROWS = [(endpoint, name, *bounds) for endpoint, rows in INTEGERS.items() for name, bounds in rows.items()]
REQUIRED_ROWS = [(endpoint, name) for endpoint, body in REQUIRED.items() for name in body]
# Names that another endpoint knows: the likeliest mistakes.
STRANGERS = [
    ("create/v2", "status"),
    ("create/v2", "mainGroupName"),
    ("create/v2", "sipnumber"),
    ("create/v2", "unbindSip"),
    ("create/v2", "sipNumber"),
    ("edit/v2", "email"),
    ("edit/v2", "isaudio"),
    ("edit/v2", "ismessage"),
    ("edit/v2", "isvideo"),
    ("edit/v2", "judge"),
    ("edit/v2", "bindSkillName"),
    ("edit/v2", "bindSkillLevel"),
    ("edit/v2", "sipNumber"),
    ("edit/v2", "sipFlag"),
    ("edit/v2", "batchFlag"),
    ("del/v2", "operatorId"),
    ("one/v2", "sipNumber"),
    ("page", "companyId"),
    ("page", "pagesize"),
    ("editPwd", "mainGroupName"),
]


@pytest.fixture
def vendor(box: Box) -> Client:
    """The two agents that `REQUIRED` speaks of."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}])
    return Client(box.url)


def with_value(endpoint: str, name: str, value: object) -> dict[str, Any]:
    """The least body, with one value more or changed."""
    return {**REQUIRED[endpoint], name: value}


def refused(name: str, reason: str) -> dict[str, Any]:
    """The envelope that refuses a parameter."""
    return {"code": 20001, "msg": f"参数错误: {name} {reason}"}


@pytest.mark.parametrize("endpoint", REQUIRED)
def test_the_required_parameters_are_enough(vendor: Client, endpoint: str) -> None:
    """A body of the required parameters alone is accepted."""
    assert vendor.post(endpoint, REQUIRED[endpoint])["code"] == 200


@pytest.mark.parametrize(("endpoint", "name"), REQUIRED_ROWS)
def test_a_required_parameter_may_not_be_missing(vendor: Client, endpoint: str, name: str) -> None:
    """A required parameter (是否必须: 必须) left out is refused by name."""
    body = {key: value for key, value in REQUIRED[endpoint].items() if key != name}
    assert vendor.post(endpoint, body) == refused(name, "不能为空")


@pytest.mark.parametrize(("endpoint", "name"), [row for row in REQUIRED_ROWS if row[1] != "password"])
def test_a_required_parameter_may_not_be_empty(vendor: Client, endpoint: str, name: str) -> None:
    """A required parameter given as "" or [] is as good as missing."""
    empty: object = [] if name == "operatorIds" else ""
    assert vendor.post(endpoint, with_value(endpoint, name, empty)) == refused(name, "不能为空")


@pytest.mark.parametrize("value", [1, 1.5, True, None, ["a"], {"a": "b"}])
@pytest.mark.parametrize(("endpoint", "name"), TEXT_ROWS)
def test_a_string_must_be_a_string(vendor: Client, endpoint: str, name: str, value: object) -> None:
    """A string parameter given as another JSON type, null included, is refused by name."""
    assert vendor.post(endpoint, with_value(endpoint, name, value)) == refused(name, "类型应为 string")


@pytest.mark.parametrize(("endpoint", "name"), TEXT_ROWS)
def test_a_string_must_be_unicode(vendor: Client, endpoint: str, name: str) -> None:
    """Half a surrogate pair, which JSON can spell, is refused and not a crash."""
    assert vendor.post(endpoint, with_value(endpoint, name, "\ud800" * 32))["code"] == 20001


@pytest.mark.parametrize("value", ["1", 1.0, 1.5, True, False, None, [1], {}])
@pytest.mark.parametrize(("endpoint", "name"), [row[:2] for row in INTEGER_ROWS])
def test_an_integer_must_be_an_integer(vendor: Client, endpoint: str, name: str, value: object) -> None:
    """An integer parameter given as a string, a float (1.0 too), a boolean or null is refused by name."""
    assert vendor.post(endpoint, with_value(endpoint, name, value)) == refused(name, "类型应为 integer")


@pytest.mark.parametrize(("endpoint", "name", "least", "most"), INTEGER_ROWS)
def test_an_integer_has_a_minimum(vendor: Client, endpoint: str, name: str, least: int, most: int) -> None:
    """The minimum (最小值) is accepted, and one below is refused with the minimum named."""
    assert vendor.post(endpoint, with_value(endpoint, name, least))["code"] == 200
    below = vendor.post(endpoint, with_value(endpoint, name, least - 1))
    assert below == refused(name, f"最小值为 {least}")


@pytest.mark.parametrize(("endpoint", "name", "least", "most"), INTEGER_ROWS)
def test_an_integer_has_a_maximum(vendor: Client, endpoint: str, name: str, least: int, most: int) -> None:
    """The maximum (最大值) is accepted, and one above is refused with the maximum named."""
    assert vendor.post(endpoint, with_value(endpoint, name, most))["code"] == 200
    above = vendor.post(endpoint, with_value(endpoint, name, most + 1))
    assert above == refused(name, f"最大值为 {most}")


@pytest.mark.parametrize("endpoint", REQUIRED)
def test_an_unknown_parameter_is_refused(vendor: Client, endpoint: str) -> None:
    """A name in no table is refused by name."""
    assert vendor.post(endpoint, with_value(endpoint, "Name", "x")) == refused("Name", "不是支持的参数")


@pytest.mark.parametrize(("endpoint", "name"), STRANGERS)
def test_a_parameter_of_another_endpoint_is_refused(vendor: Client, endpoint: str, name: str) -> None:
    """A name that only another endpoint's table holds, or in another spelling, is refused by name."""
    assert vendor.post(endpoint, with_value(endpoint, name, 1)) == refused(name, "不是支持的参数")


def test_a_name_that_is_no_unicode_is_refused(vendor: Client) -> None:
    """A parameter whose name is half a surrogate pair is refused, in an answer that is still readable."""
    assert vendor.post("page", with_value("page", "\ud800", 1)) == refused("?", "不是支持的参数")


@pytest.mark.parametrize("value", ["8001", 8001, {"0": "8001"}, [8001], ["8001", None], None])
def test_operator_ids_are_a_list_of_strings(vendor: Client, value: object) -> None:
    """A list of operatorIds (string []) given as anything else is refused by name (2.1.3)."""
    body = with_value("del/v2", "operatorIds", value)
    assert vendor.post("del/v2", body) == refused("operatorIds", "类型应为 string []")


def test_operator_ids_may_not_hold_an_empty_one(vendor: Client) -> None:
    """A list with "" in it is refused (2.1.3)."""
    body = with_value("del/v2", "operatorIds", ["8001", ""])
    assert vendor.post("del/v2", body) == refused("operatorIds", "不能包含空值")


def test_an_operator_id_sent_at_creation_may_not_be_empty(vendor: Client) -> None:
    """Optional as it is, an operatorId of "" is no operatorId (2.1.1)."""
    assert vendor.post("create/v2", with_value("create/v2", "operatorId", "")) == refused("operatorId", "不能为空")


@pytest.mark.parametrize(("length", "code"), [(5, 20001), (6, 200), (32, 200), (33, 20001)])
@pytest.mark.parametrize("letter", ["a", "密"])
def test_a_new_password_has_6_to_32_characters(vendor: Client, letter: str, length: int, code: int) -> None:
    """最小长度: 6, 最大长度: 32, counted in characters (2.1.1)."""
    assert vendor.post("create/v2", with_value("create/v2", "password", letter * length))["code"] == code


@pytest.mark.parametrize(("length", "reason"), [(5, "最小长度为 6"), (33, "最大长度为 32")])
def test_the_length_of_a_new_password_is_named(vendor: Client, length: int, reason: str) -> None:
    """The refusal says which length is wanted, and not the password (2.1.1)."""
    body = with_value("create/v2", "password", "a" * length)
    assert vendor.post("create/v2", body) == refused("password", reason)


@pytest.mark.parametrize(
    "value",
    ["", "123456", MD5[:31], MD5 + "0", MD5.upper(), MD5[:31] + "g", MD5[:31] + "\n", MD5 + "\n", MD5[:31] + "３"],
)
def test_a_changed_password_is_a_lower_case_md5(vendor: Client, value: str) -> None:
    """A password sent to editPwd is 32 lower-case hex digits and nothing else (2.1.6)."""
    body = with_value("editPwd", "password", value)
    assert vendor.post("editPwd", body) == refused("password", "应为32位小写MD5摘要")


def test_the_text_bounds_no_password_on_edit(vendor: Client) -> None:
    """edit/v2 says nothing of the length of `password` (2.1.2)."""
    assert vendor.post("edit/v2", with_value("edit/v2", "password", "x" * 100))["code"] == 200
