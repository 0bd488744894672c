"""Text of others in Markdown: one code span, whatever it is."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.message import Text
from reconciler.render.escape import CELLS, cell, clip, code
from tests.exhaustive import Share
from tests.fuzz import examples
from tests.hostile import HOSTILE, MARK, assert_holds_for

from .build import KINDS, action
from .reading import MARKDOWN_PARSERS, by_cmark, codes, elements, outside_code, tables
from .report import told, trip

# Text of others


@pytest.mark.exhaustive(1)
def test_what_a_saved_plan_could_hold(share: Share) -> None:
    """A plan that was read from a file may hold anything where ours holds names of fields: it acts as little."""

    def rule(hostile: str) -> None:
        pages = [by_cmark(_of_a_file(text_)) for text_ in ("x", hostile)]
        plain, page = ([element.tag for element in elements(each)] for each in pages)
        assert page == plain
        assert outside_code(pages[1]) == outside_code(pages[0])

    assert_holds_for(share.of_named(HOSTILE, 4), rule)


def _of_a_file(hostile: str) -> str:
    changes = (FieldChange(hostile, None, hostile), FieldChange("name", 1, hostile))
    return told(
        *(action(kind, changes=changes, carries={hostile: "x"}) for kind in KINDS),
        action(changes=changes, blocked=Text("held")),
        recipients=(hostile,),
        guardrails=(
            trip(rule=hostile, limit=hostile, hint=hostile),
            trip(rule=hostile, limit=hostile, allowed=9),
        ),
    )


def in_a_table(text_: str) -> str:
    """A table with the text in the middle one of three cells."""
    return f"| a | b | c |\n|---|---|---|\n| 1 | {cell(text_)} | 2 |\n"


TEXTS = st.text(st.sampled_from("`|\\$ <>&[]()!*_~#@:-+=.\n\tab张\u3000\"'1"), max_size=40) | st.text(max_size=40)


@settings(max_examples=examples(300), deadline=None)
@given(TEXTS)
@pytest.mark.parametrize("parser", MARKDOWN_PARSERS)
def test_a_text_is_one_code_span(parser: str, text_: str) -> None:
    """Any text is one code span, alone, inside a sentence and inside a cell, and reads as `clip` has it."""
    parse = MARKDOWN_PARSERS[parser]
    seen = clip(text_, CELLS).replace("$`", "\\x24`").replace("`$", "`\\x24")
    for written in (code(text_), f"- a {code(text_)}, {code(text_)} b"):
        assert set(codes(parse(written))) == {seen}
        assert outside_code(parse(written)).strip() in ("·", "a ·, · b")
    page = parse(in_a_table(text_))
    assert [len(row) for (table) in tables(page) for row in table] == [3, 3]
    assert codes(page) == [clip(text_, CELLS).replace("\\|", "\\x5c|").replace("$`", "\\x24`").replace("`$", "`\\x24")]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("", '""'),
        (" ", '" "'),
        (" a", '" a"'),
        ("a\u3000", "a\\u3000"),
        ("a  b", "a \\x20b"),
        ("a   b", "a \\x20\\x20b"),
        ("a b", "a b"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("张" * 31, "张" * 29 + " …"),
        ("x" + "\u0301" * 300, "x" + "\u0301" * 239 + "…"),
        ("e\u0301", "e\\u0301"),
        ("\x1b[0m", "\\x1b[0m"),
        ("##[error]", "#\\x23[error]"),
    ],
)
def test_what_a_text_looks_like(written: str, seen: str) -> None:
    """What would not be seen is made to be, and what is long is cut."""
    assert codes(by_cmark(code(written))) == [seen]


@pytest.mark.parametrize("count", [1, 2, 79, 80, 81, 200, 299])
def test_long_runs_of_backticks(count: int) -> None:
    """No fence is as long as what GitHub's parser takes for text, however many backticks there are in a row."""
    span = code("`" * count, 300)
    assert codes(by_cmark(span)) == ["`" * count]
    ladder = code(" ".join("`" * length for length in range(1, 24)), 300)
    assert max(map(len, re.findall("^`+", ladder))) <= 24
    assert len(codes(by_cmark(ladder))) == 1


def test_dollars_stand_beside_no_backtick() -> None:
    """No formula begins or ends at the edge of a code span, whatever texts follow each other."""
    names = [MARK, "$", "`", "$`", "`$", "a$", "$a", "``$", "$``"]
    shuffled = random.Random(1).sample(names * 3, len(names) * 3)
    written = told(action(changes=tuple(FieldChange("name", name, name) for name in shuffled)))
    assert "$`" not in written
    assert "`$" not in written
