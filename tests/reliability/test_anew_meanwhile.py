"""Whoever the ledger learns to be another agent is named: by the report that learns it, or by the next plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply import read_back
from reconciler.core.model.desired import Policy
from reconciler.core.model.endpoints import PAGE_SIZE
from reconciler.core.model.report import Report
from reconciler.sandbox.server import Box
from tests.ledger.git_branch.host import ALONE, made
from tests.process import Workplace
from tests.reliability.mixed import Applier
from tests.reliability.test_made_anew import ANEW, WITH_PASSWORD, Crash, code, killed, machine, make_anew, notes, wish
from tests.reliability.test_made_anew import HEAD as HEAD_OF_FILES
from tests.reliability.test_made_anew import vendor as vendor

NAMED = {"name": "张三"}
WANTED: list[dict[str, Any]] = [NAMED, {**NAMED, "roleName": "客服"}, {**NAMED, **WITH_PASSWORD}]


@pytest.fixture(autouse=True)
def _others_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that delete nobody: so there can be many agents whom nothing is to happen to."""
    monkeypatch.setitem(HEAD_OF_FILES, "prune", False)


def named(ended: Report | str) -> list[str]:
    """Whom a report names; nobody twice, and nobody as drift alone."""
    assert isinstance(ended, Report), ended
    assert ended.drifted == ()
    return [each.operator_id for each in ended.mismatches]


def sets_password(applier: Applier) -> bool:
    """Whether a plan sets the password of 8001."""
    return any((action.kind, action.operator_id) == ("password", "8001") for action in applier.plan().actions)


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("whole", [True, False], ids=["everybody", "narrow"])
@pytest.mark.parametrize("touched", [True, False], ids=["touched", "untouched"])
@pytest.mark.parametrize("wanted", WANTED, ids=["unmanaged", "role", "password"])
def test_who_is_made_anew_while_an_apply_is_at_work(
    vendor: Box, tmp_path: Path, wanted: dict[str, Any], touched: bool, whole: bool
) -> None:
    """Its report names them with exit 4, whether it touches them or not; the next plan notes them, and then no more.

    A read-back that does not look at them says nothing, and the ledger does not learn it.
    """
    vendor.store.reset([{"operatorId": str(900_001 + number)} for number in range(2 * PAGE_SIZE)])
    applier = machine(tmp_path, vendor, wanted, "8001")
    assert code(applier.apply()) == 0
    wish(applier, wanted, "8001", "8004")
    if touched:
        vendor.store.put("8001", name="drifted")
    applier.everybody = whole
    applier.ended = lambda _: make_anew(vendor, "8001", **NAMED)
    ended = applier.apply()
    applier.ended = lambda _: None
    seen = touched or whole
    assert isinstance(ended, Report)
    assert (ended.exit_code, {*named(ended)}) == ((4, {"8001"}) if seen else (0, set()))
    told = [each.in_doubt for each in ended.mismatches if "made anew" in each.message]
    assert told == [not touched] * seen
    assert (notes(applier), sets_password(applier)) == (["8001"], "password" in wanted)
    again = applier.apply()
    assert (code(again), named(again), notes(applier), applier.left()) == (0, [], [], 0)


@pytest.mark.parametrize("left", [{}, {"unsure": True}, {"inDoubt": "password"}], ids=["nothing", "unknown", "doubt"])
def test_what_a_run_had_left_of_the_one_before_is_told_once(vendor: Box, tmp_path: Path, left: dict[str, Any]) -> None:
    """The report that names the agent has told it, and nothing of it is done."""
    applier = machine(tmp_path, vendor, {}, "8001")
    assert code(applier.apply()) == 0
    path = applier.books / "ledger.json"
    ledger = json.loads(path.read_bytes())
    ledger["agents"]["8001"] |= left
    path.write_text(json.dumps(ledger))
    wish(applier, {}, "8001", "8004")
    applier.ended = lambda _: make_anew(vendor, "8001")
    first = applier.apply()
    applier.ended = lambda _: None
    assert (code(first), {*named(first)}, notes(applier), sets_password(applier)) == (4, {"8001"}, ["8001"], False)
    second = applier.apply()
    assert (code(second), named(second)) == (0, [])


def test_an_agent_whose_password_is_set_for_the_first_time(vendor: Box, tmp_path: Path) -> None:
    """The ledger knew nobody under the number; the first look did. The version is not that of the other agent."""
    vendor.store.reset([{"operatorId": "8001"}])
    applier = machine(tmp_path, vendor, WITH_PASSWORD, "8001")
    applier.ended = lambda _: make_anew(vendor, "8001")
    ended = applier.apply()
    applier.ended = lambda _: None
    assert (code(ended), {*named(ended)}, notes(applier), sets_password(applier)) == (4, {"8001"}, ["8001"], True)
    assert (code(applier.apply()), applier.left()) == (0, 0)


@pytest.mark.parametrize("known", [True, False])
def test_a_password_without_an_answer(vendor: Box, tmp_path: Path, known: bool) -> None:
    """Where the answer is lost, and somebody makes the agent anew before the read-back, the same is said."""
    vendor.store.reset([{"operatorId": "8001"}])
    applier = machine(tmp_path, vendor, {"roleName": "客服"} if known else {}, "8001")
    assert code(applier.apply()) == 0
    wish(applier, WITH_PASSWORD, "8001", "8004")
    applier.planned = lambda _: vendor.faults([{"endpoint": "editPwd", "fault": "drop-after"}])

    def end(event: object) -> None:
        vendor.faults([])
        make_anew(vendor, "8001")

    applier.ended = end
    ended = applier.apply()
    applier.planned, applier.ended = (lambda _: None), (lambda _: None)
    assert (code(ended), {*named(ended)}, notes(applier), sets_password(applier)) == (4, {"8001"}, ["8001"], True)


@pytest.mark.parametrize("error", [Crash, OSError])
def test_the_end_of_the_read_back_fails(
    vendor: Box, tmp_path: Path, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed once the ledger has it, the next apply names the agent; where it is no kill, this one does. Once."""
    applier = machine(tmp_path, vendor, {}, "8001")
    assert code(applier.apply()) == 0
    wish(applier, {}, "8001", "8004")
    applier.ended = lambda _: make_anew(vendor, "8001")

    def fails(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(read_back, "_doubtful_creates", fails)
        if error is Crash:
            with pytest.raises(Crash):
                applier.apply()
        else:
            assert named(applier.apply()) == ["8001"]
    applier.ended = lambda _: None
    assert notes(applier) == ["8001"]
    again = applier.apply()
    assert (code(again), named(again)) == ((4, ["8001"]) if error is Crash else (0, []))
    assert (code(applier.apply()), notes(applier)) == (0, [])


def known_before(folder: Path, box: Box) -> Applier:
    """Nothing was left of the agent before."""
    applier = machine(folder, box, WITH_PASSWORD, "8001")
    assert code(applier.apply()) == 0
    make_anew(box, "8001")
    return applier


def unsure_before(folder: Path, box: Box) -> Applier:
    """Nobody knew the password of the agent before."""
    applier = machine(folder, box, WITH_PASSWORD, "8001")
    assert code(applier.apply()) == 0
    path = applier.books / "ledger.json"
    ledger = json.loads(path.read_bytes())
    ledger["agents"]["8001"] |= {"unsure": True}
    path.write_text(json.dumps(ledger))
    make_anew(box, "8001")
    return applier


def killed_before(folder: Path, box: Box) -> Applier:
    """A run was killed while it set the password of the agent before."""
    applier = machine(folder, box, WITH_PASSWORD, "8001")
    assert code(applier.apply()) == 0
    wish(applier, {"password": {"generate": True, "version": 2}}, "8001")
    killed(applier, box, "editPwd")
    make_anew(box, "8001")
    return applier


def refused_before(folder: Path, box: Box) -> Applier:
    """People adopted somebody else, and the plan that noted the agent was not applied."""
    applier = known_before(folder, box)
    applier.adopt("8090")
    return applier


LEFT: list[tuple[Callable[[Path, Box], Applier], int]] = [
    (known_before, 0),
    (unsure_before, 4),
    (killed_before, 4),
    (refused_before, 0),
]


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("crowd", [0, 2 * PAGE_SIZE], ids=["few", "many"])
@pytest.mark.parametrize("policy", [Policy(targets=("8004",)), Policy(excludes=("8001",))], ids=["target", "exclude"])
@pytest.mark.parametrize(("left", "exit_code"), LEFT)
def test_a_plan_that_leaves_them_out_does_not_use_it_up(
    vendor: Box, tmp_path: Path, left: Callable[[Path, Box], Applier], exit_code: int, policy: Policy, crowd: int
) -> None:
    """Who was made anew and is left out is noted by the next plan that is about them, whatever a report tells now."""
    vendor.store.reset([{"operatorId": str(900_001 + number)} for number in range(crowd)])
    applier = left(tmp_path, vendor)
    wish(applier, WITH_PASSWORD, "8001", "8004")
    applier.policy = policy
    for expected in (exit_code, 0):
        assert code(applier.apply()) == expected
    applier.policy = Policy()
    assert (notes(applier), sets_password(applier)) == (["8001"], True)
    assert (code(applier.apply()), notes(applier), applier.left()) == (0, [], 0)


@pytest.mark.parametrize("reviewed", [True, False], ids=["noted by the plan", "made anew since"])
def test_a_saved_plan_about_others(box: Box, place: Workplace, reviewed: bool) -> None:
    """An apply of it names whom its plan notes. Whom it cannot name is noted by the next plan."""
    box.store.reset([])
    applier = machine(place.folder, box, {}, "8001")
    assert place.run("apply", "-y").code == 0
    wish(applier, {}, "8001", "8004")
    if reviewed:
        make_anew(box, "8001")
    assert place.run("plan", "--out", "plan.json").code == 0
    if not reviewed:
        make_anew(box, "8001")
    assert place.run("apply", "plan.json", "-y").code == 0
    assert (ANEW in place.run("plan").out) is not reviewed
    assert place.run("apply", "-y").code == 0
    assert ANEW not in place.run("plan").out


HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents:\n"


@pytest.mark.parametrize("shared", [True, False], ids=["remote", "local"])
def test_a_whole_apply_and_the_next(box: Box, place: Workplace, tmp_path: Path, shared: bool) -> None:
    """Where the ledger lies makes no difference: exit 4 and a name in JSON, a note, and then no more of it."""
    if shared:
        place.env |= {**ALONE, "RECONCILER_LEDGER": made(tmp_path / "books.git").named}
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8004"}])
    place.write(HEAD + "".join(f'  - {{operatorId: "{id_}", roleName: 客服}}\n' for id_ in ("8001", "8004")))
    assert place.run("apply", "-y").code == 0
    place.write(HEAD + '  - {operatorId: "8001", roleName: 客服}\n  - {operatorId: "8004", name: 李四}\n')
    stranger = {"endpoint": "edit/v2", "fault": "stranger", "agents": ["8001"]}
    box.faults([{**stranger, "does": "delete"}, {**stranger, "does": "create", "when": "after"}])
    told = place.run("apply", "-y", "--format", "json")
    box.faults([])
    assert told.code == 4
    report = json.loads(told.out)
    assert [(each["operatorId"], each["in_doubt"]) for each in report["mismatches"]] == [("8001", True)]
    assert (report["drifted"], report["done"]) == ([], 1)
    again = place.run("apply", "-y")
    assert (again.code, ANEW in again.out) == (0, True)
    assert (place.run("apply", "-y").code, ANEW in place.run("plan").out) == (0, False)
