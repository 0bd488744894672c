"""Ids, names and values of others as people read them: the same spelling in every format.

Nothing in them hides, no two of them look alike where that can be told, none can be read as words of ours, and of two
values what differs is never cut. Each format escapes the result for its syntax. It is made visible already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.core.model.fields import Value
from reconciler.core.model.message import Text, joined, text
from reconciler.core.text import width
from reconciler.render.terminal import drawn, escaped, visible

LONGEST: Final = 2_000
"""Characters of a value that are shown: no file holds a longer one. Of a longer live one both ends are."""
_LONGEST_NAME: Final = 160
"""Likewise of an id or a name. An id of a file has at most 64."""
_FITS: Final = 60
"""Columns of a value that is shown whole beside the one that it replaces."""
_CONTEXT: Final = 12
"""Characters that two long values share and that are shown beside what differs."""

_CODE: Final = re.compile(r"\\(?=x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})")
"""A backslash of the text itself that could be read as one of ours."""
_PLAIN_ID: Final = re.compile(r"[\w.@+/#:=&~*%!?\\-]+")
"""An id that cannot be read as a span, a list, a count, or a name behind it."""
_EDGES: Final = ('"', "…")
_WORDS_OF_OURS: Final = frozenset(("none", "true", "false", "not recorded"))


def unknown_told(unknown: Mapping[str, str]) -> tuple[str, Text]:
    """Ids that nobody has, each with what was probably meant, if anything; and the hint, which is empty without one."""
    ids = {spelled_id(id_): guess and spelled_id(guess) for id_, guess in unknown.items()}
    hints = [text("{id}: did you mean {guess}?", id=id_, guess=guess) for id_, guess in ids.items() if guess]
    if any("," in id_ for id_ in unknown):
        hints.append(text("several ids are given one by one, each with the option before it"))
    return ", ".join(ids), joined(hints)


def spelled_id(operator_id: str) -> str:
    """An operator id; in quotes if it could be read as anything else than one id."""
    if len(operator_id) <= _LONGEST_NAME and operator_id.isascii() and operator_id.isalnum():
        return operator_id
    text = _seen(operator_id, _LONGEST_NAME)
    if not text.isascii():
        text = "".join(escaped(c) if _passes_for_ascii(c) else c for c in text)
    return text if _PLAIN_ID.fullmatch(text) else _quoted(text)


def _passes_for_ascii(character: str) -> bool:
    other = drawn(character)
    return other != character and (character.isalnum() or (len(other) == 1 and other.isascii()))


def spelled_name(name: str) -> str:
    """A name, or another text of which there is one only; in quotes if it begins or ends with a blank or a quote."""
    text = _seen(name, _LONGEST_NAME)
    return _quoted(text) if _is_open(text) else text


def spelled_value(value: Value) -> str:
    """A value as the file spells it; a text that is empty or could be read as a word of ours is in quotes."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    text = _seen(value, LONGEST)
    return _quoted(text) if not text or text in _WORDS_OF_OURS or "→" in text or _is_open(text) else text


def _is_open(text: str) -> bool:
    """Whether nobody would see where a text begins or ends."""
    return text != text.strip() or text[:1] in _EDGES or text[-1:] in _EDGES


def _seen(whole: str, longest: int) -> str:
    """A text made visible; of one that takes more characters than `longest` both ends, and how many it has."""
    both_ends = whole if len(whole) <= 2 * longest else whole[:longest] + whole[-longest:]
    # Some formats show several blanks as one.
    seen = re.sub("(?<= ) ", r"\\x20", visible(_CODE.sub(r"\\x5c", both_ends)))
    if len(seen) <= longest:
        return seen
    half = longest // 2
    cut = "{beginning}… ({count:,} characters) …{end}"
    return text(cut, beginning=seen[:half], count=len(whole), end=seen[-half:])


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('\\"', '\\x5c"').replace('"', '\\"'))


@dataclass(frozen=True, slots=True)
class Pieces:
    """A value in three parts: what it shares with the other one at the beginning, what differs, what it shares."""

    beginning: str
    own: str
    end: str

    @property
    def short(self) -> str:
        """The value on one line: of a long one what differs is whole, and what is shared is cut."""
        if width(self.whole) <= _FITS:
            return self.whole
        beginning, end = self.beginning, self.end
        if len(beginning) > 2 * _CONTEXT:
            beginning = f"…{beginning[-_CONTEXT:]}"
        if len(end) > 2 * _CONTEXT:
            end = f"{end[:_CONTEXT]}…"
        return f"{beginning}{self.own}{end}"

    @property
    def whole(self) -> str:
        """The value as it is spelled, whole."""
        return f"{self.beginning}{self.own}{self.end}"


def spelled_pair(before: Value, after: Value) -> tuple[Pieces, Pieces]:
    """A value before and after, so that what differs is seen; where only codes differ they are written out."""
    texts = spelled_value(before), spelled_value(after)
    beginning = _shared(*texts)
    rests = [text[len(beginning) :] for text in texts]
    end = _shared(rests[0][::-1], rests[1][::-1])[::-1]
    own = [rest.removesuffix(end) for rest in rests]
    if own[0] != own[1] and drawn(own[0]) == drawn(own[1]):
        own = ["".join(c if drawn(c) == c else escaped(c) for c in text) for text in own]
    return Pieces(beginning, own[0], end), Pieces(beginning, own[1], end)


def _shared(text: str, other: str) -> str:
    """The beginning that two texts share."""
    for index, (mine, theirs) in enumerate(zip(text, other, strict=False)):
        if mine != theirs:
            return text[:index]
    return min(text, other, key=len)
