"""What the reports on problems share: a problem as one sentence, and what makes it the same one tomorrow."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from reconciler.core.model.problem import Problem

CHECK: Final = "desired-state"
"""The one rule that every problem breaks: their words may change with any version, and are no name to hold on to."""

_INDEX: Final = re.compile(r"\[\d+\]")
_PLACE: Final = re.compile(r":\d+:\d+")


def sentence(problem: Problem) -> str:
    """Where in the file's structure, what is wrong, and what to do; nothing in it is escaped yet."""
    path = f"at {problem.path}: " if problem.path else ""
    return f"{path}{problem.message}" + (f"; {problem.hint}" if problem.hint else "")


def fingerprints(found: Sequence[Problem]) -> list[str]:
    """A SHA-256, in hexadecimal, for each problem: of the same problem the same, wherever its lines have moved to.

    No two are equal: problems that say the same are counted in the order in which they are found.
    """
    seen: Counter[str] = Counter()
    hashes = []
    for problem in found:
        stable = json.dumps([problem.place.file, _unmoved(problem.path), _unmoved(problem.message)])
        seen[stable] += 1
        hashes.append(hashlib.sha256(f"{seen[stable]}{stable}".encode()).hexdigest())
    return hashes


def _unmoved(text: str) -> str:
    """Without what a line more above would change: the index in a list, and the place of something else."""
    return _PLACE.sub("", _INDEX.sub("[]", text))
