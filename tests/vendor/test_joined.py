"""The law of outcomes: what is lost stays lost until the call is known to be done."""

from __future__ import annotations

from functools import reduce
from itertools import product

import pytest

from reconciler.core.model.message import text
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused, Stranger, joined

OUTCOMES: tuple[Outcome, ...] = (Ok(), Refused(500, text("no")), NotSent(text("gone")), Lost(text("cut")))


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_a_later_outcome_never_makes_a_lost_one_forgotten(length: int) -> None:
    """Over every sequence of answers: done if the last is, lost if any before was lost, else as the last says."""
    for answers in product(OUTCOMES, repeat=length):
        ended = reduce(joined, answers[1:], answers[0])
        since = [*answers]
        while any(isinstance(answer, Ok) for answer in since[:-1]):
            since = since[next(n for n, answer in enumerate(since) if isinstance(answer, Ok)) + 1 :]
        if isinstance(answers[-1], Ok):
            assert ended == Ok()
        elif any(isinstance(answer, Lost) for answer in since):
            assert isinstance(ended, Lost), answers
        else:
            assert ended == answers[-1]


def test_the_words_of_both_are_kept() -> None:
    """Who reads that a call is lost also reads what was answered since."""
    assert str(joined(Lost(text("cut")), Refused(20005, text("in use")))) == (
        "outcome unknown: cut; then the vendor refused: in use (code 20005)"
    )
    assert joined(None, Stranger(0, text("x"))) == Stranger(0, text("x"))
