"""Time the offline stages, each as a ratio to a floor of the same run: the bare events of the same file.

`python -m benchmarks [AGENTS …]`, by default 1,000 and 10,000. Processor time, medians of five.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import yaml

from benchmarks.data import desired_file
from reconciler.core.desired import read_desired
from reconciler.core.document import Document, parse
from reconciler.core.model import DesiredState, LiveAgent, Policy
from reconciler.core.pipeline import live_state, make_plan
from reconciler.core.words import schema_problems

ROUNDS = 5


def median(stage: Callable[[], object]) -> float:
    """Seconds of processor time, the median of five rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        stage()
        times.append(time.process_time() - start)
    return statistics.median(times)


def bare_events(data: bytes) -> None:
    """The floor: libyaml's events, thrown away."""
    for _ in yaml.parse(data, Loader=yaml.CSafeLoader):
        pass


def stages(data: bytes) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    document = _document(data)
    desired = _desired(data)
    # One agent in a hundred differs.
    live = live_state(
        LiveAgent(agent.operator_id, {**agent.fields, "name": "other"} if index % 100 == 0 else agent.fields)
        for index, agent in enumerate(desired.agents)
    )
    return {
        "events (floor)": lambda: bare_events(data),
        "yaml.load, CSafeLoader": lambda: yaml.load(data, Loader=yaml.CSafeLoader),
        "read": lambda: parse("agents.yaml", data),
        "read, validate, resolve": lambda: read_desired("agents.yaml", data),
        "validate": lambda: schema_problems(document),
        "diff and plan": lambda: make_plan(desired, live, {}, Policy()),
    }


def _document(data: bytes) -> Document:
    document, problems = parse("agents.yaml", data)
    if document is None or problems:
        raise AssertionError(problems)
    return document


def _desired(data: bytes) -> DesiredState:
    desired, problems = read_desired("agents.yaml", data)
    if desired is None:
        raise AssertionError(problems)
    return desired


def main(sizes: list[int]) -> None:
    """Print a table for each size."""
    for size in sizes:
        timed = {name: median(stage) for name, stage in stages(desired_file(size)).items()}
        floor = timed["events (floor)"]
        sys.stdout.write(f"\n{size} agents\n")
        for name, seconds in timed.items():
            sys.stdout.write(f"  {name:<26}{seconds:>9.3f} s{seconds / floor:>8.1f} x floor\n")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 10_000])
