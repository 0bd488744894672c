"""Canonical spelling: what is written is read back, by any reader, and looks like what a person would write."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.desired.schema import agents_schema
from reconciler.core.model.fields import BY_NAME, FIELDS, KEY, Value
from reconciler.core.yaml.document import parse
from reconciler.core.yaml.spelling import (
    AGENT_ORDER,
    COMPANY_ORDER,
    FIELD_ORDER,
    GUARDRAIL_ORDER,
    PASSWORD_ORDER,
    POOL_ORDER,
    QUOTED,
    TOP_ORDER,
    field_value,
    is_expressible,
    scalar,
    writable,
)
from tests.fuzz import examples
from tests.hostile import HOSTILE, assert_holds_for, named

ODD = (
    *("", " ", "~", "null", "no", "On", "y", "TRUE", "1e3", "0071", "0x1f", "0o17", ".inf", ".5", "-", "- a", "---"),
    *("...", "=", "<<", "?", "? a", ":", ": a", "a:", "a: b", "a:b", "a #b", "a#b", "#", "[", "{a}", "a,b", "*a", "&a"),
    *("!a", "|", ">", "%a", "@a", "`a", "'", '"', "'a'", '"a"', "it's", "\\", "a\\nb", "a\nb", "a\r\nb", "\t", "a\tb"),
    *(" a", "a ", "a  b", "12:30:45", "2026-11-22", "1_000", "+86 138", "\x85", "\u2028", "\ufeff", "\x00", "\x7f"),
    *(
        "👍🏽",
        "👩‍👩‍👧",
        "张三",
        "您好,请",
        "您好，请",
        "\u3000",
        "\u00a0a",
        "\u202ea",
        "\u0301",
        "\U000e0001",
        "٣٤",
        "1 2",
    ),
    *(
        "a" * 2_000,
        "长" * 2_000,
        "a " * 1_000 + "b",
        ": " * 600,
        "a?b",
        "a ?",
        "http://a.b/c?d=e",
        "C:\\a",
        "a:#b",
        "a:::b",
    ),
)
_fragments = st.sampled_from((*"-?:,[]{}#&*!|>'\"%@`\\ \n\t=<~._/(aé张\x85\u2028\ufeff0", ": ", " #", "##", "no"))
texts = st.one_of(st.text(), st.lists(_fragments, max_size=6).map("".join), st.sampled_from(ODD)).filter(writable)

CONTEXTS = {
    "block": "k:\n  - a: {}\n    b: 1\n",
    "flow": "k:\n  - {{a: {}, b: 1}}\n",
    "last in flow": "k:\n  - {{b: 1, a: {}}}\n",
}


def read_back(text: str, context: str, *, pure: bool) -> object:
    """What our reader makes of a value that stands in one of the contexts."""
    document, problems = parse("a.yaml", CONTEXTS[context].format(text).encode(), pure=pure)
    assert document is not None, problems
    assert problems == ()
    root: Any = document.root
    (item,) = root["k"]
    assert item["b"] == 1
    return item["a"]


def assert_read_back(value: Value) -> None:
    """Every reader gives the value back: ours, with both of its parsers, and one of YAML 1.1."""
    for context in CONTEXTS:
        for pure in (False, True):
            found = read_back(scalar(value), context, pure=pure)
            assert found == value
            assert type(found) is type(value)
        old = yaml.load(CONTEXTS[context].format(scalar(value)), Loader=yaml.CSafeLoader)["k"][0]["a"]
        assert old == value
        assert type(old) is type(value)


@settings(deadline=None, max_examples=examples(250))
@given(texts)
def test_any_text_is_read_back(text: str) -> None:
    """Written and read again, a text is the same text: by libyaml and by Python, in block and in flow style."""
    assert_read_back(text)


def test_odd_text_is_read_back() -> None:
    """Whatever YAML gives a meaning to, and everything hostile, is read back as that text."""
    assert_holds_for(named(text[:300] for text in (*ODD, *HOSTILE.values()) if writable(text)), assert_read_back)


@settings(deadline=None, max_examples=examples(100))
@given(st.one_of(st.none(), st.booleans(), st.integers()))
def test_what_is_no_text_is_read_back(value: Value) -> None:
    """Flags, numbers and nothing are themselves again, of their own type."""
    assert_read_back(value)


@settings(deadline=None, max_examples=examples(100))
@given(texts, texts)
def test_a_text_as_a_key_is_read_back(key: str, value: str) -> None:
    """The names of profiles are spelt like values."""
    key = key[:200]
    document, problems = parse("a.yaml", f"{scalar(key)}: {scalar(value)}\n".encode())
    assert document is not None, problems
    assert document.root == {key: value}


@given(texts)
def test_nothing_hides_in_what_is_written(text: str) -> None:
    """Who reviews the file sees all of it: one line, no character that the eye passes over, no command to a runner."""
    written = scalar(text)
    assert written.isprintable()
    assert not {unicodedata.category(character) for character in written} & {"Cc", "Cf", "Zl", "Zp"}
    assert not ("##" in written and "[" in written)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("张三", "张三"),
        ("售后一组", "售后一组"),
        ("Li Lei", "Li Lei"),
        ("O'Brien", "O'Brien"),
        ("agent8001@example.com", "agent8001@example.com"),
        ("您好，请稍候。", "您好，请稍候。"),
        ("https://a.example/b", "https://a.example/b"),
        ("3组", "3组"),
        ("👍🏽", "👍🏽"),
        ("", '""'),
        ("no", '"no"'),
        ("0071", '"0071"'),
        ("12:30:45", '"12:30:45"'),
        ("您好,请稍候", '"您好,请稍候"'),
        ("a\tb\n", r'"a\tb\n"'),
        ('"', r'"\""'),
        (" a", '" a"'),
        ("a\u202eb", r'"a\u202eb"'),
        ("a\x85b", r'"a\x85b"'),
        ("a\U000e0041b", r'"a\U000e0041b"'),
    ],
)
def test_quotes_stand_only_where_they_are_needed(text: str, written: str) -> None:
    """Plain where every reader agrees; in quotes, with escapes for the invisible alone, where one does not."""
    assert scalar(text) == written


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_half_a_surrogate_pair_cannot_be_written(text: str) -> None:
    """No spelling of it is a character, and our reader refuses its escape."""
    assert not writable(text)
    with pytest.raises(ValueError, match="surrogate"):
        scalar(text)
    _, problems = parse("a.yaml", b'k: "\\ud800"\n')
    assert problems


@pytest.mark.parametrize("name", ["operatorId", "showcaller", "bindcode", "sipNumber"])
def test_numbers_that_are_text_are_always_quoted(name: str) -> None:
    """Ids, phone and SIP numbers have quotes even where they could go without."""
    assert name in QUOTED
    assert field_value(name, "a") == '"a"'
    assert field_value("name", "a") == "a"


def test_no_sip_number_is_null() -> None:
    """The word for "no number" has no quotes, or it would be a number."""
    assert field_value("sipNumber", None) == "null"


def test_every_key_has_its_place() -> None:
    """The orders hold every key of the schema once; the password is last."""
    schema = agents_schema()
    defs = schema["$defs"]
    assert sorted(TOP_ORDER) == sorted(schema["properties"])
    assert sorted(COMPANY_ORDER) == sorted(schema["properties"]["company"]["properties"])
    assert sorted(GUARDRAIL_ORDER) == sorted(schema["properties"]["guardrails"]["properties"])
    assert sorted(PASSWORD_ORDER) == sorted(defs["password"]["properties"])
    assert sorted(FIELD_ORDER) == sorted(defs["profile"]["properties"])
    assert sorted(AGENT_ORDER) == sorted(defs["agent"]["properties"])
    assert sorted(POOL_ORDER) == sorted(defs["pool"]["properties"])
    assert AGENT_ORDER[0] == KEY
    assert AGENT_ORDER[-1] == POOL_ORDER[-1] == FIELD_ORDER[-1] == "password"
    assert [name for name in FIELD_ORDER if name != "password"] == [row.name for row in FIELDS if row.compared]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *(("name", "", True), ("name", "\ud800", False), ("roleName", "", False), ("sipNumber", None, True)),
        *(("operatorType", "leader", True), ("operatorType", 7, False), ("judge", True, True), ("judge", 7, False)),
        *(("afterInterval", 0, True), ("afterInterval", -1, False), ("afterInterval", "?", False)),
    ],
)
def test_a_file_can_say_what_fits(name: str, value: Value, *, said: bool) -> None:
    """A value stands in a file only if it fits the field and can be written."""
    assert is_expressible(BY_NAME[name], value) is said
