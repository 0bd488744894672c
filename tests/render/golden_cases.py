"""Golden cases: a folder of `golden/` each, with a desired state, the live rows, and every rendering of the plan.

`agents.yaml` and `live.json` must be there. There may be `ledger.json` (entries by agent), `policy.json`, and
`forgotten.json` (agents of files that were not given, each with its file), and `before.yaml`, the files before the
change. The renderings are `plan.<format>`; of a
page that is its title and its body. What stands around these in every page, style sheet and script included, stands
once, in `golden/page.html`. After a change that is meant, `python -m tests.render.golden_cases` writes them anew: read
the difference before you commit it.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from reconciler.core.desired.read import read_desired
from reconciler.core.model.desired import Limit, Policy
from reconciler.core.model.plan import Plan
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.core.planning.origin import with_origins
from reconciler.core.planning.policy_changes import policy_changes
from reconciler.core.wire import live_agent
from reconciler.ledger.ledger import read_entry
from reconciler.render import FORMATS
from reconciler.render.heading import Heading

FOLDER = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
FRAME = FOLDER / "page.html"
PAGE: Final = re.compile(
    r"(?P<head>.*?)(?P<title><title>.*?</title>)(?P<style>.*?<body>\n)(?P<body>.*)(?P<script><script>.*)", re.DOTALL
)
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
    ledger = {id_: read_entry(entry) for id_, entry in recorded}
    policy: dict[str, Any] = {
        name: Limit(value) if isinstance(value, str) else value
        for name, value in _optional(folder / "policy.json").items()
    }
    plan = make_plan(desired, live, ledger, Policy(**policy), _optional(folder / "forgotten.json"))
    if not (folder / "before.yaml").exists():
        return plan
    before, problems = read_desired("before.yaml", (folder / "before.yaml").read_bytes())
    assert before is not None, problems
    changed = replace(plan, policy_changes=policy_changes(before, desired, plan.in_scope))
    return with_origins(changed, make_plan(before, live, ledger, Policy(**policy)))


def rendered(case: str, format_: str) -> str:
    """The plan of a case in a format."""
    return FORMATS[format_](plan_of(case), HEADING)


def own(case: str, format_: str) -> str:
    """What a case has of its own in a format: of a page the title and the body, of anything else all of it."""
    text = rendered(case, format_)
    return "{title}\n{body}".format(**_parts(text)) if format_ == "html" else text


def frame(case: str) -> str:
    """What stands around the title and the body of a case's page."""
    return "{head}{style}{script}".format(**_parts(rendered(case, "html")))


def _parts(page: str) -> dict[str, str]:
    found = PAGE.fullmatch(page)
    assert found is not None
    return found.groupdict()


def write() -> None:
    """Write every rendering of every case, and the frame of their pages."""
    FRAME.write_text(frame(CASES[0]), encoding="utf-8")
    for case in CASES:
        for format_ in FORMATS:
            (FOLDER / case / f"plan.{format_}").write_text(own(case, format_), encoding="utf-8")


if __name__ == "__main__":
    write()
