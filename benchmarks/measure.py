"""Running things as fresh processes: how long, how much processor time, how much memory; medians over rounds."""

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
_LOOK_EACH: Final = 0.05
"""Seconds between two looks at what memory the processes have had. A peak only ever grows."""


class WrongAnswer(Exception):
    """What was measured did not do its work, so that its time means nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: seconds on the clock, seconds of processors (children too), peak MiB of each process, largest first."""

    wall: float
    cpu: float
    peaks: tuple[float, ...]

    @property
    def memory(self) -> float:
        """The peaks of all processes together; pages that they share count for each, so it is never too little."""
        return sum(self.peaks)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to measure: run it once, in a process of its own, and see that it did its work."""

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
        """How many times as long as `other`: the median over the rounds of both, each within its round."""
        return statistics.median(
            own.wall / its.wall for own, its in zip(self.samples, other.samples, strict=False) if its.wall
        )


def interleaved(things: Sequence[Thing], about: str) -> dict[str, Measured]:
    """Every thing in turn, round after round, so that a machine that grows slower does so for all."""
    samples: dict[str, list[Sample]] = {thing.name: [] for thing in things}
    for number in range(max((thing.rounds for thing in things), default=0)):
        for thing in things:
            if number < thing.rounds:
                say(f"{about}, round {number + 1}: {thing.name}")
                samples[thing.name].append(thing.once())
    return {name: Measured(name, tuple(found)) for name, found in samples.items()}


def say(line: str) -> None:
    """Tell whoever waits what is going on."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


def run(
    command: Sequence[str | Path],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    code: int = 0,
) -> tuple[Sample, str]:
    """Run a command to its end; the sample, and what it printed on either stream. It must exit with `code`."""
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


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without what would steer the things that are measured; this copy of the source is the one imported."""
    steering = ("RECONCILER_", "GITHUB_", "TF_", "OCTODNS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return {**kept, "PYTHONPATH": str(ROOT), "CI": "true", **(extra or {})}


@dataclass(slots=True)
class _Watch:
    """Looks at a process and its children while they run: the system tells the largest peak only, and at the end."""

    pid: int
    seen: dict[int, int] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        if self.thread:
            self.thread.join()

    def _look(self) -> None:
        while not self.over.wait(_LOOK_EACH):
            for pid in _family(self.pid):
                self.seen[pid] = max(self.seen.get(pid, 0), _peak(pid))

    def peaks(self, largest: int) -> tuple[float, ...]:
        """MiB of each process, largest first; the system knows the largest to the byte."""
        found = sorted(self.seen.values(), reverse=True) or [0]
        found[0] = max(found[0], largest)
        return tuple(peak / _MEBIBYTE for peak in found if peak)


def _family(pid: int) -> Iterator[int]:
    """A process and everything below it, where the system has `/proc`."""
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
