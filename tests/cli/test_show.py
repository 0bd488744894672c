"""`show` and `explain`, as processes against the sandbox."""

from __future__ import annotations

import pytest

from reconciler.core.desired.reference import field_help
from reconciler.core.model.fields import FIELDS, Field
from reconciler.sandbox.server import Box
from tests.process import Workplace

COMPANY = "version: 1\ncompany: {abbreviate: acme}\nprofiles: {quiet: {outcallflag: forbidden}}\nprotect: ['8009']\n"
TEAM = """version: 1
defaults: {afterInterval: 7}
agents:
  - {operatorId: "8001", profile: quiet, name: 张三, roleName: 班长, password: {env: AGENT_PASSWORD, version: 3}}
pools:
  - {from: "0100", to: "0102", name: "外呼 {operatorId}"}
"""


@pytest.fixture
def team(place: Workplace, box: Box) -> Workplace:
    """Two files, one live agent that differs, and two that are in no file."""
    box.store.reset(
        [{"operatorId": "8001", "name": "唐建", "afterInterval": 7}, {"operatorId": "8008"}, {"operatorId": "8009"}]
    )
    (place.folder / "team").mkdir()
    place.write(COMPANY, "team/company.yaml")
    place.write(TEAM, "team/sales.yaml")
    return place


def test_live_and_desired_beside_each_other(team: Workplace) -> None:
    """Each field with both values, what differs marked, and the layer, file and line that each value comes from."""
    ran = team.run("show", "8001", "-f", "team")
    assert ran.code == 0
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0] == "8001 张三, team/sales.yaml:4:5: live and in the file"
    assert "~ name 唐建 张三 own, team/sales.yaml:4" in lines
    assert "~ outcallflag allowed forbidden profile quiet, team/company.yaml:3" in lines
    assert "afterInterval 7 7 defaults, team/sales.yaml:2" in lines
    assert "~ roleName not recorded 班长 own, team/sales.yaml:4" in lines
    assert 'email "" - not managed' in lines
    assert any(line.startswith("~ password: not recorded, desired version 3") for line in lines)


def test_show_as_json(team: Workplace) -> None:
    """The same as one document: what differs, and where each desired value stands."""
    shown = team.run("show", "8001", "-f", "team", "--format", "json").json
    rows = {row["field"]: row for row in shown["fields"]}
    assert {name for name, row in rows.items() if row["differs"]} == {"name", "outcallflag", "roleName"}
    assert rows["outcallflag"]["source"] == {"layer": "profile quiet", "file": "team/company.yaml", "line": 3}
    assert rows["roleName"]["live_known"] is False
    assert rows["email"]["source"] is None
    assert shown["password"] == {"recorded": None, "desired": 3}


def test_one_request_is_enough(team: Workplace, box: Box) -> None:
    """`show` asks for the one agent and lists nobody."""
    team.run("show", "8001", "-f", "team")
    assert [attempt.endpoint for attempt in box.store.attempts()] == ["one/v2"]


@pytest.mark.parametrize(
    ("operator_id", "verdict"),
    [
        ("0101", "0101 外呼 0101, team/sales.yaml:6:5: not live; apply would create it"),
        ("8008", "8008: live and not in the file; apply would delete it"),
        ("8009", "8009: live and not in the file; kept, because it is protected or nothing is pruned"),
    ],
)
def test_an_agent_on_one_side(team: Workplace, operator_id: str, verdict: str) -> None:
    """An agent that is only desired or only live says what apply would do; a pool is named as the layer."""
    ran = team.run("show", operator_id, "-f", "team")
    assert (ran.code, ran.out.splitlines()[0]) == (0, verdict)
    assert ("pool 0100…0102, team/sales.yaml:6" in ran.out) == (operator_id == "0101")


def test_an_agent_that_is_nowhere(team: Workplace) -> None:
    """Nobody by that number is an error that says so."""
    ran = team.run("show", "7777", "-f", "team")
    assert ran.code == 1
    assert "there is no agent 7777, live or desired" in ran.err


def test_a_hostile_live_name(place: Workplace, box: Box) -> None:
    """What the vendor holds cannot act on the terminal."""
    box.store.reset([{"operatorId": "8001", "name": "\x1b[2J::x"}])
    place.write("version: 1\ncompany: {abbreviate: acme}\n")
    ran = place.run("show", "8001")
    assert "\x1b" not in ran.out
    assert "\\x1b[2J" in ran.out


@pytest.mark.parametrize("row", FIELDS, ids=lambda row: row.name)
def test_every_field_is_explained(row: Field) -> None:
    """Each in English and Chinese, with what may stand in it and when it can be set."""
    told = field_help(row)
    assert row.doc.replace("`", "") in told
    assert row.zh in told
    assert all(choice in told for choice in row.choices)
    assert "\nset " in told


def test_explain(offline: Workplace) -> None:
    """A field in words; without one every field by name; an unknown one is wrong usage, with the closest name."""
    assert offline.run("explain", "afterInterval").out.startswith("afterInterval\n")
    assert [line.split()[0] for line in offline.run("explain").out.splitlines()] == [row.name for row in FIELDS]
    assert offline.run("explain", "手机").out.startswith("bindcode\n")
    assert offline.run("explain", "密码").out.startswith("password\n")
    assert offline.run("explain", "禁止外呼").out.startswith("禁止外呼 is outcallflag: forbidden\n")
    assert "mainGroupName" in offline.run("explain", "主技能组名").err
    assert "  right    {name: 李四}\n" in offline.run("explain", "duplicate-key").out
    removal = offline.run("explain", "onRemove").out
    assert removal.startswith("onRemove\n")
    assert "stands        at the top of the file\nexample       onRemove: {disable: 30d}\n" in removal
    assert offline.run("explain", "保护").out.startswith("protect\n")
    limit = offline.run("explain", "maxDeletes").out
    assert limit.startswith("maxDeletes\n")
    assert "\n\nmax-deletes\n  means    " in limit
    assert "Did you mean onRemove?" in offline.run("explain", "onremove").err
    wrong = offline.run("explain", "roleNam")
    assert (wrong.code, "Did you mean roleName?" in wrong.err) == (64, True)
