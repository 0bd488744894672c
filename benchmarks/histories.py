"""`history` of a thousand runs beside the same of ten: what it takes does not grow with what nobody asks for."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.measure import Sample, Thing, WrongAnswer, environment, interleaved, reconciler
from benchmarks.report import Limit, Section, seconds

MANY: Final = 1_000
FEW: Final = 10
ACTIONS: Final = 20
"""So many actions has each run."""
BRANCH: Final = "reconciler/ledger"


def write_records(folder: Path, runs: int) -> None:
    """Write the records of so many runs beside a ledger in the folder, as applies leave them."""
    (folder / "history").mkdir(parents=True)
    for number in range(1, runs + 1):
        changed = {"before": {"name": "张三"}, "after": {"name": "李四"}, "outcome": "done"}
        actions = [{"operatorId": str(8001 + each), "action": "edit", **changed} for each in range(ACTIONS)]
        record = {
            "format": "reconciler.history/1", "run": f"r{number}", "begun": "2026-11-22T10:00:00Z",
            "ended": "2026-11-22T10:00:09Z", "actor": "li", "pipeline": "https://git.example/7", "commit": "c" * 40,
            "files": ["agents.yaml"], "digest": "d" * 64, "exit_code": 0, "actions": actions,
        }  # fmt: skip
        (folder / f"history/{number:08}-x.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")


def on_a_branch(folder: Path, records: Path) -> str:
    """Push the records to a bare repository, as a ledger's branch; return the ledger's name."""
    bare, who = folder / "books.git", ("-c", "user.name=x", "-c", "user.email=x@localhost")
    _git(folder, "init", "--quiet", "--bare", str(bare))
    _git(records, "init", "--quiet")
    _git(records, "add", "history")
    _git(records, *who, "commit", "--quiet", "--message", "history")
    _git(records, "push", "--quiet", str(bare), f"HEAD:refs/heads/{BRANCH}")
    return f"git+{bare}#{BRANCH}"


def _git(folder: Path, *arguments: str) -> None:
    command = ["git", *arguments]
    subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)  # noqa: S603 - git, on what we made


def listing(folder: Path, ledger: str) -> Callable[[], Sample]:
    """List the last ten runs, in a process of its own, which must tell of them."""
    command = ("history", "--limit", str(FEW), "--ledger", ledger, "--format", "json")

    def once() -> Sample:
        sample, printed = reconciler(command, folder)
        if len(json.loads(printed)["runs"]) != FEW:
            raise WrongAnswer(f"not {FEW} runs: {printed[:200]}")
        return sample

    return once


def histories(rounds: int, folder: Path) -> Section:
    """Measure the listing of ten runs out of many and out of few, on disk and on a branch.

    Raises:
        WrongAnswer: a listing does not tell of its runs.
    """
    things = []
    for runs in (FEW, MANY):
        place = folder / f"history-{runs}"
        write_records(place, runs)
        on_disk = listing(folder, str(place / "ledger.json"))
        on_branch = listing(folder, on_a_branch(place, place))
        things += [Thing(f"disk, {runs:,}", on_disk, rounds), Thing(f"branch, {runs:,}", on_branch, rounds)]
    measured = interleaved(things, "history")
    section = Section("history", ("ledger, runs", "rounds", "wall, s", "CPU, s", "MiB", "× of 10 runs"))
    for where, allowed in (("disk", 1.5), ("branch", 2)):
        few, many = measured[f"{where}, {FEW:,}"], measured[f"{where}, {MANY:,}"]
        for each in (few, many):
            cells = (seconds(each.wall), seconds(each.cpu), f"{each.memory:.0f}", f"{each.over(few):.3g}")
            section.rows.append((each.name, str(rounds), *cells))
        section.limits.append(Limit.most(f"ten of 1,000 runs, {where}, to ten of 10", allowed, many.over(few)))
        section.limits.append(Limit.most(f"ten of 1,000 runs, {where}, CPU", 1, many.cpu, "s"))
    return section
