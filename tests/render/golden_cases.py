"""Golden cases: a folder of `golden/` each, with a desired state, the live rows, and every rendering of the plan.

`agents.yaml` and `live.json` must be there; `ledger.json` (entries by agent) and `policy.json` may. The renderings
are `plan.<format>`. After a change that is meant, `python -m tests.render.golden_cases` writes them anew: read the
difference before you commit it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reconciler.core.desired.read import read_desired
from reconciler.core.model.desired import Limit, Policy
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.plan import Plan
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.core.wire import live_agent
from reconciler.render import FORMATS
from reconciler.render.heading import Heading

FOLDER = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
HEADING = Heading("0.0.0", "2026-11-22T10:00:00Z", 20.0)


def _optional(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def plan_of(case: str) -> Plan:
    """The plan of a case."""
    folder = FOLDER / case
    desired, problems = read_desired("agents.yaml", (folder / "agents.yaml").read_bytes())
    assert desired is not None, problems
    rows = json.loads((folder / "live.json").read_text(encoding="utf-8"))
    live = live_state(map(live_agent, rows), endpoint="https://vendor.example")
    recorded = _optional(folder / "ledger.json").items()
    ledger = {id_: LedgerEntry(entry.get("passwordVersion"), entry.get("given", {})) for id_, entry in recorded}
    policy: dict[str, Any] = {
        name: Limit(value) if isinstance(value, str) else value
        for name, value in _optional(folder / "policy.json").items()
    }
    return make_plan(desired, live, ledger, Policy(**policy))


def rendered(case: str, format_: str) -> str:
    """The plan of a case in a format."""
    return FORMATS[format_](plan_of(case), HEADING)


def write() -> None:
    """Write every rendering of every case."""
    for case in CASES:
        for format_ in FORMATS:
            (FOLDER / case / f"plan.{format_}").write_text(rendered(case, format_), encoding="utf-8")


if __name__ == "__main__":
    write()
