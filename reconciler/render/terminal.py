"""Text for a terminal: hostile characters made visible, widths in cells, colours."""

from __future__ import annotations

import unicodedata
from typing import Final

from rich.cells import cell_len, set_cell_size

_HIDDEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_BLANK: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
"""Letters and marks by their category, and nothing to the eye."""
_CODES: Final = {"create": "32", "edit": "33", "replace": "35", "delete": "31", "password": "36", "blocked": "1;31"}
_STYLES: Final = {**_CODES, "dim": "2", "bold": "1", "good": "32", "bad": "1;31"}


def visible(text: str) -> str:
    """The text with every control, format, bidi and separator character written out, so that none acts."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _HIDDEN or c in _BLANK else c for c in text)


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
