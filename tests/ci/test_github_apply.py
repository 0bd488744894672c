"""The scripts of apply.yml, run against the sandbox: what was reviewed, what moved, what is approved by hand."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from typing import Any

import pytest

from reconciler.credentials.delivered import read_credentials
from reconciler.sandbox.rules import rules_of
from reconciler.sandbox.server import Box
from tests.ci.events import AFTER, APPLIES, bodies, by_hand, github, names, on_github, pull_request, push
from tests.ci.reports import REPORT_IDS, REPORTS
from tests.ci.repository import NAMES, Merge, agents
from tests.ci.runner import EXAMPLES, MISSING, Job, Runner, bash, scripts
from tests.credentials.keys import Key
from tests.process import Workplace

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")

# The merge


def test_what_was_reviewed_is_applied(runner: Runner, box: Box, merged: Merge, key: Key) -> None:
    """After the merge the live agents are as reviewed; the credentials left behind are encrypted, and readable."""
    pull_request(runner)
    jobs = push(runner, merged, runner.run_id)
    assert jobs["apply"].code == 0, jobs["digest"].log + jobs["apply"].log
    assert names(box) == AFTER
    delivered = runner.artifact("delivered-1")
    assert sorted(path.name for path in delivered.iterdir()) == ["credentials.jsonl.age", "events.jsonl", "report.json"]
    found = read_credentials(delivered / "credentials.jsonl.age", key.identity).credentials
    assert {credential.operator_id for credential in found} == {"8004"}


@pytest.mark.exhaustive(0)
def test_the_merged_pull_request_is_told(runner: Runner, merged: Merge) -> None:
    """One comment says that it is applied, in counts and without a name; the log has the report as people read it."""
    pull_request(runner)
    jobs = push(runner, merged, runner.run_id)
    assert jobs["comment"].success, jobs["comment"].log
    (where, text) = bodies(runner)[-1]
    assert where == "POST repos/acme/agents/issues/7/comments"
    assert text.startswith("**Applied.**")
    assert "| done | 3 |" in text
    assert f"https://github.example/acme/agents/actions/runs/{runner.run_id}" in text
    assert not [name for name in (*AFTER.values(), *AFTER) if name in text]
    assert "Applied" in jobs["apply"].log


@pytest.mark.exhaustive(0)
def test_the_merged_pull_request_is_told_of_a_refusal(runner: Runner, box: Box, merged: Merge) -> None:
    """What was not applied is told too, whether the apply refuses it or no plan of it is found."""
    pull_request(runner)
    planned = runner.run_id
    box.store.put("8001", name="changed by hand")
    assert push(runner, merged, planned)["apply"].code == 3
    assert bodies(runner)[-1][1].startswith("**Nothing was applied.**")
    count = len(bodies(runner))
    assert "apply" not in push(runner, merged)
    assert len(bodies(runner)) == count + 1
    assert bodies(runner)[-1][1].startswith("**Nothing was applied.**")


@pytest.mark.exhaustive(0)
def test_the_merged_pull_request_is_told_of_a_part(runner: Runner, box: Box, merged: Merge) -> None:
    """An apply that did a part says so, with a count for each outcome."""
    pull_request(runner)
    planned = runner.run_id
    box.script.replace(rules_of([{"endpoint": "writes", "operatorId": "8004", "fault": "refuse"}]))
    jobs = push(runner, merged, planned)
    box.script.replace(())
    assert jobs["apply"].code == 4
    assert bodies(runner)[-1][1].startswith("**Applied in part.**")


@pytest.mark.parametrize(("report", "verdict", "counts"), REPORTS, ids=REPORT_IDS)
@pytest.mark.parametrize("examples", ["github", "companies"])
def test_agents_in_doubt_are_told_apart(
    runner: Runner, merged: Merge, examples: str, report: dict[str, Any], verdict: str, counts: tuple[int, int]
) -> None:
    """Each agent that may be somebody else's counts once, and not as one that is not as was asked for."""
    runner.examples = examples
    on_github(runner, merged)
    delivered = runner.artifact("delivered-1" if examples == "github" else "delivered-acme-1", runner.run_id + 1)
    delivered.mkdir(parents=True)
    (delivered / "report.json").write_text(json.dumps(report))
    needs = {"digest": {"outputs": {"number": "7"}}, "which": {"outputs": {"companies": '["acme"]'}}}
    job = runner.job("apply", "comment", github=github(runner, event_name="push"), needs=needs)
    assert job.success, job.log
    text = bodies(runner)[-1][1]
    if examples == "github":
        assert text.startswith(verdict)
        assert f"{counts[1]} agents are in doubt" in text
        assert "error" in report or f"{counts[0]} agents are not as was asked for" in text
    else:
        (row,) = (line for line in text.splitlines() if line.startswith("| acme |"))
        assert verdict.strip("*.").lower() in row
        assert row.endswith(f"| {'' if 'error' in report else f'{counts[0]} '}| {counts[1]} |")
    assert "8001" not in text


@pytest.mark.exhaustive(0)
def test_another_change_in_the_console_does_not_matter(runner: Runner, box: Box, merged: Merge) -> None:
    """An agent that the plan does not touch, changed in a field that the file does not manage, voids no review."""
    pull_request(runner)
    box.store.put("8002", afterInterval=77)
    assert push(runner, merged, runner.run_id)["apply"].code == 0


@pytest.mark.exhaustive(0)
def test_another_merge_that_is_applied_does_not_matter(
    runner: Runner, box: Box, place: Workplace, merged: Merge
) -> None:
    """A pull request about another agent, merged and applied after the review of this one, voids no review."""
    pull_request(runner)
    place.write((place.folder / "agents.yaml").read_text().replace("李四", "新名"))
    box.store.put("8002", name="新名")
    assert push(runner, merged, runner.run_id)["apply"].code == 0


@pytest.mark.exhaustive(0)
@pytest.mark.parametrize("changed", ["8001", "8002", "8003"])
def test_when_the_live_agents_moved_nothing_is_done(runner: Runner, box: Box, merged: Merge, changed: str) -> None:
    """What somebody changed on the live side after the review ends the apply with 3, and nothing is sent."""
    pull_request(runner)
    box.store.put(changed, name="changed by hand")
    jobs = push(runner, merged, runner.run_id)
    assert jobs["apply"].code == 3, jobs["apply"].log
    assert box.store.history() == []
    assert not (runner.artifact("delivered-1") / "credentials.jsonl.age").exists()


@pytest.mark.exhaustive(0)
def test_when_main_moved_nothing_is_done(runner: Runner, box: Box, place: Workplace, merged: Merge) -> None:
    """What another merge added to main was not reviewed with this one: 3, and nothing is sent."""
    pull_request(runner)
    text = (place.folder / "agents.yaml").read_text()
    place.write(text + '  - {operatorId: "8005", name: 钱七}\n')
    assert push(runner, merged, runner.run_id)["apply"].code == 3
    assert box.store.history() == []


@pytest.mark.exhaustive(0)
def test_by_hand_what_was_approved_is_applied(runner: Runner, box: Box, merged: Merge) -> None:
    """After a refusal the same workflow, started by hand, plans anew, and applies that."""
    pull_request(runner)
    box.store.put("8001", name="changed by hand")
    assert push(runner, merged, runner.run_id)["apply"].code == 3
    assert by_hand(runner)["apply"].code == 0
    assert names(box) == AFTER


@pytest.mark.exhaustive(0)
def test_the_journal_goes_from_apply_to_apply(runner: Runner, box: Box, place: Workplace) -> None:
    """A machine that starts empty has the journal of the last apply on main, and of no run that is none."""
    assert by_hand(runner)["apply"].code == 0
    (here,) = place.books.glob("journal*.jsonl")
    kept = runner.artifact("journal") / here.relative_to(place.folder / ".reconciler")
    forged = runner.artifact("journal", 99)
    (forged / kept.parent.name).mkdir(parents=True)
    (forged / kept.parent.name / here.name).write_text("forged")
    here.unlink()
    known = [{"id": 99, "event": "pull_request"}, {"id": 98, "event": "push"}, {"id": 1, "event": "workflow_dispatch"}]
    runner.answer({APPLIES: {"workflow_runs": known}})
    assert by_hand(runner)["apply"].code == 0
    assert here.read_text() == kept.read_text()


@pytest.mark.exhaustive(0)
def test_by_hand_a_replace_can_be_allowed(runner: Runner, box: Box, place: Workplace) -> None:
    """A change that means a replace is refused unless whoever starts the workflow allows it."""
    text = (place.folder / "agents.yaml").read_text()
    place.write(text.replace("name: 李四", "name: 李四, judge: false"))
    assert by_hand(runner)["plan"].code == 3
    assert by_hand(runner, allow_replace=True)["apply"].code == 0
    assert box.store.agents()["8002"]["judge"] == 0


def test_credentials_in_plain_text_are_refused(runner: Runner, box: Box, place: Workplace) -> None:
    """Without recipients nothing is applied: the artifact would be readable."""
    text = (place.folder / "agents.yaml").read_text()
    place.write(re.sub(r"(?m)^recipients: .*\n", "", text))
    jobs = by_hand(runner)
    assert jobs["plan"].code == 3
    assert "recipients" in jobs["plan"].log
    assert "apply" not in jobs
    assert box.store.history() == []


@pytest.mark.exhaustive(0)
def test_cancelling_the_job_interrupts_the_apply(runner: Runner, box: Box, place: Workplace, key: Key) -> None:
    """The signal that GitHub sends to the script reaches reconciler: it ends with 130, and can be gone on with."""
    # No two are neighbours: each is a call of its own.
    wanted = {str(number): "新" for number in range(8004, 8204, 2)}
    place.write(agents(key.recipient, NAMES | wanted))
    digest = place.run("plan", "--format", "json").json["digest"]
    temp = runner.folder / "cancelled"
    temp.mkdir()
    script = dict(scripts(EXAMPLES / "github/apply.yml"))["apply: Apply"]
    env = {"RUNNER_TEMP": str(temp), "DIGEST": digest, "PATH": f"{runner.folder}/bin:{os.environ['PATH']}"}
    slow = {"RECONCILER_RATE": "20", "RECONCILER_CREDENTIALS": str(temp / "delivered/credentials.jsonl.age")}
    job = subprocess.Popen(
        bash(temp, script), cwd=place.folder, env=place.environment(env | slow), stdout=subprocess.DEVNULL
    )
    events = temp / "delivered/events.jsonl"
    while job.poll() is None and not (events.exists() and events.stat().st_size):
        time.sleep(0.05)
    job.send_signal(signal.SIGINT)
    assert job.wait(60) == 130
    done = {operator_id for operator_id in box.store.agents() if operator_id in wanted}
    assert 0 < len(done) < len(wanted)
    found = read_credentials(temp / "delivered/credentials.jsonl.age", key.identity).credentials
    assert {credential.operator_id for credential in found if credential.password} >= done


# Which plan was reviewed


def planned(runner: Runner, run: int, digest: str = "d" * 64) -> int:
    """A run of plan.yml that left this digest."""
    runner.artifact("plan", run).mkdir(parents=True)
    (runner.artifact("plan", run) / "digest").write_text(f"{digest}\n")
    return run


def looked_up(runner: Runner, merged: Merge, *runs: int, **pull: Any) -> Job:
    """The job that finds the digest, alone."""
    on_github(runner, merged, *runs, **pull)
    return runner.job("apply", "digest", github=github(runner, event_name="push"), inputs={})


def test_the_reviewed_plan_is_found(runner: Runner, merged: Merge) -> None:
    """The digest comes from a successful run of plan.yml, for a pull request, at the head that was merged."""
    assert looked_up(runner, merged, planned(runner, 41)).outputs == {"digest": "d" * 64, "number": "7"}
    (asked,) = [call["arguments"][-1] for call in runner.calls if "/runs?" in call["arguments"][-1]]
    assert set(asked.partition("?")[2].split("&")) == {
        "event=pull_request",
        "status=success",
        f"head_sha={merged.head}",
    }


@pytest.mark.parametrize(
    "pull",
    [
        {"merged_at": None},
        {"base": {"ref": "evil"}},
        {"merge_commit_sha": "0" * 40},
        {"head": {"sha": "main; rm -rf /"}},
    ],
    ids=lambda pull: next(iter(pull)),
)
def test_only_the_merge_itself_has_a_plan(runner: Runner, merged: Merge, pull: dict[str, Any]) -> None:
    """A commit that is not the merge of one pull request into this branch has no reviewed plan: refused."""
    assert looked_up(runner, merged, planned(runner, 41), **pull).code == 3


def test_what_was_never_planned_is_not_applied(runner: Runner, box: Box, merged: Merge) -> None:
    """Without a run of plan.yml there is no digest, and no apply: so with a fork's, or a direct push."""
    jobs = push(runner, merged)
    assert jobs["digest"].code == 3
    assert "apply" not in jobs
    assert box.store.history() == []


def test_a_plan_that_is_gone_is_not_applied(runner: Runner, merged: Merge) -> None:
    """An artifact that has expired cannot say what was reviewed."""
    assert looked_up(runner, merged, planned(runner, 41), 42).code == 3


@pytest.mark.parametrize(("second", "code"), [("d" * 64, 0), ("e" * 64, 3), ("$(touch x)", 3)])
def test_two_plans_of_a_commit_must_agree(runner: Runner, merged: Merge, second: str, code: int) -> None:
    """Two runs of one commit are fine when they say the same; else nobody knows which was reviewed."""
    assert looked_up(runner, merged, planned(runner, 41), planned(runner, 42, second)).code == code
