"""Other spellings of a row's values that a real vendor may use; a client must read them all."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

MISSING = object()
# A number in JSON is exact up to 2**53, so longer digit strings stay strings.
MOST_DIGITS = 15


def quirky(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with some values spelt in another way, which depends only on the agent's id and the field's name.

    An empty value may come as null, as "" or not at all; an integer may come as a string; text that is the
    plain spelling of a number may come as that number.
    """
    spelt = {field: _spelt(row["id"], field, value) for field, value in row.items()}
    return {field: value for field, value in spelt.items() if value is not MISSING}


def _spelt(agent: int, field: str, value: object) -> object:
    forms = _forms(value)
    return forms[zlib.crc32(f"{agent}:{field}".encode()) % len(forms)]


def _forms(value: object) -> tuple[object, ...]:
    if value is None or value == "":
        return (None, "", MISSING)
    if isinstance(value, int):
        return (value, str(value))
    if isinstance(value, str) and _is_plain_number(value):
        return (value, int(value))
    return (value,)


def _is_plain_number(text: str) -> bool:
    digits = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return digits and text == str(int(text))
