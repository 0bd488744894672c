"""What a plan leaves with a step of GitHub Actions: real files, read as the runner reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.cli.github import publish
from reconciler.cli.places import plan_from_root
from reconciler.core.saved.plan_json import digest
from reconciler.errors import ReconcilerError
from reconciler.render import FORMATS
from reconciler.render.github import outputs
from reconciler.sandbox.server import Box
from tests.process import Workplace
from tests.render.golden_cases import HEADING, plan_of
from tests.render.runner import commands, lines

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\n"


def read(path: Path) -> dict[str, str]:
    """The outputs that the runner finds: a name, an equals sign and a value a line; blank lines are passed over."""
    written = [line for line in path.read_text(encoding="utf-8").split("\n") if line]
    assert all(re.fullmatch("[a-z]+=[a-z0-9]*", line) for line in written)
    return dict(line.split("=", 1) for line in written)


def step(folder: Path) -> dict[str, str]:
    """The environment of a step."""
    return {"GITHUB_STEP_SUMMARY": str(folder / "summary"), "GITHUB_OUTPUT": str(folder / "output")}


@pytest.mark.parametrize("case", ["hostile", "mixed", "nothing", "replace"])
def test_summary_and_outputs(tmp_path: Path, case: str) -> None:
    """The summary is the plan as Markdown; the outputs are the plan's, whoever is in it."""
    plan = plan_of(case)
    publish(plan, HEADING, step(tmp_path))
    assert (tmp_path / "summary").read_text(encoding="utf-8") == FORMATS["markdown"](plan, HEADING)
    assert read(tmp_path / "output") == outputs(plan)


def test_what_stands_there_is_kept(tmp_path: Path) -> None:
    """What other commands of the step wrote stays, also where they did not end their line."""
    for name in ("summary", "output"):
        (tmp_path / name).write_text("before=1")
    publish(plan_of("mixed"), HEADING, step(tmp_path))
    publish(plan_of("nothing"), HEADING, step(tmp_path))
    assert read(tmp_path / "output") == {"before": "1", **outputs(plan_of("nothing"))}
    markdown = [FORMATS["markdown"](plan_of(case), HEADING) for case in ("mixed", "nothing")]
    assert (tmp_path / "summary").read_text(encoding="utf-8") == "\n".join(["before=1", *markdown])


@pytest.mark.parametrize("environment", [{}, {"GITHUB_STEP_SUMMARY": "", "GITHUB_OUTPUT": ""}])
def test_outside_of_a_step_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """Where the runner names no file, none is made."""
    monkeypatch.chdir(tmp_path)
    publish(plan_of("mixed"), HEADING, environment)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variable", ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"])
def test_a_file_that_cannot_be_written(tmp_path: Path, variable: str) -> None:
    """The error names the variable and the file."""
    with pytest.raises(ReconcilerError, match=f"{variable}: {tmp_path} cannot be written: Is a directory"):
        publish(plan_of("mixed"), HEADING, {**step(tmp_path), variable: str(tmp_path)})


def test_a_plan_seen_from_the_root(tmp_path: Path) -> None:
    """Every file of a plan is named from the root, and its digest stays."""
    plan = plan_of("mixed")
    (tmp_path / "infra").mkdir()
    here = str(tmp_path / "infra/agents.yaml")
    actions = tuple(replace(a, place=replace(a.place, file=here) if a.place else None) for a in plan.actions)
    seen = plan_from_root(replace(plan, files=(here,), actions=actions), {"GITHUB_WORKSPACE": str(tmp_path)})
    assert seen.files == ("infra/agents.yaml",)
    assert {action.place.file for action in seen.actions if action.place} == {"infra/agents.yaml"}
    assert digest(seen) == digest(plan)
    assert [action.operator_id for action in seen.actions] == [action.operator_id for action in plan.actions]


def test_a_step_plans(place: Workplace, box: Box) -> None:
    """`plan --format github` prints annotations and nothing else, and leaves summary and outputs with the step."""
    box.store.reset([{"operatorId": "8001", "name": "##[add-mask]x\n::add-mask::y"}, {"operatorId": "8009"}])
    place.write(HEAD + 'agents:\n  - {operatorId: "8001", name: 张三}\n  - {operatorId: "8002"}\n')
    ran = place.run("plan", "--format", "github", env=step(place.folder))
    assert ran.code == 0
    told = [(each.name, each.properties["line"]) for each in commands(ran.out)]
    assert told == [("warning", "1"), ("notice", "4"), ("notice", "5")]
    assert len(lines(ran.out)) == 3
    assert commands(ran.err) == []
    found = read(place.folder / "output")
    assert (found["changes"], found["creates"], found["edits"], found["deletes"]) == ("3", "1", "1", "1")
    assert found["digest"] == place.run("plan", "--format", "json").json["digest"]
    assert "8009" in (place.folder / "summary").read_text(encoding="utf-8")
