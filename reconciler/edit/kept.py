"""A file with a placeholder for each run of agents that a change leaves alone, so that a tree sees only the others."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.core.yaml.document import Document
from reconciler.core.yaml.nodes import Path
from reconciler.edit.live import FileChanges
from reconciler.edit.parts import Part, is_remark, parts

_ANCHOR_OR_ALIAS: Final = re.compile("[&*]")


@dataclass(slots=True)
class Abridged:
    """A text and the changes that it needs, by paths into it.

    `runs`: what each placeholder stands for, lines and all. `block` and `flow`: how many of the agents that it stands
    for are in block style, and how many in brackets.
    """

    text: str
    changes: FileChanges
    runs: list[str] = field(default_factory=list)
    block: int = 0
    flow: int = 0
    name: str = ""

    def restored(self, text: str) -> str:
        """A text with the agents in the places of their placeholders."""
        if not self.runs:
            return text
        return re.sub(rf"^ *- {self.name}([0-9]+)\n", lambda found: self.runs[int(found[1])], text, flags=re.MULTILINE)


def without_kept(document: Document, changes: FileChanges) -> Abridged:
    """A document's text without the agents that stay as they are.

    What stands between agents stays in the text. So do the neighbours of those that change, an agent with an anchor or
    an alias, and the last one: what is added goes behind it.
    """
    touched = {int(path[1]) for path in (*changes.changed, *changes.removed) if path[0] == "agents"}
    # The comments beside a changed agent may be aligned with those of its neighbours.
    seen = {near for index in touched for near in (index - 1, index, index + 1)}
    abridger = _Abridger(seen, _unused_name(document.text))
    waiting: Part | None = None
    for part in parts(document):
        if waiting:
            abridger.take(waiting)
        waiting = part
    if waiting:
        abridger.show(waiting)
    return abridger.result(changes)


def _unused_name(text: str) -> str:
    name = "kept-"
    while name in text:
        name += "-"
    return name


@dataclass(slots=True)
class _Abridger:
    """Gathers the text.

    `seen`: the indices of agents that must stay in it. `run`: the others since the last piece. `places`: new indices of
    agents by old ones.
    """

    seen: set[int]
    name: str
    pieces: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    places: dict[str | int, int] = field(default_factory=dict)
    count: int = 0
    block: int = 0
    flow: int = 0
    dash: int = 0

    def take(self, part: Part) -> None:
        """Take a part that is not the last one."""
        end = 0 if self.seen.intersection(part.agents) or not part.column else _end(part)
        if not end:
            self.show(part)
            return
        if part.lines[0].startswith("{", part.column):
            self.flow += 1
        else:
            self.block += 1
        self.dash = part.dash
        self.run += part.lines[:end]
        if end < len(part.lines):
            self.end_run()
            self.pieces += part.lines[end:]

    def show(self, part: Part) -> None:
        self.end_run()
        for index in part.agents:
            self.places[index] = self.count
            self.count += 1
        self.pieces += part.lines

    def end_run(self) -> None:
        if self.run:
            self.pieces.append(f"{' ' * self.dash}- {self.name}{len(self.runs)}\n")
            self.runs.append("".join(self.run))
            self.run.clear()
            self.count += 1

    def result(self, changes: FileChanges) -> Abridged:
        moved = replace(
            changes,
            changed={self.placed(path): values for path, values in changes.changed.items()},
            removed={self.placed(path) for path in changes.removed},
        )
        return Abridged("".join(self.pieces), moved, self.runs, self.block, self.flow, self.name)

    def placed(self, path: Path) -> Path:
        return (path[0], self.places[path[1]]) if path[0] == "agents" and path[1] in self.places else path


def _end(part: Part) -> int:
    """How many lines of a part are one agent with the comments below that are its own; 0 if it must be seen."""
    if len(part.agents) != 1 or any(_ANCHOR_OR_ALIAS.search(line) for line in part.lines):
        return 0
    end = max(number for number, line in enumerate(part.lines, 1) if not is_remark(line))
    if part.lines[0].startswith("{", part.column):
        return end
    for number, line in enumerate(part.lines[end:], end + 1):
        if line.strip(" \n"):
            if not line.startswith(" " * part.column):
                break
            end = number
    return end
