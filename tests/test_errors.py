"""Errors: each has a code of the table and words that are made of templates, in another process too."""

from __future__ import annotations

import ast
import copy
import pickle
from typing import Any

import pytest

from reconciler import errors
from reconciler.core.model.codes import KINDS
from reconciler.core.model.ledger import LockInfo
from reconciler.core.model.message import Text, text
from reconciler.core.model.outcome import StaleAgent
from reconciler.core.model.problem import Place, Problem
from reconciler.errors import LockHeld, ReconcilerError
from tests.sources import SOURCES, calls_of, tree_of

TREE = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, ReconcilerError) and kind.__module__ == errors.__name__
}
CODED = [name for name, kind in TREE.items() if kind.__init__ in (ReconcilerError.__init__, LockHeld.__init__)]
"""The classes that are told their code; the others have one each."""
PROBLEM = Problem(Place("a.yaml", 3), "agents", text("{key} is missing", key="name"), text("add it"), "missing-key")
EXAMPLES: dict[str, tuple[Any, ...]] = {
    "InvalidFiles": ((PROBLEM,),),
    "MissingSecrets": ((PROBLEM, PROBLEM),),
    "NewerFormat": (text("the plan {path}", path="p.json"), "reconciler.plan/9"),
    "LockHeld": ("locked", text("{path} is locked", path="l"), text("wait"), LockInfo("1", "me", "now")),
    "StalePlan": ((StaleAgent("8001", text("it is gone")), StaleAgent("8002", text("it is gone"))),),
}


def codes_of(argument: ast.expr) -> list[str]:
    """The codes that an argument may be; that of another error, which is passed on, is not looked at again."""
    if isinstance(argument, ast.IfExp):
        return [*codes_of(argument.body), *codes_of(argument.orelse)]
    return [] if isinstance(argument, ast.Attribute) and argument.attr == "code" else [ast.literal_eval(argument)]


def test_every_error_has_a_code_of_the_table() -> None:
    """Wherever one is made; so a code that is printed can be looked up."""
    made = [call for source in SOURCES for name in CODED for call in calls_of(tree_of(source), name)]
    assert len(made) > 150
    assert [ast.unparse(call) for call in made if not set(codes_of(call.args[0])) <= KINDS.keys()] == []


def test_no_error_hides_words_in_a_plain_text() -> None:
    """The words of an error are no f-string and no bare text, which nobody could say in another language."""
    for source in SOURCES:
        for name in CODED:
            for call in calls_of(tree_of(source), name):
                plain = [each for each in call.args[1:3] if isinstance(each, ast.JoinedStr | ast.Constant)]
                assert plain == [], f"{source}:{call.lineno}"


@pytest.mark.parametrize("name", TREE)
def test_an_error_can_be_copied_and_sent(name: str) -> None:
    """Its words, their template and values, its code and what else it carries are the same in another process."""
    message = text("{count} {count:agent|agents} of {group}", count=2, group="售后{一}组")
    error = TREE[name](*EXAMPLES.get(name, ("not-approved", message, text("look at {file}", file="{x}"))))
    assert error.code in KINDS
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own
        assert type(again) is type(error)
        assert vars(again) == vars(error)
        assert str(again) == str(error) == error.message
        for one, other in ((again.message, error.message), (again.hint, error.hint)):
            assert isinstance(one, Text)
            assert (one.template, dict(one.values)) == (other.template, dict(other.values))


@pytest.mark.parametrize(("count", "words"), [(1, "1 agent that it touches is"), (2, "2 agents that it touches are")])
def test_a_stale_plan_counts_agents(count: int, words: str) -> None:
    """One agent is, and several are, not as it was reviewed; an agent that moved twice counts once."""
    moved = [StaleAgent(str(number), text("it has changed")) for number in (*range(count), 0)]
    assert str(errors.StalePlan(tuple(moved))) == f"the plan no longer holds: {words} not as it was reviewed"
