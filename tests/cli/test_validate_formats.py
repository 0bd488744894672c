"""`validate --format …` as a process: what is on stdout, what on stderr, the exit code, and how files are named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.process import Ran, Workplace
from tests.render.runner import commands, lines

FORMATS = ("text", "json", "github", "sarif", "gitlab")
REPORTS = FORMATS[2:]
GOOD = 'version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: "8001"}]\n'
BAD = 'version: 2\ncompany: {abbreviate: acme}\nagents:\n  - {operatorId: "8001", nmae: 张三}\n'


def validate(place: Workplace, *arguments: str, **env: str) -> Ran:
    """Run it with no pipeline's variables but these."""
    return place.run("validate", *arguments, env={"CI_PROJECT_DIR": "", **env})


def places(format_: str, told: str) -> list[tuple[str, int]]:
    """File and line of every problem that a report holds."""
    if format_ == "github":
        return [(each.properties["file"], int(each.properties["line"])) for each in commands(told)]
    if format_ == "gitlab":
        return [(each["location"]["path"], each["location"]["lines"]["begin"]) for each in json.loads(told)]
    (run,) = json.loads(told)["runs"]
    found: list[Any] = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    return [(each["artifactLocation"]["uri"], each["region"]["startLine"]) for each in found]


@pytest.mark.parametrize("format_", REPORTS)
def test_a_report_of_a_good_file(offline: Workplace, format_: str) -> None:
    """A report of a good file is there and empty, and the good news is on stderr."""
    offline.write(GOOD)
    ran = validate(offline, "--format", format_)
    assert ran.code == 0
    assert places(format_, ran.out) == []
    assert (ran.out == "") == (format_ == "github")
    assert ran.err == "agents.yaml: 1 agent, no problems\n"


@pytest.mark.parametrize("format_", REPORTS)
def test_a_report_of_a_bad_file(offline: Workplace, format_: str) -> None:
    """A report of a bad file stands alone on stdout, people find the same on stderr, and the exit code is 1."""
    offline.write(BAD)
    ran = validate(offline, "--format", format_)
    assert ran.code == 1
    assert places(format_, ran.out) == [("agents.yaml", 1), ("agents.yaml", 4)]
    assert "agents.yaml:4:26: agents[0] (8001).nmae: unknown key" in ran.err
    assert "error: 2 problems" in ran.err


def test_every_line_is_an_annotation(offline: Workplace) -> None:
    """What github prints on stdout is annotations and nothing else, however many problems there are: ten at most."""
    offline.write(GOOD + "".join(f"x{number}: 1\n" for number in range(30)))
    ran = validate(offline, "--format", "github")
    assert len(commands(ran.out)) == len(lines(ran.out)) == 10
    assert " 21 problems;" in commands(ran.out)[9].data
    assert ran.err.count("unknown key") == 30


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("text", [GOOD, BAD], ids=["good", "bad"])
def test_output_goes_to_a_file(offline: Workplace, format_: str, text: str) -> None:
    """`--output` writes what stdout would have shown, also of a bad file; stdout is empty, the exit code the same."""
    offline.write(text)
    plain = validate(offline, "--format", format_)
    (offline.folder / "report").write_text("of yesterday")
    ran = validate(offline, "--format", format_, "--output", "report")
    assert (ran.code, ran.out) == (plain.code, "")
    told = (offline.folder / "report").read_text(encoding="utf-8")
    if (format_, text) == ("text", BAD):
        assert told == plain.err.partition("error:")[0]
    else:
        assert told == plain.out
    assert text == GOOD or "error: 2 problems" in ran.err


@pytest.mark.parametrize("format_", FORMATS)
def test_output_that_cannot_be_written(offline: Workplace, format_: str) -> None:
    """Where the report cannot be written that is the error, and it is named."""
    offline.write(GOOD)
    ran = validate(offline, "--format", format_, "--output", "no-folder/report")
    assert ran.code == 1
    assert "error: no-folder/report cannot be written: No such file or directory" in ran.err


@pytest.mark.parametrize("format_", REPORTS)
def test_a_missing_file_is_reported(offline: Workplace, format_: str) -> None:
    """A file that cannot be read is a problem like any other."""
    ran = validate(offline, "--format", format_, "-f", "nowhere.yaml")
    assert ran.code == 1
    assert places(format_, ran.out) == [("nowhere.yaml", 1)]
    assert "cannot be read" in ran.err


@pytest.mark.parametrize("format_", FORMATS)
def test_wrong_usage_stays_off_stdout(offline: Workplace, format_: str) -> None:
    """Wrong usage prints no report: stdout is empty, and with JSON the error alone."""
    ran = validate(offline, "--format", format_, "--nonsense")
    assert ran.code == 64
    assert ran.out == "" if format_ != "json" else [*ran.json] == ["error", "exit_code"]
    assert "Usage" in ran.err


# Names of files


@pytest.mark.parametrize("format_", REPORTS)
@pytest.mark.parametrize("variable", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"])
@pytest.mark.parametrize("absolute", [False, True])
def test_files_are_seen_from_the_root(offline: Workplace, format_: str, variable: str, absolute: bool) -> None:
    """Wherever the command runs and however the file is named, a report names it as the repository does."""
    repository = offline.folder / "repository"
    (repository / "infra/teams").mkdir(parents=True)
    Workplace(repository / "infra/teams").write(BAD, "sales.yaml")
    named = str(repository / "infra/teams/sales.yaml") if absolute else "./teams/sales.yaml"
    inside = Workplace(repository / "infra")
    ran = validate(inside, "--format", format_, "-f", named, **{variable: str(repository)})
    assert [file for file, _ in places(format_, ran.out)] == ["infra/teams/sales.yaml"] * 2
    assert f"{Path(named)}:4:26" in ran.err


@pytest.mark.parametrize("format_", REPORTS)
def test_without_a_pipeline_the_root_is_here(offline: Workplace, format_: str) -> None:
    """On a machine of one's own files are seen from the working directory, and those outside lead out of it."""
    offline.write(BAD)
    (offline.folder / "here").mkdir()
    ran = validate(offline, "--format", format_, "-f", str(offline.folder / "agents.yaml"))
    assert {file for file, _ in places(format_, ran.out)} == {"agents.yaml"}
    ran = validate(Workplace(offline.folder / "here"), "--format", format_, "-f", str(offline.folder / "agents.yaml"))
    assert {file for file, _ in places(format_, ran.out)} == {"../agents.yaml"}


@pytest.mark.parametrize("format_", REPORTS)
def test_links_are_followed(offline: Workplace, format_: str) -> None:
    """A problem is shown where its line stands, and a root behind a link is the same root."""
    repository = offline.folder / "repository"
    repository.mkdir()
    Workplace(repository).write(BAD, "real.yaml")
    (repository / "link.yaml").symlink_to("real.yaml")
    (offline.folder / "workspace").symlink_to("repository")
    ran = validate(
        Workplace(repository), "--format", format_, "-f", "link.yaml", GITHUB_WORKSPACE=f"{offline.folder}/workspace"
    )
    assert {file for file, _ in places(format_, ran.out)} == {"real.yaml"}


@pytest.mark.parametrize("format_", REPORTS)
def test_a_link_to_itself(offline: Workplace, format_: str) -> None:
    """A link that leads nowhere is a problem, not a crash."""
    (offline.folder / "loop.yaml").symlink_to("loop.yaml")
    ran = validate(offline, "--format", format_, "-f", "loop.yaml")
    assert ran.code == 1
    assert [file for file, _ in places(format_, ran.out)] == ["loop.yaml"]


@pytest.mark.parametrize(
    "name", ["::error::x.yaml", "a\n::add-mask::x.yaml", "##[add-mask]x.yaml", "50%,a:b=c 张.yaml"]
)
def test_a_hostile_file_name(offline: Workplace, name: str) -> None:
    """A file whose name is a command gives two annotations and no other command, on either stream."""
    offline.write(BAD, name)
    ran = validate(offline, "--format", "github", "-f", name)
    assert [each.name for each in commands(ran.out)] == ["error", "error"]
    assert len(lines(ran.out)) == 2
    assert commands(ran.err) == []


def test_a_name_that_is_no_text(offline: Workplace) -> None:
    """A file name that is not UTF-8 breaks no report."""
    name = os.fsdecode(b"a\xff.yaml")
    (offline.folder / name).write_text(BAD, encoding="utf-8")
    for format_ in REPORTS:
        ran = validate(offline, "--format", format_, "-f", name)
        assert ran.code == 1
        assert len(places(format_, ran.out)) == 2


@pytest.mark.parametrize("format_", REPORTS)
def test_several_files_are_each_named(offline: Workplace, format_: str) -> None:
    """A problem is reported in the file in which it stands."""
    for name in ("one.yaml", "two.yaml"):
        offline.write(BAD.replace("version: 2", "version: 1"), name)
    ran = validate(offline, "--format", format_, "-f", "one.yaml", "-f", "two.yaml")
    assert ran.code == 1
    assert {("one.yaml", 4), ("two.yaml", 4)} <= set(places(format_, ran.out))
