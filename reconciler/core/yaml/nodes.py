"""Events to plain values that know where they stand.

Neither `yaml.load` nor `yaml.compose` is used: events keep memory small, duplicate keys are seen, and a hostile
document is refused while it is read (depth, expansion, tags).
"""

from __future__ import annotations

from array import array
from typing import Any, Final, TypeAlias

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from reconciler.core.model.problem import Place, Problem
from reconciler.core.yaml.events import ANCHOR, IMPLICIT, START, TAG, TEXT, NextEvent
from reconciler.core.yaml.scalars import Meanings, Scalar, plain_scalar

MAX_DEPTH: Final = 64
MAX_EXPANDED: Final = 4_000_000
"""Nodes that aliases and merge keys may add to those that are written: room for 100,000 agents that merge one
anchor of 16 fields each, and far below what a bomb needs."""

Node: TypeAlias = "Scalar | Mapping | Sequence"
Path = tuple[str | int, ...]


class Mapping(dict[str, "Node"]):
    """A mapping that may know where it stands: its own line and column, then four numbers a key, in key order.

    The four are line and column of the key and of its value, all from 0; none stand there unless they were asked for.
    `nodes` counts what it expands to.
    """

    __slots__ = ("nodes", "places")
    places: array[int]
    nodes: int


class Sequence(list["Node"]):
    """A list that knows where it stands: its own line and column, then two numbers an item, all from 0."""

    __slots__ = ("nodes", "places")
    places: array[int]
    nodes: int


class Stop(Exception):
    """What is wrong is such that nothing after it can be made sense of."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


_CORE: Final = "tag:yaml.org,2002:"
_MERGE: Final = "<<"


class Builder:
    """Events to values, one collection a call. `problems` are those after which reading can go on.

    A file of 100,000 agents has 3.5 million events: what most of them are, a key or a value without tag and anchor, is
    dealt with where it is met.
    """

    def __init__(self, file: str, next_event: NextEvent, *, pure: bool = False, places: bool = False) -> None:
        self.file = file
        self.places = places
        self.raw = next_event
        self.next: NextEvent = self._checked if pure else next_event
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.outer: list[str] = []  # for each collection that is being read, the key whose value it is
        self.names = {_MERGE: _MERGE}
        self.meanings = Meanings()
        self.expanded = 0

    def build(self) -> Mapping:
        """Read the whole stream: one document whose root is a mapping."""
        root: Node = None
        documents = 0
        while (event := self.next()).__class__ is not StreamEndEvent:
            if event.__class__ is not DocumentStartEvent:
                continue
            if documents:
                raise self._stop(event, "a second document starts here", "keep one document a file")
            documents += 1
            root = self._node(self.next(), "")
        if not isinstance(root, Mapping):
            what = "the file is empty" if root is None else "the file must be a mapping of keys and values"
            raise Stop(Problem(Place(self.file, 1), "", what, "start it with: version: 1"))
        return root

    def peek(self, key: str, before: frozenset[str]) -> Node:
        """The value of a key of the root, once it is read."""
        opening = [self.next().__class__ for _ in range(3)]
        if opening != [StreamStartEvent, DocumentStartEvent, MappingStartEvent]:
            return None
        while (event := self.next()).__class__ is tuple and event[TEXT] not in before:
            value = self._node(self.next(), event[TEXT])
            if event[TEXT] == key:
                return value
        return None

    def _node(self, event: Any, key: str) -> Node:
        """What begins with an event; `key` is the one that leads to it."""
        kind = event.__class__
        if kind is AliasEvent:
            return self._alias(event)
        value: Node
        if kind is tuple:
            anchor, value = event[ANCHOR], self._scalar(event)
        else:
            anchor, value = event.anchor, self._collection(event, key)
        if anchor:
            self.anchors[anchor] = value
        return value

    def _collection(self, event: Any, key: str) -> Mapping | Sequence:
        kind = event.__class__
        if len(self.outer) >= MAX_DEPTH:
            raise self._stop(event, f"nested deeper than {MAX_DEPTH} levels", "this file needs four at most")
        if event.tag not in (None, "!", _CORE + ("map" if kind is MappingStartEvent else "seq")):
            self._complain(event, "this tag cannot be used here", "write the value without a tag")
        if event.anchor:
            self.anchors[event.anchor] = _UNFINISHED
        self.outer.append(key)
        value = self._mapping(event) if kind is MappingStartEvent else self._sequence(event)
        self.outer.pop()
        return value

    def _mapping(self, opened: Any) -> Mapping:
        next_event, names, meanings = self.next, self.names, self.meanings
        node, more, noting = Mapping(), 0, self.places
        merges: list[Mapping] | None = None
        places = [*_position(opened)] if noting else []
        while (event := next_event()).__class__ is not MappingEndEvent:
            key: str | None
            if event.__class__ is tuple and event[TAG] is None and event[ANCHOR] is None:
                text = event[TEXT]
                key = names.setdefault(text, text)
            else:
                key = self._odd_key(event)
            if key is None or key in node or (key is _MERGE and event[IMPLICIT][0]):
                merges = self._aside(event, key, merges)
                continue
            begin = event
            event = next_event()
            if event.__class__ is tuple and event[TAG] is None and event[ANCHOR] is None:
                text = event[TEXT]
                node[key] = meanings[text] if event[IMPLICIT][0] else text
            else:
                node[key] = value = self._node(event, key)
                more += _more(value)
            if noting:
                places += (*_position(begin), *_position(event))
        for source in merges or ():
            more += _merge(node, places, source)
        node.places = array("I", places) if noting else _NOT_NOTED
        node.nodes = 1 + len(node) + more
        return node

    def _sequence(self, opened: Any) -> Sequence:
        next_event, meanings = self.next, self.meanings
        node, more = Sequence(), 0
        places = [*_position(opened)]
        while (event := next_event()).__class__ is not SequenceEndEvent:
            if event.__class__ is tuple and event[TAG] is None and event[ANCHOR] is None:
                node.append(meanings[event[TEXT]] if event[IMPLICIT][0] else event[TEXT])
            else:
                value = self._node(event, "")
                node.append(value)
                more += _more(value)
            places += _position(event)
        node.places = array("I", places)
        node.nodes = 1 + len(node) + more
        return node

    def _checked(self) -> Any:
        """The next event of PyYAML's Python parser, which makes characters of escapes that are none."""
        event: Any = self.raw()
        if event.__class__ is tuple and any("\ud800" <= character <= "\udfff" for character in event[TEXT]):
            self._complain(event, "half of a surrogate pair is no character", "write the character itself")
            return (*event[:TEXT], "", event[START])
        return event

    def _at(self, event: Any) -> Place:
        line, column = _position(event)
        return Place(self.file, line + 1, column + 1)

    def _stop(self, event: Any, message: str, hint: str) -> Stop:
        return Stop(Problem(self._at(event), "", message, hint))

    def _complain(self, event: Any, message: str, hint: str) -> None:
        self.problems.append(Problem(self._at(event), "", message, hint))

    def _scalar(self, event: Any) -> Scalar:
        tag: str | None = event[TAG]
        text: str = event[TEXT]
        if tag is None:
            return self.meanings[text] if event[IMPLICIT][0] else text
        if tag in ("!", _CORE + "str"):
            return text
        value = plain_scalar(text) if tag.startswith(_CORE) else text
        kinds = {"int": int, "bool": bool, "null": type(None)}
        if value.__class__ is kinds.get(tag.removeprefix(_CORE)):
            return value
        self._complain(event, "this tag cannot be used here", "write the value without a tag")
        return text

    def _alias(self, event: Any) -> Node:
        # The name is not repeated: an unquoted password that begins with * parses as an alias.
        if event.anchor not in self.anchors:
            self._complain(event, "an alias to an anchor that is not defined above", "quote text that begins with *")
            return None
        value = self.anchors[event.anchor]
        if value is _UNFINISHED:
            raise self._stop(event, "an alias to something that contains it", "write the value out")
        self.expanded += 1 + _more(value)
        if self.expanded > MAX_EXPANDED:
            what = f"aliases and merge keys expand to more than {MAX_EXPANDED:,} values"
            raise self._stop(event, what, "use defaults and profiles in place of anchors")
        return value

    def _odd_key(self, event: Any) -> str | None:
        """A key with a tag or an anchor, or one that is no text."""
        self._node(event, "")
        if event.__class__ is tuple:
            return self.names.setdefault(event[TEXT], event[TEXT])
        self._complain(event, "a key must be plain text", "write one word before the colon")
        return None

    def _aside(self, event: Any, key: str | None, merges: list[Mapping] | None) -> list[Mapping] | None:
        """A pair that stands for no key of its own: of a merge key, of a key that was there before, or of none."""
        merging = key is _MERGE and event[IMPLICIT][0] and merges is None
        if key is not None and not merging:
            # A key inside `password` may be the password, misplaced.
            name = "a key" if "password" in (key, *self.outer) else f"the key {key}"
            self._complain(event, f"{name} stands twice in this mapping", "keep one of the two")
        event = self.next()
        value = self._node(event, key or "")
        return self._merge_sources(event, value) if merging else merges

    def _merge_sources(self, event: Any, value: Node) -> list[Mapping]:
        sources = value if isinstance(value, Sequence) else [value]
        merges = [source for source in sources if isinstance(source, Mapping)]
        if len(merges) < len(sources) and value is not None:  # nothing: an alias that was complained of
            message = "a merge key (<<) takes a mapping or a list of mappings"
            self._complain(event, message, "point it at an anchor: <<: *name")
        return merges


def _position(event: Any) -> tuple[int, int]:
    mark = event[START] if event.__class__ is tuple else event.start_mark
    return mark.line, mark.column


def _more(value: Node) -> int:
    """How many values a value holds beside itself."""
    return value.nodes - 1 if isinstance(value, Mapping | Sequence) else 0


def _merge(node: Mapping, places: list[int], source: Mapping) -> int:
    """YAML merge (https://yaml.org/type/merge.html): a key of the mapping's own wins, then the earlier source."""
    more = 0
    for index, (key, value) in enumerate(source.items()):
        if key not in node:
            node[key] = value
            places += source.places[2 + 4 * index : 6 + 4 * index]
            more += _more(value)
    return more


_UNFINISHED: Final = Sequence()
_NOT_NOTED: Final = array("I")
