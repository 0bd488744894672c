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


class ScalarCache(dict[str, Scalar]):
    """`plain_scalar` by text, for one file. A file has few different words, and equal texts share one object."""

    def __missing__(self, text: str) -> Scalar:
        value = plain_scalar(text)
        if len(self) < _MAX_CACHED:
            self[text] = value
        return value


_MAX_CACHED: Final = 4096
