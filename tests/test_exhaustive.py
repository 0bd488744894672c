"""A part and a sample of an exhaustive suite are what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.exhaustive import Share

CASES = [f"case {number}" for number in range(100)]
ROOT = Path(__file__).parents[1]
FAULT = "tests/reliability/test_every_fault.py"


def test_a_part_is_the_same_each_time() -> None:
    """One in so many, from the first on; of points the first of each kind is among them."""
    assert Share("part").of(CASES, 25) == ["case 0", "case 27", "case 54", "case 81"]
    assert Share("part").of(CASES, 0) == []
    table = [(row, column) for row in range(6) for column in range(12)]
    rows, columns = zip(*Share("part").of(table, 6), strict=True)
    assert ({*rows}, {*columns}) == ({*range(6)}, {*range(12)} & {*columns})
    assert len({*columns}) > 6
    assert Share("part").of_points(["a", "b", "a", "a", "b", "c"], 2) == [1, 2, 4, 6]


def test_all_is_all() -> None:
    """Nothing is left out, also of what is in no part."""
    assert Share("all").of(CASES, 25) == Share("all").of(CASES, 0) == CASES


def test_a_sample_is_drawn_by_its_seed() -> None:
    """The same seed draws the same cases, another seed and another test others; in the end every case is drawn."""
    first = Share("sample:1", "a").of(CASES, 25)
    assert first == Share("sample:1", "a").of(CASES, 25)
    assert len(first) == 4
    assert first != Share("sample:2", "a").of(CASES, 25)
    assert first != Share("sample:1", "b").of(CASES, 25)
    assert {case for seed in range(400) for case in Share(f"sample:{seed}").of(CASES, 25)} == set(CASES)
    assert {len(Share(f"sample:{seed}").of(["only"], 0)) for seed in range(100)} == {0, 1}


@pytest.mark.parametrize("how", ["", "some", "sample:", "sample"])
def test_anything_else_is_refused(how: str) -> None:
    """A word that the option does not know runs nothing."""
    with pytest.raises(ValueError, match="--prove"):
        Share(how)


def collected(*arguments: str) -> set[str]:
    """The tests that pytest would run."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    return {line for line in done.stdout.splitlines() if "::" in line}


def test_what_is_named_is_run() -> None:
    """A file is run in part unless told otherwise; a test that is named is run with all its cases."""
    name = f"{FAULT}::test_one_hiccup_is_ridden_out"
    whole, part = collected(name), {node for node in collected(FAULT) if node.startswith(f"{name}[")}
    assert part < whole
    assert 0 < len(part) < len(whole) / 2
