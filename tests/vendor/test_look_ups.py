"""What a look-up may not conclude; `python -m tests.mutants` makes it do so."""

from __future__ import annotations

from reconciler.vendor.answer import Lost, Ok
from tests.vendor.line import Line
from tests.vendor.vendor_stub import Stub, envelope


def test_a_search_that_finds_others(vendor: Stub, client: Line) -> None:
    """The vendor's filter may match a part of an id: only the very same one is the agent."""
    others = [{"operatorId": "80010"}, {"operatorId": "18001"}]
    vendor.script(envelope(20004, "no"), envelope(data={"total": 2, "result": others}))
    assert client.reader.look_up("8001") == Ok(None)


def test_a_look_that_shows_another_agent(vendor: Stub, client: Line) -> None:
    """An answer about somebody else says nothing: neither that the agent is there nor that it is not."""
    vendor.script(envelope(data={"operatorId": "8002"}))
    assert isinstance(client.reader.look_up("8001"), Lost)
