"""Problems as SARIF 2.1.0, for code scanning and editors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from reconciler.about import HOME
from reconciler.core.model.message import text
from reconciler.core.model.problem import Place, Problem
from reconciler.core.text import json_text
from reconciler.render.findings import fingerprints, rule, rule_help, sentence
from reconciler.render.terminal import visible

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ABOUT: Final = f"{HOME}/"
_MOST: Final = 25_000
"""Results that GitHub takes of one run; it refuses a file that has more."""
_FINGERPRINT: Final = "desiredState/v1"
"""Not `primaryLocationLineHash`: GitHub's upload computes that itself, and complains if ours differs."""

_REFUSED: Final = text("A desired-state file that has a problem is refused whole: nothing of it is planned or applied.")


def problems(problems: Sequence[Problem], tool: str) -> str:
    """A log of one run, without results if there are no problems; `tool` is our version.

    Paths of files are relative to the root of the repository. The same problems give the same bytes.
    """
    if len(problems) > _MOST:
        shown, left = problems[: _MOST - 1], len(problems) - _MOST + 1
        message = text("{count:,} more {count:problem is|problems are} left out", count=left)
        hint = text("the text and JSON formats show them all")
        problems = [*shown, Problem(problems[_MOST - 1].place, "", message, hint)]
    rules = sorted({rule(problem) for problem in problems})
    driver = {"name": "reconciler", "version": tool, "informationUri": _ABOUT, "rules": list(map(_rule, rules))}
    results = [
        _result(problem, rules.index(rule(problem)), fingerprint)
        for problem, fingerprint in zip(problems, fingerprints(problems), strict=True)
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(name: str) -> dict[str, Any]:
    meaning, way_out = rule_help(name)
    return {
        "id": name,
        "name": "".join(map(str.capitalize, name.split("-"))),
        "shortDescription": {"text": _message(meaning)},
        "fullDescription": {"text": _REFUSED},
        "help": {"text": _message(way_out)},
        "defaultConfiguration": {"level": "error"},
    }


def _result(problem: Problem, index: int, fingerprint: str) -> dict[str, Any]:
    return {
        "ruleId": rule(problem),
        "ruleIndex": index,
        "level": "error",
        "message": {"text": _message(sentence(problem))},
        "locations": [{"physicalLocation": _location(problem.place)}],
        "partialFingerprints": {_FINGERPRINT: fingerprint},
    }


def _message(text: str) -> str:
    """The text without links and placeholders, which SARIF (3.11.5, 3.11.6) recognises in plain messages."""
    return visible(text).replace("](", "]\\x28").replace("{", "{{").replace("}", "}}")


def _location(place: Place) -> dict[str, Any]:
    uri = quote(place.file, safe="/", errors="backslashreplace")
    return {
        "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": place.line, "startColumn": place.column},
    }
