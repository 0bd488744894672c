"""Measures whole plans as processes: `reconciler plan`, the floor, a user's script, PyYAML's loader, and the peers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import peers
from benchmarks.data import PAGE_SIZE, changed
from benchmarks.measure import ROOT, Measured, Sample, Thing, WrongAnswer, interleaved, reconciler, run, say
from benchmarks.report import Limit, Section, memory, ratio, seconds
from benchmarks.vendor import Vendor, vendor

FLOOR: Final = "floor"
OURS: Final = "reconciler plan"
LOADER: Final = "yaml.load, CSafeLoader, alone"
SCRIPT: Final = "script, CSafeLoader"
SAFE_SCRIPT: Final = "script, yaml.safe_load"
OCTODNS: Final = "octoDNS"
TERRAFORM: Final = "terraform"

LARGE: Final = 50_000
"""Agents from which slow things are measured less often, or not at all."""
FEWER: Final = 3
"""Rounds at most for slow things."""

MEGABYTE: Final = 1_000_000 / 1024 / 1024


def write_file(size: int, folder: Path) -> Path:
    """Write an `agents.yaml` in another process, so that this one stays small; return its path."""
    file = folder / f"agents-{size}.yaml"
    run((sys.executable, "-m", "benchmarks.data", str(size), file), ROOT)
    return file


def ours(size: int, file: Path, seller: Vendor) -> Callable[[], Sample]:
    """Return a function that runs `reconciler plan` without a limit on the rate and checks its plan."""
    plan_file = file.with_name("plan.json")
    command = ("plan", "-f", file, "--rate", "0", "--detailed-exitcode", "--format", "json", "--output", plan_file)

    def once() -> Sample:
        before = seller.asked
        sample, _ = reconciler(command, file.parent, endpoint=seller.endpoint, code=2)
        summary = json.loads(plan_file.read_text(encoding="utf-8"))["summary"]
        expected = dict.fromkeys(summary, 0) | {"edit": changed(size), "unchanged": size - changed(size)}
        if summary != expected:
            raise WrongAnswer(f"the plan has {summary} and not {expected}")
        if seller.asked - before != -(-size // PAGE_SIZE):
            raise WrongAnswer(f"the plan asked for {seller.asked - before} pages of {PAGE_SIZE}")
        return sample

    return once


def other(module: str, *arguments: str | Path, folder: Path, lines: int, first: str = "") -> Callable[[], Sample]:
    """Return a function that runs a module of this package; it must print so many lines, and `first` on the first."""

    def once() -> Sample:
        sample, printed = run((sys.executable, "-m", module, *arguments), folder)
        printed_lines = printed.splitlines()
        if len(printed_lines) != lines or (first and printed_lines[0] != first):
            raise WrongAnswer(f"{module} printed {printed[:200]}")
        return sample

    return once


def _things(size: int, rounds: int, file: Path, seller: Vendor) -> list[Thing]:
    differ, folder, port = changed(size), file.parent, str(seller.port)
    few = min(FEWER, rounds)
    floor = other("benchmarks.floor", "plan", file, port, folder=folder, lines=1, first=str(differ))
    loader = other("benchmarks.floor", "load", file, folder=folder, lines=1, first=str(size))
    script = other("benchmarks.script", file, seller.endpoint, folder=folder, lines=differ)
    safe = other("benchmarks.script", file, seller.endpoint, "--safe", folder=folder, lines=differ)
    return [
        Thing(FLOOR, floor, rounds),
        Thing(OURS, ours(size, file, seller), rounds),
        Thing(LOADER, loader, few if size >= LARGE else rounds),
        Thing(SCRIPT, script, 1 if size >= LARGE else few),
        Thing(SAFE_SCRIPT, safe, 0 if size >= LARGE else few),
    ]


_COLUMNS: Final = (
    *("agents", "what", "rounds", "wall, s", "fastest to slowest", "× {}"),
    *("CPU, s", "× {}", "MiB, each process", "× {}"),
)


def _row(size: int, measured: Measured, base: Measured) -> tuple[str, ...]:
    fastest, slowest = measured.spread
    return (
        *(f"{size:,}", measured.name, str(len(measured.samples)), seconds(measured.wall)),
        *(f"{seconds(fastest)} to {seconds(slowest)}", ratio(measured.over(base))),
        *(seconds(measured.cpu), ratio(measured.cpu / base.cpu)),
        *(memory(measured), ratio(measured.memory / base.memory)),
    )


def whole(sizes: Sequence[int], rounds: int, folder: Path) -> Section:
    """Measure `reconciler plan` beside the floor, the loader and the script.

    Raises:
        WrongAnswer: one of them did not do its work.
    """
    section = Section("whole", tuple(name.format("floor") for name in _COLUMNS))
    by_size: dict[int, dict[str, Measured]] = {}
    for size in sizes:
        file = write_file(size, folder)
        with vendor(size) as seller:
            by_size[size] = interleaved(_things(size, rounds, file, seller), f"{size:,} agents")
        for name, measured in by_size[size].items():
            if measured.samples:
                section.rows.append(_row(size, measured, by_size[size][FLOOR]))
                section.draw(name, size, measured)
        file.unlink()
    section.limits.extend(_limits(by_size))
    return section


def _limits(by_size: dict[int, dict[str, Measured]]) -> list[Limit]:
    limits = []
    if large := by_size.get(100_000):
        mine = large[OURS]
        limits += [
            Limit.most("plan of 100,000, to the floor", 1.4, mine.over(large[FLOOR])),
            Limit.most("plan of 100,000, to yaml.load with CSafeLoader", 0.2, mine.over(large[LOADER])),
            Limit.most("plan of 100,000, memory of all its processes", 600, mine.memory / MEGABYTE, "MB"),
        ]
    if middle := by_size.get(10_000):
        limits.append(Limit.most("plan of 10,000, to the floor", 1.6, middle[OURS].over(middle[FLOOR])))
    if large and middle:
        limits += [
            Limit.most("time of 100,000 to 10,000", 11, large[OURS].wall / middle[OURS].wall),
            Limit.most("memory of 100,000 to 10,000", 11, large[OURS].memory / middle[OURS].memory),
        ]
    return limits


def beside_peers(sizes: Sequence[int], rounds: int, folder: Path) -> Section:
    """Measure `reconciler plan`, listing included, beside octoDNS and terraform.

    Raises:
        WrongAnswer: one of them did not do its work.
    """
    section = Section("peers", tuple(name.format("ours") for name in _COLUMNS))
    _say_who(section)
    for size in sizes:
        file = write_file(size, folder)
        with vendor(size) as seller:
            things = [Thing(OURS, ours(size, file, seller), rounds), *_peers(size, rounds, folder / str(size))]
            by_name = interleaved(things, f"{size:,} agents and peers")
        for name, measured in by_name.items():
            section.rows.append(_row(size, measured, by_name[OURS]))
            section.draw(name, size, measured)
        if size == 10_000:
            section.limits.extend(
                Limit.least(f"{name} at 10,000, to reconciler plan", least, by_name[name].over(by_name[OURS]))
                for name, least in ((OCTODNS, 8), (TERRAFORM, 30))
                if name in by_name
            )
        file.unlink()
    return section


def _peers(size: int, rounds: int, folder: Path) -> list[Thing]:
    few = min(FEWER, rounds)
    things = []
    if once := peers.octodns(size, folder / "octodns"):
        things.append(Thing(OCTODNS, once, 1 if size >= LARGE else rounds))
    if size < LARGE and (once := peers.terraform(size, folder / "terraform")):
        things.append(Thing(TERRAFORM, once, few))
    return things


def _say_who(section: Section) -> None:
    """Note which versions of the peers are measured, or why one is not, and print that."""
    if peers.OCTODNS.exists():
        section.notes.append(f"octoDNS {peers.octodns_version()}.")
    else:
        section.notes.append("octoDNS is not installed (`make bench` installs it): not measured.")
    if peers.installed("terraform"):
        section.notes.append(f"terraform {peers.terraform_version()}; not asked for {LARGE:,} agents or more.")
    else:
        section.notes.append("There is no terraform on the PATH: not measured.")
    for note in section.notes:
        say(note)
