"""The meaning of an unquoted scalar: the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema).

Desired-state files have one more rule: a number with a leading zero stays text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FRACTION: Final = re.compile(
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_LONGEST_INTEGER: Final = 100

DOUBLE: Final = '"\u201c\u201d\u201e\u201f\uff02\u301d\u301e\u300c\u300d\u300e\u300f\u00ab\u00bb'
SINGLE: Final = "'\u2018\u2019\u201a\u201b\uff07"
QUOTE_SIGNS: Final = frozenset(DOUBLE + SINGLE)
"""The quotes of YAML, and those that an input method or a word processor writes."""


@lru_cache(maxsize=4096)
def plain_scalar(text: str) -> Scalar:
    """The value that an unquoted scalar stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if _INTEGER.fullmatch(text):
        # Python refuses to parse integers of thousands of digits. No field allows one of that length anyway.
        return int(text, 0) if len(text) <= _LONGEST_INTEGER else float("inf")
    return (
        float(text.replace(".inf", "inf").replace(".nan", "nan").replace(".I", "I").replace(".N", "N"))
        if (_FRACTION.fullmatch(text))
        else text
    )


def is_meant_quoted(text: str) -> bool:
    """Whether a text without YAML's quotes was probably meant to stand in some.

    It has a sign of a quote at one end or at both, and none between: `60087"`, or a name in typographic quotes.
    """
    ends = (text[:1] in QUOTE_SIGNS) + (len(text) > 1 and text[-1] in QUOTE_SIGNS)
    return bool(ends) and sum(map(QUOTE_SIGNS.__contains__, text)) == ends


class ScalarCache(dict[str, Scalar]):
    """`plain_scalar` by text, for one file. A file has few different words, and equal texts share one object.

    `has_quotes`: one of the texts begins or ends with a sign of a quote.
    """

    has_quotes = False

    def __missing__(self, text: str) -> Scalar:
        if text[:1] in QUOTE_SIGNS or text[-1:] in QUOTE_SIGNS:
            self.has_quotes = True
        value = plain_scalar(text)
        if len(self) < _MAX_CACHED:
            self[text] = value
        return value


_MAX_CACHED: Final = 4096
