"""One file as a `Document`: its values and their places, or the problem that makes it unreadable."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final

import yaml

from reconciler.core.model.message import text
from reconciler.core.model.problem import MAX_BYTES, Place, Problem
from reconciler.core.yaml.events import HAS_LIBYAML, decoded, events
from reconciler.core.yaml.nodes import Builder, Mapping, Node, Path, Sequence, UnreadableDocument


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file: its value `root`, its bytes `data`, their digest `sha256` in hex, and `pure` as in `parse`.

    `has_quotes`: a text without YAML's quotes begins or ends with a sign of one.

    Only problems need places, and recording them would slow every good file down by a tenth. So the first call of
    `place` parses the file again, with places, and keeps the result.
    """

    file: str
    data: bytes
    root: Mapping
    sha256: str
    pure: bool = False
    has_quotes: bool = False
    _with_places: list[Mapping] = field(default_factory=list, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The file as text, without a byte order mark."""
        return decoded(self.data)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """The place of the value at `path`, or with `key` of the key that leads to it.

        If `path` does not exist, this is the place of its deepest part that does; a missing key belongs there.
        """
        if not self._with_places:
            with events(self.data, pure=self.pure) as next_event:
                self._with_places.append(Builder(self.file, next_event, pure=self.pure, with_places=True).build())
        node: Node = self._with_places[0]
        position = (self._with_places[0].places[0], self._with_places[0].places[1])
        for depth, step in enumerate(path):
            of_key = key and depth == len(path) - 1
            if isinstance(node, Mapping) and step in node:
                start = 2 + 4 * list(node).index(str(step)) + (0 if of_key else 2)
                position, node = (node.places[start], node.places[start + 1]), node[str(step)]
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node):
                position, node = (node.places[2 + 2 * step], node.places[3 + 2 * step]), node[step]
            else:
                break
        return Place(self.file, position[0] + 1, position[1] + 1)

    def line_at(self, place: Place) -> str:
        """The line of a place, as it stands in the file."""
        return _lines(self.data)[place.line - 1]

    def typed_at(self, place: Place) -> str:
        """The plain scalar that starts at `place`, exactly as typed; empty if none starts there."""
        scalar = _PLAIN_SCALAR.match(self.line_at(place), place.column - 1)
        return scalar.group().strip() if scalar else ""


_PLAIN_SCALAR: Final = re.compile(r"(?:[^\s,\[\]{}#]|(?<=\S)#|\s+(?=[^\s#,\]}]))+")
_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")


@cache
def _forbidden_characters() -> re.Pattern[str]:
    """The characters that YAML text may not contain. Few runs need them, and compiling takes as long as 100 agents."""
    return re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@lru_cache(maxsize=2)
def _lines(data: bytes) -> list[str]:
    return _BREAK.split(decoded(data))


def lines_of(data: bytes) -> list[str]:
    """The lines of UTF-8 text, without a byte order mark and without their breaks."""
    return list(_lines(data))


def parse(file: str, data: bytes, *, pure: bool = False) -> tuple[Document | None, tuple[Problem, ...]]:
    """Parse one file's bytes into a document and the problems found. An unreadable file gives `None` and a problem.

    `pure` takes PyYAML's Python parser, as does every call if libyaml is missing; the result is the same.
    """
    pure = pure or not HAS_LIBYAML
    if (pure or _may_fool_libyaml(data)) and (problem := _text_problem(file, data)):
        return None, (problem,)
    try:
        with events(data, pure=pure) as next_event:
            builder = Builder(file, next_event, pure=pure)
            root = builder.build()
    except (UnreadableDocument, ValueError, OverflowError, yaml.YAMLError) as error:
        return None, (_text_problem(file, data) or _parse_problem(file, data, error),)
    sha256 = hashlib.sha256(data).hexdigest()
    return Document(file, data, root, sha256, pure, builder.scalars.has_quotes), tuple(builder.problems)


def peek_value(data: bytes, key: str, before: frozenset[str]) -> Node:
    """The value of a key at the root, read without parsing what follows it.

    `None` if the file has a problem up to there, or if one of the keys `before` comes first.
    """
    if not HAS_LIBYAML or data.startswith(_UTF16):
        return None
    try:
        with events(data, pure=False) as next_event:
            builder = Builder("", next_event)
            value = builder.peek_value(key, before)
    except (UnreadableDocument, yaml.YAMLError):
        return None
    return None if builder.problems else value


def _may_fool_libyaml(data: bytes) -> bool:
    """Whether libyaml may accept bytes that must be refused: it reads UTF-16, and byte order marks inside a text."""
    return len(data) > MAX_BYTES or data.startswith(_UTF16) or data.find(_BOM, 1) > 0


def _parse_problem(file: str, data: bytes, error: Exception) -> Problem:
    """The problem of a file whose text is sound but whose YAML is not."""
    if isinstance(error, UnreadableDocument):
        return error.problem
    if isinstance(error, yaml.MarkedYAMLError):
        return _syntax_problem(file, data, error)
    # PyYAML's Python parser raises these for absurd escapes and directives.
    message = text("not valid YAML: an escape or directive that means nothing")
    return Problem(Place(file, 1), "", message, code="bad-yaml")


def _text_problem(file: str, data: bytes) -> Problem | None:
    """The first problem that keeps the bytes from being YAML text, such as a forbidden character, or `None`."""
    if len(data) > MAX_BYTES:
        megabytes = f"{len(data) / 1024 / 1024:.0f}"
        message = text("the file has {megabytes} MB; 64 MB is the limit", megabytes=megabytes)
        return Problem(Place(file, 1), "", message, text("split it"), code="file-too-large")
    try:
        content = decoded(data)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
        message = text("byte 0x{byte:02x} is not UTF-8", byte=data[error.start])
        hint = text("save the file as UTF-8 text")
        return Problem(Place(file, line, column), "", message, hint, code="not-utf-8")
    if forbidden := _forbidden_characters().search(content):
        lines = _BREAK.split(content[: forbidden.start()])
        message = text("character U+{point:04X} may not stand in a YAML file", point=ord(forbidden.group()))
        hint = text(
            'write it as an escape inside double quotes, such as "\\x1b"; if this is no text file, name another'
        )
        return Problem(Place(file, len(lines), len(lines[-1]) + 1), "", message, hint, code="forbidden-character")
    return None


def _syntax_problem(file: str, data: bytes, error: yaml.MarkedYAMLError) -> Problem:
    """The parser's complaint. Its context is left out, since that may quote a value, and a value may be a password."""
    mark = error.problem_mark or error.context_mark
    if error.context_mark and "quoted scalar" in str(error.context) and "end of stream" in str(error.problem):
        place = Place(file, error.context_mark.line + 1, error.context_mark.column + 1)
        message, hint = text("a quote opens here and is not closed"), text("close it where the text ends")
        return Problem(place, "", message, hint, code="unclosed-quote")
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1)
    complaint = error.problem or "cannot be read"
    if _BREAK.split(decoded(data) + "\n")[place.line - 1][place.column - 1 : place.column] == "\t":
        message = text("a tab stands where YAML allows only spaces")
        return Problem(place, "", message, text("indent with spaces"), code="tab")
    message = text("not valid YAML: {complaint}", complaint=_QUOTED_NAME.sub("a name", complaint))
    hint = text("look at this line and the one above: indentation, a missing colon, or an unclosed quote")
    return Problem(place, "", message, hint, code="bad-yaml")


_QUOTED_NAME: Final = re.compile(r"""(['"])(?!<)[^'"\s,{}\[\]]{2,}\1""")
