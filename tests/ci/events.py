"""What happens on GitHub: a pull request, a merge, a start by hand, and what GitHub then knows of them."""

from __future__ import annotations

from typing import Any, Final

from reconciler.sandbox.server import Box
from tests.ci.repository import Merge
from tests.ci.runner import Job, Runner

REPOSITORY: Final = "acme/agents"
PULLS: Final = f"GET repos/{REPOSITORY}/commits/{{}}/pulls"
RUNS: Final = f"GET repos/{REPOSITORY}/actions/workflows/plan.yml/runs"
APPLIES: Final = f"GET repos/{REPOSITORY}/actions/workflows/apply.yml/runs"
COMMENTS: Final = f"GET repos/{REPOSITORY}/issues/7/comments"
AFTER: Final = {"8001": "张三丰", "8002": "李四", "8004": "赵六"}
"""8001 is edited, 8003 deleted, 8004 created."""


def github(runner: Runner, **more: Any) -> dict[str, Any]:
    """The context of an event."""
    return {**runner.context["github"], **more}


def pull_request(runner: Runner, repository: str = REPOSITORY, author: str = "li") -> dict[str, Job]:
    """A run of plan.yml."""
    told = {"number": 7, "head": {"repo": {"full_name": repository}}, "user": {"login": author}}
    event = {"event_name": "pull_request", "ref": "refs/pull/7/merge", "event": {"pull_request": told}}
    return runner.workflow("plan", github=github(runner, **event))


def on_github(runner: Runner, merged: Merge, *runs: int, **pull: Any) -> None:
    """The pull request of the merge, and these runs of plan.yml."""
    known = {"merged_at": "2026-11-22T10:00:00Z", "base": {"ref": "main"}, "merge_commit_sha": merged.merged}
    found = {"workflow_runs": [{"id": run} for run in runs]}
    pulls = [{**known, "number": 7, "head": {"sha": merged.head}, **pull}]
    runner.answer({PULLS.format(merged.merged): pulls, RUNS: found, APPLIES: {"workflow_runs": []}})


def push(runner: Runner, merged: Merge, *runs: int) -> dict[str, Job]:
    """A run of apply.yml for the merge, when GitHub knows these runs of plan.yml."""
    on_github(runner, merged, *runs)
    return runner.workflow("apply", github=github(runner, event_name="push"), inputs={})


def by_hand(runner: Runner, *, allow_replace: bool = False) -> dict[str, Job]:
    """A run of apply.yml that somebody started."""
    inputs = {"allow-replace": allow_replace}
    return runner.workflow("apply", github=github(runner, event_name="workflow_dispatch"), inputs=inputs)


def names(box: Box) -> dict[str, str]:
    """The live agents."""
    return {operator_id: agent["name"] for operator_id, agent in box.store.agents().items()}


def bodies(runner: Runner) -> list[tuple[str, str]]:
    """What was written: the method and where, and the text."""
    calls = [call for call in runner.calls if call["body"]]
    return [(" ".join(call["arguments"][2:5][1:]), call["body"]) for call in calls]
