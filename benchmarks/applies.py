"""Applies to the sandbox: how many calls they send, and how close they come to the rate that is allowed."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measure import Measured, Sample, Thing, environment, interleaved, reconciler
from benchmarks.report import Limit, Section, seconds

HEAD: Final = "version: 1\ncompany: {abbreviate: acme}\n"
FIRST: Final = 8001
"""The sandbox's first id, of up to 900 agents."""


@dataclass(frozen=True, slots=True)
class Job:
    """An apply to measure: the file, how many agents the vendor has before, and requests a second (0: unlimited)."""

    name: str
    text: str
    agents: int
    rate: int
    rounds: int


def _jobs(rounds: int) -> tuple[Job, Job, Job]:
    pool = 'pools:\n  - {from: "100000", to: "100999", name: 外呼}\n'
    single = f'agents:\n  - {{operatorId: "{FIRST}"}}\n'
    renamed = "".join(f'  - {{operatorId: "{id_}", name: "改{id_}"}}\n' for id_ in range(FIRST, FIRST + 500))
    return (
        Job("1,000 new agents, a uniform pool", HEAD + pool, 0, 0, 1),
        Job("600 deletes", HEAD + single, 601, 0, 1),
        Job("500 edits at 20 a second", HEAD + f"agents:\n{renamed}", 500, 20, min(3, rounds)),
    )


@contextmanager
def sandbox(folder: Path, agents: int) -> Iterator[str]:
    """Run a stand-in vendor with so many agents, which keeps its data in the folder; yield its address."""
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--data", "vendor.sqlite"]
    with subprocess.Popen(  # noqa: S603 - ourselves
        [*command, "--agents", str(agents)], cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            address = re.search(r"http://[\w.:]+", process.stdout.readline() if process.stdout else "")
            yield address[0] if address else ""
        finally:
            process.terminate()


def calls(folder: Path) -> dict[str, int]:
    """Count the writes that reached the vendor, by endpoint."""
    with closing(sqlite3.connect(folder / "vendor.sqlite")) as database:
        return dict(database.execute("SELECT endpoint, count(*) FROM history GROUP BY endpoint").fetchall())


@dataclass(slots=True)
class Trial:
    """Applies a job, each time in a folder of its own; `writes` counts those of the last apply, by endpoint."""

    job: Job
    folder: Path
    writes: dict[str, int]

    def once(self) -> Sample:
        """Run one apply, which must do all of the job and see that it is done.

        Raises:
            WrongAnswer: the apply does not exit with 0.
        """
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        (folder / "agents.yaml").write_text(self.job.text, encoding="utf-8")
        command = ("apply", "--auto-approve", "--max-deletes", "100%", "--rate", str(self.job.rate))
        with sandbox(folder, self.job.agents) as endpoint:
            sample, _ = reconciler(command, folder, endpoint=endpoint)
        self.writes = calls(folder)
        return sample


def applies(rounds: int, folder: Path) -> Section:
    """Measure the three applies that have a limit.

    Raises:
        WrongAnswer: an apply does not do its job.
    """
    section = Section("apply", ("apply", "rounds", "writes", "wall, s", "CPU, s", "MiB"))
    done: list[tuple[Measured, dict[str, int]]] = []
    for number, job in enumerate(_jobs(rounds)):
        place = folder / f"apply-{number}"
        place.mkdir()
        trial = Trial(job, place, {})
        measured = interleaved([Thing(job.name, trial.once, job.rounds)], "apply")[job.name]
        done.append((measured, trial.writes))
        counted = ", ".join(f"{count} {endpoint}" for endpoint, count in sorted(trial.writes.items()))
        cells = (seconds(measured.wall), seconds(measured.cpu), f"{measured.memory:.0f}")
        section.rows.append((job.name, str(job.rounds), counted, *cells))
    (_, creates), (_, deletes), (edits, _) = done
    limits = (
        Limit.exactly("writes for a uniform pool of 1,000", 1, sum(creates.values())),
        Limit.exactly("writes for 600 deletes", 6, sum(deletes.values())),
        Limit.most("500 edits at 20 a second, to 25 s", 1.1, edits.wall / 25),
    )
    section.limits.extend(limits)
    return section
