"""The Markdown report as its reader takes it in: sections, their rows, and what they leave out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Action, Guardrail, Plan
from reconciler.render import markdown
from reconciler.render.markdown import LIMIT

from .build import HEADING, KINDS, action, plan
from .reading import by_cmark, tables, text

DRIFT = "Drift: not from this change; applying reverts it"


def told(*actions: Action, **more: Any) -> str:
    """The Markdown of a plan of these actions."""
    return markdown.plan(plan(*actions, **more), HEADING)


def trip(**more: Any) -> Guardrail:
    """A guardrail that trips."""
    return replace(Guardrail("maxDeletes", "20%", 2, 3, ("8001", "8002", "8003"), Text("raise it"), "default"), **more)


def create(operator_id: str, name: str = "", **more: Any) -> Action:
    """A new agent with a name that is managed."""
    changes = (FieldChange("name", None, name), FieldChange("afterInterval", None, 10))
    return action("create", operator_id, name, **{"changes": changes, **more})


@dataclass
class Read:
    """One section as it is read: what its heading says, the rows or bullets of it, and how much it leaves out."""

    heading: str
    total: int
    rows: list[list[str]]
    left: int = 0
    folded: bool = False


def sections(written: str) -> dict[str, Read]:
    """The sections by what they count, those of drift with that word before; everything is read from the page."""
    found: dict[str, Read] = {}
    drift = ""
    current: Read | None = None
    body = by_cmark(written).find("body")
    assert body is not None
    for element in body:
        said = text(element)
        counted = re.fullmatch(r"([\d,]+) ([a-z ]+)", said) if element.tag in ("h4", "h5") else None
        if counted:
            noun = drift + (counted[2] if counted[2].endswith("s") else f"{counted[2]}s")
            current = found[noun] = Read(said, int(counted[1].replace(",", "")), [])
        elif element.tag == "h4":
            drift = "drift " if said == DRIFT else ""
        elif current and element.tag in ("table", "details", "ul"):
            current.folded = element.tag == "details"
            current.rows += [row for table in tables(element) for row in table[1:]]
            current.rows += [[text(item)] for item in element.iter("li")]
        elif current and (more := re.match(r"… and ([\d,]+) more ", said)):
            current.left = int(more[1].replace(",", ""))
    return found


def shown(section: Read) -> int:
    """How many actions the rows of a section stand for."""
    counts = (re.search(r"^([\d,]+) agents|\(([\d,]+)\)$", row[0]) for row in section.rows if row[0])
    return sum(int((found[1] or found[2]).replace(",", "")) if found else 1 for found in counts)


def assert_well_formed(written: str) -> None:
    """Everything that is opened is closed, and every row of a table has its cells, as the source has them."""
    assert len(written) <= LIMIT
    lines = written.split("\n")
    assert lines.count("<details>") == lines.count("</details>")
    page = by_cmark(written)
    for details in page.iter("details"):
        assert [child.tag for child in details] in (["summary", "table"], ["summary", "ul"])
    rows = sum(len(table) for table in tables(page))
    assert rows == sum(line.startswith("| ") for line in written.splitlines())


def assert_adds_up(written: str, made: Plan) -> dict[str, Read]:
    """In every section what is shown and what is said to be left out is all that the plan has of it."""
    found = sections(written)
    for kind in KINDS:
        for origin in ("", "drift "):
            wanted = [a for a in made.actions if a.kind == kind and not a.blocked]
            wanted = [a for a in wanted if (a.origin == "drift") == bool(origin)]
            read = found.get(f"{origin}{kind}s", Read("", 0, []))
            assert read.total == len(wanted)
            assert shown(read) + read.left == len(wanted)
    blocked = found.get("blocked actions", Read("", 0, []))
    assert shown(blocked) + blocked.left == blocked.total == len(made.blocked)
    return found
