"""Codes of problems: every kind that is told has one in the table, with help, and none is in the table for nothing."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.core.desired.packed import packed_problems, unpacked
from reconciler.core.desired.read import read_desired
from reconciler.core.model.codes import KINDS, code_help, messages_page

ROOT = Path(__file__).parents[3]
CORPUS = (*(ROOT / "tests/core/desired/bad").glob("*.yaml"), *(ROOT / "tests/slips").glob("*.yaml"))


def test_every_problem_has_a_code_of_the_table() -> None:
    """All problems of the bad files and of the slips; another process gives the codes on."""
    told = [problem for path in CORPUS for problem in read_desired("a.yaml", path.read_bytes())[1]]
    assert len(told) > 300
    assert [problem for problem in told if problem.code not in KINDS] == []
    _, again = unpacked(iter([packed_problems(told)]))
    assert [problem.code for problem in again] == [problem.code for problem in told]


def test_every_code_is_told_somewhere() -> None:
    """No kind stands in the table that no source names."""
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "reconciler").rglob("*.py") if path.name != "codes.py"
    )
    assert [code for code in KINDS if f'"{code}"' not in source] == []
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", code) for code in KINDS)


def test_a_code_is_explained() -> None:
    """What it means, an example, and the way out; the page has them all."""
    assert code_help("duplicate-key").startswith("duplicate-key\n  means    a key stands twice in one mapping\n")
    assert "  wrong    (nothing)\n" in code_help("empty-file")
    assert messages_page().count("\n| `") == len(KINDS)
