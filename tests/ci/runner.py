"""A small runner of GitHub's workflows: `run:` steps as bash in a real process, uploads into a fake `gh`'s folder.

Checking out, installing Python and installing reconciler are left out: tests do that beforehand.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci.expressions import condition, evaluate, insert
from tests.on_path import put_reconciler
from tests.process import Workplace

EXAMPLES = Path(__file__).parents[2] / "examples/ci"
WORKFLOWS = sorted((*(EXAMPLES / "github").glob("*.yml"), *(EXAMPLES / "companies").glob("*.yml")))
TOOLS = ("bash", "git", "jq")
MISSING = ", ".join(tool for tool in TOOLS if not shutil.which(tool))
PREPARATION = ("actions/checkout@", "actions/setup-python@")
OURS = "./.github/actions/"


def load(path: Path) -> Any:
    """A workflow, every scalar as the text that is written: `on` stays `on`."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506


def scripts(path: Path) -> Iterator[tuple[str, str]]:
    """Every script of a workflow, under the name of its job and step."""
    for job, written in load(path)["jobs"].items():
        for number, step in enumerate(written["steps"]):
            if "run" in step:
                yield f"{job}: {step.get('name', number)}", step["run"]


def bash(temp: Path, script: str) -> list[str]:
    """The command that GitHub runs a script with: a file, so that bash does not replace itself by the last command."""
    path = temp / "script.sh"
    path.write_text(script, encoding="utf-8")
    return ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(path)]


@dataclass(slots=True)
class Job:
    """How a job ended: whether it succeeded, the exit code of what failed first, all it printed, and its outputs."""

    success: bool
    code: int
    log: str
    outputs: dict[str, str]


@dataclass(slots=True)
class Runner:
    """Machines that share one fake GitHub in `folder`; the repository is checked out in `place`."""

    folder: Path
    place: Workplace
    context: dict[str, Any]
    summary: str = ""
    run_id: int = 0
    env: dict[str, str] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    examples: str = "github"

    def __post_init__(self) -> None:
        bin_ = self.folder / "bin"
        put_reconciler(bin_)
        fake = (sys.executable, str(Path(__file__).with_name("fake_gh.py")))
        (bin_ / "gh").write_text(f'#!/bin/sh\nexec {shlex.join(fake)} "$@"\n')
        (bin_ / "gh").chmod(0o755)
        self.answer({})

    def answer(self, answers: Mapping[str, Any]) -> None:
        """What `gh` answers from now on."""
        (self.folder / "answers.json").write_text(json.dumps(answers))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What `gh` was asked, in order."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def artifact(self, name: str, run_id: int | None = None) -> Path:
        """Where an artifact of a run lies."""
        return self.folder / "artifacts" / str(run_id or self.run_id) / name

    def workflow(self, name: str, **context: Any) -> dict[str, Job]:
        """A run of a workflow: its jobs, in their order, as far as their needs and conditions go."""
        self.run_id += 1
        done: dict[str, Job] = {}
        workflow = load(EXAMPLES / self.examples / f"{name}.yml")
        for id_, plain in workflow["jobs"].items():
            job = _with_env(workflow, plain)
            written = job.get("needs", [])
            needs = [written] if isinstance(written, str) else written
            told = {need: {"outputs": done[need].outputs} for need in needs if need in done}
            success = all(need in done and done[need].success for need in needs)
            here = {**self.context, **context, "needs": told, "status": {"success": success}}
            if condition(job.get("if", "success()"), here):
                parts = {name: self._job(name, job, seen) for name, seen in _spread(id_, job, here)}
                done |= parts
                if "strategy" in job:
                    failed = [part.code for part in parts.values() if not part.success]
                    done[id_] = Job(success=not failed, code=failed[0] if failed else 0, log="", outputs={})
        return done

    def job(self, name: str, id_: str, **context: Any) -> Job:
        """A run of one job of a workflow, whatever it needs."""
        self.run_id += 1
        workflow = load(EXAMPLES / self.examples / f"{name}.yml")
        return self._job(id_, _with_env(workflow, workflow["jobs"][id_]), {**self.context, **context})

    def _job(self, id_: str, job: Any, context: dict[str, Any]) -> Job:
        temp = self.folder / f"runner-{self.run_id}-{id_}"
        temp.mkdir()
        outputs: dict[str, Any] = {}
        named = self.environments.get(insert(job.get("environment", ""), context), {})
        context = {**context, "vars": {**context["vars"], **named}}
        here = {**context, "steps": outputs, "runner": {"temp": str(temp)}, "status": {"success": True}}
        ended = Job(success=True, code=0, log="", outputs={})
        for step, seen in _flat(job["steps"], here):
            if step.get("uses", "").startswith(PREPARATION) or step.get("name") == "Install reconciler":
                continue
            if condition(step.get("if", "success()"), seen):
                self._step(step, {**job.get("env", {}), **step.get("env", {})}, seen, temp, ended)
                here["status"] = {"success": ended.success}
        ended.outputs = {name: insert(value, here) for name, value in job.get("outputs", {}).items()}
        return ended

    def _step(self, step: Any, env: Mapping[str, str], here: dict[str, Any], temp: Path, ended: Job) -> None:
        if "uses" in step:
            assert step["uses"].startswith("actions/upload-artifact@")
            self._upload({name: insert(value, here) for name, value in step["with"].items()})
            return
        output, summary = temp / "output", temp / "summary"
        output.write_text("")
        given = {name: insert(value, here) for name, value in env.items()}
        done = subprocess.run(
            bash(temp, step["run"]),
            cwd=self.place.folder,
            env=self._environment(temp, output, summary) | given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        ended.log += (done.stdout + done.stderr).decode()
        ended.code = done.returncode if ended.success else ended.code
        ended.success = ended.success and done.returncode == 0
        if "id" in step:
            here["steps"][step["id"]] = {"outputs": dict(_pairs(output.read_text()))}
        self.summary += summary.read_text(encoding="utf-8") if summary.exists() else ""

    def _environment(self, temp: Path, output: Path, summary: Path) -> dict[str, str]:
        """What the machine gives every script, over what the tests give every process; no settings of reconciler's."""
        machine = {
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_REPOSITORY": self.context["github"]["repository"],
            "GITHUB_SHA": self.context["github"]["sha"],
            "GITHUB_REF_NAME": self.context["github"]["ref"].removeprefix("refs/heads/"),
            "GITHUB_RUN_ID": str(self.run_id),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(temp),
            "FAKE_GH": str(self.folder),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }
        bare = {k: v for k, v in self.place.environment().items() if not k.startswith("RECONCILER_")}
        return {**bare, "RECONCILER_RATE": "0", **machine, **self.env}

    def _upload(self, given: Mapping[str, str]) -> None:
        """A folder, or what a pattern in the checkout finds."""
        source, target = Path(given["path"]), self.artifact(given["name"])
        found = list(self.place.folder.glob(given["path"]) if "*" in source.name else source.glob("*"))
        # What stands before the first wildcard is left out of the artifact, and the folders after it are kept.
        plain = itertools.takewhile(lambda part: "*" not in part, source.parts)
        root = self.place.folder.joinpath(*plain) if "*" in source.name else source
        if not found:
            assert given["if-no-files-found"] == "ignore"
            return
        assert given.get("overwrite") == "true" or not target.exists()
        target.mkdir(parents=True, exist_ok=True)
        for path in found:
            hidden = any(part.startswith(".") for part in path.relative_to(self.place.folder.parent).parts)
            assert not hidden or given.get("include-hidden-files") == "true"
            kept = target / path.relative_to(root)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, kept)


def action_files() -> list[Path]:
    """The actions that the workflows use out of their own repository."""
    return sorted(EXAMPLES.glob("*/actions/*/action.yml"))


def _spread(id_: str, job: Any, here: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A job by its name, or each part of its matrix, with the context that it sees."""
    matrix = job.get("strategy", {}).get("matrix")
    if matrix is None:
        yield id_, here
        return
    ((name, written),) = matrix.items()
    found = re.fullmatch(r"\$\{\{ fromJSON\((.*)\) \}\}", written)
    assert found
    for value in json.loads(str(evaluate(found[1], here))):
        yield f"{id_} {value}", {**here, "matrix": {name: value}}


def _flat(steps: Iterable[Any], here: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every step with the context that it sees: in the place of an action of ours its steps, which see its inputs."""
    for step in steps:
        if not step.get("uses", "").startswith(OURS):
            yield step, here
            continue
        name = step["uses"].removeprefix(OURS)
        action = load(next(path for path in action_files() if path.parent.name == name))
        given = {name: insert(value, here) for name, value in step.get("with", {}).items()}
        declared = action.get("inputs", {})
        assert given.keys() <= declared.keys()
        inputs = {name: each.get("default", "") for name, each in declared.items()} | given
        seen = {**here, "inputs": inputs, "steps": {}}
        for inner in action["runs"]["steps"]:
            yield inner, {**seen, "status": here["status"]}
        if "id" in step:
            outputs = {name: insert(each["value"], seen) for name, each in action["outputs"].items()}
            here["steps"][step["id"]] = {"outputs": outputs}


def _with_env(workflow: Any, job: Any) -> Any:
    """A job that also has the variables of its workflow."""
    return {**job, "env": {**workflow.get("env", {}), **job.get("env", {})}}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in filter(None, text.splitlines()):
        name, equals, value = line.partition("=")
        assert equals, line
        yield name, value
