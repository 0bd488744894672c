"""The mixed plan on a disk that is full, read-only or broken: nothing is lost, nothing is said that is not so."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.exhaustive import Share
from tests.reliability.killer import Break
from tests.reliability.trial import APPLY, Lane, Trial, assert_each, lanes, points

DISKS = {
    "full-for-a-moment": Break("fail", error=errno.ENOSPC, short=True),
    "full-from-then-on": Break("fail", error=errno.ENOSPC, short=True, lasting=True),
    "read-only": Break("fail", error=errno.EROFS, lasting=True),
    "broken-for-a-moment": Break("fail", error=errno.EIO),
    "broken": Break("fail", error=errno.EIO, lasting=True),
}
"""How a disk fails."""
LIMITED = """
import resource, sys
from reconciler.cli.main import main
size = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def two_lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Lane]]:
    """Vendors and process parents of this module's own."""
    with lanes(tmp_path_factory.mktemp("disk")) as made:
        yield made


def assert_nothing_is_lost(trial: Trial, code: int) -> None:
    """What must hold after a run on a bad disk: no unknown password, whole books, and 0 only when all is recorded."""
    trial.assert_passwords_are_known()
    trial.assert_books_are_whole()
    assert code in (0, 1, 4)
    assert code != 0 or trial.applier.left() == 0
    trial.assert_status_is_true()


@pytest.mark.exhaustive(1)
@pytest.mark.parametrize("disk", DISKS)
def test_a_disk_that_fails_at_every_point(two_lanes: list[Lane], share: Share, disk: str) -> None:
    """Whichever write, sync, rename or opening is refused: no password is lost, and mending the disk mends the rest."""
    breaking = DISKS[disk]
    trace = points(two_lanes[0].trial(), breaking)
    assert len(trace) > 50

    def rule(trial: Trial, point: int) -> None:
        started = trial.start(breaking=replace(breaking, at=point))
        try:
            ended = trial.killer.wait(started)
            assert_nothing_is_lost(trial, ended.code)
            trial.recover(runs=1)
        except AssertionError as error:
            raise AssertionError(f"{started.trace}: {error}") from None

    assert_each(two_lanes, share.of(range(1, len(trace) + 1), 40), rule)


@pytest.mark.exhaustive(5)
@pytest.mark.parametrize("size", [0, 100, 400, 800, 1600])
def test_a_limit_on_file_size(two_lanes: list[Lane], size: int) -> None:
    """Where the system itself cuts every file at some size it is the same."""
    trial = two_lanes[0].trial()
    place = trial.place
    command = [sys.executable, "-c", LIMITED, str(size), *APPLY]
    ended = subprocess.run(command, cwd=place.folder, env=place.environment(), capture_output=True, check=False)
    assert b"internal error" not in ended.stderr, ended.stderr.decode()
    assert b"Traceback" not in ended.stderr, ended.stderr.decode()
    assert_nothing_is_lost(trial, ended.returncode)
    trial.recover(runs=1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few pages."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        pytest.skip(f"there is no mount: {error}")
    if mounted.returncode:
        pytest.skip(f"mount is not allowed here: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("free", [0, 1, 2, 3, 4, 5])
def test_a_small_disk(two_lanes: list[Lane], small_disk: Path, free: int) -> None:
    """A real file system with so many pages free."""
    trial = replace(two_lanes[0], folder=small_disk).trial()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(os.statvfs(small_disk).f_bsize)):
            pass
    os.truncate(filler, filler.stat().st_size - free * os.statvfs(small_disk).f_bsize)
    ended = trial.run()
    assert_nothing_is_lost(trial, ended.code)
    filler.unlink()
    trial.recover(runs=1)


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("stream", ["stdout", "stderr", "events"])
def test_nowhere_to_print(two_lanes: list[Lane], stream: str) -> None:
    """Where what is said has no room, that is an error in plain words, and what was sent is recorded all the same."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    trial = two_lanes[0].trial()
    place = trial.place
    more = ["--events", "/dev/full"] if stream == "events" else []
    command = [sys.executable, "-m", "reconciler", *APPLY, *more]
    with Path("/dev/full").open("wb") as full:
        out, err = (full if stream == name else subprocess.PIPE for name in ("stdout", "stderr"))
        ended = subprocess.run(command, cwd=place.folder, env=place.environment(), stdout=out, stderr=err, check=False)
    said = (ended.stderr or b"").decode()
    assert "internal error" not in said, said
    assert "Traceback" not in said, said
    assert_nothing_is_lost(trial, ended.returncode)
    assert [call for call in trial.status().get("calls", ()) if call["outcome"] == "unknown"] == []
    trial.recover(runs=1)
