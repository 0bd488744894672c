"""The commands that edit a large file in place, beside `validate` of the same file, and beside a formatter.

The formatter is prettier, from npm, which many repositories run over their YAML. It is measured only where it is on the
PATH. It knows nothing of agents: it parses the file and prints it anew.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.data import CHANGED_EACH, changed, live_name, operator_ids
from benchmarks.measure import Measured, Sample, Thing, WrongAnswer, interleaved, reconciler, run, say
from benchmarks.report import Limit, Section, memory, ratio, seconds
from benchmarks.vendor import Vendor, vendor
from benchmarks.whole import write_file

AGENTS: Final = 20_000
VALIDATE: Final = "validate"
CHECK: Final = "fmt --check"
FMT: Final = "fmt, of a file whose every hundredth agent is spelt otherwise"
EXPORT: Final = "export --into, one agent in a hundred differs"
IMPORT: Final = "import --into, one agent in a hundred differs"
PRETTIER: Final = "prettier --write"
MOST: Final = 4
"""How many times as long as `validate`, and as much memory, an edit may take."""


def _ours(file: Path, command: tuple[str | Path, ...], source: bytes, *, seller: Vendor | None) -> Callable[[], Sample]:
    """Return a function that runs a command on a file which holds `source` each time."""

    def once() -> Sample:
        file.write_bytes(source)
        sample, _ = reconciler(command, file.parent, endpoint=seller.endpoint if seller else "")
        if command[0] in ("export", "import") and file.read_bytes().count("改名".encode()) != changed(AGENTS):
            raise WrongAnswer(f"{command[0]} --into did not change {changed(AGENTS)} agents")
        return sample

    return once


def _other(file: Path, source: bytes) -> Callable[[], Sample] | None:
    prettier = shutil.which("prettier")
    if prettier is None:
        say("no prettier on the PATH, so it is not measured")
        return None

    def once() -> Sample:
        file.write_bytes(source)
        return run((prettier, "--write", "--print-width", "200", file), file.parent)[0]

    return once


def _sheet(file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("operatorId", "name"))
        rows.writerows((id_, live_name(index, id_)) for index, id_ in enumerate(operator_ids(AGENTS)))


def editing(rounds: int, folder: Path) -> Section:
    """Measure each command on a file of 20,000 agents.

    Raises:
        WrongAnswer: one of them did not do its work.
    """
    file, sheet = write_file(AGENTS, folder), folder / "agents.csv"
    _sheet(sheet)
    reconciler(("fmt", "-f", file), folder)
    canonical = file.read_bytes()
    odd = canonical.replace(b"isrecord: true", b"isrecord:   true", AGENTS // CHANGED_EACH)
    with vendor(AGENTS) as seller:
        things = [
            Thing(VALIDATE, _ours(file, ("validate", "-f", file), canonical, seller=None), rounds),
            Thing(CHECK, _ours(file, ("fmt", "--check", "-f", file), canonical, seller=None), rounds),
            Thing(FMT, _ours(file, ("fmt", "-f", file), odd, seller=None), rounds),
            Thing(EXPORT, _ours(file, ("export", "--rate", "0", "--into", file), canonical, seller=seller), rounds),
            Thing(IMPORT, _ours(file, ("import", sheet, "--into", file), canonical, seller=None), rounds),
        ]
        if prettier := _other(file, canonical):
            things.append(Thing(PRETTIER, prettier, 1))
        found = interleaved(things, f"{AGENTS:,} agents")
    base = found[VALIDATE]
    section = Section(
        "edit", ("command", "rounds", "wall, s", "× validate", "CPU, s", "MiB, each process", "× validate")
    )
    section.rows.extend(_row(measured, base) for measured in found.values())
    for name in (CHECK, FMT, EXPORT, IMPORT):
        words = name.partition(",")[0]
        section.limits.append(Limit.most(f"{words}, to validate", MOST, found[name].over(base)))
        section.limits.append(Limit.most(f"{words}, memory, to validate", MOST, found[name].memory / base.memory))
    section.notes.append(f"A file of {AGENTS:,} agents. `export --into` reads {AGENTS // 100} pages meanwhile.")
    return section


def _row(measured: Measured, base: Measured) -> tuple[str, ...]:
    return (
        *(measured.name, str(len(measured.samples)), seconds(measured.wall), ratio(measured.over(base))),
        *(seconds(measured.cpu), memory(measured), ratio(measured.memory / base.memory)),
    )
