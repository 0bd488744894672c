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


@pytest.mark.parametrize("look", [Look(("8700",)), Look(sip_numbers=("1",)), Look(gone=("9999",))])
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
    """Whoever should be gone and is there is shown, and a row that only resembles is nobody's."""

    def answer(exchange: Exchange) -> None:
        if "pageNumber" in exchange.seen.body:
            Shelf(ROWS)(exchange)
        else:
            envelope(data=ROWS[0])(exchange)

    vendor.script(answer)
    found = client.reader.look(Look(("8001",), ("8001",), ("60",)), quiet)
    assert found is not None
    assert [agent.operator_id for agent in found] == ["8001"]
    assert client.reader.look(Look(("800",)), quiet) is None


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
