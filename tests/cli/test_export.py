"""`export`, as a process against the sandbox."""

from __future__ import annotations

import csv
import io
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.server import Box
from tests.process import Workplace

ODD = (
    "no",
    "1e3",
    "0071",
    "null",
    "~",
    "it's",
    'a "b"',
    "a: b",
    "a #b",
    "a\nb",
    " a ",
    "👍🏽",
    "::error::a",
    "\u202ea",
)


@pytest.fixture
def team(place: Workplace, box: Box) -> Workplace:
    """Thirty agents: two groups, a leader in each, odd names."""
    box.store.reset([_row(number) for number in range(30)])
    place.env["PYTHONDONTWRITEBYTECODE"] = "1"
    return place


def _row(number: int) -> dict[str, Any]:
    group = ("售后一组", "../Sales")[number % 2]
    row = {"operatorId": str(8001 + number), "name": ODD[number % len(ODD)], "mainGroupName": group}
    return {**row, "operatorType": int(number < 2), "afterInterval": 5 + number % 2, "sipNumber": str(60001 + number)}


def no_changes(place: Workplace, *files: str) -> bool:
    """Whether the plan of these files is empty."""
    ran = place.run("plan", "--detailed-exitcode", *(word for file in files for word in ("-f", file)))
    assert ran.code in (0, 2), ran.err
    return ran.code == 0


def test_the_plan_of_an_export_is_empty(team: Workplace, box: Box) -> None:
    """The main job: one command, a file for git, nothing to change, nothing done, no secret."""
    ran = team.run("export", "--company", "acme", "--company-id", "4242", "--output", "agents.yaml")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "wrote agents.yaml: 30 agents\n"
    text = (team.folder / "agents.yaml").read_text(encoding="utf-8")
    assert "company: {abbreviate: acme, companyId: 4242}\n" in text
    assert not any(secret in text for agent in box.store.agents().values() for secret in _secrets(agent))
    assert box.store.history() == []
    assert no_changes(team, "agents.yaml")


def _secrets(agent: dict[str, Any]) -> list[str]:
    return [
        "sipPassword",
        "password",
        *(str(agent[name]) for name in ("sipPassword", "password_md5") if agent.get(name)),
    ]


def test_a_folder_with_a_file_for_each_group(team: Workplace) -> None:
    """Groups name their files, however they are called, and together their plan is empty."""
    ran = team.run("export", "--company", "acme", "--output", "teams/agents", "--split-by")
    assert ran.code == 0
    assert ran.err == "wrote teams/agents: 30 agents in 3 files\n"
    made = {path.name for path in (team.folder / "teams/agents").iterdir()}
    assert made == {"Sales.yaml", "company.yaml", "售后一组.yaml"}
    assert no_changes(team, "teams/agents")
    stale = team.folder / "teams/agents/old.yml"
    stale.write_text("version: 1\n")
    refused = team.run("export", "--company", "acme", "--output", "teams/agents", "--split-by", "status", "--force")
    assert refused.code == 3
    assert "desired-state files of its own: Sales.yaml and 2 more" in refused.err
    assert {path.name for path in (team.folder / "teams/agents").iterdir()} == {*made, "old.yml"}


def test_nothing_is_overwritten_unless_it_is_forced(team: Workplace, box: Box) -> None:
    """What stands in the way is kept, and the vendor is not even asked; with --force it is replaced, its mode kept."""
    path = team.write("version: 1\ncompany: {abbreviate: acme}\n# mine\n")
    path.chmod(0o640)
    refused = team.run("export", "--output", "agents.yaml")
    assert refused.code == 3
    assert "agents.yaml is there already" in refused.err
    assert "# mine" in path.read_text()
    assert box.store.attempts() == []
    assert team.run("export", "--output", "agents.yaml", "--force").code == 0
    assert "# mine" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert no_changes(team, "agents.yaml")


def test_a_file_is_brought_up_to_date_in_place(team: Workplace) -> None:
    """`--into` keeps comments, and says so when there is nothing to do."""
    path = team.write('version: 1\ncompany: {abbreviate: acme}\nagents:\n  - {operatorId: "8001", name: 旧}  # 班长\n')
    ran = team.run("export", "--into", "agents.yaml")
    assert ran.code == 0, ran.err
    assert ran.err == "wrote agents.yaml: 30 agents\n"
    assert '  - {operatorId: "8001", name: "no"}  # 班长\n' in path.read_text(encoding="utf-8")
    assert no_changes(team, "agents.yaml")
    again = team.run("export", "--into", "agents.yaml")
    assert again.err == "agents.yaml says what is live; it is left as it is\n"


def test_an_export_as_csv(team: Workplace) -> None:
    """To stdout, with the mark that Excel needs, and Chinese headings where they are wanted."""
    ran = team.run("export", "--company", "acme", "--format", "csv", "--headings", "zh")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("\ufeff工号,姓名,")
    heading, first, *rest = csv.reader(io.StringIO(ran.out, newline=""))
    assert first[:4] == ["8001", "no", "班长", "启用"]
    assert {len(row) for row in (heading, first, *rest)} == {18}
    assert len(rest) == 29


def test_what_no_file_can_say_is_told(place: Workplace, box: Box) -> None:
    """Values that make no sense are left alone: told on stderr, made visible, and nobody is deleted for them."""
    box.store.reset([{"operatorId": str(8001 + number), "judge": 7, "sipNumber": None} for number in range(7)])
    ran = place.run("export", "--company", "acme", "--output", "agents.yaml")
    assert ran.code == 0
    assert "warning: judge is left alone: no file can say 7 (8001, 8002, 8003, 8004, 8005 and 2 more)\n" in ran.err
    assert no_changes(place, "agents.yaml")


def test_the_company_of_a_file_is_taken(team: Workplace) -> None:
    """Without --company, of the files that are named."""
    team.write("version: 1\ncompany: {abbreviate: acme, companyId: 4242}\n", "other.yaml")
    ran = team.run("export", "-f", "other.yaml")
    assert ran.code == 0
    assert "company: {abbreviate: acme, companyId: 4242}\n" in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "pass --company ABBREVIATE"),
        (("--company", ""), "names nobody"),
        (("--company", os.fsdecode(b"\xff")), "names nobody"),
        (("--company", "acme", "--split-by", "name", "--output", "a"), "mainGroupName"),
        (("--company", "acme", "--split-by", "status"), "--output FOLDER"),
        (("--company", "acme", "--split-by", "status", "--output", "a", "--format", "csv"), "no CSV"),
        (("--into", "agents.yaml", "--output", "a"), "stands alone"),
        (("--company", "acme", "--headings", "zh"), "--format csv"),
        (("--company-id", "7"), "--company"),
    ],
)
def test_wrong_usage(offline: Workplace, arguments: tuple[str, ...], words: str) -> None:
    """Says what is wrong before anything is read or sent; never exit code 2."""
    ran = offline.run("export", *arguments)
    assert ran.code == 64
    assert words in ran.err


def test_a_vendor_who_refuses(place: Workplace) -> None:
    """Nothing is written."""
    ran = place.run("export", "--company", "acme", "--output", "agents.yaml", env={"RECONCILER_TOKEN": "wrong"})
    assert ran.code == 1
    assert list(place.folder.iterdir()) == []


@pytest.mark.parametrize("into", ["missing.yaml", "broken.yaml"])
def test_a_file_that_cannot_be_brought_up_to_date(offline: Workplace, into: str) -> None:
    """Is named, with what is wrong; it is left as it is."""
    path: Path = offline.write("version: 1\nagents: 7\n", "broken.yaml")
    ran = offline.run("export", "--into", into)
    assert ran.code == 1
    assert into in ran.err
    assert path.read_text() == "version: 1\nagents: 7\n"
