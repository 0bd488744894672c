"""Rows of consecutive numbers: agents that are alike are shown once, and lists of ids as spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.model.plan import Action

_LONGEST: Final = 30
_WORTH_IT: Final = 3


def alike(actions: Sequence[Action]) -> Iterator[list[Action]]:
    """The actions in their order, those together that differ in nothing but their ids, which count up."""
    run: list[Action] = []
    for action in actions:
        if run and not (_next(run[-1].operator_id, action.operator_id) and _shape(run[-1]) == _shape(action)):
            yield run
            run = []
        run.append(action)
    if run:
        yield run


def spans(ids: Sequence[str]) -> list[tuple[str, int]]:
    """The ids in their order, three or more consecutive ones as `first…last`, each with how many it stands for."""
    found: list[list[str]] = []
    for id_ in ids:
        if found and _next(found[-1][-1], id_):
            found[-1].append(id_)
        else:
            found.append([id_])
    return [each for run in found for each in _told(run)]


def _told(run: Sequence[str]) -> list[tuple[str, int]]:
    return [(id_, 1) for id_ in run] if len(run) < _WORTH_IT else [(span(run[0], run[-1]), len(run))]


def span(first: str, last: str) -> str:
    """A row of ids, in words."""
    return f"{first}…{last}"


def around(name: str, action: Action) -> list[str]:
    """A name without the agent's id in it: what stands before, between and behind."""
    return name.split(action.operator_id)


def _next(before: str, after: str) -> bool:
    """Whether two ids are numbers of one width, short enough for a pair, the second one more than the first."""
    numbers = (before + after).isascii() and before.isdigit() and after.isdigit()
    return numbers and len(before) == len(after) < _LONGEST and int(before) + 1 == int(after)


def _shape(action: Action) -> tuple[object, ...]:
    """What two new agents must have in common, the name but for the id inside it."""
    changes = [replace(change, after=None) if change.field == "name" else change for change in action.changes]
    names = [
        around(name, action) for name in (action.name, *(str(c.after) for c in action.changes if c.field == "name"))
    ]
    return changes, names, action.carries, action.password, action.origin, action.batched, action.blocked, action.kind
