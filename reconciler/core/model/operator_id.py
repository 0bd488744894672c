"""Who is who: what an operatorId of the files may be, what one with a slip was meant to be, and which ids look alike.

An id cannot be renamed. One that differs from a live agent's by a blank, or by a letter that looks the same, deletes a
person and creates another one, in a plan that looks ordinary.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.core.model.message import NOTHING, Text, listed, text
from reconciler.core.model.spoilt import NOT_SPOILT, spoilt
from reconciler.core.text import is_unseen, named

MAX_ID: Final = 64
"""Characters of an operatorId. The reference names no bound; a file that is a mistake must not become a flood."""

_QUOTE: Final = re.compile("[\u00ab\u00bb\u2018-\u201f\u2039\u203a\u2e42\u300c-\u300f\u301d-\u301f]")
"""Quotes as a word processor or an input method writes them."""
_MAX_NAMED: Final = 4
"""Characters that a message names."""

ID_PATTERN: Final = NOT_SPOILT + (
    r"[^\u0000-\u0020\u007f-\u00a0\u00ab\u00ad\u00bb\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    r"\u2000-\u200f\u2018-\u201f\u2028-\u202f\u2039\u203a\u205f-\u206f\u2800\u2e42\u3000\u300c-\u300f\u301d-\u301f"
    r"\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufe41-\ufe44\ufeff\uff01-\uffbe\uffe0-\uffe6\ufff9-\ufffb]*$"
)
"""What a JSON Schema can say of `is_sound`, for editors: it refuses nothing else, and does not know normal forms."""


def is_sound(id_: str) -> bool:
    """Whether a file may use the text as an id, its length apart."""
    return not id_fault(id_)


def id_fault(id_: str) -> Text:
    """What is wrong with an id, in words, with each character by code point and name; empty for a sound one."""
    if id_.isascii() and id_.isalnum():
        return NOTHING
    if characters := list(filter(_is_refused, id_)):
        return text("holds {characters}", characters=_all_named(characters))
    normal = unicodedata.normalize("NFKC", id_)
    if normal != id_:
        marks = [c for c in id_ if unicodedata.combining(c)] or [c for c in id_ if c not in normal]
        return text(
            "is not in its normal form (NFKC), in which {characters} becomes one with what is before it",
            characters=_all_named(marks),
        )
    return spoilt(id_)


def unfit_id(id_: str) -> Text:
    """Why no file may hold a live agent's id, its length included, in words."""
    return id_fault(id_) or text("has {count:,} characters", count=len(id_))


def meant_id(text: str) -> str:
    """The id that was probably meant by one with a fault; empty where nobody can tell."""
    normal = unicodedata.normalize("NFKC", text)
    meant = unicodedata.normalize("NFKC", "".join(c for c in normal if not _is_refused(c)))
    return meant if meant != text and 0 < len(meant) <= MAX_ID and is_sound(meant) else ""


def _is_refused(character: str) -> bool:
    if is_unseen(character) or _QUOTE.match(character):
        return True
    return unicodedata.normalize("NFKC", character) != character


_ALIKE: Final = str.maketrans("oil", "011")


def look(text: str) -> str:
    """What a reader sees of an id: two with one look are taken for each other.

    The normal form (NFKC) without case, blanks and what nobody sees, and with O as 0, I and l as 1.
    """
    if text.isascii() and text.isdigit():
        return text  # as most ids are
    if text.isascii() and text.isalnum():
        return text.lower().translate(_ALIKE)
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_ALIKE)
    return "".join(character for character in folded if not is_unseen(character))


def alike(ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each id that looks like an earlier one and is another, and that earlier one."""
    ids = tuple(ids)
    if (all_of_them := "".join(ids)).isascii() and all_of_them.isdigit():
        return  # as most are: digits look like no other digits
    first: dict[str, str] = {}
    for id_ in ids:
        other = first.setdefault(look(id_), id_)
        if other != id_:
            yield id_, other


def difference(id_: str, other: str) -> Text:
    """How an id differs from another one that looks like it: the characters of both, by code point and name."""
    if id_.casefold() == other.casefold():
        return text("only case differs")
    if len(id_) == len(other):
        pairs = [(mine, theirs) for mine, theirs in zip(id_, other, strict=True) if mine != theirs]
        ours, theirs = _all_named(mine for mine, _ in pairs), _all_named(theirs for _, theirs in pairs)
        return text("with {ours}, not {theirs}", ours=ours, theirs=theirs)
    more, less = Counter(id_) - Counter(other), Counter(other) - Counter(id_)
    return text("with {ours}", ours=_all_named(more)) if more else text("without {theirs}", theirs=_all_named(less))


def _all_named(characters: Iterable[str]) -> Text:
    return listed(list(map(named, dict.fromkeys(characters))), _MAX_NAMED)
