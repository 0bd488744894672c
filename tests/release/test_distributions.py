"""The wheel and the source distribution: one name everywhere, the same bytes each time, links that lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.about import DISTRIBUTION, HOME
from reconciler.errors import install_hint
from release.clean_install import LOWEST
from release.distributions import ROOT, build, objections

PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
AT_A_RELEASE: Final = ("leads nowhere", "no dated section")
"""What the person who releases mends; nothing else may speak against a release at any time."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout."""
    return zipfile.ZipFile(build(tmp_path_factory.mktemp("dist"))[0])


def metadata(wheel: zipfile.ZipFile) -> Message:
    """The head and the long description."""
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_nothing_but_the_day_speaks_against_a_release(tmp_path: Path) -> None:
    """The checkers of packages find nothing, two builds have the same bytes, the backend is pinned.

    Only a reserved address and a changelog without a date keep it from being published.
    """
    found = list(objections(tmp_path))
    assert [each for each in found if not any(words in each for words in AT_A_RELEASE)] == []
    assert any("about.py" in each for each in found) == HOME.endswith(".example")


def test_objections_are_raised(tmp_path: Path) -> None:
    """What an index cannot show, what lies in the wheel by mistake, an open backend and nobody's address are told."""
    root, dist = tmp_path / "root", tmp_path / "dist"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.splitlines():
        if name.startswith(("reconciler/", "schemas/", "examples/")) or "/" not in name:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    for file, before, after in (
        ("pyproject.toml", "hatchling==", "hatchling>="),
        ("pyproject.toml", '"examples/ci" =', '"CHANGELOG.md" = "tests/changes.py"\n"examples/ci" ='),
        ("hatch_build.py", "with_absolute_links(text, pages)}", '""}'),
    ):
        text = (root / file).read_text("utf-8")
        assert before in text
        (root / file).write_text(text.replace(before, after, 1), "utf-8")
    told = "\n".join(objections(dist, root, "https://someone.invalid/x"))
    for words in ("is not the exact one", "W005", "long_description", "someone.invalid", "no dated section"):
        assert words in told


def test_every_link_of_the_description_leads_to_a_file(wheel: zipfile.ZipFile) -> None:
    """An index shows the description without the repository: no link is relative, and each leads to a file of it."""
    text = str(metadata(wheel).get_payload())
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 10
    for link in links:
        assert link.startswith(f"{HOME}/"), link
        _, kind, _, name = link.removeprefix(HOME).split("/", 3)
        assert kind in ("blob", "raw")
        assert (ROOT / name.partition("#")[0]).exists(), link


def test_every_project_url_is_of_the_one_address(wheel: zipfile.ZipFile) -> None:
    """Name, author and addresses are those of the project."""
    head = metadata(wheel)
    assert (head["Name"], head["Author"]) == (DISTRIBUTION, "The reconciler project")
    urls = head.get_all("Project-URL") or []
    assert {url.partition(", ")[0] for url in urls} >= {"Homepage", "Issues", "Changelog", "Security"}
    assert all(url.partition(", ")[2].startswith(HOME) for url in urls)


def test_the_wheel_has_what_the_commands_hand_out(wheel: zipfile.ZipFile) -> None:
    """The examples that `demo` and `init` need are in it, and neither tests nor the tools of a release."""
    names = set(wheel.namelist())
    assert {"reconciler/examples/agents.yaml", "reconciler/examples/ci/github/plan.yml", "reconciler/py.typed"} <= names
    assert {name.split("/")[0] for name in names} == {
        "reconciler",
        f"zuoxi_reconciler-{metadata(wheel)['Version']}.dist-info",
    }


def test_hints_name_the_distribution() -> None:
    """Every hint of the code is made by `install_hint`, of an extra that there is; pages name the distribution too."""
    assert PROJECT["name"] == DISTRIBUTION
    hinted = set()
    for path in sorted((ROOT / "reconciler").rglob("*.py")):
        text = path.read_text("utf-8")
        assert "pip install" not in text or path.name == "errors.py", path
        hinted |= set(re.findall(r'install_hint\("(\w+)"\)', text))
    assert hinted >= {"age", "remote", "sandbox"}
    assert hinted <= PROJECT["optional-dependencies"].keys()
    assert install_hint("age") == "pip install 'zuoxi-reconciler[age]'"
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(path for path in (ROOT / "examples").rglob("*") if path.is_file()),
    ]
    for path in pages:
        text = path.read_text("utf-8")
        assert not re.search(r"(?<![-\w])reconciler\[", text), path
        assert not re.search(r"pip install (?:-\S+ )*'?reconciler\b", text), path


def test_the_lowest_versions_are_those_that_are_promised() -> None:
    """What `make lowest` installs is the lower bound of each dependency, extras included."""
    pinned = dict(re.findall(r"(?m)^([a-z0-9.-]+)(?:\[[^]]*\])?==(\S+)", LOWEST.read_text("utf-8")))
    bounds = [
        *PROJECT["dependencies"],
        *(line for lines in PROJECT["optional-dependencies"].values() for line in lines),
    ]
    for line in bounds:
        name, _, bound = line.partition(">=")
        bound, found = ([*map(int, text.split("."))] for text in (bound, pinned[name.partition("[")[0]]))
        assert found[: len(bound)] == bound, line
        assert not any(found[len(bound) :]), line
