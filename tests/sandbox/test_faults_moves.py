"""The fault `move`: what a client sees that reads page after page, and what became of the store."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.server import Box, running

from .client import Client

IDS = [str(number) for number in range(8001, 8026)]


@pytest.fixture
def stocked(box: Box) -> Box:
    """25 agents, every fifth with a SIP number and a group."""
    box.store.reset(
        {"operatorId": each, **({"sipNumber": f"6{each}", "mainGroupName": "投诉组"} if each[-1] in "05" else {})}
        for each in IDS
    )
    return box


def read(box: Box, *, moved: int = 2, pages: int = 3, **rule: Any) -> list[dict[str, Any]]:
    """Reads the listing by tens; the rule hits one of the pages."""
    box.faults([{"endpoint": "page", "calls": [moved], "fault": "move", **rule}])
    client = Client(box.url)
    return [client.data("page", pageNumber=number) for number in range(1, pages + 1)]


def ids(page: dict[str, Any]) -> list[str]:
    """The operatorIds of a page."""
    return [row["operatorId"] for row in page["result"]]


def totals(pages: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """What each page says about the whole."""
    return [(page["total"], page["pageTotal"]) for page in pages]


@pytest.mark.parametrize("count", [1, 3])
def test_an_agent_goes(stocked: Box, count: int) -> None:
    """Delete: on that page the listing is shorter and later rows come earlier; the store is as it was."""
    pages = read(stocked, how="delete", count=count)
    assert ids(pages[1]) == IDS[10 + count : 20 + count]
    assert ids(pages[2]) == IDS[20:]
    assert totals(pages) == [(25, 3), (25 - count, 3), (25, 3)]
    assert list(stocked.store.agents()) == IDS


def test_an_agent_goes_for_good(stocked: Box) -> None:
    """Delete, real: the agents are gone from the store, no write is recorded, and every later page is shifted."""
    pages = read(stocked, how="delete", count=2, real=True)
    assert ids(pages[1]) + ids(pages[2]) == IDS[12:]
    assert totals(pages) == [(25, 3), (23, 3), (23, 3)]
    assert list(stocked.store.agents()) == IDS[2:]
    assert stocked.store.history() == []


def test_only_what_was_shown_goes(stocked: Box) -> None:
    """Delete takes only agents of earlier pages, and so never hits the first page."""
    assert ids(read(stocked, moved=1, pages=1, how="delete", real=True)[0]) == IDS[:10]
    assert [attempt.fault for attempt in stocked.store.attempts()] == [None]
    assert ids(read(stocked, how="delete", count=99)[1]) == IDS[20:]


def test_an_agent_comes(stocked: Box) -> None:
    """Insert: the last rows of the page before are seen again; the store is as it was."""
    pages = read(stocked, how="insert", count=2)
    assert ids(pages[1]) == IDS[8:18]
    assert totals(pages) == [(25, 3), (27, 3), (25, 3)]
    assert list(stocked.store.agents()) == IDS


def test_a_new_agent_stands_first(stocked: Box) -> None:
    """Insert on the first page shows new agents at the front, with every column."""
    [page] = read(stocked, moved=1, pages=1, how="insert", count=2)
    assert ids(page)[2:] == IDS[:8]
    assert not set(ids(page)[:2]) & set(IDS)
    assert page["result"][0].keys() == page["result"][9].keys()


def test_an_agent_comes_for_good(stocked: Box) -> None:
    """Insert, real: the new agent is in the store, at the front, and can be asked for."""
    pages = read(stocked, how="insert", real=True)
    assert (ids(pages[1]), ids(pages[2])) == (IDS[9:19], IDS[19:])
    new, *rest = stocked.store.agents()
    assert rest == IDS
    assert Client(stocked.url).code("one/v2", operatorId=new) == 200
    assert Client(stocked.url).data("create/v2")[0]["operatorId"] == "8026"


def test_insert_into_nothing(box: Box) -> None:
    """An empty listing can have an agent inserted, again and again."""
    for count in (1, 2):
        assert read(box, moved=1, pages=1, how="insert", real=True)[0]["total"] == count


def test_a_row_comes_twice(stocked: Box) -> None:
    """Duplicate: the page's first rows stand again in the place of its last, and the total is the same."""
    pages = read(stocked, how="duplicate", count=2)
    assert ids(pages[1]) == [*IDS[10:18], "8011", "8012"]
    assert totals(pages) == [(25, 3)] * 3


def test_too_few_rows_to_come_twice(stocked: Box) -> None:
    """Duplicate never shows a row more than twice, and leaves a single row alone."""
    assert ids(read(stocked, moved=3, how="duplicate", count=9)[2]) == ["8021", "8022", "8023", "8021", "8022"]
    for each in IDS[1:]:
        stocked.store.remove(each)
    assert ids(read(stocked, moved=1, pages=1, how="duplicate")[0]) == ["8001"]


@pytest.mark.parametrize(("count", "said"), [(1, (26, 3)), (10, (35, 4)), (-5, (20, 2)), (-99, (0, 0))])
def test_another_total(stocked: Box, count: int, said: tuple[int, int]) -> None:
    """Total: this page names so many more agents, or fewer, and shows the same rows."""
    pages = read(stocked, how="total", count=count)
    assert ids(pages[1]) == IDS[10:20]
    assert totals(pages) == [(25, 3), said, (25, 3)]


def test_another_order(stocked: Box) -> None:
    """Reorder: the first agents have gone to the end, so that rows are missed though the total is the same."""
    pages = read(stocked, how="reorder", count=2)
    assert ids(pages[1]) == IDS[12:22]
    assert totals(pages) == [(25, 3)] * 3
    assert ids(read(stocked, moved=3, how="reorder", count=2)[2]) == [*IDS[22:], "8001", "8002"]
    assert list(stocked.store.agents()) == IDS


def test_another_order_of_nothing(box: Box) -> None:
    """An empty listing has one order."""
    assert ids(read(box, moved=1, pages=1, how="reorder")[0]) == []


def test_what_moved_comes_back(stocked: Box) -> None:
    """Restore puts back what was deleted, wholly, and takes away what was inserted."""
    before = stocked.store.agents()
    stocked.faults(
        [
            {"endpoint": "page", "calls": [1, 2], "fault": "move", "how": "delete", "real": True, "count": 5},
            {"endpoint": "page", "calls": [3], "fault": "move", "how": "insert", "real": True, "count": 2},
            {"endpoint": "page", "calls": [4], "fault": "move", "how": "restore"},
        ]
    )
    client = Client(stocked.url)
    seen = [client.data("page", pageNumber=2)["total"] for _ in range(4)]
    assert (seen, stocked.store.agents()) == ([20, 15, 17, 25], before)
    assert Client(stocked.url).code("edit/v2", operatorId="8001", sipnumber="68005") == 20006


def test_what_others_took_stays_theirs(stocked: Box) -> None:
    """Restore leaves an id that was taken meanwhile to who has it, and a SIP number too."""
    stocked.faults(
        [
            {"endpoint": "page", "calls": [1], "fault": "move", "how": "delete", "real": True, "count": 5},
            {"endpoint": "page", "calls": [2], "fault": "move", "how": "restore"},
        ]
    )
    client = Client(stocked.url)
    client.data("page", pageNumber=2)
    stocked.store.put("8001", name="另一位")
    stocked.store.put("8025", sipNumber="68005")
    client.data("page")
    agents = stocked.store.agents()
    assert sorted(agents) == IDS
    assert (agents["8001"]["name"], agents["8005"]["sipNumber"], agents["8025"]["sipNumber"]) == (
        "另一位",
        None,
        "68005",
    )


def test_other_rules_know_no_earlier_moves(stocked: Box) -> None:
    """What moved under other rules, or before a reset, stays as it is."""
    read(stocked, how="delete", real=True)
    assert read(stocked, how="restore", pages=2)[1]["total"] == 24
    move = {"endpoint": "page", "fault": "move"}
    stocked.faults([{**move, "calls": [1], "how": "delete", "real": True}, {**move, "calls": [2], "how": "restore"}])
    Client(stocked.url).data("page", pageNumber=2)
    stocked.store.reset()
    assert Client(stocked.url).data("page", pageNumber=2)["total"] == 0


def test_a_filtered_listing_moves_too(stocked: Box) -> None:
    """A move keeps to the listing that was asked for."""
    stocked.faults([{"endpoint": "page", "fault": "move", "how": "reorder"}])
    rows = Client(stocked.url).data("page", mainGroupName="投诉组")["result"]
    assert [row["operatorId"] for row in rows] == ["8010", "8015", "8020", "8025", "8005"]


def test_a_wrong_page_is_refused_all_the_same(stocked: Box) -> None:
    """A page that the vendor would refuse is refused."""
    stocked.faults([{"endpoint": "page", "fault": "move", "how": "insert", "real": True}])
    assert Client(stocked.url).code("page", pageSize=9) == 20001
    assert list(stocked.store.agents()) == IDS


def test_moved_rows_have_their_quirks() -> None:
    """Rows of a moved page are spelt as the sandbox spells rows."""
    rule = {"endpoint": "page", "calls": [2], "fault": "move", "how": "total"}
    with running(agents=30, quirks=True, faults=[rule]) as box:
        first, second = (Client(box.url).data("page")["result"] for _ in range(2))
    assert first == second
