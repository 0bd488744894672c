"""Agents as most files have them, one pair a line or all on one line, in canonical form without a tree.

Only what the patterns here read in full is taken; the tree prints everything else. What comes out is what the tree
would print: a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from reconciler.core.text import width
from reconciler.core.yaml.scalars import plain_scalar
from reconciler.core.yaml.spelling import AGENT_ORDER, PASSWORD_ORDER, QUOTED
from reconciler.edit.canonical import ranks, spelt
from reconciler.edit.parts import Part, is_remark
from reconciler.edit.printer import comment_gap

_PLAIN: Final = r"(?:[\w/(]|[-+](?=[0-9]))(?>[^\[\]{},?:#\s]+|:(?=[^\s,\[\]{}])|(?<=\S)\#|[ ]+(?=[^\[\]{},?:\#\s]))*"
_VALUE: Final = rf"""\"[^"\\]*\"|'[^']*'|\*[A-Za-z0-9_-]+|{_PLAIN}"""
_KEY: Final = r"[A-Za-z][A-Za-z0-9]*|\"[A-Za-z][A-Za-z0-9]*\"|<<"
_FLAT: Final = rf"\{{[ ]*(?:{_KEY}):[ ]+(?:{_VALUE})(?:,[ ]+(?:{_KEY}):[ ]+(?:{_VALUE}))*[ ]*\}}"
_PAIR: Final = re.compile(rf"({_KEY}):(?:[ ]+({_VALUE}|{_FLAT}))?(?:([ ]+)(\#.*)|[ ]*)\n?")
_ONE_LINE: Final = re.compile(r"(\{[^#]*\})(?:([ ]+)(\#.*)|[ ]*)\n?")
_ENTRY: Final = re.compile(rf"[ ]*({_KEY}):[ ]+({_VALUE}|{_FLAT})[ ]*(?:,|\}}\Z)")
_AGENT_RANKS: Final = ranks(AGENT_ORDER)
_PASSWORD_RANKS: Final = ranks(PASSWORD_ORDER)


class Simple(NamedTuple):
    """An agent that has been read.

    `text`: its canonical form as it stands behind a dash in column 2, its comments included. `lines`: how many lines it
    takes. `comment`: that beside an agent on one line, which `text` then lacks, with so many blanks in front (`gap`),
    behind so many terminal `cells`.
    """

    text: str
    lines: int
    comment: str = ""
    gap: int = 0
    cells: int = 0


def simple_agent(part: Part, above: str, below: str) -> Simple | None:
    """The agent at the beginning of a part; `None` if it is not simple.

    Behind it the part has nothing but comments about other things, blank lines, and what follows all agents. `above`
    and `below` are the lines around the part.
    """
    if len(part.agents) != 1 or not part.column:
        return None
    if part.lines[0].startswith("{", part.column):
        return _on_one_line(part)
    agent = _Block(part)
    return agent.simple(above, below) if agent.read() else None


def _on_one_line(part: Part) -> Simple | None:
    found = _ONE_LINE.fullmatch(part.lines[0], part.column)
    text = _flow(found[1], agent=True) if found else ""
    following = next((line for line in part.lines[1:] if not is_remark(line)), None)
    if not found or not text or (following is not None and not _is_outside(following, part)):
        return None
    if found[3] is None:
        return Simple(text, 1)
    return Simple(text, 1, found[3].rstrip(), len(found[2]), width(part.lines[0][: found.start(3)]))


def with_comments(agents: Sequence[Simple]) -> list[str]:
    """The texts of agents on consecutive lines, each with its comment; comments in one column stay in one."""
    texts = []
    for cells, members in groupby(agents, key=attrgetter("cells")):
        group = [(agent, width(agent.text) + _DASH) for agent in members]
        column = max(cells, *(size + 1 for _, size in group))
        for agent, size in group:
            gap = column - size if len(group) > 1 else comment_gap(agent.gap, cells, size)
            texts.append(f"{agent.text}{' ' * gap}{agent.comment}")
    return texts


_DASH: Final = 4
"""The cells before an agent in canonical form."""


def has_comment_beside(line: str) -> bool:
    """Whether a comment may end the line; one on a line of its own does not count."""
    return "#" in line and not line.lstrip(" ").startswith("#")


def _is_outside(line: str, part: Part) -> bool:
    """Whether a line that is no comment belongs to what follows all agents."""
    return line[0] not in (" \t-" if part.dash == 0 else " \t")


def _flow(text: str, *, agent: bool) -> str:
    """A mapping on one line in canonical form; "" if it is not simple."""
    at, entries = 1, []
    while at < len(text):
        found = _ENTRY.match(text, at)
        if found is None:
            return ""
        key, value = found[1].strip('"'), found[2]
        spelling = _value(key, value) if agent else _scalar("", value)
        if not spelling:
            return ""
        entries.append((_rank(key, agent=agent), f"{key}: {spelling}"))
        at = found.end()
    if not text.endswith("}"):
        return ""
    entries.sort(key=lambda entry: entry[0])
    return "{" + ", ".join(entry for _, entry in entries) + "}"


def _rank(key: str, *, agent: bool) -> float:
    known = _AGENT_RANKS if agent else _PASSWORD_RANKS
    return known.get(key, len(known))


def _value(key: str, source: str | None) -> str:
    """The value of an agent's key in canonical form; "" if it is not simple."""
    if source is None:
        return _scalar(key, "")
    first = source[0]
    if first == '"' and key in QUOTED and source.isprintable() and "#" not in source:
        return source  # the pattern has let no character pass that needs an escape
    if first == "{":
        return _flow(source, agent=False) if key == "password" else ""
    return _scalar(key, source)


@lru_cache(maxsize=4096)
def _scalar(key: str, source: str) -> str:
    if source[:1] == "*":
        return source
    value = source[1:-1] if source[:1] in ("'", '"') else plain_scalar(source)
    return source if isinstance(value, float) else spelt(key, value)


@lru_cache(maxsize=256)
def _in_order(keys: tuple[str, ...]) -> tuple[int, ...]:
    """The numbers of an agent's keys in canonical order."""
    return tuple(sorted(range(len(keys)), key=lambda number: _rank(keys[number], agent=True)))


class _Beside(NamedTuple):
    """A comment at the end of a line, with what stands `before` it; the last `gap` characters of that are blanks.

    `line` and `pair` count from 0.
    """

    line: int
    pair: int
    before: str
    gap: int
    comment: str


@dataclass(slots=True)
class _Block:
    """An agent with one pair a line. `above`: the comments and blank lines above a pair, by its number."""

    part: Part
    keys: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    above: dict[int, list[str]] = field(default_factory=dict)
    beside: list[_Beside] = field(default_factory=list)
    inner: list[tuple[float, str]] = field(default_factory=list)
    inner_column: int = 0
    used: int = 0

    def read(self) -> bool:
        """Take the lines of the agent; false if it is not simple."""
        column, indent = self.part.column, " " * self.part.column
        waiting: list[str] = []
        for number, line in enumerate(self.part.lines):
            if number == 0 or (line.startswith(indent) and line[column : column + 1] not in (" ", "#", "\n", "")):
                if self.inner:
                    self.close()
                if waiting:
                    self.above[len(self.keys)], waiting = waiting, []
                if not self.pair(number, line):
                    return False
            elif is_remark(line):
                waiting.append(line)
                continue
            elif _is_outside(line, self.part):
                break
            elif waiting or not self.inside(line):
                return False
            self.used = number + 1
        if self.inner:
            self.close()
        first = next((line for line in waiting if line.strip(" \n")), "")
        return not first.startswith(indent)  # otherwise the comment is the agent's

    def pair(self, number: int, line: str) -> bool:
        found = _PAIR.fullmatch(line, self.part.column)
        if found is None:
            return False
        key, value, gap, comment = found.groups()
        key = key.strip('"')
        spelling = _value(key, value)
        if comment is not None:
            before = line[: found.start(4)]
            self.beside.append(_Beside(number, len(self.keys), before, len(gap), comment.rstrip()))
        self.inner_column = 0 if value or comment or key != "password" else -1
        self.keys.append(key)
        self.texts.append(f"{key}: {spelling}")
        return spelling != ""

    def inside(self, line: str) -> bool:
        """Take a pair of a password's mapping, which stands on lines of its own."""
        column = len(line) - len(line.lstrip(" "))
        found = _PAIR.fullmatch(line, column)
        if self.inner_column not in (-1, column) or column <= self.part.column or found is None or found[4]:
            return False
        self.inner_column = column
        spelling = _scalar("", found[2] or "") if (found[2] or "")[:1] != "{" else ""
        key = found[1].strip('"')
        self.inner.append((_rank(key, agent=False), f"      {key}: {spelling}"))
        return spelling != ""

    def close(self) -> None:
        self.inner.sort(key=lambda entry: entry[0])
        self.texts[-1] = "\n".join(("password:", *(text for _, text in self.inner)))
        self.inner, self.inner_column = [], 0

    def simple(self, above: str, below: str) -> Simple | None:
        """The agent in canonical form; `None` if where a comment goes depends on more than its own line."""
        pairs = _in_order(tuple(self.keys))
        if pairs != (*range(len(pairs)),) and any(
            not line.strip(" \n") for each in self.above.values() for line in each
        ):
            return None  # a blank line sets a group apart
        lines = [f"{'    ' if place else '  - '}{self.texts[pair]}" for place, pair in enumerate(pairs)]
        if self.beside:
            following = self.part.lines[self.used] if self.used < len(self.part.lines) else below
            begins, ends = self.beside[0].line == 0, self.beside[-1].line == self.used - 1
            if (begins and has_comment_beside(above)) or (ends and has_comment_beside(following)):
                return None
            if not self.put_beside(lines, {pair: place for place, pair in enumerate(pairs)}):
                return None
        return Simple("\n".join(self.with_remarks(pairs, lines) if self.above else lines)[_DASH:], self.used)

    def put_beside(self, lines: list[str], places: dict[int, int]) -> bool:
        """Add the comments at the ends of lines; false if aligned ones would move."""
        last: _Beside | None = None
        moved = False
        for comment in self.beside:
            place = places[comment.pair]
            moves = lines[place] != comment.before[: -comment.gap]
            follows = last is not None and last.line + 1 == comment.line and (moved or moves)
            if last and follows and width(last.before) == width(comment.before):
                return False
            gap = comment.gap
            if moves and gap > 1:
                gap = comment_gap(gap, width(comment.before), width(lines[place]))
            lines[place] += " " * gap + comment.comment
            last, moved = comment, moves
        return True

    def with_remarks(self, pairs: Sequence[int], lines: list[str]) -> list[str]:
        """The lines of the pairs, with the comments and blank lines above them; several blank lines become one."""
        printed: list[str] = []
        if pairs[0] in self.above:
            printed, lines[0] = ["  - " + self.above[pairs[0]].pop(0).strip(" \n").rstrip()], "    " + lines[0][_DASH:]
        for pair, line in zip(pairs, lines, strict=True):
            for remark in self.above.get(pair, ()):
                text = remark.strip(" \n")
                if text:
                    printed.append(f"    {text.rstrip()}")
                elif printed[-1]:
                    printed.append("")
            printed.append(line)
        return printed
