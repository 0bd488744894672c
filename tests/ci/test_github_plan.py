"""The scripts of validate.yml, plan.yml and drift.yml, run against the sandbox."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from reconciler.sandbox.server import Box
from tests.ci.events import AFTER, COMMENTS, REPOSITORY, bodies, by_hand, github, pull_request, push
from tests.ci.repository import Merge, git
from tests.ci.runner import MISSING, Runner
from tests.extras import needs_apprise
from tests.process import Workplace
from tests.vendor.vendor_stub import reply, stub

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")

# The pull request


def test_a_pull_request_is_planned(runner: Runner, box: Box) -> None:
    """The plan of what would be merged is in the summary and in one comment with marker and digest; nothing changes."""
    jobs = pull_request(runner)
    assert [job.code for job in jobs.values()] == [0, 0], [job.log for job in jobs.values()]
    digest = (runner.artifact("plan") / "digest").read_text().strip()
    ((where, body),) = bodies(runner)
    assert where == f"POST repos/{REPOSITORY}/issues/7/comments"
    assert re.match(r"<!-- reconciler:plan:[0-9a-f]{12} -->\n", body)
    assert digest in body
    assert digest in runner.summary
    assert "张三丰" in body
    assert re.search(r"(?m)^::\w+ file=agents.yaml,line=\d+", jobs["plan"].log)
    assert box.store.history() == []


@pytest.mark.exhaustive(0)
def test_the_artifact_has_nothing_else(runner: Runner) -> None:
    """What everybody can download is what everybody can read in the comment: no saved plan."""
    pull_request(runner)
    assert sorted(path.name for path in runner.artifact("plan").iterdir()) == ["digest", "plan.md"]


@pytest.mark.exhaustive(0)
def test_the_comment_is_written_anew(runner: Runner) -> None:
    """A second plan goes over the first one's comment, and over nobody else's that looks like it."""
    pull_request(runner)
    ((_, body),) = bodies(runner)
    bot, other = {"login": "github-actions[bot]"}, {"login": "mallory"}
    rows = [{"id": 1, "user": other, "body": body}, {"id": 2, "user": bot, "body": f"see\n{body}"}]
    runner.answer({COMMENTS: [*rows, {"id": 3, "user": bot, "body": body}]})
    pull_request(runner)
    assert [where for where, _ in bodies(runner)][1:] == [f"PATCH repos/{REPOSITORY}/issues/comments/3"]


@pytest.mark.exhaustive(0)
def test_drift_is_told_apart(runner: Runner, box: Box) -> None:
    """What somebody changed on the live side is named as drift, beside what the pull request changes."""
    box.store.put("8002", name="李四 changed by hand")
    pull_request(runner)
    ((_, body),) = bodies(runner)
    assert "drift" in body.lower()
    assert "changed by hand" in body


@pytest.mark.exhaustive(0)
def test_a_refused_plan_is_commented_too(runner: Runner, place: Workplace, box: Box) -> None:
    """A plan that a guardrail refuses fails its job with 3, and the comment says why all the same."""
    place.write((place.folder / "agents.yaml").read_text().replace("agents:", "guardrails: {maxDeletes: 0}\nagents:"))
    jobs = pull_request(runner)
    assert jobs["plan"].code == 3
    assert jobs["comment"].success
    ((_, body),) = bodies(runner)
    assert "maxDeletes" in body


def test_a_plan_that_cannot_be_made_leaves_nothing(runner: Runner, place: Workplace) -> None:
    """A broken file fails the job; there is neither comment nor artifact."""
    place.write("version: 1\n")
    jobs = pull_request(runner)
    assert jobs["plan"].code == 1
    assert "comment" not in jobs
    assert not runner.artifact("plan").exists()


@pytest.mark.parametrize(("repository", "author"), [("mallory/agents", "mallory"), (REPOSITORY, "dependabot[bot]")])
def test_a_fork_gets_no_plan(runner: Runner, repository: str, author: str) -> None:
    """No job with a secret starts for a fork, nor for Dependabot."""
    assert pull_request(runner, repository, author) == {}


@pytest.mark.exhaustive(0)
def test_a_merge_queue_is_planned_without_a_comment(runner: Runner) -> None:
    """A group in the queue is planned, so that the check is there; no pull request is written to."""
    event = {"event_name": "merge_group", "ref": "refs/heads/gh-readonly-queue/main/pr-7"}
    jobs = runner.workflow("plan", github=github(runner, **event))
    assert {name: job.code for name, job in jobs.items()} == {"plan": 0}
    assert runner.calls == []


def test_validate_annotates(runner: Runner, place: Workplace) -> None:
    """A fork's broken file is annotated on its line, without any setting."""
    (good,) = runner.workflow("validate").values()
    place.write((place.folder / "agents.yaml").read_text().replace("name: 李四", "nane: 李四"))
    (bad,) = runner.workflow("validate").values()
    assert (good.code, bad.code) == (0, 1)
    assert re.search(r"(?m)^::error file=agents.yaml,line=6", bad.log)


# Drift


@pytest.fixture
def settled(runner: Runner, box: Box) -> Runner:
    """Main is applied, and no issue is open."""
    assert by_hand(runner)["apply"].code == 0
    runner.answer(ON_GITHUB)
    return runner


ON_GITHUB: dict[str, Any] = {
    "issue list": [], "pr list": [],
    f"POST repos/{REPOSITORY}/git/trees": {"sha": "t" * 40},
    f"POST repos/{REPOSITORY}/git/commits": {"sha": "c" * 40},
}  # fmt: skip


def drift(runner: Runner, **known: Any) -> list[list[str]]:
    """What the nightly run does with issues and pull requests, but for looking for them, on a machine of its own."""
    git(runner.place.folder, "checkout", "--quiet", "agents.yaml")
    tree = {f"GET repos/{REPOSITORY}/git/commits/{runner.context['github']['sha']}": {"tree": {"sha": "b" * 40}}}
    runner.answer({**ON_GITHUB, **tree, **{name.replace("_", " "): found for name, found in known.items()}})
    before = len(runner.calls)
    jobs = runner.workflow("drift", github=github(runner, event_name="schedule"))
    assert jobs["adopt"].code == 0, jobs["adopt"].log
    assert jobs["issue"].code == 0, jobs["plan"].log + jobs["issue"].log
    done = [call["arguments"] for call in runner.calls[before:]]
    looking = (["run", "download"], ["issue", "list"], ["pr", "list"])
    return [arguments[:3] for arguments in done if arguments[:2] not in looking and arguments[0] != "api"]


@pytest.mark.exhaustive(0)
def test_drift_opens_one_issue(settled: Runner, box: Box) -> None:
    """An agent changed by hand opens an issue, which the next night updates and which closes when all is well."""
    box.store.put("8001", name="changed by hand")
    offered = ["pr", "create", "--head"]
    assert drift(settled) == [["label", "create", "drift"], ["issue", "create", "--label"], offered]
    (body,) = [call["body"] for call in settled.calls if call["arguments"][:2] == ["issue", "create"]]
    assert "changed by hand" in body
    assert "adopt-drift" in body
    assert "reconciler apply plan.json" in body
    assert drift(settled, issue_list=[{"number": 12}], pr_list=[{"number": 13}]) == [["issue", "edit", "12"]]
    box.store.put("8001", name=AFTER["8001"])
    closed = [["issue", "close", "12"], ["pr", "close", "13"]]
    assert drift(settled, issue_list=[{"number": 12}], pr_list=[{"number": 13}]) == closed


@pytest.mark.exhaustive(0)
def test_drift_can_be_adopted_or_reverted(settled: Runner, box: Box, place: Workplace) -> None:
    """The pull request's commit has the file as it is live, on top of main; the saved plan puts back what main says."""
    box.store.put("8001", name="changed by hand")
    drift(settled)
    written = [json.loads(call["body"]) for call in settled.calls if "--input" in call["arguments"]]
    tree, commit, ref = written
    (file,) = tree["tree"]
    assert (tree["base_tree"], file["path"]) == ("b" * 40, "agents.yaml")
    assert commit["parents"] == [settled.context["github"]["sha"]]
    assert (ref["ref"], ref["sha"], ref["force"]) == ("refs/heads/adopt-drift", "c" * 40, True)
    git(place.folder, "checkout", "--quiet", "agents.yaml")
    ledger = {"RECONCILER_LEDGER": "git+origin#reconciler/ledger"}
    saved = settled.artifact("drift") / "plan.json"
    place.write(file["content"])
    assert place.run("plan", "--detailed-exitcode", env=ledger).code == 0
    git(place.folder, "checkout", "--quiet", "agents.yaml")
    assert place.run("apply", str(saved), "-y", "-f", "agents.yaml", env=ledger).code == 0
    assert box.store.agents()["8001"]["name"] == AFTER["8001"]


@pytest.mark.exhaustive(0)
@needs_apprise
def test_chats_are_told_of_drift_and_of_applies(settled: Runner, box: Box, merged: Merge) -> None:
    """A night with drift is told, in counts, with the run and no name; one without is not; each apply is."""
    with stub() as hook:
        hook.script(reply(200))
        settled.context["secrets"]["RECONCILER_NOTIFY"] = hook.url.replace("http://", "json://")
        drift(settled)
        assert hook.requests == []
        box.store.put("8001", name="changed by hand")
        drift(settled)
        git(settled.place.folder, "checkout", "--quiet", "agents.yaml")
        pull_request(settled)
        push(settled, merged, settled.run_id)
    first, second = (seen.body for seen in hook.requests)
    assert first["title"] == "reconciler plan, acme: 1 action"
    assert second["title"] == "reconciler apply, acme: done"
    for told in (first, second):
        assert "https://github.example/acme/agents/actions/runs/" in told["message"]
        assert not [name for name in (*AFTER, *AFTER.values(), "hand") if name in told["message"]]


def test_no_drift_is_silent(settled: Runner) -> None:
    """A night in which nothing changed leaves nothing behind."""
    assert drift(settled) == []


@pytest.mark.exhaustive(0)
def test_a_night_without_a_vendor_fails(settled: Runner) -> None:
    """A vendor that cannot be reached is no drift and no peace: the run fails."""
    settled.context["vars"]["RECONCILER_ENDPOINT"] = "http://127.0.0.1:1"
    jobs = settled.workflow("drift", github=github(settled, event_name="schedule"))
    assert jobs["plan"].code == 1
    assert "issue" not in jobs
