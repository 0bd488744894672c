"""Applies to the sandbox: how many calls, and how close to the rate that is allowed."""

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

from benchmarks.measure import Measured, Sample, Thing, environment, interleaved, run
from benchmarks.report import Limit, Section, seconds

HEAD: Final = "version: 1\ncompany: {abbreviate: acme}\n"
FIRST: Final = 8001
"""The sandbox's first id, of up to 900 agents."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to apply: the file, how many agents the vendor has before, and how fast it may go."""

    name: str
    text: str
    agents: int
    rate: int
    rounds: int


def _jobs(rounds: int) -> tuple[Job, Job, Job]:
    pool = 'pools:\n  - {from: "100000", to: "100999", name: 外呼}\n'
    one = f'agents:\n  - {{operatorId: "{FIRST}"}}\n'
    renamed = "".join(f'  - {{operatorId: "{id_}", name: "改{id_}"}}\n' for id_ in range(FIRST, FIRST + 500))
    return (
        Job("1,000 new agents, a uniform pool", HEAD + pool, 0, 0, 1),
        Job("600 deletes", HEAD + one, 601, 0, 1),
        Job("500 edits at 20 a second", HEAD + f"agents:\n{renamed}", 500, 20, min(3, rounds)),
    )


@contextmanager
def sandbox(folder: Path, agents: int) -> Iterator[str]:
    """A stand-in vendor with so many agents, which keeps its books in the folder; its address."""
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--data", "vendor.sqlite"]
    with subprocess.Popen(  # noqa: S603 - ourselves
        [*command, "--agents", str(agents)], cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            told = re.search(r"http://[\w.:]+", process.stdout.readline() if process.stdout else "")
            yield told[0] if told else ""
        finally:
            process.terminate()


def calls(folder: Path) -> dict[str, int]:
    """How many writes reached the vendor, by endpoint."""
    with closing(sqlite3.connect(folder / "vendor.sqlite")) as books:
        return dict(books.execute("SELECT endpoint, count(*) FROM history GROUP BY endpoint").fetchall())


@dataclass(slots=True)
class Trial:
    """Applies a job in a folder of its own each time; `seen` are the last one's calls."""

    job: Job
    folder: Path
    seen: dict[str, int]

    def once(self) -> Sample:
        """One apply, which must do all of it and see that it is done."""
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        (folder / "agents.yaml").write_text(self.job.text, encoding="utf-8")
        command = (sys.executable, "-m", "reconciler", "apply", "--auto-approve", "--max-deletes", "100%")
        with sandbox(folder, self.job.agents) as endpoint:
            env = {"RECONCILER_ENDPOINT": endpoint, "RECONCILER_TOKEN": "any", "RECONCILER_RATE": str(self.job.rate)}
            sample, _ = run(command, folder, env=env)
        self.seen = calls(folder)
        return sample


def applies(rounds: int, folder: Path) -> Section:
    """The three applies that have a limit."""
    section = Section("apply", ("apply", "rounds", "writes", "wall, s", "CPU, s", "MiB"))
    done: list[tuple[Measured, dict[str, int]]] = []
    for number, job in enumerate(_jobs(rounds)):
        place = folder / f"apply-{number}"
        place.mkdir()
        trial = Trial(job, place, {})
        measured = interleaved([Thing(job.name, trial.once, job.rounds)], "apply")[job.name]
        done.append((measured, trial.seen))
        counted = ", ".join(f"{count} {endpoint}" for endpoint, count in sorted(trial.seen.items()))
        cells = (seconds(measured.wall), seconds(measured.cpu), f"{measured.memory:.0f}")
        section.rows.append((job.name, str(job.rounds), counted, *cells))
    (_, creates), (_, deletes), (edits, _) = done
    found = (
        Limit.exactly("writes for a uniform pool of 1,000", 1, sum(creates.values())),
        Limit.exactly("writes for 600 deletes", 6, sum(deletes.values())),
        Limit.most("500 edits at 20 a second, to 25 s", 1.1, edits.wall / 25),
    )
    section.limits.extend(found)
    return section
