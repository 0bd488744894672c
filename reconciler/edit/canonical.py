"""Canonical spelling and order in a tree: names for the vendor's integers, quotes where needed, keys in order.

An anchored value that is no text keeps its spelling as a plain scalar: its aliases may stand for other fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Final

from reconciler.core.model.fields import BY_NAME, FIELDS, Kind, Value, canon
from reconciler.core.yaml.spelling import (
    AGENT_ORDER,
    COMPANY_ORDER,
    FIELD_ORDER,
    GUARDRAIL_ORDER,
    PASSWORD_ORDER,
    POOL_ORDER,
    TOP_ORDER,
    field_value,
    is_plain,
    quoted,
    scalar,
)
from reconciler.edit.tree import Item, Node, Remark, Tree


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a place in the file holds.

    `order`: of its keys. `parts`: the shapes of the values by key. `entry`: the shape of every other value, or of every
    item of a list. `spell`: the spelling of a scalar.
    """

    order: tuple[str, ...] = ()
    parts: Mapping[str, _Shape] = field(default_factory=dict)
    entry: _Shape | None = None
    spell: Callable[[Value], str] = scalar

    def part(self, item: Item) -> _Shape:
        """The shape of an item's value. A merged mapping has the shape of the mapping that it is merged into."""
        if item.merges:
            return self
        if item.key is None:
            return self.entry or self
        return self.parts.get(item.name or "", self.entry or _ANY)


def _spell_field(name: str, value: Value) -> str:
    row = BY_NAME[name]
    named = row.kind in (Kind.FLAG, Kind.CHOICE) and value is not None
    return field_value(name, canon(row, value) if named else value)


def _spell_id(value: Value) -> str:
    return quoted(value) if isinstance(value, str) else scalar(value)


_ANY: Final = _Shape()
_ID: Final = _Shape(spell=_spell_id)
_IDS: Final = _Shape(entry=_ID)
_BY_FIELD: Final = {
    **{row.name: _Shape(spell=partial(_spell_field, row.name)) for row in FIELDS if row.kind is not Kind.PASSWORD},
    "password": _Shape(PASSWORD_ORDER),
}
_FIELDS: Final = _Shape(FIELD_ORDER, _BY_FIELD)
_AGENT: Final = _Shape(AGENT_ORDER, _BY_FIELD)
_POOL: Final = _Shape(POOL_ORDER, {**_BY_FIELD, "from": _ID, "to": _ID, "except": _IDS})
_FILE: Final = _Shape(
    TOP_ORDER,
    {
        "company": _Shape(COMPANY_ORDER),
        "scope": _Shape(parts={"operatorId": _IDS}),
        "protect": _IDS,
        "guardrails": _Shape(GUARDRAIL_ORDER),
        "defaults": _FIELDS,
        "profiles": _Shape(entry=_FIELDS),
        "agents": _Shape(entry=_AGENT),
        "pools": _Shape(entry=_POOL),
    },
)


def canonical(tree: Tree) -> None:
    """Spell and order a whole file, in place. The comments at its top stay first."""
    header = _take_header(tree.root)
    _apply_shape(tree.root, _FILE)
    if header:
        tree.root.items[0].above[:0] = header


def _take_header(root: Node) -> list[Remark]:
    """Take out the comments about the file: those above its first key, up to the last blank line if there is one."""
    if not (root.items and root.block):
        return []
    above = root.items[0].above
    blank = max((index + 1 for index, remark in enumerate(above) if not remark.text), default=len(above))
    header, above[:] = above[:blank], above[blank:]
    return header


def _apply_shape(node: Node, shape: _Shape) -> None:
    if node.kind == "scalar":
        _spell(node, shape)
    for item in node.items:
        if item.key is not None and not item.merges:
            item.key.text = _spell_key(str(item.key.value))
        _apply_shape(item.value, shape.part(item))
    if node.kind == "mapping" and shape.order:
        _order(node, shape.order)


_ONE_LINE: Final = 2
"""Lines of a block scalar with one line of text, its header included; such a text fits behind its key."""


def _spell_key(text: str) -> str:
    return text if is_plain(text) else quoted(text)


def _spell(node: Node, shape: _Shape) -> None:
    value = node.value
    if isinstance(value, float):
        return
    if len(node.lines) == _ONE_LINE and "\n" not in str(value):
        node.lines = []
    node.text = scalar(value) if node.anchor and not isinstance(value, str) else shape.spell(value)


def ranks(order: tuple[str, ...]) -> dict[str, float]:
    """The rank of each key, and of the merge key; an unknown key has the size of the result as its rank."""
    rank = {name: float(number) for number, name in enumerate(order)}
    rank["<<"] = rank.get("profile", 0) - 0.5
    return rank


def spelt(name: str, value: Value) -> str:
    """The value of an agent's key in canonical spelling."""
    return _BY_FIELD.get(name, _ANY).spell(value)


def _order(node: Node, order: tuple[str, ...]) -> None:
    rank = ranks(order)
    ordered = sorted(node.items, key=lambda item: rank.get("<<" if item.merges else item.name or "", len(rank)))
    if ordered == node.items or not _may_move(node.items, ordered):
        return
    _move_first_blank(node.items[0], ordered[0])
    node.items = ordered


def _move_first_blank(old: Item, new: Item) -> None:
    """Move the blank line above the item that is now first to the one that was first: it sets a group apart."""
    blanks = [[remark] for item in (old, new) if (remark := next(iter(item.above), None)) and not remark.text]
    for item in (old, new):
        if item.above and not item.above[0].text:
            del item.above[0]
    if blanks and old is not new:
        old.above[:0] = blanks[0]


def _may_move(before: list[Item], after: list[Item]) -> bool:
    """Whether every alias still refers to the same anchor after the move."""
    place = {id(item): number for number, item in enumerate(after)}
    moved = [(place[id(item)], *_anchors_and_aliases(item)) for item in before]
    if not any(anchors for _, anchors, _ in moved):
        return True
    swapped = ((one, two) for one, two in combinations(moved, 2) if one[0] > two[0])
    return not any(one[1] & (two[1] | two[2]) or one[2] & two[1] for one, two in swapped)


def _anchors_and_aliases(item: Item) -> tuple[set[str], set[str]]:
    """The names of the anchors in an item, and the names that its aliases refer to."""
    nodes = [node for part in (item.key, item.value) if part for node in part.nodes()]
    return (
        {node.anchor for node in nodes if node.anchor},
        {node.text for node in nodes if node.kind == "alias"},
    )
