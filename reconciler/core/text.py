"""What text is to an eye and to a terminal: hidden characters, its width in cells, and JSON in which nothing acts."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Final

_HIDDEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_BLANK: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
"""Letters and marks by their category, and nothing to the eye."""
PASSED_OVER: Final = "\ufe00-\ufe0f\u17b4\u17b5\u180b-\u180f\U000e0100-\U000e01ef"
"""Marks that a search with a culture's rules, such as a runner's for its commands, does not see."""
OLD_COMMAND: Final = re.compile(f"(#[{PASSED_OVER}]*)#(?=[A-Za-z{PASSED_OVER}]*\\[)")
"""`##[` and `##vso[` begin a command of a CI runner anywhere in a line."""
_WITHOUT_WIDTH: Final = frozenset(("Mn", "Me", "Cf"))
_WIDE: Final = frozenset("WF")


def hidden(character: str) -> bool:
    """Whether the eye does not see it, or it acts on what it is shown in."""
    return unicodedata.category(character) in _HIDDEN or character in _BLANK


def width(text: str) -> int:
    """Cells that the text takes: two for a Chinese character, none for a mark on the character before it."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in _WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def cut(text: str, cells: int) -> str:
    """The beginning of the text that takes at most so many cells."""
    taken = 0
    for index, character in enumerate(text):
        taken += _cells(character)
        if taken > cells:
            return text[:index]
    return text


def json_text(value: Any) -> str:
    """JSON with Chinese left readable; what could act on a terminal or a pipeline, or is no UTF-8, is escaped.

    The seal of a saved plan covers these very characters: another spelling makes every saved plan a changed one.
    """
    text = json.dumps(value, ensure_ascii=False, indent=1)
    escapes = {ord(c): json.dumps(c)[1:-1] for c in set(text) if c > "~" and hidden(c)}
    text = text.translate(escapes) if escapes else text
    return OLD_COMMAND.sub(r"\1\\u0023", text) + "\n"
