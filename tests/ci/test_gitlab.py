"""GitLab's scripts, run against the sandbox and a small GitLab: plan, note, which plan was reviewed, apply."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.server import Box
from tests.ci import gitlab
from tests.ci.reports import REPORT_IDS, REPORTS
from tests.ci.repository import NAMES, Merge, agents, git, merge
from tests.ci.runner import MISSING
from tests.credentials.keys import age_key
from tests.extras import needs_apprise
from tests.process import Ran, Workplace
from tests.vendor.vendor_stub import reply, stub

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")

AFTER = {"8001": "张三丰", "8002": "李四", "8004": "赵六"}
DIGEST = "d" * 64
MARKER = "<!-- reconciler:plan:0123456789ab -->"
NOTES = "merge_requests/5/notes"


@pytest.fixture
def api() -> Iterator[gitlab.Api]:
    """GitLab, with nothing on it."""
    with gitlab.api() as found:
        yield found


@pytest.fixture
def place(tmp_path: Path, box: Box) -> Workplace:
    """Where jobs run: an empty folder with the helper in it, and the sandbox as the default branch has it."""
    folder = tmp_path / "checkout"
    (folder / ".gitlab").mkdir(parents=True)
    shutil.copy(gitlab.HELPER, folder / ".gitlab")
    box.store.reset([{"operatorId": operator_id, "name": name} for operator_id, name in NAMES.items()])
    return Workplace(folder, box.url, {"RECONCILER_LEDGER": str(tmp_path / "ledger.json")})


@pytest.fixture
def commits(tmp_path: Path, place: Workplace) -> Merge:
    """A merge request's head, checked out; the default branch has gone on without it since."""
    (tmp_path / "origin").mkdir()
    origin = Workplace(tmp_path / "origin")
    recipient = age_key(tmp_path).recipient
    made = merge(origin, agents(recipient, NAMES), agents(recipient, AFTER))
    git(origin.folder, "reset", "--quiet", "--hard", made.base)
    origin.write("went on\n", "README.md")
    git(origin.folder, "add", ".")
    git(origin.folder, "commit", "--quiet", "--message", "went on")
    git(place.folder, "clone", "--quiet", "--no-checkout", str(origin.folder), "clone")
    (place.folder / "clone/.git").rename(place.folder / ".git")
    (place.folder / "clone").rmdir()
    git(place.folder, "checkout", "--quiet", made.head)
    return made


def run(place: Workplace, name: str, api: gitlab.Api | None = None, part: str = "script", **env: str) -> Ran:
    """Run a job's script; it knows of GitLab what these tests say."""
    known = {"CI_DEFAULT_BRANCH": "main", "CI_PROJECT_ID": "7", "CI_MERGE_REQUEST_IID": "5", "CI_COMMIT_SHA": "c" * 40}
    talk = {"CI_API_V4_URL": api.url, "GITLAB_API_TOKEN": "fake-token"} if api else {}
    page = {"GITLAB_CI": "true", "CI_PIPELINE_URL": "https://git.example/acme/-/pipelines/70"}
    return gitlab.run(place, name, {**known, **page, **talk, **env}, part)


# Jobs


def test_a_merge_request_is_planned_as_merged(place: Workplace, commits: Merge, box: Box) -> None:
    """The plan is of the merge request on top of the default branch: counts, note and digest, and nothing changes."""
    ran = run(place, "plan")
    assert ran.code == 0, ran.err
    report = place.folder / "report"
    assert json.loads((report / "terraform.json").read_text()) == {"create": 1, "update": 1, "delete": 1}
    assert re.match(r"<!-- reconciler:plan:[0-9a-f]{12} -->\n", (report / "plan.md").read_text())
    assert re.fullmatch("[0-9a-f]{64}\n", (report / "digest").read_text())
    assert "张三丰" in ran.out
    assert (place.folder / "README.md").exists()
    assert box.store.history() == []


def test_what_was_planned_is_applied(place: Workplace, commits: Merge, box: Box) -> None:
    """The apply takes the digest of the plan, and leaves encrypted credentials."""
    assert run(place, "plan").code == 0
    shutil.copy(place.folder / "report/digest", place.folder)
    ran = run(place, "apply")
    assert ran.code == 0, ran.err
    assert {operator_id: agent["name"] for operator_id, agent in box.store.agents().items()} == AFTER
    assert (place.folder / "delivered/credentials.jsonl.age").read_bytes().startswith(b"age-encryption.org/v1\n")


@pytest.mark.exhaustive(0)
def test_when_the_live_agents_moved_nothing_is_done(place: Workplace, commits: Merge, box: Box) -> None:
    """What somebody changed on the live side after the plan ends the apply with 3, and nothing is sent."""
    assert run(place, "plan").code == 0
    shutil.copy(place.folder / "report/digest", place.folder)
    box.store.put("8001", name="changed by hand")
    assert run(place, "apply").code == 3
    assert box.store.history() == []


@pytest.mark.exhaustive(0)
def test_by_hand_the_pipeline_plans_for_itself(place: Workplace, commits: Merge, box: Box) -> None:
    """On the default branch the job before leaves the digest that the manual job applies."""
    assert run(place, "planned").code == 0
    assert run(place, "apply-by-hand").code == 0
    assert sorted(box.store.agents()) == sorted(AFTER)


def test_credentials_in_plain_text_are_refused(place: Workplace, box: Box) -> None:
    """Without recipients there is no digest to apply: the artifact would be readable."""
    place.write("version: 1\ncompany: {abbreviate: acme}\nprune: false\nagents: [{operatorId: '8001'}]\n")
    ran = run(place, "planned")
    assert ran.code == 1
    assert "recipients" in ran.err
    assert not (place.folder / "digest").exists()


def test_a_broken_file_is_in_the_report_and_in_the_log(place: Workplace) -> None:
    """The job fails, its log says why, and the merge request gets the problem as code quality."""
    place.write("version: 1\n")
    ran = run(place, "validate")
    assert ran.code == 1
    assert "agents.yaml:1" in ran.out + ran.err
    assert json.loads((place.folder / "code-quality.json").read_text())


@pytest.mark.exhaustive(0)
@pytest.mark.parametrize(("name", "code"), [("张三", 0), ("changed by hand", 2)])
def test_drift_fails_the_job(place: Workplace, box: Box, name: str, code: int) -> None:
    """A night with drift ends with 2, one without with 0."""
    place.write("version: 1\ncompany: {abbreviate: acme}\nprune: false\nagents: [{operatorId: '8001', name: 张三}]\n")
    box.store.put("8001", name=name)
    assert run(place, "drift").code == code


def test_drift_opens_one_issue(place: Workplace, api: gitlab.Api, box: Box) -> None:
    """A night with drift opens our issue or writes it anew, one without closes it; somebody else's is left alone."""
    (place.folder / "report").mkdir()
    (place.folder / "report/plan.md").write_text("### plan\n", encoding="utf-8")
    (place.folder / "report/agents.yaml").touch()
    theirs = {"iid": 3, "author": {"username": "li"}}
    ours = {"iid": 4, "author": {"username": "project_7_bot_a1"}}
    for rows, code, sent in (
        ([theirs], "2", ("POST", "issues")),
        ([theirs, ours], "3", ("PUT", "issues/4")),
        ([ours], "0", ("PUT", "issues/4")),
    ):
        (place.folder / "report/code").write_text(f"{code}\n")
        api.answers["issues"] = rows
        assert run(place, "drift-issue", api).code == 0
        assert api.written[-1][:2] == sent
    assert api.written[-1][2] == {"state_event": "close"}
    assert "### plan" in api.written[0][2]["description"]
    assert "Adopt it" in api.written[0][2]["description"]
    (place.folder / "report/agents.yaml").unlink()
    (place.folder / "report/code").write_text("2\n")
    assert run(place, "drift-issue", api).code == 0
    assert "Adopt it" not in api.written[-1][2]["description"]
    assert "Revert it" in api.written[-1][2]["description"]


@pytest.mark.exhaustive(0)
def test_drift_is_offered_as_a_merge_request(place: Workplace, commits: Merge, api: gitlab.Api, box: Box) -> None:
    """One commit on top of the default branch has the file as it is live; a night without drift closes the request."""
    git(place.folder, "checkout", "--quiet", commits.base)
    assert run(place, "drift").code == 0
    assert not (place.folder / "report/agents.yaml").exists()
    shutil.rmtree(place.folder / "report")
    box.store.put("8001", name="changed by hand")
    assert run(place, "drift").code == 2
    theirs = {"iid": 3, "author": {"username": "li"}}
    ours = {"iid": 4, "author": {"username": "project_7_bot_a1"}}
    for rows, sent in (([theirs], ["repository/commits", "merge_requests"]), ([theirs, ours], ["repository/commits"])):
        api.answers["merge_requests"], before = rows, len(api.written)
        ran = run(place, "drift-adopt", api)
        assert ran.code == 0, ran.err
        assert [path for _, path, _ in api.written[before:]] == sent
    commit, request = api.written[0][2], api.written[1][2]
    assert (commit["branch"], commit["start_sha"], commit["force"]) == ("adopt-drift", "c" * 40, True)
    assert (request["source_branch"], request["target_branch"]) == ("adopt-drift", "main")
    (action,) = commit["actions"]
    assert action["file_path"] == "agents.yaml"
    place.write(action["content"])
    assert place.run("plan", "--detailed-exitcode").code == 0
    (place.folder / "report/agents.yaml").unlink()
    assert run(place, "drift-adopt", api).code == 0
    assert api.written[-1] == ("PUT", "merge_requests/4", {"state_event": "close"})
    asked = len(api.tokens)
    assert run(place, "drift-adopt", GITLAB_API_TOKEN="").code == 0
    assert len(api.tokens) == asked


@pytest.mark.exhaustive(0)
@needs_apprise
def test_chats_are_told(place: Workplace, commits: Merge, box: Box) -> None:
    """After an apply, also one that was refused, and in a night with drift: counts and the pipeline, and no name."""
    assert run(place, "plan").code == 0
    shutil.copy(place.folder / "report/digest", place.folder)
    with stub() as hook:
        hook.script(reply(200))
        env: dict[str, Any] = {"RECONCILER_NOTIFY": hook.url.replace("http://", "json://")}
        assert run(place, "apply", **env).code == 0
        assert run(place, "apply", part="after_script", **env).code == 0
        (place.folder / "delivered").rename(place.folder / "before")
        assert run(place, "apply", **env).code == 3
        assert run(place, "apply", part="after_script", **env).code == 0
        box.store.put("8001", name="changed by hand")
        shutil.rmtree(place.folder / "report")
        assert run(place, "drift").code == 2
        assert run(place, "drift-notice", **env).code == 0
        assert run(place, "drift-notice").code == 0
    titles = [seen.body["title"] for seen in hook.requests]
    assert titles[0] == "reconciler apply, acme: done"
    assert len(titles) == 3
    assert titles[2].startswith("reconciler plan, acme: ")
    for seen in hook.requests:
        assert "pipelines/70" in seen.body["message"]
        assert not [name for name in (*AFTER, *AFTER.values()) if name in seen.body["message"]]


# The note


def written(place: Workplace, api: gitlab.Api, rows: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    """What the job `note` writes when these notes are there."""
    (place.folder / "report").mkdir(exist_ok=True)
    (place.folder / "report/plan.md").write_text(f"{MARKER}\n### 计划\n", encoding="utf-8")
    api.answers[NOTES] = rows
    assert run(place, "note", api).code == 0
    return api.written


def noted(id_: int, author: str, body: str) -> dict[str, Any]:
    """A note as GitLab lists it."""
    return {"id": id_, "author": {"username": author}, "body": body}


def test_the_first_plan_is_a_new_note(place: Workplace, api: gitlab.Api) -> None:
    """Where no note of ours is, one is written."""
    rows = [
        noted(1, "li", f"{MARKER}\nforged"),
        noted(2, "project_7_bot_a1", "another"),
        noted(3, "project_70_bot", MARKER),
    ]
    assert written(place, api, rows) == [("POST", NOTES, {"body": f"{MARKER}\n### 计划\n"})]


def test_the_next_plan_goes_over_the_note(place: Workplace, api: gitlab.Api) -> None:
    """Our note is found on any page, and written anew."""
    rows = [noted(number, "li", "talk") for number in range(5)] + [noted(9, "project_7_bot_a1", f"{MARKER}\nold")]
    assert written(place, api, rows) == [("PUT", f"{NOTES}/9", {"body": f"{MARKER}\n### 计划\n"})]


def test_without_a_plan_there_is_no_note(place: Workplace, api: gitlab.Api) -> None:
    """A plan that could not be made leaves the note as it is."""
    assert run(place, "note", api).code == 0
    assert api.tokens == []


# Which plan was reviewed


def reviewed(api: gitlab.Api) -> dict[str, Any]:
    """A GitLab on which the commit is the merge of a merge request that was planned; its objects, to be spoilt."""
    request = {
        "iid": 5,
        "state": "merged",
        "target_branch": "main",
        "source_project_id": 7,
        "target_project_id": 7,
        "merge_commit_sha": "c" * 40,
        "squash_commit_sha": None,
        "sha": "a" * 40,
    }
    pipeline = {"id": 70, "ref": "refs/merge-requests/5/head", "sha": "a" * 40, "source": "merge_request_event"}
    jobs = [{"id": 700, "name": "validate"}, {"id": 701, "name": "plan"}, {"id": 702, "name": "note"}]
    api.answers = {
        f"repository/commits/{'c' * 40}/merge_requests": [request],
        "merge_requests/5": {**request, "head_pipeline": pipeline},
        "pipelines/70/jobs": jobs,
        "jobs/701/artifacts/report/digest": f"{DIGEST}\n".encode(),
    }
    return {"request": request, "pipeline": pipeline, "plan": jobs[1]}


def test_the_reviewed_plan_is_found(place: Workplace, api: gitlab.Api) -> None:
    """From the merged commit to the digest that its plan left."""
    reviewed(api)
    ran = run(place, "reviewed", api)
    assert ran.code == 0, ran.err
    assert (place.folder / "digest").read_text() == f"{DIGEST}\n"


@pytest.mark.exhaustive(0)
def test_the_merged_merge_request_is_told(place: Workplace, commits: Merge, api: gitlab.Api, box: Box) -> None:
    """A note says what became of it, in counts; so it does of an apply that was refused or never began."""
    reviewed(api)
    assert run(place, "result", api).code == 0
    assert api.written[-1][:2] == ("POST", NOTES)
    assert api.written[-1][2]["body"].startswith("**Nothing was applied.**")
    assert run(place, "plan").code == 0
    shutil.copy(place.folder / "report/digest", place.folder)
    for code, words in ((0, "**Applied.**"), (3, "**Nothing was applied.**")):
        shutil.rmtree(place.folder / "delivered", ignore_errors=True)
        assert run(place, "apply").code == code
        assert run(place, "result", api).code == 0
        body = api.written[-1][2]["body"]
        assert body.startswith(words)
        assert ("| done | 3 |" in body) == (code == 0)
        assert "(https://git.example/acme/-/pipelines/70)" in body
        assert not [name for name in (*AFTER, *AFTER.values()) if name in body]


@pytest.mark.parametrize(("report", "verdict", "counts"), REPORTS, ids=REPORT_IDS)
def test_agents_in_doubt_are_told_apart(
    place: Workplace, api: gitlab.Api, report: dict[str, Any], verdict: str, counts: tuple[int, int]
) -> None:
    """Each agent that may be somebody else's counts once, and not as one that is not as was asked for."""
    reviewed(api)
    (place.folder / "delivered").mkdir()
    (place.folder / "delivered/report.json").write_text(json.dumps(report))
    assert run(place, "result", api).code == 0
    body = api.written[-1][2]["body"]
    assert body.startswith(verdict)
    assert f"{counts[1]} agents are in doubt" in body
    assert "error" in report or f"{counts[0]} agents are not as was asked for" in body
    assert "8001" not in body


def test_a_push_that_is_no_merge_is_told_nobody(place: Workplace, api: gitlab.Api) -> None:
    """Where the commit is the merge of no merge request, no note is written, and the job is fine."""
    reviewed(api)["request"]["state"] = "opened"
    assert run(place, "result", api).code == 0
    assert api.written == []


@pytest.mark.parametrize("key", ["merge_commit_sha", "squash_commit_sha", "sha"])
def test_any_way_of_merging_is_known(place: Workplace, api: gitlab.Api, key: str) -> None:
    """A merge commit, a squash and a fast-forward each bring a commit that belongs to its merge request."""
    spoilt = reviewed(api)
    spoilt["request"]["merge_commit_sha"] = None
    spoilt["request"][key] = "c" * 40
    assert run(place, "reviewed", api).code == 0


@pytest.mark.parametrize(
    ("what", "key", "value"),
    [
        ("request", "state", "opened"),
        ("request", "target_branch", "evil"),
        ("request", "source_project_id", 8),
        ("request", "merge_commit_sha", "b" * 40),
        ("pipeline", "sha", "b" * 40),
        ("pipeline", "source", "push"),
        ("plan", "name", "plan2"),
    ],
)
def test_anything_else_is_refused(place: Workplace, api: gitlab.Api, what: str, key: str, value: object) -> None:
    """A plan that is not that of exactly this merge is none: 3, and no digest."""
    reviewed(api)[what][key] = value
    ran = run(place, "reviewed", api)
    assert ran.code == 3
    assert "Nothing was done" in ran.err
    assert (place.folder / "digest").read_text() == ""


@pytest.mark.parametrize("found", [b"", b"$(touch x)\n", DIGEST.encode() * 3])
def test_what_is_no_digest_is_refused(place: Workplace, api: gitlab.Api, found: bytes) -> None:
    """An artifact that holds something else is not passed on."""
    reviewed(api)
    api.answers["jobs/701/artifacts/report/digest"] = found
    assert run(place, "reviewed", api).code == 3


def test_an_expired_artifact_fails(place: Workplace, api: gitlab.Api) -> None:
    """What is no longer there is an error that names what was asked for, not a traceback."""
    reviewed(api)
    del api.answers["jobs/701/artifacts/report/digest"]
    ran = run(place, "reviewed", api)
    assert ran.code == 1
    assert ran.err.strip() == "GitLab answers 404 to GET jobs/701/artifacts/report/digest"


def test_a_redirect_does_not_get_the_token(place: Workplace, api: gitlab.Api) -> None:
    """An answer that points elsewhere is not followed."""
    with gitlab.api() as elsewhere:
        api.redirects["merge_requests/5/notes"] = f"{elsewhere.url}/projects/7/merge_requests/5/notes"
        (place.folder / "report").mkdir()
        (place.folder / "report/plan.md").write_text(MARKER)
        assert run(place, "note", api).code == 1
        assert api.tokens == ["fake-token"]
        assert elsewhere.tokens == []
