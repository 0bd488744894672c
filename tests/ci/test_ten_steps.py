"""The ten steps of docs/ci.md, from an empty repository to an apply on the merge, with no store but git."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box
from tests.ci.events import AFTER, APPLIES, COMMENTS, REPOSITORY, names, pull_request, push
from tests.ci.expressions import insert
from tests.ci.repository import NAMES, Merge, git
from tests.ci.runner import EXAMPLES, MISSING, Runner, load
from tests.credentials.keys import Key
from tests.process import TOKEN, Workplace

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")

PAGE = EXAMPLES.parents[1] / "docs/ci.md"
BRANCH = "reconciler/ledger"


def steps() -> list[str]:
    """The steps as the page has them."""
    section = PAGE.read_text(encoding="utf-8").partition("## Setting it up on GitHub\n")[2].partition("\n## ")[0]
    return re.split(r"\n(?=\d+\. )", section)[1:]


def commands(step: str) -> list[list[str]]:
    """What a step says to type, in words."""
    found = re.findall(r"`(reconciler [^`]+)`", step)
    return [shlex.split(command)[1:] for command in found]


@pytest.fixture
def empty(tmp_path: Path, place: Workplace) -> Workplace:
    """A clone of an empty repository; the vendor has agents."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(place.folder, "init", "--quiet", "--initial-branch=main")
    git(place.folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    return place


def started(place: Workplace, key: Key) -> None:
    """Steps 1 to 5."""
    told = steps()
    for step in told[:4]:
        if "recipients:" in step:
            file = place.folder / "agents.yaml"
            text = file.read_text(encoding="utf-8").replace("prune: false", "prune: true")
            file.write_text(f"{text}\nrecipients: [{key.recipient}]\n", encoding="utf-8")
        for command in commands(step):
            ran = place.run(*command)
            assert ran.code == 0, (command, ran.err)
    git(place.folder, "add", ".")
    git(place.folder, "commit", "--quiet", "--message", "begin")
    git(place.folder, "push", "--quiet", "origin", "main")


def merged(place: Workplace, branch: str, text: str) -> Merge:
    """A pull request that makes the file say this, merged, and pushed."""
    base = git(place.folder, "rev-parse", "HEAD")
    git(place.folder, "switch", "--quiet", "--create", branch)
    place.write(text)
    git(place.folder, "commit", "--quiet", "--all", "--message", branch)
    head = git(place.folder, "rev-parse", "HEAD")
    git(place.folder, "switch", "--quiet", "main")
    git(place.folder, "merge", "--quiet", "--no-ff", "--no-edit", branch)
    git(place.folder, "push", "--quiet", "origin", "main")
    return Merge(base, head, git(place.folder, "rev-parse", "HEAD"))


def machine(tmp_path: Path, place: Workplace, merge: Merge, number: int) -> Runner:
    """GitHub, and a new machine that has cloned what was merged."""
    folder = tmp_path / f"machine-{number}"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "origin.git"), folder.name)
    fresh = Workplace(folder, place.endpoint)
    repository = {"repository": REPOSITORY, "sha": merge.merged, "ref": "refs/heads/main", "run_attempt": "1"}
    github = {**repository, "token": "fake-token", "server_url": "https://git.example"}
    context = {
        "github": github,
        "vars": {"RECONCILER_ENDPOINT": place.endpoint},
        "secrets": {"RECONCILER_TOKEN": TOKEN},
    }
    runner = Runner(tmp_path / f"github-{number}", fresh, context)
    runner.answer({COMMENTS: [], APPLIES: {"workflow_runs": []}})
    return runner


def test_there_are_ten_steps() -> None:
    """The page has ten, numbered."""
    assert [step.partition(".")[0] for step in steps()] == [str(number) for number in range(1, 11)]


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("known", [False, True], ids=["before step 6", "after step 7"])
def test_the_first_push_does_nothing(tmp_path: Path, empty: Workplace, box: Box, key: Key, known: bool) -> None:
    """It ends without a call that writes, whether the vendor is known yet or not, since it is no merge."""
    started(empty, key)
    head = git(empty.folder, "rev-parse", "HEAD")
    runner = machine(tmp_path, empty, Merge(head, head, head), 0)
    if not known:
        runner.context["vars"] = runner.context["secrets"] = {}
    runner.answer({f"GET repos/{REPOSITORY}/commits/{head}/pulls": [], APPLIES: {"workflow_runs": []}})
    github = {**runner.context["github"], "event_name": "push"}
    jobs = runner.workflow("apply", github=github, inputs={})
    assert (jobs["plan"].success, "apply" in jobs) == (known, False)
    if known:
        assert (jobs["digest"].code, "not the merge of one pull request" in jobs["digest"].log) == (3, True)
    assert box.store.history() == []


@pytest.mark.exhaustive(0)
def test_from_nothing_to_an_apply(tmp_path: Path, empty: Workplace, box: Box, key: Key) -> None:
    """Each pull request is planned and applied by a machine that has but its clone; the books are on a branch."""
    started(empty, key)
    text = (empty.folder / "agents.yaml").read_text(encoding="utf-8")
    first = text
    for operator_id, name in NAMES.items():
        after = AFTER.get(operator_id, name)
        first = first.replace(f"name: {name}", f"name: {after}")
    first = first.replace(
        "agents:\n", 'agents:\n  - {operatorId: "8004", name: 赵六, password: {generate: true, version: 1}}\n'
    )
    changes = {"first": first, "second": first.replace("赵六", "钱七")}
    for number, (branch, wanted) in enumerate(changes.items()):
        runner = machine(tmp_path, empty, merge := merged(empty, branch, wanted), number)
        planned = pull_request(runner)
        assert planned["plan"].success, planned["plan"].log
        jobs = push(runner, merge, runner.run_id)
        assert jobs["apply"].code == 0, jobs["apply"].log
    assert names(box)["8004"] == "钱七"
    assert names(box)["8001"] == AFTER["8001"]
    bare = tmp_path / "origin.git"
    agents = json.loads(git(bare, "show", f"{BRANCH}:ledger.json"))["agents"]
    assert agents["8004"]["passwordVersion"] == 1
    assert [call.endpoint for call in box.store.history()].count("editPwd") == 0
    told = commands(steps()[9])[0]
    runs = empty.run(*told, "--format", "json").json["runs"]
    assert [run["commit"] for run in runs] == [merge.merged, git(bare, "rev-parse", "main^1")]
    assert "password" not in git(bare, "log", "--format=%B", BRANCH)


def test_the_helper_gives_the_token_to_github_alone(tmp_path: Path, empty: Workplace) -> None:
    """Git gets the step's token for GitHub's own address, and for no other."""
    written = load(EXAMPLES / "github/apply.yml")
    context = {"github": {"server_url": "https://git.example"}, "vars": {}, "status": {"success": True}}
    env = {name: insert(value, context) for name, value in written["env"].items()} | {"LEDGER_TOKEN": "t0ken"}
    known = {**empty.environment(), **env, "GIT_TERMINAL_PROMPT": "0"}
    answers = []
    for host in ("git.example", "other.example"):
        asked = f"protocol=https\nhost={host}\n\n"
        command = ["git", "credential", "fill"]
        done = subprocess.run(
            command, input=asked, env=known, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        answers.append("password=t0ken" in done.stdout)
    assert answers == [True, False]
