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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
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
    """A mapping that knows where it stands: its own line and column, then four numbers a key, in key order.

    The four are line and column of the key and of its value, all from 0. `nodes` counts what it expands to.
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
    """One file, read: `root` is its value, `text` what was written, and `sha256` that of its bytes."""

    file: str
    text: str
    root: Mapping
    sha256: str

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at `path` is written, or with `key` the key that leads to it.

        Ends at the deepest part of `path` that exists, which is where a missing key belongs.
        """
        node: Node = self.root
        at = (self.root.places[0], self.root.places[1])
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
        line = _lines(self.text)[place.line - 1]
        found = _TYPED.match(line, place.column - 1)
        return found.group().strip() if found else ""


_TYPED: Final = re.compile(r"(?:[^\s,\[\]{}#]|(?<=\S)#|\s+(?=[^\s#,\]}]))+")
_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@lru_cache(maxsize=2)
def _lines(text: str) -> list[str]:
    return _BREAK.split(text)


def parse(file: str, data: bytes, *, pure: bool = False) -> tuple[Document | None, tuple[Problem, ...]]:
    """Read one file's bytes. The document is `None` when it cannot be made sense of; problems come either way.

    `pure` takes PyYAML's Python parser; it is taken anyway where libyaml is missing, and says the same.
    """
    try:
        text = _decode(file, data)
        composer = _Composer(file, _python_events(text) if pure or not _HAS_LIBYAML else _libyaml_events(text))
        root = composer.build()
    except _Stop as stop:
        return None, (stop.problem,)
    except yaml.MarkedYAMLError as error:
        return None, (_syntax_problem(file, text, error),)
    except (ValueError, OverflowError, yaml.YAMLError):  # PyYAML's Python parser, of absurd escapes and directives
        return None, (Problem(Place(file, 1), "", "not valid YAML: an escape or directive that means nothing"),)
    return Document(file, text, root, hashlib.sha256(data).hexdigest()), tuple(composer.problems)


class _Stop(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


def _decode(file: str, data: bytes) -> str:
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1024 / 1024:.0f} MB"
        raise _Stop(Problem(Place(file, 1), "", f"the file has {size}; 64 MB is the limit", "split it"))
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise _Stop(Problem(Place(file, line, column), "", what, "save the file as UTF-8 text")) from None
    if found := _FORBIDDEN.search(text):
        before_text = _lines(text[: found.start()])
        what = f"character U+{ord(found.group()):04X} may not stand in a YAML file"
        hint = 'write it as an escape inside double quotes, such as "\\x1b"; if this is no text file, name another'
        raise _Stop(Problem(Place(file, len(before_text), len(before_text[-1]) + 1), "", what, hint))
    return text


def _syntax_problem(file: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    """The parser's complaint without its context: that may quote a value, and a value may be a password."""
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1)
    complaint = error.problem or "cannot be read"
    if _lines(text + "\n")[place.line - 1][place.column - 1 : place.column] == "\t":
        return Problem(place, "", "a tab stands where YAML allows only spaces", "indent with spaces")
    hint = "look at this line and the one above: indentation, a missing colon, or an unclosed quote"
    return Problem(place, "", f"not valid YAML: {_QUOTED.sub('a name', complaint)}", hint)


_QUOTED: Final = re.compile(r"""(['"])(?!<)[^'"\s,{}\[\]]{2,}\1""")

_HAS_LIBYAML: Final = bool(getattr(yaml, "__with_libyaml__", False))


def _libyaml_events(text: str) -> Callable[[], Event]:
    parser: Any = yaml.CSafeLoader(text)
    events: Callable[[], Event] = parser.get_event
    return events


class _PythonParser(Reader, Scanner, Parser):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


def _python_events(text: str) -> Callable[[], Event]:
    events: Callable[[], Event] = _PythonParser(text).get_event
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


@dataclass(slots=True)
class _Frame:
    """A collection that is being read. `key` is the key whose value comes next."""

    opened: MappingStartEvent | SequenceStartEvent
    node: Mapping | Sequence
    places: list[int]
    nodes: int = 1
    key: str | None = None
    key_at: tuple[int, int] = (0, 0)
    skip: bool = False
    merging: bool = False
    merges: list[Mapping] | None = None


_MERGE: Final = "<<"


class _Composer:
    """Events to values. `problems` are those after which reading can go on."""

    def __init__(self, file: str, next_event: Callable[[], Event]) -> None:
        self.file = file
        self.next_event = next_event
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.frames: list[_Frame] = []
        self.expanded = 0
        self.documents = 0
        self.root: Node = None

    def build(self) -> Mapping:
        """Read the whole stream: one document whose root is a mapping."""
        for event in self._events():
            match event:
                case ScalarEvent():
                    self._attach(event, self._scalar(event), 1)
                case MappingStartEvent() | SequenceStartEvent():
                    self._open(event)
                case MappingEndEvent() | SequenceEndEvent():
                    self._close()
                case AliasEvent():
                    self._attach(event, *self._alias(event))
                case DocumentStartEvent() if self.documents:
                    raise self._stop(event, "a second document starts here", "keep one document a file")
                case DocumentStartEvent():
                    self.documents += 1
                case _:
                    pass
        if not isinstance(self.root, Mapping):
            what = "the file is empty" if self.root is None else "the file must be a mapping of keys and values"
            raise _Stop(Problem(Place(self.file, 1), "", what, "start it with: version: 1"))
        return self.root

    def _events(self) -> Iterator[Event]:
        while not isinstance(event := self.next_event(), StreamEndEvent):
            yield event

    def _at(self, event: Event) -> Place:
        line, column = _position(event)
        return Place(self.file, line + 1, column + 1)

    def _stop(self, event: Event, message: str, hint: str = "") -> _Stop:
        return _Stop(Problem(self._at(event), "", message, hint))

    def _complain(self, event: Event, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self._at(event), "", message, hint))

    def _scalar(self, event: ScalarEvent) -> Scalar:
        tag, text = event.tag, event.value
        if tag is None or tag == "!":
            if event.implicit[0] and tag is None:
                return plain_scalar(text)
            return self._text(event, text)
        if tag == _CORE + "str":
            return self._text(event, text)
        value = plain_scalar(text) if tag.startswith(_CORE) else text
        kinds = {"int": int, "bool": bool, "null": type(None)}
        if value.__class__ is kinds.get(tag.removeprefix(_CORE)):
            return value
        self._complain(event, "this tag cannot be used here", "write the value without a tag")
        return text

    def _text(self, event: ScalarEvent, text: str) -> str:
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._complain(event, "half of a surrogate pair is no character", "write the character itself")
            return ""
        return text

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if len(self.frames) >= MAX_DEPTH:
            raise self._stop(event, f"nested deeper than {MAX_DEPTH} levels", "this file needs four at most")
        mapping = isinstance(event, MappingStartEvent)
        if event.tag not in (None, "!", _CORE + ("map" if mapping else "seq")):
            self._complain(event, "this tag cannot be used here", "write the value without a tag")
        node = Mapping() if mapping else Sequence()
        self.frames.append(_Frame(event, node, list(_position(event))))
        if event.anchor:
            self.anchors[event.anchor] = (_UNFINISHED, 0)

    def _close(self) -> None:
        frame = self.frames.pop()
        node = frame.node
        if isinstance(node, Mapping):
            self._merge(frame, node)
        node.places = array("I", frame.places)
        node.nodes = frame.nodes
        self._attach(frame.opened, node, frame.nodes)

    def _alias(self, event: AliasEvent) -> tuple[Node, int]:
        # The name is not repeated: an unquoted password that begins with * parses as an alias.
        if event.anchor not in self.anchors:
            self._complain(event, "an alias to an anchor that is not defined above", "quote text that begins with *")
            return None, 1
        value, nodes = self.anchors[event.anchor]
        if value is _UNFINISHED:
            raise self._stop(event, "an alias to something that contains it", "write the value out")
        self._expand(event, nodes)
        return value, nodes

    def _expand(self, event: Event, nodes: int) -> None:
        self.expanded += nodes
        if self.expanded > MAX_EXPANDED:
            what = f"aliases and merge keys expand to more than {MAX_EXPANDED:,} values"
            raise self._stop(event, what, "use defaults and profiles in place of anchors")

    def _attach(self, event: NodeEvent, value: Node, nodes: int) -> None:
        """Put a finished value where it belongs. `event` is the one that it began with."""
        if event.anchor and not isinstance(event, AliasEvent):
            self.anchors[event.anchor] = (value, nodes)
        if not self.frames:
            self.root = value
            return
        frame = self.frames[-1]
        node = frame.node
        if isinstance(node, Sequence):
            node.append(value)
            frame.places += _position(event)
        elif frame.key is None:
            self._key(frame, event)
            return
        else:
            key, frame.key = frame.key, None
            if frame.merging:
                frame.merges = self._merge_sources(event, value)
                return
            if frame.skip:
                return
            node[key] = value
            frame.places += (*frame.key_at, *_position(event))
        frame.nodes += nodes

    def _key(self, frame: _Frame, event: NodeEvent) -> None:
        frame.key_at = _position(event)
        if not isinstance(event, ScalarEvent):
            self._complain(event, "a key must be plain text", "write one word before the colon")
            frame.key, frame.skip, frame.merging = "", True, False
            return
        frame.key = self._text(event, event.value)
        frame.merging = frame.key == _MERGE and event.implicit[0] and frame.merges is None
        again = frame.key == _MERGE and event.implicit[0] and not frame.merging
        frame.skip = again or (not frame.merging and frame.key in frame.node)
        if frame.skip:
            # A key inside `password` may be the password, misplaced.
            inside_password = any(outer.key == "password" for outer in self.frames)
            name = "a key" if inside_password else f"the key {frame.key}"
            self._complain(event, f"{name} stands twice in this mapping", "keep one of the two")

    def _merge_sources(self, event: Event, value: Node) -> list[Mapping]:
        sources = value if isinstance(value, Sequence) else [value]
        merges = [source for source in sources if isinstance(source, Mapping)]
        if len(merges) < len(sources) and value is not None:  # nothing: an alias that was complained of
            message = "a merge key (<<) takes a mapping or a list of mappings"
            self._complain(event, message, "point it at an anchor: <<: *name")
        return merges

    def _merge(self, frame: _Frame, node: Mapping) -> None:
        """YAML merge (https://yaml.org/type/merge.html): a key of the mapping's own wins, then the earlier source."""
        for source in frame.merges or ():
            for index, (key, value) in enumerate(source.items()):
                if key not in node:
                    node[key] = value
                    frame.places += source.places[2 + 4 * index : 6 + 4 * index]
                    frame.nodes += value.nodes if isinstance(value, Mapping | Sequence) else 1


def _position(event: Event) -> tuple[int, int]:
    mark: Any = event.start_mark
    return mark.line, mark.column


_UNFINISHED: Final = Sequence()
