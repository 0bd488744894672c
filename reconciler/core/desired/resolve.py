"""Documents to resolved agents: the agent's or pool's own keys override the profile, and that overrides `defaults`.

A key overrides as a whole. Documents with problems are resolved too, so nothing here relies on the schema: parts that
make no sense are left out, and the schema or a rule of `desired.read` reports them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.core.model.fields import BY_NAME, KEY, Kind
from reconciler.core.model.problem import Place
from reconciler.core.yaml.document import Document
from reconciler.core.yaml.nodes import Mapping, Path, Sequence

MAX_POOL_AGENTS: Final = 100_000
"""Agents that the pools of all files may have together. A slip of a digit must not make a hundred million."""

TEMPLATE: Final = "{operatorId}"
_TEMPLATE_KINDS: Final = (Kind.TEXT, Kind.SIP_NUMBER)


@dataclass(frozen=True, slots=True)
class WrittenValue:
    """A value as the file has it, and its path."""

    value: Any
    document: Document
    path: Path

    @property
    def place(self) -> Place:
        """The place of the value in its file."""
        return self.document.place(self.path)

    @property
    def layer(self) -> str:
        """The layer that the value comes from: `defaults`, `profiles`, `agents` or `pools`."""
        return str(self.path[0])


class Layer(NamedTuple):
    """A mapping that gives values to agents, and its path."""

    document: Document
    path: Path
    node: Mapping | dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """The layers that agents share: `defaults`, then a profile. Agents with equal layers share one object."""

    layers: tuple[Layer, ...]


class ResolvedAgent(NamedTuple):
    """One agent with all the layers that give it values.

    `path` leads to the agent in `agents`, or to its pool; `own` is the mapping there.
    """

    document: Document
    path: Path
    own: Mapping
    operator_id: Any
    base: Base

    @property
    def position(self) -> tuple[int, int]:
        """Line and column of the agent, or of its pool, counted from 1."""
        key, index = self.path
        entries: Any = self.document.root[str(key)]
        start = 2 + 2 * int(index)
        return entries.places[start] + 1, entries.places[start + 1] + 1

    @property
    def place(self) -> Place:
        """The place of the agent, or of its pool."""
        return Place(self.document.file, *self.position)

    @property
    def from_pool(self) -> bool:
        """Whether the agent comes from a pool."""
        return self.path[0] == "pools"

    @property
    def values(self) -> dict[str, WrittenValue]:
        """The value of every field that a layer gives, by field name."""
        values = {}
        for document, path, node in (*self.base.layers, Layer(self.document, self.path, self.own)):
            for name in node:
                if name in BY_NAME and name != KEY:
                    values[name] = WrittenValue(self._filled(name, node), document, (*path, name))
        return values

    @property
    def plain_values(self) -> dict[str, Any]:
        """`values` without what tells their places."""
        merged: dict[str, Any] = {}
        for _, _, node in self.base.layers:
            merged |= node
        merged |= {name: self._filled(name, self.own) for name in self.own} if self.from_pool else self.own
        return {name: value for name, value in merged.items() if name in BY_NAME and name != KEY}

    def value(self, name: str) -> Any:
        """The value of one field; `None` if no layer gives one."""
        if name in self.own:
            return self._filled(name, self.own)
        for _, _, node in reversed(self.base.layers):
            if name in node:
                return node[name]
        return None

    def _filled(self, name: str, node: Mapping | dict[str, Any]) -> Any:
        """The value in `node`. In a pool's own texts, `{operatorId}` becomes the agent's id."""
        value: Any = node[name]
        has_template = self.from_pool and node is self.own and is_template(name, value)
        return value.replace(TEMPLATE, self.operator_id) if has_template else value


def mapping_or_empty(node: Any) -> Mapping | dict[str, Any]:
    """The node if it is a mapping, otherwise an empty mapping."""
    return node if isinstance(node, Mapping) else {}


def entries(document: Document, key: str) -> Iterator[tuple[Path, Mapping]]:
    """The mappings in a list at the root of a document, each with its path."""
    listed = document.root.get(key)
    for index, node in enumerate(listed if isinstance(listed, Sequence) else ()):
        if isinstance(node, Mapping):
            yield (key, index), node


def resolve(documents: Iterable[Document]) -> tuple[ResolvedAgent, ...]:
    """Every agent of every document, in file order. Documents share profiles, but each has its own `defaults`."""
    documents = tuple(documents)
    profiles = {name: layer for document in documents for name, layer in _profiles(document)}
    too_many = first_pool_too_many(documents)
    return tuple(agent for document in documents for agent in _agents_of(document, profiles, with_pools=not too_many))


def first_pool_too_many(documents: Iterable[Document]) -> tuple[Document, Path, int] | None:
    """The first pool with which all pools so far have more than `MAX_POOL_AGENTS`, and how many; `None` if none.

    Only the bounds of the pools are looked at: an alias may repeat a large pool in a few bytes.
    """
    total = 0
    for document in documents:
        for path, pool in entries(document, "pools"):
            total += pool_size(pool)
            if total > MAX_POOL_AGENTS:
                return document, path, total
    return None


def pool_size(pool: Mapping) -> int:
    """How many numbers go from `from` to `to`; those of `except` count too."""
    bounds = pool_range(pool)
    return 0 if bounds is None else max(0, bounds.stop - bounds.start)  # `len` fails for a range beyond 64 bits


def _profiles(document: Document) -> Iterator[tuple[str, Layer]]:
    profiles = mapping_or_empty(document.root.get("profiles"))
    return ((name, Layer(document, ("profiles", name), mapping_or_empty(profiles[name]))) for name in profiles)


def _agents_of(document: Document, profiles: dict[str, Layer], *, with_pools: bool) -> Iterator[ResolvedAgent]:
    defaults = Layer(document, ("defaults",), mapping_or_empty(document.root.get("defaults")))
    bases = {name: Base((defaults, layer)) for name, layer in profiles.items()}
    without_profile = Base((defaults,))
    for path, own in (*entries(document, "agents"), *(entries(document, "pools") if with_pools else ())):
        profile = own.get("profile")
        base = bases.get(profile, without_profile) if isinstance(profile, str) else without_profile
        if path[0] == "agents":
            yield ResolvedAgent(document, path, own, own.get(KEY), base)
        else:
            yield from (ResolvedAgent(document, path, own, operator_id, base) for operator_id in pool_ids(own))


def is_template(name: str, value: Any) -> bool:
    """Whether a pool's own value holds `{operatorId}`, and so differs from agent to agent."""
    return name in BY_NAME and BY_NAME[name].kind in _TEMPLATE_KINDS and isinstance(value, str) and TEMPLATE in value


def unknown_placeholder(name: str, value: Any) -> str:
    """The first word in braces of a pool's own text that is not `{operatorId}`; empty for none."""
    if not (name in BY_NAME and BY_NAME[name].kind in _TEMPLATE_KINDS and isinstance(value, str)):
        return ""
    found = _PLACEHOLDER.search(value.replace(TEMPLATE, ""))
    return found.group() if found else ""


_PLACEHOLDER: Final = re.compile(r"[{\uff5b]\s*[\w-]*\s*[}\uff5d]")


def pool_ids(pool: Mapping) -> list[str]:
    """The ids from `from` to `to` without those of `except`, leading zeros kept; none if there is no range."""
    bounds = pool_range(pool)
    if bounds is None:
        return []
    width = len(str(pool["from"]))
    listed = pool.get("except")
    excepted = {id_ for id_ in listed if isinstance(id_, str)} if isinstance(listed, Sequence) else set()
    ids = (str(number).zfill(width) for number in bounds)
    return [id_ for id_ in ids if id_ not in excepted]


def pool_range(pool: Mapping) -> range | None:
    """The numbers from `from` to `to`; `None` unless both are digits of the same width."""
    first, last = pool.get("from"), pool.get("to")
    if not (isinstance(first, str) and isinstance(last, str) and len(first) == len(last) <= _MAX_DIGITS):
        return None
    digits = f"{first}{last}"
    return range(int(first), int(last) + 1) if digits.isascii() and digits.isdigit() else None


_MAX_DIGITS: Final = 32
