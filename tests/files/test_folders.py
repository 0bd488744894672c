"""Folders of desired-state files, and files named more than once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.errors import InvalidFiles
from reconciler.files.desired_files import load_desired

COMPANY = "version: 1\ncompany: {abbreviate: acme}\n"


def team(*ids: str) -> str:
    """A file of these agents."""
    return "version: 1\nagents:\n" + "".join(f'  - {{operatorId: "{id_}"}}\n' for id_ in ids)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a company, a team, a team below, and files that are none of ours."""
    root = tmp_path / "agents"
    (root / "sales/night").mkdir(parents=True)
    (root / ".hidden").mkdir()
    texts = {
        "company.yaml": COMPANY,
        "sales/day.yml": team("8001"),
        "sales/night/late.yaml": team("8002"),
        ".hidden/a.yaml": "[",
        ".b.yaml": "[",
        "README.md": "[",
    }
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    return root


def ids(*paths: Path) -> list[str]:
    """Whom the files and folders are about."""
    return [agent.operator_id for agent in load_desired(paths).agents]


def wrong(*paths: Path) -> list[tuple[str, str]]:
    """What is wrong, and with which file."""
    with pytest.raises(InvalidFiles) as caught:
        load_desired(paths)
    return [(Path(each.place.file).name, each.message) for each in caught.value.problems]


def test_a_folder_means_every_file_below(folder: Path) -> None:
    """Both endings count, at any depth; hidden files and folders and other endings do not."""
    assert ids(folder) == ["8001", "8002"]
    assert load_desired([folder]).files == tuple(
        str(folder / name) for name in ("company.yaml", "sales/day.yml", "sales/night/late.yaml")
    )


@pytest.mark.parametrize("name", ["team-a.YAML", "team-a.Yml", "sales/TEAM.YML"])
def test_an_ending_counts_in_any_case(folder: Path, name: str) -> None:
    """A file that Windows or a phone named is not passed over, which would delete its agents."""
    (folder / name).write_text(team("8003"), encoding="utf-8")
    assert ids(folder) == ["8001", "8002", "8003"]


def test_a_file_counts_once(folder: Path) -> None:
    """Named by itself, in its folder, and by another way to it, a file is one file."""
    day = folder / "sales/day.yml"
    (folder / "again.yaml").symlink_to(day)
    assert ids(folder, day, folder / "sales/../sales/day.yml", folder) == ["8001", "8002"]


@pytest.mark.parametrize("target", ["file", "folder", "nowhere"])
def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path, target: str) -> None:
    """What a link would bring in from outside is not read, whether it is a file or a folder, and is named."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/more.yaml").write_text(team("9001"), encoding="utf-8")
    to = {"file": "outside/more.yaml", "folder": "outside", "nowhere": "nothing"}[target]
    (folder / "link.yaml").symlink_to(tmp_path / to)
    assert wrong(folder) == [("link.yaml", "is a link that leads out of the folder")]


def test_a_linked_folder_inside_is_read_once(folder: Path) -> None:
    """A link to a folder of the same folder brings nothing twice, and one in a circle ends."""
    (folder / "sales/night/up").symlink_to(folder)
    assert ids(folder) == ["8001", "8002"]


def test_pipes_and_devices_are_refused(folder: Path) -> None:
    """What only looks like a file is not waited for, and is named beside every other problem."""
    os.mkfifo(folder / "pipe.yaml")
    (folder / "sales/bad.yaml").write_text("version: 2\n", encoding="utf-8")
    found = dict(wrong(folder))
    assert found["pipe.yaml"] == "cannot be read: it is no regular file"
    assert found["bad.yaml"] == "must be 1; written: 2"


def test_an_empty_folder(tmp_path: Path) -> None:
    """A folder without any file is more often a slip than a company without agents."""
    assert wrong(tmp_path) == [(tmp_path.name, "the folder holds no desired-state file")]
