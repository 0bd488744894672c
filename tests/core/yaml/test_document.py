"""Text to Document: values by YAML 1.2, the place of each, and everything that is refused while reading."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from reconciler.core.model.problem import MAX_BYTES, Place, Problem
from reconciler.core.yaml import document as module
from reconciler.core.yaml import events as parser_events
from reconciler.core.yaml.document import Document, parse
from reconciler.core.yaml.nodes import Mapping, Path, Sequence
from reconciler.core.yaml.scalars import plain_scalar
from tests.core.build import document
from tests.strategies import Written, written_documents

PARSERS = pytest.mark.parametrize("pure", [False, True], ids=["libyaml", "python"])


def refused(text: str | bytes, *, pure: bool = False) -> Problem:
    """The one problem of a text of which no document can be made."""
    found, problems = parse("f.yaml", text if isinstance(text, bytes) else text.encode(), pure=pure)
    assert found is None
    (problem,) = problems
    return problem


def complaints(text: str, *, pure: bool = False) -> list[tuple[int, int, str]]:
    """Places and messages of the problems after which reading went on."""
    found, problems = parse("f.yaml", text.encode(), pure=pure)
    assert found is not None, problems
    return [(problem.place.line, problem.place.column, problem.message) for problem in problems]


def value(text: str, *, pure: bool = False) -> Any:
    """The value of the key `x`."""
    found, problems = parse("f.yaml", text.encode(), pure=pure)
    assert found is not None
    assert problems == ()
    return found.root["x"]


def paths(node: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every value."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, child in items:
        yield from paths(child, (*path, step))


@PARSERS
@pytest.mark.parametrize(
    ("text", "has_quotes"),
    [("x: “a”", True), ("x: [1, a”]", True), ("x: &a ‘a", True), ("x: {y: 60087\"}", True), ("x: a\"b", False),
     ("x: “", True), ('x: "“a”"', False), ("“x”: a", False), ("x: |\n  “a”", False), ("x:", False),
     ("x:\n" + "".join(f"- a{number}\n" for number in range(5000)) + "- “a”\n", True)],
)  # fmt: skip
def test_it_is_known_whether_a_plain_text_has_a_quote_at_an_end(text: str, *, has_quotes: bool, pure: bool) -> None:
    """Of values without YAML's quotes alone, wherever they stand and however many there are."""
    found, _ = parse("f.yaml", text.encode(), pure=pure)
    assert found is not None
    assert found.has_quotes is has_quotes


# Scalars: https://yaml.org/spec/1.2.2/#103-core-schema


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        *((text, text) for text in ("no", "No", "yes", "on", "off", "y", "n", "tRUE", "nULL", "none")),
        *((text, text) for text in ("12:30:45", "1:30", "190:20:30", "2026-11-22", "2026-11-22T10:00:00Z")),
        *((text, text) for text in ("1_000", "0b11", "0x", "0o8", "+0x1", "-0o7", "0X1F", "1e", "e1", "1 2", "=")),
        *((text, text) for text in ("0071", "0081", "00", "-01", "+007", "00.5", "01e3", "08")),
        *((text, text) for text in (".", "-", "+", "-.", "+.e1", ".e1", "..1", "1.2.3", ".nan.", "+.nan", ".iNF")),
        *((text, text) for text in ("１２", "٣", "1\n", "0x1\n", "1.5\n")),
        *((text, int(text)) for text in ("0", "-0", "+0", "8001", "-19", "+12", "9" * 100)),
        ("0o14", 12),
        ("0xDeadBeef", 0xDEADBEEF),
        ("9" * 101, float("inf")),
        ("0x" + "f" * 5000, float("inf")),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("0.", 0.0),
        ("12e03", 12000.0),
        ("-2E+05", -200000.0),
        ("0.1e-1", 0.01),
        ("1e400", float("inf")),
        *((text, float("inf")) for text in (".inf", ".Inf", ".INF", "+.inf", "+.INF")),
        *((text, float("-inf")) for text in ("-.inf", "-.Inf", "-.INF")),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, expected: object) -> None:
    """YAML 1.2's core table and nothing of 1.1; and a number with a leading zero stays text."""
    found = plain_scalar(text)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number_is_a_number(text: str) -> None:
    """The core schema's three spellings of NaN are floats."""
    found = plain_scalar(text)
    assert isinstance(found, float)
    assert math.isnan(found)


@given(st.one_of(st.from_regex(r"\A[-+]?[0-9.]{1,6}(e[-+]?[0-9]{1,3})?\Z"), st.text(max_size=6)))
def test_text_that_is_no_number_stays_as_it_is(text: str) -> None:
    """A plain scalar is a word of the table, a number that Python reads alike, or the text itself."""
    found = plain_scalar(text)
    if isinstance(found, str):
        assert found == text
    elif isinstance(found, int | float) and not isinstance(found, bool) and not text.startswith(("0x", "0o")):
        assert float(found) == float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        assert not re.match(r"[-+]?0[0-9]", text)


@PARSERS
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x: 8001", 8001),
        ('x: "8001"', "8001"),
        ("x: '8001'", "8001"),
        ("x: !!str 8001", "8001"),
        ("x: ! 8001", "8001"),
        ("x: !!int 8001", 8001),
        ('x: !!int "8001"', 8001),
        ("x: !!bool true", True),
        ("x: !!null ~", None),
        ("x: !!null", None),
        ("x: |\n  no\n", "no\n"),
        ("x: >-\n  a\n  b\n", "a b"),
        ("x: a\n  b", "a b"),
        ('x: "a\\u0041\\x41\\U0001F600"', "aAA😀"),
        ("x: !!map {a: 1}", {"a": 1}),
        ("x: !!seq [1]", [1]),
        ("x: ! {a: 1}", {"a": 1}),
        ("x: {no: on, 1: 2, ~: 3}", {"no": "on", "1": 2, "~": 3}),
        ("x: [0071, 0081, 12:30:45, 2026-11-22]", ["0071", "0081", "12:30:45", "2026-11-22"]),
        ('{"x":1}', 1),
        ("%YAML 1.2\n---\nx: 1\n...\n", 1),
    ],
)
def test_styles_and_tags(text: str, expected: object, pure: bool) -> None:
    """Quotes and `!!str` make text, tags that say what the value is anyway are allowed, keys are always text."""
    found = value(text, pure=pure)
    assert (found, found.__class__ in (Mapping, Sequence)) == (expected, isinstance(expected, dict | list))


def test_a_file_of_many_words() -> None:
    """However many different plain scalars a file has, each is read as what it means."""
    found = value("x: [" + ", ".join(f"{number}, w{number}" for number in range(5000)) + ", 4999, w4999]")
    assert found == [*(each for number in range(5000) for each in (number, f"w{number}")), 4999, "w4999"]


@PARSERS
@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("x: !!int abc", 4),
        ("x: !!int true", 4),
        ("x: !!bool 1", 4),
        ("x: !!null 1", 4),
        ("x: !!float 1.5", 4),
        ("x: !!binary aGk=", 4),
        ("x: !!timestamp 2026-11-22", 4),
        ("x: !env PASSWORD", 4),
        ("x: !<int> 5", 4),
        ("x: !!python/name:os.system x", 4),
        ("x: !!python/object/apply:os.system [x]", 4),
        ("x: !!set {a}", 4),
        ("x: !!omap [a: 1]", 4),
        ("x: !!map [a]", 4),
        ("x: !!seq {a: 1}", 4),
        ("x: [a, !b c]", 8),
    ],
)
def test_other_tags_are_refused(text: str, column: int, pure: bool) -> None:
    """A tag that would change the value, or run something, is a problem at the tag, and the rest is still read."""
    assert complaints(text + "\n", pure=pure) == [(1, column, "this tag cannot be used here")]


def test_half_a_surrogate_pair_is_refused() -> None:
    """An escape that is no character is a problem at its place, whichever parser finds it."""
    assert "escape" in refused('x: "\\ud800"').message
    assert complaints('x: "\\ud800"', pure=True) == [(1, 4, "half of a surrogate pair is no character")]
    assert complaints('x: !!str "\\udfff"', pure=True) == [(1, 4, "half of a surrogate pair is no character")]
    assert set(complaints('"\\ud800": 1', pure=True)) == {(1, 1, "half of a surrogate pair is no character")}


# Keys


@PARSERS
def test_duplicate_keys_are_named(pure: bool) -> None:
    """Each repetition of a key is a problem at the repetition; the first value stands."""
    text = "a: 1\nb: {c: 1, c: 2}\na: 2\n'a': 3\n"
    assert complaints(text, pure=pure) == [
        (2, 11, "the key c stands twice in this mapping"),
        (3, 1, "the key a stands twice in this mapping"),
        (4, 1, "the key a stands twice in this mapping"),
    ]
    found, _ = parse("f.yaml", text.encode(), pure=pure)
    assert found is not None
    assert found.root == {"a": 1, "b": {"c": 1}}


@PARSERS
@pytest.mark.parametrize("text", ["password: {env: A, hunter2: 1, hunter2: 2}", "password: [{hunter2: 1, hunter2: 2}]"])
def test_a_key_inside_a_password_is_not_repeated(text: str, pure: bool) -> None:
    """A duplicate key inside `password` may be the password itself, and so is not shown."""
    ((_, _, message),) = complaints(text, pure=pure)
    assert message == "a key stands twice in this mapping"


@PARSERS
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("? [a]\n: b\n", (1, 3)),
        ("? {a: 1}\n: b\n", (1, 3)),
        ("a: &x b\n*x : c\n", (2, 1)),
        ("[a]: b\n", (1, 1)),
    ],
)
def test_a_key_is_a_scalar(text: str, place: tuple[int, int], pure: bool) -> None:
    """A list, a mapping or an alias as a key is a problem; its value is left out."""
    assert complaints(text, pure=pure) == [(*place, "a key must be plain text")]


# Anchors and merge keys


@PARSERS
def test_anchors_stand_for_what_they_mark(pure: bool) -> None:
    """An alias is the value of the last anchor of that name: scalar, list or mapping."""
    text = "x:\n- &a 1\n- &b [p]\n- &c {q: r}\n- [*a, *b, *c]\n- &a 2\n- *a\n"
    assert value(text, pure=pure) == [1, ["p"], {"q": "r"}, [1, ["p"], {"q": "r"}], 2, 2]


@PARSERS
@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        ("{&k p: 1, <<: *b}", {"p": 1, "r": "b"}),
        ("{&k !!str p: 1, !!str q: *k}", {"p": 1, "q": "p"}),
        ("{<<: *a, p: own}", {"p": "own", "q": "a"}),
        ("{p: own, <<: *a}", {"p": "own", "q": "a"}),
        ("{<<: [*a, *b]}", {"p": "a", "q": "a", "r": "b"}),
        ("{<<: [*b, *a]}", {"p": "b", "r": "b", "q": "a"}),
        ("{<<: {s: inline}}", {"s": "inline"}),
        ("{<<: []}", {}),
        ("{'<<': 1}", {"<<": 1}),
        ('{"<<": 1, <<: *b}', {"<<": 1, "p": "b", "r": "b"}),
    ],
)
def test_merge_precedence(merge: str, expected: dict[str, object], pure: bool) -> None:
    """A key of the mapping's own wins wherever the merge key stands, then the earlier source; quoted it is a key."""
    text = f"a: &a {{p: a, q: a}}\nb: &b {{p: b, r: b}}\nx: {merge}\n"
    assert value(text, pure=pure) == expected


@PARSERS
def test_a_merge_of_a_merge(pure: bool) -> None:
    """What was merged is merged on, with the place where it was first written."""
    text = "a: &a {p: 1}\nb: &b\n  <<: *a\n  q: 2\nx:\n  <<: *b\n"
    found, problems = parse("f.yaml", text.encode(), pure=pure)
    assert found is not None
    assert problems == ()
    assert found.root["x"] == {"q": 2, "p": 1}
    assert found.place(("x", "p")) == Place("f.yaml", 1, 11)
    assert found.place(("x", "p"), key=True) == Place("f.yaml", 1, 8)
    assert found.place(("x", "q")) == Place("f.yaml", 4, 6)


@PARSERS
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x: *nope", [(1, 4, "an alias to an anchor that is not defined above")]),
        ("x: *later\ny: &later 1\n", [(1, 4, "an alias to an anchor that is not defined above")]),
        ("x: {<<: 1}", [(1, 9, "a merge key (<<) takes a mapping or a list of mappings")]),
        ("a: &a {}\nx: {<<: [*a, 1]}", [(2, 9, "a merge key (<<) takes a mapping or a list of mappings")]),
        ("a: &a {}\nx: {<<: *a, <<: *a}", [(2, 13, "the key << stands twice in this mapping")]),
    ],
)
def test_bad_aliases_and_merges(text: str, found: list[tuple[int, int, str]], pure: bool) -> None:
    """An alias needs an anchor above it, a merge takes mappings, and stands once."""
    assert complaints(text, pure=pure) == found


@PARSERS
@pytest.mark.parametrize("text", ["&a [*a]", "x: &a [*a]", "x: &a {y: {z: *a}}", "x: &a {<<: *a}"])
def test_recursion_is_refused(text: str, pure: bool) -> None:
    """An alias inside what it stands for has no end."""
    assert refused(text, pure=pure).message == "an alias to something that contains it"


def bomb(levels: int, *, merging: bool) -> str:
    """Each level holds the one before ten times."""
    lines = ["a0: &a0 {k0: v}"]
    for level in range(1, levels):
        ten = ", ".join([f"*a{level - 1}"] * 10)
        body = f"{{<<: [{ten}], k{level}: v}}" if merging else f"{{k: [{ten}]}}"
        lines.append(f"a{level}: &a{level} {body}")
    return "\n".join(lines) + "\n"


@PARSERS
def test_an_alias_bomb_is_refused(pure: bool) -> None:
    """Aliases that expand to more values than any file needs are refused at the alias where it becomes too much."""
    problem = refused(bomb(9, merging=False), pure=pure)
    assert problem.message == "aliases and merge keys expand to more than 4,000,000 values"
    assert problem.place.line in (7, 8)
    assert complaints(bomb(5, merging=False), pure=pure) == []


@pytest.mark.exhaustive(0)
@PARSERS
def test_a_merge_bomb_is_refused(pure: bool) -> None:
    """So are merge keys, also where the values are many and the keys are not."""
    wide = "a: &a {" + ", ".join(f"k{index}: v" for index in range(2000)) + "}\n"
    merges = "x:\n" + "".join("- {<<: *a}\n" for _ in range(2100))
    problem = refused(wide + merges, pure=pure)
    assert problem.message == "aliases and merge keys expand to more than 4,000,000 values"
    assert problem.place.line <= 2 + 4_000_000 / 2000
    nested = refused(bomb(9, merging=False).replace("k: [", "<<: [*a0], k: ["), pure=pure)
    assert nested.message == problem.message


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"', 'a: "\\U00110000"', "%YAML 1." + "9" * 5000 + "\n---\na: 1"])
def test_what_the_python_parser_chokes_on(text: str) -> None:
    """Escapes and directives that mean nothing are a problem of the file with both parsers, and no crash."""
    for pure in (False, True):
        assert refused(text, pure=pure).message.startswith("not valid YAML")


@pytest.mark.exhaustive(0)
def test_as_many_merges_as_a_company_needs() -> None:
    """100,000 agents may merge one anchor of 16 fields each."""
    sixteen = ", ".join(f"k{index}: v" for index in range(16))
    found, problems = parse("f.yaml", (f"a: &a {{{sixteen}}}\nx:\n" + "- {<<: *a}\n" * 100_000).encode())
    assert found is not None
    assert problems == ()
    assert found.place(("x", 99_999, "k15")).line == 1


# What is refused whole


@PARSERS
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_depth(opening: str, closing: str, pure: bool) -> None:
    """64 levels are read; the 65th is refused where it begins, however many follow."""
    deep = "x: " if closing else "x:\n"
    good = f"{deep}{opening * 63}1{closing * 63}"
    found, problems = parse("f.yaml", good.encode(), pure=pure)
    assert found is not None
    assert problems == ()
    for levels in (64, 20_000):
        bad = refused(f"{deep}{opening * levels}1{closing * levels}", pure=pure)
        assert bad.message == "nested deeper than 64 levels"
        line, before = (1, 3) if closing else (2, 0)
        assert bad.place == Place("f.yaml", line, before + 63 * len(opening) + 1)


@PARSERS
@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "the file is empty", (1, 1)),
        ("\n\n# only a comment\n", "the file is empty", (1, 1)),
        ("---\n...\n", "the file is empty", (1, 1)),
        ("~", "the file is empty", (1, 1)),
        ("- a\n", "the file must be a mapping of keys and values", (1, 1)),
        ("text", "the file must be a mapping of keys and values", (1, 1)),
        ("a: 1\n---\nb: 2\n", "a second document starts here", (2, 1)),
        ("a: 1\n...\n---\nb: 2\n", "a second document starts here", (3, 1)),
        ("a: 1\n--- {}\n", "a second document starts here", (2, 1)),
    ],
)
def test_one_mapping_in_one_document(text: str, message: str, place: tuple[int, int], pure: bool) -> None:
    """A file is one document, and that a mapping."""
    problem = refused(text, pure=pure)
    assert (problem.message, problem.place) == (message, Place("f.yaml", *place))


@pytest.mark.parametrize(
    ("data", "place", "byte"),
    [
        (b"\xff\xfea\x00", (1, 1), "0xff"),
        (b"a: 1\nb: \xff", (2, 4), "0xff"),
        ("a: 张三".encode("gb18030"), (1, 4), "0xd5"),
        (b"a: \xed\xa0\x80", (1, 4), "0xed"),
        (b"a: \xc0\xaf", (1, 4), "0xc0"),
        (b"a: [\nb: \xff", (2, 4), "0xff"),
        (b"\xff\xfea\x00:\x00 \x001\x00", (1, 1), "0xff"),
        (b"\xfe\xff\x00a\x00:\x00 \x001", (1, 1), "0xfe"),
    ],
)
def test_only_utf8(data: bytes, place: tuple[int, int], byte: str) -> None:
    """Another encoding, a surrogate or an overlong form is refused at its first byte."""
    problem = refused(data)
    assert problem.message == f"byte {byte} is not UTF-8"
    assert problem.place == Place("f.yaml", *place)


@PARSERS
@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: \x00", "0000", (1, 4)),
        ("a: 1\r\n\r\nb: \x1b[31m", "001B", (3, 4)),
        ("a: \x7f", "007F", (1, 4)),
        ("# \u2028\x07", "0007", (2, 1)),
        ("a: \ufeffb", "FEFF", (1, 4)),
        ("\ufeff\ufeffa: 1", "FEFF", (1, 1)),
        ("a: \uffff", "FFFF", (1, 4)),
        ("a: \x80", "0080", (1, 4)),
        ("a: \x9f", "009F", (1, 4)),
        ("a: \ufffe", "FFFE", (1, 4)),
        ("a: [\nb: \x07", "0007", (2, 4)),
        ("a: 1\n---\nb: \x07", "0007", (3, 4)),
    ],
)
def test_control_characters_are_refused(text: str, code: str, place: tuple[int, int], pure: bool) -> None:
    """A character that YAML does not allow is refused where it stands, and named by its number."""
    problem = refused(text, pure=pure)
    assert problem.message == f"character U+{code} may not stand in a YAML file"
    assert problem.place == Place("f.yaml", *place)


def test_the_size_of_a_file_is_limited() -> None:
    """More than 64 MB are not even decoded."""
    problem = refused(b"\xff" * (MAX_BYTES + 1))
    assert problem.message == "the file has 64 MB; 64 MB is the limit"
    assert problem.place == Place("f.yaml", 1, 1)


@PARSERS
def test_a_byte_order_mark_is_no_part_of_the_text(pure: bool) -> None:
    """A BOM at the beginning is taken off and moves no column."""
    found, problems = parse("f.yaml", b"\xef\xbb\xbfa: 1\n", pure=pure)
    assert found is not None
    assert problems == ()
    assert found.place(("a",)) == Place("f.yaml", 1, 4)
    assert found.root == {"a": 1}


@PARSERS
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_every_line_break_counts_once(newline: str, pure: bool) -> None:
    """CRLF and YAML's other line breaks count as one line each, and are no part of a value."""
    found, problems = parse("f.yaml", newline.join(["a: 1", "# c", "b: x y # d", "c: 007"]).encode(), pure=pure)
    assert found is not None
    assert problems == ()
    assert found.root == {"a": 1, "b": "x y", "c": "007"}
    assert found.place(("c",)) == Place("f.yaml", 4, 4)
    assert found.typed_at(found.place(("b",))) == "x y"


# Syntax errors


@PARSERS
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: b: c\n", 1, "not valid YAML: mapping values are not allowed"),
        ("a: 1\n b: 2\n", 2, "not valid YAML"),
        ("a: 'x\nb: 1\n", 1, "a quote opens here and is not closed"),
        ("a: [1\n", 2, "not valid YAML"),
        ("a: @x\n", 1, "not valid YAML: found character"),
        ("a: !x!y z\n", 1, "not valid YAML: found undefined tag handle"),
        ('a: "\\q"\n', 1, "not valid YAML: found unknown escape character"),
        ("a:\n\tb: 1\n", 2, "a tab stands where YAML allows only spaces"),
        ("\tb: 1\n", 1, "a tab stands where YAML allows only spaces"),
    ],
)
def test_syntax_errors(text: str, line: int, message: str, pure: bool) -> None:
    """What is no YAML is one problem, at the parser's place, in one line."""
    problem = refused(text, pure=pure)
    assert problem.message.startswith(message)
    assert "\n" not in problem.message
    assert problem.place.line == line
    assert problem.hint


@PARSERS
@pytest.mark.parametrize(
    "password",
    [
        "@hunter2",
        "%hunter2",
        "`hunter2`",
        "*hunter2.x",
        "*hunter2",
        "&hunter2",
        "&hunter2 x",
        "!hunter2 x",
        "!hun!ter2 x",
        "!<hunter2",
        "!!hunter2 x",
        "|hunter2",
        "|\nhunter2",
        ">9hunter2",
        "{hunter2",
        "{hunter2: hunter2, hunter2: 1}",
        "[hunter2",
        "hunter2]: x",
        "'hunter2",
        '"hunter2',
        "'hunter2'hunter2",
        '"hunter2\\q"',
        '"hunter2\\xZZ"',
        "hunter2: hunter2",
        "hunter2\n hunter2: hunter2",
        "- hunter2",
        "? hunter2",
        "!!int hunter2",
        "{<<: hunter2}",
        "{<<: *hunter2}",
        "{? [hunter2] : hunter2}",
        "--- hunter2",
        "hunter2\n--- hunter2",
        "hunter2\n\thunter2: x",
        "[hunter2, hunter2: x, ]hunter2",
    ],
)
def test_no_problem_repeats_a_password(password: str, pure: bool) -> None:
    """Whatever a password that begins like YAML's own syntax is taken for, no message shows it."""
    _, problems = parse("f.yaml", f"agents:\n- operatorId: a\n  password: {password}\n".encode(), pure=pure)
    assert "hunter2" not in repr(problems)


# Places


def test_the_place_of_everything() -> None:
    """Keys and values have their own places; a path that ends nowhere has that of its deepest part that exists."""
    found = document("a: 1\nb:\n  - c: &x d\n    e: [f, *x]\n")
    places = {
        (): (1, 1),
        ("a",): (1, 4),
        ("b",): (3, 3),
        ("b", 0): (3, 5),
        ("b", 0, "c"): (3, 8),
        ("b", 0, "e"): (4, 8),
        ("b", 0, "e", 0): (4, 9),
        ("b", 0, "e", 1): (4, 12),
        ("nope",): (1, 1),
        ("b", 0, "nope"): (3, 5),
        ("b", 1): (3, 3),
        ("b", "c"): (3, 3),
        ("a", "deeper", 3): (1, 4),
    }
    assert {path: found.place(path) for path in places} == {
        path: Place("agents.yaml", *at) for path, at in places.items()
    }
    assert found.place(("b",), key=True) == Place("agents.yaml", 2, 1)
    assert found.place(("b", 0, "e"), key=True) == Place("agents.yaml", 4, 5)
    assert found.place(("b", 0), key=True) == Place("agents.yaml", 3, 5)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x: 8001", "8001"),
        ("x: 0x1F # why", "0x1F"),
        ("x: 12 34 # why", "12 34"),
        ("x: a#b #c", "a#b"),
        ("{x: 1.0, y: 2}", "1.0"),
        ("{x: 1.0}", "1.0"),
        ("x: [1]", ""),
        ("x: {}", ""),
        ("x:", ""),
        ("x: 8001 \t", "8001"),
    ],
)
def test_what_was_written(text: str, written: str) -> None:
    """A plain scalar is shown as it was typed: without its comment, and not as the number that it became."""
    found = document(text)
    assert found.typed_at(found.place(("x",))) == written


typed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@typed
@given(written_documents())
def test_both_parsers_say_what_was_written(written: Written) -> None:
    """In any mixture of styles the value is the one meant, and every place points at the text typed."""
    for pure in (False, True):
        found, problems = parse("f.yaml", written.text.encode(), pure=pure)
        assert problems == ()
        assert found is not None
        assert found.root == written.value
        assert set(written.values_at) == set(paths(found.root))
        for path, at in written.values_at.items():
            assert found.place(path) == Place("f.yaml", *at)
        for path, at in written.keys_at.items():
            assert found.place(path, key=True) == Place("f.yaml", *at)


@typed
@given(written_documents(), st.data())
def test_both_parsers_read_the_same(written: Written, data: st.DataObject) -> None:
    """A text that was damaged anywhere, and that both parsers still read, means the same to both."""
    at = data.draw(st.integers(0, len(written.text)))
    inserted = data.draw(st.sampled_from([*"\"'[]{}:,-?&*!|># \n\t%@~ab1", ": ", "- ", "\n- ", "*a ", "&a "]))
    text = written.text[:at] + inserted + written.text[at:]
    assume(not re.search(r"\\U(?!000|0010)", text))  # beyond Unicode
    (one, complaints_one), (two, complaints_two) = (parse("f.yaml", text.encode(), pure=p) for p in (False, True))
    if one and two:
        assert one.root == two.root
        assert [problem.message for problem in complaints_one] == [problem.message for problem in complaints_two]
    else:
        assert complaints_one or complaints_two


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=40), st.text(alphabet="ab1 \n\t:-?[]{}!&*<>|'\"#%@,\\=~é", max_size=40)))
@example("a: *b")
@example(b"\x00")
def test_any_bytes_are_read_or_refused(data: bytes | str) -> None:
    """No bytes raise: there is a document, or there are problems, each within the file."""
    raw = data.encode() if isinstance(data, str) else data
    for pure in (False, True):
        found, problems = parse("f.yaml", raw, pure=pure)
        assert isinstance(found, Document) or problems
        assert all(1 <= problem.place.line <= raw.count(b"\n") + raw.count(b"\r") + 2 for problem in problems)


def test_without_libyaml_the_python_parser_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML was built without libyaml, its Python parser is taken."""
    monkeypatch.setattr(module, "HAS_LIBYAML", False)
    # An escape that only the Python parser lets through tells which of the two it was.
    assert complaints('x: "\\ud800"') == [(1, 4, "half of a surrogate pair is no character")]


@pytest.mark.parametrize("text", ["a: [b, 'c']", "a: [b, 'c'", "a: 1\na: 2", "\x01"])
def test_the_parser_is_as_it_was(text: str) -> None:
    """After a good file and after a bad one others who use PyYAML get its own scalars."""
    parse("f.yaml", text.encode())
    assert [event.value for event in yaml.parse("a: b", Loader=yaml.CSafeLoader) if isinstance(event, yaml.ScalarEvent)]


@given(written_documents())
def test_a_parser_that_looks_elsewhere(written: Written) -> None:
    """A PyYAML whose scalars are made in another way is read the same."""
    usual = parse("f.yaml", written.text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parser_events, "_scalar_tuple", yaml.ScalarEvent)
        patch.setattr(parser_events, "_replacement_works", cache(parser_events._replacement_works.__wrapped__))
        assert parse("f.yaml", written.text.encode()) == usual


def test_threads_read_at_once() -> None:
    """Readers in several threads do not disturb each other."""
    text = "a:\n" + "".join(f"  - {{b: '{number}', c: {number}}}\n" for number in range(3000))
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: parse("f.yaml", text.encode()), range(8)))
    assert found == [parse("f.yaml", text.encode())] * 8
    assert not any(problems for _, problems in found)
