"""What the reports on problems share: a problem as one sentence, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from reconciler.core.model.codes import KINDS
from reconciler.core.model.problem import Problem

_CHECK: Final = "desired-state"
"""The name of the rule that a problem without a code breaks."""

_INDEX: Final = re.compile(r"\[\d+\]")
_PLACE: Final = re.compile(r":\d+:\d+")


def rule(problem: Problem) -> str:
    """The name of the rule that a problem breaks: its code. Its words are no name: any version may change them."""
    return problem.code if problem.code in KINDS else _CHECK


def rule_help(name: str) -> tuple[str, str]:
    """What breaking a rule means, and how to mend it."""
    if (kind := KINDS.get(name)) is None:
        return "The desired state must be valid.", "Each result says what is wrong and what to do."
    wrong = f"Instead of {kind.wrong} write {kind.right}." if kind.wrong else f"Write {kind.right}."
    return f"{kind.meaning[0].upper()}{kind.meaning[1:]}.", f"{wrong} More: reconciler explain {name}"


def sentence(problem: Problem) -> str:
    """The path in the file, what is wrong, and what to do; not escaped yet."""
    path = f"at {problem.path}: " if problem.path else ""
    return f"{path}{problem.message}" + (f"; {problem.hint}" if problem.hint else "")


def fingerprints(problems: Sequence[Problem]) -> list[str]:
    """A SHA-256, in hexadecimal, for each problem. It stays the same when the problem's lines move.

    No two are equal: problems with equal words are numbered in their order.
    """
    seen: Counter[str] = Counter()
    hashes = []
    for problem in problems:
        stable = json.dumps([problem.place.file, _without_lines(problem.path), _without_lines(problem.message)])
        seen[stable] += 1
        hashes.append(hashlib.sha256(f"{seen[stable]}{stable}".encode()).hexdigest())
    return hashes


def _without_lines(text: str) -> str:
    """The text without list indexes and places, which change when lines are added above."""
    return _PLACE.sub("", _INDEX.sub("[]", text))
