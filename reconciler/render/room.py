"""Fits lists into a limited number of characters (the room): each shows what fits, and says how much it leaves out.

Entries are shown whole or not at all, so that no table ends in the middle of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.core.model.message import Noun, counted, text

Entry = tuple[int, Sequence[str]]
"""How many of the section's total the entry stands for, and its lines."""

FLOOR: Final = 1_500
"""Characters that every section that is not firm may take before any of them takes more."""
FOLD: Final = 20
"""A section with more lines than this is folded."""


@dataclass(slots=True)
class Section:
    """One list. `noun` names its items; `entries` are taken one by one.

    A section of lower `rank` gets room first. One that is `firm` is never folded, and gets all the room that it can use
    before any other one gets some. `table` is the head of the table that has the lines as rows; without one
    they form a list. `level` is the level of the heading.
    """

    rank: int
    noun: Noun
    total: int
    entries: Iterator[Entry]
    table: str = ""
    level: int = 4
    firm: bool = False
    lines: list[str] = field(default_factory=list)
    shown: int = 0
    waiting: Entry | None = None

    @property
    def frame(self) -> int:
        """The most characters that it takes beside its entries, with the blank line behind it."""
        return len("\n\n".join(self._blocks(self.table or "-", self.total, self.total, folded=True))) + 2

    def take(self, room: int) -> int:
        """Take entries while they fit into so many characters; returns how many they took."""
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
        """The section as Markdown blocks, which blank lines are to separate."""
        body = "\n".join([self.table, *self.lines] if self.table else self.lines)
        omitted = self.total - self.shown
        return self._blocks(
            body if self.lines else "", self.shown, omitted, folded=len(self.lines) > FOLD and not self.firm
        )

    def _blocks(self, body: str, shown: int, omitted: int, *, folded: bool) -> list[str]:
        all_ = counted(self.total, self.noun)
        part = text("{shown:,} of {all}", shown=shown, all=all_) if omitted else all_
        more = "… and {omitted:,} more {what} {omitted:is|are} not shown; `reconciler plan` shows all."
        return [
            f"{'#' * self.level} {all_}",
            *([f"<details>\n<summary>{part}</summary>"] if folded else []),
            *([body] if body else []),
            *(["</details>"] if folded else []),
            *([text(more, omitted=omitted, what=self.noun(omitted))] if omitted else []),
        ]


def share_room(sections: Sequence[Section], room: int) -> None:
    """Share `room` characters: each section gets its frame, firm ones all they can use, and the others what is left.

    Of that each gets up to `FLOOR`, then, by rank, as much as there is. Behind a firm section that is not whole nothing
    lesser is shown.
    """
    room -= sum(section.frame for section in sections)
    by_rank = sorted(sections, key=lambda section: section.rank)
    for section in by_rank:
        if section.firm:
            room -= section.take(room)
            if section.waiting:
                return
    for limit in (FLOOR, room):
        for section in by_rank:
            if not section.firm:
                room -= section.take(min(limit, room))
