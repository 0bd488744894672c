"""What makes a problem the same one tomorrow: fingerprints of real files, as they are edited."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model.message import Text
from reconciler.core.model.problem import Place, Problem
from reconciler.render.findings import fingerprints, sentence
from tests.core.build import problems

BAD = """version: 1
company: {abbreviate: acme}
agents:
  - {operatorId: "8001", nmae: 张三}
  - {operatorId: "8002", afterInterval: -1, sipNumber: "60001"}
  - {operatorId: "8003", name: [x], sipNumber: "60001"}
  - {operatorId: "8002"}
  - {operatorId: "8004", profile: nobody}
  - {operatorId: 8005}
"""
"""A file with a problem of most kinds; some of them name the place of something else."""

MOVES = {
    "lines above": BAD.replace("agents:", "# a comment\n\nagents:"),
    "an agent above": BAD.replace("agents:\n", 'agents:\n  - {operatorId: "7000"}\n'),
    "wider": BAD.replace("  - {", "    -   {"),
    "spread out": re.sub(r"\{(operatorId: .*)\}", lambda m: m[1].replace(", ", "\n    "), BAD),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_fingerprint_does_not_move(move: str) -> None:
    """Lines, columns and the number of an agent in its list change; the fingerprints do not."""
    before, after = problems(BAD), problems(MOVES[move])
    assert len(before) == 7
    assert [problem.place for problem in before] != [problem.place for problem in after]
    assert fingerprints(before) == fingerprints(after)


def test_what_is_mended_is_gone() -> None:
    """Of a file in which one problem is mended the other fingerprints are left, and that one is missing."""
    before = fingerprints(problems(BAD))
    after = fingerprints(problems(BAD.replace("nmae", "name")))
    assert after == before[1:]


@pytest.mark.parametrize(
    "other",
    [
        Problem(Place("b.yaml", 1), "agents[0].x", Text("wrong")),
        Problem(Place("a.yaml", 1), "agents[0].y", Text("wrong")),
        Problem(Place("a.yaml", 1), "agents[0] (8001).x", Text("wrong")),
        Problem(Place("a.yaml", 1), "agents[0].x", Text("wronger")),
    ],
)
def test_another_problem_has_another_fingerprint(other: Problem) -> None:
    """File, path and words each count."""
    one = Problem(Place("a.yaml", 1), "agents[0].x", Text("wrong"))
    assert fingerprints([one]) != fingerprints([other])


@settings(deadline=None)
@given(st.lists(st.builds(Problem, st.builds(Place, st.text(max_size=2), st.integers(1, 3)), st.text(), st.text())))
def test_no_two_are_equal(found: list[Problem]) -> None:
    """However alike the problems of a run are, each has its own fingerprint, the same in the next run."""
    prints = fingerprints([*found, *found])
    assert len(set(prints)) == len(prints)
    assert fingerprints([*found, *found]) == prints
    assert fingerprints(found) == prints[: len(found)]
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in prints)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem(Place("a.yaml", 1), "", Text("wrong")), "wrong"),
        (Problem(Place("a.yaml", 1), "agents", Text("wrong")), "at agents: wrong"),
        (Problem(Place("a.yaml", 1), "agents", Text("wrong"), Text("mend it")), "at agents: wrong; mend it"),
    ],
)
def test_a_problem_as_a_sentence(problem: Problem, words: str) -> None:
    """A sentence has what there is."""
    assert sentence(problem) == words
