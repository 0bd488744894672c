"""A narrow look: who is there and who is gone, by filtered pages; and a vendor whose filters are not to be believed."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.planning.reads import Look
from reconciler.errors import VendorError
from tests.vendor.line import Line
from tests.vendor.vendor_stub import Exchange, Shelf, Stub, envelope

ROWS: list[Any] = [{"operatorId": "8001", "sipNumber": "601"}, {"operatorId": "80010", "sipNumber": "6010"}]


def quiet(_done: int, _total: int) -> None:
    """Hear of no progress."""


@pytest.mark.parametrize(
    "look", [Look(("8700",)), Look(sip_numbers=("1",)), Look(gone=("9999",)), Look(groups=("nowhere",))]
)
def test_a_vendor_that_ignores_a_filter_is_not_believed(vendor: Stub, client: Line, look: Look) -> None:
    """It answers with everybody's first page. That shows neither the agent nor that there is none."""
    shelf = Shelf([{"operatorId": str(8000 + number)} for number in range(1000)])

    def answer(exchange: Exchange) -> None:
        if "pageNumber" in exchange.seen.body:
            shelf(exchange)
        else:
            envelope(code=20001, msg="no such agent")(exchange)

    vendor.script(answer)
    assert client.reader.look(look, quiet) is None


def test_a_look_shows_those_who_are_there(vendor: Stub, client: Line) -> None:
    """A row that only resembles is nobody's."""
    vendor.script(Shelf(ROWS))
    found = client.reader.look(Look(("8001",), sip_numbers=("60",)), quiet)
    assert found is not None
    assert [agent.operator_id for agent in found] == ["8001"]
    assert client.reader.look(Look(("800",)), quiet) is None


@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize("page", [False, True])
def test_whoever_should_be_gone_is_gone_by_both(vendor: Stub, client: Line, one: bool, page: bool) -> None:
    """By 2.1.4 and by a filtered page; where either still shows the agent, the listing is to decide."""

    def answer(exchange: Exchange) -> None:
        if "pageNumber" in exchange.seen.body:
            Shelf(ROWS if page else [])(exchange)
        else:
            (envelope(data=ROWS[0]) if one else envelope(code=20001, msg="no such agent"))(exchange)

    vendor.script(answer)
    assert client.reader.look(Look(gone=("8001",)), quiet) == (None if one or page else [])


def test_a_refused_token_is_an_error(vendor: Stub, client: Line) -> None:
    """It is not taken for a filter that the vendor does not know."""
    vendor.script(envelope(code=401, msg="token"))
    for look in (Look(("8001",)), Look(gone=("8001",))):
        with pytest.raises(VendorError):
            client.reader.look(look, quiet)


def test_a_filter_that_is_refused_tells_nothing(vendor: Stub, client: Line) -> None:
    """Whoever asked reads the listing then."""
    vendor.script(envelope(code=20099, msg="no filters"))
    assert client.reader.look(Look(("8001",)), quiet) is None


@pytest.mark.parametrize(
    ("rows", "total", "look"),
    [
        pytest.param([{"operatorId": "8001"}] * 2, 2, Look(("8001",)), id="listed twice"),
        pytest.param([{"operatorId": "8001", "id": 4}, {"operatorId": "8001", "id": 9}], 2, Look(("8001",)), id="two"),
        pytest.param([{"operatorId": "8001"}], 2, Look(("8001",)), id="cut short"),
        pytest.param([{"operatorId": "8001"}], 5000, Look(("8001",)), id="total of everybody"),
        pytest.param([{"operatorId": "8001"}], None, Look(("8001",)), id="no total"),
        pytest.param([], 7, Look(sip_numbers=("601",)), id="nobody of seven"),
        pytest.param([], 7, Look(groups=("a",)), id="no member of seven"),
        pytest.param({"8001": {}}, 1, Look(("8001",)), id="no list"),
    ],
)
def test_an_answer_that_does_not_add_up_tells_nothing(
    vendor: Stub, client: Line, rows: Any, total: Any, look: Look
) -> None:
    """Nobody is there or gone, and nothing is free, by rows that are not what their total says, each once."""
    vendor.script(envelope(data={"result": rows, "total": total}))
    assert client.reader.look(look, quiet) is None


def test_answers_that_contradict_each_other_tell_nothing(vendor: Stub, client: Line) -> None:
    """An agent that is one by its own page and another by that of its number was changed meanwhile."""

    def answer(exchange: Exchange) -> None:
        number = "601" if "operatorId" in exchange.seen.body else "602"
        envelope(data={"result": [{"operatorId": "8001", "sipNumber": number}], "total": 1})(exchange)

    vendor.script(answer)
    assert client.reader.look(Look(("8001",), sip_numbers=("601",)), quiet) is not None
    assert client.reader.look(Look(("8001",), sip_numbers=("602",)), quiet) is None


def test_what_an_agent_of_the_look_has_is_not_asked_for(vendor: Stub, client: Line) -> None:
    """Its number has no other holder, and its group is one that there is."""
    row = {"operatorId": "8001", "sipNumber": "601", "mainGroupName": "a"}
    vendor.script(Shelf([row, {"operatorId": "8002", "mainGroupName": "b"}]))
    found = client.reader.look(Look(("8001",), sip_numbers=("601",), groups=("a", "b")), quiet)
    assert found is not None
    assert [agent.operator_id for agent in found] == ["8001", "8002"]
    assert len(vendor.requests) == 2
