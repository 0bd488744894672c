"""Documents to resolved agents: `defaults`, then the profile, then the agent's or pool's own keys; each key whole.

Works on documents with problems too, and so takes nothing for granted: what cannot be made sense of is left out, and a
rule of `core.desired` says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core.document import Document, Mapping, Path, Sequence
from reconciler.core.fields import BY_NAME, KEY, Kind
from reconciler.core.model import Place

MOST_IN_A_POOL: Final = 100_000
"""Agents that one pool may stand for: a slip of a digit must not make a hundred million."""

_TEMPLATE: Final = "{operatorId}"
_TEXTS: Final = (Kind.TEXT, Kind.SIP_NUMBER)


@dataclass(frozen=True, slots=True)
class Written:
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


Layer = dict[str, Written]
"""Values by field name."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One agent, with every value that counts for it. `path` is where it stands: one of `agents`, or a pool."""

    document: Document
    path: Path
    own: Mapping
    operator_id: Any
    values: Layer

    @property
    def place(self) -> Place:
        """Where the agent, or the pool that it belongs to, stands."""
        return self.document.place(self.path)

    @property
    def pooled(self) -> bool:
        """Whether a pool stands for it."""
        return self.path[0] == "pools"


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
    return ((name, _layer(document, named[name], ("profiles", name))) for name in named)


def _layer(document: Document, node: Any, path: Path) -> Layer:
    return {
        key: Written(value, document, (*path, key))
        for key, value in child(node).items()
        if key in BY_NAME and key != KEY
    }


def _of(document: Document, profiles: dict[str, Layer]) -> Iterator[Resolved]:
    defaults = _layer(document, document.root.get("defaults"), ("defaults",))
    for path, own in (*entries(document, "agents"), *entries(document, "pools")):
        profile = own.get("profile")
        chosen = profiles.get(profile, {}) if isinstance(profile, str) else {}
        values = {**defaults, **chosen, **_layer(document, own, path)}
        if path[0] == "agents":
            yield Resolved(document, path, own, own.get(KEY), values)
        else:
            yield from _members(Resolved(document, path, own, None, values))


def _members(pool: Resolved) -> Iterator[Resolved]:
    """The agents that a pool stands for. `{operatorId}` in the pool's own texts is each one's id."""
    templates = {name: written for name, written in pool.values.items() if _is_template(pool, name, written)}
    for operator_id in pool_ids(pool.own):
        filled = {
            name: Written(written.value.replace(_TEMPLATE, operator_id), written.document, written.path)
            for name, written in templates.items()
        }
        yield Resolved(
            pool.document, pool.path, pool.own, operator_id, {**pool.values, **filled} if filled else pool.values
        )


def _is_template(pool: Resolved, name: str, written: Written) -> bool:
    own = written.path[:2] == pool.path
    return own and BY_NAME[name].kind in _TEXTS and isinstance(written.value, str) and _TEMPLATE in written.value


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
