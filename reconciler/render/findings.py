"""What the reports on problems share: a problem as one sentence, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from reconciler.core.model.codes import KINDS
from reconciler.core.model.message import Text, joined, text
from reconciler.core.model.problem import Problem

_CHECK: Final = "desired-state"
"""The name of the rule that a problem without a code breaks."""

_INDEX: Final = re.compile(r"\[\d+\]")
_PLACE: Final = re.compile(r":\d+:\d+")


def rule(problem: Problem) -> str:
    """The name of the rule that a problem breaks: its code. Its words are no name: any version may change them."""
    return problem.code if problem.code in KINDS else _CHECK


def rule_help(name: str) -> tuple[Text, Text]:
    """What breaking a rule means, and how to mend it."""
    if (kind := KINDS.get(name)) is None:
        return text("The desired state must be valid."), text("Each result says what is wrong and what to do.")
    mend = text("Write {right}.", right=kind.right)
    if kind.wrong:
        mend = text("Instead of {wrong} write {right}.", wrong=kind.wrong, right=kind.right)
    meaning = text("{meaning}.", meaning=f"{kind.meaning[0].upper()}{kind.meaning[1:]}")
    return meaning, text("{mend} More: reconciler explain {name}", mend=mend, name=name)


def sentence(problem: Problem) -> Text:
    """The path in the file, what is wrong, and what to do; not escaped yet."""
    words = problem.message
    if problem.path:
        words = text("at {path}: {message}", path=problem.path, message=words)
    return joined((words, problem.hint)) if problem.hint else words


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
