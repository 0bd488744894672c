"""Text as a terminal shows it: how wide it is, where it is cut, and what in JSON could act."""

from __future__ import annotations

import json

import pytest

from reconciler.core.text import cut_to_width, json_text, width


@pytest.mark.parametrize(
    ("text", "cells"),
    [("", 0), ("abc", 3), ("张三", 4), ("a张b", 4), ("e\u0301", 1), ("ＡＢ", 4), ("\u200b", 0), ("坐席 1", 6)],
)
def test_width(text: str, cells: int) -> None:
    """A Chinese or full-width character takes two cells, a mark on another character none."""
    assert width(text) == cells


@pytest.mark.parametrize(
    ("text", "cells", "kept"),
    [
        ("abc", 2, "ab"),
        ("abc", 3, "abc"),
        ("张三", 3, "张"),
        ("张三", 4, "张三"),
        ("张", 1, ""),
        ("", 0, ""),
        ("ab", 9, "ab"),
    ],
)
def test_cut_to_width(text: str, cells: int, kept: str) -> None:
    """What is kept fits, and the next character would not."""
    assert cut_to_width(text, cells) == kept


def test_json_that_does_not_act() -> None:
    """JSON keeps Chinese readable, escapes what is hidden and what a runner takes for a command, and reads back."""
    value = {"name": "张三\u202e\u200b\x1b\x85\u2028\ue000\u3164", "words": "##[error]", "half": "\ud800"}
    text = json_text(value)
    assert {character for character in text if not " " <= character <= "~"} == {"张", "三", "\n"}
    assert "##[" not in text
    assert json.loads(text) == value
