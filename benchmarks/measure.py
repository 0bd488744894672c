"""Runs things as fresh processes and measures time, processor time and memory; figures are medians over rounds."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, Self

ROOT: Final = Path(__file__).parents[1]
_MEBIBYTE: Final = 1024 * 1024
_SECONDS_BETWEEN_READINGS: Final = 0.05
"""Seconds between two readings of the processes' memory peaks. A peak only ever grows, so few are enough."""


class WrongAnswer(Exception):
    """A thing that was measured did not do its work, so its time means nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: seconds on the clock, seconds of processors (children too), peak MiB of each process, largest first."""

    wall: float
    cpu: float
    peaks: tuple[float, ...]

    @property
    def memory(self) -> float:
        """MiB of all processes together; memory that they share counts for each, so the sum is never too small."""
        return sum(self.peaks)


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing to measure: `once` runs it in a process of its own and checks that it did its work."""

    name: str
    once: Callable[[], Sample]
    rounds: int


@dataclass(frozen=True, slots=True)
class Measured:
    """Every round of a thing."""

    name: str
    samples: tuple[Sample, ...]

    @property
    def wall(self) -> float:
        """Seconds, the median."""
        return statistics.median(sample.wall for sample in self.samples)

    @property
    def cpu(self) -> float:
        """Seconds of processors, the median."""
        return statistics.median(sample.cpu for sample in self.samples)

    @property
    def memory(self) -> float:
        """MiB of all processes together, the median."""
        return statistics.median(sample.memory for sample in self.samples)

    @property
    def peaks(self) -> tuple[float, ...]:
        """MiB of each process, in the round of the median."""
        return sorted(self.samples, key=lambda sample: sample.memory)[len(self.samples) // 2].peaks

    @property
    def spread(self) -> tuple[float, float]:
        """The fastest and the slowest round, in seconds."""
        walls = [sample.wall for sample in self.samples]
        return min(walls), max(walls)

    def over(self, other: Measured) -> float:
        """How many times as long as `other` it took: the median of the ratios within each round."""
        return statistics.median(
            own.wall / its.wall for own, its in zip(self.samples, other.samples, strict=False) if its.wall
        )


def interleaved(things: Sequence[Thing], about: str) -> dict[str, Measured]:
    """Run every thing in turn, round after round, so that a machine that becomes slower does so for all.

    Raises:
        WrongAnswer: a thing did not do its work.
    """
    samples: dict[str, list[Sample]] = {thing.name: [] for thing in things}
    for number in range(max((thing.rounds for thing in things), default=0)):
        for thing in things:
            if number < thing.rounds:
                say(f"{about}, round {number + 1}: {thing.name}")
                samples[thing.name].append(thing.once())
    return {name: Measured(name, tuple(rounds)) for name, rounds in samples.items()}


def say(line: str) -> None:
    """Write a line about the progress to stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


def run(
    command: Sequence[str | Path],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    code: int = 0,
) -> tuple[Sample, str]:
    """Run a command to its end; return the sample, and what it printed on stdout and stderr.

    Raises:
        WrongAnswer: it does not exit with `code`.
    """
    with TemporaryFile() as out:
        begin = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - what is measured
            command, cwd=folder, env=environment(env), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        with _Watch(process.pid) as watch:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        printed = out.read().decode(errors="replace")
    if process.returncode != code:
        raise WrongAnswer(f"{command[0]} ended with {process.returncode}:\n{printed[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Sample(wall, usage.ru_utime + usage.ru_stime, watch.peaks(usage.ru_maxrss * unit)), printed


def reconciler(command: Sequence[str | Path], folder: Path, *, endpoint: str = "", code: int = 0) -> tuple[Sample, str]:
    """Run `reconciler` like `run`, against the vendor at `endpoint` if one is given.

    Raises:
        WrongAnswer: it does not exit with `code`.
    """
    env = {"RECONCILER_ENDPOINT": endpoint, "RECONCILER_TOKEN": "any"} if endpoint else {}
    return run((sys.executable, "-m", "reconciler", *command), folder, env=env, code=code)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment without the variables that steer the things that are measured.

    `PYTHONPATH` makes them import this copy of the source.
    """
    steering = ("RECONCILER_", "GITHUB_", "TF_", "OCTODNS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return {**kept, "PYTHONPATH": str(ROOT), "CI": "true", **(extra or {})}


@dataclass(slots=True)
class _Watch:
    """Reads the memory peaks of a process and its children while they run.

    The system itself tells only the largest of them, at the end.
    """

    pid: int
    peak_of: dict[int, int] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self._read_peaks, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        if self.thread:
            self.thread.join()

    def _read_peaks(self) -> None:
        while not self.over.wait(_SECONDS_BETWEEN_READINGS):
            for pid in _family(self.pid):
                self.peak_of[pid] = max(self.peak_of.get(pid, 0), _peak(pid))

    def peaks(self, largest: int) -> tuple[float, ...]:
        """MiB of each process, largest first; `largest` is the largest in bytes, as the system tells it."""
        peaks = sorted(self.peak_of.values(), reverse=True) or [0]
        peaks[0] = max(peaks[0], largest)
        return tuple(peak / _MEBIBYTE for peak in peaks if peak)


def _family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants; without `/proc`, only the process."""
    yield pid
    try:
        children = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return
    for child in " ".join(children).split():
        yield from _family(int(child))


def _peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
