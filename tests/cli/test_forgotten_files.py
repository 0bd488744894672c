"""Agents of a desired-state file that is there and was not given are not deleted by oversight. As processes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box
from tests.process import Workplace

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nguardrails: {maxDeletes: 100%, maxPasswords: 100%}\n"
A = HEAD + 'agents: [{operatorId: "8001"}, {operatorId: "8002", name: a}]\n'
B = 'version: 1\npools: [{from: "9001", to: "9004"}]\n'


@pytest.fixture
def two(place: Workplace, box: Box) -> Workplace:
    """A place where two files were applied together; one agent was there before, as its file has it."""
    box.store.reset([{"operatorId": "8001"}])
    place.write(A, "a.yaml")
    place.write(B, "b.yaml")
    assert place.run("apply", "-y", "-f", "a.yaml", "-f", "b.yaml").code == 0
    return place


def files(place: Workplace) -> dict[str, list[str]]:
    """Who stands in which file, by the ledger, from which the names are seen: there is no repository around it."""
    return {name.removeprefix("../../"): ids for name, ids in place.ledger["files"].items()}


def rail(place: Workplace, *arguments: str) -> tuple[int, dict[str, object] | None]:
    """The exit code of a plan, and its guardrail about forgotten files."""
    ran = place.run("plan", "--format", "json", *arguments)
    found = [rail for rail in ran.json["guardrails"] if rail["rule"] == "forgottenFiles"]
    return ran.code, found[0] if found else None


def test_the_ledger_knows_where_each_agent_stands(two: Workplace) -> None:
    """An apply records the file of every agent, also of those that it does not change."""
    assert files(two) == {"a.yaml": ["8001", "8002"], "b.yaml": ["9001", "9002", "9003", "9004"]}
    assert rail(two, "-f", "a.yaml", "-f", "b.yaml") == (0, None)


@pytest.mark.parametrize("ending", ["text", "markdown", "github", "html", "json"])
def test_a_forgotten_file_is_named(two: Workplace, ending: str) -> None:
    """Planned without one of its files, nothing may be done; every format names the file and the way on."""
    ran = two.run("plan", "-f", "a.yaml", "--format", ending)
    assert ran.code == 3
    for words in ("forgottenFiles", "give --file for b.yaml", "--allow-forgotten-files"):
        assert words in ran.out
    assert two.run("apply", "-y", "-f", "a.yaml").code == 3


def test_the_flag_lets_them_go(two: Workplace, box: Box) -> None:
    """`--allow-forgotten-files` deletes them and they are forgotten; the digest that was reviewed counts the flag."""
    refused, allowed = (two.run("plan", "--format", "json", "-f", "a.yaml", *flag).json for flag in ([], [FLAG]))
    assert refused["digest"] != allowed["digest"]
    ran = two.run("apply", "-y", "-f", "a.yaml", "--expect", allowed["digest"], FLAG)
    assert ran.code == 0, ran.err
    assert sorted(box.store.agents()) == ["8001", "8002"]
    assert files(two) == {"a.yaml": ["8001", "8002"]}


FLAG = "--allow-forgotten-files"


def test_a_file_that_is_gone_is_not_forgotten(two: Workplace) -> None:
    """Removed, renamed or emptied of an agent while it is given, a file keeps nobody."""
    (two.folder / "b.yaml").unlink()
    assert rail(two, "-f", "a.yaml") == (0, None)
    two.write(B.replace("9004", "9003"), "b.yaml")
    assert rail(two, "-f", "a.yaml", "-f", "b.yaml") == (0, None)


def test_an_agent_that_moved_is_where_it_stands(two: Workplace) -> None:
    """With nothing else to do, an apply records that an agent stands in another file, and who is in none any more."""
    two.write("version: 1\nprune: false\n" + B.partition("\n")[2].replace("9004", "9003"), "b.yaml")
    two.write('version: 1\nagents: [{operatorId: "9004"}]\n', "c.yaml")
    given = [argument for name in "abc" for argument in ("-f", f"{name}.yaml")]
    assert two.run("apply", "-y", *given).out.count("Nothing to change") == 1
    assert files(two)["c.yaml"] == ["9004"]
    two.write("version: 1\n", "c.yaml")
    assert two.run("apply", "-y", *given).code == 0
    assert files(two) == {"a.yaml": ["8001", "8002"], "b.yaml": ["9001", "9002", "9003"]}


def test_a_first_apply_without_changes_records_too(place: Workplace, box: Box) -> None:
    """Agents that are as their files want them at the first apply are known by their files from then on."""
    box.store.reset([{"operatorId": id_} for id_ in ("8001", "9001")])
    place.write(HEAD + 'agents: [{operatorId: "8001"}]\n', "a.yaml")
    place.write('version: 1\nagents: [{operatorId: "9001"}]\n', "b.yaml")
    assert "Nothing to change" in place.run("apply", "-y", "-f", "a.yaml", "-f", "b.yaml").out
    code, found = rail(place, "-f", "a.yaml")
    assert (code, found is not None and found["operatorIds"]) == (3, ["9001"])


def test_a_saved_plan_records_everybody(place: Workplace, box: Box) -> None:
    """An apply of a saved plan records the file of every agent, touched or not, where no file is left to read."""
    box.store.reset([{"operatorId": id_} for id_ in ("8001", "9001", "9002", "9003", "9004")])
    place.write(A, "a.yaml")
    place.write(B, "b.yaml")
    place.write("version: 1\n", "c.yaml")
    given = [argument for name in "abc" for argument in ("-f", f"{name}.yaml")]
    assert place.run("plan", *given, "--out", "saved.json").code == 0
    for name in "abc":
        (place.folder / f"{name}.yaml").rename(place.folder / f"{name}.moved")
    assert place.run("apply", "-y", "saved.json").code == 0
    assert files(place) == {"a.yaml": ["8001", "8002"], "b.yaml": ["9001", "9002", "9003", "9004"]}
    for name in "abc":
        (place.folder / f"{name}.moved").rename(place.folder / f"{name}.yaml")
    code, found = rail(place, "-f", "a.yaml")
    assert (code, found is not None and found["operatorIds"]) == (3, ["9001", "9002", "9003", "9004"])
    place.write(B.replace("9004", "9003"), "b.yaml")
    assert place.run("plan", *given, "--out", "saved.json").code == 0
    assert place.run("apply", "-y", "saved.json").code == 0
    assert files(place)["b.yaml"] == ["9001", "9002", "9003"]


def test_every_checkout_names_a_file_alike(place: Workplace, box: Box, tmp_path: Path) -> None:
    """In a repository the name is seen from its root, whatever the folder, the spelling, and the checkout."""
    box.store.reset([])
    first, second = tmp_path / "one", tmp_path / "two"
    ledger = str(tmp_path / "ledger.json")
    for root in (first, second):
        (root / "team").mkdir(parents=True)
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        (root / "team/a.yaml").write_text(A)
        (root / "team/b.yaml").write_text(B)
    ran = place.run("apply", "-y", "-f", f"{first}/team/../team", "--ledger", ledger)
    assert ran.code == 0, ran.err
    assert list(json.loads(Path(ledger).read_text())["files"]) == ["team/a.yaml", "team/b.yaml"]
    here = Workplace(second / "team", place.endpoint)
    assert rail(here, "-f", "a.yaml", "--ledger", ledger)[0] == 3
    assert rail(here, "-f", ".", "--ledger", ledger) == (0, None)
    (second / "team/link.yaml").symlink_to("b.yaml")
    assert rail(here, "-f", "a.yaml", "-f", "link.yaml", "--ledger", ledger) == (0, None)


def test_a_ledger_without_files_is_read(two: Workplace) -> None:
    """A ledger of an earlier version knows no files: nobody is forgotten, until an apply records them again."""
    path = two.books / "ledger.json"
    document = json.loads(path.read_text())
    del document["files"]
    path.write_text(json.dumps(document))
    assert rail(two, "-f", "a.yaml") == (0, None)
    assert two.run("apply", "-y", "-f", "a.yaml", "-f", "b.yaml").code == 0
    assert rail(two, "-f", "a.yaml")[0] == 3


@pytest.mark.parametrize("damage", [[], {"b.yaml": "9001"}, {"b.yaml": [9001]}, "b.yaml"])
def test_damaged_files_are_damage(two: Workplace, damage: object) -> None:
    """Files that are no lists of ids by file are refused, like any other damage of a ledger."""
    path = two.books / "ledger.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "files": damage}))
    ran = two.run("plan", "-f", "a.yaml")
    assert ran.code == 1
    assert "damaged" in ran.err


def test_a_hostile_name_is_shown_harmlessly(two: Workplace) -> None:
    """A file may have any name; what a terminal would obey is written out."""
    name = "b\x1b[31m`x`.yaml"
    (two.folder / "b.yaml").rename(two.folder / name)
    assert two.run("apply", "-y", "-f", "a.yaml", "-f", name).code == 0
    ran = two.run("plan", "-f", "a.yaml")
    assert ran.code == 3
    assert "\x1b" not in ran.out
    assert "b\\x1b[31m`x`.yaml" in ran.out
