"""Desired-state files from disk: what is no file, what never ends, and what is too large."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.core.model.problem import MAX_BYTES, Problem
from reconciler.errors import InvalidFiles
from reconciler.files.desired_files import load_desired

GOOD = 'version: 1\ncompany: {abbreviate: acme}\nagents:\n  - operatorId: "8001"\n    name: 张三\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "agents.yaml"


def problem(path: Path) -> Problem:
    """The one problem that the file has."""
    with pytest.raises(InvalidFiles) as caught:
        load_desired([path])
    (found,) = caught.value.problems
    return found


def test_a_good_file(path: Path) -> None:
    """A file is read as UTF-8, and named as its user named it."""
    path.write_text(GOOD, encoding="utf-8")
    desired = load_desired([path])
    assert [(agent.operator_id, agent.fields["name"]) for agent in desired.agents] == [("8001", "张三")]
    assert desired.files == (str(path),)
    assert desired.agents[0].place.file == str(path)


def test_a_link_to_a_file(path: Path, tmp_path: Path) -> None:
    """A link is as good as what it leads to."""
    (tmp_path / "real.yaml").write_text(GOOD, encoding="utf-8")
    path.symlink_to(tmp_path / "real.yaml")
    assert len(load_desired([path]).agents) == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "No such file"),
        ("folder", "no desired-state file"),
        ("fifo", "no regular file"),
        ("loop", "symbolic links"),
        ("broken link", "No such file"),
        ("below a file", "Not a directory"),
        ("too long", "too long"),
    ],
)
def test_what_is_no_file(path: Path, kind: str, words: str) -> None:
    """What is no file is one problem, at its first line, with what to do; a pipe without a writer does not hang."""
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
        case "broken link":
            path.symlink_to("nowhere.yaml")
        case "below a file":
            path.write_text(GOOD, encoding="utf-8")
            path = path / "agents.yaml"
        case "too long":
            path = path.with_name("a" * 5000)
    found = problem(path)
    assert words in found.message
    assert (found.place.file, found.place.line) == (str(path), 1)
    assert ("--file" in found.hint) == (kind != "folder")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom", "/dev/tty"])
def test_a_device(device: str) -> None:
    """A device is refused, and one that never ends is not read."""
    assert "cannot be read" in problem(Path(device)).message


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 1 << 32, 1 << 40])
def test_a_file_that_is_too_large(path: Path, size: int) -> None:
    """A file above the limit is refused whatever its size, a terabyte as well: it is not read whole."""
    path.write_text(GOOD, encoding="utf-8")
    os.truncate(path, size)
    assert "is the limit" in problem(path).message


@pytest.mark.parametrize("over", [0, 1])
def test_the_limit(path: Path, over: int) -> None:
    """A file of exactly the limit is read, one byte more is not."""
    comments = b"#" * 79 + b"\n"
    data = GOOD.encode() + comments * (MAX_BYTES // len(comments) + 1)
    path.write_bytes(data[: MAX_BYTES + over])
    if over:
        assert problem(path).place.file == str(path)
    else:
        assert len(load_desired([path]).agents) == 1


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"agents: [", b"\0", GOOD.encode("utf-16")], ids=range(5))
def test_what_is_no_desired_state(path: Path, data: bytes) -> None:
    """What is in the file may be anything: it comes back as problems in that file."""
    path.write_bytes(data)
    with pytest.raises(InvalidFiles) as caught:
        load_desired([path])
    assert {found.place.file for found in caught.value.problems} == {str(path)}


def test_every_problem_at_once(path: Path) -> None:
    """A file with several mistakes names each of them."""
    path.write_text(GOOD + '  - {operatorId: "8002", isrecord: 7}\n  - {operatorId: "8003", colour: red}\n')
    with pytest.raises(InvalidFiles, match="2 problems") as caught:
        load_desired([path])
    assert [found.place.line for found in caught.value.problems] == [6, 7]
