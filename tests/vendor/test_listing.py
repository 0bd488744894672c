"""The listing: every agent once, or nothing at all. Pages are no snapshot, and the vendor's rows have their quirks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.fields import BY_NAME, LISTED
from reconciler.errors import IncompleteListing, VendorError
from reconciler.vendor.reader import AHEAD
from reconciler.vendor.retry import LISTING_TRIES
from tests.process import Workplace
from tests.vendor.line import Line, line
from tests.vendor.vendor_stub import Shelf, Stub, envelope

Spoil = Callable[[int, int, dict[str, Any]], None]


def rows(count: int) -> list[Any]:
    """So many agents, numbered from 8000."""
    return [{"operatorId": str(8000 + number), "name": f"坐席{number}"} for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 250])
def test_every_agent_is_listed_once(vendor: Stub, client: Line, count: int) -> None:
    """However many fill how many pages, each agent comes once and in the vendor's order."""
    vendor.script(Shelf(rows(count)))
    agents = client.reader.listing()
    assert [agent.operator_id for agent in agents] == [row["operatorId"] for row in rows(count)]
    assert [agent.fields["name"] for agent in agents] == [row["name"] for row in rows(count)]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (250, 3)])
def test_no_page_is_asked_for_in_vain(vendor: Stub, client: Line, count: int, pages: int) -> None:
    """Each page is asked for once, a hundred rows at a time, and none that does not exist."""
    vendor.script(Shelf(rows(count)))
    client.reader.listing()
    asked = sorted((seen.body for seen in vendor.requests), key=lambda body: int(body["pageNumber"]))
    assert asked == [{"abbreviate": "acme", "pageNumber": page + 1, "pageSize": 100} for page in range(pages)]


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250, 1000])
def test_progress_adds_up(vendor: Stub, client: Line, count: int) -> None:
    """Progress grows with every page up to all rows of all."""
    vendor.script(Shelf(rows(count)))
    heard: list[tuple[int, int]] = []
    client.reader.listing(lambda done, total: heard.append((done, total)))
    steps = [min(100 * page, count) for page in range(1, max(1, -(-count // 100)) + 1)]
    assert heard == [(done, count) for done in steps]


def test_progress_begins_anew_with_a_second_reading(vendor: Stub, client: Line) -> None:
    """When the listing is read again, progress is that of the reading that goes on."""
    vendor.script(Shelf(rows(150), UNSETTLED["a row that comes twice"](1)))
    heard: list[tuple[int, int]] = []
    client.reader.listing(lambda done, total: heard.append((done, total)))
    assert heard == [(100, 150), (150, 150)] * 3


def _total_off_by(difference: int) -> Callable[[int], Spoil]:
    def until(last: int) -> Spoil:
        def spoil(passes: int, page: int, data: dict[str, Any]) -> None:
            if passes <= last and page == 2:
                data["total"] += difference

        return spoil

    return until


def _rows_of_page_2(change: Callable[[list[Any]], Any]) -> Callable[[int], Spoil]:
    def until(last: int) -> Spoil:
        def spoil(passes: int, page: int, data: dict[str, Any]) -> None:
            if passes <= last and page == 2:
                change(data["result"])

        return spoil

    return until


def _total_everywhere(difference: int) -> Callable[[int], Spoil]:
    def until(last: int) -> Spoil:
        def spoil(passes: int, _page: int, data: dict[str, Any]) -> None:
            if passes <= last:
                data["total"] += difference

        return spoil

    return until


UNSETTLED: dict[str, Callable[[int], Spoil]] = {
    "a total that grows": _total_off_by(1),
    "a total that shrinks": _total_off_by(-1),
    "a row that comes twice": _rows_of_page_2(lambda found: found.__setitem__(0, rows(1)[0])),
    "a row too many": _rows_of_page_2(lambda found: found.append({"operatorId": "9999"})),
    "a row too few": _rows_of_page_2(lambda found: found.pop()),
    "an empty page": _rows_of_page_2(lambda found: found.clear()),
    "a total above the rows": _total_everywhere(1),
    "a total below the rows": _total_everywhere(-1),
    "a total of none": _total_everywhere(-150),
    "a total below none": _total_everywhere(-151),
}


@pytest.mark.parametrize("until", UNSETTLED.values(), ids=UNSETTLED)
@pytest.mark.parametrize("spoilt", [1, LISTING_TRIES - 2])
def test_a_listing_that_moves_is_read_again(
    vendor: Stub, client: Line, until: Callable[[int], Spoil], spoilt: int
) -> None:
    """A reading that contradicts itself is thrown away, and one that holds still counts."""
    shelf = Shelf(rows(150), until(spoilt))
    vendor.script(shelf)
    assert [agent.operator_id for agent in client.reader.listing()] == [row["operatorId"] for row in rows(150)]
    assert shelf.passes == spoilt + 2  # two that agree


@pytest.mark.parametrize("until", UNSETTLED.values(), ids=UNSETTLED)
def test_a_listing_that_never_settles(vendor: Stub, client: Line, until: Callable[[int], Spoil]) -> None:
    """After a bounded number of readings nothing is concluded at all, and the error says what to do."""
    shelf = Shelf(rows(150), until(1000))
    vendor.script(shelf)
    with pytest.raises(IncompleteListing, match=f"{LISTING_TRIES} times") as caught:
        client.reader.listing()
    assert caught.value.hint
    assert shelf.passes == LISTING_TRIES
    assert max(client.pauses) <= 8


def test_rows_without_a_total_of_pages(vendor: Stub, client: Line) -> None:
    """Only `result` and `total` are needed; what else the vendor says of pages is not relied on."""
    vendor.script(envelope(data={"result": rows(3), "total": 3, "pageTotal": 99, "pageSize": 10, "pageNumber": 7}))
    assert len(client.reader.listing()) == 3


@pytest.mark.parametrize("total", [2, "2"])
def test_a_total_in_a_string(vendor: Stub, client: Line, total: Any) -> None:
    """The total may come as text."""
    vendor.script(envelope(data={"result": rows(2), "total": total}))
    assert len(client.reader.listing()) == 2


@pytest.mark.parametrize("result", [None, []])
def test_no_rows(vendor: Stub, client: Line, result: Any) -> None:
    """A company without agents has none, as an empty list or as null."""
    vendor.script(envelope(data={"result": result, "total": 0}))
    assert client.reader.listing() == []


def test_no_data(vendor: Stub, client: Line) -> None:
    """A success without data is a company without agents, once a second reading says the same."""
    vendor.script(envelope(data=None), envelope(data=None))
    assert client.reader.listing() == []
    assert len(vendor.requests) == 2


def test_no_data_once(vendor: Stub, client: Line) -> None:
    """Where the second reading shows agents, they are there."""
    full = {"result": rows(3), "total": 3}
    vendor.script(envelope(data=None), envelope(data=full), envelope(data=full))
    assert len(client.reader.listing()) == 3


SEEN: dict[str, tuple[Callable[[list[Any]], list[Any]], str]] = {
    "an id twice": (lambda found: [found[0], *found[:-1]], "3 rows, where 3 were promised; 8000 listed twice"),
    "a row that is missing": (lambda found: found[:-1], "2 rows, where 3 were promised; page 1 had 2 rows of the 100"),
}


@pytest.mark.parametrize(("spoil", "says"), SEEN.values(), ids=SEEN)
def test_what_was_seen_is_said(vendor: Stub, client: Line, spoil: Callable[[list[Any]], list[Any]], says: str) -> None:
    """What is alike in every reading is no change: the error says what does not add up, and whom to ask."""
    vendor.script(envelope(data={"result": spoil(rows(3)), "total": 3}))
    with pytest.raises(IncompleteListing) as caught:
        client.reader.listing()
    assert says in caught.value.message
    assert "changed" not in caught.value.message
    assert caught.value.hint == "ask the vendor: nobody's editing does this"


def test_pages_that_the_vendor_caps(vendor: Stub, client: Line) -> None:
    """A vendor that gives fifty rows where a hundred are asked for is told by that."""
    vendor.script(envelope(data={"result": rows(50), "total": 120}))
    with pytest.raises(
        IncompleteListing, match=r"50 rows, where 120 .*; page 1 had 50 rows of the 100 that were asked"
    ):
        client.reader.listing()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"result": []},
        {"total": None},
        {"result": [], "total": "many"},
        {"result": [], "total": True},
        {"result": [], "total": 2.5},
        {"result": [], "total": [1]},
        {"result": {"operatorId": "8001"}, "total": 1},
        {"result": "8001", "total": 1},
    ],
    ids=str,
)
def test_a_listing_of_another_form(vendor: Stub, client: Line, data: Any) -> None:
    """A listing without a total, or whose rows are no list, is an error and not an empty company."""
    vendor.script(envelope(data=data))
    with pytest.raises(VendorError) as caught:
        client.reader.listing()
    assert not isinstance(caught.value, IncompleteListing)


MALFORMED = ["8001", 8001, None, [], ["operatorId"], {}, {"name": "张三"}, {"operatorId": ""}, {"operatorId": None}]


@pytest.mark.parametrize("row", MALFORMED, ids=repr)
@pytest.mark.parametrize("at", [0, 100])
def test_a_malformed_row(vendor: Stub, client: Line, row: Any, at: int) -> None:
    """A row that is no agent ends the listing, on whichever page: what is not understood may hide an agent."""
    listed = rows(150)
    listed[at] = row
    vendor.script(Shelf(listed))
    with pytest.raises(VendorError, match="cannot be understood") as caught:
        client.reader.listing()
    assert not isinstance(caught.value, IncompleteListing)
    assert caught.value.__cause__ is None


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("row", MALFORMED, ids=repr)
def test_a_malformed_row_on_the_command_line(vendor: Stub, tmp_path: Path, row: Any) -> None:
    """The command ends with 1 and a sentence, prints no plan and no traceback."""
    vendor.script(envelope(data={"result": [row], "total": 1}))
    place = Workplace(tmp_path, vendor.url)
    place.write('version: 1\ncompany: {abbreviate: acme}\nagents:\n  - operatorId: "8001"\n')
    ran = place.run("plan")
    assert (ran.code, ran.out) == (1, "")
    assert "cannot be understood" in ran.err


@pytest.mark.parametrize("row", [row for row in MALFORMED[:7] if row], ids=repr)
def test_a_malformed_agent(vendor: Stub, client: Line, row: Any) -> None:
    """One agent that cannot be read is an error too, never "no such agent"."""
    vendor.script(envelope(data=row))
    with pytest.raises(VendorError):
        client.reader.one("8001")


def test_a_refused_page_ends_the_listing(vendor: Stub) -> None:
    """A refusal of any page is the end, and the pages that have not been asked for are not."""
    shelf = Shelf(rows(5000))
    vendor.script(shelf, then=envelope(20003, "系统忙"))
    with line(vendor.url, parallelism=2) as client, pytest.raises(VendorError, match="系统忙"):
        client.reader.listing()
    assert len(vendor.requests) < 50


def test_pages_may_overtake_each_other(vendor: Stub) -> None:
    """Pages that are answered in another order are put back into theirs."""
    shelf, third = Shelf(rows(250)), threading.Event()

    def answer(exchange: Any) -> None:
        if exchange.seen.body["pageNumber"] == 2:
            third.wait(30)
        shelf(exchange)
        if exchange.seen.body["pageNumber"] == 3:
            third.set()

    vendor.script(answer)
    with line(vendor.url, parallelism=2) as client:
        assert [agent.operator_id for agent in client.reader.listing()] == [row["operatorId"] for row in rows(250)]


QUIRKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an integer as a key": ({"operatorId": 8001}, {}),
    "integers in strings": (
        {"operatorType": "1", "status": "1", "afterInterval": "30", "isrecord": "1", "isvideo": "0"},
        {"operatorType": "leader", "status": "enabled", "afterInterval": 30, "isrecord": True, "isvideo": False},
    ),
    "booleans": ({"isrecord": True, "isvideo": False}, {"isrecord": True, "isvideo": False}),
    "floats": ({"afterInterval": 30.0, "outcallflag": 2.0}, {"afterInterval": 30, "outcallflag": "forbidden"}),
    "numbers as text": ({"sipNumber": 60001, "bindcode": 8002}, {"sipNumber": "60001", "bindcode": "8002"}),
    "nulls": ({"sipNumber": None, "name": None, "afterInterval": None}, {"sipNumber": None, "name": ""}),
    "empty texts": ({"sipNumber": "", "afterInterval": ""}, {"sipNumber": None, "afterInterval": 0}),
    "out of range": ({"operatorType": 9, "isrecord": 7}, {"operatorType": 9, "isrecord": 7}),
    "no number": ({"afterInterval": "soon", "isrecord": "yes"}, {"afterInterval": "soon", "isrecord": "yes"}),
    "unknown names": ({"sipnumber": "1", "priority": 3, "nickname": "x"}, {"sipNumber": None}),
}


@pytest.mark.parametrize(("row", "expected"), QUIRKS.values(), ids=QUIRKS)
def test_quirks_of_a_row(vendor: Stub, client: Line, row: dict[str, Any], expected: dict[str, Any]) -> None:
    """Numbers in strings, nulls and missing keys end here: what comes out is canonical, or differs from all that is."""
    vendor.script(envelope(data={"result": [{"operatorId": "8001", **row}], "total": 1}))
    (agent,) = client.reader.listing()
    assert agent.operator_id == "8001"
    assert {name: agent.fields[name] for name in expected} == expected
    assert {name: type(agent.fields[name]) for name in expected} == {n: type(v) for n, v in expected.items()}


def test_a_row_has_every_listed_field(vendor: Stub, client: Line) -> None:
    """A row of nothing but its key still gives a value for each listed field, and for no other."""
    vendor.script(envelope(data={"result": [{"operatorId": "8001"}], "total": 1}))
    (agent,) = client.reader.listing()
    assert list(agent.fields) == [row.name for row in LISTED]
    assert not set(agent.fields) & {"password", "roleName", "bindSkillName", "operatorId"}
    assert set(agent.fields) < set(BY_NAME)


def test_a_sip_password_goes_no_further(vendor: Stub, client: Line) -> None:
    """What the listing shows of secrets is dropped where rows are read."""
    secret = {"sipPassword": "canary-sip", "password": "canary-pw", "operatorPassword": "canary-op"}
    vendor.script(envelope(data={"result": [{"operatorId": "8001", **secret}], "total": 1}))
    (agent,) = client.reader.listing()
    assert "canary" not in repr(agent)


@pytest.mark.parametrize("total", [150, 10_000, 10_000_000])
def test_a_total_that_is_far_too_high_costs_little(vendor: Stub, total: int) -> None:
    """A page that is not full ends a reading, whatever the total promises; nothing is concluded from it."""
    shelf = Shelf(rows(100), lambda _pass, _page, data: data.update(total=total))
    vendor.script(shelf)
    with line(vendor.url, parallelism=4) as client, pytest.raises(IncompleteListing):
        client.reader.listing()
    most = 1 + AHEAD * 4 + 1
    assert len(vendor.requests) <= most * LISTING_TRIES


def test_a_page_that_comes_again_and_again_ends_the_reading(vendor: Stub) -> None:
    """A vendor that shows the same full page for every number is not asked for all that its total promises."""
    always = {"result": rows(100), "total": 1_000_000}
    vendor.script(envelope(data=always))
    with line(vendor.url, parallelism=4) as client, pytest.raises(IncompleteListing):
        client.reader.listing()
    assert len(vendor.requests) <= (1 + AHEAD * 4 + 1) * LISTING_TRIES


def test_progress_never_passes_its_total(vendor: Stub, client: Line) -> None:
    """Where there are more rows than the total says, the total that is shown grows with them."""
    vendor.script(Shelf(rows(90), lambda _pass, _page, data: data.update(total=1)))
    heard: list[tuple[int, int]] = []
    with pytest.raises(IncompleteListing):
        client.reader.listing(lambda done, total: heard.append((done, total)))
    assert set(heard) == {(90, 90)}
