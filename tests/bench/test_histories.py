"""The histories that the bench lists are what applies leave, and the listing tells of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import histories
from benchmarks.measure import WrongAnswer


def test_both_kinds_of_ledger_are_listed(tmp_path: Path) -> None:
    """Ten runs are told from the disk and from a branch; a place without them ends the bench."""
    records = tmp_path / "records"
    histories.write_records(records, histories.FEW)
    for ledger in (str(records / "ledger.json"), histories.on_a_branch(tmp_path, records)):
        histories.listing(tmp_path, ledger)()
    with pytest.raises(WrongAnswer):
        histories.listing(tmp_path, str(tmp_path / "nothing.json"))()
