"""An apply of little in a company of 6,000 reads little, as the vendor counts it; and as many as the plan says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from reconciler.sandbox.server import Box, running
from tests.process import TOKEN, Ran, Workplace

COUNT: Final = 6000
PAGES: Final = 60
HEAD: Final = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nprotect: ['admin*']\nagents:\n"
EDITS: Final = dict.fromkeys(range(100, 5100, 1000), ", name: x")
"""Five agents of fifty pages."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box


@pytest.fixture
def place(vendor: Box, tmp_path: Path) -> Workplace:
    """Everybody as made, and a folder."""
    vendor.store.reset(
        {"operatorId": str(20_000 + number), "name": "n", "mainGroupName": f"g{number % 3}"} for number in range(COUNT)
    )
    return Workplace(tmp_path, vendor.url)


def files(changes: dict[int, str], *, without: tuple[int, ...] = (), new: int = 0) -> str:
    """Everybody, some with other values, some missing, and some who are new."""
    numbers = (number for number in range(COUNT + new) if number not in without)
    return HEAD + "".join(f'- {{operatorId: "{20_000 + number}"{changes.get(number, "")}}}\n' for number in numbers)


def counted(box: Box, place: Workplace, *arguments: str) -> tuple[Ran, int]:
    """Run a command; what became of it, and how many reads reached the vendor meanwhile."""
    since = len(box.store.attempts())
    ran = place.run(*arguments)
    assert ran.code == 0, ran.out + ran.err
    arrived = Counter(attempt.endpoint for attempt in box.store.attempts()[since:])
    return ran, arrived["page"] + arrived["one/v2"]


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize(
    ("text", "most"),
    [
        pytest.param(files(EDITS), 12, id="5 edits"),
        pytest.param(files({number: f', sipNumber: "6{number:04}"' for number in EDITS}), 15, id="5 numbers"),
        pytest.param(files({}, without=(7, 5000)), 6, id="2 deletes"),
        pytest.param(files(EDITS, without=(7,), new=3), PAGES + 10, id="creates, edits and a delete"),
        pytest.param(files(dict.fromkeys(range(400), ", name: x")), 2 * PAGES, id="400 edits"),
        pytest.param(files({}, new=150), 2 * PAGES + 2, id="150 creates"),
    ],
)
def test_a_saved_plan_takes_the_reads_that_it_says(vendor: Box, place: Workplace, text: str, most: int) -> None:
    """The vendor counts as many as `calls.reads`, and no more than that many."""
    place.write(text)
    planned, read = counted(vendor, place, "plan", "--out", "plan.json", "--format", "json")
    assert read == PAGES
    _, read = counted(vendor, place, "apply", "plan.json", "--yes")
    assert read == planned.json["calls"]["reads"] <= most


@pytest.mark.parametrize(
    ("text", "more"),
    [
        pytest.param(files(EDITS), 7, id="5 edits"),
        pytest.param(files(EDITS, new=2), 7, id="5 edits and 2 creates"),
        pytest.param(files(dict.fromkeys(range(400), ", name: x")), PAGES, id="400 edits"),
    ],
)
def test_a_fresh_apply_takes_the_listing_and_a_few(vendor: Box, place: Workplace, text: str, more: int) -> None:
    """One listing for the plan, and afterwards those whom it touches; never more than another listing."""
    place.write(text)
    _, read = counted(vendor, place, "apply", "--yes")
    assert PAGES < read <= PAGES + more


@pytest.mark.parametrize(
    ("values", "reads"),
    [
        pytest.param(", name: x", 2, id="name"),
        pytest.param(", mainGroupName: g1, name: n", 2, id="its own group"),
        pytest.param(', mainGroupName: g2, sipNumber: "60007"', 4, id="another group, a free number"),
    ],
)
def test_a_plan_of_one_agent_takes_four_reads_at_most(vendor: Box, place: Workplace, values: str, reads: int) -> None:
    """One for the total, one for the agent, and one each for a number and a group that it does not have yet."""
    place.write(files({1000: values}))
    planned, read = counted(vendor, place, "plan", "--target", "21000", "--format", "json")
    assert read == reads
    assert planned.json["live"] == {"agents": COUNT, "in_scope": COUNT}
    _, read = counted(vendor, place, "apply", "--target", "21000", "--yes")
    assert read == reads + planned.json["summary"]["edit"]
