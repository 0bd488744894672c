"""What a desired-state file, which a pull request can change, may name as a password: little, and nobody's secret."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box
from tests.process import Workplace

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents:\n"
SECRET = "canary-of-somebody"


def _write(place: Workplace, *sources: str) -> None:
    agents = "".join(f'- {{operatorId: "800{n}", password: {{{s}, version: 1}}}}\n' for n, s in enumerate(sources, 1))
    place.write(HEAD + agents)


def _has(box: Box, operator_id: str, password: str) -> bool:
    stored: object = box.store.agents()[operator_id]["password_md5"]
    return stored == hashlib.md5(password.encode()).hexdigest()


def assert_refused(place: Workplace, box: Box, *arguments: str, says: str, **env: str) -> None:
    """The command ends with 1, says why, repeats no secret and sends nothing."""
    before = box.store.history(), set(place.folder.rglob("credentials-*"))
    ran = place.run(*arguments, env={"AWS_SECRET_ACCESS_KEY": SECRET, **env})
    assert ran.code == 1
    assert says in ran.err
    assert SECRET not in ran.out + ran.err
    assert (box.store.history(), set(place.folder.rglob("credentials-*"))) == before


@pytest.mark.parametrize("command", [("apply", "-y"), ("plan",), ("plan", "--format", "json", "--out", "p.json")])
@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "agent_8001", "AGENT", "XAGENT_1", "PATH"])
def test_a_variable_that_does_not_match(place: Workplace, box: Box, command: tuple[str, ...], name: str) -> None:
    """Only variables called `AGENT_…` become passwords: plan and apply refuse any other, and say where and how."""
    _write(place, f"env: {name}")
    says = f"agents.yaml:4:3: 8001.password: environment variable {name} may not hold a password here"
    assert_refused(place, box, *command, says=says, **({} if name == "PATH" else {name: SECRET}))


def test_all_that_may_not_be_named_at_once(place: Workplace, box: Box) -> None:
    """Every agent with such a variable is told in one go."""
    _write(place, "env: SECRET_1", "env: AGENT_1", "env: SECRET_3")
    assert_refused(place, box, "plan", says="variable SECRET_3 may not")
    assert_refused(place, box, "plan", says="variable SECRET_1 may not")


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_the_runner_says_which(place: Workplace, box: Box, by: str) -> None:
    """`--password-env` and `RECONCILER_PASSWORD_ENV` take patterns, parted by commas, in place of the usual one."""
    _write(place, "env: PW_A", "env: SEAT_2")
    patterns = "PW_?, SEAT_*"
    arguments, env = (("--password-env", patterns), {}) if by == "flag" else ((), {"RECONCILER_PASSWORD_ENV": patterns})
    assert place.run("plan", *arguments, env=env).code == 0
    assert place.run("apply", "-y", *arguments, env={**env, "PW_A": "first-one", "SEAT_2": "second-one"}).code == 0
    assert _has(box, "8001", "first-one")
    assert _has(box, "8002", "second-one")
    _write(place, "env: PW_A", "env: SEAT_2", "env: AGENT_3")
    assert_refused(place, box, "plan", *arguments, says="AGENT_3 may not hold a password", **env)


@pytest.mark.parametrize("patterns", ["", ",", " , "])
def test_no_pattern_is_a_mistake(place: Workplace, patterns: str) -> None:
    """A list of no pattern is wrong usage, not a list that matches everything."""
    _write(place, "env: AGENT_1")
    assert place.run("plan", "--password-env", patterns).code == 64


@pytest.mark.parametrize("name", ["RECONCILER_TOKEN", "Reconciler_Token", "RECONCILER_PROXY"])
def test_our_own_variables_never(place: Workplace, box: Box, name: str) -> None:
    """`RECONCILER_*` is refused even where every variable may be named; `validate` says so too."""
    _write(place, f"env: {name}")
    for command in (("validate",), ("plan", "--password-env", "*"), ("apply", "-y", "--password-env", "*")):
        assert_refused(place, box, *command, says="own variables", **{name: SECRET})


Links = dict[str, str]
"""Names of links in the folder that password files are seen from, and where they lead; `pw` is the password file."""
INSIDE: dict[str, Links] = {
    "a file": {"pw": "x"},
    "a mounted secret, as in Kubernetes": {"..data": "..2026", "pw": "..data/x"},
    "a link out and back": {"pw": "{folder}/x"},
}
OUTSIDE: dict[str, Links] = {
    "a link": {"pw": "{outside}/secret"},
    "a relative link": {"pw": "{relative}/secret"},
    "a chain of links": {"one": "{outside}/secret", "pw": "one"},
}


def _make(folders: tuple[Path, Path], links: Links) -> None:
    folder, outside = folders
    places = {"folder": folder, "outside": outside, "relative": os.path.relpath(outside, folder)}
    for name, target in links.items():
        (folder / name).symlink_to(target.format(**places))
        assert (folder / name).exists()


@pytest.fixture
def folders(place: Workplace) -> tuple[Path, Path]:
    """The folder that password files are seen from, beside the files, and one outside whose name begins alike."""
    folder, outside = place.folder / "run", place.folder / "run-x"
    for file in (outside / "secret", folder / "x", folder / "..2026" / "x"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SECRET)
    return folder, outside


@pytest.mark.parametrize("links", INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize("seen_from", ["--secrets-dir", "RECONCILER_SECRETS_DIR", "the file's folder"])
def test_a_file_inside(place: Workplace, box: Box, folders: tuple[Path, Path], links: Links, seen_from: str) -> None:
    """A password file is seen from `--secrets-dir`, else from the file's folder; links that end inside it are fine."""
    _make(folders, links)
    arguments: tuple[str, ...] = ()
    env: dict[str, str] = {}
    if seen_from == "the file's folder":
        place.write(HEAD + '- {operatorId: "8001", password: {file: pw, version: 1}}\n', "run/agents.yaml")
        arguments = ("-f", "run/agents.yaml")
    else:
        _write(place, "file: pw")
        if seen_from.startswith("-"):
            arguments = (seen_from, "run")
        else:
            env = {seen_from: "run"}
    ran = place.run("apply", "-y", *arguments, env=env)
    assert ran.code == 0, ran.err
    assert _has(box, "8001", SECRET)


@pytest.mark.parametrize("links", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("given", [True, False], ids=["--secrets-dir", "the file's folder"])
def test_a_link_that_leads_out(
    place: Workplace, box: Box, folders: tuple[Path, Path], links: Links, given: bool
) -> None:
    """A committed link cannot make a file of the runner an agent's password."""
    _make(folders, links)
    _write(place, "file: pw")
    arguments: tuple[str, ...] = ("--secrets-dir", "run")
    if not given:
        place.write(place.folder.joinpath("agents.yaml").read_text(), "run/agents.yaml")
        arguments = ("-f", "run/agents.yaml")
    assert_refused(place, box, "apply", "-y", *arguments, says="it is a link that leads out of its folder")


def test_a_folder_of_the_path_that_leads_out(place: Workplace, box: Box, folders: tuple[Path, Path]) -> None:
    """Neither can a folder on the way, which is a link."""
    folder, outside = folders
    (folder / "sub").symlink_to(outside)
    _write(place, "file: sub/secret")
    assert_refused(place, box, "apply", "-y", "--secrets-dir", "run", says="it is a link that leads out of its folder")


@pytest.mark.parametrize("name", ["/etc/hostname", "../secret", "a/../../secret", ".."])
def test_a_name_that_leads_out(place: Workplace, box: Box, name: str) -> None:
    """A name that is absolute or leads up is a problem of the file, which `validate` tells with its place."""
    _write(place, f"file: {name}")
    for command in (("validate",), ("plan",), ("apply", "-y")):
        assert_refused(place, box, *command, says="agents.yaml:4:41: agents[0] (8001).password.file: must lie inside")


def test_two_folders_are_two_passwords(place: Workplace, box: Box) -> None:
    """Two files of a folder that name `pw` each mean the one beside them, and share no call."""
    for team, number in (("a", 1), ("b", 2)):
        (place.folder / "teams" / team).mkdir(parents=True)
        (place.folder / "teams" / team / "pw").write_text(f"password-of-{team}")
        head = HEAD if team == "a" else "version: 1\nagents:\n"
        agent = f'- {{operatorId: "800{number}", password: {{file: pw, version: 1}}}}\n'
        place.write(head + agent, f"teams/{team}/{team}.yaml")
    assert place.run("plan", "-f", "teams", "--out", "p.json").code == 0
    assert place.run("apply", "p.json", "-f", "teams", "-y").code == 0
    assert _has(box, "8001", "password-of-a")
    assert _has(box, "8002", "password-of-b")
