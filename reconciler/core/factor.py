"""What many agents have in common: the `defaults` and `profiles` under which a file is short and reads well.

The measure is the file's length in characters. Agents are parted by the field whose parts share most, and again, as
long as that pays; the main group and the type count double, since people think in them. A part whose common values
save more than they cost becomes a profile. The work grows with the number of agents, not with its square.

Values are spelt (`core.spelling`) all along. A field that an agent's row lacks is left alone for that agent, so nothing
that the agent takes values from may hold it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from reconciler.core.fields import BY_NAME, KEY, LISTED, Kind
from reconciler.core.spelling import is_plain, scalar

_NAMES: Final = tuple(row.name for row in LISTED)
_PERSONAL: Final = frozenset(("name", "bindcode", "email", "sipNumber"))
"""What belongs to one agent: shared only where it is empty, however many happen to have the same."""
_BLANK: Final = frozenset(('""', "null"))
_OWN: Final = ""
"""Stands for any personal value: spelt, none is empty."""
_THOUGHT_IN: Final = ("mainGroupName", "operatorType")
_DOUBLE: Final = frozenset(_NAMES.index(name) for name in _THOUGHT_IN)

_REFERENCE: Final = 20
"""Characters of a `profile: NAME, `."""
_READING: Final = 100
"""Characters that a profile must save beyond its own: each is one more thing to know."""
_FEWEST: Final = 3
_SHARE: Final = 50
"""A profile serves at least one agent in so many."""
_CANDIDATES: Final = 8

Cells = tuple[str | None, ...]
"""One agent's values in the order of the table; `None` where the field is left alone."""
Values = dict[int, str]
"""Values by their column."""


@dataclass(frozen=True, slots=True)
class Own:
    """What stands at one agent: the profile, or nothing, and the values that no other place says."""

    profile: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Factored:
    """The same agents with what they share said once. `agents` are in the order in which they came."""

    defaults: Mapping[str, str]
    profiles: Mapping[str, Mapping[str, str]]
    agents: tuple[Own, ...]


def factor(rows: Sequence[Mapping[str, str]], taken: Iterable[str] = (), prefix: str = "") -> Factored:
    """Share what is common. No profile is named as one of those `taken`; their names begin with `prefix`."""
    table: list[Cells] = [tuple(row.get(name) for name in _NAMES) for row in rows]
    whole = _Part((), tuple(range(len(table))), [_shared(cells) for cells in table])
    defaults = _defaults([whole], profiled=False)
    parts = _parted(whole, defaults, max(_FEWEST, len(table) // _SHARE))
    defaults = _defaults(parts, profiled=True)
    chosen = {}
    for part in parts:
        users = _users(part, table, defaults)
        if users:
            chosen[part.path] = (_common(part, defaults)[1], users)
    names = _names(list(chosen), defaults, taken, prefix)
    used = {index: (names[path], values) for path, (values, users) in chosen.items() for index in users}
    agents = [_own(cells, *used.get(index, ("", {})), defaults) for index, cells in enumerate(table)]
    profiles = {names[path]: _by_name(values) for path, (values, _) in chosen.items()}
    return Factored(_by_name(defaults), dict(sorted(profiles.items())), tuple(agents))


def _shared(cells: Cells) -> Cells:
    return tuple(
        _OWN if name in _PERSONAL and cell is not None and cell not in _BLANK else cell
        for name, cell in zip(_NAMES, cells, strict=True)
    )


def _by_name(values: Values) -> dict[str, str]:
    return {_NAMES[column]: values[column] for column in sorted(values)}


def _cost(column: int, text: str) -> int:
    """Characters of `name: text, `."""
    return len(_NAMES[column]) + len(text) + 4


@dataclass(frozen=True)
class _Part:
    """Some of the agents, and by which values they were parted from the rest."""

    path: tuple[tuple[int, str | None], ...]
    indexes: tuple[int, ...]
    cells: list[Cells] = field(repr=False)

    @cached_property
    def counts(self) -> list[Counter[str | None]]:
        """How often each value stands in each column."""
        return [Counter(column) for column in zip(*self.cells, strict=True)]

    def saves(self, column: int, text: str | None) -> int:
        """Characters that go when a value is said once for all; what it costs to say it once is not counted."""
        return self.counts[column][text] * _cost(column, text) if text else 0


def _common(part: _Part, defaults: Values) -> tuple[int, Values]:
    """What a profile of these agents would hold, and the characters that it would save in all."""
    values: Values = {}
    saved = -len(part.cells) * _REFERENCE - _READING
    for column, counts in enumerate(part.counts):
        text = _favourite(part, column)
        most = text is not None and 2 * counts[text] > len(part.cells) and 10 * counts[None] <= len(part.cells)
        if text is None or not most or text == defaults.get(column):
            continue
        gain = part.saves(column, text) - part.saves(column, defaults.get(column)) - _cost(column, text)
        if gain > 0:
            saved += gain
            values[column] = text
    return saved, values


def _favourite(part: _Part, column: int) -> str | None:
    shared = [text for text in part.counts[column] if text]
    return max(shared, key=lambda text: (part.saves(column, text), text), default=None)


def _defaults(parts: list[_Part], *, profiled: bool) -> Values:
    """The value of each column under which the parts, each with its profile or all without, are shortest."""
    found = {}
    for column in range(len(_NAMES)):
        total: Counter[str | None] = Counter()
        for part in parts:
            total.update(part.counts[column])
        if total[None]:
            continue  # some agent's is left alone, and everybody takes the defaults
        candidates = [text for text, count in total.most_common(_CANDIDATES) if text and 4 * count > total.total()]
        costs = {text: _cost(column, text) - _saved(parts, column, text, profiled=profiled) for text in candidates}
        best = min(costs, key=lambda text: (costs[text], text), default=None)
        if best is not None and costs[best] < -_saved(parts, column, None, profiled=profiled):
            found[column] = best
    return found


def _saved(parts: list[_Part], column: int, default: str | None, *, profiled: bool) -> int:
    """Characters that all parts save in a column: each by the default or, where that is more, by its profile."""
    saved = 0
    for part in parts:
        text = _favourite(part, column) if profiled and _common(part, {})[0] > 0 else None
        by_profile = part.saves(column, text) - _cost(column, text) if text else 0
        saved += max(part.saves(column, default), by_profile)
    return saved


def _parted(part: _Part, defaults: Values, fewest: int) -> list[_Part]:
    """The part, or what it falls into where that saves more."""
    saved = max(0, _common(part, defaults)[0])
    best, parts = _READING, [part]
    for column in range(len(_NAMES)):
        pieces = _split(part, column, fewest)
        if len(pieces) > 1:
            gain = sum(max(0, _common(piece, defaults)[0]) for piece in pieces) - saved
            gain *= 2 if column in _DOUBLE else 1
            if gain > best:
                best, parts = gain, pieces
    return parts if parts == [part] else [leaf for piece in parts for leaf in _parted(piece, defaults, fewest)]


def _split(part: _Part, column: int, fewest: int) -> list[_Part]:
    """Parts by a column's values. The small ones stay together; too few, they go with the largest."""
    large = {text for text, count in part.counts[column].items() if count >= fewest and text != _OWN}
    if not large or len(part.counts[column]) == 1:
        return []
    rest = sum(count for text, count in part.counts[column].items() if text not in large)
    home = max(large, key=lambda text: (part.counts[column][text], text or "")) if rest < fewest else _OWN
    lists: dict[str | None, list[int]] = defaultdict(list)
    for at, cells in enumerate(part.cells):
        lists[cells[column] if cells[column] in large else home].append(at)
    return [
        _Part(
            part.path if text == _OWN else (*part.path, (column, text)),
            tuple(part.indexes[at] for at in places),
            [part.cells[at] for at in places],
        )
        for text, places in sorted(lists.items(), key=lambda item: item[0] or "")
    ]


def _users(part: _Part, table: list[Cells], defaults: Values) -> frozenset[int]:
    """The agents of a part that are shorter with its profile; none where the profile as a whole does not pay."""
    saved, values = _common(part, defaults)
    if saved <= 0:
        return frozenset()
    gains = {index: _gain(table[index], values, defaults) for index in part.indexes}
    users = frozenset(index for index, gain in gains.items() if gain > 0)
    spent = sum(_cost(column, text) for column, text in values.items())
    pays = len(users) > 1 and sum(gains[index] for index in users) > spent
    return users if pays else frozenset()


def _gain(cells: Cells, profile: Values, defaults: Values) -> int:
    """Characters that an agent is shorter by with the profile; never more than none where it must be left alone."""
    gain = -_REFERENCE
    for column, text in profile.items():
        own = cells[column]
        if own is None:
            return 0
        gain += _cost(column, own) * ((own == text) - (own == defaults.get(column)))
    return gain


def _own(cells: Cells, profile: str, shared: Values, defaults: Values) -> Own:
    taken = {**defaults, **shared}
    values = {
        name: cell
        for column, (name, cell) in enumerate(zip(_NAMES, cells, strict=True))
        if cell is not None and cell != taken.get(column)
    }
    return Own(profile, values)


# Names.

Path = tuple[tuple[int, str | None], ...]
_WORD: Final = re.compile(r"\w+")
_LONGEST: Final = 24


def _names(paths: list[Path], defaults: Values, taken: Iterable[str], prefix: str) -> dict[Path, str]:
    names: dict[Path, str] = {}
    used = {name.casefold() for name in taken}
    for path in paths:
        telling = [(column, text) for column, text in path if text != defaults.get(column)] or list(path)
        telling.sort(key=lambda step: (column_order(step[0]), step[0]))
        words = [prefix, *(_word(column, text) for column, text in telling)]
        names[path] = unused("-".join(filter(None, words)) or "common", used)
    return names


def column_order(column: int) -> int:
    """Group, type, then everything else."""
    name = _NAMES[column]
    return _THOUGHT_IN.index(name) if name in _THOUGHT_IN else len(_THOUGHT_IN)


def _word(column: int, text: str | None) -> str:
    name = _NAMES[column]
    if text is None or text in ("true", "false", *_BLANK):
        return name if text == "true" else "no-group" if name == "mainGroupName" else f"no-{name}"
    word = label(text)
    return word if BY_NAME[name].kind is Kind.CHOICE or name == "mainGroupName" else f"{name}-{word}"


def label(text: str) -> str:
    """A text's letters and digits, what stands between them as one hyphen, cut where it is long."""
    return "-".join(_WORD.findall(text))[:_LONGEST].strip("-_")


def unused(name: str, used: set[str]) -> str:
    """The name, or the name with a number where it is taken; case does not tell names apart. It is then taken."""
    name = name if is_plain(name) else f"profile-{name}".strip("-")
    found, number = name, 1
    while found.casefold() in used:
        number += 1
        found = f"{name}-{number}"
    used.add(found.casefold())
    return found
