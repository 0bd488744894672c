"""Writes measurements as tables on the terminal and in `docs/performance.md`, and as JSON for the plots."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import yaml
from rich.cells import cell_len

from benchmarks.measure import ROOT, Measured

RESULTS: Final = ROOT / ".bench/results.json"
PAGE: Final = ROOT / "docs/performance.md"
LIBRARIES: Final = ("httpx", "httpcore", "jsonschema", "deepdiff", "click")


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit to be kept: of what, how much is allowed, how much was measured, and whether that is within."""

    what: str
    allowed: str
    measured: str
    ok: bool

    @classmethod
    def most(cls, what: str, allowed: float, measured: float, unit: str = "×") -> Limit:
        """Return a limit that allows at most so much."""
        return cls(what, f"≤ {allowed:g} {unit}", f"{measured:.3g} {unit}", measured <= allowed)

    @classmethod
    def least(cls, what: str, allowed: float, measured: float, unit: str = "×") -> Limit:
        """Return a limit that demands at least so much."""
        return cls(what, f"≥ {allowed:g} {unit}", f"{measured:.3g} {unit}", measured >= allowed)

    @classmethod
    def exactly(cls, what: str, wanted: int, counted: int) -> Limit:
        """Return a limit that demands exactly so many."""
        return cls(what, str(wanted), str(counted), counted == wanted)


@dataclass(frozen=True, slots=True)
class Section:
    """One table and its limits. `series` has seconds and MiB by name and size, for the plots."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    series: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)

    def draw(self, name: str, size: int, measured: Measured) -> None:
        """Add a point to the plots."""
        self.series.setdefault(name, {})[str(size)] = (measured.wall, measured.memory)


def seconds(value: float) -> str:
    """Return seconds with three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def ratio(value: float) -> str:
    """Return a ratio with at most three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def memory(measured: Measured) -> str:
    """Return the MiB of each process, largest first."""
    return " + ".join(f"{peak:.0f}" for peak in measured.peaks)


def machine() -> str:
    """Return when and on what was measured, without anything that names the machine."""
    about = [
        time.strftime("%Y-%m-%d", time.gmtime()),
        f"{_processor()}, {os.cpu_count()} cores, {_gibibytes()} GiB",
        f"{platform.system()} {platform.machine()}",
        f"{platform.python_implementation()} {platform.python_version()}",
        f"PyYAML {yaml.__version__} (libyaml {_libyaml()})",
    ]
    libraries = (f"{name} {_version(name)}" for name in LIBRARIES)
    return ", ".join([*about, *libraries, f"load {os.getloadavg()[0]:.1f} before it began"])


def _processor() -> str:
    try:
        processors = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    model = re.search(r"^model name\s*: *(.*)$", processors, re.MULTILINE)
    return model[1].strip() if model else platform.machine()


def _gibibytes() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3)


def _libyaml() -> str:
    try:
        from yaml._yaml import get_version_string
    except ImportError:
        return "none"
    return str(get_version_string())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def terminal(section: Section) -> str:
    """Return the table in columns, then a line for each limit."""
    lines = [f"\n{section.name}", *_columns([section.columns, *section.rows])]
    for limit in section.limits:
        verdict = "ok" if limit.ok else "NOT MET"
        lines.append(f"  {limit.what}: limit {limit.allowed}, measured {limit.measured}: {verdict}")
    return "\n".join([*lines, *(f"  {note}" for note in section.notes)]) + "\n"


def _columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()


def markdown(section: Section, about: str) -> str:
    """Return the same table in Markdown, for the page."""
    parts = [f"Measured {about}.", _table(section.columns, section.rows)]
    if section.limits:
        rows = [(it.what, it.allowed, it.measured, "ok" if it.ok else "**not met**") for it in section.limits]
        parts.append(_table(("to be shown", "limit", "measured", ""), rows))
    return "\n\n".join([*parts, *section.notes])


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows))


def keep(sections: Iterable[Section], about: str) -> dict[str, Any]:
    """Add the sections to the results file, in place of older ones of their name; return all of it."""
    known: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for section in sections:
        known[section.name] = {"text": markdown(section, about), **asdict(section)}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known, ensure_ascii=False, indent=1), encoding="utf-8")
    return known


def write(known: dict[str, Any]) -> None:
    """Put the tables between the page's markers."""
    page = PAGE.read_text(encoding="utf-8")
    for name, section in known.items():
        begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{section['text']}\n{end}{rest.split(end)[1]}"
    PAGE.write_text(page, encoding="utf-8")
