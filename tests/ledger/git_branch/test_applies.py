"""Applies with their ledger on a branch: real processes, in clones as pipelines and people have them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box
from tests.ledger.git_branch.host import ALONE, BRANCH, Host, git, serving
from tests.ledger.object_store.test_contention import Contender
from tests.process import TOKEN, Ran, Workplace
from tests.sandbox.wire import until

FILE = """version: 1
company: {abbreviate: acme, companyId: 4242}
agents:
  - {operatorId: "8001", name: 张三, roleName: 客服}
"""
CANARY = "canary-header-Kd3"


def clone(host: Host, place: Workplace, *how: str) -> Workplace:
    """A clone of a repository whose main branch has the file, as a place to work in."""
    if not host.git("branch", "--list", "main"):
        blob = host.git("hash-object", "-w", "--stdin", data=FILE.encode())
        tree = host.git("mktree", data=f"100644 blob {blob}\tagents.yaml\n".encode())
        for _ in range(2):
            host.git("update-ref", "refs/heads/main", host.git("commit-tree", "-m", "files", tree))
    folder = place.folder / f"clone-{len(list(place.folder.iterdir()))}"
    git(place.folder, "clone", "--quiet", "--branch=main", *how, f"file://{host.folder}", str(folder))
    env = {**place.env, **ALONE, "RECONCILER_LEDGER": f"git+origin#{BRANCH}"}
    return Workplace(folder, place.endpoint, env)


def everything(folder: Path) -> dict[str, str]:
    """Every file below a folder, by a digest of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".reconciler" not in path.parts
    }


def applied(place: Workplace, box: Box, **env: str) -> Ran:
    """An apply that gives 8001 its name, and must succeed."""
    box.store.reset([{"operatorId": "8001"}])
    ran = place.run("apply", "-y", env=env)
    assert ran.code == 0, ran.err
    return ran


def _detached(folder: Path) -> None:
    git(folder, "checkout", "--quiet", "--detach")


def _at_work(folder: Path) -> None:
    (folder / "new").write_text("not added")
    (folder / "agents.yaml").write_text(FILE + "# not committed\n")
    (folder / "staged").write_text("staged")
    git(folder, "add", "staged")


def _with_hooks(folder: Path) -> None:
    for name in ("pre-push", "post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        hook = folder / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\ntouch ../ran-a-hook ran-a-hook\nexit 1\n")
        hook.chmod(0o755)


def _with_the_branch(folder: Path) -> None:
    git(folder, "config", "--add", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize(
    "state", [_detached, _at_work, _with_hooks, _with_the_branch], ids=lambda state: state.__name__
)
@pytest.mark.parametrize("how", [(), ("--depth=1",)], ids=["whole", "shallow"])
def test_the_users_repository_is_never_touched(
    place: Workplace, box: Box, bare: Host, how: tuple[str, ...], state: Callable[[Path], None]
) -> None:
    """Work tree, index, branches, reflogs: every file of the clone is as it was, and no hook has run."""
    here = clone(bare, place, *how)
    state(here.folder)
    before = everything(here.folder)
    applied(here, box)
    assert everything(here.folder) == before
    assert '"8001"' in bare.read("ledger.json")
    assert bare.free


def test_another_clone_knows_what_was_applied(place: Workplace, box: Box, bare: Host) -> None:
    """What was applied from one clone is not planned from another, fresh one; `ledger show` reads it there."""
    applied(clone(bare, place), box)
    other = clone(bare, place)
    assert other.run("plan", "--detailed-exitcode").code == 0
    assert "roleName 客服" in other.run("ledger", "show").out
    assert not (other.folder / ".reconciler").exists()


def test_a_plan_says_that_nothing_is_recorded_yet(place: Workplace, box: Box, bare: Host) -> None:
    """A remote ledger that is not there, as a slip in its name makes one, is noted where there is something to do."""
    here = clone(bare, place)
    box.store.reset([{"operatorId": "8001"}])

    def codes(**env: str) -> list[str]:
        return [note["code"] for note in here.run("plan", "--format", "json", env=env).json["notes"]]

    assert "first-use" in codes()
    assert "first-use" not in codes(RECONCILER_LEDGER="")
    applied(here, box)
    box.store.put("8001", name="by hand")
    assert "first-use" not in codes()
    assert "first-use" in codes(RECONCILER_LEDGER="git+origin#reconciler/acne")
    here.write("version: 1\ncompany: {abbreviate: acme}\nprune: false\nagents: []\n")
    assert "first-use" not in codes(RECONCILER_LEDGER="git+origin#reconciler/acne")


def _gone(host: Host) -> None:
    host.git("update-ref", "-d", f"refs/heads/{BRANCH}")


def _put_back(host: Host) -> None:
    host.git("update-ref", f"refs/heads/{BRANCH}", host.git("rev-list", "--max-parents=0", BRANCH))


def _unlocked_and_written(host: Host) -> None:
    host.put({"ledger.json": host.read("ledger.json"), "lock": '{"released": "x", "by": "y"}'})


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("done", [_gone, _put_back, _unlocked_and_written], ids=lambda done: done.__name__)
def test_a_branch_that_is_rewritten_in_mid_run(
    place: Workplace, box: Box, bare: Host, done: Callable[[Host], None]
) -> None:
    """The run goes on to its end and says so (4); what somebody wrote stays; another clone then needs one run more."""
    here = clone(bare, place)
    box.store.reset([{"operatorId": "8001"}])
    box.faults([{"endpoint": "writes", "fault": "slow", "seconds": 1, "calls": "all"}])
    command = [sys.executable, "-m", "reconciler", "apply", "-y"]
    with subprocess.Popen(
        command, cwd=here.folder, env=here.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        until(lambda: any(attempt.fault for attempt in box.store.attempts()))
        done(bare)
        tip = bare.tip
        said = process.communicate(timeout=120)[0]
    box.faults([])
    assert process.returncode == 4, said
    assert "somebody else wrote the ledger" in said
    assert "Applied 1 of 1 action" in said
    assert bare.tip == tip or (done is _put_back and bare.free)  # its own lock it takes away
    other = clone(bare, place)
    assert other.run("apply", "-y").code == 0
    assert other.run("plan", "--detailed-exitcode").code == 0
    assert box.store.agents()["8001"]["name"] == "张三"


def test_variables_lead_git_nowhere_else(place: Workplace, box: Box, bare: Host, tmp_path: Path) -> None:
    """Variables that name another repository, index or trace file count for nothing, as when a hook calls us."""
    here, other = clone(bare, place), clone(bare, place)
    before, trace = everything(other.folder), tmp_path / "trace"
    git_folder = str(other.folder / ".git")
    elsewhere = {
        "GIT_DIR": git_folder, "GIT_WORK_TREE": str(other.folder), "GIT_INDEX_FILE": f"{git_folder}/index",
        "GIT_OBJECT_DIRECTORY": f"{git_folder}/objects", "GIT_NAMESPACE": "x", "GIT_TRACE": str(trace),
        "GIT_SHALLOW_FILE": f"{git_folder}/shallow", "GIT_COMMON_DIR": git_folder, "GIT_PREFIX": "x/",
    }  # fmt: skip
    applied(here, box, **elsewhere)
    assert everything(other.folder) == before
    assert not trace.exists()
    assert '"8001"' in bare.read("ledger.json")


def test_git_learns_nothing_of_ours(place: Workplace, box: Box, bare: Host, tmp_path: Path) -> None:
    """The environment of git and its helpers has neither the token nor a password; their own variables it has."""
    here, seen, ssh = clone(bare, place), tmp_path / "seen", tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nenv > {seen}\nexit 1\n")
    ssh.chmod(0o755)
    git(here.folder, "remote", "set-url", "origin", "git@host.example:books.git")
    git(here.folder, "config", "core.sshCommand", str(ssh))
    theirs = {"GITHUB_TOKEN": "theirs", "GIT_USERNAME": "pipeline", "GIT_PASSWORD": "theirs-2"}
    given = {"AGENT_8001": "canary-password", "OTHER_1": "canary-other", **theirs}
    ran = here.run("apply", "-y", env={**given, "RECONCILER_PASSWORD_ENV": "AGENT_*,OTHER_?"})
    assert ran.code == 1
    environment = seen.read_text()
    for name, value in theirs.items():
        assert f"{name}={value}\n" in environment
    assert "GIT_TERMINAL_PROMPT=0" in environment
    for secret in (TOKEN, "canary"):
        assert secret not in environment


def test_the_settings_of_the_clone_hold(place: Workplace, box: Box, bare: Host) -> None:
    """A header that a pipeline put into the clone's settings is sent, once, and no error repeats it."""
    here = clone(bare, place)
    with serving(bare.folder.parent) as (url, seen):
        git(here.folder, "remote", "set-url", "origin", f"{url}/books.git")
        git(here.folder, "config", f"http.{url}/.extraheader", f"AUTHORIZATION: basic {CANARY}")
        applied(here, box)
        headers = [value for each in seen for name, value in each.items() if name.lower() == "authorization"]
        assert headers == [f"basic {CANARY}"] * len(seen)
        bare.hook("pre-receive", f"echo 'you said AUTHORIZATION: basic {CANARY}' >&2; exit 1")
        ran = here.run("apply", "-y")
    assert ran.code == 1
    assert CANARY not in ran.out + ran.err


def test_a_rejected_push_sends_nothing(place: Workplace, box: Box, bare: Host) -> None:
    """Where the server does not take the books, the vendor hears nothing at all."""
    here = clone(bare, place)
    bare.hook("pre-receive", "echo 'protected branch' >&2; exit 1")
    box.store.reset([{"operatorId": "8001"}])
    ran = here.run("apply", "-y")
    assert (ran.code, "protected branch" in ran.err, "no permission" in ran.err) == (1, True, True)
    assert box.store.attempts() == []


def test_who_is_at_work_is_told(place: Workplace, box: Box, bare: Host) -> None:
    """A second clone is refused (3) with the holder's name and id; `ledger unlock --id` frees a lock that stayed."""
    here, other = clone(bare, place), clone(bare, place)
    bare.put({"lock": '{"id": "0123456789abcdef", "who": "ci@runner-7:42", "since": "2026-11-22T10:00:00Z"}'})
    box.store.reset([{"operatorId": "8001"}])
    ran = here.run("apply", "-y")
    assert ran.code == 3
    assert "ci@runner-7:42 since 2026-11-22T10:00:00Z (id 0123456789abcdef)" in ran.err
    assert "ci@runner-7:42" in other.run("ledger", "show").out
    assert other.run("ledger", "unlock", "--id", "fedcba9876543210").code == 1
    assert other.run("ledger", "unlock", "--id", "0123456789abcdef").code == 0
    assert box.store.attempts() == []
    applied(here, box)


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("over", ["folder", "http"])
def test_one_of_several_processes_gets_the_lock(bare: Host, over: str) -> None:
    """Round after round exactly one process holds the lock, it knows so, and the others know who it is."""
    with serving(bare.folder.parent) as (url, _):
        host = bare if over == "folder" else replace(bare, url=f"{url}/books.git")
        crowd = [Contender(host.named) for _ in range(3)]
        try:
            assert [contender.hear() for contender in crowd] == ["ready"] * 3
            for _ in range(3):
                for contender in crowd:
                    contender.go()
                heard = {contender: contender.hear() for contender in crowd}
                (winner,) = (contender for contender in crowd if heard[contender].startswith("held"))
                holder = heard[winner].removeprefix("held ")
                assert sorted(heard.values()) == [f"held {holder}", *[f"refused {holder}"] * 2]
                winner.go()
                assert winner.hear() == "free"
        finally:
            for contender in crowd:
                contender.process.kill()
                contender.process.communicate()


@pytest.mark.parametrize("url", [f"https://u:{CANARY}@host.example/x", f"https://{CANARY}@host.example/x"])
def test_a_password_in_the_url_is_refused(place: Workplace, url: str) -> None:
    """Wrong usage (64), and the URL is not repeated."""
    place.write(FILE)
    ran = place.run("plan", "--ledger", f"git+{url}#acme")
    assert ran.code == 64
    assert CANARY not in ran.out + ran.err


@pytest.mark.parametrize(("name", "author"), [("流水线", "流水线"), ("", "reconciler"), ("<>", "reconciler")])
def test_the_author_of_a_write(place: Workplace, box: Box, bare: Host, name: str, author: str) -> None:
    """It is whoever the clone's settings name, or we where that is nobody."""
    here = clone(bare, place)
    git(here.folder, "config", "user.name", name)
    git(here.folder, "config", "user.email", "pipeline@example.invalid")
    applied(here, box)
    assert bare.git("log", "-1", "--format=%an <%ae>", BRANCH) == f"{author} <pipeline@example.invalid>"


def test_git_is_asked_for_nothing_without_such_a_ledger(place: Workplace, box: Box) -> None:
    """A ledger on disk needs no git."""
    place.write(FILE)
    assert "Read back" in applied(place, box, PATH=os.devnull).out
