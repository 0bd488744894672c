"""Measure plans and applies: `python -m benchmarks`, or `make bench`. Exits with 1 when a limit is not met."""

from __future__ import annotations

import argparse
import compileall
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.applies import applies
from benchmarks.bystage import stages
from benchmarks.editing import editing
from benchmarks.histories import histories
from benchmarks.measure import ROOT, WrongAnswer, run, say
from benchmarks.report import RESULTS, Section, keep, machine, terminal, write
from benchmarks.touched import touched
from benchmarks.whole import beside_peers, whole

SECTIONS: Final = ("stage", "whole", "peers", "apply", "history", "touched", "edit")
SIZES: Final = (1_000, 10_000, 100_000)
PLOTTER: Final = ROOT / ".venv-bench/bin/python"


def measured(options: argparse.Namespace, folder: Path) -> Iterator[Section]:
    """Yield every section that was asked for, as soon as it is measured.

    Raises:
        WrongAnswer: something that is measured did not do its work.
    """
    names = options.only or SECTIONS
    if "stage" in names:
        yield stages(options.sizes, options.rounds, folder)
    if "whole" in names:
        yield whole(options.sizes, options.rounds, folder)
    if "peers" in names:
        yield beside_peers(options.sizes, options.rounds, folder)
    if "apply" in names:
        yield applies(options.rounds, folder)
    if "history" in names:
        yield histories(options.rounds, folder)
    if "touched" in names:
        yield touched(options.rounds, folder)
    if "edit" in names:
        yield editing(options.rounds, folder)


def publish(sections: list[Section], about: str) -> None:
    """Renew the page's tables, and the plots where matplotlib is installed."""
    write(keep(sections, about))
    if PLOTTER.exists():
        run((PLOTTER, "-m", "benchmarks.plots", RESULTS, ROOT / "docs/pictures"), ROOT)
    else:
        say("no .venv-bench, so the plots stay as they are; `make bench` makes it")


def main() -> None:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), metavar="AGENTS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=SECTIONS, action="append", help="only this; repeatable")
    parser.add_argument("--write", action="store_true", help="renew docs/performance.md and its plots")
    options = parser.parse_args()
    about, sections = machine(), []
    for source in ("reconciler", "benchmarks"):  # as pip does with what it installs
        compileall.compile_dir(ROOT / source, quiet=1)
    sys.stdout.write(f"{about}\n")
    try:
        with TemporaryDirectory(prefix="bench-") as folder:
            for section in measured(options, Path(folder)):
                sections.append(section)
                sys.stdout.write(terminal(section))
                sys.stdout.flush()
    except WrongAnswer as error:
        sys.exit(f"benchmarks: {error}")
    if options.write:
        publish(sections, about)
    sys.exit(0 if all(limit.ok for section in sections for limit in section.limits) else 1)


if __name__ == "__main__":
    main()
