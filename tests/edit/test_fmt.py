"""`fmt`: the look changes, and nothing else: not what the file says, and not what people wrote beside it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.edit import fmt, formatting, tree
from reconciler.edit.comments import comments
from reconciler.errors import InvalidFiles, ReconcilerError
from tests.core.build import HEAD
from tests.edit.reading import CORPUS, between_agents, comments_of, stated
from tests.edit.scribe import Scribe
from tests.fuzz import examples

corpus = pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
scribes = st.builds(lambda seed: Scribe(Random(seed)), st.integers(0, 2**32))


def test_the_corpus_is_of_many_styles() -> None:
    """The laws below are asked of enough files, and of no comment that stands twice in one."""
    assert len(CORPUS) >= 25
    for path in CORPUS:
        found = comments_of(path.read_bytes())
        assert found
        assert len({*found}) == len(found), path


@corpus
def test_it_looks_as_reviewed(path: Path) -> None:
    """Each file of the corpus comes out as the one of its name in `formatted/`, byte for byte."""
    assert fmt("agents.yaml", path.read_bytes()) == (path.parents[1] / "formatted" / path.name).read_bytes()


@corpus
def test_what_is_formatted_stays(path: Path) -> None:
    """Formatting twice is formatting once."""
    once = fmt("agents.yaml", path.read_bytes())
    assert fmt("agents.yaml", once) == once


@corpus
def test_the_desired_state_stays(path: Path) -> None:
    """The file says the same before and after."""
    data = path.read_bytes()
    assert stated(fmt("agents.yaml", data)) == stated(data)


@corpus
def test_every_comment_stays(path: Path) -> None:
    """No comment is lost, doubled or changed."""
    data = path.read_bytes()
    assert Counter(comments_of(fmt("agents.yaml", data))) == Counter(comments_of(data))


@corpus
def test_comments_stay_with_their_agents(path: Path) -> None:
    """A comment between two agents, or inside one, is there afterwards."""
    data = path.read_bytes()
    said = comments_of(data)
    after = between_agents(fmt("agents.yaml", data), said)
    assert between_agents(data, said).items() <= after.items()


@corpus
def test_both_parsers_place_everything_alike(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where libyaml is missing, PyYAML's own parser leads to the same bytes."""
    expected = fmt("agents.yaml", path.read_bytes())
    monkeypatch.setattr(tree, "_LOADER", yaml.SafeLoader)
    assert fmt("agents.yaml", path.read_bytes()) == expected


@settings(max_examples=examples(150), deadline=None)
@given(scribes)
def test_any_style_says_the_same(scribe: Scribe) -> None:
    """Of a file in any mixture of styles: same state, same comments, and stable."""
    data = scribe.file()
    once = fmt("agents.yaml", data)
    assert stated(once) == stated(data)
    assert fmt("agents.yaml", once) == once
    assert comments(once.decode()) == sorted(comment.rstrip() for comment in scribe.comments)


@settings(max_examples=examples(100), deadline=None)
@given(scribes)
def test_any_comment_stays_with_its_agent(scribe: Scribe) -> None:
    """A comment between two agents is between the same two afterwards."""
    data = scribe.file()
    said = [comment.rstrip() for comment in scribe.comments]
    after = between_agents(fmt("agents.yaml", data), said)
    assert between_agents(data, said).items() <= after.items()


@pytest.mark.parametrize(
    ("written", "formatted"),
    [
        pytest.param("name: 'An'", "name: An", id="needless quotes"),
        pytest.param('name: "no"', 'name: "no"', id="needed quotes"),
        pytest.param("name: no", 'name: "no"', id="text that others read otherwise"),
        pytest.param("bindcode: a1", 'bindcode: "a1"', id="phones"),
        pytest.param("sipNumber: a1", 'sipNumber: "a1"', id="SIP numbers"),
        pytest.param("sipNumber:", "sipNumber: null", id="nothing"),
        pytest.param("isrecord: 0", "isrecord: false", id="flags"),
        pytest.param("outcallflag: 1", "outcallflag: no-long-distance", id="choices"),
        pytest.param("afterInterval: 0x1F", "afterInterval: 31", id="integers"),
        pytest.param('name: "\\x1b\\u5f20"', 'name: "\\x1b张"', id="escapes for what cannot be seen only"),
        pytest.param("name: a\u2028      b", 'name: "a\\u2028b"', id="a break that few know"),
        pytest.param("ttscontent: |\n      a\tb\n      c\n", 'ttscontent: "a\\tb\\nc\\n"', id="blanks in a block"),
        pytest.param("<<: [{isrecord: 1}]", "<<: [{isrecord: true}]", id="what is merged"),
        pytest.param("name: &a 'x'\n    email: *a", "name: &a x\n    email: *a", id="aliases"),
    ],
)
def test_canonical_spelling(written: str, formatted: str) -> None:
    """Every value is spelt in one way."""
    head, agent = f"{HEAD}agents:\n", '  - operatorId: "8001"\n    {}\n'
    assert fmt("x", (head + agent.format(written)).encode()).decode() == head + agent.format(formatted)


def test_an_integer_that_two_fields_share_stays() -> None:
    """An anchored 1 may be a flag's and a number's: it is not made `true`."""
    text = f'{HEAD}agents:\n  - operatorId: "8001"\n    afterInterval: *one\n'
    text = text.replace("agents:", "defaults: {isrecord: &one 1}\nagents:")
    assert fmt("x", text.encode()).decode() == text


def test_a_comment_ends_where_yaml_ends_a_line() -> None:
    """What a comment ends with for YAML ends it here, and is not taken for a part of it."""
    text = f"{HEAD}# one\u2028# two\x85# three\nprune: true\n"
    assert fmt("x", text.encode()).decode() == f"{HEAD}# one\n# two\n# three\nprune: true\n"


def test_line_ends_and_byte_order_mark() -> None:
    """Line ends become LF, a byte order mark goes, one line break ends the file."""
    text = f'{HEAD}agents:\n  - operatorId: "8001" # one\n'
    for odd in (text.replace("\n", "\r\n"), text.replace("\n", "\r"), f"\ufeff{text}", f"{text}\n\n", text[:-1]):
        assert fmt("x", odd.encode()).decode() == text


def test_a_file_with_problems_is_refused() -> None:
    """Everything that is wrong is told at once, each with its place."""
    text = f'{HEAD}agents:\n  - operatorId: 8001\n    colour: red\n  - operatorId: "8002"\n    operatorId: "8003"\n'
    with pytest.raises(InvalidFiles) as caught:
        fmt("agents.yaml", text.encode())
    assert [problem.place.line for problem in caught.value.problems] == [4, 5, 7]


@pytest.mark.parametrize("text", ["version: 1\n", 'version: 1\nagents:\n  - {operatorId: "1", profile: elsewhere}\n'])
def test_a_file_of_many_stands_on_its_own(text: str) -> None:
    """What only all the files together can be wrong in, such as a profile of another file, is no reason to refuse."""
    assert fmt("team.yaml", text.encode()).decode() == text


def _loses_an_agent(tree: tree.Tree) -> None:
    del tree.root.items[-1].value.items[0]


def _loses_a_comment(tree: tree.Tree) -> None:
    tree.root.items[-1].above.clear()


@pytest.mark.parametrize("broken", [_loses_an_agent, _loses_a_comment])
def test_what_is_written_is_checked(broken: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of our own, in what the file says or in its comments, ends in an error and not in the file."""
    monkeypatch.setattr(formatting, "canonical", broken)
    text = f'{HEAD}# who\nagents:\n  - operatorId: "8001"\n  - operatorId: "8002"\n'
    with pytest.raises(ReconcilerError, match="without changing it"):
        fmt("x", text.encode())
