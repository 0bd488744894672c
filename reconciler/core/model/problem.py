"""What is wrong in a file, and where; how large a file may be; the known word that is closest to an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written: a file as the user named it, and line and column from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file: where, in which part of it (`path`), what, and what to do about it."""

    place: Place
    path: str
    message: str
    hint: str = ""


MAX_BYTES: Final = 64 * 1024 * 1024
"""How large a file of agents may be."""


Content = bytes | Problem
"""What stands in a file, or why it cannot be read."""


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was most likely meant to be, or the empty text."""
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else ""
