"""A `Todo` carried out on a text: each agent or pool that changes is printed anew in its place, nothing else is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from reconciler.core.model.fields import KEY
from reconciler.core.yaml.nodes import Path
from reconciler.core.yaml.spelling import AGENT_ORDER, POOL_ORDER
from reconciler.edit.build import agent_item, field_node, ids_node, in_flow, insert, section_item
from reconciler.edit.live import AddedAgent, Todo
from reconciler.edit.printer import entry, flowing, whole
from reconciler.edit.tree import Item, Node, Remark, Tree, read

HEADING: Final = "# added from the live system"
"""Stands above the agents that were added."""


def patched(text: str, todo: Todo) -> tuple[str, Counter[str]]:
    """The text with everything done, and the comments that went with what was removed."""
    patch = _Patch(read(text), todo)
    return patch.text(), patch.dropped


class _Patch:
    """`edits` are offsets into the text and what to put there; they do not overlap. `changed` is printed anew."""

    def __init__(self, tree: Tree, todo: Todo) -> None:
        self.tree = tree
        self.todo = todo
        self.heading = todo.heading or HEADING
        self.source = tree.text if tree.text.endswith("\n") else tree.text + "\n"
        self.edits: list[tuple[int, int, str]] = []
        self.dropped: Counter[str] = Counter()
        self.changed: set[Path] = set()

    def text(self) -> str:
        for path, values in self.todo.changed.items():
            for name, value in values.items():
                insert(self.node(path), name, field_node(name, value), AGENT_ORDER)
        for path, ids in self.todo.left_out.items():
            self.leave_out(self.node(path), ids)
        self.changed |= {*self.todo.changed, *self.todo.left_out}
        self.keep_anchors()
        self.section("agents", self.todo.new)
        self.section("pools", [])
        if not self.tree.root.block:
            return whole(self.tree)
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

    def leave_out(self, pool: Node, ids: list[str]) -> None:
        written = pool.find("except")
        if written is None or written.value.kind == "alias":
            insert(pool, "except", ids_node(ids), POOL_ORDER)
            return
        items = written.value.items
        there = {item.value.value for item in items}
        for item in ids_node(each for each in ids if each not in there).items:
            item.begins_line = bool(items) and all(each.begins_line for each in items)
            items.append(item)

    def units(self) -> Iterator[tuple[Path, Item]]:
        """Everything at the top in order; of `agents` and `pools` each entry by itself."""
        for item in self.tree.root.items:
            if item.name in ("agents", "pools") and item.value.kind == "sequence":
                yield from (((item.name, index), each) for index, each in enumerate(item.value.items))
            else:
                yield (), item

    def keep_anchors(self) -> None:
        """An anchor that goes with its agent moves to the first alias of it that stays."""
        lost: dict[str, Node] = {}
        for path, item in self.units():
            for node in list(item.nodes()):
                if path in self.todo.gone:
                    lost |= {node.anchor: node} if node.anchor else {}
                elif node.kind == "alias" and node.text in lost:
                    self.take_over(path, node, in_flow(lost.pop(node.text)))
                else:
                    lost.pop(node.anchor, None)

    def take_over(self, path: Path, alias: Node, value: Node) -> None:
        if path:
            self.changed.add(path)
        else:
            self.edits.append((alias.start, alias.end, f"&{value.anchor} {flowing(value, 0)}"))
        alias.kind, alias.anchor, alias.text, alias.items = value.kind, value.anchor, value.text, value.items

    def section(self, name: str, new: list[AddedAgent]) -> None:
        """Bring one of the two lists to what it should be."""
        holder = self.tree.root.find(name)
        paths = {path for path in (*self.todo.gone, *self.changed) if path[0] == name}
        if not (paths or new):
            return
        if holder is None:
            self.begin(new)
        elif holder.value.block:
            self.lines(name, holder, new)
        elif holder.value.items or holder.value.foot or not self.tree.root.block:
            self.brackets(name, holder.value, new)
        else:
            self.edits.append((self.behind_colon(holder), holder.value.end, ""))
            self.add(self.line_end(holder.stop), self.column(holder.start) + 2, new, flow=True)

    def begin(self, new: list[AddedAgent]) -> None:
        """A file without `agents` gets them, at its end."""
        root = self.tree.root
        if not root.block:
            root.items.append(section_item("agents", [agent_item(each, flow=True, indent=0) for each in new]))
            for item in root.items[-1].value.items:
                item.value.block = False
            return
        at = self.line_end(self.tree.top.stop)
        self.edits.append((at, at, "\nagents:\n"))
        self.add(at, 2, new, flow=True)

    def lines(self, name: str, holder: Item, new: list[AddedAgent]) -> None:
        """A list in block style."""
        items = holder.value.items
        column = self.column(items[0].start)
        for index, item in enumerate(items):
            if (name, index) in self.todo.gone:
                self.cut(name, items, index)
            elif (name, index) in self.changed:
                printed = entry(Item(item.value, beside=item.beside), column)
                self.edits.append((item.start, item.stop, printed.strip("\n")[column:]))
        left = [item for index, item in enumerate(items) if (name, index) not in self.todo.gone]
        if new:
            block = sum(item.value.block for item in left)
            self.add(self.line_end(holder.stop), column, new, flow=2 * block <= len(left), after=left)
        elif not left:
            behind = self.behind_colon(holder)
            self.edits.append((behind, behind, " []"))

    def add(self, at: int, indent: int, new: list[AddedAgent], *, flow: bool, after: list[Item] | None = None) -> None:
        """Put new agents on lines of their own, below a heading unless they go on with those that have it."""
        above = next((item.above for item in reversed(after or []) if item.above), [])
        goes_on = any(remark.text == self.heading for remark in above)
        blank = "\n" if after and not self.blank_before(at) else ""
        text = "" if goes_on else f"{blank}{' ' * indent}{self.heading}\n"
        text += "".join(entry(agent_item(each, flow=flow, indent=indent), indent) for each in new)
        self.edits.append((at, at, text))

    def brackets(self, name: str, node: Node, new: list[AddedAgent]) -> None:
        """A list in flow style is printed anew as a whole."""
        for index, item in enumerate(node.items):
            if (name, index) in self.todo.gone:
                self.dropped.update(remark.text for remark in (*item.above, *item.inner()) if remark.text)
        node.items = [item for index, item in enumerate(node.items) if (name, index) not in self.todo.gone]
        for number, each in enumerate(new):
            item = agent_item(each, flow=True, indent=0)
            item.value.block, item.begins_line = False, True
            item.above = [] if number else [Remark(self.heading)]
            node.items.append(item)
        self.edits.append((node.start, node.end, flowing(node, self.indent(node.start))))

    def cut(self, name: str, items: list[Item], index: int) -> None:
        """Remove an entry with its lines, and the comment right above it where that is nobody else's."""
        item = items[index]
        run = _right_above(item)
        followers = range(index, next((n for n in range(index + 1, len(items)) if items[n].above), len(items)))
        alone = all((name, number) in self.todo.gone for number in followers)
        start = item.start
        if run and (alone or _names(run, item)) and not any(_COMMENTED_OUT.match(remark.text) for remark in run):
            start = run[0].offset
            self.dropped.update(remark.text for remark in run)
        self.dropped.update(remark.text for remark in item.inner() if remark.text)
        start, end = self.line_start(start), self.line_end(item.stop)
        staying = _for_all(item.value.foot) if item.value.block else []
        self.dropped.subtract(remark.text for remark in staying if remark.text)
        text = self.remarks(staying, column := self.column(item.start))
        # What stood above might take a comment that is indented deeper for its own text.
        below = items[index + 1 : index + 2] if (name, index + 1) not in self.todo.gone else []
        if below and any(remark.own and remark.column > column for remark in below[0].above):
            text, end = text + self.remarks(below[0].above, column), self.line_start(below[0].start)
        if self.blank_before(start) and (text or self.source[end : end + 1] or "\n").startswith("\n"):
            start = self.line_start(start - 1)
        self.edits.append((start, end, text))

    def remarks(self, remarks: list[Remark], indent: int) -> str:
        return "".join((" " * indent + remark.text).rstrip(" ") + "\n" for remark in remarks)

    def behind_colon(self, holder: Item) -> int:
        found = _COLON.match(self.source, holder.key.end) if holder.key else None
        return found.end() if found else holder.value.start

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


def _for_all(foot: list[Remark]) -> list[Remark]:
    """The comments below an agent that say nothing of it: those behind a blank line, or a commented-out agent."""
    starts = (n for n, remark in enumerate(foot) if not remark.text or _COMMENTED_OUT.match(remark.text))
    return foot[next(starts, len(foot)) :]


def _right_above(item: Item) -> list[Remark]:
    """The comments with no blank line between them and the item."""
    run: list[Remark] = []
    for remark in reversed(item.above):
        if not (remark.text and remark.own):
            break
        run.insert(0, remark)
    return run


def _names(run: list[Remark], item: Item) -> bool:
    """Whether the comments name the agent, and not only a range that begins or ends with it."""
    said = " ".join(remark.text for remark in run)
    named = [found.value.value for key in (KEY, "name") if (found := item.value.find(key))]
    words = [re.escape(word) for word in named if isinstance(word, str) and len(word) > 1]
    return any(re.search(rf"(?<![\w–~…-]){word}(?![\w–~…-])", said) for word in words)
