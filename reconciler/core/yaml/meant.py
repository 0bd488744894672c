"""One line of a file as it was probably meant: what an input method writes where YAML has signs of its own.

Only the structure of a line is looked at: indentation, dash, key, colon, and what stands in braces and brackets. A
plain value may hold any sign, and stays as it is. Whoever asks decides whether the line was wrong at all.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from reconciler.core.model.message import Text, text
from reconciler.core.text import named
from reconciler.core.yaml.scalars import DOUBLE, SINGLE
from reconciler.core.yaml.spelling import (
    AGENT_ORDER,
    COMPANY_ORDER,
    GUARDRAIL_ORDER,
    PASSWORD_ORDER,
    POOL_ORDER,
    TOP_ORDER,
)

KNOWN_KEYS: Final = frozenset(
    (*TOP_ORDER, *COMPANY_ORDER, *GUARDRAIL_ORDER, *PASSWORD_ORDER, *AGENT_ORDER, *POOL_ORDER)
)
"""Every key that a file may have, at whatever depth; names of profiles apart."""
TOP_KEYS: Final = frozenset(TOP_ORDER)

_BLANK: Final = "[ \t\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]"
_DASHES: Final = "-\uff0d\u2014\u2013\u2212\u2010\u2011\ufe63"
_COLONS: Final = ":\uff1a\ufe55\ufe30\u2236"
_LIKE_COLONS: Final = ";\uff1b=\uff1d"
_COMMAS: Final = ",\uff0c\u3001\ufe50"
_OPENERS: Final = {"{": "{", "[": "[", "\uff5b": "{", "\uff3b": "[", "\u3010": "[", "\u3014": "["}
_CORNERS: Final = "\u300c\u300e"
"""Some input methods write these for a brace, and others for a quote."""
_CLOSERS: Final = {"{": "}\uff5d\u300d\u300f", "[": "]\uff3d\u3011\u3015"}
_ASCII_CLOSER: Final = {"{": "}", "[": "]"}

_INDENTATION: Final = re.compile(f"{_BLANK}*")
_DASH: Final = re.compile(f"([{_DASHES}])({_BLANK}*)")
_WORD: Final = r"[^\W\d][\w.-]*"
_KEY: Final = re.compile(
    f"([{DOUBLE}{SINGLE}])?({_WORD})((?(1)[{DOUBLE}{SINGLE}]))({_BLANK}*)([{_COLONS}{_LIKE_COLONS}])({_BLANK}*)"
)
_ENTRY: Final = re.compile(
    f"{_BLANK}*(?:[{DOUBLE}{SINGLE}{''.join(map(re.escape, _OPENERS))}0-9]|{_WORD}{_BLANK}*[{_COLONS}])"
)
_AFTER_QUOTE: Final = re.compile(f"{_BLANK}*(?:[{_COMMAS}{_COLONS}}}\\]\uff5d\uff3d\u3011#]|$)")
_AFTER_ODD: Final = re.compile(f"{_BLANK}*(?:[{_COMMAS}]{_ENTRY.pattern}|[{_COLONS}}}\\]\uff5d\uff3d\u3011]|$)")
_ODD: Final = DOUBLE.replace('"', "")
_IN_ODD_QUOTES: Final = re.compile(f"[{_ODD}][^{DOUBLE}]+[{_ODD}]")
_COMMENT: Final = re.compile(f"{_BLANK}*(\uff03|//|\uff0f\uff0f)")


@dataclass(frozen=True, slots=True)
class Meant:
    """A line as it was probably meant: its text, the column (from 0) of the first slip, and each slip in words."""

    text: str
    column: int = 0
    words: tuple[Text, ...] = ()


def in_place_of(found: str, right: str) -> Text:
    """A character that stands where another one belongs, in words."""
    if found == "\t":
        return text("a tab ({name}) stands where YAML allows only spaces", name=named(found))
    shown = named(found) if found.isspace() else f"{found} {named(found)}"
    return text("{found} stands where {right} belongs", found=shown, right=_NAMES.get(right, right))


BLANK_MISSING: Final = "a blank is missing after {sign}"
_NAMES: Final = {
    " ": text("a blank"),
    ":": text("a colon (:)"),
    ",": text("a comma (,)"),
    '"': text('a quote (")'),
    "'": text("a quote (')"),
    "-": text("a dash (-)"),
}


def as_meant(line: str, *, in_flow: bool = False) -> Meant:
    """The line as it was probably meant, which is the line itself where nothing looks like a slip.

    With `in_flow` the line goes on with what a brace or bracket has opened in a line above.
    """
    reading = _Reading(line)
    reading.read(in_flow=in_flow)
    column = min((at for at, _ in reading.found), default=0)
    return Meant("".join(reading.text), column, tuple(dict.fromkeys(words for _, words in reading.found)))


def indentation(line: str) -> int:
    """How many blanks of any kind a line begins with."""
    matched = _INDENTATION.match(line)
    return matched.end() if matched else 0


@dataclass(slots=True)
class _Reading:
    """What has been read of a `line`, up to the column `at`: the `text` that was meant, and the slips `found`."""

    line: str
    at: int = 0
    text: list[str] = field(default_factory=list)
    found: list[tuple[int, Text]] = field(default_factory=list)

    def read(self, *, in_flow: bool) -> None:
        if comment := _COMMENT.match(self.line):
            self.blanks(comment.start(1))
            blank = "" if self.line[comment.end(1) :][:1] == " " else " "
            words = text("{found} stands where # begins a comment", found=comment[1])
            self.replace(comment.end(1) - self.at, f"#{blank}", words)
            self.keep(len(self.line))
            return
        self.blanks(indentation(self.line))
        if in_flow:
            self.flow()
            return
        self.dash()
        key = _KEY.match(self.line, self.at)
        if key and self.key(key):
            if self.at == len(self.line):
                return
            self.value()
        opener = self.opener()
        if opener and (self.line[self.at] in "{[\uff5b\uff3b" or self.is_closed(_CLOSERS[opener])):
            self.flow()
        self.keep(len(self.line))

    def value(self) -> None:
        """Read a value all in quotes of an input method, where the line has another slip: it is told as a whole."""
        value = self.line[self.at :].rstrip()
        if self.found and _IN_ODD_QUOTES.fullmatch(value):
            end = self.at + len(value) - 1
            self.quote(value[0])
            self.keep(end)
            self.quote(value[-1])

    def opener(self) -> str:
        """The brace or bracket that is meant here; empty for none."""
        char = self.line[self.at : self.at + 1]
        if char and char in _CORNERS:
            return "{" if _KEY.match(self.line, self.at + 1) else ""
        return _OPENERS.get(char, "")

    def is_closed(self, closers: str) -> bool:
        """Whether a bracket of Chinese text begins a list or a mapping here, and no text."""
        rest = self.line[self.at + 1 :].rstrip()
        return bool(_ENTRY.match(rest)) and rest[-1:] in closers

    def keep(self, end: int) -> None:
        self.text.append(self.line[self.at : end])
        self.at = end

    def replace(self, length: int, right: str, words: Text) -> None:
        self.found.append((self.at, words))
        self.text.append(right)
        self.at += length

    def blanks(self, end: int, right: str = " ") -> None:
        """Read blanks up to the column `end`; each that is none of YAML's becomes one."""
        while self.at < end:
            if self.line[self.at] == " ":
                self.keep(self.at + 1)
            else:
                self.replace(1, right, in_place_of(self.line[self.at], " "))

    def dash(self) -> None:
        """Read the dash of a list's entry. An ASCII dash without a blank counts only before a key or a quote."""
        dash = _DASH.match(self.line, self.at)
        rest = self.line[dash.end() :] if dash else ""
        if dash is None or not rest or rest[0] == "-" or (rest[0] in _DASHES and dash[1] != "-"):
            return
        begins = _KEY.match(rest) or rest[0] in DOUBLE + SINGLE or rest[0] in _OPENERS
        if dash[1] == "-" and not (dash[2] or begins):
            return
        self.sign(dash[1], "-")
        self.after("-", dash.end())

    def key(self, key: re.Match[str]) -> bool:
        """Read a key with its colon; whether it is one."""
        opening, word, closing, blanks, colon, after = (part or "" for part in key.groups())
        known = _narrow(word) in KNOWN_KEYS
        is_end = key.end() == len(self.line)
        if colon in _LIKE_COLONS and not known:
            return False
        if colon == ":" and not after and not is_end and not (known or closing):
            return False
        self.quote(opening)
        self.word(word)
        self.quote(closing)
        self.drop(blanks)
        if colon in _LIKE_COLONS:
            self.replace(1, ":", text("{found} stands where {right} belongs", found=colon, right=_NAMES[":"]))
        else:
            self.sign(colon, ":")
        if not is_end and not (colon == ":" and closing and not after):
            self.after(":", key.end())
        self.blanks(key.end())
        return True

    def word(self, word: str) -> None:
        if _narrow(word) == word or _narrow(word) not in KNOWN_KEYS:
            self.keep(self.at + len(word))
        else:
            wide = next(c for c in word if _narrow(c) != c)
            self.replace(len(word), _narrow(word), text("{found} stands in a key", found=named(wide)))

    def drop(self, blanks: str) -> None:
        """Read the blanks between a key and its colon; YAML allows only its own there."""
        for blank in blanks:
            if blank == " ":
                self.keep(self.at + 1)
            else:
                self.replace(1, "", text("{found} stands before the colon", found=named(blank)))

    def quote(self, quote: str) -> None:
        if quote:
            self.sign(quote, '"' if quote in DOUBLE else "'")

    def sign(self, found: str, right: str) -> None:
        if found == right:
            self.keep(self.at + 1)
        else:
            self.replace(1, right, in_place_of(found, right))

    def after(self, sign: str, end: int) -> None:
        """Read the blanks behind a dash, a colon or a comma, or add the one that is missing."""
        if self.at == end:
            self.text.append(" ")
            if self.line[self.at - 1] == sign:
                self.found.append((self.at, text(BLANK_MISSING, sign=_NAMES[sign])))
        self.blanks(end)

    def flow(self) -> None:
        """Read what stands in braces and brackets, up to a comment or the end of the line."""
        closers: list[str] = []
        at_entry = at_start = True
        while self.at < len(self.line):
            char = self.line[self.at]
            key = _KEY.match(self.line, self.at) if at_entry else None
            if char == "#" and self.line[self.at - 1 : self.at].strip() == "":
                self.keep(len(self.line))
            elif re.match(_BLANK, char):
                self.blanks(self.at + 1)
            elif key and self.key(key):
                at_entry, at_start = False, True
            elif at_start and (opener := self.opener()):
                closers.append(opener)
                self.sign(char, opener)
                at_entry = at_start = True
            elif at_start and char in DOUBLE + SINGLE:
                self.quoted(DOUBLE if char in DOUBLE else SINGLE)
                at_entry = at_start = False
            elif closers and char in _CLOSERS[closers[-1]]:
                self.sign(char, _ASCII_CLOSER[closers.pop()])
                at_start = False
            elif char in _COMMAS and (char == "," or _ENTRY.match(self.line, self.at + 1)):
                self.comma(char)
                at_entry = at_start = True
            else:
                self.keep(self.at + 1)
                at_entry = at_start = False

    def comma(self, comma: str) -> None:
        self.sign(comma, ",")
        if comma != "," and not re.match(_BLANK, self.line[self.at : self.at + 1]):
            self.text.append(" ")

    def quoted(self, quotes: str) -> None:
        """Read a quoted text. What ends it is its own quote, or else one of the input method."""
        ascii_quote, first = quotes[0], self.line[self.at]
        ends = [at for at in range(self.at + 1, len(self.line)) if self.line[at] in quotes]
        likely = [
            at for at in ends if (_AFTER_QUOTE if self.line[at] == ascii_quote else _AFTER_ODD).match(self.line, at + 1)
        ]
        if not likely:
            self.keep(self.at + 1)
            return
        end = likely[0]
        self.sign(first, ascii_quote)
        self.keep(end)
        self.sign(self.line[end], ascii_quote)


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
