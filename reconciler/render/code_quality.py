"""Problems as GitLab's code quality report: a JSON list. A merge request shows which problems it adds and removes.

GitLab keeps one entry for each fingerprint, and stops reading at the first entry that does not fit its schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.model.problem import Problem
from reconciler.core.text import json_text
from reconciler.render.findings import fingerprints, rule, rule_help, sentence
from reconciler.render.terminal import visible


def problems(problems: Sequence[Problem]) -> str:
    """The report; an empty list if there are no problems. Paths of files are relative to the root of the repository."""
    return json_text(
        [_entry(problem, fingerprint) for problem, fingerprint in zip(problems, fingerprints(problems), strict=True)]
    )


def _entry(problem: Problem, fingerprint: str) -> dict[str, Any]:
    return {
        "description": visible(sentence(problem)),
        "check_name": rule(problem),
        "content": {"body": visible(" ".join(rule_help(rule(problem))))},
        "fingerprint": fingerprint,
        "severity": "blocker",
        "location": {"path": visible(problem.place.file), "lines": {"begin": problem.place.line}},
    }
