"""What an unquoted scalar means: the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema).

With one addition of the contract: a number with a leading zero stays text.
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
    """What an unquoted scalar means: YAML 1.2 core, and a number with a leading zero stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if _INTEGER.fullmatch(text):
        # Python refuses to read integers of thousands of digits; one that long fits no field in any case.
        return int(text, 0) if len(text) <= _LONGEST_INTEGER else float("inf")
    return (
        float(text.replace(".inf", "inf").replace(".nan", "nan").replace(".I", "I").replace(".N", "N"))
        if (_FRACTION.fullmatch(text))
        else text
    )


class Meanings(dict[str, Scalar]):
    """Plain scalars that were met before: the words of a file are few, and equal texts become one."""

    def __missing__(self, text: str) -> Scalar:
        value = plain_scalar(text)
        if len(self) < _REMEMBERED:
            self[text] = value
        return value


_REMEMBERED: Final = 4096
