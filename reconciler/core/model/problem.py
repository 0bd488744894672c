"""Problems in a file and their places, the size limit of a file, and the guess at a misspelt word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from reconciler.core.model.message import NOTHING, Text


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file: the file as the user names it, and line and column counted from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file. `path` names the value, such as `agents[3] (8004).name`; `hint` says what to do.

    `code` names the kind (`core.model.codes`). It says nothing that the words do not, so equality leaves it out.
    """

    place: Place
    path: str
    message: Text
    hint: Text = NOTHING
    code: str = field(default="", compare=False)


MAX_BYTES: Final = 64 * 1024 * 1024
"""The maximum size of a file of agents."""


Content = bytes | Problem
"""The bytes of a file, or the problem that keeps it from being read."""


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that a misspelt `word` most likely means, or the empty text. Case does not count."""
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in known}
    guesses = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[guesses[0]] if guesses else ""
