"""The values at the borders: secrets that mask themselves, limits, places, exit codes."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from reconciler.core.model.desired import Limit
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.message import text
from reconciler.core.model.problem import Place
from reconciler.core.model.report import ActionOutcome, ActionResult, Mismatch, Report
from reconciler.core.model.secret import Secret
from tests.core.build import act, agent, desired, live, live_agent, planned


def test_a_secret_masks_itself() -> None:
    """Only `reveal` shows the text: not str, repr, formatting, nor an f-string inside a container."""
    secret = Secret("hunter2")
    shown = f"{secret} {secret!r} {[secret]} {(secret,)!s}"
    assert "hunter2" not in shown
    assert str(secret) == "Secret(***)"
    assert secret.reveal() == "hunter2"


def test_a_secret_cannot_be_stored_by_accident() -> None:
    """Pickling, copying and JSON fail."""
    secret = Secret("hunter2")
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="never pickled"):
        copy.deepcopy(secret)
    with pytest.raises(TypeError) as failure:
        json.dumps(secret)
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize(
    ("text", "among", "allowed"),
    [
        ("0", 1000, 0),
        ("500", 3, 500),
        ("0%", 1000, 0),
        ("100%", 7, 7),
        ("20%", 10, 2),
        ("20%", 9, 1),
        ("20%", 4, 0),
        ("0.5%", 199, 0),
        ("0.5%", 200, 1),
        ("33.3%", 1000, 333),
        ("29%", 100, 29),
        ("57%", 100, 57),
        ("150%", 10, 15),
    ],
)
def test_a_limit_counts_whole_agents(text: str, among: int, allowed: int) -> None:
    """A percentage is exact, never a float's, and a part of an agent is none."""
    assert Limit(text).allowed(among) == allowed


def test_a_place_reads_as_editors_expect() -> None:
    """File, line and column, with colons; places sort by file, then line, then column."""
    assert str(Place("a/b.yaml", 12, 3)) == "a/b.yaml:12:3"
    assert sorted([Place("a", 10), Place("a", 9, 2), Place("a", 9)]) == [
        Place("a", 9),
        Place("a", 9, 2),
        Place("a", 10),
    ]


def test_a_fingerprint_covers_every_listed_value() -> None:
    """Two live agents that differ in anything listed have different fingerprints; the order of keys is nothing."""
    one = live_agent("8001", name="a")
    assert one.sha256 == LiveAgent("8001", dict(sorted(one.fields.items()))).sha256
    assert one.sha256 != live_agent("8002", name="a").sha256
    assert one.sha256 != live_agent("8001", name="b").sha256


RESULT = act(planned(desired(agent(name="b")), live(live_agent(name="a"))), "8001")
MISMATCH = Mismatch("8001", text("x"), (FieldChange("name", "a", "b"),))


@pytest.mark.parametrize(
    ("outcomes", "verified", "mismatches", "interrupted", "code"),
    [
        (("done",), True, (), False, 0),
        ((), True, (), False, 0),
        (("done",), False, (), False, 4),
        (("done",), True, (MISMATCH,), False, 4),
        (("done", "failed"), True, (), False, 4),
        (("partly", "skipped"), True, (), False, 4),
        (("failed", "skipped"), True, (), False, 1),
        ((), False, (), False, 1),
        (("done",), True, (), True, 130),
        (("failed",), False, (), True, 130),
    ],
)
def test_the_exit_code_says_how_far_it_went(
    outcomes: tuple[ActionOutcome, ...],
    verified: bool,
    mismatches: tuple[Mismatch, ...],
    interrupted: bool,
    code: int,
) -> None:
    """0 when all is done and seen, 130 when interrupted, 1 when nothing succeeded, 4 otherwise."""
    results = tuple(ActionResult(RESULT, outcome) for outcome in outcomes)
    report = Report(results, mismatches, verified, interrupted)
    assert report.exit_code == code
    assert report.done == outcomes.count("done")
