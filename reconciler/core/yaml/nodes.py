"""YAML events to plain values that know their places.

The builder works on events, not on `yaml.load` or `yaml.compose`: events need little memory, they show duplicate keys,
and a hostile document (depth, expansion, tags) is refused in the middle of reading.
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

from reconciler.core.model.message import Text, text
from reconciler.core.model.problem import Place, Problem
from reconciler.core.yaml.events import ANCHOR, IMPLICIT, START, TAG, TEXT, NextEvent
from reconciler.core.yaml.scalars import Scalar, ScalarCache, plain_scalar

MAX_DEPTH: Final = 64
MAX_EXPANDED: Final = 4_000_000
"""Values that aliases and merge keys may add to the written ones. 100,000 agents that merge an anchor of 16 fields stay
below; a bomb does not."""

Node: TypeAlias = "Scalar | Mapping | Sequence"
Path = tuple[str | int, ...]


class Mapping(dict[str, "Node"]):
    """A mapping. `nodes` counts the values that it expands to, itself included.

    `places` is empty unless the builder records places. It starts with the mapping's own line and column. For each key,
    in key order, follow line and column of the key and of its value. All count from 0.
    """

    __slots__ = ("nodes", "places")
    places: array[int]
    nodes: int


class Sequence(list["Node"]):
    """A list. `places` has its own line and column, then those of each item, all from 0; `nodes` as in `Mapping`."""

    __slots__ = ("nodes", "places")
    places: array[int]
    nodes: int


class UnreadableDocument(Exception):
    """The document has a problem after which reading cannot go on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


_CORE: Final = "tag:yaml.org,2002:"
_MERGE: Final = "<<"


class Builder:
    """Builds values from events. `problems` collects the problems after which reading goes on.

    A file of 100,000 agents has 3.5 million events. Most are keys and values without tag and anchor, so the loops of
    `_mapping` and `_sequence` handle these themselves, without a call.
    """

    def __init__(self, file: str, next_event: NextEvent, *, pure: bool = False, with_places: bool = False) -> None:
        self.file = file
        self.with_places = with_places
        self.unchecked_event = next_event
        self.next_event: NextEvent = self._checked_event if pure else next_event
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.enclosing_keys: list[str] = []  # one for each open collection
        self.known_keys = {_MERGE: _MERGE}  # equal keys share one object
        self.scalars = ScalarCache()
        self.expanded = 0

    def build(self) -> Mapping:
        """Read the whole stream: one document whose root is a mapping.

        Raises:
            UnreadableDocument: the stream holds something else, or a hostile document.
            yaml.YAMLError: the text is not valid YAML.
        """
        root: Node = None
        documents = 0
        while (event := self.next_event()).__class__ is not StreamEndEvent:
            if event.__class__ is not DocumentStartEvent:
                continue
            if documents:
                message, hint = text("a second document starts here"), text("keep one document a file")
                raise self._unreadable(event, message, hint, "second-document")
            documents += 1
            root = self._node(self.next_event(), "")
        if not isinstance(root, Mapping):
            message = (
                text("the file is empty") if root is None else text("the file must be a mapping of keys and values")
            )
            hint = text("start it with: version: 1")
            raise UnreadableDocument(Problem(Place(self.file, 1), "", message, hint, "empty-file"))
        return root

    def peek_value(self, key: str, before: frozenset[str]) -> Node:
        """The value of a key at the root; `None` if one of the keys `before` comes first. Reads no further.

        Raises:
            UnreadableDocument: a hostile document.
            yaml.YAMLError: the text is not valid YAML.
        """
        opening = [self.next_event().__class__ for _ in range(3)]
        if opening != [StreamStartEvent, DocumentStartEvent, MappingStartEvent]:
            return None
        while (event := self.next_event()).__class__ is tuple and event[TEXT] not in before:
            value = self._node(self.next_event(), event[TEXT])
            if event[TEXT] == key:
                return value
        return None

    def _node(self, event: Any, key: str) -> Node:
        """The value that begins with `event`; `key` leads to it."""
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
        if len(self.enclosing_keys) >= MAX_DEPTH:
            message = text("nested deeper than {levels} levels", levels=MAX_DEPTH)
            raise self._unreadable(event, message, text("this file needs four at most"), "too-deep")
        if event.tag not in (None, "!", _CORE + ("map" if kind is MappingStartEvent else "seq")):
            self._report(event, *_TAG, "tag")
        if event.anchor:
            self.anchors[event.anchor] = _UNFINISHED
        self.enclosing_keys.append(key)
        value = self._mapping(event) if kind is MappingStartEvent else self._sequence(event)
        self.enclosing_keys.pop()
        return value

    def _mapping(self, opening: Any) -> Mapping:
        next_event, known_keys, scalars = self.next_event, self.known_keys, self.scalars
        node, inner_nodes, with_places = Mapping(), 0, self.with_places
        merges: list[Mapping] | None = None
        places = [*_position(opening)] if with_places else []
        while (event := next_event()).__class__ is not MappingEndEvent:
            key: str | None
            if event.__class__ is tuple and event[TAG] is None and event[ANCHOR] is None:
                text = event[TEXT]
                key = known_keys.setdefault(text, text)
            else:
                key = self._unusual_key(event)
            if key is None or key in node or (key is _MERGE and event[IMPLICIT][0]):
                merges = self._skipped_pair(event, key, merges)
                continue
            key_event = event
            event = next_event()
            if event.__class__ is tuple and event[TAG] is None and event[ANCHOR] is None:
                text = event[TEXT]
                node[key] = scalars[text] if event[IMPLICIT][0] else text
            else:
                node[key] = value = self._node(event, key)
                inner_nodes += _inner_count(value)
            if with_places:
                places += (*_position(key_event), *_position(event))
        for source in merges or ():
            inner_nodes += _merge(node, places, source)
        node.places = array("I", places) if with_places else _NO_PLACES
        node.nodes = 1 + len(node) + inner_nodes
        return node

    def _sequence(self, opening: Any) -> Sequence:
        next_event, scalars = self.next_event, self.scalars
        node, inner_nodes = Sequence(), 0
        places = [*_position(opening)]
        while (event := next_event()).__class__ is not SequenceEndEvent:
            if event.__class__ is tuple and event[TAG] is None and event[ANCHOR] is None:
                node.append(scalars[event[TEXT]] if event[IMPLICIT][0] else event[TEXT])
            else:
                value = self._node(event, "")
                node.append(value)
                inner_nodes += _inner_count(value)
            places += _position(event)
        node.places = array("I", places)
        node.nodes = 1 + len(node) + inner_nodes
        return node

    def _checked_event(self) -> Any:
        """The next event of PyYAML's Python parser, which accepts the escapes of surrogates, unlike libyaml."""
        event: Any = self.unchecked_event()
        if event.__class__ is tuple and any("\ud800" <= character <= "\udfff" for character in event[TEXT]):
            message, hint = text("half of a surrogate pair is no character"), text("write the character itself")
            self._report(event, message, hint, "forbidden-character")
            return (*event[:TEXT], "", event[START])
        return event

    def _place(self, event: Any) -> Place:
        line, column = _position(event)
        return Place(self.file, line + 1, column + 1)

    def _unreadable(self, event: Any, message: Text, hint: Text, code: str) -> UnreadableDocument:
        return UnreadableDocument(Problem(self._place(event), "", message, hint, code))

    def _report(self, event: Any, message: Text, hint: Text, code: str) -> None:
        self.problems.append(Problem(self._place(event), "", message, hint, code))

    def _scalar(self, event: Any) -> Scalar:
        tag: str | None = event[TAG]
        written: str = event[TEXT]
        if tag is None:
            return self.scalars[written] if event[IMPLICIT][0] else written
        if tag in ("!", _CORE + "str"):
            return written
        value = plain_scalar(written) if tag.startswith(_CORE) else written
        type_of_tag = {"int": int, "bool": bool, "null": type(None)}
        if value.__class__ is type_of_tag.get(tag.removeprefix(_CORE)):
            return value
        self._report(event, *_TAG, "tag")
        return written

    def _alias(self, event: Any) -> Node:
        # The message leaves the name out: an unquoted password that begins with * parses as an alias.
        if event.anchor not in self.anchors:
            message, hint = (
                text("an alias to an anchor that is not defined above"),
                text("quote text that begins with *"),
            )
            self._report(event, message, hint, "unknown-alias")
            return None
        value = self.anchors[event.anchor]
        if value is _UNFINISHED:
            message, hint = text("an alias to something that contains it"), text("write the value out")
            raise self._unreadable(event, message, hint, "recursive-alias")
        self.expanded += 1 + _inner_count(value)
        if self.expanded > MAX_EXPANDED:
            message = text("aliases and merge keys expand to more than {most:,} values", most=MAX_EXPANDED)
            hint = text("use defaults and profiles in place of anchors")
            raise self._unreadable(event, message, hint, "too-much-expansion")
        return value

    def _unusual_key(self, event: Any) -> str | None:
        """The text of a key with a tag or an anchor; `None`, and a problem, for an alias or a collection."""
        self._node(event, "")
        if event.__class__ is tuple:
            return self.known_keys.setdefault(event[TEXT], event[TEXT])
        message, hint = text("a key must be plain text"), text("write one word before the colon")
        self._report(event, message, hint, "key-not-text")
        return None

    def _skipped_pair(self, event: Any, key: str | None, merges: list[Mapping] | None) -> list[Mapping] | None:
        """Read past a pair that sets no key: a merge key, a duplicate key, or something that is no key.

        Returns the sources to merge into the mapping; `merges` are those found so far.
        """
        merging = key is _MERGE and event[IMPLICIT][0] and merges is None
        if key is not None and not merging:
            # A key inside `password` may be a misplaced password.
            message = text("the key {key} stands twice in this mapping", key=key)
            if "password" in (key, *self.enclosing_keys):
                message = text("a key stands twice in this mapping")
            self._report(event, message, text("keep one of the two"), "duplicate-key")
        event = self.next_event()
        value = self._node(event, key or "")
        return self._merge_sources(event, value) if merging else merges

    def _merge_sources(self, event: Any, value: Node) -> list[Mapping]:
        sources = value if isinstance(value, Sequence) else [value]
        merges = [source for source in sources if isinstance(source, Mapping)]
        if len(merges) < len(sources) and value is not None:  # None: an alias already reported
            message = text("a merge key (<<) takes a mapping or a list of mappings")
            self._report(event, message, text("point it at an anchor: <<: *name"), "merge-key")
        return merges


def _position(event: Any) -> tuple[int, int]:
    mark = event[START] if event.__class__ is tuple else event.start_mark
    return mark.line, mark.column


def _inner_count(value: Node) -> int:
    """How many values a value contains, itself not included."""
    return value.nodes - 1 if isinstance(value, Mapping | Sequence) else 0


def _merge(node: Mapping, places: list[int], source: Mapping) -> int:
    """Merge a source (https://yaml.org/type/merge.html): keys of `node` win. Returns the count of inner values."""
    inner_nodes = 0
    for index, (key, value) in enumerate(source.items()):
        if key not in node:
            node[key] = value
            places += source.places[2 + 4 * index : 6 + 4 * index]
            inner_nodes += _inner_count(value)
    return inner_nodes


_TAG: Final = (text("this tag cannot be used here"), text("write the value without a tag"))
_UNFINISHED: Final = Sequence()
_NO_PLACES: Final = array("I")
