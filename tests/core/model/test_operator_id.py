"""Who is who: which ids a file may hold, which was meant by another, and which are taken for each other."""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.core.model.operator_id import (
    ID_PATTERN,
    alike,
    difference,
    id_fault,
    is_sound,
    look,
    meant_id,
    unfit_id,
)

UNSEEN: Final = ("Cc", "Cf", "Co", "Cs", "Zs", "Zl", "Zp")
QUOTES: Final = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u300c\u300d\u300e\u300f"
ids = st.text(st.characters(exclude_categories=()), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("text", "meant", "named"),
    [
        ("8001 ", "8001", "U+0020 SPACE"),
        ("80 01", "8001", "U+0020 SPACE"),
        ("8001\u00a0", "8001", "U+00A0 NO-BREAK SPACE"),
        ("\u30008001", "8001", "U+3000 IDEOGRAPHIC SPACE"),
        ("８００４", "8004", "U+FF18 FULLWIDTH DIGIT EIGHT, U+FF10 FULLWIDTH DIGIT ZERO, U+FF14 FULLWIDTH DIGIT FOUR"),
        ("“8002”", "8002", "U+201C LEFT DOUBLE QUOTATION MARK, U+201D RIGHT DOUBLE QUOTATION MARK"),
        ("‘8002’", "8002", "U+2018 LEFT SINGLE QUOTATION MARK, U+2019 RIGHT SINGLE QUOTATION MARK"),
        ("「8002」", "8002", "U+300C LEFT CORNER BRACKET, U+300D RIGHT CORNER BRACKET"),
        ("80\u200b01", "8001", "U+200B ZERO WIDTH SPACE"),
        ("\ufeff8001", "8001", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("80\u202e01", "8001", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("80\xad01", "8001", "U+00AD SOFT HYPHEN"),
        ("80\t01", "8001", "U+0009 TAB"),
        ("8001\n", "8001", "U+000A LINE FEED"),
        ("8001\x00", "8001", "U+0000 CONTROL CHARACTER"),
        ("8001\u2028", "8001", "U+2028 LINE SEPARATOR"),
        ("8001\ue000", "8001", "U+E000 PRIVATE USE"),
        ("8001\ud800", "8001", "U+D800 HALF A SURROGATE PAIR"),
        ("80\u3164", "80", "U+3164 HANGUL FILLER"),
        ("80\u115f", "80", "U+115F HANGUL CHOSEONG FILLER"),
        ("80\ufe0f", "80", "U+FE0F VARIATION SELECTOR-16"),
        ("80①", "801", "U+2460 CIRCLED DIGIT ONE"),
        (" \u200b", "", "U+0020 SPACE, U+200B ZERO WIDTH SPACE"),
        ("ﷺ" * 20, "", "U+FDFA"),
        ("\x01\x02\x03\x04\x05\x06", "", "U+0004 CONTROL CHARACTER and 2 more"),
    ],
)
def test_what_is_no_id(text: str, meant: str, named: str) -> None:
    """Each character that may not be there is named by code point and name, and the id that was meant is told."""
    assert not is_sound(text)
    assert id_fault(text).startswith("holds U+")
    assert named in id_fault(text)
    assert meant_id(text) == meant


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Zoe\u0301", "U+0301 COMBINING ACUTE ACCENT"),
        ("a\u0301\u0323", "U+0301 COMBINING ACUTE ACCENT, U+0323 COMBINING DOT BELOW"),
        ("\u1112\u1161", "U+1112 HANGUL CHOSEONG HIEUH, U+1161 HANGUL JUNGSEONG A"),
    ],
)
def test_an_id_is_its_own_normal_form(text: str, named: str) -> None:
    """One letter of several characters is refused; its normal form is offered, and is an id."""
    assert not is_sound(text)
    assert named in id_fault(text)
    assert meant_id(text) == unicodedata.normalize("NFKC", text)
    assert is_sound(meant_id(text))


@pytest.mark.parametrize(
    "text",
    [
        *("8001", "0071", "admin", "ADM-01", "坐席一", "Zoé", "a.b@c", "é", "it's", '"8001"', "80*1", "а", "2010-12"),
        *("10-86-00", "1E10", "ab-Jan", "😀"),
    ],
)
def test_what_is_an_id(text: str) -> None:
    """Digits, letters of any script, and marks that people see and type."""
    assert is_sound(text)
    assert id_fault(text) == ""


@pytest.mark.parametrize("text", ["1.38E+10", "8E+3", "2026/1/2", "8001.0", "3月1日"])
def test_an_id_that_a_spreadsheet_has_spoilt_is_not_guessed(text: str) -> None:
    """It is said what happened; nobody can tell which id it was."""
    assert "spreadsheet" in id_fault(text)
    assert meant_id(text) == ""


@given(ids)
@example("\u2126")
@example("\u03a9\u0301")
def test_the_rule(text: str) -> None:
    """An id is its own NFKC form, and holds no character of the named categories and no typographic quote."""
    if is_sound(text):
        assert unicodedata.normalize("NFKC", text) == text
        assert not [each for each in text if unicodedata.category(each) in UNSEEN or each in QUOTES]
    else:
        assert id_fault(text)


def test_the_pattern_for_editors_refuses_no_id() -> None:
    """Of all characters it accepts each that may be in an id; and it refuses those that slips bring in."""
    pattern = re.compile(ID_PATTERN.replace("$", r"\Z"))
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Cn", "Cs"):
            continue
        matches = pattern.match(character) is not None
        assert matches or not is_sound(character), hex(code)
    for character in " \t\n\x00\xa0\u3000\u200b\u202e\ufeff８“”‘’「」\ue000":
        assert pattern.match(f"80{character}") is None


@pytest.mark.parametrize(
    "texts",
    [
        ("8001", "8O01", "8o01", "80O1", "8OOI", "8ool", "８００１", "8001 ", "80\u200b01", "\ufeff8OO1"),
        ("ADM01", "adm01", "Admol", "ADMOI", "admOi"),
        ("Zoé", "zoé", "Z0e\u0301".replace("0", "o"), "ZOÉ", "ZoÉ"),
        ("STRASSE", "straße"),
    ],
)
def test_ids_with_one_look(texts: tuple[str, ...]) -> None:
    """Case, width, O and 0, I and l and 1, and what nobody sees tell nobody apart."""
    assert len({look(text) for text in texts}) == 1


@given(ids, ids)
def test_what_has_one_look_by_definition(one: str, other: str) -> None:
    """The look is a function of the folded normal form with O as 0 and I and l as 1."""

    def by_definition(text: str) -> str:
        return unicodedata.normalize("NFKC", text).casefold().translate(str.maketrans("oil", "011"))

    if by_definition(one) == by_definition(other):
        assert look(one) == look(other)
    assert look(by_definition(one)) == look(one) or not is_sound(one)


def test_others_differ() -> None:
    """What people can tell apart has a look of its own."""
    texts = ("8001", "8002", "08001", "801", "8-001", "b001", "800l2", "坐席一", "坐席二", "5001", "S001")
    assert len({look(text) for text in texts}) == len(texts)


def test_each_is_told_with_the_first_that_it_looks_like() -> None:
    """In the order of the ids; an id that stands twice is no lookalike of itself."""
    assert list(alike(("8001", "8002", "8O01", "8001", "8oo1", "9"))) == [("8O01", "8001"), ("8oo1", "8001")]


@given(st.lists(st.text("018Ol\uff18\u0661", max_size=2), max_size=6))
@example(["8", "8"])
@example(["8", "\uff18"])
@example(["1", "l"])
def test_all_that_look_alike_are_told(some: list[str]) -> None:
    """Each that looks like an earlier one and is another, digits or not; a full-width digit looks like the digit."""
    first = {look(id_): id_ for id_ in reversed(some)}
    assert list(alike(some)) == [(id_, first[look(id_)]) for id_ in some if id_ != first[look(id_)]]


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("8O01", "8001", "with U+004F LATIN CAPITAL LETTER O, not U+0030 DIGIT ZERO"),
        ("adm", "ADM", "only case differs"),
        ("8001 ", "8001", "with U+0020 SPACE"),
        ("8001", "8001 ", "without U+0020 SPACE"),
        ("8 0 01", "8 001", "with U+0020 SPACE"),
    ],
)
def test_how_two_differ(one: str, other: str, words: str) -> None:
    """The characters that tell them apart, by code point and name."""
    assert difference(one, other) == words


def test_why_no_file_may_hold_an_id() -> None:
    """Its characters, or its length."""
    assert unfit_id("8001 ") == "holds U+0020 SPACE"
    assert unfit_id("8" * 65) == "has 65 characters"
