"""The table of planted bugs in docs/reliability.md, between two marker lines."""

from __future__ import annotations

from typing import Final

from tests.mutants.bugs import BUGS, ROOT

PAGE: Final = ROOT / "docs/reliability.md"
BEGIN: Final = "<!-- planted bugs: written by `python -m tests.mutants --doc` -->"
END: Final = "<!-- end of planted bugs -->"


def table() -> str:
    """A row for each bug."""
    rows = [f"| `{bug.name}` | {bug.promise} |" for bug in BUGS]
    return "\n".join(["| bug | the promise that it breaks |", "|---|---|", *rows])


def write_table() -> None:
    """Put the table into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")
