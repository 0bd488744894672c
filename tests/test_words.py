"""Words of ours: what pages, comments and terminals show is made of templates, so that another language can say it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes

from tests.core.model.test_message import values_of
from tests.sources import ROOT, SOURCES, calls_of, tree_of

SHOWING = [path for path in SOURCES if path.parent.name in ("cli", "render", "sheets") or path.name == "reference.py"]
PAGE = (ROOT / "reconciler/render/page/plan.html.j2").read_text(encoding="utf-8")
PHRASE = re.compile("[a-z] [a-z]")
WORD = re.compile("(?:^| )[A-Za-z][a-z]{2,}(?=[ .,:;)]|$)")
"""A word between the values of an f-string."""
MAKERS = ("text", "noun", "verbatim")
HELP = ("help", "epilog", "show_default")
"""What click takes for `--help`."""
NO_SENTENCES = {
    **dict.fromkeys(("reconciler.cli.", "reconciler.render."), "a module"),
    **dict.fromkeys(("http://", "<!-- reconciler:plan:", "\\ No newline at end of file"), "for machines"),
    **dict.fromkeys(("reconciler validate", " && reconciler plan", "\n$ reconciler "), "a command"),
    "\n\n```\nreconciler apply --expect ": "a command",
    **dict.fromkeys(("last apply", "not sent", "looked up since", "cut short"), "a word of JSON or of the journal"),
    "not recorded": "how a value is spelled, of which there are several",
    **dict.fromkeys(("count or percentage", "span of time"), "click's name of a type, which is not shown"),
    " cannot be ": "an error for programs, in CSV that is read as export wrote it",
}


def subtrees(node: ast.AST) -> set[int]:
    """An expression and all that it is made of."""
    return {id(each) for each in ast.walk(node)}


def templates(tree: ast.Module) -> Iterator[ast.expr]:
    """The templates of messages: the first argument of what makes one, or what the name that stands there is given."""
    names = set()
    for call in (call for maker in MAKERS for call in calls_of(tree, maker)):
        yield call.args[0]
        if isinstance(call.args[0], ast.Name):
            names.add(call.args[0].id)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in names:
                yield node.value


def plain_words(tree: ast.Module) -> list[str]:
    """The phrases, and the words in f-strings, that are no part of a message, a docstring, or a file to be written."""
    walked = list(ast.walk(tree))
    docstrings = {id(each.value) for each in walked if isinstance(each, ast.Expr)}
    helps = [each.value for each in walked if isinstance(each, ast.keyword) and each.arg in HELP]
    made = docstrings.union(*(subtrees(each) for each in (*templates(tree), *helps)))
    parts = {id(part) for each in walked if isinstance(each, ast.JoinedStr) for part in each.values}
    return [
        each.value
        for each in walked
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in made
        if not re.search("^# ", each.value, re.MULTILINE)
        if PHRASE.search(each.value) or (id(each) in parts and WORD.search(each.value))
    ]


@pytest.mark.parametrize("source", SHOWING, ids=lambda path: path.name)
def test_no_words_stand_outside_of_a_message(source: Path) -> None:
    """What is shown is said in templates alone."""
    assert [words for words in plain_words(tree_of(source)) if words not in NO_SENTENCES] == []


@pytest.mark.parametrize(
    "source", ['x = f"{n} more"', 'return_ = "none of them"', 'print(f"Frees {a}, and {b}")', 'a(text, "not there")']
)
def test_plain_words_are_found(source: str) -> None:
    """The law above sees a label that is no message."""
    assert plain_words(ast.parse(source))
    assert not plain_words(ast.parse('words = "{n} more of them"\nx = text(words, n=1)\ny = noun("a b|c d")'))


def test_nouns_stand_in_the_source() -> None:
    """Each has a word for one and a word for many, as a literal."""
    given = [call.args[0] for source in SOURCES for call in calls_of(tree_of(source), "noun")]
    assert len(given) > 20
    assert [each for each in given if not re.fullmatch("[a-z ]+\\|[a-z ]+", ast.literal_eval(each))] == []


class Plainly(HTMLParser):
    """What a template of a page says between its tags and in the attributes that people read."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        """Note the attributes that are shown or read out."""
        self.said += [value or "" for name, value in attrs if name in ("aria-label", "placeholder", "title", "alt")]

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.said.append(data)


def test_the_page_says_nothing_itself() -> None:
    """No word stands in the page's template but in a message."""
    page = Plainly()
    page.feed(re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", PAGE, flags=re.DOTALL))
    assert [words for words in page.said if re.search("[A-Za-z]", words)] == []


def test_the_pages_templates_are_literals() -> None:
    """A translator finds all of them, each with the values that it is given; none holds markup, which is a value."""
    parsed = Environment(autoescape=True).parse(PAGE)
    messages = [call for call in parsed.find_all(nodes.Call) if getattr(call.node, "name", "") == "text"]
    assert len(messages) > 40
    for call in messages:
        template: Any = call.args[0]
        assert isinstance(template, nodes.Const)
        assert not re.search("[<>&\"']", template.value), template.value
        assert {each.key for each in call.kwargs} == values_of(template.value)
    others = [each for each in parsed.find_all(nodes.Const) if all(each is not call.args[0] for call in messages)]
    assert [each.value for each in others if PHRASE.search(str(each.value))] == []
