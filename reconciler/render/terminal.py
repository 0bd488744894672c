"""Text for a terminal: makes hostile characters visible, pads to a width in cells, colours."""

from __future__ import annotations

import re
from typing import Final

from reconciler.core.text import IGNORED_MARKS, RUNNER_COMMAND, cut_to_width, is_hidden, width

_COMMAND: Final = re.compile(f"\\A([\\s{IGNORED_MARKS}]*):(?=[{IGNORED_MARKS}]*:)")
"""`::` at the beginning of a line begins a command of a CI runner."""
_CODES: Final = {"create": "32", "edit": "33", "replace": "35", "delete": "31", "password": "36", "blocked": "1;31"}
_STYLES: Final = {**_CODES, "dim": "2", "bold": "1", "good": "32", "bad": "1;31"}


def visible(text: str) -> str:
    """The text with every control, format, bidi and separator character written out, so that none has an effect.

    What a CI runner would read as a command is written out too: `::` where the text begins, and `##[` anywhere.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_escaped(c) if is_hidden(c) else c for c in text)
    elif "##" not in text and "::" not in text:
        return text
    return _COMMAND.sub(r"\1\\x3a", RUNNER_COMMAND.sub(r"\1\\x23", text))


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def pad(text: str, cells: int) -> str:
    """The text in exactly so many cells; a longer one is cut with an ellipsis."""
    if width(text) <= cells:
        return text + " " * (cells - width(text))
    kept = cut_to_width(text, max(cells - 1, 0))
    return kept + " " * (cells - 1 - width(kept)) + "…"


def paint(text: str, style: str, *, color: bool) -> str:
    """The text in the colour of a style, if `color` allows it."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if color and text else text
