"""A desired state as a few plain values and back: what one process tells another.

Values that several agents share stay shared among those of one part.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconciler.core.model import Company, DesiredAgent, DesiredState, Limit, PasswordSource, Place, Problem

AGENTS_A_PART: Final = 4000


def packed(desired: DesiredState | None, problems: Iterable[Problem]) -> Iterator[bytes]:
    """What was read, part by part: the head, then the agents; or, where there is no state, the problems alone."""
    if desired is None:
        told = [(*_at(problem.place), problem.path, problem.message, problem.hint) for problem in problems]
        yield marshal.dumps(("problems", told))
        return
    limits = [limit.text if limit else None for limit in (desired.max_deletes, desired.max_changes)]
    company = (desired.company.abbreviate, desired.company.company_id)
    head = (company, desired.files, desired.sha256, desired.scope, desired.prune, desired.protect, limits)
    yield marshal.dumps(("state", (*head, desired.recipients, len(desired.agents))))
    for start in range(0, len(desired.agents), AGENTS_A_PART):
        yield marshal.dumps([_plain(agent) for agent in desired.agents[start : start + AGENTS_A_PART]])


def _at(place: Place) -> tuple[str, int, int]:
    return (place.file, place.line, place.column)


def _plain(agent: DesiredAgent) -> tuple[Any, ...]:
    source = agent.password
    password = (source.kind, source.name, source.version) if source else None
    return (agent.operator_id, agent.fields, password, *_at(agent.place))


def unpacked(parts: Iterator[bytes]) -> tuple[DesiredState | None, tuple[Problem, ...]]:
    """What `packed` was given; takes no more of the parts than it has made."""
    kind, told = marshal.loads(next(parts))  # noqa: S302 - of our own process
    if kind == "problems":
        return None, tuple(Problem(Place(*place), *words) for *place, words in ((*each[:3], each[3:]) for each in told))
    company, files, sha256, scope, prune, protect, limits, recipients, count = told
    agents: list[DesiredAgent] = []
    while len(agents) < count:
        agents += [_agent(*plain) for plain in marshal.loads(next(parts))]  # noqa: S302 - of our own process
    deletes, changes = (None if text is None else Limit(text) for text in limits)
    state = DesiredState(
        Company(*company), tuple(agents), files, sha256, scope, prune, protect, deletes, changes, recipients
    )
    return state, ()


def _agent(operator_id: str, fields: Any, password: Any, file: str, line: int, column: int) -> DesiredAgent:
    return DesiredAgent(operator_id, fields, PasswordSource(*password) if password else None, Place(file, line, column))
