"""Text to `Document`: plain values that know where they stand, built from the YAML parser's events.

Neither `yaml.load` nor `yaml.compose` is used: events keep memory small, every key and value keeps its line and
column, duplicate keys are seen, and a hostile document is refused while it is read (depth, expansion, tags).
Scalars follow the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema), with one addition of the
contract: a number with a leading zero stays text.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from reconciler.core.model import Place, Problem

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 64
MAX_EXPANDED: Final = 4_000_000
"""Nodes that aliases and merge keys may add to those that are written: room for 100,000 agents that merge one
anchor of 16 fields each, and far below what a bomb needs."""

Scalar = str | int | float | bool | None
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


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read: `root` is its value, `data` what was written, and `sha256` that of it.

    Where each key and value stands is asked for when something is wrong, and then found by reading once more: to note
    it at once would take every good file a tenth of its time. `located` holds what that found.
    """

    file: str
    data: bytes
    root: Mapping
    sha256: str
    pure: bool = False
    located: list[Mapping] = field(default_factory=list, repr=False, compare=False)

    @property
    def text(self) -> str:
        """What was written, without a byte order mark."""
        return _text(self.data)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at `path` is written, or with `key` the key that leads to it.

        Ends at the deepest part of `path` that exists, which is where a missing key belongs.
        """
        if not self.located:
            self.located.append(_builder(self.file, self.data, pure=self.pure, places=True).build())
        node: Node = self.located[0]
        at = (self.located[0].places[0], self.located[0].places[1])
        for depth, step in enumerate(path):
            last = key and depth == len(path) - 1
            if isinstance(node, Mapping) and step in node:
                start = 2 + 4 * list(node).index(str(step)) + (0 if last else 2)
                at, node = (node.places[start], node.places[start + 1]), node[str(step)]
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node):
                at, node = (node.places[2 + 2 * step], node.places[3 + 2 * step]), node[step]
            else:
                break
        return Place(self.file, at[0] + 1, at[1] + 1)

    def written(self, place: Place) -> str:
        """The plain scalar that starts at `place`, as it was typed."""
        line = _written_lines(self.data)[place.line - 1]
        found = _TYPED.match(line, place.column - 1)
        return found.group().strip() if found else ""


_TYPED: Final = re.compile(r"(?:[^\s,\[\]{}#]|(?<=\S)#|\s+(?=[^\s#,\]}]))+")
_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def _text(data: bytes) -> str:
    return data.decode("utf-8").removeprefix("\ufeff")


@lru_cache(maxsize=2)
def _written_lines(data: bytes) -> list[str]:
    return _BREAK.split(_text(data))


def parse(file: str, data: bytes, *, pure: bool = False) -> tuple[Document | None, tuple[Problem, ...]]:
    """Read one file's bytes. The document is `None` when it cannot be made sense of; problems come either way.

    `pure` takes PyYAML's Python parser; it is taken anyway where libyaml is missing, and says the same.
    """
    libyaml = _HAS_LIBYAML and not pure
    if (not libyaml or _needs_a_look(data)) and (wrong := _unreadable(file, data)):
        return None, (wrong,)
    try:
        builder = _builder(file, data, pure=not libyaml, places=False)
        root = builder.build()
    except (_Stop, ValueError, OverflowError, yaml.YAMLError) as error:
        return None, (_unreadable(file, data) or _refusal(file, data, error),)
    return Document(file, data, root, hashlib.sha256(data).hexdigest(), not libyaml), tuple(builder.problems)


def _builder(file: str, data: bytes, *, pure: bool, places: bool) -> _Builder:
    return _Builder(file, _python_events(data) if pure else _libyaml_events(data), libyaml=not pure, places=places)


def peek(data: bytes, key: str, before: frozenset[str]) -> Node:
    """The value that one key has at the root, read no further than it; `None` where that cannot plainly be told.

    It has to stand before any of the keys `before`.
    """
    if not _HAS_LIBYAML or data.startswith(_UTF16):
        return None
    builder = _builder("", data, pure=False, places=False)
    try:
        value = builder.peek(key, before)
    except (_Stop, yaml.YAMLError):
        return None
    return None if builder.problems else value


def _needs_a_look(data: bytes) -> bool:
    """Whether libyaml could read bytes that are to be refused: it knows UTF-16, and lets byte order marks stand."""
    return len(data) > MAX_BYTES or data.startswith(_UTF16) or data.find(_BOM, 1) > 0


def _refusal(file: str, data: bytes, error: Exception) -> Problem:
    """Why a file of sound text is no document."""
    if isinstance(error, _Stop):
        return error.problem
    if isinstance(error, yaml.MarkedYAMLError):
        return _syntax_problem(file, data, error)
    # PyYAML's Python parser, of absurd escapes and directives.
    return Problem(Place(file, 1), "", "not valid YAML: an escape or directive that means nothing")


class _Stop(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


def _unreadable(file: str, data: bytes) -> Problem | None:
    """What makes bytes no text that YAML allows, wherever it stands."""
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1024 / 1024:.0f} MB"
        return Problem(Place(file, 1), "", f"the file has {size}; 64 MB is the limit", "split it")
    try:
        text = _text(data)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return Problem(Place(file, line, column), "", what, "save the file as UTF-8 text")
    if found := _FORBIDDEN.search(text):
        before_text = _BREAK.split(text[: found.start()])
        what = f"character U+{ord(found.group()):04X} may not stand in a YAML file"
        hint = 'write it as an escape inside double quotes, such as "\\x1b"; if this is no text file, name another'
        return Problem(Place(file, len(before_text), len(before_text[-1]) + 1), "", what, hint)
    return None


def _syntax_problem(file: str, data: bytes, error: yaml.MarkedYAMLError) -> Problem:
    """The parser's complaint without its context: that may quote a value, and a value may be a password."""
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1)
    complaint = error.problem or "cannot be read"
    if _BREAK.split(_text(data) + "\n")[place.line - 1][place.column - 1 : place.column] == "\t":
        return Problem(place, "", "a tab stands where YAML allows only spaces", "indent with spaces")
    hint = "look at this line and the one above: indentation, a missing colon, or an unclosed quote"
    return Problem(place, "", f"not valid YAML: {_QUOTED.sub('a name', complaint)}", hint)


_QUOTED: Final = re.compile(r"""(['"])(?!<)[^'"\s,{}\[\]]{2,}\1""")

_HAS_LIBYAML: Final = bool(getattr(yaml, "__with_libyaml__", False))


def _libyaml_events(data: bytes) -> Callable[[], Event]:
    parser: Any = yaml.CSafeLoader(data)
    events: Callable[[], Event] = parser.get_event
    return events


class _PythonParser(Reader, Scanner, Parser):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


def _python_events(data: bytes) -> Callable[[], Event]:
    events: Callable[[], Event] = _PythonParser(_text(data)).get_event
    return events


_CORE: Final = "tag:yaml.org,2002:"
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FRACTION: Final = re.compile(
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_LONGEST_INTEGER: Final = 100


@lru_cache(maxsize=4096)
def plain_scalar(text: str) -> Scalar:
    """What an unquoted scalar means: YAML 1.2 core, and a number with a leading zero stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if _INTEGER.fullmatch(text):
        # Python refuses to read integers of thousands of digits; one that long fits no field in any case.
        return int(text, 0) if len(text) <= _LONGEST_INTEGER else float("inf")
    return (
        float(text.replace(".inf", "inf").replace(".nan", "nan").replace(".I", "I").replace(".N", "N"))
        if (_FRACTION.fullmatch(text))
        else text
    )


class _Meanings(dict[str, Scalar]):
    """Plain scalars that were met before: the words of a file are few, and equal texts become one."""

    def __missing__(self, text: str) -> Scalar:
        value = plain_scalar(text)
        if len(self) < _REMEMBERED:
            self[text] = value
        return value


_REMEMBERED: Final = 4096
_MERGE: Final = "<<"


class _Builder:
    """Events to values, one collection a call. `problems` are those after which reading can go on.

    A file of 100,000 agents has 3.5 million events: what most of them are, a key or a value without tag and anchor, is
    dealt with where it is met.
    """

    def __init__(self, file: str, next_event: Callable[[], Event], *, libyaml: bool, places: bool) -> None:
        self.file = file
        self.places = places
        self.raw = next_event
        self.next: Callable[[], Any] = next_event if libyaml else self._checked
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.outer: list[str] = []  # for each collection that is being read, the key whose value it is
        self.names = {_MERGE: _MERGE}
        self.meanings = _Meanings()
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
            raise _Stop(Problem(Place(self.file, 1), "", what, "start it with: version: 1"))
        return root

    def peek(self, key: str, before: frozenset[str]) -> Node:
        """The value of a key of the root, once it is read."""
        opening = [self.next().__class__ for _ in range(3)]
        if opening != [StreamStartEvent, DocumentStartEvent, MappingStartEvent]:
            return None
        while (event := self.next()).__class__ is ScalarEvent and event.value not in before:
            value = self._node(self.next(), event.value)
            if event.value == key:
                return value
        return None

    def _node(self, event: Any, key: str) -> Node:
        """What begins with an event; `key` is the one that leads to it."""
        kind = event.__class__
        if kind is AliasEvent:
            return self._alias(event)
        if kind is ScalarEvent:
            value: Node = self._scalar(event)
        else:
            self._open(event, key)
            value = self._mapping(event) if kind is MappingStartEvent else self._sequence(event)
            self.outer.pop()
        if event.anchor:
            self.anchors[event.anchor] = value
        return value

    def _open(self, event: Any, key: str) -> None:
        if len(self.outer) >= MAX_DEPTH:
            raise self._stop(event, f"nested deeper than {MAX_DEPTH} levels", "this file needs four at most")
        if event.tag not in (None, "!", _CORE + ("map" if event.__class__ is MappingStartEvent else "seq")):
            self._complain(event, "this tag cannot be used here", "write the value without a tag")
        if event.anchor:
            self.anchors[event.anchor] = _UNFINISHED
        self.outer.append(key)

    def _mapping(self, opened: Any) -> Mapping:
        next_event, names, meanings = self.next, self.names, self.meanings
        node, more, noting = Mapping(), 0, self.places
        merges: list[Mapping] | None = None
        places = [*_position(opened)] if noting else []
        while (event := next_event()).__class__ is not MappingEndEvent:
            key: str | None
            if event.__class__ is ScalarEvent and event.tag is None and event.anchor is None:
                key = names.setdefault(event.value, event.value)
            else:
                key = self._odd_key(event)
            if key is None or key in node or (key is _MERGE and event.implicit[0]):
                merges = self._aside(event, key, merges)
                continue
            begin = event
            event = next_event()
            if event.__class__ is ScalarEvent and event.tag is None and event.anchor is None:
                node[key] = meanings[event.value] if event.implicit[0] else event.value
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
            if event.__class__ is ScalarEvent and event.tag is None and event.anchor is None:
                node.append(meanings[event.value] if event.implicit[0] else event.value)
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
        if event.__class__ is ScalarEvent and any("\ud800" <= character <= "\udfff" for character in event.value):
            self._complain(event, "half of a surrogate pair is no character", "write the character itself")
            event.value = ""
        return event

    def _at(self, event: Any) -> Place:
        line, column = _position(event)
        return Place(self.file, line + 1, column + 1)

    def _stop(self, event: Any, message: str, hint: str) -> _Stop:
        return _Stop(Problem(self._at(event), "", message, hint))

    def _complain(self, event: Any, message: str, hint: str) -> None:
        self.problems.append(Problem(self._at(event), "", message, hint))

    def _scalar(self, event: Any) -> Scalar:
        tag: str | None = event.tag
        text: str = event.value
        if tag is None:
            return self.meanings[text] if event.implicit[0] else text
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
        if event.__class__ is ScalarEvent:
            return self.names.setdefault(event.value, event.value)
        self._complain(event, "a key must be plain text", "write one word before the colon")
        return None

    def _aside(self, event: Any, key: str | None, merges: list[Mapping] | None) -> list[Mapping] | None:
        """A pair that stands for no key of its own: of a merge key, of a key that was there before, or of none."""
        merging = key is _MERGE and event.implicit[0] and merges is None
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
    mark = event.start_mark
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
