"""The stages as a table: runs `benchmarks.stages` in a fresh process each round."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.data import changed
from benchmarks.measure import WrongAnswer, run, say
from benchmarks.report import Limit, Section, ratio, seconds
from benchmarks.vendor import Vendor, vendor
from benchmarks.whole import write_file

EVENTS: Final = "events with lines"
PAGES: Final = "pages over bare sockets"
ROWS: Final = "json.loads of the rows"
COMPARED: Final = "comparison of dictionaries"
LOOKS: Final = "looks of 10,000 new ids"
OFFLINE: Final = "read, validate, resolve, rules"
FLOORS: Final[dict[str, tuple[str, ...]]] = {
    "read": (EVENTS,),
    "validate": (EVENTS,),
    "resolve": (EVENTS,),
    OFFLINE: (EVENTS,),
    "fetch, decoded": (PAGES, ROWS),
    "diff": (COMPARED,),
    "plan, with the diff": (COMPARED,),
}
"""What each stage is held against; rendering has no floor."""
_MANY: Final = 100_000

Spent = dict[str, dict[str, float]]


def stages(sizes: Sequence[int], rounds: int, folder: Path) -> Section:
    """Measure every stage at every size.

    Raises:
        WrongAnswer: a plan does not have the expected number of actions.
    """
    columns = ("agents", "stage", "wall, s", "× floor", "CPU, s", "× floor", "peak, MiB", "its floor")
    section = Section("stage", columns)
    for size in sizes:
        file = write_file(size, folder)
        with vendor(size) as seller:
            each_round = [_round(number, size, file, seller) for number in range(1, rounds + 1)]
        section.rows.extend(_row(size, name, each_round) for name in each_round[0])
        if size >= _MANY:
            share = statistics.median(spent[LOOKS]["cpu"] / spent[OFFLINE]["cpu"] for spent in each_round)
            section.limits.append(Limit.most(f"{LOOKS} beside {size:,} live ones, to reading the file", 0.05, share))
        file.unlink()
    section.notes.append(f"Medians of {rounds}. A peak is the whole process's, while the stage runs.")
    return section


def _round(number: int, size: int, file: Path, seller: Vendor) -> Spent:
    say(f"{size:,} agents, stages, round {number}")
    _, printed = run((sys.executable, "-m", "benchmarks.stages", file, str(seller.port)), file.parent)
    result: dict[str, Any] = json.loads(printed)
    if result["actions"] != changed(size):
        raise WrongAnswer(f"the plan has {result['actions']} actions")
    spent: Spent = result["spent"]
    return spent


def _row(size: int, name: str, each_round: Sequence[Spent]) -> tuple[str, ...]:
    floors = FLOORS.get(name, ())
    cells = []
    for kind in ("wall", "cpu"):
        cells.append(seconds(statistics.median(spent[name][kind] for spent in each_round)))
        ratios = [spent[name][kind] / sum(spent[floor][kind] for floor in floors) for spent in each_round if floors]
        cells.append(ratio(statistics.median(ratios)) if ratios else "")
    peak = statistics.median(spent[name]["peak"] for spent in each_round)
    return (f"{size:,}", name, *cells, f"{peak:.0f}", " and ".join(floors))
