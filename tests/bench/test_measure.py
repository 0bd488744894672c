from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.measure import Measured, Sample, Thing, WrongAnswer, interleaved, run
from benchmarks.report import Limit, Section, markdown, terminal


def sample(wall: float) -> Sample:
    """A run that took so long."""
    return Sample(wall, wall, (10.0, 5.0))


def test_a_ratio_is_taken_within_each_round() -> None:
    """A machine that is twice as slow in one round changes no ratio."""
    ours = Measured("ours", tuple(map(sample, (2.0, 4.0, 2.0))))
    floor = Measured("floor", tuple(map(sample, (1.0, 2.0, 1.0))))
    assert ours.over(floor) == 2.0


def test_things_take_turns() -> None:
    """What is compared is measured alternately, and what takes long in fewer rounds."""
    order: list[str] = []

    def thing(name: str, rounds: int) -> Thing:
        def once() -> Sample:
            order.append(name)
            return sample(1.0)

        return Thing(name, once, rounds)

    found = interleaved([thing("floor", 3), thing("ours", 3), thing("slow", 1)], "test")
    assert order == ["floor", "ours", "slow", "floor", "ours", "floor", "ours"]
    assert [len(measured.samples) for measured in found.values()] == [3, 3, 1]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only /proc tells of each process")
def test_a_child_counts(tmp_path: Path) -> None:
    """The memory of a child process is a process of its own in the sample."""
    child = "import time; kept = b'x' * (1 << 26); time.sleep(0.3)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    found, _ = run((sys.executable, "-c", parent), tmp_path)
    assert len(found.peaks) == 2
    assert found.peaks[0] > 64
    assert found.memory == sum(found.peaks)


def test_a_wrong_exit_code_ends_the_bench(tmp_path: Path) -> None:
    """What did not do its work is not timed, and its last words are shown."""
    with pytest.raises(WrongAnswer, match="no such luck"):
        run((sys.executable, "-c", "raise SystemExit('no such luck')"), tmp_path)


def test_a_limit_that_is_not_met_is_said() -> None:
    """Both tables say it of each limit, in words that can be searched for."""
    limits = [Limit.most("plan", 1.4, 1.5), Limit.least("peer", 8, 9), Limit.exactly("calls", 6, 6)]
    assert [limit.ok for limit in limits] == [False, True, True]
    section = Section("whole", ("what",), [("ours",)], limits)
    assert "NOT MET" in terminal(section)
    assert "**not met**" in markdown(section, "today")
