"""A file with a placeholder for each run of agents that are simple, so that a tree is needed for the rest only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from reconciler.core.yaml.document import Document
from reconciler.core.yaml.spelling import TOP_ORDER
from reconciler.edit.canonical import ranks
from reconciler.edit.parts import Part, parts
from reconciler.edit.simple import Simple, has_comment_beside, simple_agent, with_comments
from reconciler.edit.tree import Tree


@dataclass(slots=True)
class Abridged:
    """A text, and what each placeholder in `agents` stands for, in order.

    A placeholder is a plain scalar, which the schema allows nowhere in `agents`.
    """

    text: str
    agents: list[str]

    def fill_in(self, tree: Tree) -> None:
        """Put the agents in the places of their placeholders."""
        section = tree.root.find("agents")
        waiting = iter(self.agents)
        for item in section.value.items if section and self.agents else ():
            if item.value.kind == "scalar":
                item.value.lines = [next(waiting)]


def abridged(document: Document) -> Abridged:
    """A document's text without its simple agents."""
    rank = ranks(TOP_ORDER)
    order = [rank.get(key, len(rank)) for key in document.root]
    if "&" in document.text and order != sorted(order):
        # Anchors decide whether a section may move, so the tree must see them all.
        return Abridged("".join(part.text for part in parts(document)), [])
    abridger = _Abridger()
    for part, above, below in _with_neighbours(document):
        abridger.take(part, above, below)
    abridger.end_run()
    return Abridged("".join(abridger.pieces), abridger.agents)


def _with_neighbours(document: Document) -> Iterator[tuple[Part, str, str]]:
    """Each part, with the line above it and the one below it."""
    above, waiting = "", None
    for part in parts(document):
        if waiting:
            yield waiting, above, part.lines[0]
            above = waiting.lines[-1]
        waiting = part
    if waiting:
        yield waiting, above, ""


@dataclass(slots=True)
class _Abridger:
    """Gathers the text.

    `run`: simple agents since the last piece. `commented`: those after them on one line with a comment beside each,
    which are in the run as soon as the next line has no comment that may be aligned with theirs.
    """

    pieces: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    commented: list[tuple[Part, Simple]] = field(default_factory=list)
    dash: int = 0

    def take(self, part: Part, above: str, below: str) -> None:
        agent = simple_agent(part, above, below)
        if agent is None or (agent.comment and not self.commented and has_comment_beside(above)):
            self.end_run()
            self.pieces += part.lines
            return
        self.dash = part.dash
        rest = part.lines[agent.lines :]
        if agent.comment:
            self.commented.append((part, agent))
            if not has_comment_beside(rest[0] if rest else below):
                self.run += with_comments([agent for _, agent in self.commented])
                self.commented.clear()
        else:
            if self.commented:
                self.end_run()
            self.run.append(agent.text)
        if rest:
            self.end_run()
            self.pieces += rest

    def end_run(self) -> None:
        if self.run:
            self.agents.append("\n  - ".join(self.run))
            self.pieces.append("- x\n".rjust(self.dash + 4))
            self.run.clear()
        self.pieces += (line for part, agent in self.commented for line in part.lines[: agent.lines])
        self.commented.clear()
