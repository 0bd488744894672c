"""Nodes for new values, in canonical spelling, to be inserted into a tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.core.model.fields import BY_NAME, KEY, Kind, canon
from reconciler.core.yaml.spelling import PASSWORD_ORDER, field_value, quoted, scalar
from reconciler.edit.live import AddedAgent
from reconciler.edit.printer import print_flow
from reconciler.edit.tree import Item, Node

_MAX_COLUMNS: Final = 100
"""Columns that an agent on one line may take."""


def field_node(name: str, value: Any) -> Node:
    """The value of an agent's key; an integer that the vendor uses becomes its name."""
    row = BY_NAME.get(name)
    if isinstance(value, dict):
        return _mapping([_pair(key, scalar_node(scalar(value[key]))) for key in PASSWORD_ORDER if key in value])
    if row is None:
        return scalar_node(scalar(value))
    named = row.kind in (Kind.FLAG, Kind.CHOICE)
    return scalar_node(field_value(name, canon(row, value) if named else value))


def ids_node(ids: Iterable[str]) -> Node:
    """A list of operator ids on one line."""
    return Node("sequence", 0, items=[Item(scalar_node(quoted(operator_id))) for operator_id in ids])


def scalar_node(text: str) -> Node:
    """A scalar whose spelling is given."""
    return Node("scalar", 0, text=text)


def agent_item(agent: AddedAgent, *, flow: bool, indent: int) -> Item:
    """An agent for the list, with `flow` on one line if it fits there behind a dash in column `indent`."""
    own: Mapping[str, Any] = {KEY: agent.operator_id, **agent.own}
    node = _mapping([_pair(name, field_node(name, value)) for name, value in own.items()])
    node.block = not flow or len(print_flow(node, 0)) + indent + 2 > _MAX_COLUMNS
    return Item(node)


def section_item(name: str, items: list[Item]) -> Item:
    """A list at the top of a file in flow style."""
    return _pair(name, Node("sequence", 0, items=items))


def insert(mapping: Node, name: str, value: Node, order: tuple[str, ...]) -> None:
    """Set a key of a mapping. A new key goes behind the keys that come before it in `order`."""
    if item := mapping.find(name):
        value.anchor = item.value.anchor
        item.value = value
        return
    before = order[: order.index(name)]
    at = max((number for number, item in enumerate(mapping.items, 1) if item.merges or item.name in before), default=0)
    item = _pair(name, value)
    item.begins_line = at > 0 and mapping.items[at - 1].begins_line
    mapping.items.insert(at, item)


def in_flow(node: Node) -> Node:
    """A copy in flow style without comments, which can stand anywhere."""
    items = [Item(in_flow(item.value), item.key) for item in node.items]
    return Node(node.kind, 0, anchor=node.anchor, text=node.text, value=node.value, items=items)


def _mapping(items: list[Item]) -> Node:
    return Node("mapping", 0, items=items)


def _pair(name: str, value: Node) -> Item:
    return Item(value, Node("scalar", 0, text=scalar(name), value=name))
