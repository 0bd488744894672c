"""Codes: every kind that is told has one in the table, with help, and none is in the table for nothing."""

from __future__ import annotations

import ast
import re

import pytest

from reconciler.core.desired.packed import packed_problems, unpacked
from reconciler.core.desired.read import read_desired
from reconciler.core.model.codes import (
    GUARDRAILS,
    KINDS,
    NOTES,
    PROBLEMS,
    REFUSALS,
    SECTIONS,
    SHEETS,
    code_help,
    messages_page,
)
from reconciler.core.model.kind import Kind
from reconciler.core.planning.guardrails import code_of
from reconciler.core.saved.plan_schema import RULES
from tests.sources import MISTYPED, ROOT, SOURCES, calls_of, tree_of

TELLING = [path for path in SOURCES if path.name not in ("codes.py", "error_kinds.py")]
SOURCE = "".join(path.read_text(encoding="utf-8") for path in TELLING)
POSITION = {"Note": 2, "Problem": 4}
"""Where a code stands among the arguments."""
WITHOUT_CODE = ("sarif.py",)
"""What says only that there is more."""


def test_every_problem_has_a_code_of_the_table() -> None:
    """All problems of the bad files and of the slips; another process gives the codes on."""
    told = [problem for path in MISTYPED for problem in read_desired("a.yaml", path.read_bytes())[1]]
    assert len(told) > 300
    assert [problem for problem in told if problem.code not in KINDS] == []
    _, again = unpacked(iter([packed_problems(told)]))
    assert [problem.code for problem in again] == [problem.code for problem in told]


def test_every_code_is_told_somewhere() -> None:
    """No kind stands in the table that no source names; a guardrail's is the name of its rule."""
    assert [code for code in KINDS if f'"{code}"' not in SOURCE and code not in GUARDRAILS] == []
    assert {code_of(rule) for rule in RULES} == set(GUARDRAILS)
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", code) for code in KINDS)
    assert sum(len(kinds) for _, _, kinds in SECTIONS) == len(KINDS), "a code of two kinds"


@pytest.mark.parametrize(("name", "kinds"), [("Note", NOTES), ("Problem", {**PROBLEMS, **SHEETS})])
def test_what_is_made_has_a_code(name: str, kinds: dict[str, Kind]) -> None:
    """Each note and problem of the source is given a code, of the table where it is written there."""
    made = 0
    for path in TELLING:
        for call in calls_of(tree_of(path), name):
            given = call.args[POSITION[name] :] + [each.value for each in call.keywords if each.arg == "code"]
            starred = any(isinstance(argument, ast.Starred) for argument in call.args)
            assert given or starred or path.name in WITHOUT_CODE, ast.unparse(call)
            assert all(each.value in kinds for each in given if isinstance(each, ast.Constant)), ast.unparse(call)
            made += 1
    assert made > 5


def test_what_is_blocked_has_a_code() -> None:
    """Wherever a reason is given why an action cannot be done, a code of the table is given too."""
    found = [
        {each.arg: each.value for each in call.keywords}
        for path in (ROOT / "reconciler/core/planning").glob("*.py")
        for call in calls_of(tree_of(path), "replace")
        if any(each.arg == "blocked" for each in call.keywords)
    ]
    codes = [ast.literal_eval(given["code"]) for given in found]
    assert sorted(codes) == sorted(REFUSALS)


def test_a_code_is_explained() -> None:
    """What it means, an example, and the way out; the page has them all."""
    assert code_help("duplicate-key").startswith("duplicate-key\n  means    a key stands twice in one mapping\n")
    assert "  wrong    (nothing)\n" in code_help("empty-file")
    assert "  way out  put them back, protect them, or --max-deletes 3\n" in code_help("max-deletes")
    assert messages_page().count("\n| `") == len(KINDS)
