"""A message is its English words, and still knows of which template and values it is made."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.desired.packed import packed_problems, unpacked
from reconciler.core.desired.read import read_desired
from reconciler.core.model.message import NOTHING, Text, counted, joined, listed, noun, text
from reconciler.core.model.problem import Place, Problem
from tests.sources import MISTYPED, SOURCES, calls_of, tree_of


def said_again(message: Any) -> str:
    """The words of a message, made of its template and values alone, as another language would make its own."""
    if not isinstance(message, Text):
        return str(message)
    values = {n: v if type(v) is int else said_again(v) for n, v in message.values.items()}
    return str(text(message.template, **values))


def test_a_message_is_its_words() -> None:
    """It is text wherever text is taken, and JSON has the same bytes."""
    told = text("{count:,} agents of {group}", count=1234, group="售后{一}组")
    assert told == "1,234 agents of 售后{一}组"
    assert json.dumps([told]) == json.dumps(["1,234 agents of 售后{一}组"])
    assert {told: 1}["1,234 agents of 售后{一}组"] == 1  # type: ignore[index]
    assert text("{path}", path=Path("a.yaml")).values == {"path": "a.yaml"}, "a path is its text"
    assert (told.template, told.values) == ("{count:,} agents of {group}", {"count": 1234, "group": "售后{一}组"})


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 agents are"), (1, "1 agent is"), (2, "2 agents are"), (21, "21 agents are")]
)
def test_a_number_chooses_its_words(count: int, words: str) -> None:
    """One agent is, all others are."""
    assert text("{count} {count:agent is|agents are}", count=count) == words


@given(st.text(), st.integers())
def test_a_message_can_be_copied_and_sent(words: str, number: int) -> None:
    """A copy, and what another process gets, has the same words, template and values, those inside of it too."""
    inner = joined([text("{number:one|many}", number=number), Text(words), text("{words}!", words=words)])
    message = text("{inner} of {{all}}", inner=inner)
    assert said_again(message) == message == f"{'one' if number == 1 else 'many'}; {words}; {words}! of {{all}}"
    problem = Problem(Place("a.yaml", 1), "", message, Text(words))
    sent = (
        unpacked(iter([packed_problems([problem])]))[1][0] if abs(number) < 2**63 and words.isprintable() else problem
    )
    for again in (copy.deepcopy(message), pickle.loads(pickle.dumps(message)), sent.message):  # noqa: S301 - our own
        assert again == message
        assert said_again(again) == message
        assert (again.template, dict(again.values)) == (message.template, dict(message.values))


def test_what_is_counted() -> None:
    """One is told in the singular, and everything else in the plural."""
    told = [counted(number, noun("agent|agents")) for number in (0, 1, 2, 1000)]
    assert told == ["0 agents", "1 agent", "2 agents", "1,000 agents"]
    assert list(map(said_again, told)) == told


def test_names_are_listed_up_to_a_number() -> None:
    """A list names so many, and counts the others."""
    assert listed(["8001", "8002"], 2) == "8001, 8002"
    assert listed(["8001", "8002", "8003"], 2) == "8001, 8002 and 1 more"
    assert joined([]) == NOTHING == ""


def test_every_problem_is_made_of_a_template() -> None:
    """What is said of a file can be said again from template and values, which the types hold for all else."""
    for file in MISTYPED:
        _, problems = read_desired("agents.yaml", file.read_bytes())
        assert problems, file
        for words in (words for problem in problems for words in (problem.message, problem.hint)):
            assert isinstance(words, Text), (file, words)
            assert said_again(words) == words, file


ELSEWHERE = {
    "BLANK_MISSING": "a constant of another module",
    "template": "a literal of the page, as tests/test_words.py holds",
}
"""Names of templates that are given where they do not stand."""


def values_of(template: str) -> set[str]:
    """The names that stand in a template."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@cache
def assigned_in(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """What each name is assigned, anywhere in a tree."""
    found: defaultdict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found[target.id].append(node.value)
    return found


def is_text(node: ast.expr) -> bool:
    """Whether an expression is a text that stands in the source."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def templates_of(call: ast.Call, tree: ast.AST) -> list[str]:
    """What may be the template of a call: a literal, or each one that the name of it stands for in the file."""
    template = call.args[0]
    nodes = assigned_in(tree).get(template.id, []) if isinstance(template, ast.Name) else [template]
    return [ast.literal_eval(each) for each in nodes if is_text(each)]


def holds_words(value: ast.expr) -> bool:
    """Whether a value is written as a phrase of its own, which nobody could say in another language."""
    parts = value.values if isinstance(value, ast.JoinedStr) else [value]
    said = [each.value for each in parts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return any(re.search("[a-z] [a-z]", each) for each in said)


def is_phrase(value: ast.expr, tree: ast.AST) -> bool:
    """The same, where it has been given a name at the top of the file too."""
    named = assigned_in(tree).get(value.id, []) if isinstance(value, ast.Name) and value.id.isupper() else []
    return any(map(holds_words, (value, *named)))


def not_literal(tree: ast.AST) -> list[str]:
    """The calls that make a message of something that does not stand in the source."""
    constants = {name for name, values in assigned_in(tree).items() if any(map(is_text, values))} | {*ELSEWHERE}
    made = [
        call
        for call in calls_of(tree, "text")
        if not is_text(call.args[0]) and getattr(call.args[0], "id", "") not in constants
    ]
    return [ast.unparse(call) for call in (*made, *calls_of(tree, "Text"))]


def test_every_template_stands_in_the_source() -> None:
    """A template is a literal, so that a translator finds all; none is made of a value, whose braces would be read."""
    for source in SOURCES:
        tree = tree_of(source)
        imports = (node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
        if source.name != "message.py" and "reconciler.core.model.message" in imports:
            assert not_literal(tree) == [], source


def test_every_value_of_a_template_is_given() -> None:
    """The names in a template are those that are given, so that no message fails when it is told; none is a phrase."""
    told = 0
    for source in SOURCES:
        tree = tree_of(source)
        for call in calls_of(tree, "text") if source.name != "message.py" else ():
            given = {each.arg for each in call.keywords if each.arg}
            templates = templates_of(call, tree)
            told += len(templates)
            if templates and len(given) == len(call.keywords):
                assert any(values_of(template) == given for template in templates), f"{source}:{call.lineno}"
            assert not any(is_phrase(each.value, tree) for each in call.keywords), f"{source}:{call.lineno}"
    assert told > 500
