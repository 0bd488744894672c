"""The examples for pipelines pass every linter there is, and the linters find what is planted in them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.ci import gitlab, linters
from tests.ci.runner import EXAMPLES, OURS, WORKFLOWS, action_files, load, scripts

GITLAB = gitlab.FILE.read_text(encoding="utf-8")
BASH = [pytest.param(script, id=f"{path.stem}: {name}") for path in WORKFLOWS for name, script in scripts(path)]

needs_actionlint = pytest.mark.skipif(bool(linters.missing_actionlint()), reason=linters.missing_actionlint())
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


# Nothing is found


@needs_actionlint
def test_actionlint_finds_nothing() -> None:
    """Every workflow is understood by actionlint: its expressions, contexts, needs, outputs and events."""
    assert linters.actionlint(WORKFLOWS) == []


def test_zizmor_finds_nothing() -> None:
    """Seen by zizmor there is no way in: pins, permissions, injections, credentials left behind."""
    assert linters.zizmor(WORKFLOWS) == []


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("name", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_workflows_fit_the_published_schema(name: str) -> None:
    """Every workflow fits GitHub's schema, and every job has a time after which it ends."""
    assert linters.schema(name, WORKFLOWS) == []


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("action", action_files(), ids=lambda path: path.parent.name)
def test_an_action_is_clean(action: Path) -> None:
    """It fits GitHub's schema, and zizmor and shellcheck find nothing."""
    assert linters.schema("vendor.github-actions", [action]) == []
    assert linters.zizmor([action]) == []
    for step in load(action)["runs"]["steps"]:
        assert linters.shellcheck(step.get("run", "")) == []
        assert "${{" not in step.get("run", "")


def test_every_workflow_installs_by_the_action() -> None:
    """None says anew how the tool is installed."""
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        assert "pip install" not in text
        assert f"uses: {OURS}reconciler" in text


def test_the_gitlab_file_fits_the_published_schema(tmp_path: Path) -> None:
    """Header and pipeline of GitLab's file fit GitLab's own schema."""
    assert linters.schema("vendor.gitlab-ci", gitlab.resolved(tmp_path, GITLAB)) == []


@needs_bash
@pytest.mark.parametrize("script", BASH)
def test_bash_can_read_a_github_script(script: str) -> None:
    """Every `run:` is bash, and nothing is written into it: what it needs comes from the environment."""
    assert linters.bash(script) == ""
    assert "${{" not in script


@needs_bash
@pytest.mark.parametrize("name", gitlab.jobs(GITLAB))
def test_bash_can_read_a_gitlab_script(name: str) -> None:
    """Every script of GitLab's file is bash, takes no input as text, and quotes every variable that GitLab fills."""
    script = gitlab.script(gitlab.jobs(GITLAB)[name])
    assert linters.bash(script) == ""
    assert "$[[" not in script
    for line in script.splitlines():
        outside = re.sub(r'"[^"]*"', "", line)
        assert "$CI_" not in outside, line


def test_an_action_is_pinned_by_one_commit() -> None:
    """An action has the same full commit everywhere, and its version beside it."""
    pins: dict[str, set[str]] = {}
    for path in (*WORKFLOWS, *action_files()):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "uses:" in line and "uses: ./" not in line:
                found = re.fullmatch(r"\s+(?:- )?uses: ([\w/-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", line)
                assert found, line
                pins.setdefault(found.group(1), set()).add(found.group(2))
    assert pins
    assert all(len(commits) == 1 for commits in pins.values()), pins


def test_a_fork_meets_no_secret() -> None:
    """No workflow runs somebody else's code with our secrets, and each secret stands in an environment's job."""
    for path in WORKFLOWS:
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(load(path)["on"]), path
        for name, job in load(path)["jobs"].items():
            assert "secrets." not in json.dumps(job) or job["environment"], (path, name)


def test_the_lock_file_names_no_host() -> None:
    """What npm installs is bound by its hash, from whichever registry is set."""
    text = (linters.HERE / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    assert '"integrity": "sha512-' in text


def test_the_page_names_what_is_there() -> None:
    """Every file and job that docs/ci.md links or names exists."""
    page = EXAMPLES.parents[1] / "docs/ci.md"
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https:)([^)]+)\)", text):
        assert (page.parent / link.partition("#")[0]).exists(), link
    known = {path.name for path in WORKFLOWS}
    assert {*known, "action.yml"} == set(re.findall(r"`(\w+\.yml)`", text))
    assert set(gitlab.jobs(GITLAB)) <= set(re.findall(r"`([a-z-]+)`", text))
    environments = {
        job["environment"].replace("${{ matrix.company }}", "name")
        for path in WORKFLOWS
        for job in load(path)["jobs"].values()
        if "environment" in job
    }
    scopes = {job["environment"]["name"] for job in gitlab.jobs(GITLAB).values() if "environment" in job}
    named = {name for written in environments for name in re.findall(r"'(apply[a-z-]*)'", written) or [written]}
    assert named | scopes <= set(re.findall(r"(?m)^ +\| `([a-z-]+)` \|", text))


# What is planted is found

ACTIONLINT = [
    ("plan.yml", 'marker=$(head -n 1 report/plan.md)', "echo ${{ github.event.pull_request.title }}", "untrusted"),
    ("plan.yml", "needs.plan.outputs.reported", "needs.plan.outputs.repported", "repported"),
    ("plan.yml", "needs: plan\n", "needs: plam\n", "plam"),
    ("apply.yml", "inputs.allow-replace", "inputs.allow_replace", "allow_replace"),
    ("apply.yml", "actions: read", "action: read", "unknown permission"),
    ("drift.yml", 'cron: "17 1 * * *"', 'cron: "17 25 * * *"', "CRON"),
    ("drift.yml", "name: drift\n", "name: a: b\n", "panic"),
]  # fmt: skip
ZIZMOR = [
    ("plan.yml", 'marker=$(head -n 1 report/plan.md)', "echo ${{ github.head_ref }}", "template-injection"),
    ("plan.yml", "  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
    ("plan.yml", "          persist-credentials: false\n", "", "artipacked"),
    ("apply.yml", "permissions: {}", "permissions: write-all", "excessive-permissions"),
    ("apply.yml", "8e8c483db84b4bee98b60c0593521ed34d9990e8 # v6.0.1", "v6", "unpinned-uses"),
    ("apply.yml", "environment: plan # a token that can only read", "", "secrets-outside-env"),
]  # fmt: skip


def planted(folder: Path, name: str, before: str, after: str) -> Path:
    """A copy of a workflow with a mistake in it."""
    text = (EXAMPLES / "github" / name).read_text(encoding="utf-8")
    assert before in text
    path = folder / name
    path.write_text(text.replace(before, after), encoding="utf-8")
    return path


@pytest.mark.exhaustive(3)
@needs_actionlint
@pytest.mark.parametrize(("name", "before", "after", "told"), ACTIONLINT)
def test_actionlint_finds(tmp_path: Path, name: str, before: str, after: str, told: str) -> None:
    """A mistake in a workflow is found by actionlint."""
    assert told in "\n".join(linters.actionlint([planted(tmp_path, name, before, after)]))


@pytest.mark.parametrize(("name", "before", "after", "rule"), ZIZMOR)
def test_zizmor_finds(tmp_path: Path, name: str, before: str, after: str, rule: str) -> None:
    """A weakness in a workflow is found by zizmor."""
    assert rule in "\n".join(linters.zizmor([planted(tmp_path, name, before, after)]))


def test_a_job_without_an_end_is_found(tmp_path: Path) -> None:
    """A job that could run for six hours is found by the schema that asks for timeouts."""
    path = planted(tmp_path, "drift.yml", "    timeout-minutes: 20\n", "")
    assert linters.schema("custom.github-workflows-require-timeout", [path])


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  script:\n", "  scripts:\n"),
        ("interruptible: false", "interruptible: perhaps"),
        ("type: boolean", "type: bool"),
    ],
)
def test_a_mistake_in_the_gitlab_file_is_found(tmp_path: Path, before: str, after: str) -> None:
    """A misspelt key or value is found by GitLab's schema."""
    assert before in GITLAB
    assert linters.schema("vendor.gitlab-ci", gitlab.resolved(tmp_path, GITLAB.replace(before, after)))


def test_bash_complains_about_what_is_no_script() -> None:
    """A script that is cut off is found."""
    assert linters.bash("if true; then echo") != ""
