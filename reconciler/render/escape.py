"""Somebody else's text in Markdown: always a code span, the one place where nothing of it acts.

In a code span there is no link, image, mention, reference, address, emoji, HTML or math, neither for a parser nor for
what GitHub and GitLab do to its result; backslashes and entities keep out only some of these.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Final

from reconciler.core.text import width
from reconciler.render.terminal import pad, visible

CELLS: Final = 60
"""Columns that a text is cut to where nothing else is said."""
_CHARACTERS_A_CELL: Final = 4
"""More marks than this on one letter are not shown."""


def code(text: str, cells: int = CELLS) -> str:
    """The text as a code span of at most so many columns; not for a table."""
    return _span(clip(text, cells))


def cell(text: str, cells: int = CELLS) -> str:
    """The same inside a table's cell."""
    # Parsers do not agree on whether `\\|` ends a cell, so no pipe may stand behind a backslash of the text.
    return _span(clip(text, cells).replace("\\|", "\\x5c|")).replace("|", "\\|")


def clip(text: str, cells: int) -> str:
    """The text in one visible line of at most so many columns, cut with an ellipsis; quoted where it has no edge."""
    most = cells * _CHARACTERS_A_CELL
    shown = visible(text[:most]) + "…" * (len(text) > most)
    if not shown or shown != shown.strip():
        shown = f'"{shown}"'
    # A browser shows several blanks as one.
    shown = re.sub("(?<= ) ", r"\\x20", shown)
    return pad(shown, cells) if width(shown) > cells else shown


def _span(text: str) -> str:
    # GitLab and GitHub take a dollar beside a backtick for the edge of a formula.
    text = text.replace("$`", "\\x24`").replace("`$", "`\\x24")
    # The shortest that does: cmark, and so GitHub, takes more than 80 backticks for text.
    taken = set(map(len, re.findall("`+", text)))
    fence = "`" * next(length for length in count(1) if length not in taken)
    gap = " " if text[0] in "`$" or text[-1] in "`$" else ""
    return f"{fence}{gap}{text}{gap}{fence}"
