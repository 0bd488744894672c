"""Escapes foreign text in Markdown: always as a code span, in which no text has an effect.

In a code span neither a parser nor the filters of GitHub and GitLab make links, images, mentions, references,
addresses, emoji, HTML or math; backslashes and entities prevent only some of these.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Final

from reconciler.core.text import width
from reconciler.render.terminal import pad, visible

CELLS: Final = 60
"""Columns that a text is cut to by default."""
SENTENCE_CELLS: Final = 300
"""Columns for a sentence of the plan's, such as what to do."""
WHOLE: Final = 25_000
"""Columns for a text that `spelling` has made, which is never cut: it has at most 2,000 characters before that."""
_CHARACTERS_A_CELL: Final = 4
"""Characters allowed for each column; a letter with more combining marks is cut."""


def code(text: str, cells: int = CELLS) -> str:
    """The text as a code span of at most `cells` columns; not for a table."""
    return _span(clip(text, cells))


def cell(text: str, cells: int = CELLS) -> str:
    """The text as a code span in the cell of a table."""
    # Parsers differ on whether `\\|` ends a cell, so no pipe may stand behind a backslash of the text.
    return _span(clip(text, cells).replace("\\|", "\\x5c|")).replace("|", "\\|")


def clip(text: str, cells: int) -> str:
    """The text in one visible line of at most `cells` columns, cut with an ellipsis.

    Quotes show where a text begins and ends that is empty or has blanks at its ends.
    """
    max_characters = cells * _CHARACTERS_A_CELL
    shown = visible(text[:max_characters]) + "…" * (len(text) > max_characters)
    if not shown or shown != shown.strip():
        shown = f'"{shown}"'
    # A browser shows several blanks as one.
    shown = re.sub("(?<= ) ", r"\\x20", shown)
    return pad(shown, cells) if width(shown) > cells else shown


def _span(text: str) -> str:
    # GitLab and GitHub take a dollar beside a backtick for the edge of a formula.
    text = text.replace("$`", "\\x24`").replace("`$", "`\\x24")
    # The shortest possible fence, since cmark, and so GitHub, reads more than 80 backticks as text.
    used_lengths = set(map(len, re.findall("`+", text)))
    fence = "`" * next(length for length in count(1) if length not in used_lengths)
    gap = " " if text[0] in "`$" or text[-1] in "`$" else ""
    return f"{fence}{gap}{text}{gap}{fence}"
