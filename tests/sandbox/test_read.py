"""one/v2 (2.1.4) and page (2.1.5)."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.server import Box

from .client import Client

# As the reference lists them, 27 in all.
COLUMNS = [
    "id",
    "companyId",
    "operatorId",
    "name",
    "operatorType",
    "showcaller",
    "priority",
    "sipid",
    "sipNumber",
    "sipPassword",
    "bindcode",
    "ismemory",
    "isaudio",
    "isvideo",
    "ismessage",
    "isHidePhone",
    "outcallflag",
    "email",
    "ctime",
    "utime",
    "ttscontent",
    "status",
    "isrecord",
    "maingroupid",
    "judge",
    "afterInterval",
    "mainGroupName",
]
GROUPS = ("售前组", "投诉组", None)


@pytest.fixture
def vendor(box: Box) -> Client:
    """25 agents, 8025 down to 8001 so that order by id is not order by operatorId; odd ones have a SIP number."""
    box.store.reset(
        {
            "operatorId": str(number),
            "mainGroupName": GROUPS[number % 3],
            "sipNumber": str(52000 + number) if number % 2 else None,
        }
        for number in range(8025, 8000, -1)
    )
    return Client(box.url)


def found(client: Client, **filters: Any) -> list[str]:
    """The operatorIds on one page that holds all."""
    data = client.data("page", pageSize=100, **filters)
    assert data["total"] == len(data["result"])
    return [row["operatorId"] for row in data["result"]]


def test_one_row_has_the_columns_of_the_text(vendor: Client) -> None:
    """one/v2 lists all 27 columns, and roleName, bindSkillName, bindSkillLevel and passwords are not among them."""
    assert list(vendor.data("one/v2", operatorId="8001")) == COLUMNS


def test_page_rows_are_the_rows_of_one(vendor: Client) -> None:
    """The row that page lists is the row of one/v2."""
    row = vendor.data("page", operatorId="8001")["result"][0]
    assert row == vendor.data("one/v2", operatorId="8001")


def test_the_company_id_of_rows(vendor: Client) -> None:
    """Rows carry companyId 4242 when no company was named."""
    assert vendor.data("one/v2", operatorId="8001")["companyId"] == 4242


def test_one_of_an_unknown_agent_is_refused(vendor: Client) -> None:
    """one/v2 refuses an operatorId that no agent has."""
    assert vendor.call("one/v2", operatorId="9999") == {"code": 20004, "msg": "坐席 9999 不存在"}


@pytest.mark.parametrize(("group", "code"), [("投诉组", 200), ("售前组", 20004), ("无", 20004), ("", 20004)])
def test_one_with_a_group(vendor: Client, group: str, code: int) -> None:
    """A mainGroupName sent to one/v2 must be the agent's."""
    assert vendor.code("one/v2", operatorId="8002", mainGroupName=group) == code


def test_one_of_an_agent_without_group(vendor: Client) -> None:
    """A mainGroupName of "" is the group of an agent without one."""
    assert vendor.code("one/v2", operatorId="8003", mainGroupName="") == 200


def test_the_first_page_is_the_default(vendor: Client) -> None:
    """Without them pageNumber is 1 and pageSize is 10."""
    data = vendor.data("page")
    assert list(data) == ["result", "pageSize", "total", "pageNumber", "pageTotal"]
    assert (len(data["result"]), data["pageSize"], data["pageNumber"]) == (10, 10, 1)
    assert (data["total"], data["pageTotal"]) == (25, 3)


@pytest.mark.parametrize("size", [10, 11, 24, 25, 26, 100])
def test_pages_together_are_everyone_once(vendor: Client, size: int) -> None:
    """All pages in turn list every agent once, ordered by the vendor's id."""
    total = vendor.data("page", pageSize=size)["pageTotal"]
    pages = [vendor.data("page", pageSize=size, pageNumber=n)["result"] for n in range(1, total + 1)]
    assert [row["id"] for page in pages for row in page] == list(range(1, 26))


def test_a_page_past_the_end_is_empty(vendor: Client) -> None:
    """A page past the last is no refusal, but has no rows."""
    data = vendor.data("page", pageNumber=2**31 - 1)
    assert (data["result"], data["total"], data["pageNumber"]) == ([], 25, 2**31 - 1)


def test_an_empty_company(client: Client) -> None:
    """With no agents there are no rows and no pages."""
    assert client.data("page") == {"result": [], "pageSize": 10, "total": 0, "pageNumber": 1, "pageTotal": 0}


def test_filter_by_operator_id(vendor: Client) -> None:
    """A filter by operatorId matches exactly, not by its beginning."""
    assert found(vendor, operatorId="8001") == ["8001"]
    assert found(vendor, operatorId="800") == []


def test_filter_by_sip_number(vendor: Client) -> None:
    """A filter by sipNumber matches exactly; one that is free or unknown finds nobody."""
    assert found(vendor, sipNumber="60003") == ["8003"]
    assert found(vendor, sipNumber="60002") == []
    assert found(vendor, sipNumber="6000") == []


def test_filter_by_group(vendor: Client) -> None:
    """A filter by mainGroupName matches exactly; an unknown one finds nobody."""
    assert found(vendor, mainGroupName="投诉组") == [str(n) for n in range(8025, 8000, -1) if n % 3 == 1]
    assert found(vendor, mainGroupName="投诉") == []


def test_an_empty_filter_finds_those_without(vendor: Client) -> None:
    """A filter sent as "" finds the agents that have no such value."""
    assert found(vendor, sipNumber="") == [str(n) for n in range(8024, 8001, -2)]
    assert found(vendor, mainGroupName="") == [str(n) for n in range(8025, 8000, -1) if n % 3 == 2]
    assert found(vendor, operatorId="") == []


def test_filters_add_up(vendor: Client) -> None:
    """Several filters must all match."""
    assert found(vendor, operatorId="8003", sipNumber="60003") == ["8003"]
    assert found(vendor, operatorId="8001", sipNumber="60003") == []


def test_filtered_pages(vendor: Client) -> None:
    """Both total and pageTotal count what the filter lets through."""
    data = vendor.data("page", sipNumber="", pageNumber=2)
    assert (data["total"], data["pageTotal"], len(data["result"])) == (12, 2, 2)


@pytest.mark.parametrize(
    ("endpoint", "body", "filters"),
    [
        ("create/v2", {"operatorId": "9001"}, {}),
        ("del/v2", {"operatorIds": ["8001"]}, {}),
        ("edit/v2", {"operatorId": "8003", "unbindSip": 1}, {"sipNumber": "60003"}),
        ("edit/v2", {"operatorId": "8002", "mainGroupName": "售前组"}, {"mainGroupName": "售前组"}),
    ],
)
def test_a_listing_follows_every_write(
    vendor: Client, endpoint: str, body: dict[str, Any], filters: dict[str, Any]
) -> None:
    """A listing read before a write is not read again after it."""
    before = found(vendor, **filters)
    vendor.data(endpoint, **body)
    assert found(vendor, **filters) != before
