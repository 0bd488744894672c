"""What the reports on problems share: a problem as one sentence, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from reconciler.core.model.problem import Problem

CHECK: Final = "desired-state"
"""The name of the one rule that every problem breaks. A problem's words are no name: any version may change them."""

_INDEX: Final = re.compile(r"\[\d+\]")
_PLACE: Final = re.compile(r":\d+:\d+")


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
