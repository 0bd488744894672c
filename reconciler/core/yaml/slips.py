"""Slips of the person who wrote a file: what keeps it from being YAML, in the words of whoever must mend it.

Where the parser gives up, repairs of what people do are tried, and the one that carries the parser further is told. So
several slips of one file are told at once. The repaired text is for finding further problems, and nobody may use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from reconciler.core.model.fields import KEY
from reconciler.core.model.message import text
from reconciler.core.model.problem import Place, Problem
from reconciler.core.yaml import repairs
from reconciler.core.yaml.document import lines_of
from reconciler.core.yaml.events import Trouble, first_trouble
from reconciler.core.yaml.meant import KNOWN_KEYS, indentation
from reconciler.core.yaml.nodes import MAX_DEPTH
from reconciler.core.yaml.repairs import Repair, unclosed_quote

MAX_TOLD: Final = 30
"""Slips that are told of one file; whoever has mended so many has the next ones told."""
BUDGET: Final = 6_000_000
"""Characters that are parsed to find a file's slips: some seconds."""
_BEFORE, _AFTER = 40, 60
"""Lines around a place that are parsed to try a repair, in a file of many lines."""
_NEAR: Final = 8
"""Lines above a place in which a slip may have its effect there."""
_MAX_LINE: Final = 4000
"""A longer line is no person's, and costs too much."""
_NAME_ALONE: Final = re.compile(r"\s*[\w.-]+:")
_MAX_SHOWN: Final = 160

_SECRET: Final = re.compile("pass|pwd|recipients|secret|token|mima|密码|口令", re.IGNORECASE)
_FIRST_KEY: Final = re.compile(r"[\s-]*[{\[\s]*\"?(?:([^\W\d][\w.-]*)\"?\s*:|[^:]*$)")


def without_slips(
    file: str, data: bytes, *, pure: bool = False, budget: int = BUDGET
) -> tuple[bytes, tuple[Problem, ...]]:
    """The text of a file that is no YAML, mended as far as its slips are known, and these slips.

    `budget` is how many characters may be parsed for it. The file may be no YAML still: then the parser's own complaint
    about the mended text is the next problem.
    """
    try:
        lines = lines_of(data)
    except UnicodeDecodeError:
        return data, ()
    unmerged = list(repairs.conflicts(lines))
    problems = [_problem(file, lines, repair) for repair in unmerged]
    search = _Search(_all_repaired(lines, unmerged), pure=pure, budget=budget)
    while len(problems) < MAX_TOLD and (trouble := search.trouble(search.lines)):
        if not (found := search.repairs(trouble)):
            break
        problems += [_problem(file, lines, repair) for repair in found]
        search.lines = _all_repaired(search.lines, found)
    return "\n".join(search.lines).encode(), tuple(problems)


def slips_in_lines(file: str, data: bytes, wrong: Iterable[int], *, pure: bool) -> tuple[bytes, tuple[Problem, ...]]:
    """The text of a file that is YAML, but has problems in the lines `wrong` (from 1), without what was typed there.

    Nobody has looked yet whether the problems are gone with it.
    """
    lines = lines_of(data)
    search = _Search(lines, pure=pure)
    short = [line - 1 for line in sorted(set(wrong)) if len(lines[line - 1]) <= _MAX_LINE]
    found = (search.typed(lines, index, []) or repairs.before_a_bracket(lines, index) for index in short[:MAX_TOLD])
    typed = [repair for each in found for repair in each]
    problems = tuple(_problem(file, lines, repair) for repair in typed)
    return "\n".join(_all_repaired(lines, typed)).encode(), problems


def _all_repaired(lines: list[str], repairs: Iterable[Repair]) -> list[str]:
    changed = {index: text for repair in repairs for index, text in repair.lines.items()}
    return [changed.get(index, line) for index, line in enumerate(lines)]


def _problem(file: str, lines: list[str], repair: Repair) -> Problem:
    place = Place(file, repair.line + 1, repair.column + 1)
    shown = repair.lines.get(repair.line, "").rstrip()
    shows = text("write: {line}", line=_clip(shown)) if is_open(lines, repair.line, shown) else _NOT_SHOWN
    return Problem(place, "", repair.words, repair.hint or shows, repair.code)


_NOT_SHOWN: Final = text("mend it there; the line is not repeated here, since it may hold a secret")


def _clip(line: str) -> str:
    return line if len(line) <= _MAX_SHOWN else line[: _MAX_SHOWN - 1] + "…"


def is_open(lines: list[str], index: int, line: str) -> bool:
    """Whether a message may show a `line` at this index: nothing in it, or in what it belongs to, may be a secret."""
    if _NAME_ALONE.fullmatch(line):
        return True
    if _SECRET.search(line) or not (found := _FIRST_KEY.match(line)) or (found[1] or KEY) not in KNOWN_KEYS:
        return False
    depth = indentation(line)
    for above in reversed(lines[:index]):
        if above.strip() and (indentation(above) < depth or (indentation(above) == depth and line.lstrip()[:1] == "-")):
            if _SECRET.search(above):
                return False
            depth = indentation(above)
        if depth == 0:
            break
    return not any(
        _SECRET.search(above) and unclosed_quote(above) is not None for above in lines[max(0, index - 9) : index]
    )


class _Search:
    """Looks for the repair that carries the parser past its trouble."""

    def __init__(self, lines: list[str], *, pure: bool, budget: int = BUDGET) -> None:
        self.lines = lines
        self.pure = pure
        self.budget = budget // (10 if pure else 1)

    def trouble(self, lines: list[str]) -> Trouble | None:
        """Where the parser gives up in these lines; `None` where it does not. With the budget spent, at their start."""
        if self.budget < 0:
            return Trouble(0, 0, 0, None)
        joined = "\n".join(lines)
        trouble = first_trouble(joined.encode(), pure=self.pure, max_depth=MAX_DEPTH)
        self.budget -= trouble.index if trouble else len(joined)
        return trouble

    def repairs(self, trouble: Trouble) -> list[Repair]:
        """The repairs that carry the parser further; none where nothing is known that does."""
        lines = self.window(trouble)
        near = _near(lines, trouble)
        typed: list[Repair] = []
        for index in near:
            typed += self.typed(lines, index, typed)
        if self.reached(lines, typed) > (trouble.line, trouble.events):
            return self.needed(lines, typed)
        if best := self.best(lines, trouble, near):
            return best
        if typed and (behind := self.best(_all_repaired(lines, typed), trouble, near)):
            return self.needed(lines, [*typed, *behind])
        return self.best(lines, trouble, near, by_events=True)

    def typed(self, lines: list[str], index: int, others: list[Repair]) -> list[Repair]:
        """What the input method left in a line: the variant of it that carries the parser furthest, beside `others`."""
        variants = list(repairs.as_typed(lines, index))
        if len({variant.lines[index] for variant in variants}) > 1:
            variants.sort(key=lambda one: self.reached(lines, [*others, one]), reverse=True)
        return variants[:1]

    def needed(self, lines: list[str], found: list[Repair]) -> list[Repair]:
        """Of several repairs those without which the parser would not come as far; all, where it does not need one."""
        reached = self.reached(lines, found)
        needed = [one for one in found if self.reached(lines, [other for other in found if other is not one]) < reached]
        return needed or found

    def reached(self, lines: list[str], repairs: Iterable[Repair]) -> tuple[int, int]:
        """How far the parser comes with these repairs: the line, and the events before it."""
        after = self.trouble(_all_repaired(lines, repairs))
        return (after.line, after.events) if after else (len(lines), 0)

    def best(self, lines: list[str], trouble: Trouble, near: list[int], *, by_events: bool = False) -> list[Repair]:
        """The repair that carries the parser furthest, of the first kind of repairs that carries it at all.

        With `by_events` more events in lines above are enough: the next slip stands in the line of the trouble.
        """
        for kind in _kinds(lines, trouble, near):
            best, farthest = [], (trouble.line, trouble.events if by_events else 0)
            for repair in kind:
                line, events = self.reached(lines, [repair])
                reached = (min(line, trouble.line + _AFTER // 2), events if by_events else 0)
                if reached > farthest and (not by_events or repair.line < trouble.line):
                    best, farthest = [repair], reached
            if best:
                return best
        return []

    def window(self, trouble: Trouble) -> list[str]:
        """The lines around the trouble, with the others blank, if they give the same trouble; else all above it too."""
        lines = self.lines[: trouble.line + _AFTER]
        first = max(0, trouble.line - _BEFORE)
        dashes = [index for index in range(first, min(trouble.line, len(lines))) if lines[index].lstrip()[:2] == "- "]
        begin = min(dashes, key=lambda index: (indentation(lines[index]), index), default=0)
        top = next((index for index in range(begin - 1, -1, -1) if lines[index][:1].strip(" #-")), 0)
        few = ["" if index < begin and index != top else line for index, line in enumerate(lines)]
        same = self.trouble(few) if begin else None
        return few if same and same.line == trouble.line else lines


def _near(lines: list[str], trouble: Trouble) -> list[int]:
    """The lines in which a slip may have its effect at the trouble, the nearest first."""
    above = [index for index in range(min(trouble.line, len(lines) - 1), -1, -1) if lines[index].strip()][:_NEAR]
    opening = [trouble.opening[0]] if trouble.opening and trouble.opening[0] < len(lines) else []
    return [index for index in dict.fromkeys((*above, *opening)) if len(lines[index]) <= _MAX_LINE]


def _kinds(lines: list[str], trouble: Trouble, near: list[int]) -> Iterator[Iterable[Repair]]:
    """Repairs by kind, the surest first."""
    for index in near:
        yield repairs.as_typed(lines, index)
    opening = trouble.opening[0] if trouble.opening else None
    suspects = [*near[:3], *(index for index in near if index == opening)]
    above = range(min(trouble.line, len(lines) - 1), max(-1, trouble.line - _AFTER), -1)
    unclosed = (index for index in above if unclosed_quote(lines[index][:_MAX_LINE]) is not None)
    for index in dict.fromkeys((*islice(unclosed, 1), *suspects)):
        yield repairs.before_a_bracket(lines, index)
        yield repairs.of_line(lines, index)
        yield repairs.beside_others(lines, index)
    if trouble.opening:
        yield [repair for index in near[:3] for repair in repairs.closed_before(lines, trouble.opening, index)]
    yield repairs.indented(lines, near[:6])
