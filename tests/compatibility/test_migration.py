"""The move from 0.1.0 that docs/versions.md describes, done on what that version left behind."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.compatibility.office import Office, lasting, rows

PAGE: Final = Path(__file__).parents[2] / "docs/versions.md"
KILLED: Final = Path(__file__).parent / "written_by_0_1_0/killed"


def commands() -> list[list[str]]:
    """The commands of the page's block."""
    (block,) = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line.removeprefix("$ ")) for line in block.splitlines()]


@pytest.mark.parametrize("command", ["status", "ledger show"])
def test_the_page_looks_first(command: str) -> None:
    """What was left open is looked at before the first plan."""
    told = [" ".join(words[1:]) for words in commands()]
    assert told.index(command) < told.index("plan")


def test_the_move_from_0_1_0(tmp_path: Path) -> None:
    """Each command of the page does what it should on the books of a killed run; the last plan is empty.

    The copy that the page asks for still is what 0.1.0 wrote.
    """
    office = Office(tmp_path)
    office.take(KILLED)
    with office.vendor(rows(KILLED / "live.json")) as vendor:
        for program, *arguments in commands():
            if program == "reconciler":
                ran = office.run(*arguments, *(["--allow-replace"] if "apply" in arguments else []))
                assert ran.code == 0, (arguments, ran.err)
            else:
                subprocess.run([program, *arguments], cwd=tmp_path, check=True)
        assert vendor.listing() == rows(KILLED / "after/live.json")
    assert lasting(office.book("ledger.json")) == lasting(json.loads((KILLED / "after/ledger.json").read_bytes()))
    for name in ("ledger.json", "journal.jsonl"):
        assert (tmp_path / "reconciler-0.1.0" / name).read_bytes() == (KILLED / name).read_bytes()
