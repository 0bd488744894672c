"""The names of credentials files, by which people find the latest one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.credentials.delivery import new_path

AT = datetime(2026, 11, 29, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ([], "credentials-20261129T100000Z"),
        (["credentials-20261129T095959Z.jsonl"], "credentials-20261129T100000Z"),
        (["credentials-20261129T100000Z.jsonl"], "credentials-20261129T100001Z"),
        (
            ["credentials-20261129T110000Z.jsonl", "credentials-20261129T105959Z.jsonl.age"],
            "credentials-20261129T110001Z",
        ),
        (["credentials-20261129T235959Z.jsonl.age"], "credentials-20261130T000000Z"),
        (["credentials-new.jsonl", "credentials-99999999T999999Z.jsonl"], "credentials-20261129T100000Z"),
    ],
    ids=["none", "earlier", "the same second", "a clock set back", "over midnight", "not a time"],
)
def test_the_last_name_is_the_latest_file(tmp_path: Path, there: list[str], name: str) -> None:
    """Whatever the clock says, a new file comes behind all that have a time in their name."""
    for each in there:
        (tmp_path / each).touch()
    assert new_path(tmp_path, ".jsonl", AT) == tmp_path / f"{name}.jsonl"
    assert new_path(tmp_path / "none", ".jsonl", AT).name == "credentials-20261129T100000Z.jsonl"
