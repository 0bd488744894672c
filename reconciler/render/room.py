"""Lists that share a room too small for all of them: each is shown as far as it fits, and says how much is left out.

Whole entries are taken and never a piece of one, so that no table ends in the middle of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

Entry = tuple[int, Sequence[str]]
"""How many of the section's total an entry stands for, and its lines."""

FLOOR: Final = 1_500
"""Characters that every section may take before any section may take more."""
FOLD: Final = 20
"""Lines up to which a section is not folded."""


@dataclass(slots=True)
class Section:
    """One list: how many of what it counts (`words` for one and for many), and its entries, asked for one by one.

    A lower `rank` is served first. `table` is the head of the table that the lines are rows of; without one they are
    a list. `level` is how deep its heading stands.
    """

    rank: int
    words: tuple[str, str]
    total: int
    entries: Iterator[Entry]
    table: str = ""
    level: int = 4
    lines: list[str] = field(default_factory=list)
    shown: int = 0
    waiting: Entry | None = None

    @property
    def frame(self) -> int:
        """How many characters it takes at most beside its entries, with the blank line behind it."""
        return len("\n\n".join(self._blocks(self.table or "-", self.total, self.total, folded=True))) + 2

    def take(self, room: int) -> int:
        """Take in entries while they fit; returns how many characters of the room they took."""
        taken = 0
        while entry := self.waiting or next(self.entries, None):
            count, lines = entry
            cost = sum(len(line) + 1 for line in lines)
            self.waiting = entry if taken + cost > room else None
            if self.waiting:
                break
            taken += cost
            self.shown += count
            self.lines += lines
        return taken

    def blocks(self) -> list[str]:
        """The section as Markdown blocks, to be parted by blank lines."""
        body = "\n".join([self.table, *self.lines] if self.table else self.lines)
        left = self.total - self.shown
        return self._blocks(body if self.lines else "", self.shown, left, folded=len(self.lines) > FOLD)

    def _blocks(self, body: str, shown: int, left: int, *, folded: bool) -> list[str]:
        some = f"{shown:,} of " if left else ""
        opened = [f"<details>\n<summary>{some}{counted(self.total, self.words)}</summary>"] if folded else []
        more = f"… and {left:,} more {self.words[left != 1]} {'is' if left == 1 else 'are'} not shown"
        return [
            f"{'#' * self.level} {counted(self.total, self.words)}",
            *opened,
            *([body] if body else []),
            *(["</details>"] if folded else []),
            *([f"{more}; `reconciler plan` shows all."] if left else []),
        ]


def counted(count: int, words: tuple[str, str]) -> str:
    """A count with its word: `1 edit`, `2,412 edits`."""
    return f"{count:,} {words[count != 1]}"


def fill(sections: Sequence[Section], room: int) -> None:
    """Give every section its frame and a little, and then, by rank, as much as is left of so many characters."""
    room -= sum(section.frame for section in sections)
    for most in (FLOOR, room):
        for section in sorted(sections, key=lambda section: section.rank):
            room -= section.take(min(most, room))
