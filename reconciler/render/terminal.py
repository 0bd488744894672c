"""Text for a terminal: makes hostile characters visible, pads to a width in cells, colours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from reconciler.core.text import BLANK_LETTERS, IGNORED_MARKS, RUNNER_COMMAND, cut_to_width, is_hidden, is_unseen, width

_COMMAND: Final = re.compile(f"\\A([\\s{IGNORED_MARKS}]*):(?=[{IGNORED_MARKS}]*:)")
"""`::` at the beginning of a line begins a command of a CI runner."""
_CODES: Final = {"create": "32", "edit": "33", "replace": "35", "delete": "31", "password": "36", "blocked": "1;31"}
_STYLES: Final = {**_CODES, "dim": "2", "bold": "1", "good": "32", "bad": "1;31"}

_NOT_PRINTED: Final = re.compile(f"[{IGNORED_MARKS}{''.join(BLANK_LETTERS)}]")
"""What nobody sees although Python calls it printable."""
_EMOJI_STYLE: Final = frozenset("\ufe0e\ufe0f")
"""Selectors that stand behind a symbol and choose how it is drawn."""
_FOREIGN: Final = re.compile(
    "[\u0370-\u03ff\u0400-\u052f\u0530-\u058f\u13a0-\u13ff\u1c80-\u1c8f\u1f00-\u1fff\u2c80-\u2cff"
    "\u2de0-\u2dff\ua4d0-\ua4ff\ua640-\ua69f\uab70-\uabbf]"
)
"""Letters of scripts that have letters drawn as Latin ones: Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu."""
_WORD: Final = re.compile(r"[^\W\d_]+")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_DRAWN_ALIKE: Final = str.maketrans(
    "АВЕЗКМНОРСТУХаеорсухіјѕԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρ‘’‚′´`“”„″" + _DASHES,
    "ABE3KMHOPCTYXaeopcyxijsdhqwABEZHIKMNOPTYXovp" + "'" * 6 + '"' * 4 + "-" * len(_DASHES),
)
"""Letters, quotes and dashes that are drawn like those of ASCII."""


def drawn(text: str) -> str:
    """What a reader takes a text for: its normal form (NFKC), with ASCII characters for those drawn like them."""
    return unicodedata.normalize("NFKC", text).translate(_DRAWN_ALIKE)


def visible(text: str) -> str:
    """The text with everything written out that nobody would see, or that would have an effect.

    That is every control, format, bidi and separator character, every blank but the ordinary one, what is not in its
    normal form (NFC), and Greek and Cyrillic letters that pass for Latin ones. What a CI runner would read as a command
    is written out too: `::` where the text begins, and `##[` anywhere. Making a text visible again changes nothing.
    """
    if not (text.isascii() and text.isprintable()):
        text = _unmixed(" ".join("".join(_unhidden(part)) for part in text.split(" ")))
    elif "##" not in text and "::" not in text:
        return text
    return _COMMAND.sub(r"\1\\x3a", RUNNER_COMMAND.sub(r"\1\\x23", text))


def _unhidden(text: str) -> Iterator[str]:
    """The characters of a text without ordinary blanks, those that hide as their codes."""
    normal = unicodedata.is_normalized("NFC", text)
    if normal and text.isprintable() and not (text and _joins(text[0])) and not _NOT_PRINTED.search(text):
        yield text
        return
    before = ""
    for c in text:
        plain = not (is_hidden(c) or is_unseen(c))
        if c in _EMOJI_STYLE and before and unicodedata.category(before) == "So":
            plain = True
        elif not before and _joins(c):  # it would stand on a character of ours
            plain = False
        yield c if plain and (normal or _is_normal(c)) else escaped(c)
        before = c


def _is_normal(character: str) -> bool:
    """Whether a character may stand for itself where its text is not in its normal form."""
    return not _joins(character) and unicodedata.is_normalized("NFC", character)


def _joins(character: str) -> bool:
    """Whether the character can become one with what is before it: a mark, or a letter within a Korean syllable."""
    return unicodedata.category(character)[0] == "M" or "\u1160" <= character <= "\u11ff"


def _unmixed(text: str) -> str:
    """The text without letters of another script that could be taken for Latin ones."""
    if not _FOREIGN.search(text):
        return text

    def without(found: re.Match[str]) -> str:
        word = found[0]
        if _LATIN.search(word):
            return written_out(word, _FOREIGN)
        alone = not _FOREIGN.sub("", word)
        if alone and not drawn(word).isascii():
            return word
        return _FOREIGN.sub(lambda letter: escaped(letter[0]) if drawn(letter[0]).isascii() else letter[0], word)

    return _WORD.sub(without, text)


def written_out(text: str, characters: re.Pattern[str]) -> str:
    """The text with the characters that a pattern matches as their codes."""
    return characters.sub(lambda found: "".join(map(escaped, found[0])), text)


def escaped(character: str) -> str:
    """A character as its code, such as `\\x1b` or `\\u200b`."""
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


def middle_cut(text: str, cells: int) -> str:
    """The text in at most so many cells; of a longer one both ends are left, parted by an ellipsis."""
    if width(text) <= cells:
        return text
    beginning = cut_to_width(text, cells // 2)
    end = cut_to_width(text[::-1], cells - 1 - width(beginning))[::-1]
    return pad(f"{beginning}…{end}", cells)


def paint(text: str, style: str, *, color: bool) -> str:
    """The text in the colour of a style, if `color` allows it."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if color and text else text
