"""The stages of a plan one by one, in one process, beside the floors of the same work."""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from benchmarks import floor
from benchmarks.bystage import COMPARED, EVENTS, LOOKS, OFFLINE, PAGES, ROWS
from reconciler.core.desired.problems import schema_problems
from reconciler.core.desired.read import ParsedFiles, desired_state, read_desired
from reconciler.core.desired.resolve import resolve
from reconciler.core.model.desired import DesiredState, Policy
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.operator_id import look
from reconciler.core.model.secret import Secret
from reconciler.core.planning.diff import diff
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.core.yaml.document import Document, parse
from reconciler.render import FORMATS
from reconciler.render.heading import Heading
from reconciler.settings import Connection
from reconciler.vendor.http import connected
from reconciler.vendor.reader import Reader

T = TypeVar("T")

HEADING: Final = Heading("0.1.0", "2026-11-22T10:00:00Z", 20.0)
SHOWN: Final = ("text", "json", "markdown")
NEW_IDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Spent:
    """What one stage took: seconds on the clock, seconds of the processor, and the process's peak in MiB meanwhile."""

    wall: float
    cpu: float
    peak: float


@dataclass(slots=True)
class Watch:
    """Times steps, with the garbage collector off and the garbage of earlier steps collected before."""

    spent: dict[str, Spent] = field(default_factory=dict)

    def time(self, name: str, step: Callable[[], T]) -> T:
        """Run a step and note what it took; return its result."""
        gc.collect()
        _forget_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        gc.disable()
        result = step()
        self.spent[name] = Spent(time.perf_counter() - wall, time.process_time() - cpu, _peak())
        gc.enable()
        return result


def _forget_peak() -> None:
    """Reset the process's memory peak, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> float:
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def floors(watch: Watch, data: bytes, port: int) -> None:
    """Time the floor of every stage."""
    root, _ = watch.time(EVENTS, lambda: floor.build(data))
    bodies = watch.time(PAGES, lambda: floor.fetch(port))
    rows = watch.time(ROWS, lambda: floor.rows(bodies))
    watch.time(COMPARED, lambda: list(floor.differing(root["agents"], rows)))


def offline(watch: Watch, data: bytes) -> DesiredState:
    """Time the stages from the file's bytes to the desired state, and return that."""
    _one_by_one(watch, data)
    desired, _ = watch.time(OFFLINE, lambda: read_desired("agents.yaml", data))
    if desired is None:
        raise SystemExit("the generator's file has problems")
    return desired


def _one_by_one(watch: Watch, data: bytes) -> None:
    document, _ = watch.time("read", lambda: parse("agents.yaml", data))
    if document is None:
        raise SystemExit("the generator's file cannot be read")
    watch.time("validate", lambda: schema_problems(document))
    watch.time("resolve", lambda: _resolved(document))


def _resolved(document: Document) -> DesiredState:
    return desired_state(ParsedFiles((document,), resolve((document,)), ()))


def fetched(watch: Watch, desired: DesiredState, port: int) -> LiveState:
    """Time the listing, every page of it decoded, and return the live state."""
    settings = Connection(f"http://127.0.0.1:{port}", Secret("any"), rate=0)

    def listing() -> list[LiveAgent]:
        with connected(settings) as transport:
            return Reader(transport, desired.company).listing()

    return live_state(watch.time("fetch, decoded", listing))


def planned(watch: Watch, desired: DesiredState, live: LiveState) -> int:
    """Time the stages from both sides to the rendered plan; return the number of actions."""
    watch.time(LOOKS, lambda: _twins(live))
    watch.time("diff", lambda: diff(desired, live, {}, Policy()))
    plan = watch.time("plan, with the diff", lambda: make_plan(desired, live, {}, Policy()))
    for name in SHOWN:
        watch.time(f"render {name}", lambda name=name: FORMATS[name](plan, HEADING))  # type: ignore[misc]
    return len(plan.actions)


def _twins(live: LiveState) -> list[str]:
    """The live agents that new ids are taken for, as a guardrail finds them."""
    live_by_look = {look(id_): id_ for id_ in live.agents}
    return [twin for number in range(NEW_IDS) if (twin := live_by_look.get(look(f"9O{number:06}")))]


def main() -> None:
    """Print the seconds and MiB of each stage as JSON, and how many actions there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("port", type=int)
    arguments = parser.parse_args()
    data = arguments.file.read_bytes()
    watch = Watch()
    floors(watch, data, arguments.port)
    desired = offline(watch, data)
    actions = planned(watch, desired, fetched(watch, desired, arguments.port))
    result: dict[str, Any] = {"actions": actions, "spent": {name: asdict(it) for name, it in watch.spent.items()}}
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
