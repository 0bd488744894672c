"""GitLab's code quality report: held against the schema in GitLab's source, and read as GitLab reads it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.core.model.message import Text
from reconciler.core.model.problem import Place, Problem
from reconciler.render import code_quality
from reconciler.render.findings import fingerprints, sentence
from reconciler.render.terminal import visible
from tests.core.build import problems
from tests.hostile import HOSTILE, assert_holds_for

from .runner import commands

SCHEMA = Path(__file__).parents[1] / "schemas/gitlab-codeclimate.json"
SEVERITIES = ("info", "minor", "major", "critical", "blocker")


@cache
def validator() -> Draft202012Validator:
    """The schema of one entry."""
    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def as_gitlab_reads(report: str) -> dict[str, Any]:
    """Its entries by fingerprint: reading stops at the first that does not fit, and the last of equal ones is kept."""
    kept: dict[str, Any] = {}
    for entry in json.loads(report):
        if not validator().is_valid(entry):
            break
        kept[entry["fingerprint"]] = entry
    return kept


def only(problem: Problem) -> Any:
    """The one entry of one problem."""
    (entry,) = as_gitlab_reads(code_quality.problems([problem])).values()
    return entry


@pytest.mark.parametrize("missing", ["description", "fingerprint", "severity", "location"])
def test_the_schema_can_say_no(missing: str) -> None:
    """GitLab stops reading at an entry in which something is missing."""
    good, bad = (only(Problem(Place("a.yaml", 1), "", Text(words))) for words in ("good", "bad"))
    del bad[missing]
    assert list(as_gitlab_reads(json.dumps([good, bad, good])).values()) == [good]


def test_a_problem_is_an_entry() -> None:
    """An entry has what GitLab's page on the format asks for: a name of the check, a severity, a path and a line."""
    entry = only(
        Problem(
            *(Place("teams/a.yaml", 3, 28), "agents[0].nmae"),
            *(Text("unknown key"), Text("did you mean name?")),
            code="unknown-key",
        )
    )
    assert entry.pop("fingerprint")
    assert entry.pop("severity") in SEVERITIES
    mend = "Instead of 姓名: 张三 write name: 张三."
    assert entry == {
        "description": "at agents[0].nmae: unknown key; did you mean name?",
        "check_name": "unknown-key",
        "content": {"body": f"A key is not known here. {mend} More: reconciler explain unknown-key"},
        "location": {"path": "teams/a.yaml", "lines": {"begin": 3}},
    }


def test_nothing_wrong_is_an_empty_list() -> None:
    """Without problems the report is there, and empty: GitLab then shows what was mended."""
    assert json.loads(code_quality.problems([])) == []


def test_the_problems_of_a_file() -> None:
    """Each problem of a real file is an entry, in file order, with its fingerprint."""
    found = problems('version: 2\ncompany: {}\nagents: [{operatorId: 1}, {operatorId: "2", agee: 3}]\n')
    read = as_gitlab_reads(code_quality.problems(found))
    assert list(read) == fingerprints(found)
    assert [entry["description"] for entry in read.values()] == [sentence(problem) for problem in found]


def test_equal_problems_are_all_kept() -> None:
    """GitLab keeps one entry a fingerprint, and so problems that say the same have different ones."""
    found = [Problem(Place("a.yaml", line), f"agents[{line}]", Text("wrong")) for line in (1, 2, 3)]
    read = as_gitlab_reads(code_quality.problems(found))
    assert [entry["location"]["lines"]["begin"] for entry in read.values()] == [1, 2, 3]


def test_hostile_text() -> None:
    """Whatever stands in a file or its name: the report is valid UTF-8, nothing in it acts, and it reads back."""

    def rule(text: str) -> None:
        found = Problem(Place(f"a{text}.yaml", 7, 3), f"agents[0].{text}", Text(f"no {text}"), Text(f"x{text}"))
        raw = code_quality.problems([found])
        assert raw.encode().startswith(b"[\n")
        assert visible(raw.replace("\n", "")) == raw.replace("\n", "")
        assert commands(raw) == []
        entry = only(found)
        assert entry["description"] == visible(sentence(found))
        assert entry["location"] == {"path": visible(f"a{text}.yaml"), "lines": {"begin": 7}}

    assert_holds_for(HOSTILE, rule)
