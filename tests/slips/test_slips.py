"""The corpus of slips: files as people leave them behind, and what each is told. A new slip is a new file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.core.desired.read import read_desired
from reconciler.core.model.problem import Problem

CORPUS = sorted(Path(__file__).parent.glob("*.yaml"))
_TOLD = re.compile(r"# told: (\d+) ([^\r\n]+)")


def _in_words(problem: Problem) -> str:
    return f"{problem.place.line} {problem.path}: {problem.message} | {problem.hint}"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_slip_is_told(path: Path) -> None:
    """At its line, with the character and the line as it should be; and beside what the file names nothing is told."""
    data = path.read_bytes()
    state, problems = read_desired(path.name, data)
    told = [_in_words(problem) for problem in problems]
    assert state is None
    expected = _TOLD.findall(data.decode())
    assert [problem.place.line for problem in problems] == [int(line) for line, _ in expected], told
    for words, (_, fragments) in zip(told, expected, strict=True):
        for fragment in fragments.split(" | "):
            assert fragment in words
    assert "HUNTER2" not in "".join(told)


def test_there_is_a_corpus() -> None:
    """The files are found where they are looked for."""
    assert len(CORPUS) >= 150
