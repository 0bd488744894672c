"""Which of the passwords that a run stored were never true, by what is listed after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.outcome import Intent
from reconciler.core.withdrawal import never_true
from tests.core.build import live_agent

CREATE = Intent("create", ("8001", "8002"), {"name": "a"}, None)
PASSWORD = Intent("password", ("8003",), {}, 2)
DELETE = Intent("delete", ("8001",), {}, None)


def listed(*ids: str, vendor_id: int | None = 7) -> LiveState:
    """These agents, all with one `id` of the vendor's."""
    return LiveState({id_: replace(live_agent(id_), vendor_id=vendor_id, created=1_000) for id_ in ids})


def knowing(vendor_id: int | None) -> Intent:
    """A create that is to make 8001 anew, whom the ledger knew by this `id`."""
    return replace(CREATE, operator_ids=("8001",), before={"8001": LedgerEntry(vendor_id=vendor_id, created=1_000)})


@pytest.mark.parametrize(
    ("stored", "live", "untrue"),
    [
        ([CREATE], listed(), {"8001", "8002"}),
        ([CREATE], listed("8001"), {"8002"}),
        ([CREATE], LiveState({}, complete=False), set()),
        ([PASSWORD], listed(), set()),
        ([DELETE], listed(), set()),
        ([DELETE, knowing(7)], listed("8001"), {"8001"}),
        ([DELETE, knowing(6)], listed("8001"), set()),
        ([DELETE, knowing(None)], listed("8001", vendor_id=None), set()),
    ],
)
def test_by_the_listing(stored: list[Intent], live: LiveState, untrue: set[str]) -> None:
    """Who is not there, or is the agent from before the run, has no password of a create; others may."""
    assert never_true(stored, live) == untrue


def test_by_the_journal_of_the_run() -> None:
    """Whose create or password the run has not sent, by its own journal, is told too; what it sent decides nothing."""
    sent = replace(CREATE, operator_ids=("8001",), outcome="done")
    held = replace(PASSWORD, outcome="not-sent")
    edited = Intent("edit", ("8002",), {"name": "b"}, None, "done")
    live = listed("8001", "8002", "8003")
    assert never_true([CREATE, PASSWORD], live, [sent, held, edited]) == {"8002", "8003"}
    assert never_true([CREATE, PASSWORD], live, [CREATE, PASSWORD]) == set()
