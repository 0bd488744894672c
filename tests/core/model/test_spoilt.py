"""Digits that a spreadsheet took for a number or a date."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model.spoilt import NOT_SPOILT, spoilt


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((text, "has lost digits") for text in ("1.38E+10", "1.38001e+10", "1E+10", "1,38E+10", "1.38E10", "-1.3E+9")),
        *((text, "is a date") for text in ("2026-11-22", "2026/11/22", "2026.11.22", "2026年11月22日", "11/22/2026")),
        *((text, "is a date") for text in ("2026-11-22 00:00:00", "2026-11-22T00:00:00.000", "1900/1/8", "11/22/26")),
        *((text, "is a date") for text in ("22-11-2026", "22.11.2026", "11/22", "2026/11", "2026年11月", "11月22日")),
        *((text, "is a date") for text in ("8-Jan", "08-Jan-26", "Jan-80", "Mar-2026")),
        *((text, "is a fraction") for text in ("13800138000.0", "60001.00")),
    ],
)
def test_what_is_spoilt(text: str, words: str) -> None:
    """It is said what has happened to it."""
    assert words in spoilt(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "13800138000", "+86 138 0013 8000", "138-0013-8000", "0755-12345678", "010-8888-8888", "400-800-8820"),
        *("95588", "60001", "6001.1", "sip:60001@acme", "10.0.0.1", "2026", "20261122", "8001/8002", "12E3"),
        *("a1.38E+10", "1.38E+10b"),
    ],
)
def test_what_is_not(text: str) -> None:
    """Numbers as people write them."""
    assert spoilt(text) == ""


@given(st.one_of(st.text(max_size=8), st.from_regex(r"\A[0-9]{1,4}[-/.eE年][+]?[0-9]{1,2}([-/.月][0-9]{1,4})?\Z")))
def test_the_pattern_says_the_same(text: str) -> None:
    """The schema's pattern matches exactly what is not spoilt."""
    assert (re.search(NOT_SPOILT.replace("$", r"\Z"), text) is None) == bool(spoilt(text))
