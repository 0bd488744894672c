"""Many companies in one repository: a pull request plans and applies the companies that it changes, each by itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.server import Box, running
from tests.ci.events import REPOSITORY, bodies
from tests.ci.repository import git
from tests.ci.runner import EXAMPLES, MISSING, Job, Runner, load
from tests.credentials.keys import age_key
from tests.extras import needs_apprise
from tests.process import TOKEN, Workplace
from tests.vendor.vendor_stub import reply, stub

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")

NAMES = ("acme", "globex", "initech")


@dataclass(slots=True)
class Repository:
    """Three companies with a vendor each, and a GitHub that knows one merged pull request."""

    runner: Runner
    boxes: dict[str, Box]
    head: str = ""

    @property
    def folder(self) -> Path:
        """The checkout."""
        return self.runner.place.folder

    def merge(self, files: dict[str, str | None]) -> None:
        """Merge a pull request that writes these files; `None` removes one."""
        git(self.folder, "switch", "--quiet", "--create", "change")
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", "change")
        self.head = git(self.folder, "rev-parse", "HEAD")
        git(self.folder, "switch", "--quiet", "main")
        git(self.folder, "merge", "--quiet", "--no-ff", "--no-edit", "change")
        git(self.folder, "branch", "--quiet", "--delete", "change")
        self.runner.context["github"]["sha"] = git(self.folder, "rev-parse", "HEAD")

    def plan(self) -> dict[str, Job]:
        """A run of plan.yml for the pull request."""
        told = {"number": 7, "head": {"repo": {"full_name": REPOSITORY}}, "user": {"login": "li"}}
        event = {"event_name": "pull_request", "ref": "refs/pull/7/merge", "event": {"pull_request": told}}
        self.runner.answer({f"GET repos/{REPOSITORY}/issues/7/comments": []})
        return self.runner.workflow("plan", github={**self.runner.context["github"], **event})

    def apply(self) -> dict[str, Job]:
        """A run of apply.yml for the merge, when the run before it planned it."""
        sha, run = self.runner.context["github"]["sha"], self.runner.run_id
        pull = {"merged_at": "2026-11-22T10:00:00Z", "base": {"ref": "main"}, "merge_commit_sha": sha, "number": 7}
        workflows = f"GET repos/{REPOSITORY}/actions/workflows"
        self.runner.answer(
            {
                f"GET repos/{REPOSITORY}/commits/{sha}/pulls": [{**pull, "head": {"sha": self.head}}],
                f"{workflows}/plan.yml/runs": {"workflow_runs": [{"id": run, "conclusion": "success"}]},
                f"{workflows}/apply.yml/runs": {"workflow_runs": []},
            }
        )
        return self.runner.workflow("apply", github={**self.runner.context["github"], "event_name": "push"})

    def names(self) -> dict[str, str]:
        """The name of the one agent of each company."""
        return {name: box.store.agents()["8001"]["name"] for name, box in self.boxes.items()}


def file_of(company: str, recipient: str, name: str = "张三") -> str:
    """The file of a company with one agent."""
    head = f"version: 1\ncompany: {{abbreviate: {company}, companyId: 4242}}\nrecipients: [{recipient}]\n"
    return f'{head}agents:\n  - {{operatorId: "8001", name: {name}}}\n'


@pytest.fixture
def recipient(tmp_path: Path) -> str:
    """Whom credentials are for."""
    return age_key(tmp_path).recipient


@pytest.fixture
def repository(tmp_path: Path, recipient: str) -> Iterator[Repository]:
    """Three companies on main, each live as its file says."""
    with ExitStack() as held:
        boxes = {name: held.enter_context(running()) for name in NAMES}
        for box in boxes.values():
            box.store.reset([{"operatorId": "8001", "name": "张三"}])
        place = Workplace(tmp_path / "checkout", "")
        for name in NAMES:
            (place.folder / "companies" / name).mkdir(parents=True)
            place.write(file_of(name, recipient), f"companies/{name}/agents.yaml")
        shutil.copy(EXAMPLES.parents[1] / "LICENSE", place.folder / "README.md")
        git(place.folder, "init", "--quiet", "--initial-branch=main")
        git(place.folder, "add", "--all")
        git(place.folder, "commit", "--quiet", "--message", "main")
        git(tmp_path, "init", "--quiet", "--bare", "origin.git")
        git(place.folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
        github = {
            "repository": REPOSITORY, "sha": "", "ref": "refs/heads/main", "token": "fake-token", "run_attempt": "1",
            "server_url": "https://git.example",
        }  # fmt: skip
        context: dict[str, Any] = {"github": github, "vars": {}, "secrets": {"RECONCILER_TOKEN": TOKEN}}
        runner = Runner(tmp_path / "github", place, context, examples="companies")
        for name, box in boxes.items():
            for kind in ("plan", "apply"):
                runner.environments[f"{kind}-{name}"] = {"RECONCILER_ENDPOINT": box.url}
        yield Repository(runner, boxes)


def test_only_what_changes_is_planned_and_applied(repository: Repository, recipient: str, tmp_path: Path) -> None:
    """Of three companies the two that change get a plan, comment, apply and ledger each; the third gets no call."""
    changed = {f"companies/{name}/agents.yaml": file_of(name, recipient, f"{name} 改") for name in ("acme", "globex")}
    repository.merge({**changed, "README.md": "changed too\n"})
    jobs = repository.plan()
    assert [name for name in jobs if name.startswith("plan ")] == ["plan acme", "plan globex"]
    assert all(job.success for job in jobs.values()), {name: job.log for name, job in jobs.items()}
    comments = [text for where, text in bodies(repository.runner) if where.startswith("POST")]
    assert len({text.splitlines()[0] for text in comments}) == len(comments) == 2
    applied = repository.apply()
    assert all(job.success for job in applied.values()), {name: job.log for name, job in applied.items()}
    assert repository.names() == {"acme": "acme 改", "globex": "globex 改", "initech": "张三"}
    assert ledgers(tmp_path) == ["refs/heads/reconciler/acme", "refs/heads/reconciler/globex"]
    assert repository.boxes["initech"].store.history() == []


def ledgers(folder: Path) -> list[str]:
    """The branches that hold books."""
    return git(folder / "origin.git", "for-each-ref", "--format=%(refname)").split()


@pytest.mark.exhaustive(0)
def test_a_ledger_elsewhere(repository: Repository, recipient: str, tmp_path: Path) -> None:
    """One variable leads the ledgers of all companies to another place, each under its name."""
    repository.runner.context["vars"]["RECONCILER_LEDGERS"] = str(tmp_path / "ledgers")
    repository.merge({"companies/acme/agents.yaml": file_of("acme", recipient, "改")})
    repository.plan()
    repository.apply()
    assert (tmp_path / "ledgers/acme").is_file()
    assert ledgers(tmp_path) == []


def night(repository: Repository, issues: list[dict[str, Any]]) -> list[list[str]]:
    """What drift.yml does with issues when these are open, and the first words of each."""
    git(repository.folder, "checkout", "--quiet", ".")
    repository.runner.answer({"issue list": issues})
    before = len(repository.runner.calls)
    github = {**repository.runner.context["github"], "event_name": "schedule"}
    jobs = repository.runner.workflow("drift", github=github)
    assert jobs["issue"].success, jobs["issue"].log
    assert jobs["notice"].success, jobs["notice"].log
    done = [call["arguments"] for call in repository.runner.calls[before:]]
    return [words[:3] for words in done if words[0] == "issue" and words[1] != "list"]


@pytest.mark.exhaustive(0)
@needs_apprise
def test_every_night_each_company_is_looked_at(repository: Repository) -> None:
    """An issue for each that differs, updated and closed by its title; one that cannot be read holds up no other."""
    boxes, runner = repository.boxes, repository.runner
    boxes["acme"].store.put("8001", name="by hand")
    boxes["initech"].faults([{"endpoint": "page", "fault": "status", "status": 403, "calls": "all"}])
    with stub() as hook:
        hook.script(reply(200))
        runner.context["secrets"]["RECONCILER_NOTIFY"] = hook.url.replace("http://", "json://")
        assert night(repository, []) == [["issue", "create", "--label"]]
    created = [call for call in runner.calls if call["arguments"][:2] == ["issue", "create"]]
    (title,) = [words[5] for words in (call["arguments"] for call in created) if words[4] == "--title"]
    assert "acme" in title
    assert "Adopt it" in created[0]["body"]
    assert "by hand" in created[0]["body"]
    assert [seen.body["title"] for seen in hook.requests] == ["reconciler plan, acme: 1 action"]
    adopted = runner.artifact("drift-acme") / "agents.yaml"
    assert "by hand" in adopted.read_text(encoding="utf-8")
    del runner.context["secrets"]["RECONCILER_NOTIFY"]
    known = [{"number": 5, "title": title}, {"number": 6, "title": title.replace("acme", "globex")}]
    assert night(repository, known) == [["issue", "edit", "5"], ["issue", "close", "6"]]
    assert all(box.store.history() == [] for box in boxes.values())


@pytest.mark.exhaustive(0)
def test_one_that_is_refused_holds_up_no_other(repository: Repository, recipient: str) -> None:
    """An agent of one company that moved since the review ends that one with 3; the other is applied."""
    repository.merge(
        {f"companies/{name}/agents.yaml": file_of(name, recipient, f"{name} 改") for name in ("acme", "globex")}
    )
    repository.plan()
    repository.boxes["acme"].store.put("8001", name="by hand")
    jobs = repository.apply()
    assert (jobs["apply acme"].code, jobs["apply globex"].code) == (3, 0)
    assert jobs["comment"].success, jobs["comment"].log
    (where, told) = bodies(repository.runner)[-1]
    assert where == f"POST repos/{REPOSITORY}/issues/7/comments"
    assert "| acme | **nothing was applied** | 0 | | | 0 |\n| globex | applied | 1 | 0 | 0 | 0 |\n" in told
    assert not [name for name in ("改", "8001", "by hand") if name in told]
    assert repository.names() == {"acme": "by hand", "globex": "globex 改", "initech": "张三"}


@pytest.mark.parametrize(
    ("files", "companies"),
    [
        ({"README.md": "changed\n"}, []),
        ({"shared/profiles.yaml": "version: 1\nprofiles: {leader: {operatorType: leader}}\n"}, list(NAMES)),
        ({"companies/initech/agents.yaml": None}, []),
        ({"companies/README.md": "no company\n"}, []),
        ({"companies/acme/teams/a.yaml": 'version: 1\nagents: [{operatorId: "8002"}]\n'}, ["acme"]),
    ],
    ids=["none", "what all share", "a company that is gone", "a file beside them", "a folder of files"],
)
def test_which_companies(repository: Repository, files: dict[str, str | None], companies: list[str]) -> None:
    """The companies whose folders change; all where what they share changes; none that is gone."""
    repository.merge(files)
    github = {**repository.runner.context["github"], "event_name": "push"}
    which = repository.runner.job("apply", "which", github=github)
    assert which.success, which.log
    assert json.loads(which.outputs["companies"]) == companies
    assert ("is gone" in which.log) == (files == {"companies/initech/agents.yaml": None})


@pytest.mark.parametrize("name", ["Acme", "a b", "公司", "-x", "a$(id)", "a" * 41])
def test_a_name_that_is_refused(repository: Repository, name: str) -> None:
    """A folder's name becomes a part of addresses: one with other characters ends the run, planned by nobody."""
    repository.merge({f"companies/{name}/agents.yaml": "version: 1\n"})
    which = repository.runner.job("apply", "which", github=repository.runner.context["github"])
    assert not which.success
    assert "::error::" in which.log


def test_the_rate_is_shared() -> None:
    """As many jobs as run at once stay together within the rate that one run has by itself, 20 a second."""
    for name, job in (("plan", "plan"), ("apply", "apply")):
        written = load(EXAMPLES / f"companies/{name}.yml")["jobs"][job]
        (rate,) = [
            step["env"]["RECONCILER_RATE"] for step in written["steps"] if "RECONCILER_RATE" in step.get("env", {})
        ]
        assert int(rate) * int(written["strategy"]["max-parallel"]) == 20


def test_every_company_is_validated(repository: Repository) -> None:
    """A mistake in one of them fails the check, and its line is annotated."""
    github = repository.runner.context["github"]
    assert repository.runner.job("validate", "validate", github=github).success
    file = repository.folder / "companies/globex/agents.yaml"
    file.write_text(file.read_text().replace("name:", "nmae:"))
    job = repository.runner.job("validate", "validate", github=github)
    assert not job.success
    assert "file=companies/globex/agents.yaml,line=5" in job.log
