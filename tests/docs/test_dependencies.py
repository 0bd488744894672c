"""docs/dependencies.md says of every library why it is taken, who keeps it, and what to do should that end."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def declared() -> dict[str, str]:
    """Every library that an installation may bring, by name, with the extra that brings it."""
    extras = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    return {re.split(r"[<>=\[;]", needed)[0]: extra for extra, listed in extras.items() for needed in listed}


def rows(head: str) -> dict[str, list[str]]:
    """The rows of the table with this head, by each library of their first column."""
    lines = PAGE.partition(f"| {head} |\n")[2].splitlines()[1:]
    table = [line.strip("| ").split(" | ") for line in lines[: lines.index("")]]
    return {name: cells for cells in table for name in re.sub(r" \(.*\)", "", cells[0]).split(", ")}


def test_why_each_is_taken() -> None:
    """Every library has its reason, under the extra that brings it, and no row is about one that is gone."""
    found = rows("library | for | why this one")
    assert found.keys() == declared().keys()
    for name, extra in declared().items():
        assert re.findall(r"\(extra `(\w+)`\)", found[name][0]) == ([extra] if extra else []), name
        assert all(found[name][1:3]), name


def test_the_upkeep_of_each() -> None:
    """Every library has its latest release with the month, who keeps it, and a way out."""
    found = rows("library | latest release | kept by | should it end")
    assert found.keys() == declared().keys()
    for name, (_, release, *others) in found.items():
        assert re.match(r"\d[\d.]+, 20\d\d-(0[1-9]|1[0-2])\b", release), name
        assert len(others) == 2, name
        assert all(others), name
