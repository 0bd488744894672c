from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks import floor, script
from benchmarks.data import CHANGED_EACH, desired_file, operator_ids, pages
from benchmarks.measure import ROOT, environment
from benchmarks.vendor import Vendor
from reconciler.core.yaml.document import parse
from tests.bench import COUNT

DIFFERING = [id_ for index, id_ in enumerate(operator_ids(COUNT)) if index % CHANGED_EACH == 0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The generator's file."""
    path = tmp_path / "agents.yaml"
    path.write_bytes(desired_file(COUNT))
    return path


def test_the_floor_reads_the_same_values() -> None:
    """The floor's events become what our reader makes of the same file, and each agent knows the same line."""
    data = desired_file(COUNT)
    root, lines = floor.build(data)
    document, problems = parse("agents.yaml", data)
    assert document is not None
    assert not problems
    assert root == document.root
    assert [line + 1 for line in lines[-COUNT:]] == [document.place(("agents", n)).line for n in range(COUNT)]
    (agent, *_), (read, *_) = root["agents"], cast(Any, document.root)["agents"]
    assert [type(value) for value in agent.values()] == [type(value) for value in read.values()]


def test_bare_sockets_get_every_page(seller: Vendor) -> None:
    """The floor's pages are the listing, in order."""
    assert floor.fetch(seller.port) == list(pages(COUNT))


def test_the_floor_finds_the_same_differences() -> None:
    """Comparing dictionaries finds the agents that a plan edits."""
    root, _ = floor.build(desired_file(COUNT))
    assert list(floor.differing(root["agents"], floor.rows(pages(COUNT)))) == DIFFERING


def test_the_whole_floor_counts_them(seller: Vendor, file: Path) -> None:
    """With the pages fetched by a second process, it is the same number."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.floor", "plan", file, str(seller.port)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert int(done.stdout) == len(DIFFERING)


@pytest.mark.parametrize("safe", [False, True])
def test_the_script_finds_the_same_differences(seller: Vendor, file: Path, safe: bool) -> None:
    """The script that a user would write comes to the same agents, with either loader."""
    agents = script.desired(file, safe=safe)
    assert list(script.differing(agents, script.live(seller.endpoint))) == DIFFERING
