"""Applies `FileChanges` to a text: each agent or pool that changes is printed anew in its place, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from reconciler.core.model.fields import KEY
from reconciler.core.yaml.document import Document
from reconciler.core.yaml.nodes import Path
from reconciler.core.yaml.spelling import AGENT_ORDER, POOL_ORDER
from reconciler.edit.build import agent_item, field_node, ids_node, in_flow, insert, section_item
from reconciler.edit.kept import Abridged, without_kept
from reconciler.edit.live import AddedAgent, FileChanges
from reconciler.edit.printer import print_entry, print_flow, print_tree
from reconciler.edit.tree import Item, Node, Remark, Tree, read_tree

HEADING: Final = "# added from the live system"
"""The comment above the agents that were added."""


def apply_changes(document: Document, changes: FileChanges) -> tuple[str, Counter[str]]:
    """The changed text, and the comments that were removed with their agents."""
    short = without_kept(document, changes)
    patch = _Patch(read_tree(short.text), short)
    return short.restored(patch.text()), patch.dropped


class _Patch:
    """One text on its way to the changed one.

    `edits`: start and end of a part of the text, and its replacement; no two overlap. `changed`: agents and pools to
    print anew. `dropped`: comments that are removed.
    """

    def __init__(self, tree: Tree, short: Abridged) -> None:
        self.tree = tree
        self.short = short
        self.changes = changes = short.changes
        self.heading = changes.heading or HEADING
        self.source = tree.text if tree.text.endswith("\n") else tree.text + "\n"
        self.edits: list[tuple[int, int, str]] = []
        self.dropped: Counter[str] = Counter()
        self.changed: set[Path] = set()

    def text(self) -> str:
        """The changed text."""
        for path, values in self.changes.changed.items():
            for name, value in values.items():
                insert(self.node(path), name, field_node(name, value), AGENT_ORDER)
        for path, ids in self.changes.excluded.items():
            self.exclude(self.node(path), ids)
        self.changed |= {*self.changes.changed, *self.changes.excluded}
        self.keep_anchors()
        self.edit_section("agents", self.changes.added)
        self.edit_section("pools", [])
        if not self.tree.root.block:
            return print_tree(self.tree)
        return "".join(self.pieces())

    def pieces(self) -> Iterator[str]:
        at = 0
        for start, end, text in sorted(self.edits):
            yield from (self.source[at:start], text)
            at = end
        yield self.source[at:]

    def node(self, path: Path) -> Node:
        section = self.tree.root.find(str(path[0]))
        return section.value.items[int(path[1])].value if section else self.tree.root

    def exclude(self, pool: Node, ids: list[str]) -> None:
        """List the ids under a pool's `except`."""
        excluded = pool.find("except")
        if excluded is None or excluded.value.kind == "alias":
            insert(pool, "except", ids_node(ids), POOL_ORDER)
            return
        items = excluded.value.items
        listed = {item.value.value for item in items}
        for item in ids_node(operator_id for operator_id in ids if operator_id not in listed).items:
            item.begins_line = bool(items) and all(each.begins_line for each in items)
            items.append(item)

    def units(self) -> Iterator[tuple[Path, Item]]:
        """The items at the top in order, but each entry of `agents` and `pools` by itself, with its path."""
        for item in self.tree.root.items:
            if item.name in ("agents", "pools") and item.value.kind == "sequence":
                yield from (((item.name, index), unit) for index, unit in enumerate(item.value.items))
            else:
                yield (), item

    def keep_anchors(self) -> None:
        """Move the anchors of removed agents, each to the first of its aliases that stays."""
        lost: dict[str, Node] = {}
        for path, item in self.units():
            for node in list(item.nodes()):
                if path in self.changes.removed:
                    lost |= {node.anchor: node} if node.anchor else {}
                elif node.kind == "alias" and node.text in lost:
                    self.take_over(path, node, in_flow(lost.pop(node.text)))
                else:
                    lost.pop(node.anchor, None)

    def take_over(self, path: Path, alias: Node, value: Node) -> None:
        """Put the anchored value in the place of an alias."""
        if path:
            self.changed.add(path)
        else:
            self.edits.append((alias.start, alias.end, f"&{value.anchor} {print_flow(value, 0)}"))
        alias.kind, alias.anchor, alias.text, alias.items = value.kind, value.anchor, value.text, value.items

    def edit_section(self, name: str, added: list[AddedAgent]) -> None:
        """Apply the changes to `agents` or to `pools`."""
        section = self.tree.root.find(name)
        paths = {path for path in (*self.changes.removed, *self.changed) if path[0] == name}
        if not (paths or added):
            return
        if section is None:
            self.append_section(added)
        elif section.value.block:
            self.edit_block_list(name, section, added)
        elif section.value.items or section.value.foot or not self.tree.root.block:
            self.edit_flow_list(name, section.value, added)
        else:
            self.edits.append((self.behind_colon(section), section.value.end, ""))
            self.add(self.line_end(section.stop), self.column(section.start) + 2, added, flow=True)

    def append_section(self, added: list[AddedAgent]) -> None:
        """Add `agents` at the end of a file that has none."""
        root = self.tree.root
        if not root.block:
            root.items.append(section_item("agents", [agent_item(agent, flow=True, indent=0) for agent in added]))
            for item in root.items[-1].value.items:
                item.value.block = False
            return
        at = self.line_end(self.tree.top.stop)
        self.edits.append((at, at, "\nagents:\n"))
        self.add(at, 2, added, flow=True)

    def edit_block_list(self, name: str, section: Item, added: list[AddedAgent]) -> None:
        """Change a list in block style entry by entry."""
        items = section.value.items
        column = self.column(items[0].start)
        for index, item in enumerate(items):
            if (name, index) in self.changes.removed:
                self.remove(name, items, index)
            elif (name, index) in self.changed:
                printed = print_entry(Item(item.value, beside=item.beside), column)
                self.edits.append((item.start, item.stop, printed.strip("\n")[column:]))
        kept = [item for index, item in enumerate(items) if (name, index) not in self.changes.removed]
        if added:
            in_block_style = sum(item.value.block for item in kept) + self.short.block
            others = len(kept) - len(self.short.runs) + self.short.block + self.short.flow - in_block_style
            self.add(self.line_end(section.stop), column, added, flow=in_block_style <= others, after=kept)
        elif not kept:
            behind = self.behind_colon(section)
            self.edits.append((behind, behind, " []"))

    def add(
        self, at: int, indent: int, agents: list[AddedAgent], *, flow: bool, after: list[Item] | None = None
    ) -> None:
        """Put agents on lines of their own, below a heading unless the last entries have the same heading already."""
        above = next((item.above for item in reversed(after or []) if item.above), [])
        has_heading = any(remark.text == self.heading for remark in above)
        blank = "\n" if after and not self.blank_before(at) else ""
        text = "" if has_heading else f"{blank}{' ' * indent}{self.heading}\n"
        text += "".join(print_entry(agent_item(agent, flow=flow, indent=indent), indent) for agent in agents)
        self.edits.append((at, at, text))

    def edit_flow_list(self, name: str, node: Node, added: list[AddedAgent]) -> None:
        """Print a list in flow style anew as a whole."""
        for index, item in enumerate(node.items):
            if (name, index) in self.changes.removed:
                self.dropped.update(remark.text for remark in (*item.above, *item.inner()) if remark.text)
        node.items = [item for index, item in enumerate(node.items) if (name, index) not in self.changes.removed]
        for number, agent in enumerate(added):
            item = agent_item(agent, flow=True, indent=0)
            item.value.block, item.begins_line = False, True
            item.above = [] if number else [Remark(self.heading)]
            node.items.append(item)
        self.edits.append((node.start, node.end, print_flow(node, self.indent(node.start))))

    def remove(self, name: str, items: list[Item], index: int) -> None:
        """Remove an entry with its lines, and the comment right above it unless that is about other entries too."""
        item = items[index]
        comment = _right_above(item)
        group = range(index, next((n for n in range(index + 1, len(items)) if items[n].above), len(items)))
        alone = all((name, number) in self.changes.removed for number in group)
        commented_out = any(_COMMENTED_OUT.match(remark.text) for remark in comment)
        start = item.start
        if comment and (alone or _names_agent(comment, item)) and not commented_out:
            start = comment[0].offset
            self.dropped.update(remark.text for remark in comment)
        self.dropped.update(remark.text for remark in item.inner() if remark.text)
        start, end = self.line_start(start), self.line_end(item.stop)
        staying = _not_about_agent(item.value.foot) if item.value.block else []
        self.dropped.subtract(remark.text for remark in staying if remark.text)
        text = self.remarks(staying, column := self.column(item.start))
        # A comment that is indented deeper would become part of the text of the entry before the removed one.
        below = items[index + 1 : index + 2] if (name, index + 1) not in self.changes.removed else []
        if below and any(remark.own and remark.column > column for remark in below[0].above):
            text, end = text + self.remarks(below[0].above, column), self.line_start(below[0].start)
        if self.blank_before(start) and (text or self.source[end : end + 1] or "\n").startswith("\n"):
            start = self.line_start(start - 1)
        self.edits.append((start, end, text))

    def remarks(self, remarks: list[Remark], indent: int) -> str:
        """The lines of comments and blank lines."""
        return "".join((" " * indent + remark.text).rstrip(" ") + "\n" for remark in remarks)

    def behind_colon(self, section: Item) -> int:
        colon = _COLON.match(self.source, section.key.end) if section.key else None
        return colon.end() if colon else section.value.start

    def line_start(self, offset: int) -> int:
        return self.source.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        return self.source.index("\n", offset) + 1

    def blank_before(self, offset: int) -> bool:
        return offset > 0 and not self.source[self.line_start(offset - 1) : offset].strip()

    def column(self, offset: int) -> int:
        return offset - self.line_start(offset)

    def indent(self, offset: int) -> int:
        line = self.source[self.line_start(offset) : offset]
        return len(line) - len(line.lstrip(" "))


_COLON: Final = re.compile(r"(?:\s|#[^\n]*)*:")
_COMMENTED_OUT: Final = re.compile(r"#+\s*(-\s|\{)")


def _not_about_agent(foot: list[Remark]) -> list[Remark]:
    """The comments below an agent that are not about it: those after a blank line, or a commented-out agent."""
    starts = (n for n, remark in enumerate(foot) if not remark.text or _COMMENTED_OUT.match(remark.text))
    return foot[next(starts, len(foot)) :]


def _right_above(item: Item) -> list[Remark]:
    """The comments with no blank line between them and the item."""
    comment: list[Remark] = []
    for remark in reversed(item.above):
        if not (remark.text and remark.own):
            break
        comment.insert(0, remark)
    return comment


def _names_agent(comment: list[Remark], item: Item) -> bool:
    """Whether the comment names the agent by id or name, and not only as the end of a range such as 8001-8010."""
    text = " ".join(remark.text for remark in comment)
    names = [field.value.value for key in (KEY, "name") if (field := item.value.find(key))]
    words = [re.escape(name) for name in names if isinstance(name, str) and len(name) > 1]
    return any(re.search(rf"(?<![\w–~…-]){word}(?![\w–~…-])", text) for word in words)
