"""Books that a change of the files can bring: refused before anything is read from them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box
from tests.process import Ran, Workplace

pytestmark = pytest.mark.exhaustive(3)
"""Real processes take their time: a part of the parameter sets stands for all."""

COMMANDS = {
    "plan": ("plan",),
    "apply": ("apply", "-y"),
    "show": ("show", "8001"),
    "status": ("status",),
    "history": ("history",),
    "ledger show": ("ledger", "show"),
    "ledger adopt": ("ledger", "adopt"),
    "ledger rebind": ("ledger", "rebind"),
    "ledger unlock": ("ledger", "unlock", "--id", "0123456789abcdef"),
}
SOME = ("plan", "apply")
NO_BOOKS = "neither a ledger nor a journal: whoever reads this says so"


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    settings = ("-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "init.defaultBranch=main")
    return subprocess.run(("git", *settings, *arguments), cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(place: Workplace, box: Box) -> Workplace:
    """A work tree of git with a desired state of one agent more than there is."""
    box.store.reset([{"operatorId": "8001"}])
    place.write('version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: "8001"}, {operatorId: "8002"}]\n')
    git(place.folder, "init", "-q")
    _commit(place.folder, "agents.yaml")
    return place


def _commit(folder: Path, *names: str) -> None:
    git(folder, "add", "-f", *names)
    git(folder, "commit", "-q", "-m", "x")


def _bring(place: Workplace, name: str, text: str = NO_BOOKS) -> None:
    path = place.folder / name.format(host=place.books.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    _commit(place.folder, str(path.relative_to(place.folder)))


def _assert_refused(ran: Ran, box: Box, says: str = "git tracks") -> None:
    assert ran.code == 3, ran.err
    assert says in ran.err
    assert box.store.history() == []


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_committed_ledger(repository: Workplace, box: Box, command: tuple[str, ...]) -> None:
    """Every command that has to do with books refuses one that git tracks, and reads nothing of it."""
    _bring(repository, ".reconciler/{host}/ledger.json")
    ran = repository.run(*command)
    _assert_refused(ran, box)
    assert f"{repository.books.name}/ledger.json" in ran.err


BROUGHT = (
    *(".reconciler/{host}/journal.jsonl", ".reconciler/{host}/ledger.json.lock", ".reconciler/{host}/history/1.json"),
    *(".reconciler/{host}/credentials-20261122T100000Z.jsonl", ".reconciler/ledger.json", ".reconciler/journal.jsonl"),
    *(".reconciler/other.example/ledger.json", ".RECONCILER/{host}/ledger.json"),
)


@pytest.mark.parametrize("name", BROUGHT)
@pytest.mark.parametrize("command", SOME)
def test_any_committed_book(repository: Workplace, box: Box, name: str, command: str) -> None:
    """Whatever git tracks in `.reconciler` is refused, whatever the case of its letters; a disk may not tell them."""
    (repository.folder / ".reconciler").mkdir()
    _bring(repository, name)
    _assert_refused(repository.run(*COMMANDS[command]), box)


NAMED = ("b/ledger.json", "b/mine.json", "b/mine.journal.jsonl", "b/mine.json.lock")


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("command", SOME)
def test_a_committed_book_that_is_named(repository: Workplace, box: Box, name: str, command: str) -> None:
    """So it is with the books that `--ledger PATH` names, in whatever work tree they lie."""
    _bring(repository, name)
    ledger = name if name == "b/ledger.json" else "b/mine.json"
    _assert_refused(repository.run(*COMMANDS[command], "--ledger", ledger), box)


def test_a_link_to_a_committed_ledger(repository: Workplace, box: Box, tmp_path: Path) -> None:
    """A ledger's link may lead to a file that git tracks: that is refused as well."""
    _bring(repository, "b/ledger.json")
    link = tmp_path / "elsewhere.json"
    link.symlink_to(repository.folder / "b" / "ledger.json")
    _assert_refused(repository.run("plan", "--ledger", str(link)), box)


@pytest.mark.parametrize("where", [".reconciler", ".reconciler/{host}"])
@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_link_in_the_default_folder(
    repository: Workplace, box: Box, where: str, tracked: bool, command: tuple[str, ...]
) -> None:
    """No part of the default folder may be a link, tracked or not: new passwords would land where it leads."""
    public, link = repository.folder / "public", repository.folder / where.format(host=repository.books.name)
    public.mkdir()
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(public)
    if tracked:
        _commit(repository.folder, str(link))
    _assert_refused(repository.run(*command), box, "is a link" if not tracked else "")
    assert list(public.iterdir()) == []


@pytest.mark.parametrize("command", SOME)
def test_a_committed_link_on_the_way(repository: Workplace, box: Box, command: str) -> None:
    """A folder on the way to the files or the ledger may be a link, but none that git tracks."""
    public, link = repository.folder / "public", repository.folder / "team"
    public.mkdir()
    shutil.copy(repository.folder / "agents.yaml", public)
    link.symlink_to("public")
    assert repository.run("plan", "-f", "team/agents.yaml").code == 0
    _commit(repository.folder, "team")
    for where in (("-f", "team/agents.yaml"), ("--ledger", "team/ledger.json")):
        _assert_refused(repository.run(*COMMANDS[command], *where), box)
    assert [path.name for path in public.iterdir()] == ["agents.yaml"]


def test_a_submodule_in_its_place(repository: Workplace, box: Box, tmp_path: Path) -> None:
    """A submodule is a folder that a change can bring."""
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    (other / "ledger.json").write_text(NO_BOOKS)
    _commit(other, "ledger.json")
    git(repository.folder, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), ".reconciler")
    _assert_refused(repository.run("plan"), box)


@pytest.mark.parametrize("given", [True, False], ids=["a file that is there", "a link"])
def test_committed_credentials(repository: Workplace, box: Box, given: bool) -> None:
    """New credentials never go into a file that git tracks."""
    if given:
        _bring(repository, "out.jsonl", "")
    else:
        (repository.folder / "out.jsonl").symlink_to("public.jsonl")
        _commit(repository.folder, "out.jsonl")
    _assert_refused(repository.run("apply", "-y", "--credentials", "out.jsonl"), box)


def test_books_of_ones_own(repository: Workplace) -> None:
    """Books that git does not track are used as ever, ignored or not, in a work tree or outside of one."""
    for arguments in ((), ("--ledger", "mine/ledger.json")):
        assert repository.run("apply", "-y", *arguments).code == 0
        assert repository.run("plan", "--detailed-exitcode", *arguments).code == 0
    git(repository.folder, "add", ".reconciler")
    assert git(repository.folder, "status", "--porcelain", ".reconciler") == ""
    assert repository.run("status").code == 0


def test_the_file_that_keeps_them_out_of_git(repository: Workplace) -> None:
    """Somebody may commit `.reconciler/.gitignore`: it is no book."""
    _bring(repository, ".reconciler/.gitignore", "*\n")
    assert repository.run("apply", "-y").code == 0
    assert repository.run("plan").code == 0


def test_git_cannot_say(repository: Workplace, box: Box, tmp_path: Path) -> None:
    """Where there are books in a work tree, and git fails or is missing, nothing is believed; without books it is."""
    tools = tmp_path / "tools"
    tools.mkdir()
    assert repository.run("plan", env={"PATH": str(tools)}).code == 0
    repository.books.mkdir(parents=True)
    _assert_refused(repository.run("plan", env={"PATH": str(tools)}), box, "git is not installed")
    (repository.folder / ".git" / "HEAD").unlink()
    _assert_refused(repository.run("plan"), box, "nobody can say whether git tracks")


def test_a_repository_that_somebody_committed(place: Workplace, box: Box) -> None:
    """A bare repository among the files cannot say that its folder's books are nobody's."""
    box.store.reset([{"operatorId": "8001"}])
    git(place.folder, "init", "-q")
    inner = place.folder / "agents"
    git(place.folder, "init", "-q", "--bare", "agents")
    place.write('version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: "8001"}]\n', "agents/a.yaml")
    (inner / ".reconciler").mkdir()
    (inner / ".reconciler" / "ledger.json").write_text(NO_BOOKS)
    _commit(place.folder, "agents/a.yaml", "agents/.reconciler/ledger.json")
    assert (inner / "refs").is_dir()
    _assert_refused(place.run("plan", "-f", "agents"), box, "")
