"""A desired state, or the problems of its files, as bytes that one process sends to another.

The bytes come in parts. The first part is the company, if the files name it before their agents. The next part is the
state without its agents, or the problems; parts with the agents follow. Agents of one part share equal values as
before. The receiver needs no parser, so this module imports nothing that reads files.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from reconciler.core.model.desired import Company, DesiredAgent, DesiredState, Limit, PasswordSource, Removal
from reconciler.core.model.message import packed_text, unpacked_text
from reconciler.core.model.problem import Place, Problem

if TYPE_CHECKING:
    from reconciler.core.model.fields import Value

AGENTS_PER_PART: Final = 1000


class PackedAgent(NamedTuple):
    """A desired agent as plain values, which `marshal` accepts."""

    operator_id: str
    fields: dict[str, Value]
    password: tuple[Any, ...] | None
    file: str
    line: int
    column: int


def unpacked_agent(row: PackedAgent) -> DesiredAgent:
    """The agent of a row, which may arrive as a bare tuple."""
    operator_id, fields, password, file, line, column = row
    source = PasswordSource(*password) if password else None
    return DesiredAgent(operator_id, fields, source, Place(file, line, column))


def packed_company(company: Company | None) -> bytes:
    """The first part: the company, or `None` if the files do not name it before their agents."""
    return marshal.dumps(None if company is None else _plain(company))


def packed_problems(problems: Iterable[Problem]) -> bytes:
    """The part after the first if the files have problems."""
    rows = [
        (*_at(problem.place), problem.path, problem.code, packed_text(problem.message), packed_text(problem.hint))
        for problem in problems
    ]
    return marshal.dumps(("problems", rows))


def _unpacked_problem(row: tuple[Any, ...]) -> Problem:
    file, line, column, path, code, message, hint = row
    return Problem(Place(file, line, column), path, unpacked_text(message), unpacked_text(hint), code)


def packed_state(state: DesiredState, rows: Iterable[PackedAgent], count: int) -> Iterator[bytes]:
    """The parts after the first: `state` without its agents, then the `count` agents of `rows`."""
    limits = [limit.text if limit else None for limit in (state.max_deletes, state.max_changes, state.max_passwords)]
    rest = (state.files, state.sha256, state.scope, state.prune, state.protect, limits, state.recipients)
    removal = (state.on_remove.disable, state.on_remove.wait)
    yield marshal.dumps(("state", (_plain(state.company), *rest, state.lookalikes, removal, dict(state.set_in), count)))
    tuples = map(tuple, rows)
    while part := list(islice(tuples, AGENTS_PER_PART)):
        yield marshal.dumps(part)


def _plain(company: Company) -> tuple[str, int | None]:
    return (company.abbreviate, company.company_id)


def _at(place: Place) -> tuple[str, int, int]:
    return (place.file, place.line, place.column)


def unpacked_company(part: bytes) -> Company | None:
    """The company of the first part; `None` means that only the other parts tell it."""
    company = marshal.loads(part)  # noqa: S302 - of our own process
    return None if company is None else Company(*company)


def unpacked(parts: Iterator[bytes]) -> tuple[DesiredState | None, tuple[Problem, ...]]:
    """The state, or `None` and the problems, from the parts after the first. Takes no more parts than belong to it.

    Raises:
        StopIteration: the parts end too early.
    """
    kind, content = marshal.loads(next(parts))  # noqa: S302 - of our own process
    if kind == "problems":
        return None, tuple(map(_unpacked_problem, content))
    company, files, sha256, scope, prune, protect, limits, recipients, *others = content
    lookalikes, removal, set_in, count = others
    agents: list[DesiredAgent] = []
    while len(agents) < count:
        agents += map(unpacked_agent, marshal.loads(next(parts)))  # noqa: S302 - of our own process
    deletes, changes, passwords = (None if text is None else Limit(text) for text in limits)
    state = DesiredState(
        Company(*company),
        tuple(agents),
        files,
        sha256,
        scope=scope,
        prune=prune,
        protect=protect,
        max_deletes=deletes,
        max_changes=changes,
        recipients=recipients,
        lookalikes=lookalikes,
        max_passwords=passwords,
        on_remove=Removal(*removal),
        set_in=set_in,
    )
    return state, ()
