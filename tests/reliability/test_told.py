"""What a recovery finds of agents that may be somebody else's is told, whatever becomes of the apply that found it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.desired import Limit, Policy
from reconciler.core.model.outcome import Event
from reconciler.core.model.report import Report
from reconciler.sandbox.server import Box
from tests.process import Workplace
from tests.reliability.mixed import Applier
from tests.reliability.test_made_anew import WITH_PASSWORD, Crash, crash, killed, machine, make_anew, wish
from tests.reliability.test_made_anew import vendor as vendor

IDS = ("8001", "8004")


def author(folder: Path, box: Box, wanted: dict[str, Any]) -> Applier:
    """A create of a killed run, whose agent somebody has changed."""
    applier = machine(folder, box, wanted, "8001")
    killed(applier, box, "create/v2")
    box.store.put("8001", ttscontent="console")
    return applier


def appeared(folder: Path, box: Box, wanted: dict[str, Any]) -> Applier:
    """A create that was given up, whose agent somebody has made."""
    applier = machine(folder, box, wanted, "8001")
    box.faults([{"endpoint": "create/v2", "fault": "drop-before"}])
    applier.apply()
    box.faults([])
    box.store.put("8001", ttscontent="console")
    return applier


def anew(folder: Path, box: Box, wanted: dict[str, Any]) -> Applier:
    """A password of a killed run, whose agent somebody has made anew."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8090", "name": "不变"}])
    applier = machine(folder, box, WITH_PASSWORD, "8001")
    killed(applier, box, "editPwd")
    wish(applier, wanted, "8001")
    make_anew(box, "8001")
    return applier


def owed(folder: Path, box: Box, wanted: dict[str, Any]) -> Applier:
    """A value that a run owes to an agent that somebody has made anew."""
    applier = machine(folder, box, wanted, "8001")
    assert isinstance(applier.apply(), Report)
    path = applier.books / "ledger.json"
    ledger = json.loads(path.read_bytes())
    ledger["agents"]["8001"] |= {"owed": {"ttscontent": "old"}}
    path.write_text(json.dumps(ledger))
    make_anew(box, "8001")
    return applier


LEFT: list[tuple[Callable[[Path, Box, dict[str, Any]], Applier], dict[str, Any]]] = [
    (author, {}),
    (author, WITH_PASSWORD),
    (appeared, {}),
    (anew, {}),
    (anew, WITH_PASSWORD),
    (owed, {}),
]


def refused(applier: Applier) -> None:
    """A guardrail trips."""
    applier.policy = Policy(max_changes=Limit("0"))
    assert isinstance(applier.apply(), str)


def killed_first(applier: Applier) -> None:
    """The process dies before its first call."""
    applier.planned = crash
    with pytest.raises(Crash):
        applier.apply()


def killed_last(applier: Applier) -> None:
    """The process dies before it reads back."""
    ended: set[str] = set()
    last = {action.operator_id for action in applier.plan().actions}

    def die(event: Event) -> None:
        ended.update(event.call.operator_ids)
        if ended == last:
            raise Crash

    applier.ended = die
    with pytest.raises(Crash):
        applier.apply()


def interrupted(applier: Applier) -> None:
    """A signal comes while the first call is under way."""
    stop = threading.Event()
    applier.ended = lambda _: stop.set()
    report = applier.apply(stop)
    assert isinstance(report, Report)
    assert report.exit_code == 130


def adopted(applier: Applier) -> None:
    """People name another agent to `ledger adopt`."""
    applier.adopt("8090")


CUT: list[Callable[[Applier], None]] = [refused, killed_first, killed_last, interrupted, adopted]


def noted(applier: Applier) -> bool:
    """Whether a plan notes that 8001 may be somebody else's."""
    kinds = ("another-agent", "password-in-doubt")
    return any("8001" in note.operator_ids for note in applier.plan().notes if note.code in kinds)


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("cut", CUT)
@pytest.mark.parametrize(("left", "wanted"), LEFT)
def test_the_first_apply_that_gets_to_its_end_tells_it(
    vendor: Box,
    tmp_path: Path,
    left: Callable[[Path, Box, dict[str, Any]], Applier],
    wanted: dict[str, Any],
    cut: Callable[[Applier], None],
) -> None:
    """An apply that found it is refused, or dies, twice: the next one names the agent, with exit 4, and only that one.

    Until then each plan notes it, unless a run that was cut short has set its password.
    """
    applier = left(tmp_path, vendor, wanted)
    wish(applier, wanted, *IDS)
    assert noted(applier)
    for _ in range(2):
        cut(applier)
        applier.policy, applier.planned, applier.ended = Policy(allow_replace=True), (lambda _: None), (lambda _: None)
        if cut in (killed_last, interrupted):
            break
        assert noted(applier)
    first = applier.apply()
    assert isinstance(first, Report)
    assert (first.exit_code, [each.operator_id for each in first.mismatches]) == (4, ["8001"])
    second = applier.apply()
    assert isinstance(second, Report)
    assert (second.exit_code, second.mismatches, applier.left()) == (0, (), 0)


def test_a_read_back_that_fails_is_no_reason_not_to_tell_it(vendor: Box, tmp_path: Path) -> None:
    """The report says that it could not look, and names whom recovery found; once."""
    applier = author(tmp_path, vendor, {})
    wish(applier, {}, *IDS)
    applier.planned = lambda _: vendor.faults([{"endpoint": "reads", "fault": "drop-before"}])
    first = applier.apply()
    applier.planned = lambda _: None
    vendor.faults([])
    assert isinstance(first, Report)
    assert (first.exit_code, first.verified, [each.operator_id for each in first.mismatches]) == (4, False, ["8001"])
    second = applier.apply()
    assert isinstance(second, Report)
    assert (second.exit_code, second.mismatches) == (0, ())


def test_it_is_told_of_an_agent_that_is_gone(vendor: Box, tmp_path: Path) -> None:
    """Whom a killed run found and deleted is named by the next apply."""
    applier = author(tmp_path, vendor, {})
    wish(applier, {})
    killed_last(applier)
    applier.ended = lambda _: None
    assert "8001" not in vendor.store.agents()
    first = applier.apply()
    assert isinstance(first, Report)
    assert first.exit_code == 4
    assert [(each.operator_id, "is gone by now" in each.message) for each in first.mismatches] == [("8001", True)]


def test_people_who_name_the_agent_have_been_told(vendor: Box, tmp_path: Path) -> None:
    """After `ledger adopt ID` nothing is left to tell."""
    for kind in (author, anew):
        folder = tmp_path / kind.__name__
        applier = kind(folder, vendor, {})
        wish(applier, {}, *IDS)
        refused(applier)
        applier.policy = Policy()
        applier.adopt("8001")
        again = applier.apply()
        assert isinstance(again, Report)
        assert (again.exit_code, again.mismatches, noted(applier)) == (0, (), False)
        vendor.store.reset([])


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize(
    "why", [("--max-changes", "0"), ("--expect", "0" * 64), ()], ids=["guardrail", "digest", "asked"]
)
@pytest.mark.parametrize("kind", [author, anew])
def test_an_apply_that_is_refused_names_it(
    box: Box,
    place: Workplace,
    why: tuple[str, ...],
    kind: Callable[[Path, Box, dict[str, Any]], Applier],
) -> None:
    """In text and in JSON, exit 3; the apply after that tells it with exit 4, in both."""
    box.store.reset([])
    applier = kind(place.folder, box, {})
    wish(applier, {}, *IDS)
    yes = ("-y",) if why else ()
    said = place.run("apply", *yes, *why)
    assert said.code == 3
    assert "the last run left 8001 open" in said.err
    told = place.run("apply", *yes, *why, "--format", "json")
    assert told.code == 3
    assert [each["operatorId"] for each in json.loads(told.out)["error"]["in_doubt"]] == ["8001"]
    done = place.run("apply", "-y", "--format", "json")
    assert done.code == 4
    assert [each["operatorId"] for each in json.loads(done.out)["mismatches"]] == ["8001"]
    assert place.run("apply", "-y").code == 0
