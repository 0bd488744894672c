"""Which of the passwords that a run stored were never sent, by what is listed after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.outcome import Intent
from reconciler.core.withdrawal import never_sent
from tests.core.build import live_agent

CREATE = Intent("create", ("8001", "8002"), {"name": "a"}, None)
BATCH = replace(CREATE, vendor_password=True)
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
        ([CREATE], listed(), set()),
        ([CREATE], listed("8001"), set()),
        ([BATCH], listed(), {"8001", "8002"}),
        ([BATCH], listed("8001"), {"8002"}),
        ([BATCH], LiveState({}, complete=False), set()),
        ([PASSWORD], listed(), set()),
        ([DELETE], listed(), set()),
        ([DELETE, knowing(7)], listed("8001"), {"8001"}),
        ([DELETE, knowing(6)], listed("8001"), set()),
        ([DELETE, knowing(None)], listed("8001", vendor_id=None), set()),
    ],
)
def test_by_the_listing(stored: list[Intent], live: LiveState, untrue: set[str]) -> None:
    """Who is the agent from before the run, or of a batch and not there, has no stored password; others may."""
    assert never_sent(stored, live) == untrue


def test_by_the_journal_of_the_run() -> None:
    """Whose create or password the run has not sent, by its own journal, is told too; what it sent decides nothing."""
    sent = replace(CREATE, operator_ids=("8001",), outcome="done")
    held = replace(PASSWORD, outcome="not-sent")
    edited = Intent("edit", ("8002",), {"name": "b"}, None, "done")
    live = listed("8001", "8002", "8003")
    assert never_sent([CREATE, PASSWORD], live, [sent, held, edited]) == {"8002", "8003"}
    assert never_sent([CREATE, PASSWORD], live, [CREATE, PASSWORD]) == set()


def test_a_batch_that_was_taken_apart() -> None:
    """Whom the run tried to make alone may come late, with the password that was stored; the others cannot."""
    alone = replace(CREATE, operator_ids=("8002",), outcome="lost")
    assert never_sent([BATCH], listed(), [replace(BATCH, outcome="refused"), alone]) == {"8001"}
