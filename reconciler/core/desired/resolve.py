"""Documents to resolved agents: `defaults`, then the profile, then the agent's or pool's own keys; each key whole.

Works on documents with problems too, and so takes nothing for granted: what cannot be made sense of is left out, and a
rule of `core.desired` says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.core.model.fields import BY_NAME, KEY, Kind
from reconciler.core.model.problem import Place
from reconciler.core.yaml.document import Document
from reconciler.core.yaml.nodes import Mapping, Path, Sequence

MOST_IN_A_POOL: Final = 100_000
"""Agents that one pool may stand for: a slip of a digit must not make a hundred million."""

TEMPLATE: Final = "{operatorId}"
_TEXTS: Final = (Kind.TEXT, Kind.SIP_NUMBER)


@dataclass(frozen=True, slots=True)
class WrittenValue:
    """A value as it is written, and where."""

    value: Any
    document: Document
    path: Path

    @property
    def place(self) -> Place:
        """Where the value stands."""
        return self.document.place(self.path)

    @property
    def layer(self) -> str:
        """Which layer it comes from: `defaults`, `profiles`, `agents` or `pools`."""
        return str(self.path[0])


class Layer(NamedTuple):
    """A mapping that gives values, and where it stands."""

    document: Document
    path: Path
    node: Mapping | dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What agents share: `defaults`, then a profile. One object for all that take the same."""

    layers: tuple[Layer, ...]


class Resolved(NamedTuple):
    """One agent, and all that counts for it. `path` is where it stands: one of `agents`, or a pool."""

    document: Document
    path: Path
    own: Mapping
    operator_id: Any
    base: Base

    @property
    def position(self) -> tuple[int, int]:
        """Line and column of the agent, or of the pool that it belongs to, from 1."""
        key, index = self.path
        listed: Any = self.document.root[str(key)]
        at = 2 + 2 * int(index)
        return listed.places[at] + 1, listed.places[at + 1] + 1

    @property
    def place(self) -> Place:
        """Where the agent, or the pool that it belongs to, stands."""
        return Place(self.document.file, *self.position)

    @property
    def pooled(self) -> bool:
        """Whether a pool stands for it."""
        return self.path[0] == "pools"

    @property
    def values(self) -> dict[str, WrittenValue]:
        """Every value that counts, by field name."""
        found = {}
        for document, path, node in (*self.base.layers, Layer(self.document, self.path, self.own)):
            for name in node:
                if name in BY_NAME and name != KEY:
                    found[name] = WrittenValue(self._filled(name, node), document, (*path, name))
        return found

    def value(self, name: str) -> Any:
        """The value of one field, `None` where nothing gives it any."""
        if name in self.own:
            return self._filled(name, self.own)
        for _, _, node in reversed(self.base.layers):
            if name in node:
                return node[name]
        return None

    def _filled(self, name: str, node: Mapping | dict[str, Any]) -> Any:
        """`{operatorId}` in a pool's own texts is each agent's id."""
        value: Any = node[name]
        filled = self.pooled and node is self.own and is_template(name, value)
        return value.replace(TEMPLATE, self.operator_id) if filled else value


def child(node: Any) -> Mapping | dict[str, Any]:
    """The node where it is a mapping, and otherwise an empty one."""
    return node if isinstance(node, Mapping) else {}


def entries(document: Document, key: str) -> Iterator[tuple[Path, Mapping]]:
    """The mappings of a list at the top of a document, each with its path."""
    listed = document.root.get(key)
    for index, node in enumerate(listed if isinstance(listed, Sequence) else ()):
        if isinstance(node, Mapping):
            yield (key, index), node


def resolve(documents: Iterable[Document]) -> tuple[Resolved, ...]:
    """Every agent of every document. Profiles are shared, `defaults` are each document's own."""
    documents = tuple(documents)
    profiles = {name: layer for document in documents for name, layer in _profiles(document)}
    return tuple(agent for document in documents for agent in _of(document, profiles))


def _profiles(document: Document) -> Iterator[tuple[str, Layer]]:
    named = child(document.root.get("profiles"))
    return ((name, Layer(document, ("profiles", name), child(named[name]))) for name in named)


def _of(document: Document, profiles: dict[str, Layer]) -> Iterator[Resolved]:
    defaults = Layer(document, ("defaults",), child(document.root.get("defaults")))
    bases = {name: Base((defaults, layer)) for name, layer in profiles.items()}
    plain = Base((defaults,))
    for path, own in (*entries(document, "agents"), *entries(document, "pools")):
        profile = own.get("profile")
        base = bases.get(profile, plain) if isinstance(profile, str) else plain
        if path[0] == "agents":
            yield Resolved(document, path, own, own.get(KEY), base)
        else:
            yield from (Resolved(document, path, own, operator_id, base) for operator_id in pool_ids(own))


def is_template(name: str, value: Any) -> bool:
    """Whether a pool's own value has a part that differs from agent to agent."""
    return name in BY_NAME and BY_NAME[name].kind in _TEXTS and isinstance(value, str) and TEMPLATE in value


def pool_ids(pool: Mapping) -> list[str]:
    """The ids from `from` to `to`, leading zeros kept, without those of `except`; none for what is no range."""
    bounds = pool_range(pool)
    if bounds is None or len(bounds) > MOST_IN_A_POOL:
        return []
    width = len(str(pool["from"]))
    left_out = pool.get("except")
    out = {id_ for id_ in left_out if isinstance(id_, str)} if isinstance(left_out, Sequence) else set()
    ids = (str(number).zfill(width) for number in bounds)
    return [id_ for id_ in ids if id_ not in out]


def pool_range(pool: Mapping) -> range | None:
    """The numbers from `from` to `to`, or `None` unless both are digits of the same width."""
    first, last = pool.get("from"), pool.get("to")
    if not (isinstance(first, str) and isinstance(last, str) and len(first) == len(last) <= _WIDEST):
        return None
    digits = f"{first}{last}"
    return range(int(first), int(last) + 1) if digits.isascii() and digits.isdigit() else None


_WIDEST: Final = 32
