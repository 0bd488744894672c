"""Files that must not be half-written or readable by others."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reconciler.files.atomic import replace_file
from reconciler.files.private import private_folder
from tests.calls_of_os import calls_of_os


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> int:
    """The user's umask, open to closed."""
    before = os.umask(request.param)
    request.addfinalizer(lambda: os.umask(before))  # noqa: PT021 - a yield would be no shorter
    value: int = request.param
    return value


@pytest.mark.usefixtures("umask")
def test_the_folder_is_private(tmp_path: Path) -> None:
    """`.reconciler` has mode 0700 under any umask, and git ignores what is in it."""
    folder = private_folder(tmp_path / ".reconciler")
    assert mode(folder) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"


def test_git_ignores_the_folder(tmp_path: Path) -> None:
    """To git the folder does not exist, secrets included."""
    git = ["git", "-C", str(tmp_path), "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    replace_file(private_folder(tmp_path / ".reconciler") / "ledger.json", b"{}")
    status = subprocess.run([*git, "status", "--porcelain", "-uall"], check=True, capture_output=True)
    assert status.stdout == b""


def test_a_folder_of_another_name(tmp_path: Path) -> None:
    """A folder that the user named is made private and gets no file that nobody asked for."""
    folder = private_folder(tmp_path / "secrets")
    assert mode(folder) == 0o700
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_there(tmp_path: Path) -> None:
    """A folder that exists is taken as it is."""
    folder = tmp_path / ".reconciler"
    folder.mkdir(mode=0o755)
    assert private_folder(folder) == folder
    assert mode(folder) == 0o755
    assert list(folder.iterdir()) == []


def test_folders_above(tmp_path: Path) -> None:
    """Folders above it are made too."""
    assert private_folder(tmp_path / "a" / "b" / ".reconciler").is_dir()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """Where a file stands no folder is made, and the file stays."""
    path = tmp_path / ".reconciler"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        private_folder(path)
    assert path.read_text() == "mine"


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("before", [None, 0o644, 0o666, 0o600])
def test_a_file_is_private(tmp_path: Path, before: int | None) -> None:
    """A replaced file has mode 0600, whatever it had before and whatever the umask."""
    path = tmp_path / "ledger.json"
    if before is not None:
        path.write_text("old")
        path.chmod(before)
    replace_file(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)


@pytest.mark.parametrize("data", [b"", b"x", b"x" * 3_000_000, "张三\n".encode(), b"\0\xff"], ids=range(5))
def test_a_file_is_replaced_whole(tmp_path: Path, data: bytes) -> None:
    """The content is exactly what was given, shorter or longer than before, and nothing else is left behind."""
    path = tmp_path / "ledger.json"
    path.write_bytes(b"old" * 100)
    replace_file(path, data)
    assert path.read_bytes() == data
    assert [entry.name for entry in tmp_path.iterdir()] == ["ledger.json"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """What a link leads to is not written to."""
    (tmp_path / "other").write_text("mine")
    path = tmp_path / "ledger.json"
    path.symlink_to(tmp_path / "other")
    replace_file(path, b"new")
    assert (path.read_bytes(), (tmp_path / "other").read_text()) == (b"new", "mine")


def test_a_reader_sees_old_or_new(tmp_path: Path) -> None:
    """Whoever reads while the file is replaced sees the one content or the other, whole."""
    path = tmp_path / "ledger.json"
    contents = {b"a" * 70_000, b"b" * 90_000}
    replace_file(path, max(contents))
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        for content in contents:
            replace_file(path, content)
    done.set()
    reader.join()
    assert seen <= contents


FULL_DISK = """
import resource, sys
from pathlib import Path
from reconciler.files.atomic import replace_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    replace_file(Path(sys.argv[1]), b"x" * 5000)
except OSError as error:
    sys.exit(f"refused {error.errno}")
"""


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """When the disk takes only a part, that is an error, the old file stands, and the part is gone."""
    path = tmp_path / "ledger.json"
    path.write_bytes(b"old")
    ran = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, check=False)
    assert ran.stderr.startswith(b"refused")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["ledger.json"]


@pytest.mark.parametrize("kind", ["missing folder", "a folder in the way"])
def test_a_file_that_cannot_be_replaced(tmp_path: Path, kind: str) -> None:
    """That is an `OSError`, and leaves nothing behind."""
    path = tmp_path / "a" / "ledger.json"
    if kind == "a folder in the way":
        path.mkdir(parents=True)
    with pytest.raises(OSError, match=r"ledger\.json|directory"):
        replace_file(path, b"new")
    assert [entry.name for entry in tmp_path.rglob(".*")] == []


def test_content_is_on_disk_before_its_name(tmp_path: Path) -> None:
    """First the content is synced, then it is given its name, then the folder is: a power cut leaves old or new."""
    path = tmp_path / "ledger.json"
    with calls_of_os(os.fsync, os.replace) as made:
        replace_file(path, b"new")
    assert made == ["fsync", "replace", "fsync"]
