"""Agents that are printed without a tree: byte for byte as the tree would print them, and never one that is odd."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.yaml.document import Document, parse
from reconciler.edit import formatting, tree
from reconciler.edit.abridged import abridged
from reconciler.edit.canonical import canonical
from reconciler.edit.parts import parts, unix
from reconciler.edit.printer import print_tree
from tests.core.build import HEAD
from tests.edit.reading import CORPUS, FORMATTED
from tests.edit.scribe import Scribe
from tests.fuzz import examples

corpus = pytest.mark.parametrize("path", [*CORPUS, *FORMATTED], ids=lambda path: f"{path.parent.name}-{path.stem}")

_PAIRS = (
    *("name: An", "name: 'An'", 'name: "no"', "name:   An  ", "name: a: b", "name: x #y", "name: a#b", "name: it's"),
    *('name: "a#b"', 'name: "#"', "name: 张三", "name:", "name: *x", "name: &y An", 'name: "a\\tb"', "name: 'a''b'"),
    *("name: An # aside", "name: An  # 备注", "name: An     # far", "name: 'An'   # far", "name: An\t# tab", "name: {"),
    *("isrecord: 1", "isrecord: true", "outcallflag: 2", "afterInterval: 0x1F", "afterInterval: +7", "email: '@'"),
    *("showcaller: '010'", 'showcaller: "010"', "showcaller: a1", "mainGroupName: >-\n      x\n      y", "<<: *x"),
    *("password: {env: A_B}", "password: {version: 2, env: A_B}", "password:\n      version: 2\n      env: A_B"),
    *(
        '"name": An',
        "'name': An",
        "? name\n    : An",
        "name: An\n      more",
        "name: !!str An",
        "name: - x",
        "name: [a]",
    ),
    *(
        "email: first\n    # in between",
        "email: first\n\n",
        "email: first\n      # deeper",
        "email: first\n   # shallow",
    ),
    *(
        "ttscontent: |\n      # text\n      b",
        'ttscontent: "a\n  # text"',
        "ttscontent: a\u2028b",
        "ttscontent: \u3000",
    ),
)
_ENDS = ("", "", "", "\n", "  # who comes next\n", "# at the margin\n", "    # of the agent\n", "\n\n", " \n", "\t\n")


class Clerk:
    """Writes files of agents that are nearly all alike: one pair a line or all on one line, here and there an odd one.

    No file needs to be valid, only readable.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.dash = random.choice(("", "  ", "  ", "    "))
        self.gap = random.choice((" ", " ", "   "))

    def file(self) -> str:
        """The text of one file."""
        top = self.random.choice(("", "defaults: &x {isrecord: true}\n", "# head\n\n"))
        below = self.random.choice(("", "prune: true\n", "prune: true  # aside\n", "# foot\n", "  # foot\n", "...\n"))
        agents = "".join(self.agent(str(8000 + n)) for n in range(self.random.randint(1, 5)))
        text = f"{HEAD}{top}agents:{self.random.choice(('', '  # all'))}\n{agents}{below}"
        return text.removesuffix("\n") if self.random.random() < 0.1 else text

    def agent(self, operator_id: str) -> str:
        """One agent and what stands below it."""
        own = [f'operatorId: "{operator_id}"', *self.random.sample(_PAIRS, self.random.choice((0, 1, 1, 2, 3)))]
        if self.random.random() < 0.3:
            self.random.shuffle(own)
        end = self.random.choice(_ENDS)
        if self.random.random() < 0.4:
            plain = [pair for pair in own if "\n" not in pair and " #" not in pair and "\t" not in pair]
            aside = self.random.choice(("", "", " # aside", "    # aside", "  # aside}"))
            return f"{self.dash}-{self.gap}{{{', '.join(plain)}}}{aside}\n{end}"
        between = f"\n{self.dash} {self.gap}"
        indented = (pair.replace("\n    ", between) for pair in own)
        return f"{self.dash}-{self.gap}{between.join(indented)}\n{end}"


def readable(text: str) -> Document | None:
    """The document of a text; `None` if the parser refuses it."""
    document, problems = parse("agents.yaml", text.encode())
    return None if problems else document


def by_tree(document: Document) -> str:
    """The canonical form, printed from a tree of the whole file."""
    whole = tree.read_tree(document.text)
    canonical(whole)
    return print_tree(whole)


def assert_alike(document: Document) -> None:
    """Both ways lead to the same bytes."""
    assert formatting.formatted_text(document) == by_tree(document)


@corpus
def test_a_file_of_the_corpus_is_printed_as_by_the_tree(path: Path) -> None:
    """What is printed without a tree looks as if printed from one."""
    document = readable(path.read_bytes().decode())
    assert document
    assert_alike(document)


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 2**32))
def test_any_style_is_printed_as_by_the_tree(seed: int) -> None:
    """So it is for files in any mixture of styles."""
    document = readable(Scribe(Random(seed)).file().decode())
    assert document
    assert_alike(document)


@settings(max_examples=examples(300), deadline=None)
@given(st.integers(0, 2**32))
def test_nearly_simple_agents_are_printed_as_by_the_tree(seed: int) -> None:
    """So it is where nearly every agent is simple, and one beside it is odd."""
    document = readable(Clerk(Random(seed)).file())
    if document is not None:
        assert_alike(document)


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 2**32))
def test_the_parts_in_a_row_are_the_text(seed: int) -> None:
    """No line is in two parts or in none, and neither is an agent."""
    document = readable(Clerk(Random(seed)).file())
    if document is not None:
        found = list(parts(document))
        assert "".join(part.text for part in found) == unix(document.text)
        assert all(one.agents.stop == other.agents.start for one, other in pairwise(found[1:]))


@pytest.mark.parametrize("agent", ['operatorId: "{}"\n    name: "An"  # who\n', '{{operatorId: "{}", name: An}}\n'])
def test_plain_agents_take_no_tree(agent: str) -> None:
    """However many simple agents there are, the tree sees one placeholder: that is what makes large files fast."""
    document = readable(HEAD + "agents:\n" + "".join("  - " + agent.format(8000 + number) for number in range(500)))
    assert document
    assert abridged(document).text == f"{HEAD}agents:\n  - x\n"
