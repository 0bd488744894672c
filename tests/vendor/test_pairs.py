"""The hand-written request and answer pairs, which the sandbox is held to as well, checked against the client.

Beside each pair stands the call that it is about. Where the client's request differs from the pair's, the
difference is written down: the client always names the operatorId and a password, never sends a parameter at its
default, and cannot build what the vendor would refuse as malformed; of such a pair only the answer is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.core.model.desired import Company
from reconciler.core.model.endpoints import ENDPOINTS, PREFIX
from reconciler.core.model.fields import Value
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.message import text
from reconciler.core.model.secret import Secret
from reconciler.errors import IncompleteListing, VendorError
from reconciler.vendor.answer import Ok, Refused
from reconciler.vendor.http import Transport
from reconciler.vendor.reader import Reader
from reconciler.vendor.writer import Writer
from tests.vendor.line import PASSWORD, TOKEN, Line
from tests.vendor.vendor_stub import Stub, envelope

FOLDER = Path(__file__).parent.parent / "pairs"
PAIRS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
PAGE = {"pageNumber": 1, "pageSize": 100}
GONE: Any = object()
"""In `differs`: the client does not send this."""
SOME = {
    "id": 7,
    "priority": 0,
    "sipid": 3,
    "ismemory": 0,
    "ctime": 1700000000000,
    "utime": 1700000000000,
    "maingroupid": 9,
    "operatorId": "1001",
    "operatorPassword": "aB3dE6",
    "sipNumber": "60077",
    "sipPassword": "canary-sip-9",
}
"""What stands for `<any>` in an answer, by name."""

FULL_ROW: dict[str, Value] = {
    "name": "王芳",
    "operatorType": "leader",
    "status": "disabled",
    "mainGroupName": "售后一组",
    "showcaller": "01062345678",
    "bindcode": "+8613800138000",
    "sipNumber": "60001",
    "afterInterval": 30,
    "isHidePhone": True,
    "isrecord": False,
    "outcallflag": "no-international",
    "ttscontent": "您好",
    "email": "wang.fang@example.com",
    "isaudio": True,
    "ismessage": False,
    "isvideo": True,
    "judge": False,
}
BARE_ROW: dict[str, Value] = {
    "name": "",
    "operatorType": "agent",
    "status": "enabled",
    "mainGroupName": "",
    "showcaller": "",
    "bindcode": "",
    "sipNumber": None,
    "afterInterval": 0,
    "isHidePhone": False,
    "isrecord": True,
    "outcallflag": "allowed",
    "ttscontent": "",
    "email": "",
    "isaudio": True,
    "ismessage": True,
    "isvideo": False,
    "judge": True,
}
ROW_8012 = {
    **BARE_ROW,
    "name": "刘洋",
    "sipNumber": "60012",
    "bindcode": "01062345678",
    "mainGroupName": "售后一组",
}

ACME = Company("acme")
IN_4242 = Company("acme", 4242)
GIVEN = {"password": PASSWORD}
ACCEPTED: Any = object()
"""In `makes`: `Ok` with the pair's data as it stands."""
REFUSED: Any = object()
"""In `makes`: `Refused` with the pair's code and words."""


@dataclass(frozen=True)
class Case:
    """A call, how its body differs from the pair's, and what the client makes of the pair's answer."""

    call: Callable[[Transport, Company], Any]
    makes: Any
    company: Company = ACME
    differs: dict[str, Any] = field(default_factory=dict)


def create(operator_id: str, password: str = PASSWORD, **fields: Value) -> Callable[[Transport, Company], Any]:
    """2.1.1."""
    return lambda transport, company: Writer(transport, company).create((operator_id,), fields, Secret(password))


def batch(*operator_ids: str, **fields: Value) -> Callable[[Transport, Company], Any]:
    """2.1.1 with `batchFlag`, the passwords left to the vendor."""
    return lambda transport, company: Writer(transport, company).create(operator_ids, fields, None)


def edit(operator_id: str, **fields: Value) -> Callable[[Transport, Company], Any]:
    """2.1.2."""
    return lambda transport, company: Writer(transport, company).edit(operator_id, fields)


def delete(*operator_ids: str) -> Callable[[Transport, Company], Any]:
    """2.1.3."""
    return lambda transport, company: Writer(transport, company).delete(operator_ids)


def password(operator_id: str, text: str) -> Callable[[Transport, Company], Any]:
    """2.1.6."""
    return lambda transport, company: Writer(transport, company).password(operator_id, Secret(text))


def one(operator_id: str) -> Callable[[Transport, Company], Any]:
    """2.1.4."""

    def look(transport: Transport, company: Company) -> LiveAgent | None:
        found = Reader(transport, company).one(operator_id)
        return found.agent if found else None

    return look


def listing(transport: Transport, company: Company) -> Any:
    """2.1.5."""
    return Reader(transport, company).listing()


def md5(text: str) -> str:
    """The form in which a password is sent by 2.1.6."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


TABLE: dict[str, Case] = {
    "create-batch": Case(batch("0099", "0100", "0101", name="外呼"), ACCEPTED),
    "create-full": Case(
        create(
            "8001",
            "Pass-8001",
            name="王芳",
            operatorType="leader",
            showcaller="01062345678",
            bindcode="+8613800138000",
            afterInterval=0,
            isHidePhone=True,
            isrecord=False,
            outcallflag="no-international",
            ttscontent="您好,请问有什么可以帮您?",
            email="wang.fang@example.com",
            isaudio=True,
            ismessage=False,
            isvideo=True,
            judge=False,
            roleName="班长",
            bindSkillName="售后一组",
            bindSkillLevel=5,
        ),
        ACCEPTED,
        IN_4242,
        {"sipFlag": GONE, "batchFlag": GONE, "batchSize": GONE},
    ),
    "create-minimal": Case(create("8001"), ACCEPTED, differs={**GIVEN, "operatorId": "8001"}),
    "create-refused-batch-id-in-use": Case(batch("8001", "8002", "8003"), REFUSED),
    "create-refused-company": Case(create("8001"), REFUSED, Company("nobody"), GIVEN),
    "create-refused-flag-as-string": Case(create("8001", isrecord=True), REFUSED, differs={**GIVEN, "isrecord": 1}),
    "create-refused-id-in-use": Case(create("8001", name="张三"), REFUSED, IN_4242, GIVEN),
    "create-refused-status": Case(create("8001", status="disabled"), REFUSED, differs={**GIVEN, "status": GONE}),
    "create-without-sip": Case(create("0071", sipNumber=None), ACCEPTED, differs=GIVEN),
    "del-full": Case(delete("8001", "8003"), ACCEPTED, IN_4242),
    "del-minimal": Case(delete("0071"), ACCEPTED),
    "del-refused-empty": Case(delete(), REFUSED),
    "del-refused-unknown": Case(delete("8001", "8002"), REFUSED, IN_4242),
    "edit-emptied": Case(edit("8001", showcaller="", bindcode="", ttscontent="", mainGroupName=""), ACCEPTED),
    "edit-full": Case(
        edit(
            "8001",
            name="李四",
            operatorType="leader",
            showcaller="4008001234",
            bindcode="01062345678",
            afterInterval=1,
            isHidePhone=True,
            isrecord=False,
            outcallflag="forbidden",
            ttscontent="感谢来电",
            roleName="值班主管",
            status="disabled",
            mainGroupName="投诉组",
            sipNumber="60009",
        ),
        ACCEPTED,
        IN_4242,
        {"unbindSip": GONE},
    ),
    "edit-minimal": Case(edit("8001", name="李四"), ACCEPTED),
    "edit-refused-fixed-at-creation": Case(edit("8001", email="a@example.com"), REFUSED, differs={"email": GONE}),
    "edit-refused-sip-taken": Case(edit("8001", sipNumber="60002"), REFUSED),
    "edit-refused-sip-unknown": Case(edit("8001", sipNumber="12345"), REFUSED),
    "edit-refused-unknown": Case(edit("8001", name="李四"), REFUSED),
    "edit-refused-wrap-up-time": Case(edit("8001", afterInterval=0), REFUSED, IN_4242),
    # The pair shows that `sipnumber` is ignored beside `unbindSip`; the client does not send it.
    "edit-unbind": Case(edit("8001", sipNumber=None), ACCEPTED, differs={"sipnumber": GONE}),
    "editpwd-full": Case(password("8001", "123456"), ACCEPTED, IN_4242),
    "editpwd-minimal": Case(password("0071", PASSWORD), ACCEPTED, differs={"password": md5(PASSWORD)}),
    "editpwd-refused-unknown": Case(password("8001", "123456"), REFUSED, IN_4242),
    "editpwd-refused-upper-case": Case(password("8001", "123456"), REFUSED, differs={"password": md5("123456")}),
    "one-full": Case(one("8001"), LiveAgent("8001", FULL_ROW), IN_4242, {"mainGroupName": GONE}),
    "one-minimal": Case(one("0071"), LiveAgent("0071", BARE_ROW)),
    "one-refused-unknown": Case(one("8001"), None, IN_4242),
    # The client filters nothing and asks for the largest pages.
    "page-filtered": Case(listing, [], differs={"operatorId": GONE, "sipNumber": GONE}),
    "page-full": Case(
        listing,
        IncompleteListing("listing-incomplete", text("the listing does not add up")),
        differs={**PAGE, "mainGroupName": GONE},
    ),  # one row of eleven
    "page-minimal": Case(listing, [], differs=PAGE),
    "page-refused-company-id": Case(
        listing, VendorError("vendor-refused", text("companyId 不是支持的参数")), IN_4242, {**PAGE, "companyId": GONE}
    ),
    "page-refused-size": Case(
        listing, VendorError("vendor-refused", text("pageSize 最大值为 100")), differs={"pageSize": 100}
    ),
}


def read(stem: str) -> dict[str, Any]:
    """One pair."""
    pair = yaml.safe_load((FOLDER / f"{stem}.yaml").read_text(encoding="utf-8"))
    assert isinstance(pair, dict)
    return pair


def filled(value: Any, name: str = "") -> Any:
    """An answer with something in the place of each `<any>`."""
    if value == "<any>":
        return SOME[name]
    if isinstance(value, dict):
        return {key: filled(inner, key) for key, inner in value.items()}
    return [filled(inner) for inner in value] if isinstance(value, list) else value


def answering(vendor: Stub, pair: dict[str, Any]) -> dict[str, Any]:
    """Have the vendor give the pair's answer, and return it."""
    answer: dict[str, Any] = filled(pair["answer"])
    # A refused look is made sure of by a search, which finds nobody.
    sure = [envelope(data={"result": [], "total": 0})] if pair["endpoint"] == "one/v2" else []
    vendor.script(envelope(**answer), *sure)
    return answer


@pytest.mark.parametrize("stem", PAIRS)
def test_the_request_is_the_pair_s(vendor: Stub, client: Line, stem: str) -> None:
    """From canonical values the client builds the pair's body, but for the differences that are written down."""
    case, pair = TABLE[stem], read(stem)
    answering(vendor, pair)
    with suppress(VendorError):
        case.call(client.transport, case.company)
    expected = {name: value for name, value in {**pair["request"], **case.differs}.items() if value is not GONE}
    assert vendor.requests[0].body == expected


@pytest.mark.parametrize("stem", PAIRS)
def test_a_difference_is_one(stem: str) -> None:
    """What is written down as a difference does differ from the pair; the rest is the pair's own."""
    request = read(stem)["request"]
    assert not [name for name, value in TABLE[stem].differs.items() if request.get(name, GONE) == value]


@pytest.mark.parametrize("stem", PAIRS)
def test_path_method_and_headers(vendor: Stub, client: Line, stem: str) -> None:
    """Every call is a POST of UTF-8 JSON to the reference's path, with the token in its header and nowhere else."""
    case, pair = TABLE[stem], read(stem)
    answering(vendor, pair)
    with suppress(VendorError):
        case.call(client.transport, case.company)
    seen = vendor.requests[0]
    assert (seen.method, seen.path) == ("POST", PREFIX + pair["endpoint"])
    assert (seen.headers["content-type"], seen.headers["token"]) == ("application/json", TOKEN)
    assert [name for name, value in seen.headers.items() if TOKEN in value] == ["token"]
    assert TOKEN not in seen.path
    assert TOKEN.encode() not in seen.raw


@pytest.mark.parametrize("stem", [stem for stem in PAIRS if TABLE[stem].makes in (ACCEPTED, REFUSED)])
def test_an_answer_to_a_write(vendor: Stub, client: Line, stem: str) -> None:
    """The pair's answer to a write is `Ok` with its data, or `Refused` with its code and words."""
    case, answer = TABLE[stem], answering(vendor, read(stem))
    accepted, refused = Ok(answer.get("data")), Refused(answer["code"], answer["msg"])
    assert case.call(client.transport, case.company) == (accepted if case.makes is ACCEPTED else refused)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    "stem",
    [stem for stem in PAIRS if TABLE[stem].makes is None or isinstance(TABLE[stem].makes, LiveAgent | list)],
)
def test_an_answer_to_a_read(vendor: Stub, client: Line, stem: str) -> None:
    """The pair's answer to a read becomes canonical agents: nulls, zeros and ones are gone, and so are secrets."""
    case = TABLE[stem]
    answering(vendor, read(stem))
    assert case.call(client.transport, case.company) == case.makes


@pytest.mark.parametrize("stem", [stem for stem in PAIRS if isinstance(TABLE[stem].makes, VendorError)])
def test_an_answer_that_ends_a_read(vendor: Stub, client: Line, stem: str) -> None:
    """The pair's answer to a read that cannot stand is an error of that class, with the vendor's words."""
    case = TABLE[stem]
    answering(vendor, read(stem))
    with pytest.raises(type(case.makes)) as caught:
        case.call(client.transport, case.company)
    assert type(caught.value) is type(case.makes)
    assert case.makes.message in caught.value.message


def test_a_listed_row_of_the_pairs(vendor: Stub, client: Line) -> None:
    """The row of the full page, were it the whole listing, is one canonical agent without its SIP password."""
    answer = filled(read("page-full")["answer"])
    answer["data"]["total"] = 1
    vendor.script(envelope(**answer))
    assert client.reader.listing() == [LiveAgent("8012", ROW_8012)]


def test_every_pair_is_in_the_table() -> None:
    """A pair without a call beside it is not checked, so there is none."""
    assert list(TABLE) == PAIRS


@pytest.mark.parametrize("path", [endpoint.path for endpoint in ENDPOINTS.values()])
def test_every_endpoint_has_pairs(path: str) -> None:
    """Each of the six endpoints has a pair that it accepts and one that it refuses."""
    codes = {pair["answer"]["code"] for pair in map(read, PAIRS) if PREFIX + pair["endpoint"] == path}
    assert 200 in codes
    assert codes - {200}
