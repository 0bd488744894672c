"""Applies of little in large companies: the calls that they take, counted by the plan, and the seconds these take.

Seconds are those of the calls at 20 requests a second, which is what an apply takes beside its own second. Some applies
are run as well, against the sandbox and with that limit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.applies import FIRST, HEAD, sandbox
from benchmarks.measure import Measured, Sample, Thing, interleaved, reconciler
from benchmarks.report import Limit, Section, seconds
from reconciler.core.model.plan import Action
from reconciler.core.planning.reads import pages, reads_of_apply

RATE: Final = 20
COMPANIES: Final = (1_000, 20_000, 100_000)
TOUCHED: Final = (1, 5, 100, 1_000)
RUN: Final = ((20_000, 1), (20_000, 5), (20_000, 100))
"""Applies that are run, by company and touched agents."""


def counted(agents: int, touched: int) -> tuple[int, int, int]:
    """The calls of so many edits: when every look was a listing, of a saved plan, and of the files."""
    actions = [Action("edit", str(number), "", None) for number in range(touched)]
    saved = reads_of_apply(actions, agents)
    after = saved - min(touched, pages(agents))
    return touched + 2 * pages(agents), touched + saved, touched + pages(agents) + after


def _apply(folder: Path, agents: int, touched: int) -> Sample:
    """Save a plan of so many edits, and measure its apply.

    Raises:
        WrongAnswer: it does not exit with 0.
    """
    place = folder / f"{agents}-{touched}-{len(list(folder.iterdir()))}"
    place.mkdir()
    first = FIRST if agents < 1_000 else 10_001
    ids = range(first, first + agents)
    rows = (f'  - {{operatorId: "{id_}"{", name: 改" if id_ < first + touched else ""}}}\n' for id_ in ids)
    (place / "agents.yaml").write_text(f"{HEAD}agents:\n{''.join(rows)}", encoding="utf-8")
    with sandbox(place, agents) as endpoint:
        reconciler(("plan", "--rate", "0", "--out", "plan.json"), place, endpoint=endpoint)
        return reconciler(("apply", "plan.json", "--yes", "--rate", str(RATE)), place, endpoint=endpoint)[0]


def touched(rounds: int, folder: Path) -> Section:
    """Count the calls of applies of little, and run some.

    Raises:
        WrongAnswer: an apply does not do its job.
    """
    things = [
        Thing(f"{agents}-{few}", lambda agents=agents, few=few: _apply(folder, agents, few), min(3, rounds))  # type: ignore[misc]
        for agents, few in RUN
    ]
    ran = interleaved(things, "apply of little")
    section = Section(
        "touched",
        ("live agents", "edits", "calls before", "s", "saved plan, calls", "s", "of the files, calls", "s", "run, s"),
    )
    for agents in COMPANIES:
        section.rows.extend(_row(agents, few, ran.get(f"{agents}-{few}")) for few in TOUCHED)
    five, before = ran["20000-5"], counted(20_000, 5)[0] / RATE
    section.limits.append(Limit.exactly("calls of 5 edits of a saved plan among 20,000", 15, counted(20_000, 5)[1]))
    section.limits.append(Limit.most("its apply, run, to the seconds of before", 0.25, five.wall / before))
    section.notes.append(
        f"Calls are counted by the plan; seconds are those that they take at {RATE} a second. "
        "*Before*: each look was a listing. *Run*: an apply of the saved plan, from its start to its end."
    )
    return section


def _row(agents: int, few: int, ran: Measured | None) -> tuple[str, ...]:
    cells = [cell for calls in counted(agents, few) for cell in (f"{calls:,}", seconds(calls / RATE))]
    return (f"{agents:,}", f"{few:,}", *cells, seconds(ran.wall) if ran else "")
