"""What files say as a few plain values and back: what one process tells another.

Values that several agents share stay shared among those of one part.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from itertools import islice
from typing import Final

from reconciler.core.desired import Reading, Row, head_of, rows_of
from reconciler.core.model import Company, DesiredAgent, DesiredState, Limit, Place, Problem

AGENTS_A_PART: Final = 1000


def packed(reading: Reading) -> Iterator[bytes]:
    """What was read, part by part: the head, then the agents; or, where there are problems, these alone."""
    if reading.problems:
        told = [(*_at(problem.place), problem.path, problem.message, problem.hint) for problem in reading.problems]
        yield marshal.dumps(("problems", told))
        return
    state, rows = head_of(reading), map(tuple, rows_of(reading))
    limits = [limit.text if limit else None for limit in (state.max_deletes, state.max_changes)]
    company = (state.company.abbreviate, state.company.company_id)
    head = (company, state.files, state.sha256, state.scope, state.prune, state.protect, limits, state.recipients)
    yield marshal.dumps(("state", (*head, len(reading.agents))))
    while part := list(islice(rows, AGENTS_A_PART)):
        yield marshal.dumps(part)


def _at(place: Place) -> tuple[str, int, int]:
    return (place.file, place.line, place.column)


def unpacked(parts: Iterator[bytes]) -> tuple[DesiredState | None, tuple[Problem, ...]]:
    """What `packed` was given; takes no more of the parts than it has made."""
    kind, told = marshal.loads(next(parts))  # noqa: S302 - of our own process
    if kind == "problems":
        return None, tuple(Problem(Place(*place), *words) for *place, words in ((*each[:3], each[3:]) for each in told))
    company, files, sha256, scope, prune, protect, limits, recipients, count = told
    agents: list[DesiredAgent] = []
    while len(agents) < count:
        agents += [Row(*plain).agent() for plain in marshal.loads(next(parts))]  # noqa: S302 - of our own process
    deletes, changes = (None if text is None else Limit(text) for text in limits)
    state = DesiredState(
        Company(*company), tuple(agents), files, sha256, scope, prune, protect, deletes, changes, recipients
    )
    return state, ()
