"""A file's text in parts, cut where the parser says that agents begin. The parts in a row are the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from reconciler.core.yaml.document import Document
from reconciler.core.yaml.nodes import Sequence


@dataclass(slots=True)
class Part:
    """Lines of a file, each with its line break.

    `agents`: the indices of the agents that begin in them. `dash`: the column of the dash that the lines begin with.
    `column`: that of the agent's own first character; 0 in what comes before the first dash. All count from 0.
    """

    lines: list[str]
    agents: range
    dash: int = 0
    column: int = 0

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "".join(self.lines)


def unix(text: str) -> str:
    """The text with `\\n` as its only line break, and without a byte order mark, which the parser does not count."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")


def parts(document: Document) -> Iterator[Part]:
    """A document's text, as `unix` gives it, in parts.

    A part begins where an agent of `agents` stands behind a dash on the line of that dash. Any other agent belongs to
    the part before it, and so does what follows the last one.
    """
    text = unix(document.text)
    found = document.root.get("agents")
    agents = found if isinstance(found, Sequence) else Sequence()
    # YAML's parser also breaks lines at these.
    count = 0 if "\u2028" in text or "\u2029" in text else len(agents)
    lines, number = StringIO(text, newline="\n"), 0
    part = Part([], range(0))
    for index in range(count):
        line, column = agents.places[2 + 2 * index], agents.places[3 + 2 * index]
        if line < number:
            continue  # it begins on a line with another one
        part.lines += islice(lines, line - number)
        first = next(lines, "")
        number = line + 1
        dash = _dash(first, column)
        if dash >= 0:
            yield _ended(part, index)
            part = Part([], range(index, index + 1), dash, column)
        part.lines.append(first)
    part.lines += lines
    yield _ended(part, count)


def is_remark(line: str) -> bool:
    """Whether a line is blank, or a comment on a line of its own; it may also be text inside a scalar of many lines."""
    text = line.strip(" \n")
    return not text or text[0] == "#"


def _dash(line: str, column: int) -> int:
    """The column of the dash that alone stands before a column; -1 if something else does."""
    before = line[:column]
    return before.index("-") if before.strip(" ") == "-" and before.endswith(" ") else -1


def _ended(part: Part, index: int) -> Part:
    part.agents = range(part.agents.start, index)
    return part
