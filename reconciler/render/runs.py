"""Lists of ids, with runs of consecutive ones as spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.render.spelling import spelled_id

_MAX_DIGITS: Final = 30
_SHORTEST_SPAN: Final = 3


def id_spans(ids: Sequence[str]) -> list[tuple[str, int]]:
    """The ids in their order, three or more consecutive ones as `first…last`; each with the count of its ids."""
    runs: list[list[str]] = []
    for id_ in ids:
        if runs and _next(runs[-1][-1], id_):
            runs[-1].append(id_)
        else:
            runs.append([id_])
    return [id_or_span for run in runs for id_or_span in _shown(run)]


def one_span(ids: Sequence[str]) -> str:
    """The span of two or more ids that are all consecutive; empty for other ids."""
    consecutive = len(ids) > 1 and all(map(_next, ids, ids[1:]))
    return f"{ids[0]}…{ids[-1]}" if consecutive else ""


def _shown(run: Sequence[str]) -> list[tuple[str, int]]:
    return [(spelled_id(id_), 1) for id_ in run] if len(run) < _SHORTEST_SPAN else [(one_span(run), len(run))]


def _next(before: str, after: str) -> bool:
    """Whether both ids are numbers of one width, and the second is one more than the first."""
    numbers = (before + after).isascii() and before.isdigit() and after.isdigit()
    return numbers and len(before) == len(after) < _MAX_DIGITS and int(before) + 1 == int(after)
