"""What files say as a few plain values and back: what one process tells another.

First whose agents they are about, where that is known ahead; then the state, or the problems. Knows nothing of how
files are read: the process that is told has no need of a parser. Values that several agents share stay shared among
those of one part.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from reconciler.core.model.desired import Company, DesiredAgent, DesiredState, Limit, PasswordSource
from reconciler.core.model.problem import Place, Problem

if TYPE_CHECKING:
    from reconciler.core.model.fields import Value

AGENTS_A_PART: Final = 1000


class PackedAgent(NamedTuple):
    """A desired agent as plain values, for where many are handed on."""

    operator_id: str
    fields: dict[str, Value]
    password: tuple[Any, ...] | None
    file: str
    line: int
    column: int


def agent_of(row: PackedAgent) -> DesiredAgent:
    """The agent itself, also of a row that became a bare tuple on the way."""
    operator_id, fields, password, file, line, column = row
    source = PasswordSource(*password) if password else None
    return DesiredAgent(operator_id, fields, source, Place(file, line, column))


def packed_company(company: Company | None) -> bytes:
    """The first part."""
    return marshal.dumps(None if company is None else _plain(company))


def packed_problems(problems: Iterable[Problem]) -> bytes:
    """The other part, where there are problems."""
    told = [(*_at(problem.place), problem.path, problem.message, problem.hint) for problem in problems]
    return marshal.dumps(("problems", told))


def packed_state(state: DesiredState, rows: Iterable[PackedAgent], count: int) -> Iterator[bytes]:
    """The other parts: a state without its agents, and so many of these."""
    limits = [limit.text if limit else None for limit in (state.max_deletes, state.max_changes)]
    kept = (state.files, state.sha256, state.scope, state.prune, state.protect, limits, state.recipients)
    yield marshal.dumps(("state", (_plain(state.company), *kept, count)))
    plain = map(tuple, rows)
    while part := list(islice(plain, AGENTS_A_PART)):
        yield marshal.dumps(part)


def _plain(company: Company) -> tuple[str, int | None]:
    return (company.abbreviate, company.company_id)


def _at(place: Place) -> tuple[str, int, int]:
    return (place.file, place.line, place.column)


def unpacked_company(part: bytes) -> Company | None:
    """Whose agents the files are about, or `None` where that has to be waited for."""
    told = marshal.loads(part)  # noqa: S302 - of our own process
    return None if told is None else Company(*told)


def unpacked(parts: Iterator[bytes]) -> tuple[DesiredState | None, tuple[Problem, ...]]:
    """The state, or the problems; takes no more of the parts than were made of them."""
    kind, told = marshal.loads(next(parts))  # noqa: S302 - of our own process
    if kind == "problems":
        return None, tuple(Problem(Place(*place), *words) for *place, words in ((*each[:3], each[3:]) for each in told))
    company, files, sha256, scope, prune, protect, limits, recipients, count = told
    agents: list[DesiredAgent] = []
    while len(agents) < count:
        agents += map(agent_of, marshal.loads(next(parts)))  # noqa: S302 - of our own process
    deletes, changes = (None if text is None else Limit(text) for text in limits)
    state = DesiredState(
        Company(*company), tuple(agents), files, sha256, scope, prune, protect, deletes, changes, recipients
    )
    return state, ()
