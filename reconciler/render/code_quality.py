"""Problems as GitLab's code quality report: a JSON list, of which a merge request shows what it adds and mends.

GitLab keeps one entry for a fingerprint, and stops reading at the first that does not fit its schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.model.problem import Problem
from reconciler.core.text import json_text
from reconciler.render.findings import CHECK, fingerprints, sentence
from reconciler.render.terminal import visible


def problems(found: Sequence[Problem]) -> str:
    """The report, an empty list where nothing is wrong. Files are named as seen from the root of the repository."""
    return json_text([_entry(problem, print_) for problem, print_ in zip(found, fingerprints(found), strict=True)])


def _entry(problem: Problem, fingerprint: str) -> dict[str, Any]:
    return {
        "description": visible(sentence(problem)),
        "check_name": CHECK,
        "fingerprint": fingerprint,
        "severity": "blocker",
        "location": {"path": visible(problem.place.file), "lines": {"begin": problem.place.line}},
    }
