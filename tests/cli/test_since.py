"""`plan --since`: whose doing each action is, from a real repository, in which nothing is touched and nothing runs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.server import Box
from tests.process import Ran, Workplace
from tests.reliability.killer import Killer

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents:\n"
BEFORE = (
    HEAD
    + """\
- {operatorId: "8001", name: a, bindcode: "1"}
- {operatorId: "8002", name: b}
- {operatorId: "8003", name: c}
- {operatorId: "8004", name: d}
"""
)
NOW = BEFORE.replace("name: a", "name: A").replace('- {operatorId: "8003", name: c}\n', "") + '- {operatorId: "8005"}\n'
ROWS: list[dict[str, Any]] = [
    {"operatorId": "8001", "name": "a", "bindcode": "9"},
    {"operatorId": "8002", "name": "x"},
    {"operatorId": "8003", "name": "c"},
    {"operatorId": "8009"},
]
"""Meanwhile in the console: 8001 and 8002 were edited, 8004 was deleted, and 8009 was made."""
ORIGINS = {
    "8001": ("edit", "change", {"name": "change", "bindcode": "drift"}),
    "8002": ("edit", "drift", {"name": "drift"}),
    "8003": ("delete", "change", {}),
    "8004": ("create", "drift", {"name": "drift"}),
    "8005": ("create", "change", {}),
    "8009": ("delete", "drift", {}),
}
ALONE = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    **{f"GIT_{role}_{part}": "x" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")},
}
"""A git that knows nothing of whoever runs the tests."""


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    """What starts processes without paying for the imports each time."""
    with Killer(tmp_path_factory.mktemp("logs")) as made:
        yield made


@dataclass(slots=True)
class Repository:
    """A repository, and `reconciler` as a process in it."""

    place: Workplace
    killer: Killer

    @property
    def folder(self) -> Path:
        """Its working tree."""
        return self.place.folder

    def git(self, *arguments: str, check: bool = True, **env: str) -> str:
        """Run git there."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        command = ["git", "-C", str(self.folder), *arguments]
        done = subprocess.run(command, env={**inherited, **ALONE, **env}, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, text: str | None = None, name: str = "agents.yaml") -> str:
        """Commit everything, after a file was written; the commit."""
        if text is not None:
            (self.folder / name).parent.mkdir(exist_ok=True)
            self.place.write(text, name)
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", "a commit")
        return self.git("rev-parse", "HEAD")

    def plan(self, since: str, *arguments: str, within: str = ".", **env: str) -> Ran:
        """`plan --since`, run in a folder of it."""
        given = {**self.place.environment(), **ALONE, **env}
        whole = ("plan", "--max-deletes", "100%", "--since", since, *arguments)
        return self.killer.run(self.folder / within, given, *whole)

    def origins(self, since: str, *arguments: str, within: str = ".") -> dict[str, tuple[str, str, dict[str, str]]]:
        """What the JSON says: of each agent the action, its origin, and the origin of each field."""
        ran = self.plan(since, "--format", "json", *arguments, within=within)
        assert ran.code == 0, ran.err
        return {
            a["operatorId"]: (a["action"], a["origin"], {c["field"]: c["origin"] for c in a["changes"]})
            for a in ran.json["actions"]
        }


@pytest.fixture
def repository(place: Workplace, box: Box, killer: Killer) -> Repository:
    """The file of before is committed, that of now is in the working tree, and the console was not idle."""
    box.store.reset(ROWS)
    made = Repository(place, killer)
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit(BEFORE)
    place.write(NOW)
    return made


# What it says


def test_every_action_has_its_origin(repository: Repository) -> None:
    """Three-way: the colleague's edits, creates and deletes are the change, the console's are drift."""
    assert repository.origins("HEAD") == ORIGINS


def test_the_two_are_told_apart_in_words(repository: Repository) -> None:
    """The text has two parts under titles of their own, and marks drift within a changed agent."""
    ran = repository.plan("HEAD")
    assert ran.code == 0
    changed, _, drift = ran.out.partition("Drift, not from this change")
    assert changed.index("Changed in the file:") < changed.index("8001")
    assert [id_ for id_ in ORIGINS if f"  {id_}  " in changed] == ["8001", "8003", "8005"]
    assert [id_ for id_ in ORIGINS if f"  {id_}  " in drift] == ["8002", "8004", "8009"]
    assert [line.split()[0] for line in changed.splitlines() if line.endswith("(drift)")] == ["bindcode"]


def test_without_since_nothing_is_said_of_origins(repository: Repository) -> None:
    """Nobody asked: no action says whose doing it is, and the digest is the same."""
    asked = repository.plan("HEAD", "--format", "json").json
    ran = repository.killer.run(
        repository.folder, repository.place.environment(), "plan", "--max-deletes", "100%", "--format", "json"
    )
    assert "origin" not in ran.out
    assert ran.json["digest"] == asked["digest"]


def test_a_saved_plan_keeps_the_origins(repository: Repository) -> None:
    """Reviewed with origins, shown with them later, when the repository is gone."""
    assert repository.plan("HEAD", "--out", "plan.json").code == 0
    (repository.folder / ".git").rename(repository.folder / "gone")
    shown = repository.killer.run(
        repository.folder, repository.place.environment(), "show-plan", "plan.json", "--format", "json"
    )
    assert {a["operatorId"]: a["origin"] for a in shown.json["actions"]} == {id_: o[1] for id_, o in ORIGINS.items()}


REFS: dict[str, Callable[[Repository], str]] = {
    "a branch": lambda r: r.git("branch", "base", "HEAD~1") or "base",
    "a tag": lambda r: r.git("tag", "-a", "-m", "x", "v1", "HEAD~1") or "v1",
    "a remote's branch": lambda r: r.git("update-ref", "refs/remotes/origin/main", "HEAD~1") or "origin/main",
    "a commit": lambda r: r.git("rev-parse", "HEAD~1"),
    "an ancestor": lambda _: "HEAD~1",
    "found by its message": lambda _: "HEAD^{/a commit}~1",
}


@pytest.mark.parametrize("ref", REFS.values(), ids=REFS)
def test_a_revision_by_any_name(repository: Repository, ref: Callable[[Repository], str]) -> None:
    """Whatever git takes for a commit can be named."""
    repository.commit(NOW)
    assert repository.origins(ref(repository)) == ORIGINS


@pytest.mark.parametrize(
    ("within", "file"), [(".", "teams/a/agents.yaml"), ("teams", "a/agents.yaml"), ("docs", "../teams/a/agents.yaml")]
)
def test_from_any_folder(repository: Repository, within: str, file: str) -> None:
    """A file below is found at the revision from wherever the command runs."""
    for folder in ("docs", "teams/a"):
        (repository.folder / folder).mkdir(parents=True)
    repository.git("mv", "agents.yaml", "teams/a/agents.yaml")
    repository.commit(BEFORE, "teams/a/agents.yaml")
    repository.place.write(NOW, "teams/a/agents.yaml")
    assert repository.origins("HEAD", "-f", file, within=within) == ORIGINS


def test_from_outside(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The file's own repository is asked, not that of the working directory."""
    outside = tmp_path_factory.mktemp("outside")
    assert repository.origins("HEAD", "-f", str(repository.folder / "agents.yaml"), within=str(outside)) == ORIGINS


@pytest.mark.parametrize(
    "name", ["坐席 名单.yaml", "-x.yaml", 'a"b.yaml', "*.yaml", ":(top)agents.yaml", "\x1b[31m\n.yaml"]
)
def test_a_file_of_any_name(repository: Repository, name: str) -> None:
    """A name that git would quote, take for an option or for a pattern is the name of that one file."""
    repository.commit(HEAD.replace("agents:\n", "agents: []\n"))
    repository.commit(BEFORE, name)
    repository.place.write(NOW, name)
    assert repository.origins("HEAD", "-f", name) == ORIGINS


def test_a_folder_of_files(repository: Repository) -> None:
    """A folder's files are read as they were: one that is gone counts, and so does one that is new."""
    first, second = BEFORE.split('- {operatorId: "8003"')
    repository.git("rm", "--quiet", "--cached", "agents.yaml")
    repository.place.write(first.replace("agents.yaml", ""), "agents.yaml")
    (repository.folder / "teams").mkdir()
    (repository.folder / "agents.yaml").rename(repository.folder / "teams/first.yaml")
    repository.commit('version: 1\nagents:\n- {operatorId: "8003"' + second, "teams/second.yaml")
    (repository.folder / "teams/second.yaml").unlink()
    repository.place.write(NOW, "teams/first.yaml")
    assert repository.origins("HEAD", "-f", "teams") == ORIGINS


def _linked(repository: Repository) -> None:
    """A folder with a file, links to it and to its folder, a file with a capital ending, and a file that hides."""
    teams = repository.folder / "teams"
    (teams / "below").mkdir(parents=True)
    first, second = BEFORE.split('- {operatorId: "8003"')
    repository.place.write(first, "teams/below/first.yaml")
    repository.place.write('version: 1\nagents:\n- {operatorId: "8003"' + second, "teams/.second.txt")
    (teams / "again.yaml").symlink_to("below/first.yaml")
    (teams / "absolute.yaml").symlink_to(teams / "again.yaml")
    (teams / "around").symlink_to("below")
    (teams / "through.yaml").symlink_to("around/first.yaml")
    (teams / "folder.yaml").symlink_to("below")
    (teams / "all.yaml").symlink_to(".")
    (teams / "other.YAML").symlink_to(".second.txt")
    repository.git("rm", "--quiet", "--cached", "agents.yaml")
    (repository.folder / "agents.yaml").unlink()
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "-m", "links")


@pytest.mark.parametrize(
    "files", [["teams"], ["teams", "teams/through.yaml"], ["teams/again.yaml", "teams/other.YAML", "teams/below"]]
)
def test_links_are_read_as_they_are_on_disk(repository: Repository, files: list[str]) -> None:
    """Those inside the folder, each file once, in whichever way it is named; so too a file with a capital ending."""
    _linked(repository)
    options = [part for file in files for part in ("-f", file)]
    assert repository.place.run("validate", *options).code == 0
    found = repository.origins("HEAD", *options)
    assert {id_: origin for id_, (_, origin, _) in found.items()} == dict.fromkeys(found, "drift")
    assert sorted(found) == ["8001", "8002", "8004", "8009"]


@pytest.mark.parametrize(
    ("target", "then", "now"),
    [
        ("../outside.yaml", "is a link that leads out of the folder", "is a link that leads out of the folder"),
        ("/etc/passwd", "is a link that leads out of the folder", "is a link that leads out of the folder"),
        ("link.yaml", "is a link that leads out of the folder", "cannot be read: Too many levels of symbolic links"),
        ("nothing.yaml", "is no regular file", "cannot be read: No such file or directory"),
    ],
)
def test_a_link_that_is_refused_on_disk_is_refused_at_the_revision(
    repository: Repository, target: str, then: str, now: str
) -> None:
    """A link out of the folder, in a circle, or to nothing; the plan of now goes on, and says what was wrong then."""
    (repository.folder / "teams").mkdir()
    repository.place.write(BEFORE, "teams/agents.yaml")
    repository.place.write("x", "outside.yaml")
    (repository.folder / "teams/link.yaml").symlink_to(target)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "-m", "link")
    assert now in repository.place.run("validate", "-f", "teams").err
    (repository.folder / "teams/link.yaml").unlink()
    ran = repository.plan("HEAD", "-f", "teams")
    assert ran.code == 0
    assert f"HEAD:teams/link.yaml:1:1: {then}" in ran.err


def test_a_file_that_was_not_there(repository: Repository) -> None:
    """A file that is new is all this change, deletes included."""
    repository.git("rm", "--quiet", "--cached", "agents.yaml")
    repository.commit("x", "other")
    repository.git("rm", "--quiet", "--cached", "agents.yaml")
    repository.git("commit", "--quiet", "--amend", "-m", "without")
    assert repository.git("ls-tree", "--name-only", "HEAD") == "other"
    assert {origin for _, origin, _ in repository.origins("HEAD").values()} == {"change"}


def test_the_working_tree_counts(repository: Repository) -> None:
    """The files of now are those on disk, staged or not, and not those of a commit."""
    repository.commit(NOW)
    repository.git("add", "-A")
    repository.place.write(NOW.replace("name: A", "name: B"))
    ran = repository.plan("HEAD~1", "--format", "json")
    (named,) = [c for c in ran.json["actions"][0]["changes"] if c["field"] == "name"]
    assert (named["after"], named["origin"]) == ("B", "change")
    assert repository.origins("HEAD")["8003"] == ("delete", "drift", {})


# What it refuses


def test_a_file_that_was_broken(repository: Repository) -> None:
    """A change that mends it is planned, without origins; what was wrong names revision, file and line."""
    repository.commit("version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: 8001}]\n")
    repository.place.write(NOW)
    ran = repository.plan("HEAD", "--format", "json")
    assert ran.code == 0
    assert ran.json["actions"]
    assert not any("origin" in action for action in ran.json["actions"])
    assert "HEAD:agents.yaml:3:23: agents[0].operatorId: " in ran.err
    assert "the files at HEAD have problems: whose doing each action is cannot be told" in ran.err


NO_REF = (
    *("nosuch", "-x", "--all", "--since=2020-01-01", "HEAD..HEAD~1", "..", "HEAD\nHEAD", "HEAD ", "HEAD:agents.yaml"),
    *("HEAD^{tree}", "$(touch ran)", "`touch ran`", "::error::x", "\x1b[31m", "0" * 40, "@{upstream}", "x" * 5000),
)


@pytest.mark.parametrize("ref", NO_REF, ids=range(len(NO_REF)))
def test_what_is_no_commit(repository: Repository, ref: str) -> None:
    """What names no commit is an error that says so, whatever it looks like; git takes it for nothing else."""
    ran = repository.plan(ref, "--format", "json")
    assert ran.code == 1
    assert ran.json["error"]["message"] == f"git knows no commit {ref}"
    assert ran.json["error"]["code"] == "unknown-revision"
    assert "\x1b" not in ran.out + ran.err
    assert not [line for line in ran.err.splitlines() if line.lstrip().startswith("::")]
    assert sorted(path.name for path in repository.folder.iterdir()) == [".git", "agents.yaml"]


def test_an_empty_revision_is_not_passed_over(repository: Repository) -> None:
    """An unset variable of a pipeline is no answer to what the plan is to be compared with."""
    assert repository.plan("").code in (1, 64)


def test_no_repository(place: Workplace, box: Box, killer: Killer) -> None:
    """Where there is none, git's own words say so."""
    box.store.reset(ROWS)
    place.write(NOW)
    ran = Repository(place, killer).plan("HEAD", GIT_CEILING_DIRECTORIES=str(place.folder.parent))
    assert (ran.code, ran.out) == (1, "")
    assert "not a git repository" in ran.err


def test_without_git(repository: Repository) -> None:
    """Where git is not installed that is said."""
    ran = repository.plan("HEAD", PATH="/nowhere")
    assert ran.code == 1
    assert "git is not installed" in ran.err


def test_a_link_at_the_revision(repository: Repository) -> None:
    """A link in a commit may lead anywhere: it is not followed."""
    (repository.folder / "agents.yaml").unlink()
    (repository.folder / "agents.yaml").symlink_to("/etc/passwd")
    repository.commit()
    (repository.folder / "agents.yaml").unlink()
    repository.place.write(NOW)
    ran = repository.plan("HEAD")
    assert ran.code == 0
    assert "HEAD:agents.yaml" in ran.err
    assert "is no regular file" in ran.err


# What it leaves alone


def _state(repository: Repository) -> dict[str, Any]:
    files = {
        str(path.relative_to(repository.folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in repository.folder.rglob("*")
        if path.is_file()
    }
    return {"files": files, "status": repository.git("status", "--porcelain", GIT_OPTIONAL_LOCKS="0")}


def test_nothing_is_checked_out(repository: Repository) -> None:
    """Working tree, index, HEAD and objects are the same files with the same bytes and times as before."""
    repository.commit(NOW, "other.yaml")
    repository.place.write("staged", "staged")
    repository.git("add", "staged")
    repository.place.write(NOW)
    os.utime(repository.folder / "other.yaml")  # what makes a `git status` refresh the index
    before = _state(repository)
    assert repository.plan("HEAD~1").code == 0
    assert _state(repository) == before


CONFIG = """
[core]
  fsmonitor = "touch {ran}/fsmonitor; true"
  pager = "touch {ran}/pager; cat"
  hooksPath = {hooks}
  sshCommand = "touch {ran}/ssh; false"
  editor = "touch {ran}/editor"
  askPass = "touch {ran}/askpass"
  alternateRefsCommand = "touch {ran}/alternates"
[alias]
  rev-parse = "!touch {ran}/alias"
  ls-tree = "!touch {ran}/alias"
  cat-file = "!touch {ran}/alias"
[pager]
  rev-parse = "touch {ran}/pager"
  ls-tree = "touch {ran}/pager"
  cat-file = "touch {ran}/pager"
[diff "evil"]
  textconv = "touch {ran}/textconv; cat"
[filter "evil"]
  smudge = "touch {ran}/smudge; cat"
  clean = "touch {ran}/clean; cat"
  required = true
[remote "origin"]
  url = ssh://example.invalid/x
  promisor = true
  uploadpack = "touch {ran}/uploadpack"
[extensions]
  partialClone = origin
"""
HOOKS = ("post-checkout", "post-index-change", "reference-transaction", "pre-commit", "fsmonitor-watchman")


@pytest.fixture
def ran(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose configuration runs things, each of which leaves a file here."""
    ran, hooks = tmp_path_factory.mktemp("ran"), tmp_path_factory.mktemp("hooks")
    repository.commit("*.yaml filter=evil diff=evil\n", ".gitattributes")
    for name in HOOKS:
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}/{name}\n")
        (hooks / name).chmod(0o755)
    with (repository.folder / ".git/config").open("a") as config:
        config.write(CONFIG.format(ran=ran, hooks=hooks))
    repository.git("config", "core.repositoryformatversion", "1")
    return ran


def test_a_hostile_configuration_runs_nothing(repository: Repository, ran: Path) -> None:
    """Monitors, hooks, aliases, pagers, filters, text converters: none runs, though git itself would run them."""
    repository.git("status", check=False)
    repository.git("diff", "HEAD~1", check=False)
    assert {"fsmonitor", "clean", "textconv"} <= {path.name for path in ran.iterdir()}
    for path in ran.iterdir():
        path.unlink()
    assert repository.origins("HEAD~1") == ORIGINS
    assert list(ran.iterdir()) == []


def test_a_partial_clone(repository: Repository, tmp_path: Path) -> None:
    """A clone without the files of older commits says so, fetches nothing by itself, and names what does."""
    repository.commit()
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("clone", "--quiet", "--filter=blob:none", repository.folder.as_uri(), str(tmp_path / "partial"))
    place = Workplace(tmp_path / "partial", repository.place.endpoint)
    ran = place.run("plan", "--since", "HEAD~1")
    assert ran.code == 1
    assert "is a partial one" in ran.err
    (command,) = re.findall("git (fetch .*?);", ran.err)
    repository.git("-C", str(place.folder), *command.split())
    assert place.run("plan", "--since", "HEAD~1").code == 0


def test_a_missing_object_is_not_fetched(repository: Repository, ran: Path) -> None:
    """A partial clone has not every file of before: that is an error, and nobody is called up to get it."""
    blob = repository.git("rev-parse", "HEAD~1:agents.yaml")
    (repository.folder / f".git/objects/{blob[:2]}/{blob[2:]}").unlink()
    repository.git("cat-file", "-p", blob, check=False)
    assert [path.name for path in ran.iterdir()] == ["ssh"]
    (ran / "ssh").unlink()
    failed = repository.plan("HEAD~1")
    assert (failed.code, failed.out) == (1, "")
    assert "git cat-file failed" in failed.err
    assert list(ran.iterdir()) == []


# What a colleague may commit or push to be taken for the base


def assert_not_misled(repository: Repository, since: str, *arguments: str) -> None:
    """The origins are the true ones, or there is an error and no plan."""
    ran = repository.plan(since, "--format", "json", *arguments)
    if ran.code == 1:
        assert ran.json["error"]["message"]
    else:
        assert repository.origins(since, *arguments) == ORIGINS


def test_a_repository_that_was_committed_is_not_asked(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A bare repository among the files, as anybody can commit one, does not answer for the one that it lies in."""
    forged = Repository(Workplace(tmp_path_factory.mktemp("forged")), repository.killer)
    forged.git("init", "--quiet", "--initial-branch=main")
    forged.commit(NOW)
    tip = forged.commit(NOW)
    (repository.folder / "teams").mkdir()
    repository.git("mv", "agents.yaml", "teams/agents.yaml")
    repository.commit(BEFORE, "teams/agents.yaml")
    for name in ("HEAD", "config", "objects"):
        (forged.folder / ".git" / name).rename(repository.folder / "teams" / name)
    (repository.folder / "teams/refs/heads").mkdir(parents=True)
    repository.git("branch", "base")
    repository.commit(f"{tip}\n", "teams/refs/heads/base")
    repository.commit(NOW, "teams/agents.yaml")
    assert len(repository.git("ls-files", "teams/HEAD", "teams/refs", "teams/objects").splitlines()) > 5
    assert_not_misled(repository, "base", "-f", "teams/agents.yaml")


def test_a_tag_does_not_pass_for_a_remotes_branch(repository: Repository) -> None:
    """A tag `origin/main`, as anybody can push one, comes before the branch in git's order."""
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repository.commit(NOW)
    repository.git("tag", "origin/main", "HEAD")
    assert_not_misled(repository, "origin/main")


def test_a_replaced_commit_is_not_believed(repository: Repository) -> None:
    """`git replace` shows another commit in the place of the one that is named: the real one is read."""
    before = repository.git("rev-parse", "HEAD")
    repository.git("replace", before, repository.commit(NOW))
    assert_not_misled(repository, before)
