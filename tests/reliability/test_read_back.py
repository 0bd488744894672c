"""What the vendor accepted and did not do is seen and said; a listing that moves and lists that are refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.circuit_breaker import DOUBTED_AFTER
from reconciler.core.model.desired import Policy
from reconciler.core.model.endpoints import PAGE_SIZE
from reconciler.core.model.fields import COMPARED, Field, Kind, Value, encode
from reconciler.core.model.report import Report
from reconciler.errors import IncompleteListing
from reconciler.render import json as as_json
from reconciler.render import outcome
from reconciler.sandbox.server import Box, running
from reconciler.vendor.retry import LISTING_TRIES
from tests.process import TOKEN, Workplace
from tests.reliability.mixed import GIVEN, Applier

HEAD = {"version": 1, "company": {"abbreviate": "acme", "companyId": 4242}, "guardrails": {"maxDeletes": "100%"}}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box


@pytest.fixture
def applier(tmp_path: Path, vendor: Box) -> Iterator[Applier]:
    """Applies what `wish` asks for; nothing goes wrong yet, and fixed fields are blocked."""
    vendor.faults([])
    vendor.store.reset()
    yield Applier(tmp_path, vendor, Policy(), timeout=20)
    vendor.faults([])


def wish(applier: Applier, *agents: Mapping[str, Value]) -> None:
    """Write the file."""
    applier.file.write_text(json.dumps({**HEAD, "agents": agents}), encoding="utf-8")


def applied(applier: Applier) -> Report:
    """One run, which must come to a report."""
    report = applier.apply()
    assert isinstance(report, Report), report
    return report


def arrived(applier: Applier, endpoint: str) -> int:
    """How many requests reached one endpoint."""
    return sum(attempt.endpoint == endpoint for attempt in applier.box.store.attempts())


def another(row: Field) -> Value:
    """A value of the field that a new agent does not have by itself."""
    match row.kind:
        case Kind.INTEGER:
            return 7
        case Kind.FLAG:
            return not row.default
        case Kind.CHOICE:
            return next(choice for choice in row.choices if choice != row.default)
        case Kind.SIP_NUMBER:
            return "60007"
        case _:
            return "另一个"


def assert_said(report: Report, operator_id: str, field: str) -> None:
    """The one thing that was not done is named in both renderings, and the exit code is 4."""
    assert report.exit_code == 4
    (mismatch,) = report.mismatches
    assert (mismatch.operator_id, [change.field for change in mismatch.changes]) == (operator_id, [field])
    said = outcome.report(report)
    assert f"not so  {operator_id}" in said
    assert f"{field}: wanted" in said
    document = as_json.report(report)
    assert document["exit_code"] == 4
    ((found, changes),) = [(each["operatorId"], each["changes"]) for each in document["mismatches"]]
    assert (found, [change["field"] for change in changes]) == (operator_id, [field])


def assert_heals(applier: Applier) -> None:
    """Once nothing goes wrong any more, one run is enough."""
    applier.box.faults([])
    applier.policy = Policy(allow_replace=True)
    assert applied(applier).exit_code == 0
    assert applier.left() == 0


EDITED = [row for row in COMPARED if row.wire.edit and not row.write_only]
CREATED = [row for row in COMPARED if row.wire.create and not row.write_only]


@pytest.mark.parametrize("row", EDITED, ids=lambda row: row.name)
def test_a_field_that_an_edit_leaves_out(applier: Applier, row: Field) -> None:
    """Accepted, and one field not changed: agent and field are named, others are done; then one run heals it."""
    applier.box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}])
    wish(
        applier,
        {"operatorId": "8001", row.name: another(row)},
        {"operatorId": "8002", row.name: "60008" if row.kind is Kind.SIP_NUMBER else another(row)},
    )
    applier.box.faults([{"endpoint": "edit/v2", "operatorId": "8001", "fault": "ignore", "field": row.wire.edit}])
    assert_said(applied(applier), "8001", row.name)
    assert_heals(applier)


def test_a_sip_number_that_is_not_taken_away(applier: Applier) -> None:
    """`sipNumber: null` is another parameter on the wire, and is seen to be ignored too."""
    applier.box.store.reset([{"operatorId": "8001", "sipNumber": "60001"}])
    wish(applier, {"operatorId": "8001", "sipNumber": None})
    applier.box.faults([{"endpoint": "edit/v2", "fault": "ignore", "field": "unbindSip"}])
    assert_said(applied(applier), "8001", "sipNumber")
    assert_heals(applier)


@pytest.mark.parametrize("row", CREATED, ids=lambda row: row.name)
def test_a_field_that_a_create_leaves_out(applier: Applier, row: Field) -> None:
    """The same for a new agent, also where only a replace can mend it."""
    wish(applier, {"operatorId": "8001", row.name: another(row)}, {"operatorId": "8003", row.name: another(row)})
    applier.box.faults([{"endpoint": "create/v2", "operatorId": "8001", "fault": "ignore", "field": row.wire.create}])
    assert_said(applied(applier), "8001", row.name)
    assert_heals(applier)


@pytest.mark.parametrize("row", [row for row in EDITED if row.deferred], ids=lambda row: row.name)
def test_a_field_that_the_edit_after_a_create_leaves_out(applier: Applier, row: Field) -> None:
    """What a new agent gets by its second call is looked at as well."""
    wish(applier, {"operatorId": "8001", row.name: another(row)})
    applier.box.faults([{"endpoint": "edit/v2", "fault": "ignore", "field": row.wire.edit}])
    report = applied(applier)
    assert_said(report, "8001", row.name)
    assert_heals(applier)


def test_a_sip_number_that_nobody_asked_for(applier: Applier) -> None:
    """A new agent that was to have no SIP number and got one is reported."""
    wish(applier, {"operatorId": "8001", "sipNumber": None})
    applier.box.faults([{"endpoint": "create/v2", "fault": "ignore", "field": "sipFlag"}])
    assert_said(applied(applier), "8001", "sipNumber")
    assert_heals(applier)


@pytest.mark.parametrize("row", [row for row in COMPARED if row.write_only], ids=lambda row: row.name)
def test_what_is_never_listed_is_taken_on_trust(applier: Applier, row: Field) -> None:
    """The vendor lists neither roles nor skills: what it says of them cannot be checked, and is not doubted."""
    wish(applier, {"operatorId": "8001", row.name: another(row)})
    applier.box.faults([{"endpoint": "writes", "fault": "ignore", "field": row.wire.create}])
    assert applied(applier).exit_code == 0
    assert applier.left() == 0


IGNORED: dict[str, tuple[dict[str, Value], list[str]]] = {
    "create/v2": ({"operatorId": "8003"}, ["8003"]),
    "edit/v2": ({"operatorId": "8001", "name": "new"}, ["8001"]),
    "del/v2": ({"operatorId": "8001"}, ["8002"]),
}


@pytest.mark.parametrize("endpoint", IGNORED)
def test_a_call_that_is_ignored_whole(applier: Applier, endpoint: str) -> None:
    """Success in the words of a real one, and nothing done: 4, exactly the agent is named; then one run heals it."""
    wanted, named = IGNORED[endpoint]
    applier.box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}])
    wish(applier, *({"operatorId": "8001"},) * (wanted["operatorId"] != "8001"), wanted)
    applier.box.faults([{"endpoint": endpoint, "fault": "ignore-all"}])
    report = applied(applier)
    assert report.exit_code == 4
    assert [mismatch.operator_id for mismatch in report.mismatches] == named
    assert f"not so  {named[0]}" in outcome.report(report)
    assert [each["operatorId"] for each in as_json.report(report)["mismatches"]] == named
    assert_heals(applier)


def test_a_password_that_is_ignored_is_taken_on_trust(applier: Applier) -> None:
    """Passwords are never listed: the vendor's word is all that there is."""
    applier.box.store.reset([{"operatorId": "8001"}])
    applier.file.write_text(
        json.dumps({**HEAD, "agents": [{"operatorId": "8001", "password": {"env": "AGENT_GIVEN", "version": 1}}]})
    )
    applier.box.faults([{"endpoint": "editPwd", "fault": "ignore-all"}])
    assert applied(applier).exit_code == 0


def test_two_agents_whose_swap_is_ignored(applier: Applier) -> None:
    """A ring in which every edit is accepted and none is made ends in 4, and one run makes it so afterwards."""
    applier.box.store.reset([{"operatorId": f"800{n}", "sipNumber": f"6000{n}"} for n in (1, 2, 3)])
    wish(applier, *({"operatorId": f"800{n}", "sipNumber": f"6000{n % 3 + 1}"} for n in (1, 2, 3)))
    applier.box.faults([{"endpoint": "edit/v2", "fault": "ignore-all"}])
    assert applied(applier).exit_code == 4
    assert_heals(applier)


def test_the_exit_code_of_the_command(tmp_path: Path, vendor: Box) -> None:
    """The command itself: 4 with agent and field in text and JSON; then 0."""
    vendor.store.reset([{"operatorId": "8001", "name": "old"}])
    place = Workplace(tmp_path, vendor.url)
    place.write(json.dumps({**HEAD, "agents": [{"operatorId": "8001", "name": "new", "bindcode": "1"}]}))
    vendor.faults([{"endpoint": "edit/v2", "fault": "ignore", "field": "name"}])
    ran = place.run("apply", "-y")
    assert ran.code == 4
    assert "! not so  8001" in ran.out
    assert "name: wanted new, is old" in ran.out
    ran = place.run("apply", "-y", "--format", "json")
    assert ran.code == ran.json["exit_code"] == 4
    assert ran.json["mismatches"][0]["changes"] == [{"field": "name", "before": "old", "after": "new"}]
    vendor.faults([])
    assert place.run("apply", "-y").code == 0


# A listing that moves. Three pages; the file wants everybody who is there.

COUNT = 2 * PAGE_SIZE + 30
PAGES = 3
EVERYBODY = [str(8000 + n) for n in range(COUNT)]
MOVES: dict[str, dict[str, Any]] = {
    "delete": {"how": "delete"},
    "delete many": {"how": "delete", "count": 40},
    "delete for good": {"how": "delete", "real": True},
    "insert": {"how": "insert"},
    "insert many": {"how": "insert", "count": 70},
    "insert for good": {"how": "insert", "count": 3, "real": True},
    "reorder": {"how": "reorder", "count": 5},
    "duplicate": {"how": "duplicate", "count": 2},
    "more": {"how": "total"},
    "fewer": {"how": "total", "count": -1},
    "a page fewer": {"how": "total", "count": -60},
    "restore": {"how": "restore"},
}


def crowd(applier: Applier, **wanted: Value) -> None:
    """Three pages of agents, live and in the file; the last as `wanted`."""
    applier.box.store.reset([{"operatorId": operator_id} for operator_id in EVERYBODY])
    *others, last = ({"operatorId": operator_id} for operator_id in EVERYBODY)
    wish(applier, *others, {**last, **wanted})


def assert_right(applier: Applier, *, tries: int = LISTING_TRIES) -> None:
    """A plan is right about who is there, or there is none; and the pages are not read for ever."""
    try:
        plan = applier.plan()
    except IncompleteListing:
        assert arrived(applier, "page") >= LISTING_TRIES
    else:
        live = set(applier.box.store.agents())
        planned = {(action.kind, action.operator_id) for action in plan.actions}
        assert planned == {("create", id_) for id_ in {*EVERYBODY} - live} | {
            ("delete", id_) for id_ in live - {*EVERYBODY}
        }
    assert arrived(applier, "page") <= tries * (PAGES + 1)


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("move", MOVES)
def test_a_listing_that_moves_once(applier: Applier, move: str, number: int) -> None:
    """Whatever moves at whichever page: the listing is read again until it holds still, and then the plan is right."""
    crowd(applier)
    applier.box.faults([{"endpoint": "page", "calls": [number], "fault": "move", **MOVES[move]}])
    assert_right(applier, tries=3)  # the one that moved, and two that agree


LASTING: dict[str, list[dict[str, Any]]] = {
    "somebody comes at every page": [{"calls": "all", "how": "insert", "real": True}],
    "somebody goes at every page": [{"calls": "all", "how": "delete", "real": True}],
    "one comes and goes": [
        {"calls": {"every": 2}, "how": "insert", "real": True},
        {"calls": "all", "how": "restore"},
    ],
    "one goes, one comes": [
        {"calls": {"every": 2}, "how": "delete", "real": True},
        {"calls": "all", "how": "insert", "real": True},
    ],
    "one goes and comes back at the end": [
        {"calls": {"every": 2}, "how": "delete", "real": True},
        {"calls": "all", "how": "restore"},
    ],
    "rows twice": [{"calls": "all", "how": "duplicate"}],
    "a total that is too large": [{"calls": "all", "how": "total"}],
    "a total that is too small": [{"calls": "all", "how": "total", "count": -1}],
    "another total at every other page": [{"calls": {"every": 2}, "how": "total", "count": 100}],
    "another order at every other page": [{"calls": {"every": 2}, "how": "reorder", "count": 7}],
    "every page shifted": [{"calls": "all", "how": "delete"}],
}


@pytest.mark.parametrize("moves", LASTING.values(), ids=LASTING)
def test_a_listing_that_never_holds_still(applier: Applier, moves: list[dict[str, Any]]) -> None:
    """It keeps moving: a few tries, then an error and no plan, or a plan that is right; never one that deletes."""
    crowd(applier)
    applier.box.faults([{"endpoint": "page", "fault": "move", **move} for move in moves])
    assert_right(applier)


def test_the_command_gives_up_on_a_listing_that_moves(tmp_path: Path, vendor: Box) -> None:
    """Plan and apply say what happened and exit 1, and nothing was sent; in bounded time."""
    vendor.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}])
    place = Workplace(tmp_path, vendor.url)
    place.write(json.dumps({**HEAD, "agents": [{"operatorId": "8001"}]}))
    vendor.faults([{"endpoint": "page", "fault": "move", "how": "duplicate"}])
    for command in (("plan",), ("apply", "-y")):
        ran = place.run(*command)
        assert ran.code == 1
        assert "2 rows, where 2 were promised; 8001 listed twice" in ran.err
    vendor.faults([])
    assert vendor.store.history() == []
    assert len(vendor.store.attempts()) == 2 * LISTING_TRIES


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("number", [PAGES + 1, PAGES + 2, PAGES + 3])
@pytest.mark.parametrize("move", MOVES)
def test_a_listing_that_moves_during_the_read_back(applier: Applier, move: str, number: int) -> None:
    """The same after the last call: the apply is done and seen to be, and nobody is deleted or made for it."""
    crowd(applier, name="new")
    applier.box.faults([{"endpoint": "page", "calls": [number], "fault": "move", **MOVES[move]}])
    report = applied(applier)
    assert (report.exit_code, report.verified, report.mismatches) == (0, True, ())
    assert arrived(applier, "page") <= PAGES + 3 * (PAGES + 1)
    assert [written.endpoint for written in applier.box.store.history()] == ["edit/v2"]


def test_a_read_back_that_never_holds_still(applier: Applier) -> None:
    """It cannot be read back: that is said, the exit code is 4, and the next run has nothing left to do.

    So many agents are touched that asking for each takes no fewer calls.
    """
    crowd(applier)
    touched, others = EVERYBODY[:PAGES], EVERYBODY[PAGES:]
    wish(applier, *({"operatorId": id_, "name": "new"} for id_ in touched), *({"operatorId": id_} for id_ in others))
    applier.box.faults([{"endpoint": "page", "calls": {"from": PAGES + 1}, "fault": "move", "how": "duplicate"}])
    report = applied(applier)
    assert (report.exit_code, report.verified, report.done) == (4, False, PAGES)
    assert "could not be read back" in outcome.report(report)
    assert arrived(applier, "page") <= PAGES * (1 + LISTING_TRIES)
    applier.box.faults([])
    assert applied(applier).exit_code == 0
    assert len(applier.box.store.history()) == PAGES


# Lists of agents to be deleted that the vendor does not take as they are.


def leavers(applier: Applier, count: int) -> list[str]:
    """So many agents who are not in the file, and one who is."""
    ids = [str(8000 + n) for n in range(count)]
    applier.box.store.reset([{"operatorId": operator_id} for operator_id in (*ids, "9000")])
    wish(applier, {"operatorId": "9000"})
    return ids


def halvings(count: int, fits: Callable[[int], bool]) -> int:
    """Calls that it takes until every part of a list fits."""
    return 1 if fits(count) else 1 + halvings(count // 2, fits) + halvings(count - count // 2, fits)


def around(culprits: int, count: int) -> int:
    """Calls that it takes at most to leave so many of a list alone, which is logarithmic for each."""
    return 1 + culprits * 2 * math.ceil(math.log2(count))


@pytest.mark.parametrize("longest", [1, 3, 7])
@pytest.mark.parametrize("count", [10, 17, 25])
def test_a_vendor_with_a_limit_on_lists(applier: Applier, count: int, longest: int) -> None:
    """A list that is too long is halved until it fits: everybody goes, and no call is wasted."""
    leavers(applier, count)
    applier.box.faults([{"endpoint": "del/v2", "fault": "limit-list", "max": longest}])
    assert applied(applier).exit_code == 0
    assert sorted(applier.box.store.agents()) == ["9000"]
    assert arrived(applier, "del/v2") == halvings(count, lambda size: size <= longest)
    assert arrived(applier, "one/v2") == 0


@pytest.mark.parametrize("place", [0, 1, 7, 12, 23, 24])
def test_somebody_who_has_gone_already(applier: Applier, place: int) -> None:
    """Deleted in the console after the listing: the vendor refuses the list for it; all are gone, in few calls."""
    ids = leavers(applier, 25)
    applier.planned = lambda _sight: applier.box.store.remove(ids[place])
    report = applied(applier)
    assert (report.exit_code, report.done) == (0, 25)
    assert sorted(applier.box.store.agents()) == ["9000"]
    assert arrived(applier, "del/v2") <= around(1, 25)
    assert arrived(applier, "one/v2") == 1


def test_somebody_who_was_never_there(tmp_path: Path, vendor: Box) -> None:
    """The same for the command, with one in the listing who does not exist: 0, since who does not exist is gone."""
    vendor.store.reset([{"operatorId": operator_id} for operator_id in ("8001", "8002", "8003")])
    place = Workplace(tmp_path, vendor.url)
    place.write(json.dumps({**HEAD, "agents": [{"operatorId": "8001"}]}))
    vendor.faults([{"endpoint": "page", "calls": [1], "fault": "move", "how": "insert"}])
    ran = place.run("apply", "-y", "--format", "json")
    vendor.faults([])
    assert ran.code == 0
    assert ran.json["plan"]["summary"]["delete"] == 3
    assert sorted(vendor.store.agents()) == ["8001"]


@pytest.mark.parametrize("places", [(0,), (13,), (24,), (3, 20), (11, 12)])
def test_somebody_whom_the_vendor_will_not_delete(applier: Applier, places: tuple[int, ...]) -> None:
    """Exactly these are reported, with the vendor's words, and stay; the others are gone; exit 4, later 0."""
    ids = leavers(applier, 25)
    stuck = [ids[place] for place in places]
    rule = {"endpoint": "del/v2", "fault": "refuse", "msg": "坐席通话中"}
    applier.box.faults([{**rule, "operatorId": operator_id} for operator_id in stuck])
    report = applied(applier)
    assert report.exit_code == 4
    failed = {result.action.operator_id: result for result in report.results if result.outcome != "done"}
    assert sorted(failed) == stuck
    assert {result.outcome for result in failed.values()} == {"failed"}
    assert all("坐席通话中" in result.message for result in failed.values())
    assert sorted(applier.box.store.agents()) == [*stuck, "9000"]
    assert arrived(applier, "del/v2") <= around(len(stuck), 25)
    assert_heals(applier)
    assert sorted(applier.box.store.agents()) == ["9000"]


def test_a_limit_and_a_culprit(applier: Applier) -> None:
    """Both at once, and one who has gone: still everybody else is deleted."""
    ids = leavers(applier, 25)
    applier.planned = lambda _sight: applier.box.store.remove(ids[5])
    applier.box.faults(
        [
            {"endpoint": "del/v2", "fault": "limit-list", "max": 4},
            {"endpoint": "del/v2", "operatorId": ids[17], "fault": "refuse"},
        ]
    )
    report = applied(applier)
    assert [result.action.operator_id for result in report.results if result.outcome != "done"] == [ids[17]]
    assert sorted(applier.box.store.agents()) == [ids[17], "9000"]


def test_a_vendor_that_deletes_nobody(applier: Applier) -> None:
    """Every list and eight single agents are refused alike: all are reported, exit 1, and the calls are counted out."""
    ids = leavers(applier, 12)
    applier.box.faults([{"endpoint": "del/v2", "fault": "refuse"}])
    report = applied(applier)
    assert report.exit_code == 1
    assert [result.action.operator_id for result in report.results if result.outcome == "failed"] == ids
    assert arrived(applier, "del/v2") == len((12, 6, 3)) + DOUBTED_AFTER
    # A look-up for each single one, and one to make sure that the vendor answers anything at all.
    assert arrived(applier, "one/v2") == DOUBTED_AFTER + 1


def test_a_token_that_ends_during_a_delete(applier: Applier) -> None:
    """A refused token is no reason to halve anything."""
    leavers(applier, 12)
    applier.box.faults([{"endpoint": "del/v2", "fault": "status", "status": 401}])
    assert applied(applier).exit_code == 1
    assert arrived(applier, "del/v2") == 1


def test_lists_of_a_hundred(applier: Applier) -> None:
    """A long list goes in hundreds, and a culprit costs its own list alone."""
    ids = leavers(applier, 130)
    applier.planned = lambda _sight: applier.box.store.remove(ids[77])
    assert applied(applier).exit_code == 0
    assert sorted(applier.box.store.agents()) == ["9000"]
    assert arrived(applier, "del/v2") <= 1 + around(1, 100)


def test_the_values_that_are_asked_for_are_others() -> None:
    """The tests above change something: no value is a new agent's own."""
    assert GIVEN
    for row in COMPARED:
        assert another(row) != row.default
        assert encode(row, another(row)) is not None


BY_HAND: dict[str, Callable[[Box], None]] = {
    "edited": lambda box: box.store.put("8100", name="别人"),
    "deleted": lambda box: box.store.remove("8100"),
    "made": lambda box: box.store.put("8399"),
}


@pytest.mark.parametrize("everybody", [True, False], ids=["everybody", "touched"])
@pytest.mark.parametrize("by_hand", BY_HAND)
def test_no_more_is_claimed_than_was_looked_at(applier: Applier, by_hand: str, everybody: bool) -> None:
    """Somebody changes one whom no call is about: who looks at everybody names them, who does not claims nothing."""
    agents = [{"operatorId": str(number), "name": "甲"} for number in range(8001, 8301)]
    applier.box.store.reset(agents)
    wish(applier, {**agents[0], "name": "乙"}, *agents[1:])
    applier.everybody = everybody
    applier.ended = lambda _: BY_HAND[by_hand](applier.box)
    report = applied(applier)
    changed = "8399" if by_hand == "made" else "8100"
    assert (report.exit_code, report.mismatches, report.done) == (0, (), 1)
    assert (report.everybody, report.drifted) == (everybody, (changed,) if everybody else ())
    said = outcome.report(report)
    assert "every agent of the plan is as desired" in said
    assert (changed in said) is everybody
    assert as_json.report(report)["drifted"] == [*report.drifted]


def test_everybody_is_as_desired_where_everybody_was_seen(applier: Applier) -> None:
    """Only then that is said; not where the command line leaves agents out."""
    wish(applier, {"operatorId": "8001"}, {"operatorId": "8002"})
    applier.policy = Policy(targets=("8001",))
    assert "every agent of the plan is" in outcome.report(applied(applier))
    applier.policy = Policy()
    assert "every agent is as desired" in outcome.report(applied(applier))
