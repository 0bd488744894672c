"""`export --into` takes only the agents that are named, or only what drifted; the rest of the file stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.server import Box
from tests.ledger.git_branch.host import git
from tests.process import Workplace

FILE = """version: 1
company: {abbreviate: acme, companyId: 4242}
agents:
  - {operatorId: "8001", name: one, afterInterval: 10}   # the first
  - {operatorId: "8002", name: two, afterInterval: 10}
  - {operatorId: "8003", name: three}
"""
LIVE: list[dict[str, Any]] = [
    {"operatorId": "8001", "name": "one", "afterInterval": 10},
    {"operatorId": "8002", "name": "two", "afterInterval": 10},
    {"operatorId": "8003", "name": "three"},
]


@pytest.fixture
def here(place: Workplace, box: Box) -> Workplace:
    """A repository whose files were applied, and a console in which somebody changed, made and deleted agents."""
    box.faults([])
    box.store.reset([
        {**LIVE[0], "name": "uno", "afterInterval": 20}, {**LIVE[1], "afterInterval": 30}, {"operatorId": "8009"},
    ])  # fmt: skip
    place.write(FILE)
    git(place.folder, "init", "--quiet")
    git(place.folder, "add", "agents.yaml")
    git(place.folder, "commit", "--quiet", "-m", "files")
    return place


def text(here: Workplace) -> str:
    """The file as it is now."""
    return (here.folder / "agents.yaml").read_text(encoding="utf-8")


def test_only_those_that_are_named(here: Workplace) -> None:
    """One agent is edited, one removed, one added, each only when it is named; a pattern names several."""
    ran = here.run("export", "--into", "agents.yaml", "--target", "8001")
    assert (ran.code, ran.err) == (0, "wrote agents.yaml: 1 agent\n")
    assert text(here) == FILE.replace("name: one, afterInterval: 10}", "name: uno, afterInterval: 20}")
    assert here.run("export", "--into", "agents.yaml", "--target", "8003").code == 0
    assert "8003" not in text(here)
    assert "8009" not in text(here)
    assert here.run("export", "--into", "agents.yaml", "--target", "800[29]").code == 0
    assert here.run("plan", "--detailed-exitcode").code == 0


def test_an_id_that_nobody_has(here: Workplace) -> None:
    """It is refused, with a likely one, and the file stays."""
    ran = here.run("export", "--into", "agents.yaml", "--target", "8OO1")
    assert (ran.code, text(here)) == (64, FILE)
    assert "did you mean 8001?" in ran.err
    ran = here.run("export", "--into", "agents.yaml", "--target", "8001 ", "--target", "8001,8002")
    assert (ran.code, text(here)) == (64, FILE)
    assert '"8001 "' in ran.err
    assert "several ids are given one by one" in ran.err


def test_only_what_drifted(here: Workplace) -> None:
    """Fields that the file changed since HEAD stay changed; those of the console are taken, agents too."""
    edited = FILE.replace("name: one, ", "name: eins, ").replace('"8003"', '"8004"')
    here.write(edited)
    ran = here.run("export", "--into", "agents.yaml", "--only-drift")
    assert ran.code == 0, ran.err
    assert "name: eins, afterInterval: 20}   # the first" in text(here)
    assert "name: two, afterInterval: 30" in text(here)
    assert '"8009"' in text(here)
    assert '"8004"' in text(here)
    actions = here.run("plan", "--since", "HEAD", "--format", "json").json["actions"]
    assert [(action["action"], action["operatorId"]) for action in actions] == [("edit", "8001"), ("create", "8004")]
    assert here.run("export", "--into", "agents.yaml", "--only-drift").err.startswith("agents.yaml has nothing to take")


def test_drift_of_some(here: Workplace) -> None:
    """Both together: what drifted of those that are named, seen from an earlier revision too."""
    here.write(FILE.replace("name: one, ", "name: eins, "))
    git(here.folder, "commit", "--quiet", "-am", "not applied")
    arguments = ("export", "--into", "agents.yaml", "--only-drift", "--target", "8001")
    assert here.run(*arguments, "--since", "HEAD^").code == 0
    assert text(here) == FILE.replace("name: one, afterInterval: 10", "name: eins, afterInterval: 20")
    assert here.run(*arguments).code == 0
    assert "name: uno, afterInterval: 20}" in text(here)


def test_others_that_share_by_an_alias_stay(here: Workplace) -> None:
    """An agent that merges from one that changes keeps what it had."""
    anchored = FILE.replace('- {operatorId: "8001"', '- &a {operatorId: "8001"')
    here.write(
        anchored.replace(
            '{operatorId: "8002", name: two, afterInterval: 10}', '{<<: *a, operatorId: "8002", name: two}'
        )
    )
    assert here.run("export", "--into", "agents.yaml", "--target", "8001").code == 0
    actions = here.run("plan", "--format", "json", "--target", "8002").json["actions"]
    assert [action["changes"] for action in actions] == [[{"field": "afterInterval", "before": 30, "after": 10}]]


@pytest.mark.parametrize(
    "arguments", [("--target", "8001"), ("--only-drift",), ("--into", "agents.yaml", "--since", "HEAD")]
)
def test_flags_that_need_others(here: Workplace, arguments: tuple[str, ...]) -> None:
    """Without `--into` there is nothing to take into, and `--since` is about drift."""
    assert here.run("export", *arguments).code == 64


def test_outside_of_a_repository(place: Workplace, box: Box) -> None:
    """Drift is told from HEAD, so without one it says what is missing."""
    place.write(FILE)
    ran = place.run("export", "--into", "agents.yaml", "--only-drift")
    assert (ran.code, text(place)) == (1, FILE)
