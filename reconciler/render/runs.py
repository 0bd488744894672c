"""Runs of consecutive ids: similar agents are shown once, and lists of ids as spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.model.plan import Action

_MAX_DIGITS: Final = 30
_SHORTEST_SPAN: Final = 3


def group_alike(actions: Sequence[Action]) -> Iterator[list[Action]]:
    """The actions in their order; those whose ids are consecutive and that are otherwise equal form one group."""
    run: list[Action] = []
    for action in actions:
        if run and not (_next(run[-1].operator_id, action.operator_id) and _shape(run[-1]) == _shape(action)):
            yield run
            run = []
        run.append(action)
    if run:
        yield run


def id_spans(ids: Sequence[str]) -> list[tuple[str, int]]:
    """The ids in their order, three or more consecutive ones as `first…last`; each with the count of its ids."""
    runs: list[list[str]] = []
    for id_ in ids:
        if runs and _next(runs[-1][-1], id_):
            runs[-1].append(id_)
        else:
            runs.append([id_])
    return [id_or_span for run in runs for id_or_span in _shown(run)]


def _shown(run: Sequence[str]) -> list[tuple[str, int]]:
    return [(id_, 1) for id_ in run] if len(run) < _SHORTEST_SPAN else [(id_span(run[0], run[-1]), len(run))]


def id_span(first: str, last: str) -> str:
    """A span of ids, as it is shown."""
    return f"{first}…{last}"


def split_around_id(name: str, action: Action) -> list[str]:
    """The parts of a name between occurrences of the agent's id."""
    return name.split(action.operator_id)


def _next(before: str, after: str) -> bool:
    """Whether both ids are numbers of one width, and the second is one more than the first."""
    numbers = (before + after).isascii() and before.isdigit() and after.isdigit()
    return numbers and len(before) == len(after) < _MAX_DIGITS and int(before) + 1 == int(after)


def _shape(action: Action) -> tuple[object, ...]:
    """What actions must have in common to form a group; in the name, the id does not count."""
    changes = [replace(change, after=None) if change.field == "name" else change for change in action.changes]
    names = [
        split_around_id(name, action)
        for name in (action.name, *(str(c.after) for c in action.changes if c.field == "name"))
    ]
    return changes, names, action.carries, action.password, action.origin, action.batched, action.blocked, action.kind
