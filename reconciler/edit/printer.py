"""A tree to text: two blanks a level, lists indented below their keys, comments beside in their old columns.

Of a scalar the printer prints the `text`: it spells nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.text import width
from reconciler.edit.tree import Item, Node, Remark, Tree


def print_tree(tree: Tree) -> str:
    """The text of a whole file."""
    page = _Page()
    page.remarks(tree.head, 0)
    if tree.explicit:
        page.begin_line(0, "---")
    page.remarks(tree.top.above, 0)
    page.start(tree.top)
    page.remarks(tree.foot, 0)
    return page.text()


def print_entry(item: Item, indent: int) -> str:
    """One item of a block list, with the comments above it; `indent` is the column of its dash."""
    page = _Page()
    page.item(item, indent)
    return page.text()


def print_flow(node: Node, indent: int) -> str:
    """A value in flow style with its comments; the lines after the first are indented deeper than `indent`."""
    page = _Page()
    page.begin_line(0)
    page.flow(node, indent)
    return page.text().removesuffix("\n")


def _leaf(node: Node) -> str:
    return f"*{node.text}" if node.kind == "alias" else node.text


@dataclass(slots=True)
class _Line:
    text: str
    beside: Remark | None = None


class _Page:
    """The lines printed so far; the last line grows until the next one begins."""

    def __init__(self) -> None:
        self.lines: list[_Line] = []

    def text(self) -> str:
        while self.lines and not self.lines[-1].text:
            self.lines.pop()
        columns: dict[int, int] = {}
        for line in self.lines:
            if line.beside and line.beside.group:
                least = max(line.beside.cells, width(line.text) + 1)
                columns[line.beside.group] = max(columns.get(line.beside.group, 0), least)
        return "".join(_finished(line, columns) + "\n" for line in self.lines)

    def begin_line(self, indent: int, text: str = "") -> None:
        self.lines.append(_Line(" " * indent + text))

    def append(self, text: str) -> None:
        self.lines[-1].text += text

    def beside(self, remark: Remark | None) -> None:
        """Put a comment at the end of the line."""
        self.lines[-1].beside = remark

    def remarks(self, remarks: Iterable[Remark], indent: int) -> None:
        """Print comments on lines of their own, and blank lines; several blank lines in a row become one."""
        for remark in remarks:
            if remark.text:
                self.begin_line(indent, remark.text)
            elif self.lines and self.lines[-1].text:
                self.begin_line(0)

    def start(self, top: Item) -> None:
        """Print the outermost mapping, without its anchor: no alias can refer to what contains it."""
        if top.value.block:
            self.mapping(top.value, 0)
            self.remarks(top.value.foot, 0)
        else:
            self.begin_line(0)
            self.flow(top.value, 0)
            self.beside(top.beside)

    def mapping(self, node: Node, indent: int) -> None:
        for item in node.items:
            self.remarks(item.above, indent)
            self.begin_line(indent)
            self.pair(item, indent)

    def pair(self, item: Item, indent: int) -> None:
        """Print a key and its value on the line that has begun."""
        self.key(item)
        self.value(item, indent)

    def key(self, item: Item) -> None:
        if item.key is not None:
            self.append(f"{_anchor(item.key).lstrip()}{' ' if item.key.anchor else ''}{item.key.text}:")

    def value(self, item: Item, indent: int) -> None:
        """Print the value of a key or a dash in the column `indent`."""
        node = item.value
        self.append(_anchor(node))
        if node.block and (node.kind == "sequence" or item.key is not None):
            self.beside(item.beside)
            self.mapping(node, indent + 2) if node.kind == "mapping" else self.sequence(node, indent + 2)
        elif node.block:
            self.joined(item, indent + 2)
        elif node.lines:
            self.append(f" {node.lines[0]}")
            self.beside(item.beside)
            for line in node.lines[1:]:
                self.begin_line(indent + 2 if line else 0, line)
        else:
            self.append(" ")
            self.flow(node, indent if item.key else indent + 2)
            self.beside(item.beside)
        if node.block:
            self.remarks(node.foot, indent + 2)

    def sequence(self, node: Node, indent: int) -> None:
        for item in node.items:
            self.item(item, indent)

    def item(self, item: Item, indent: int) -> None:
        self.remarks(item.above, indent)
        self.begin_line(indent, "-")
        self.value(item, indent)

    def joined(self, item: Item, indent: int) -> None:
        """Print a mapping that begins on the line of its dash, or below it if a comment or an anchor is in the way."""
        first, *rest = item.value.items
        above = [remark for remark in first.above if remark.text]
        beside = item.beside or (above.pop(0) if above else None)
        if beside or item.value.anchor:
            self.beside(beside)
            self.remarks(above, indent)
            self.begin_line(indent)
        else:
            self.append(" ")
        self.pair(first, indent)
        self.mapping(Node("mapping", 0, items=rest), indent)

    def flow(self, node: Node, indent: int) -> None:
        """Print a value in flow style; the entries on further lines are indented two blanks deeper than `indent`."""
        if node.kind in ("scalar", "alias"):
            self.append(_leaf(node))
            return
        self.append("{" if node.kind == "mapping" else "[")
        broken = False
        for number, item in enumerate(node.items):
            broken = self.entry(item, indent + 2, broken=broken, first=not number)
            self.append("," if number + 1 < len(node.items) else "")
            self.beside(item.beside)
        foot = [remark for remark in node.foot if remark.text]
        self.remarks(foot, indent + 2)
        if broken or foot or (node.ends_alone and node.items):
            self.begin_line(indent)
        self.append("}" if node.kind == "mapping" else "]")

    def entry(self, item: Item, indent: int, *, broken: bool, first: bool) -> bool:
        """Print one entry of a collection in flow style; return whether a comment ends its line."""
        above = [remark for remark in item.above if remark.text]
        self.remarks(above, indent)
        if broken or above or item.begins_line:
            self.begin_line(indent)
        else:
            self.append("" if first else " ")
        self.key(item)
        self.append(" " if item.key else "")
        self.append(_anchor(item.value).lstrip() + (" " if item.value.anchor else ""))
        self.flow(item.value, indent)
        return item.beside is not None


def _anchor(node: Node) -> str:
    return f" &{node.anchor}" if node.anchor else ""


def _finished(line: _Line, columns: dict[int, int]) -> str:
    if line.beside is None:
        return line.text.rstrip(" ")
    text_width, beside = width(line.text), line.beside
    gap = columns[beside.group] - text_width if beside.group else comment_gap(beside.gap, beside.cells, text_width)
    return line.text + " " * gap + beside.text


def comment_gap(gap: int, cells: int, text_width: int) -> int:
    """The blanks before a comment that is aligned with no other: it stays in its column where it can.

    It had `gap` blanks before it, and began behind `cells` cells.
    """
    return cells - text_width if gap > 1 and text_width < cells else min(gap, 2)
