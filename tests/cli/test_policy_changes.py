"""`plan --since` lists first what a change does to the policy, in every format. As processes, in a real repository."""

from __future__ import annotations

import json

import pytest

from reconciler.sandbox.server import Box
from tests.cli.test_since import Repository, killer, repository
from tests.process import Workplace

__all__ = ["killer", "repository"]

KEY_A = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops"
KEY_B = KEY_A.replace("Dg8Q", "Dv8Q")
HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\n"
STRICT = f"prune: false\nprotect: [adm*]\nguardrails: {{maxDeletes: 1}}\nrecipients: ['{KEY_A}']\n"
AGENTS = "agents: [{operatorId: '8001', name: A}]\n"
LISTED_FIRST = {
    "text": "",
    "markdown": "<!-- reconciler:plan:822b33ad87c1 -->\n\n"
    "### 1 change, 1 of drift, and a looser policy in 4 points\n\n#### 4 changes of the policy\n",
    "github": "::warning file=agents.yaml,line=1,title=Policy::",
}
"""What stands before the list."""


@pytest.fixture
def loosened(repository: Repository, box: Box) -> Repository:
    """A change drops recipients and protection and lets everything be deleted; it also edits an agent."""
    box.store.reset([{"operatorId": "8001"}])
    repository.commit(HEAD + STRICT + AGENTS)
    repository.place.write(HEAD + "guardrails: {maxDeletes: 100%}\n" + AGENTS)
    return repository


@pytest.mark.parametrize("format_", LISTED_FIRST)
def test_it_is_listed_first(loosened: Repository, format_: str) -> None:
    """Before anything else each key stands with before and after, and what loosens is marked."""
    told = loosened.plan("HEAD", "--format", format_)
    assert told.code == 0, told.err
    assert told.out.startswith(LISTED_FIRST[format_])
    listed = told.out[: told.out.index("8001")]
    places = [listed.index(word) for word in ("recipients", "prune", "protect", "guardrails")]
    assert places == sorted(places)
    for words in ("SHA256:", "(ops)", "false", "adm*", "maxDeletes 1", "maxDeletes 100%"):
        assert words.replace("%", "%25" if format_ == "github" else "%") in listed
    assert listed.count("loosens") >= 4
    assert "AAAAC3" not in told.out


def test_the_page_lists_it(loosened: Repository) -> None:
    """The page has it above everything that a plan counts."""
    page = loosened.plan("HEAD", "--format", "html").out
    listed = page.index("This change alters the policy in 4 points, and loosens it in 4")
    assert listed < page.index('class="facts"')
    assert page.count('<tr class="loosens">') == 4


def test_as_json(loosened: Repository) -> None:
    """JSON has it as a file would spell it. The digest is the same without, for what it does is among the actions."""
    told = loosened.plan("HEAD", "--format", "json").json
    changes = {
        change["key"]: (change["before"], change["after"], change["loosens"]) for change in told["policy_changes"]
    }
    assert changes["recipients"] == ([KEY_A], [], True)
    assert changes["prune"] == (False, True, True)
    assert changes["protect"] == (["adm*"], [], True)
    assert [changes["guardrails"][side]["maxDeletes"] for side in (0, 1)] == [1, "100%"]
    assert all("file" not in change for change in told["policy_changes"])
    without = loosened.place.run("plan", "--format", "json", "--max-deletes", "100%").json
    assert "policy_changes" not in without
    assert without["digest"] == told["digest"]


def test_with_nothing_to_do_it_is_said_too(loosened: Repository, box: Box) -> None:
    """A change of the policy alone is no plan of nothing."""
    box.store.put("8001", name="A")
    told = loosened.plan("HEAD", "--format", "markdown").out
    assert "### Nothing to change, and a looser policy in 4 points" in told
    assert "Policy::" in loosened.plan("HEAD", "--format", "github").out


def test_a_saved_plan_keeps_it(loosened: Repository) -> None:
    """What was saved is shown again with it, word for word."""
    printed = loosened.plan("HEAD", "--out", "plan.json")
    assert json.loads((loosened.folder / "plan.json").read_text())["policy_changes"]
    assert loosened.place.run("show-plan", "plan.json").out == printed.out


def test_the_file_of_a_team_is_named(repository: Repository, box: Box) -> None:
    """Where one file of a folder sets what holds for all, that file is named, in every format and in JSON."""
    box.store.reset([])
    repository.commit(HEAD, "agents/company.yaml")
    repository.commit("version: 1\nagents: []\n", "agents/team-a.yaml")
    team = f"version: 1\nguardrails: {{maxDeletes: 100%}}\nrecipients: ['{KEY_B}']\n"
    repository.place.write(team, "agents/team-a.yaml")
    for format_ in ("text", "markdown", "html", "github"):
        told = repository.plan("HEAD", "-f", "agents", "--format", format_).out
        assert "agents/team-a.yaml" in told[: told.index("guardrails") + 300]
    changes = repository.plan("HEAD", "-f", "agents", "--format", "json").json["policy_changes"]
    assert [(c["key"], c["file"]) for c in changes] == [
        ("recipients", "agents/team-a.yaml"),
        ("guardrails", "agents/team-a.yaml"),
    ]


def test_a_team_cannot_set_what_the_company_sets(place: Workplace) -> None:
    """A key that stands in a file of its own owners is an error in any other, which names both."""
    place.write(HEAD + "guardrails: {maxDeletes: 20%}\n", "company.yaml")
    place.write("version: 1\nguardrails: {maxDeletes: 100%}\n", "team-a.yaml")
    ran = place.run("validate", "-f", "company.yaml", "-f", "team-a.yaml")
    assert ran.code == 1
    assert "team-a.yaml:2:1: guardrails: guardrails stands in two files; the first is at company.yaml:3" in ran.err


def test_near_equal_keys_are_told_apart(repository: Repository) -> None:
    """One recipient for another that differs in the middle: both fingerprints are there, in every format."""
    repository.commit(HEAD + f"recipients: ['{KEY_A}']\n" + AGENTS)
    repository.place.write(HEAD + f"recipients: ['{KEY_B}']\n" + AGENTS)
    for format_ in ("text", "markdown", "html", "github"):
        told = repository.plan("HEAD", "--format", format_).out
        for start in ("ZkAslGjFiUHdGf", "QnS9Hl5hJTTwaz"):
            assert f"SHA256:{start}" in told


@pytest.mark.parametrize("format_", ["text", "markdown", "html"])
def test_without_since_the_policy_is_one_line(place: Workplace, box: Box, format_: str) -> None:
    """Nobody asked what changed: what is in force is told in a line."""
    box.store.reset([])
    place.write(HEAD + "prune: false\nprotect: [adm*, '8000']\n" + AGENTS)
    told = place.run("plan", "--format", format_).out
    (line,) = [line for line in told.splitlines() if "Policy" in line and "everybody" in line]
    for words in ("scope", "prune", "false", "protect", "adm*, 8000"):
        assert words in line
