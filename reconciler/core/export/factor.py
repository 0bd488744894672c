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

from reconciler.core.model.fields import BY_NAME, COMPARED, Kind
from reconciler.core.yaml.spelling import is_plain

_NAMES: Final = tuple(row.name for row in COMPARED)
_PERSONAL: Final = frozenset(("name", "bindcode", "email", "sipNumber"))
"""What belongs to one agent: shared only where it is empty, however many happen to have the same."""
_BLANK: Final = frozenset(('""', "null"))
_OWN: Final = ""
"""Stands for any personal value: spelt, none is empty."""
_GROUP: Final = _NAMES.index("mainGroupName")
_DOUBLE: Final = frozenset((_GROUP, _NAMES.index("operatorType")))

_LEAST: Final = 2
"""Values of a profile: one alone stands as well at the agent."""
_READING: Final = 100
"""Characters that a profile must save beyond its own: each is one more thing to know."""
_FEWEST: Final = 3
_SHARE: Final = 100
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
    first = _Base(_defaults([(whole, False)]), prefix)
    _, parts = _parted(whole, first, max(_FEWEST, len(table) // _SHARE))
    base = _Base(_defaults([(part, _common(part, first)[0] > 0) for part in parts]), prefix)
    profiles = [found for part in parts if (found := _profile(part, table, base))]
    names = _names(profiles, base, taken)
    used = {index: (name, profile) for name, profile in zip(names, profiles, strict=True) for index in profile.users}
    agents = (_own(cells, used.get(index), base.defaults) for index, cells in enumerate(table))
    said = {name: _by_name(profile.values) for name, profile in zip(names, profiles, strict=True)}
    return Factored(_by_name(base.defaults), dict(sorted(said.items())), tuple(agents))


@dataclass(frozen=True, slots=True)
class _Base:
    """What profiles stand on: the defaults, and the beginning of their names."""

    defaults: Values
    prefix: str

    def reference(self, words: Iterable[str]) -> int:
        """Characters of `profile: NAME, `, with all words in the name."""
        return len("profile: , ") + len("-".join((self.prefix, *words)))


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

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns by which the part was found."""
        return tuple(column for column, _ in self.path)

    @cached_property
    def counts(self) -> list[Counter[str | None]]:
        """How often each value stands in each column."""
        return [Counter(column) for column in zip(*self.cells, strict=True)] or [Counter() for _ in _NAMES]

    def saves(self, column: int, text: str | None) -> int:
        """Characters that go when a value is said once for all; what it costs to say it once is not counted."""
        return self.counts[column][text] * _cost(column, text) if text else 0


def _common(part: _Part, base: _Base) -> tuple[int, Values]:
    """What a profile of these agents would hold, and the characters that it would save in all."""
    values: Values = {}
    saved = -_READING
    for column in range(len(_NAMES)):
        text, default = _favourite(part, column), base.defaults.get(column)
        if text is None or text == default or not _is_common(part, column, text):
            continue
        gain = part.saves(column, text) - part.saves(column, default) - _cost(column, text)
        if gain > 0:
            saved += gain
            values[column] = text
    if len(values) < _LEAST:
        return 0, {}
    return saved - len(part.cells) * base.reference(_words(part.columns, values, base.defaults)), values


def _is_common(part: _Part, column: int, text: str) -> bool:
    """Whether most have the value (of group and type: nearly all), and it is left alone for next to nobody."""
    counts, size = part.counts[column], len(part.cells)
    return counts[text] > (0.9 if column in _DOUBLE else 0.5) * size and counts[None] <= 0.1 * size


def _favourite(part: _Part, column: int) -> str | None:
    shared = [text for text in part.counts[column] if text]
    return max(shared, key=lambda text: (part.saves(column, text), text), default=None)


def _defaults(parts: Sequence[tuple[_Part, bool]]) -> Values:
    """The value of each column under which the parts are shortest; with each, whether it has a profile."""
    found = {}
    for column in range(len(_NAMES)):
        total: Counter[str | None] = Counter()
        for part, _ in parts:
            total.update(part.counts[column])
        if total[None]:
            continue  # some agent's is left alone, and everybody takes the defaults
        least = max(1, (0.9 if column == _GROUP else 0.33) * total.total())  # nobody means to be in a group by default
        common = [text for text, count in total.most_common(_CANDIDATES) if count > least]
        candidates = [text for text in common if text]
        saved = {text: _saved(parts, column, text) - _cost(column, text) for text in candidates}
        best = max(saved, key=lambda text: (saved[text], text), default=None)
        if best is not None and saved[best] >= _saved(parts, column, None):
            found[column] = best
    return found


def _saved(parts: Sequence[tuple[_Part, bool]], column: int, default: str | None) -> int:
    """Characters that all parts save in a column: each by the default or, where that is more, by its profile."""
    saved = 0
    for part, profiled in parts:
        text = _favourite(part, column) if profiled else None
        by_profile = part.saves(column, text) - _cost(column, text) if text else 0
        saved += max(part.saves(column, default), by_profile)
    return saved


def _parted(part: _Part, base: _Base, fewest: int) -> tuple[int, list[_Part]]:
    """The characters that profiles save, and the part, or what it falls into where that saves more."""
    saved = max(0, _common(part, base)[0])
    most, best, deeper = _READING, [part], False
    for column in range(len(_NAMES)):
        pieces = _split(part, column, fewest)
        if len(pieces) < 2:
            continue
        if column in _DOUBLE:  # often it pays only with what it falls into next
            found = [_parted(piece, base, fewest) for piece in pieces]
            gain, pieces = (
                2 * (sum(each for each, _ in found) - saved),
                [leaf for _, leaves in found for leaf in leaves],
            )
        else:
            gain = sum(max(0, _common(piece, base)[0]) for piece in pieces) - saved
        if gain > most:
            most, best, deeper = gain, pieces, column not in _DOUBLE
    if deeper:
        best = [leaf for piece in best for leaf in _parted(piece, base, fewest)[1]]
    return sum(max(0, _common(leaf, base)[0]) for leaf in best), best


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


@dataclass(frozen=True, slots=True)
class _Profile:
    """Values, the agents that take them, and by which columns they were parted from the rest."""

    values: Values
    users: frozenset[int]
    columns: tuple[int, ...]


def _profile(part: _Part, table: list[Cells], base: _Base) -> _Profile | None:
    """A part's profile and the agents that are shorter with it; nothing where it does not pay as a whole."""
    saved, values = _common(part, base)
    if saved <= 0:
        return None
    reference = base.reference(_words(part.columns, values, base.defaults))
    gains = {index: _gain(table[index], values, base.defaults) - reference for index in part.indexes}
    users = frozenset(index for index, gain in gains.items() if gain > 0)
    spent = sum(_cost(column, text) for column, text in values.items())
    pays = len(users) > 1 and sum(gains[index] for index in users) > spent
    return _Profile(values, users, part.columns) if pays else None


def _gain(cells: Cells, profile: Values, defaults: Values) -> int:
    """Characters that an agent's own values are shorter by with a profile; none where it must not take it."""
    gain = 0
    for column, text in profile.items():
        own = cells[column]
        if own is None:
            return 0
        gain += _cost(column, own) * ((own == text) - (own == defaults.get(column)))
    return gain


def _own(cells: Cells, used: tuple[str, _Profile] | None, defaults: Values) -> Own:
    taken = {**defaults, **(used[1].values if used else {})}
    values = {
        name: cell
        for column, (name, cell) in enumerate(zip(_NAMES, cells, strict=True))
        if cell is not None and cell != taken.get(column)
    }
    return Own(used[0] if used else "", values)


# Names.

_WORD: Final = re.compile(r"\w+")
_LONGEST: Final = 24


def _names(profiles: Sequence[_Profile], base: _Base, taken: Iterable[str]) -> list[str]:
    """A name for each: the first word alone where it tells enough."""
    told = [_words(profile.columns, profile.values, base.defaults) for profile in profiles]
    first = Counter(words[:1] for words in told)
    used = {name.casefold() for name in taken}
    names = []
    for words in told:
        name = "-".join(filter(None, (base.prefix, *(words if first[words[:1]] > 1 else words[:1])))) or "common"
        names.append(unused(name if is_plain(name) else f"profile-{name}", used))
    return names


def _words(columns: Iterable[int], values: Values, defaults: Values) -> tuple[str, ...]:
    """What sets a profile apart: its group, its type, then other values by which it was found; defaults go unsaid."""
    every = {**defaults, **values}
    named = (_DOUBLE & values.keys()) | (set(columns) & every.keys())
    found = sorted(named, key=lambda column: (column not in _DOUBLE, column != _GROUP, column))
    telling = [column for column in found if column == _GROUP or every[column] != defaults.get(column)]
    return tuple(_word(column, every[column]) for column in telling or found)


def _word(column: int, text: str) -> str:
    name = _NAMES[column]
    if text in ("true", "false", *_BLANK):
        return name if text == "true" else "no-group" if column == _GROUP else f"no-{name}"
    return f"{name}-{text}" if BY_NAME[name].kind is Kind.INTEGER else label(text) or name


def label(text: str) -> str:
    """A text's letters and digits, what stands between them as one hyphen, cut where it is long."""
    return "-".join(_WORD.findall(text))[:_LONGEST].strip("-_")


def unused(name: str, used: set[str]) -> str:
    """The name, or the name with a number where it is taken; case does not tell names apart. It is then taken."""
    found, number = name, 1
    while found.casefold() in used:
        number += 1
        found = f"{name}-{number}"
    used.add(found.casefold())
    return found
