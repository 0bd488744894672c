"""What a call changes although nobody asked for it is seen in the read-back, and said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.report import Report
from reconciler.render import json as as_json
from reconciler.render import outcome
from reconciler.sandbox.handlers import HANDLERS, Body
from reconciler.sandbox.server import Box
from reconciler.sandbox.store import AgentStore
from tests.process import Workplace
from tests.reliability.mixed import Applier

HEAD = {"version": 1, "company": {"abbreviate": "acme", "companyId": 4242}}
FULL = {"name": "王芳", "showcaller": "4001", "bindcode": "13800000000", "ttscontent": "您好", "outcallflag": 2}
TEXTS = ("name", "showcaller", "bindcode", "ttscontent")


def spoil(monkeypatch: pytest.MonkeyPatch, endpoint: str, also: Callable[[Body], Mapping[str, Any]]) -> None:
    """From now on a call to the endpoint does what it is asked, and sets these columns of its agent as well."""
    honest = HANDLERS[endpoint]

    def spoiling(store: AgentStore, body: Body) -> Any:
        data = honest(store, body)
        store.update(body["operatorId"], also(body))
        return data

    monkeypatch.setitem(HANDLERS, endpoint, spoiling)


def emptied(body: Body) -> dict[str, str]:
    """Every text that the body does not name, emptied."""
    return dict.fromkeys(set(TEXTS) - set(body), "")


def write(place: Workplace, *agents: Mapping[str, Any]) -> None:
    """Write the file."""
    place.write(json.dumps({**HEAD, "agents": agents}))


def unasked(document: Any) -> dict[str, dict[str, tuple[Any, Any]]]:
    """By agent and field, what is and what should be, of what nobody asked for."""
    return {
        each["operatorId"]: {change["field"]: (change["before"], change["after"]) for change in each["changes"]}
        for each in document["mismatches"]
        if each["unasked"]
    }


def test_an_edit_that_empties_what_is_not_sent(place: Workplace, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agent and field are named in text and JSON, with what was there; exit 4; also what the file manages."""
    box.store.reset([{"operatorId": "8001", **FULL}, {"operatorId": "8002", **FULL}])
    write(place, {"operatorId": "8001", "name": "李四", "showcaller": "4001"}, {"operatorId": "8002", "name": "王芳"})
    spoil(monkeypatch, "edit/v2", emptied)
    ran = place.run("apply", "-y", "--format", "json")
    assert ran.code == ran.json["exit_code"] == 4
    gone = {"showcaller": ("", "4001"), "bindcode": ("", "13800000000"), "ttscontent": ("", "您好")}
    assert unasked(ran.json) == {"8001": gone}
    assert [each["operatorId"] for each in ran.json["mismatches"]] == ["8001"]
    box.store.put("8001", **FULL)
    ran = place.run("apply", "-y")
    assert ran.code == 4
    assert "! unasked  8001  changed, and this run did not ask for it" in ran.out
    assert 'ttscontent: should be 您好, is ""' in ran.out
    assert "Put back in the console what changed unasked" in ran.out
    assert "as desired" not in ran.out
    assert "8002" not in ran.out.partition("Applied")[0].partition("! unasked")[2]


def test_a_password_that_changes_something_else(tmp_path: Path, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that sets a password touches its agent as well."""
    box.store.reset([{"operatorId": "8001", **FULL}])
    applier = Applier(tmp_path, box)
    applier.file.write_text(
        json.dumps({**HEAD, "agents": [{"operatorId": "8001", "password": {"env": "AGENT_GIVEN", "version": 1}}]})
    )
    spoil(monkeypatch, "editPwd", lambda _body: {"status": 0})
    report = applier.apply()
    assert isinstance(report, Report)
    assert (report.exit_code, report.done) == (4, 1)
    assert unasked(as_json.report(report)) == {"8001": {"status": ("disabled", "enabled")}}
    assert "status: should be enabled, is disabled" in outcome.report(report)


def test_a_create_that_gives_more(place: Workplace, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new agent has what the reference says; the SIP number that the vendor chooses is no side effect."""
    write(place, {"operatorId": "8001", "name": "新人"}, {"operatorId": "8003", "name": "新人", "isrecord": False})
    spoil(monkeypatch, "create/v2", lambda _body: {"isrecord": 0, "isHidePhone": 1})
    ran = place.run("apply", "-y", "--format", "json")
    assert ran.code == 4
    hidden = {"isHidePhone": (True, False)}
    assert unasked(ran.json) == {"8001": {**hidden, "isrecord": (False, True)}, "8003": hidden}


def test_a_sip_number_that_goes(place: Workplace, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit that takes away a SIP number that it does not name is seen."""
    box.store.reset([{"operatorId": "8001", "sipNumber": "60007"}])
    write(place, {"operatorId": "8001", "name": "new"})
    spoil(monkeypatch, "edit/v2", lambda _body: {"sipid": None})
    ran = place.run("apply", "-y", "--format", "json")
    assert (ran.code, unasked(ran.json)) == (4, {"8001": {"sipNumber": (None, "60007")}})


def test_agents_that_nobody_touched_may_move(tmp_path: Path, box: Box) -> None:
    """Somebody edits an agent in the console meanwhile that no call is about: the run is done, and says no more."""
    box.store.reset([{"operatorId": "8001", **FULL}, {"operatorId": "8002", **FULL}])
    applier = Applier(tmp_path, box)
    applier.file.write_text(json.dumps({**HEAD, "prune": False, "agents": [{"operatorId": "8001", "name": "new"}]}))
    applier.ended = lambda _event: box.store.put("8002", name="somebody", outcallflag=0)
    report = applier.apply()
    assert isinstance(report, Report)
    assert (report.exit_code, report.mismatches) == (0, ())


def test_a_replaced_agent_is_whole(tmp_path: Path, box: Box) -> None:
    """Whoever is deleted and made anew has everything that it had: nothing is told of."""
    box.store.reset([{"operatorId": "8001", **FULL, "sipNumber": "60007", "judge": 1, "isrecord": 0}])
    applier = Applier(tmp_path, box)
    applier.file.write_text(json.dumps({**HEAD, "agents": [{"operatorId": "8001", "judge": False}]}))
    report = applier.apply()
    assert isinstance(report, Report)
    assert (report.exit_code, report.done, report.mismatches) == (0, 1, ())


def test_a_delete_that_takes_others_with_it(tmp_path: Path, box: Box) -> None:
    """Who is gone after a delete although nobody asked for it is named, protected or in no file; exit 4."""
    box.store.reset([{"operatorId": id_} for id_ in ("8001", "8002", "8009", "80091")])
    applier = Applier(tmp_path, box)
    guardrails = {"guardrails": {"maxDeletes": "100%"}, "protect": ["80091"]}
    applier.file.write_text(json.dumps({**HEAD, **guardrails, "agents": [{"operatorId": "8001"}]}))
    applier.ended = lambda event: box.store.remove("80091") if "8009" in event.call.operator_ids else None
    report = applier.apply()
    assert isinstance(report, Report)
    assert (report.exit_code, report.done, report.drifted) == (4, 2, ())
    assert [(each.operator_id, each.unasked, each.changes) for each in report.mismatches] == [("80091", True, ())]
    assert "is gone, and this run did not ask for that" in outcome.report(report)
