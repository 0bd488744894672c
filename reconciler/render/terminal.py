"""Text for a terminal: hostile characters made visible, widths in cells, colours."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from rich.cells import cell_len, set_cell_size

_HIDDEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_BLANK: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
"""Letters and marks by their category, and nothing to the eye."""
_PASSED_OVER: Final = "\ufe00-\ufe0f\u17b4\u17b5\u180b-\u180f\U000e0100-\U000e01ef"
"""Marks that a search with a culture's rules, such as a runner's for its commands, does not see."""
_COMMAND: Final = re.compile(f"\\A([\\s{_PASSED_OVER}]*):(?=[{_PASSED_OVER}]*:)")
OLD_COMMAND: Final = re.compile(f"(#[{_PASSED_OVER}]*)#(?=[A-Za-z{_PASSED_OVER}]*\\[)")
"""`::` begins a command of a CI runner where a line does; `##[` and `##vso[` do anywhere in a line."""
_CODES: Final = {"create": "32", "edit": "33", "replace": "35", "delete": "31", "password": "36", "blocked": "1;31"}
_STYLES: Final = {**_CODES, "dim": "2", "bold": "1", "good": "32", "bad": "1;31"}


def visible(text: str) -> str:
    """The text with every control, format, bidi and separator character written out, so that none acts.

    Nor does what a CI runner would take for a command, `::` where the text begins and `##[` anywhere in it.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_escaped(c) if hidden(c) else c for c in text)
    elif "##" not in text and "::" not in text:
        return text
    return _COMMAND.sub(r"\1\\x3a", OLD_COMMAND.sub(r"\1\\x23", text))


def hidden(character: str) -> bool:
    """Whether the eye does not see it, or it acts on what it is shown in."""
    return unicodedata.category(character) in _HIDDEN or character in _BLANK


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """Cells that the text takes: two for a Chinese character."""
    return cell_len(text)


def pad(text: str, cells: int) -> str:
    """The text in exactly so many cells, cut with an ellipsis where it is longer."""
    if cell_len(text) <= cells:
        return text + " " * (cells - cell_len(text))
    return set_cell_size(text, max(cells - 1, 0)) + "…"


def paint(text: str, style: str, *, color: bool) -> str:
    """The text in a style's colour, when colours are wanted."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if color and text else text
