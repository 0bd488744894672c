"""The corpus of bad files: one rule each, and what is expected stands in the file's first lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.core.desired.read import read_desired
from reconciler.core.model.problem import Problem

CORPUS = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
_EXPECT = re.compile(r"# expect: (\d+):(\d+) (.+)")


def _in_words(problem: Problem) -> str:
    return f"{problem.path}: {problem.message} | {problem.hint}"


@pytest.mark.parametrize("pure", [False, True], ids=["libyaml", "python"])
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_where_it_is_wrong(path: Path, pure: bool) -> None:
    """Exactly the expected problems, in file order, each at its place; and no secret in any of them."""
    data = path.read_bytes()
    expected = _EXPECT.findall(data.decode(errors="replace"))
    assert expected, "the file does not say what is wrong with it"
    state, problems = read_desired(path.name, data, pure=pure)
    assert state is None
    places = [f"{problem.place.line}:{problem.place.column}" for problem in problems]
    assert places == [f"{line}:{column}" for line, column, _ in expected], [_in_words(p) for p in problems]
    for problem, (_, _, fragment) in zip(problems, expected, strict=True):
        assert fragment.replace("FILE", path.name) in _in_words(problem)
        assert problem.place.file == path.name
    assert "hunter" not in repr(problems).casefold()
    assert "12345678" not in repr(problems)


def test_there_is_a_corpus() -> None:
    """The files are found where they are looked for."""
    assert len(CORPUS) > 100
