"""Files of the user's own repository: whole, readable by colleagues, and never over another by accident."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.errors import Declined, ReconcilerError
from reconciler.files.worktree import write_file, write_folder


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """A umask that lets the group read."""
    before = os.umask(0o027)
    yield
    os.umask(before)


def names(folder: Path) -> list[str]:
    """Everything in a folder."""
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    """Who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def what_lies(path: Path) -> tuple[int, ...]:
    """What tells that an entry is the same one, unchanged; looking at it may change when it was last looked at."""
    status = path.lstat()
    return (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    """As git and an editor would make it; nothing else is left in the folder."""
    write_file(tmp_path / "a.yaml", b"new", replace=False)
    assert (tmp_path / "a.yaml").read_bytes() == b"new"
    assert mode(tmp_path / "a.yaml") == 0o640
    assert names(tmp_path) == ["a.yaml"]


def test_a_replaced_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    """What the link points to is replaced."""
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_bytes(b"old")
    real.chmod(0o604)
    link.symlink_to(real)
    write_file(link, b"new", replace=True)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert mode(real) == 0o604


@pytest.mark.parametrize("kind", ["file", "link to nothing", "folder", "pipe"])
@pytest.mark.parametrize("replace", [False, True])
def test_what_is_there_is_kept(tmp_path: Path, kind: str, *, replace: bool) -> None:
    """A file unless it is to be replaced, and always what is none."""
    path = tmp_path / "a"
    match kind:
        case "file":
            path.touch()
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to("nowhere")
    if kind == "file" and replace:
        write_file(path, b"new", replace=True)
        assert path.read_bytes() == b"new"
        return
    before = what_lies(path)
    with pytest.raises((Declined, ReconcilerError), match="a"):
        write_file(path, b"new", replace=replace)
    assert what_lies(path) == before
    assert names(tmp_path) == ["a"]


def test_a_file_that_comes_in_between_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's file of the same name wins, also in the last moment."""
    path, link = tmp_path / "a.yaml", os.link

    def late(source: Path, target: Path) -> None:
        target.write_bytes(b"theirs")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(Declined, match="there already"):
        write_file(path, b"ours", replace=False)
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.yaml"]


def test_a_disk_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a share of Windows, or a memory card."""

    def none(_source: Path, _target: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", none)
    write_file(tmp_path / "a.yaml", b"new", replace=False)
    assert names(tmp_path) == ["a.yaml"]


def test_what_a_kill_left_behind_is_taken_over(tmp_path: Path) -> None:
    """The unfinished file of an earlier run is no obstacle."""
    (tmp_path / ".a.yaml.new").write_bytes(b"half")
    write_file(tmp_path / "a.yaml", b"whole", replace=False)
    assert names(tmp_path) == ["a.yaml"]


@pytest.mark.parametrize("name", ["no/a.yaml", "a" * 300])
def test_what_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    """With the path and the reason."""
    with pytest.raises(ReconcilerError, match="cannot be written"):
        write_file(tmp_path / name, b"", replace=False)


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    """And may be there, with what is no desired-state file in it."""
    folder = tmp_path / "a/b"
    write_folder(folder, {"x.yaml": b"1"}, replace=False)
    (folder / "README.md").touch()
    write_folder(folder, {"y.yaml": b"2", "x.yaml": b"3"}, replace=True)
    assert names(folder) == ["README.md", "x.yaml", "y.yaml"]
    assert (folder / "x.yaml").read_bytes() == b"3"


@pytest.mark.parametrize("other", ["old.yaml", "deep/old.yml"])
def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, other: str) -> None:
    """Their agents would stand twice; so nothing is written, not even with `replace`."""
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).touch()
    with pytest.raises(Declined, match="of its own"):
        write_folder(tmp_path, {"x.yaml": b""}, replace=True)
    assert not (tmp_path / "x.yaml").exists()


@pytest.mark.parametrize("hidden", [".github/workflows/plan.yml", ".pre-commit-config.yaml", "deep/.old.yaml"])
def test_hidden_files_keep_no_folder_from_being_written(tmp_path: Path, hidden: str) -> None:
    """What is passed over when the folder is read is in nobody's way."""
    (tmp_path / hidden).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / hidden).write_text("on: push\n")
    write_folder(tmp_path, {"x.yaml": b"x"}, replace=False)
    assert (tmp_path / "x.yaml").read_bytes() == b"x"
    assert (tmp_path / hidden).read_text() == "on: push\n"


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """One file that is there keeps all others out."""
    (tmp_path / "y.yaml").write_bytes(b"mine")
    with pytest.raises(Declined, match="there already"):
        write_folder(tmp_path, {"x.yaml": b"", "y.yaml": b""}, replace=False)
    assert names(tmp_path) == ["y.yaml"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Where a file has its name."""
    (tmp_path / "a").touch()
    with pytest.raises(ReconcilerError, match="cannot be made"):
        write_folder(tmp_path / "a", {"x.yaml": b""}, replace=False)
