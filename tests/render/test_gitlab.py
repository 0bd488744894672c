"""The report of GitLab's merge request widget."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from reconciler.core.model.message import Text
from reconciler.core.model.plan import ActionKind
from reconciler.render import gitlab

from .build import HEADING, action, plan


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ("create", {"create": 1, "update": 0, "delete": 0}),
        ("edit", {"create": 0, "update": 1, "delete": 0}),
        ("password", {"create": 0, "update": 1, "delete": 0}),
        ("delete", {"create": 0, "update": 0, "delete": 1}),
        ("replace", {"create": 1, "update": 0, "delete": 1}),
    ],
)
def test_what_an_action_counts_as(kind: ActionKind, counted: dict[str, int]) -> None:
    """The widget has three numbers: a password is an update, and a replace deletes and creates."""
    assert json.loads(gitlab.plan(plan(action(kind)), HEADING)) == counted


def test_every_kind_counts() -> None:
    """Agents add up, by what happens to them."""
    actions = [action(kind, f"8{number}") for kind in get_args(ActionKind) for number in range(3)]
    assert json.loads(gitlab.plan(plan(*actions), HEADING)) == {"create": 6, "update": 6, "delete": 6}


@pytest.mark.parametrize("kind", get_args(ActionKind))
def test_what_is_blocked_counts_nowhere(kind: ActionKind) -> None:
    """What cannot be done is not among what will be."""
    assert set(json.loads(gitlab.plan(plan(action(kind, blocked=Text("held"))), HEADING)).values()) == {0}


def test_nothing_to_change() -> None:
    """An empty plan is three zeros, and the keys are there."""
    assert json.loads(gitlab.plan(plan(), HEADING)) == {"create": 0, "update": 0, "delete": 0}
