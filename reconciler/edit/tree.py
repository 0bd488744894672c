"""Text to a tree that keeps what a `Document` leaves out: comments, blank lines, styles, anchors.

The YAML parser's tokens say where everything stands: a comment is exactly what lies between two tokens. Its events say
what belongs to what. Nothing is parsed in a second way here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.tokens import BlockEntryToken, ScalarToken, Token

from reconciler.core.text import width
from reconciler.core.yaml.scalars import Scalar, plain_scalar
from reconciler.core.yaml.spelling import quoted, scalar
from reconciler.edit.blocks import content_end, header_end, kept_lines
from reconciler.edit.parts import unix


@dataclass(slots=True)
class Remark:
    """A comment, or a blank line if `text` is empty.

    `own`: it has a line of its own; otherwise it ends a line, `gap` blanks behind the line's text. `column`: where it
    begins, from 0. `cells`: the terminal cells before it. Comments of one `group` are aligned in one column.
    """

    text: str
    own: bool = True
    offset: int = -1
    column: int = 0
    cells: int = 0
    gap: int = 1
    group: int = 0


@dataclass(slots=True)
class Node:
    """A value.

    `text`: a scalar as it is spelt on one line, or the name of an alias. `lines`: the lines of a block scalar. `foot`:
    the comments below the last item. `ends_alone`: the closing bracket begins a line. `start` and `end`: offsets into
    the text; a value in brackets starts at its bracket, any other value at its anchor.
    """

    kind: Literal["scalar", "alias", "mapping", "sequence"]
    start: int
    end: int = 0
    anchor: str = ""
    text: str = ""
    value: Scalar = None
    lines: list[str] = field(default_factory=list)
    block: bool = False
    items: list[Item] = field(default_factory=list)
    foot: list[Remark] = field(default_factory=list)
    ends_alone: bool = False

    def find(self, key: str) -> Item | None:
        """The item of a mapping with this key; a merged key is not found."""
        return next((item for item in self.items if item.name == key), None)

    def nodes(self) -> Iterator[Node]:
        """The node and all nodes below it, in the order of the text."""
        yield self
        for item in self.items:
            yield from item.nodes()


@dataclass(slots=True)
class Item:
    """An entry of a mapping or a list, with the comments above and beside it. `begins_line` matters in flow style."""

    value: Node
    key: Node | None = None
    above: list[Remark] = field(default_factory=list)
    beside: Remark | None = None
    begins_line: bool = False
    start: int = 0

    @property
    def merges(self) -> bool:
        """Whether the key is a merge key; a quoted `<<` is an ordinary key."""
        return self.key is not None and self.key.text == "<<"

    @property
    def name(self) -> str | None:
        """The key as text; `None` for an item of a list and for a merge key."""
        return None if self.key is None or self.merges else str(self.key.value)

    def nodes(self) -> Iterator[Node]:
        """The key, the value and all nodes below them, in the order of the text."""
        if self.key is not None:
            yield self.key
        yield from self.value.nodes()

    def inner(self) -> Iterator[Remark]:
        """The comments and blank lines beside and inside the item, but not above it."""
        if self.beside is not None:
            yield self.beside
        for node in self.nodes():
            yield from node.foot
            for item in node.items:
                yield from item.above
                yield from (item.beside,) if item.beside else ()

    @property
    def stop(self) -> int:
        """The offset behind its last value or comment."""
        ends = (remark.offset + len(remark.text) for remark in self.inner())
        return max((self.value.end, *ends))


@dataclass(slots=True)
class Tree:
    """A file.

    `comments`: all comments, sorted. `head`: the comments before `---`. `explicit`: the file has a `---`. `top`: the
    item that holds everything. `foot`: the comments below it.
    """

    text: str
    comments: list[str]
    head: list[Remark]
    explicit: bool
    top: Item
    foot: list[Remark]

    @property
    def root(self) -> Node:
        """The outermost mapping."""
        return self.top.value


def read_tree(text: str) -> Tree:
    """The tree of a text that `core.yaml.document.parse` reads without a problem."""
    return _Builder(unix(text)).tree()


def _sorted(remarks: Iterable[Remark]) -> list[str]:
    return sorted(remark.text for remark in remarks if remark.text)


_BREAK: Final = re.compile("[\n\u2028\u2029]")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE: Final = "tag:yaml.org,2002:"
_BLOCK_STYLES: Final = ("|", ">")


def _begin(thing: Event | Token) -> int:
    mark: Any = thing.start_mark
    return int(mark.index)


def _end(thing: Event | Token) -> int:
    mark: Any = thing.end_mark
    return int(mark.index)


def scanned(text: str) -> Iterator[Token]:
    """The tokens of a text."""
    return iter(yaml.scan(text, Loader=_LOADER))


class _Lines:
    """The offsets at which lines begin; YAML's parser also breaks lines at U+2028 and U+2029."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(line_break.end() for line_break in _BREAK.finditer(text))]

    def line(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1

    def start(self, offset: int) -> int:
        return self.starts[self.line(offset)]

    def column(self, offset: int) -> int:
        return offset - self.start(offset)


class _Builder:
    """Turns events into nodes, and gives each item the remarks before it.

    `holder`: the item whose text ends the current line; a comment beside it belongs to that item.
    """

    def __init__(self, text: str) -> None:
        tokens: list[Token] = list(scanned(text))
        self.text = text
        self.lines = _Lines(text)
        self.events = deque(yaml.parse(text, Loader=_LOADER))
        self.remarks = deque(_remarks(text, tokens, self.lines))
        self.comments = _sorted(self.remarks)
        self.dashes = deque(_begin(token) for token in tokens if isinstance(token, BlockEntryToken))
        self.scalars = {_end(token): _begin(token) for token in tokens if isinstance(token, ScalarToken)}
        self.holder: Item | None = None

    def tree(self) -> Tree:
        self.events.popleft()
        start = self.events.popleft()
        explicit = isinstance(start, DocumentStartEvent) and bool(start.explicit)
        head = self.pending(_begin(start)) if explicit else []
        top = Item(Node("mapping", 0))
        top.value = self.value(top)
        return Tree(self.text, self.comments, head, explicit, top, self.pending(len(self.text) + 1))

    def pending(self, before: int) -> list[Remark]:
        """Take the remarks before an offset; a comment that ends a line goes to that line's item instead."""
        remarks = []
        while self.remarks and self.remarks[0].offset < before:
            remark = self.remarks.popleft()
            if remark.own or self.holder is None or self.holder.beside is not None:
                remarks.append(remark)
            else:
                self.holder.beside = remark
        return remarks

    def value(self, item: Item) -> Node:
        """The next node, as the value of an item."""
        event = self.events[0]
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            if not event.flow_style:
                return self.block(item)
            item.above += self.pending(_begin(event))
            node = self.flow()
        else:
            item.above += self.pending(self.comments_end(event))
            node = self.leaf()
        self.holder = item
        return node

    def comments_end(self, event: Event) -> int:
        """The offset behind the comments of a leaf, those behind its anchor, tag or header included."""
        if not isinstance(event, ScalarEvent) or _end(event) not in self.scalars:
            return _begin(event)
        start = self.scalars[_end(event)]
        return header_end(self.text, start) if event.style in _BLOCK_STYLES else start

    def leaf(self, *, key: bool = False) -> Node:
        """The next node, which is a scalar or an alias."""
        event: Any = self.events.popleft()
        if isinstance(event, AliasEvent):
            return Node("alias", _begin(event), _end(event), text=str(event.anchor))
        node = Node("scalar", _begin(event), _end(event), event.anchor or "")
        node.value = event.value if key else _scalar(event)
        start = self.scalars.get(node.end, node.end)
        source = self.text[start : node.end]
        if event.style in _BLOCK_STYLES:
            node.lines = kept_lines(source, event.value)
            node.end = start + content_end(source)
        keeps_spelling = event.tag is None and event.style not in _BLOCK_STYLES and not _BREAK.search(source)
        node.text = (source if keeps_spelling else _in_quotes(node.value)) or "null"
        return node

    def flow(self) -> Node:
        """The next node, which is a collection in brackets."""
        event: Any = self.events.popleft()
        node = _collection(event)
        node.start = _end(event) - 1
        position, self.holder = _end(event), None
        while not isinstance(self.events[0], MappingEndEvent | SequenceEndEvent):
            item = Item(node, begins_line=self.lines.line(position) < self.lines.line(_begin(self.events[0])))
            self.fill(item, node)
            position = item.value.end
        end = self.events.popleft()
        node.foot = self.pending(_begin(end))
        node.ends_alone, node.end = self.lines.line(position) < self.lines.line(_begin(end)), _end(end)
        return node

    def block(self, holder: Item) -> Node:
        """The next node, which is a collection in block style; `holder` is the item that it is the value of."""
        node = _collection(self.events.popleft())
        node.block = True
        column = self.lines.column(self.dashes[0] if node.kind == "sequence" else _begin(self.events[0]))
        while not isinstance(self.events[0], MappingEndEvent | SequenceEndEvent):
            item = Item(node)
            if node.kind == "sequence":
                item.start = self.dashes.popleft()
                item.above = self.pending(item.start)
                self.holder = item
            self.fill(item, node)
        as_deep_as_its_key = holder.key is not None and self.lines.column(holder.key.start) == column
        node.foot = self.below(_begin(self.events.popleft()), column + as_deep_as_its_key)
        node.end = node.items[-1].value.end
        return node

    def fill(self, item: Item, parent: Node) -> None:
        """Read an item's key and value, and append the item to its parent."""
        if parent.kind == "mapping":
            item.start = _begin(self.events[0])
            item.above = self.pending(self.comments_end(self.events[0]))
            item.key = self.leaf(key=True)
            self.holder = item
        item.value = self.value(item)
        parent.items.append(item)

    def below(self, limit: int, column: int) -> list[Remark]:
        """The comments below a block that are indented as deep as the block, and so still belong to it."""
        last = -1
        for remark in self.remarks:
            if remark.offset >= limit or (remark.own and remark.text and remark.column < column):
                break
            last = remark.offset if remark.text else last
        return self.pending(last + 1)


def _collection(event: Any) -> Node:
    kind: Literal["mapping", "sequence"] = "mapping" if isinstance(event, MappingStartEvent) else "sequence"
    return Node(kind, _begin(event), anchor=event.anchor or "")


def _in_quotes(value: Scalar) -> str:
    if isinstance(value, str):
        return quoted(value)
    return str(value) if isinstance(value, float) else scalar(value)


def _scalar(event: ScalarEvent) -> Scalar:
    """The value that the reader reads; it only lets the tag `!` pass, and YAML's core tags that fit the value."""
    if event.tag in ("!", _CORE + "str") or (event.tag is None and not event.implicit[0]):
        return str(event.value)
    return plain_scalar(event.value)


def _remarks(text: str, tokens: list[Token], lines: _Lines) -> Iterator[Remark]:
    """Every comment and blank line, in the order of the text: what lies between the tokens."""
    position = groups = 0
    above: Remark | None = None
    for start, end in spans(text, tokens):
        for remark in _between(text, position, max(position, start), lines):
            if remark.text and not remark.own:
                if above and above.cells == remark.cells and lines.line(above.offset) + 1 == lines.line(remark.offset):
                    groups += not above.group
                    above.group = remark.group = above.group or groups
                above = remark
            yield remark
        position = max(position, end)


def spans(text: str, tokens: Iterable[Token]) -> Iterator[tuple[int, int]]:
    """The start and end of every part of the text that is no remark."""
    for token in tokens:
        start, end = _begin(token), _end(token)
        if isinstance(token, ScalarToken) and token.style in _BLOCK_STYLES:
            yield start, header_end(text, start, comment=False)
            yield header_end(text, start), start + content_end(text[start:end])
        else:
            yield start, end
    yield len(text), len(text)


def _between(text: str, start: int, end: int, lines: _Lines) -> Iterator[Remark]:
    """The remarks between two tokens."""
    own_line = lines.start(start) == start
    while start < end:
        line_break = _BREAK.search(text, start, end)
        stop = line_break.start() if line_break else end
        hash_at = text.find("#", start, stop)
        if hash_at >= 0:
            before = text[lines.start(start) : hash_at]
            gap = 1 if own_line else max(len(before) - len(before.rstrip()), 1)
            yield Remark(text[hash_at:stop].rstrip(), own_line, hash_at, len(before), width(before), gap)
        elif own_line and line_break:
            yield Remark("", offset=start)
        start, own_line = stop + 1, True
