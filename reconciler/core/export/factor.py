"""Finds what agents have in common: the `defaults` and `profiles` that make a file short and easy to read.

The measure is the file's length in characters. The agents are split by the field whose parts share most, and the parts
again, as long as that saves characters; the main group and the type count double, since people think in them. A part
whose common values save more than they cost becomes a profile. The time is linear in the number of agents.

All values are texts as the file spells them (`core.yaml.spelling`). A field that an agent's row lacks stays unmanaged,
so neither the defaults nor the agent's profile may hold it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from reconciler.core.model.fields import BY_NAME, COMPARED, Kind
from reconciler.core.yaml.spelling import QUOTED, is_plain

_NAMES: Final = tuple(row.name for row in COMPARED)
_PERSONAL: Final = frozenset(("name", "bindcode", "email", "sipNumber"))
"""Fields that belong to one agent: only their empty values are shared, even if agents happen to have equal ones."""
_BLANK: Final = frozenset(('""', "null"))
_ANY_PERSONAL: Final = ""
"""Stands for every personal value that is not empty: no spelling of a value is the empty text."""
_GROUP: Final = _NAMES.index("mainGroupName")
_DOUBLE: Final = frozenset((_GROUP, _NAMES.index("operatorType")))

_MIN_VALUES: Final = 2
"""Values of the smallest profile: a single one might as well stand at each agent."""
_READING_COST: Final = 100
"""Characters that a profile must save beyond its own length, since a reader has to learn each profile."""
_MIN_USERS: Final = 3
_MAX_AGENTS_A_USER: Final = 100
"""A profile serves at least one of so many agents, and at least `_MIN_USERS`."""
_CANDIDATES: Final = 8
"""The most frequent values of a field that are tried as its default."""

Cells = tuple[str | None, ...]
"""One agent's values in the order of the field table; `None` where the field is unmanaged."""
Values = dict[int, str]
"""Values by their column: the field's index in the table."""


@dataclass(frozen=True, slots=True)
class FactoredAgent:
    """One agent's own lines: its profile's name, or empty, and the values that neither profile nor defaults give."""

    profile: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Factored:
    """The same agents, with each shared value in one place. `agents` keep the order of the rows."""

    defaults: Mapping[str, str]
    profiles: Mapping[str, Mapping[str, str]]
    agents: tuple[FactoredAgent, ...]


def factor(rows: Sequence[Mapping[str, str]], taken: Iterable[str] = (), prefix: str = "") -> Factored:
    """Move common values to defaults and profiles.

    `rows` are spelt values by field name. The names of the profiles begin with `prefix`, and none is in `taken`.
    """
    table: list[Cells] = [tuple(row.get(name) for name in _NAMES) for row in rows]
    whole = _Part((), tuple(range(len(table))), [_shared(cells) for cells in table])
    first_base = _Base(_defaults([(whole, False)]), prefix)
    _, parts = _best_parts(whole, first_base, max(_MIN_USERS, len(table) // _MAX_AGENTS_A_USER))
    base = _Base(_defaults([(part, _common(part, first_base)[0] > 0) for part in parts]), prefix)
    profiles = [profile for part in parts if (profile := _profile(part, table, base))]
    names = _names(profiles, base, taken)
    used = {index: (name, profile) for name, profile in zip(names, profiles, strict=True) for index in profile.users}
    agents = (_factored_agent(cells, used.get(index), base.defaults) for index, cells in enumerate(table))
    by_name = {name: _by_name(profile.values) for name, profile in zip(names, profiles, strict=True)}
    return Factored(_by_name(base.defaults), dict(sorted(by_name.items())), tuple(agents))


@dataclass(frozen=True, slots=True)
class _Base:
    """What all profiles share: the defaults under them, and the beginning of their names."""

    defaults: Values
    prefix: str

    def reference(self, words: Iterable[str]) -> int:
        """Characters of `profile: NAME, ` for a name of all these words."""
        return len("profile: , ") + len("-".join((self.prefix, *words)))


def _shared(cells: Cells) -> Cells:
    return tuple(
        _ANY_PERSONAL if name in _PERSONAL and cell is not None and cell not in _BLANK else cell
        for name, cell in zip(_NAMES, cells, strict=True)
    )


def _by_name(values: Values) -> dict[str, str]:
    return {_NAMES[column]: values[column] for column in sorted(values)}


def _cost(column: int, text: str) -> int:
    """Characters of `name: text, `."""
    return len(_NAMES[column]) + len(text) + 4


@dataclass(frozen=True)
class _Part:
    """Some of the agents. `path` holds the columns and values that set them apart, `indexes` their rows."""

    path: tuple[tuple[int, str | None], ...]
    indexes: tuple[int, ...]
    cells: list[Cells] = field(repr=False)

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns by which the agents were split into this part."""
        return tuple(column for column, _ in self.path)

    @cached_property
    def counts(self) -> list[Counter[str | None]]:
        """How often each value stands in each column."""
        return [Counter(column) for column in zip(*self.cells, strict=True)] or [Counter() for _ in _NAMES]

    def saves(self, column: int, text: str | None) -> int:
        """Characters that agents lose when the value stands elsewhere once; its cost there is not subtracted."""
        return self.counts[column][text] * _cost(column, text) if text else 0


def _common(part: _Part, base: _Base) -> tuple[int, Values]:
    """The characters that a profile of these agents would save in all, and the values that it would hold."""
    values: Values = {}
    saved = -_READING_COST
    for column in range(len(_NAMES)):
        text, default = _most_saving(part, column), base.defaults.get(column)
        if text is None or text == default or not _is_common(part, column, text):
            continue
        gain = part.saves(column, text) - part.saves(column, default) - _cost(column, text)
        if gain > 0:
            saved += gain
            values[column] = text
    if len(values) < _MIN_VALUES:
        return 0, {}
    return saved - len(part.cells) * base.reference(_words(part.columns, values, base.defaults)), values


def _is_common(part: _Part, column: int, text: str) -> bool:
    """Whether most agents have the value (of group and type: nearly all), and few leave the field unmanaged."""
    counts, size = part.counts[column], len(part.cells)
    return counts[text] > (0.9 if column in _DOUBLE else 0.5) * size and counts[None] <= 0.1 * size


def _most_saving(part: _Part, column: int) -> str | None:
    texts = [text for text in part.counts[column] if text]
    return max(texts, key=lambda text: (part.saves(column, text), text), default=None)


def _defaults(parts: Sequence[tuple[_Part, bool]]) -> Values:
    """The default of each column that makes the file shortest. `parts` say of each whether it has a profile."""
    defaults = {}
    for column in range(len(_NAMES)):
        total: Counter[str | None] = Counter()
        for part, _ in parts:
            total.update(part.counts[column])
        if total[None]:
            continue  # a default would set the field of the agents that leave it unmanaged
        # A default group surprises people, so that nearly all agents must be in it.
        fewest = max(1, (0.9 if column == _GROUP else 0.33) * total.total())
        candidates = [text for text, count in total.most_common(_CANDIDATES) if text and count > fewest]
        saved = {text: _saved(parts, column, text) - _cost(column, text) for text in candidates}
        best = max(saved, key=lambda text: (saved[text], text), default=None)
        if best is not None and saved[best] >= _saved(parts, column, None):
            defaults[column] = best
    return defaults


def _saved(parts: Sequence[tuple[_Part, bool]], column: int, default: str | None) -> int:
    """Characters that the parts save in a column; each saves by the default or, if that saves more, by its profile."""
    saved = 0
    for part, profiled in parts:
        text = _most_saving(part, column) if profiled else None
        by_profile = part.saves(column, text) - _cost(column, text) if text else 0
        saved += max(part.saves(column, default), by_profile)
    return saved


def _best_parts(part: _Part, base: _Base, fewest: int) -> tuple[int, list[_Part]]:
    """Split a part as long as profiles then save more; the characters that they save, and the parts."""
    saved = max(0, _common(part, base)[0])
    best_gain, best, splits_further = _READING_COST, [part], False
    for column in range(len(_NAMES)):
        pieces = _split_by(part, column, fewest)
        if len(pieces) < 2:
            continue
        if column in _DOUBLE:  # such a split often pays only with the splits below it
            splits = [_best_parts(piece, base, fewest) for piece in pieces]
            gain = 2 * (sum(piece_saved for piece_saved, _ in splits) - saved)
            pieces = [leaf for _, leaves in splits for leaf in leaves]
        else:
            gain = sum(max(0, _common(piece, base)[0]) for piece in pieces) - saved
        if gain > best_gain:
            best_gain, best, splits_further = gain, pieces, column not in _DOUBLE
    if splits_further:
        best = [leaf for piece in best for leaf in _best_parts(piece, base, fewest)[1]]
    return sum(max(0, _common(leaf, base)[0]) for leaf in best), best


def _split_by(part: _Part, column: int, fewest: int) -> list[_Part]:
    """The parts by a column's values.

    Values with fewer than `fewest` agents form one part together; if that is still too small, it joins the largest.
    """
    large = {text for text, count in part.counts[column].items() if count >= fewest and text != _ANY_PERSONAL}
    if not large or len(part.counts[column]) == 1:
        return []
    rest = sum(count for text, count in part.counts[column].items() if text not in large)
    home = max(large, key=lambda text: (part.counts[column][text], text or "")) if rest < fewest else _ANY_PERSONAL
    places_by_value: dict[str | None, list[int]] = defaultdict(list)
    for place, cells in enumerate(part.cells):
        places_by_value[cells[column] if cells[column] in large else home].append(place)
    return [
        _Part(
            part.path if text == _ANY_PERSONAL else (*part.path, (column, text)),
            tuple(part.indexes[place] for place in places),
            [part.cells[place] for place in places],
        )
        for text, places in sorted(places_by_value.items(), key=lambda item: item[0] or "")
    ]


@dataclass(frozen=True, slots=True)
class _Profile:
    """A profile: its values, the rows of the agents that use it, and the columns that set those apart."""

    values: Values
    users: frozenset[int]
    columns: tuple[int, ...]


def _profile(part: _Part, table: list[Cells], base: _Base) -> _Profile | None:
    """A part's profile, used by the agents whose lines it shortens; `None` if it costs more than it saves."""
    saved, values = _common(part, base)
    if saved <= 0:
        return None
    reference = base.reference(_words(part.columns, values, base.defaults))
    gains = {index: _gain(table[index], values, base.defaults) - reference for index in part.indexes}
    users = frozenset(index for index, gain in gains.items() if gain > 0)
    cost = sum(_cost(column, text) for column, text in values.items())
    pays = len(users) > 1 and sum(gains[index] for index in users) > cost
    return _Profile(values, users, part.columns) if pays else None


def _gain(cells: Cells, profile: Values, defaults: Values) -> int:
    """Characters by which a profile shortens an agent's lines; 0 if the agent must not use it."""
    gain = 0
    for column, text in profile.items():
        own = cells[column]
        if own is None:
            return 0
        gain += _cost(column, own) * ((own == text) - (own == defaults.get(column)))
    return gain


def _factored_agent(cells: Cells, used: tuple[str, _Profile] | None, defaults: Values) -> FactoredAgent:
    inherited = {**defaults, **(used[1].values if used else {})}
    values = {
        name: cell
        for column, (name, cell) in enumerate(zip(_NAMES, cells, strict=True))
        if cell is not None and cell != inherited.get(column)
    }
    return FactoredAgent(used[0] if used else "", values)


# Names.

_WORD: Final = re.compile(r"\w+")
_MAX_SLUG: Final = 24


def _names(profiles: Sequence[_Profile], base: _Base, taken: Iterable[str]) -> list[str]:
    """A name for each profile: only the first of its words, if no other profile begins with it."""
    all_words = [_words(profile.columns, profile.values, base.defaults) for profile in profiles]
    first = Counter(words[:1] for words in all_words)
    used = {name.casefold() for name in taken}
    names = []
    for words in all_words:
        name = "-".join(filter(None, (base.prefix, *(words if first[words[:1]] > 1 else words[:1])))) or "common"
        names.append(unused_name(name if is_plain(name) else f"profile-{name}", used))
    return names


def _words(columns: Iterable[int], values: Values, defaults: Values) -> tuple[str, ...]:
    """The words for a profile: its group, its type, then the other values that it was split by, without defaults."""
    all_values = {**defaults, **values}
    candidates = (_DOUBLE & values.keys()) | (set(columns) & all_values.keys())
    ordered = sorted(candidates, key=lambda column: (column not in _DOUBLE, column != _GROUP, column))
    telling = [column for column in ordered if column == _GROUP or all_values[column] != defaults.get(column)]
    return tuple(_word(column, all_values[column]) for column in telling or ordered)


def _word(column: int, text: str) -> str:
    name = _NAMES[column]
    if text in ("true", "false", *_BLANK):
        return name if text == "true" else "no-group" if column == _GROUP else f"no-{name}"
    if name in QUOTED:  # a number says nothing to a reader
        return name
    return f"{name}-{text}" if BY_NAME[name].kind is Kind.INTEGER else slug(text) or name


def slug(text: str) -> str:
    """A text's letters and digits, with one hyphen for anything between them; at most 24 characters."""
    return "-".join(_WORD.findall(text))[:_MAX_SLUG].strip("-_")


def unused_name(name: str, used: set[str]) -> str:
    """The name, with a number behind it if it is in `used`, where it is then added. Case does not count."""
    free, number = name, 1
    while free.casefold() in used:
        number += 1
        free = f"{name}-{number}"
    used.add(free.casefold())
    return free
