"""`history`: who did what, from the records that applies leave beside every kind of ledger."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.history import newest_first
from reconciler.ledger.on_disk import LocalStore
from reconciler.sandbox.server import Box
from tests.ledger.git_branch.host import ALONE, BRANCH, git, made
from tests.process import TOKEN, Workplace
from tests.reliability.killer import Killer
from tests.sandbox.wire import until

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nguardrails: {maxDeletes: 100%}\nagents:\n"
ONE = HEAD + '  - {operatorId: "8001", name: 张三, roleName: 客服, password: {env: AGENT_8001, version: 1}}\n'
NONE = HEAD + '  - {operatorId: "8009"}\n'
LIVE: list[dict[str, Any]] = [{"operatorId": "8001", "name": "old"}, {"operatorId": "8009"}]
GIVEN = "given-password-Xy1"
PIPELINES: dict[str, tuple[dict[str, str], tuple[str, str, str]]] = {
    "github": (
        {
            "GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "li", "GITHUB_SERVER_URL": "https://git.example",
            "GITHUB_REPOSITORY": "team/agents", "GITHUB_RUN_ID": "7", "GITHUB_SHA": "c0ffee",
        },
        ("li", "https://git.example/team/agents/actions/runs/7", "c0ffee"),
    ),
    "gitlab": (
        {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "li", "CI_PIPELINE_URL": "https://lab/7", "CI_COMMIT_SHA": "c0ffee"},
        ("li", "https://lab/7", "c0ffee"),
    ),
    "jenkins": (
        {"JENKINS_URL": "https://j", "BUILD_USER_ID": "li", "BUILD_URL": "https://j/7", "GIT_COMMIT": "c0ffee"},
        ("li", "https://j/7", "c0ffee"),
    ),
    "gitee": (
        {
            "GITEE_PIPELINE_NAME": "agents", "GITEE_PIPELINE_BUILD_NUMBER": "7", "GITEE_PIPELINE_TRIGGER_USER": "li",
            "GITEE_COMMIT": "c0ffee",
        },
        ("li", "agents #7", "c0ffee"),
    ),
    "named": ({"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "bot", "RECONCILER_ACTOR": "li"}, ("li", "", "")),
}  # fmt: skip


@pytest.fixture
def here(place: Workplace, box: Box) -> Workplace:
    """A place with one agent to edit."""
    box.faults([])
    box.store.reset(LIVE)
    place.write(ONE + '  - {operatorId: "8009"}\n')
    place.env |= {"AGENT_8001": GIVEN, **dict.fromkeys(("GITLAB_CI", "JENKINS_URL", "GITEE_PIPELINE_NAME"), "")}
    return place


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    """What starts processes that die."""
    with Killer(tmp_path_factory.mktemp("logs")) as made_here:
        yield made_here


def runs(place: Workplace, *arguments: str) -> list[dict[str, Any]]:
    """What the command says, as JSON."""
    ran = place.run("history", "--format", "json", *arguments)
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = ran.json["runs"]
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """A kind of ledger: what leads a command there, and all that is stored."""

    env: Mapping[str, str]
    stored: Callable[[], bytes]


@pytest.fixture(params=["disk", "named", "branch", "s3"])
def kept(request: pytest.FixtureRequest, here: Workplace, tmp_path: Path) -> Iterator[Kept]:
    """Every kind of ledger, empty."""
    files = lambda: b"".join(p.read_bytes() for p in here.folder.rglob("*.json"))  # noqa: E731
    if request.param == "disk":
        yield Kept({}, files)
    elif request.param == "named":
        yield Kept({"RECONCILER_LEDGER": "acme.json"}, files)
    elif request.param == "branch":
        host = made(tmp_path / "books.git")
        yield Kept({**ALONE, "RECONCILER_LEDGER": host.named}, host.objects)
    else:
        pytest.importorskip("obstore", reason="the extra `remote` is not installed")
        pytest.importorskip("moto", reason="moto[server] is not installed")
        from tests.ledger.object_store.s3 import BUCKET, environment, serving

        with serving() as server:
            env = {**environment(server.url), "RECONCILER_LEDGER": f"s3://{BUCKET}/acme.json"}
            yield Kept(env, lambda: b"".join(server.get(key) or b"" for key in server.keys("")))


def test_every_apply_is_told(here: Workplace, box: Box, kept: Kept) -> None:
    """Newest first, with digest, exit code, before, after and outcome, on every kind of ledger, and without secrets."""
    here.env |= kept.env
    digest = here.run("plan", "--format", "json").json["digest"]
    assert here.run("apply", "-y").code == 0
    assert here.run("apply", "-y").code == 0  # it had nothing to do
    here.write(HEAD + '  - {operatorId: "8001", name: 李四}\n  - {operatorId: "8009"}\n')
    assert here.run("apply", "-y").code == 0
    second, first = runs(here)
    assert (first["digest"], first["exit_code"], first["files"]) == (digest, 0, ["agents.yaml"])
    assert first["begun"] <= first["ended"] <= second["begun"] <= second["ended"]
    assert {each["action"]: (each["before"], each["after"], each["outcome"]) for each in first["actions"]} == {
        "edit": ({"name": "old"}, {"name": "张三", "roleName": "客服"}, "done"),
        "password": ({}, {"passwordVersion": 1}, "done"),
    }
    (edit,) = second["actions"]
    assert (edit["before"], edit["after"]) == ({"name": "张三"}, {"name": "李四"})
    assert ":" in first["actor"]
    stored = kept.stored()
    assert GIVEN.encode() not in stored
    assert TOKEN.encode() not in stored
    assert (box.store.agents()["8001"]["password_md5"]).encode() not in stored


def test_the_text_is_for_people(here: Workplace) -> None:
    """A line for the run, one for where it came from, and one for each action; hostile text does nothing."""
    here.env |= {"RECONCILER_ACTOR": "li\x1b[31m\u202e", "GITLAB_CI": "true", "CI_PIPELINE_URL": "https://lab/7"}
    assert here.run("apply", "-y").code == 0
    out = here.run("history").out
    assert "li\\x1b[31m" in out
    assert "2 actions: 2 done  (exit 0)" in out
    assert "https://lab/7" in out
    assert '8001  edit  done  name "old" → "张三", roleName – → "客服"' in out
    assert here.run("history", "--agent", "8777").out == "No apply is recorded that fits.\n"


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_who_ran_it(here: Workplace, pipeline: str) -> None:
    """Actor, address and commit as the pipeline's variables say; `RECONCILER_ACTOR` names somebody else."""
    variables, told = PIPELINES[pipeline]
    here.env |= variables
    assert here.run("apply", "-y").code == 0
    (run,) = runs(here)
    assert (run["actor"], run["pipeline"], run["commit"]) == told


def test_the_commit_without_a_pipeline(here: Workplace) -> None:
    """It is the one that is checked out where the files are."""
    git(here.folder, "init", "--quiet")
    git(here.folder, "add", "agents.yaml")
    git(here.folder, "commit", "--quiet", "-m", "files")
    assert here.run("apply", "-y").code == 0
    assert runs(here)[0]["commit"] == git(here.folder, "rev-parse", "HEAD")


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_is_told(
    here: Workplace, box: Box, kept: Kept, killer: Killer, number: signal.Signals
) -> None:
    """It has an end and the code of an interrupt; what was in flight is done, and what was not sent is skipped."""
    here.env |= kept.env
    box.store.reset([{"operatorId": str(id_), "name": "old"} for id_ in range(8001, 8006)])
    here.write(HEAD + "".join(f'  - {{operatorId: "{id_}", name: new}}\n' for id_ in range(8001, 8006)))
    box.faults([{"endpoint": "writes", "fault": "slow", "seconds": 1, "calls": "all"}])
    started = killer.start(here.folder, here.environment(), "apply", "-y", "--parallelism", "1")
    until(lambda: any(attempt.fault for attempt in box.store.attempts()))
    started.signal(number)
    assert killer.wait(started).code == 130
    (run,) = runs(here)
    assert (run["exit_code"], run["ended"] >= run["begun"]) == (130, True)
    outcomes = [each["outcome"] for each in run["actions"]]
    assert sorted({*outcomes}) == ["done", "skipped"]
    live = [agent["name"] for agent in box.store.agents().values()]
    assert outcomes.count("done") == live.count("new")


def test_a_run_that_died_is_told(here: Workplace, box: Box, killer: Killer) -> None:
    """Its record was written before its first call: no end, no exit code, and outcomes that nobody knows."""
    box.faults([{"endpoint": "writes", "fault": "hang", "calls": "all"}])
    started = killer.start(here.folder, here.environment(), "apply", "-y")
    until(lambda: any(attempt.fault for attempt in box.store.attempts()))
    started.signal(signal.SIGKILL)
    killer.wait(started)
    (run,) = runs(here)
    assert (run["ended"], run["exit_code"]) == (None, None)
    assert {each["outcome"] for each in run["actions"]} == {"unknown"}
    assert "did not end" in here.run("history").out


def test_what_was_refused_and_what_is_unknown(here: Workplace, box: Box) -> None:
    """An action that failed says so, and one without an answer is unknown."""
    box.faults(
        [{"endpoint": "edit/v2", "fault": "refuse", "code": 20005}, {"endpoint": "editPwd", "fault": "drop-before"}]
    )
    assert here.run("apply", "-y").code != 0
    (run,) = runs(here)
    assert {each["action"]: each["outcome"] for each in run["actions"]} == {"edit": "failed", "password": "unknown"}


def test_a_choice_of_runs(here: Workplace) -> None:
    """`--limit`, `--agent` and `--since` narrow; a record that is damaged or newer is passed over."""
    folder = here.books / "history"
    folder.mkdir(parents=True)
    for number in range(1, 31):
        write_record(folder, number, f"2026-11-{number:02}T10:00:00Z", f"80{number % 3:02}")
    (folder / "00000031-damaged.json").write_text("{")
    (folder / "00000032-newer.json").write_text('{"format": "reconciler.history/2"}')
    assert [run["run"] for run in runs(here)] == [f"r{number}" for number in range(30, 10, -1)]
    assert [run["run"] for run in runs(here, "--limit", "2")] == ["r30", "r29"]
    assert [run["run"] for run in runs(here, "--agent", "8001", "--limit", "3")] == ["r28", "r25", "r22"]
    assert [run["run"] for run in runs(here, "--since", "2026-11-29")] == ["r30", "r29"]
    assert [run["run"] for run in runs(here, "--since", "2026-11-29T10:00:01Z")] == ["r30"]
    assert here.run("history", "--since", "yesterday").code == 64


def write_record(folder: Path, number: int, begun: str, agent: str, actions: int = 1) -> None:
    """A record as an apply leaves it."""
    action = {"operatorId": agent, "action": "edit", "before": {"name": "a"}, "after": {"name": "b"}, "outcome": "done"}
    record = {
        "format": "reconciler.history/1", "run": f"r{number}", "begun": begun, "ended": begun, "actor": "li",
        "pipeline": "", "commit": "", "files": [], "digest": "d", "exit_code": 0, "actions": [action] * actions,
    }  # fmt: skip
    (folder / f"{number:08}-x.json").write_text(json.dumps(record))


def test_no_more_is_read_than_is_asked_for(tmp_path: Path) -> None:
    """Of a thousand runs, ten are listed by reading ten records."""
    (tmp_path / "history").mkdir()
    for number in range(1, 1001):
        write_record(tmp_path / "history", number, "2026-11-22T10:00:00Z", "8001")
    store, read = LocalStore(tmp_path / "ledger.json"), []
    real = store.read_beside
    store.read_beside = lambda name: read.append(name) or real(name)  # type: ignore[method-assign,func-returns-value]
    records = newest_first(store)
    assert [next(records)["run"] for _ in range(10)] == [f"r{number}" for number in range(1000, 990, -1)]
    assert len(read) == 10


def test_a_branch_with_a_thousand_runs(here: Workplace, tmp_path: Path) -> None:
    """Ten of them are listed; git is called a few times for that, and not once for each run."""
    host, work = made(tmp_path / "books.git"), tmp_path / "work"
    (work / "history").mkdir(parents=True)
    for number in range(1, 1001):
        write_record(work / "history", number, "2026-11-22T10:00:00Z", "8001", actions=5)
    git(work, "init", "--quiet")
    git(work, "add", "history")
    git(work, "commit", "--quiet", "-m", "history")
    git(work, "push", "--quiet", host.url, f"HEAD:refs/heads/{BRANCH}")
    trace = tmp_path / "git"
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    trace.mkdir()
    (trace / "git").write_text(f'#!/bin/sh\necho call >> "{trace}/calls"\nexec {real} "$@"\n')
    (trace / "git").chmod(0o755)
    here.env |= {**ALONE, "RECONCILER_LEDGER": host.named, "PATH": f"{trace}:{here.environment()['PATH']}"}
    assert len(runs(here, "--limit", "10")) == 10
    assert len((trace / "calls").read_text().splitlines()) < 20


def restored(here: Workplace) -> list[dict[str, Any]]:
    """The notes of a plan that brings 8001 back, which an apply has deleted."""
    assert here.run("apply", "-y").code == 0
    here.write(NONE)
    assert here.run("apply", "-y").code == 0
    here.write(HEAD + '  - {operatorId: "8001"}\n  - {operatorId: "8009"}\n')
    notes: list[dict[str, Any]] = here.run("plan", "--format", "json").json["notes"]
    return [note for note in notes if "was deleted on" in note["message"]]


@pytest.mark.parametrize("kind", ["disk", "branch"])
def test_a_restored_agent_has_lost_something(here: Workplace, tmp_path: Path, kind: str) -> None:
    """A plan that makes an agent anew says what it had when an apply deleted it: its role, a password, other values."""
    if kind == "branch":
        here.env |= {**ALONE, "RECONCILER_LEDGER": made(tmp_path / "books.git").named}
    (note,) = restored(here)
    assert note["operatorIds"] == ["8001"]
    assert "a new password and whatever role the vendor picks (it was 客服)" in note["message"]
    assert "no file says name 张三" in note["message"]
    if kind == "disk":
        assert here.run("apply", "-y").code == 0
        here.write(NONE)
        assert "was deleted on" not in here.run("plan").out


def test_a_delete_that_was_looked_up_later(here: Workplace, box: Box, killer: Killer) -> None:
    """The same where the run that deleted the agent was killed before it knew."""
    assert here.run("apply", "-y").code == 0
    here.write(NONE)
    box.faults([{"endpoint": "del/v2", "fault": "hang-after", "calls": "all"}])
    started = killer.start(here.folder, here.environment(), "apply", "-y")
    until(lambda: any(attempt.fault and attempt.committed for attempt in box.store.attempts()))
    started.signal(signal.SIGKILL)
    killer.wait(started)
    box.faults([])
    here.write(HEAD + '  - {operatorId: "8001"}\n  - {operatorId: "8009"}\n')
    assert "was deleted on" in here.run("plan").out


def test_a_history_that_is_gone_hinders_nobody(here: Workplace) -> None:
    """Where the record cannot be read, the plan has no such note and is otherwise the same."""
    assert len(restored(here)) == 1
    digest = here.run("plan", "--format", "json").json["digest"]
    for path in (here.books / "history").iterdir():
        path.unlink()
    ran = here.run("plan", "--format", "json")
    assert (ran.code, ran.json["digest"]) == (0, digest)
    assert "was deleted on" not in ran.out
    (here.books / "history").rmdir()
    (here.books / "history").write_text("in the way")
    assert here.run("plan").code == 0
    assert here.run("history").code == 1
    ran = here.run("apply", "-y")
    assert (ran.code, "history" in ran.err) == (1, True)
