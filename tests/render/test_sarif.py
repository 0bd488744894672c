"""SARIF: held against the published schema, and read as the standard says that it is read."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from reconciler.core.model.message import Text
from reconciler.core.model.problem import Place, Problem
from reconciler.render import sarif
from reconciler.render.findings import fingerprints, sentence
from reconciler.render.terminal import visible
from tests.core.build import problems
from tests.hostile import HOSTILE, assert_holds_for

from .runner import commands

SCHEMA = Path(__file__).parents[1] / "schemas/sarif-2.1.0-rtm.5.json"
LINK = re.compile(r"\[(?:[^\\\[\]]|\\[\\\[\]])*\]\([^)]*\)")
"""An embedded link of a plain text message (3.11.6)."""


@cache
def validator() -> Draft4Validator:
    """The published schema."""
    return Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def written(*found: Problem) -> Any:
    """The log of these problems, which fits the schema."""
    log = json.loads(sarif.problems(found, "1.2.3"))
    validator().validate(log)
    return log


def only(*found: Problem) -> Any:
    """The one result of one problem."""
    (result,) = written(*found)["runs"][0]["results"]
    return result


def shown(text: str) -> str:
    """What a consumer shows of a plain text message (3.11.5): placeholders filled in, doubled braces undone."""
    assert not LINK.search(text)
    assert not re.search(r"(?<!\{)(?:\{\{)*\{(?!\{)", text), "a placeholder"
    assert not re.search(r"(?<!\})(?:\}\})*\}(?!\})", text), "half a placeholder"
    return text.replace("{{", "{").replace("}}", "}")


def test_the_schema_can_say_no() -> None:
    """The schema that everything here is held against refuses what is no SARIF."""
    log = written()
    assert not validator().is_valid({**log, "version": "2.0.0"})
    assert not validator().is_valid({**log, "runs": [{**log["runs"][0], "tool": {}}]})
    assert not validator().is_valid({**log, "runs": [{**log["runs"][0], "results": [{"level": "error"}]}]})


def test_the_run() -> None:
    """One run of one tool, with its version and the rule that results break; columns count characters."""
    log = written(Problem(Place("a.yaml", 1), "", Text("wrong")))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("reconciler", "1.2.3")
    (result,) = run["results"]
    rule = driver["rules"][result["ruleIndex"]]
    assert rule["id"] == result["ruleId"]
    assert rule["shortDescription"]["text"]
    assert run["columnKind"] == "unicodeCodePoints"


def test_nothing_wrong_is_an_empty_list() -> None:
    """Without problems the log has no results, and says so: a missing list would mean that nothing was looked at."""
    assert written()["runs"][0]["results"] == []


def test_a_problem_is_a_result() -> None:
    """A result is an error at its line and column, with the path, what is wrong and what to do."""
    result = only(
        Problem(Place("teams/a.yaml", 3, 28), "agents[0].nmae", Text("unknown key"), Text("did you mean name?"))
    )
    assert result["level"] == "error"
    assert result["message"] == {"text": "at agents[0].nmae: unknown key; did you mean name?"}
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "teams/a.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 28},
    }


def test_the_problems_of_a_file() -> None:
    """Each problem of a real file is a result, in file order, with its fingerprint; its code is the rule."""
    found = problems('version: 2\ncompany: {}\nagents: [{operatorId: 1}, {operatorId: "2", agee: 3}]\n')
    (run,) = written(*found)["runs"]
    results, rules = run["results"], run["tool"]["driver"]["rules"]
    assert [result["ruleId"] for result in results] == [problem.code for problem in found]
    assert [rules[result["ruleIndex"]]["id"] for result in results] == [problem.code for problem in found]
    assert {rule["id"] for rule in rules} == {problem.code for problem in found}
    (unknown,) = (rule for rule in rules if rule["id"] == "unknown-key")
    assert unknown["shortDescription"] == {"text": "A key is not known here."}
    assert unknown["help"]["text"].endswith("write name: 张三. More: reconciler explain unknown-key")
    assert [shown(result["message"]["text"]) for result in results] == [sentence(problem) for problem in found]
    assert [list(result["partialFingerprints"].values()) for result in results] == [[p] for p in fingerprints(found)]


def test_the_name_of_the_fingerprint() -> None:
    """It is not the one that GitHub computes from the source itself and complains about when it is another."""
    assert "primaryLocationLineHash" not in only(Problem(Place("a.yaml", 1), "", Text("wrong")))["partialFingerprints"]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("agents.yaml", "agents.yaml"),
        ("teams/a b.yaml", "teams/a%20b.yaml"),
        ("坐席.yaml", "%E5%9D%90%E5%B8%AD.yaml"),
        ("50%.yaml", "50%25.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),
        ("a?b#c.yaml", "a%3Fb%23c.yaml"),
        ("../a.yaml", "../a.yaml"),
    ],
)
def test_a_file_is_a_relative_uri(file: str, uri: str) -> None:
    """A file name is percent-encoded, so that no part of it is a scheme, a query or a fragment."""
    (location,) = only(Problem(Place(file, 1), "", Text("wrong")))["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == uri


@pytest.mark.parametrize("text", ["{0}", "{{x}}", "add company: {abbreviate: …}", "}{", "[a](b)", "[a](0) [b] (c)"])
def test_a_message_is_no_template(text: str) -> None:
    """Braces are no placeholders, and brackets no links."""
    told = only(Problem(Place("a.yaml", 1), "", Text(text)))["message"]["text"]
    assert shown(told) == text.replace("](", "]\\x28")


def test_hostile_text() -> None:
    """Whatever stands in a file or its name: the log is UTF-8 and SARIF, nothing in it acts, and it reads back."""

    def rule(text: str) -> None:
        found = Problem(Place(f"a{text}.yaml", 7, 3), f"agents[0].{text}", Text(f"no {text}"), Text(f"x{text}"))
        raw = sarif.problems([found], "1.2.3")
        assert raw.encode().decode() == raw
        assert visible(raw.replace("\n", "")) == raw.replace("\n", "")
        assert commands(raw) == []
        result = only(found)
        assert shown(result["message"]["text"]) == visible(sentence(found)).replace("](", "]\\x28")
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        assert urlsplit(uri)._replace(path="") == urlsplit("")
        assert unquote(uri) == found.place.file.encode("utf-8", "backslashreplace").decode()

    assert_holds_for(HOSTILE, rule)


@settings(deadline=None)
@given(st.text())
def test_any_text_at_all(text: str) -> None:
    """A message of any text reads back as that text, made visible."""
    told = only(Problem(Place("a.yaml", 1), "", Text(text)))["message"]["text"]
    assert shown(told) == visible(text).replace("](", "]\\x28")


def test_the_same_bytes() -> None:
    """The same problems make the same bytes."""
    found = [Problem(Place("a.yaml", line), "agents", Text("wrong")) for line in (3, 1, 2)]
    assert sarif.problems(found, "1") == sarif.problems(list(found), "1")
    assert sarif.problems(found, "1").endswith("}\n")


@pytest.mark.exhaustive(0)
def test_more_than_github_takes() -> None:
    """GitHub refuses a run of more than 25,000 results: the last one says how many are left out, and where they are."""
    many = [Problem(Place("a.yaml", line, 1), "", Text("is wrong")) for line in range(1, 26_002)]
    results = json.loads(sarif.problems(many, "1"))["runs"][0]["results"]
    assert len(results) == 25_000
    assert "1,002 more problems are left out" in results[-1]["message"]["text"]
    assert len(json.loads(sarif.problems(many[:25_000], "1"))["runs"][0]["results"]) == 25_000
    assert "left out" not in sarif.problems(many[:25_000], "1")
