"""Bytes to `Document`: one file's values, where each of them stands, and what makes a file none."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final

import yaml

from reconciler.core.model.problem import MAX_BYTES, Place, Problem
from reconciler.core.yaml.events import HAS_LIBYAML, decoded, events
from reconciler.core.yaml.nodes import Builder, Mapping, Node, Path, Sequence, Stop


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
        return decoded(self.data)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at `path` is written, or with `key` the key that leads to it.

        Ends at the deepest part of `path` that exists, which is where a missing key belongs.
        """
        if not self.located:
            with events(self.data, pure=self.pure) as next_event:
                self.located.append(Builder(self.file, next_event, pure=self.pure, places=True).build())
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


@cache
def _forbidden() -> re.Pattern[str]:
    """What may not stand in YAML text. To compile this takes as long as to read a hundred agents, and few need it."""
    return re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@lru_cache(maxsize=2)
def _written_lines(data: bytes) -> list[str]:
    return _BREAK.split(decoded(data))


def parse(file: str, data: bytes, *, pure: bool = False) -> tuple[Document | None, tuple[Problem, ...]]:
    """Read one file's bytes. The document is `None` when it cannot be made sense of; problems come either way.

    `pure` takes PyYAML's Python parser; it is taken anyway where libyaml is missing, and says the same.
    """
    pure = pure or not HAS_LIBYAML
    if (pure or _needs_a_look(data)) and (wrong := _unreadable(file, data)):
        return None, (wrong,)
    try:
        with events(data, pure=pure) as next_event:
            builder = Builder(file, next_event, pure=pure)
            root = builder.build()
    except (Stop, ValueError, OverflowError, yaml.YAMLError) as error:
        return None, (_unreadable(file, data) or _refusal(file, data, error),)
    return Document(file, data, root, hashlib.sha256(data).hexdigest(), pure), tuple(builder.problems)


def peek(data: bytes, key: str, before: frozenset[str]) -> Node:
    """The value that one key has at the root, read no further than it; `None` where that cannot plainly be told.

    It has to stand before any of the keys `before`.
    """
    if not HAS_LIBYAML or data.startswith(_UTF16):
        return None
    try:
        with events(data, pure=False) as next_event:
            builder = Builder("", next_event)
            value = builder.peek(key, before)
    except (Stop, yaml.YAMLError):
        return None
    return None if builder.problems else value


def _needs_a_look(data: bytes) -> bool:
    """Whether libyaml could read bytes that are to be refused: it knows UTF-16, and lets byte order marks stand."""
    return len(data) > MAX_BYTES or data.startswith(_UTF16) or data.find(_BOM, 1) > 0


def _refusal(file: str, data: bytes, error: Exception) -> Problem:
    """Why a file of sound text is no document."""
    if isinstance(error, Stop):
        return error.problem
    if isinstance(error, yaml.MarkedYAMLError):
        return _syntax_problem(file, data, error)
    # PyYAML's Python parser, of absurd escapes and directives.
    return Problem(Place(file, 1), "", "not valid YAML: an escape or directive that means nothing")


def _unreadable(file: str, data: bytes) -> Problem | None:
    """What makes bytes no text that YAML allows, wherever it stands."""
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1024 / 1024:.0f} MB"
        return Problem(Place(file, 1), "", f"the file has {size}; 64 MB is the limit", "split it")
    try:
        text = decoded(data)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return Problem(Place(file, line, column), "", what, "save the file as UTF-8 text")
    if found := _forbidden().search(text):
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
    if _BREAK.split(decoded(data) + "\n")[place.line - 1][place.column - 1 : place.column] == "\t":
        return Problem(place, "", "a tab stands where YAML allows only spaces", "indent with spaces")
    hint = "look at this line and the one above: indentation, a missing colon, or an unclosed quote"
    return Problem(place, "", f"not valid YAML: {_QUOTED.sub('a name', complaint)}", hint)


_QUOTED: Final = re.compile(r"""(['"])(?!<)[^'"\s,{}\[\]]{2,}\1""")
