"""Text as a terminal shows it: hidden characters, width in cells, and JSON that a terminal or pipeline cannot obey."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Final

_HIDDEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
BLANK_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
"""Unicode calls these letters or marks, but nobody sees them."""
IGNORED_MARKS: Final = "\ufe00-\ufe0f\u17b4\u17b5\u180b-\u180f\U000e0100-\U000e01ef"
"""Marks that a culture-aware search skips. A CI runner may search its log for commands that way.

Stands inside a character class of a regular expression.
"""
RUNNER_COMMAND: Final = re.compile(f"(#[{IGNORED_MARKS}]*)#(?=[A-Za-z{IGNORED_MARKS}]*\\[)")
"""`##[` and `##vso[` begin a command to a CI runner, anywhere in a line."""
_IGNORED_MARK: Final = re.compile(f"[{IGNORED_MARKS}]")
_UNSEEN: Final = frozenset(("Cc", "Cf", "Co", "Cs", "Zs", "Zl", "Zp"))
_WITHOUT_WIDTH: Final = frozenset(("Mn", "Me", "Cf"))
_WIDE: Final = frozenset("WF")


def is_hidden(character: str) -> bool:
    """Whether the character is invisible, or controls what displays it."""
    return unicodedata.category(character) in _HIDDEN or character in BLANK_LETTERS


def is_unseen(character: str) -> bool:
    """Whether nobody sees the character: a blank of any kind, a control or format character, one of no meaning."""
    unseen = unicodedata.category(character) in _UNSEEN or character in BLANK_LETTERS
    return unseen or _IGNORED_MARK.match(character) is not None


def named(character: str) -> str:
    """A character by its code point and name: `U+00A0 NO-BREAK SPACE`."""
    name = _CONTROLS.get(character) or unicodedata.name(character, "") or _NAMELESS[unicodedata.category(character)]
    return f"U+{ord(character):04X} {name}"


_CONTROLS: Final = {"\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN"}
_NAMELESS: Final = {
    "Cc": "CONTROL CHARACTER",
    "Cn": "NO CHARACTER",
    "Co": "PRIVATE USE",
    "Cs": "HALF A SURROGATE PAIR",
}
"""What characters without a name are, by category."""


def is_newer_format(found: object, ours: str) -> bool:
    """Whether a file's format (`reconciler.NAME/N`) is one of ours with a larger number than this version knows."""
    name, _, number = ours.rpartition("/")
    told = re.fullmatch(f"{re.escape(name)}/([0-9]{{1,9}})", found) if isinstance(found, str) else None
    return told is not None and int(told[1]) > int(number)


def width(text: str) -> int:
    """Width in terminal cells: two for a Chinese character, none for a mark on the character before it."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in _WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def cut_to_width(text: str, cells: int) -> str:
    """The longest beginning of the text that fits into `cells` terminal cells."""
    used = 0
    for index, character in enumerate(text):
        used += _cells(character)
        if used > cells:
            return text[:index]
    return text


def json_text(value: Any) -> str:
    """`value` as indented JSON that ends with a line break.

    Chinese stays readable. Characters that a terminal or a pipeline would obey are escaped, and so are surrogates,
    which UTF-8 cannot hold. The seal of a saved plan covers these exact characters: with another spelling, every
    plan saved before would count as changed.
    """
    return harmless_json(json.dumps(value, ensure_ascii=False, indent=1)) + "\n"


def harmless_json(text: str) -> str:
    """JSON in which every character is escaped that a terminal or a pipeline would obey, or UTF-8 cannot hold."""
    escapes = {ord(c): json.dumps(c)[1:-1] for c in set(text) if c > "~" and is_hidden(c)}
    text = text.translate(escapes) if escapes else text
    return RUNNER_COMMAND.sub(r"\1\\u0023", text)
