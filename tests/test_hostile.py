"""What the suite uses to try many texts in one case can fail, and says where."""

from __future__ import annotations

import pytest

from tests.hostile import assert_holds_for, named


def test_every_text_that_breaks_a_rule_is_named() -> None:
    """A rule that fails or crashes for some texts fails the case, with the names of those texts and no others."""

    def rule(text: str) -> None:
        assert text != "b"
        int(text.replace("a", "1").replace("c", "x"))

    with pytest.raises(AssertionError) as caught:
        assert_holds_for({"first": "a", "second": "b", "third": "c"}, rule)
    told = str(caught.value).splitlines()
    assert told[0] == "2 of 3 texts"
    assert [line.split(":")[:2] for line in told[1:] if ": " in line and line[0] in "st"] == [
        ["second", " AssertionError"],
        ["third", " ValueError"],
    ]


def test_no_text_is_lost_for_its_name() -> None:
    """Texts that begin alike have names of their own."""
    assert sorted(named(["x" * 50, "x" * 60]).values()) == ["x" * 50, "x" * 60]
