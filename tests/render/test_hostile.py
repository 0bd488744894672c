"""Hostile text in every format that a plan has: it is said, and it does nothing."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any, Final
from unittest.mock import patch
from xml.etree.ElementTree import Element

import pytest

from reconciler.core.model.plan import Plan
from reconciler.render import FORMATS, markdown
from reconciler.render.terminal import visible
from tests.exhaustive import Share
from tests.hostile import GROUPS, HOSTILE, MARK, assert_holds_for

from .build import HEADING, everywhere
from .reading import MARKDOWN_PARSERS, codes, elements, outside_code, page, text

ACTING: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
UNSEEN: Final = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
PASSED_OVER: Final = re.compile("[\ufe00-\ufe0f]")
"""Selectors after an emoji; a search by a culture's rules does not see them."""
OLD_COMMAND: Final = re.compile(r"##[A-Za-z]*\[")
SHORT: Final = {name: hostile for name, hostile in HOSTILE.items() if MARK in hostile[:30]}


@cache
def harmless(format_: str) -> str:
    """What the format makes of a plan with nothing hostile in it."""
    return FORMATS[format_](everywhere("x"), HEADING)


def is_inert(told: str) -> None:
    """No character acts on a terminal or hides, and no line is a command of a CI runner."""
    hides_nothing(told)
    assert not commands(told)


def hides_nothing(told: str) -> None:
    """Every character but the line ends is there to be seen."""
    assert not [c for c in told if unicodedata.category(c) in ACTING and c != "\n"]
    assert not UNSEEN & set(told)


def commands(told: str) -> list[str]:
    """The lines that a CI runner could take for commands."""
    lines = PASSED_OVER.sub("", told).splitlines()
    return [line for line in lines if line.lstrip().startswith("::") or OLD_COMMAND.search(line)]


# Oracles: what a format must be for a hostile text


def text_oracle(told: str, hostile: str) -> None:
    """A terminal's text has its lines and no more, and says the text."""
    is_inert(told)
    assert told.count("\n") == harmless("text").count("\n")
    assert hostile not in SHORT.values() or told.count(MARK) > 60


JSON_ACTS: Final = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def json_oracle(told: str, hostile: str) -> None:
    """JSON gives back the very text in every place, and holds nothing raw that acts on a terminal or a pipeline."""
    assert not JSON_ACTS.search(told)
    assert not re.search(r"##[a-z]*\[", told)
    read, plan = json.loads(told), everywhere(hostile)
    assert (read["company"]["abbreviate"], read["endpoint"], read["desired"]["files"]) == (hostile, hostile, [hostile])
    assert [note["message"] for note in read["notes"]] == [hostile, f"kept {hostile}"]
    assert [limit["operatorIds"] for limit in read["guardrails"]] == [[hostile, f"8{hostile}"], [hostile]]
    for written, action in zip(read["actions"], plan.actions, strict=True):
        assert written["operatorId"] == action.operator_id
        assert written["name"] == action.name
        assert written["source"]["file"] == hostile
        assert written.get("blocked", "") == action.blocked
        assert [(c["before"], c["after"]) for c in written["changes"]] == [(c.before, c.after) for c in action.changes]


MARKDOWN_TAGS: Final = {
    *("html", "head", "body", "h3", "h4", "h5", "p", "blockquote", "sub", "table", "thead", "tbody", "tr", "th", "td"),
    *("ul", "li", "code", "pre", "em", "br", "details", "summary", "strong"),
}
Shape = list[tuple[str, dict[str, str]]]
LONG: Final = 2_000
"""Of texts that are longer a comment has no room for all places, so the rest is looked at with more room."""
ROOM_FOR_ALL: Final = 1_000_000


@cache
def harmless_page(parser: str) -> tuple[Shape, str, list[str]]:
    """Elements, text outside of code, and code of a harmless plan's Markdown."""
    root = MARKDOWN_PARSERS[parser](harmless("markdown"))
    assert {element.tag for element in elements(root)} <= MARKDOWN_TAGS
    return shape(root), outside_code(root), codes(root)


def shape(root: Element) -> Shape:
    """Elements with their attributes."""
    return [(element.tag, dict(element.attrib)) for element in elements(root)]


def markdown_oracle(told: str, hostile: str) -> None:
    """Markdown has a harmless plan's elements, cells and words, and the text only in its code spans."""
    is_inert(told)
    assert "$`" not in told
    assert "`$" not in told
    if "**Shown here: " in told:
        assert len(hostile) > LONG
        for parse in MARKDOWN_PARSERS.values():
            root = parse(told)
            assert {element.tag for element in elements(root)} <= MARKDOWN_TAGS | {"strong"}
            assert MARK not in outside_code(root)
        with patch.object(markdown, "LIMIT", ROOM_FOR_ALL):
            told = markdown.plan(everywhere(hostile), HEADING)
        is_inert(told)
        assert "$`" not in told
        assert "`$" not in told
    assert [line[:2] for line in told.splitlines()] == [line[:2] for line in harmless("markdown").splitlines()]
    for parser, parse in MARKDOWN_PARSERS.items():
        root = parse(told)
        expected, words, spans = harmless_page(parser)
        assert shape(root) == expected
        assert outside_code(root) == words
        found = codes(root)
        assert len(found) == len(spans)
        said = [MARK in span for span, plain in zip(found, spans, strict=True) if "x" in plain.replace("expect", "")]
        assert hostile not in SHORT.values() or said.count(True) > 60


def html_oracle(told: str, hostile: str) -> None:
    """A page has a harmless plan's elements and attributes; no text of it is script, style, handler or address."""
    hides_nothing(told)
    assert commands(told) == commands(harmless("html"))
    assert page_shape(told) == harmless_shape()
    assert hostile not in SHORT.values() or told.count(MARK) > 60


@cache
def harmless_shape() -> list[Any]:
    """Those of a harmless plan's page."""
    return page_shape(harmless("html"))


def page_shape(html: str) -> list[Any]:
    """Elements with the names of their attributes, and whole what a browser would run, load or apply."""
    acts = ("href", "src", "action", "style", "content", "http-equiv")
    return [
        (
            element.tag,
            sorted(element.attrib),
            {name: value for name, value in element.attrib.items() if name in acts or name.startswith("on")},
            text(element) if element.tag in ("script", "style") else "",
        )
        for element in elements(page(html))
    ]


def gitlab_oracle(told: str, hostile: str) -> None:
    """The widget's JSON is three numbers, the same as for a harmless plan."""
    read = json.loads(told)
    assert list(read) == ["create", "update", "delete"]
    assert [type(number) for number in read.values()] == [int] * 3
    assert told == harmless("gitlab")


ANNOTATION: Final = re.compile(
    r"::(?:error|warning|notice)(?: [a-zA-Z]+=(?:[^%:,\r\n]|%0D|%0A|%25|%3A|%2C)*"
    r"(?:,[a-zA-Z]+=(?:[^%:,\r\n]|%0D|%0A|%25|%3A|%2C)*)*)?::(?:[^%\r\n]|%0D|%0A|%25)*"
)


def github_oracle(told: str, hostile: str) -> None:
    """Every line is one whole annotation, as many as for a harmless plan, and none of another kind."""
    lines, plain = told.removesuffix("\n").split("\n"), harmless("github").removesuffix("\n").split("\n")
    assert all(ANNOTATION.fullmatch(line) for line in lines)
    assert [line.split(" ")[0].split("::")[1] for line in lines] == [
        line.split(" ")[0].split("::")[1] for line in plain
    ]
    hides_nothing(told)
    assert not OLD_COMMAND.search(PASSED_OVER.sub("", told))


ORACLES: Final[dict[str, Callable[[str, str], None]]] = {
    "text": text_oracle,
    "json": json_oracle,
    "markdown": markdown_oracle,
    "html": html_oracle,
    "gitlab": gitlab_oracle,
    "github": github_oracle,
}


def test_every_format_has_an_oracle() -> None:
    """A new format says what hostile text must not do to it."""
    assert set(FORMATS) <= set(ORACLES)


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("group", GROUPS)
def test_hostile_text_does_nothing(format_: str, group: str, share: Share) -> None:
    """In every place of a plan, in every format, hostile text is said and does nothing."""
    texts = share.of_named(GROUPS[group], 4)
    assert_holds_for(texts, lambda text: ORACLES[format_](FORMATS[format_](everywhere(text), HEADING), text))


def test_the_corpus() -> None:
    """The corpus has no text twice, and enough of them."""
    assert len(set(HOSTILE.values())) == len(HOSTILE) >= 200


def test_the_plan_has_the_text_everywhere() -> None:
    """The plan that carries a text has it in each place that somebody else can fill."""
    plan: Plan = everywhere(MARK)
    assert all(MARK in action.operator_id and MARK in action.name and MARK in action.group for action in plan.actions)
    assert {action.password.kind for action in plan.actions if action.password} == {"env", "file"}
    assert {action.origin for action in plan.actions} == {"change", "drift"}


# What `visible` promises to all of them


def test_visible_text_is_inert() -> None:
    """Text made visible acts nowhere, also where a line begins with it, and stays as it is when it is made so again."""

    def rule(hostile: str) -> None:
        is_inert(visible(hostile))
        assert visible(visible(hostile)) == visible(hostile)

    assert_holds_for(HOSTILE, rule)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("##[error]x", "#\\x23[error]x"),
        ("a ##vso[task]x", "a #\\x23vso[task]x"),
        ("##VSO[task]x", "#\\x23VSO[task]x"),
        ("##\u5f20[", "##\u5f20["),
        ("###[", "##\\x23["),
        ("##[##[", "#\\x23[#\\x23["),
        ("::add-mask::x", "\\x3a:add-mask::x"),
        ("  ::error::", "  \\x3a:error::"),
        ("\u3000::error::", "\\u3000::error::"),
        ("\t::error::", "\\x09::error::"),
    ],
)
def test_a_command_is_written_out(hostile: str, shown: str) -> None:
    """Of a runner's command one character is its code, and the rest stays legible."""
    assert visible(hostile) == shown


@pytest.mark.parametrize(
    "plain", ["a::b", "a ::b", ":", ": :x", "#1", "# #[", "##", "## [x]", "##1[", "[##]", "C++::f"]
)
def test_what_is_no_command_is_left(plain: str) -> None:
    """Colons inside a text, and hashes that no bracket follows, stay as they are."""
    assert visible(plain) == plain
