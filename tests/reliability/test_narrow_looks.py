"""A run that looks only at those whom its plan touches reads little, and overlooks nothing that the listing shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.server import Box, running
from tests.process import TOKEN, Ran, Workplace

COUNT = 1200
HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\n"


def files(changes: dict[int, str], *, without: tuple[int, ...] = (), more: str = "") -> str:
    """All agents, some with other values: what stands after the id, by number."""
    rows = (
        f'- {{operatorId: "{8000 + number}"{changes.get(number, "")}}}\n'
        for number in range(COUNT)
        if number not in without
    )
    return f"{HEAD}agents:\n{''.join(rows)}{more}"


@pytest.fixture(scope="module")
def vendor_of_many() -> Iterator[Box]:
    """A sandbox whose listing has twelve pages."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box


@pytest.fixture
def many(vendor_of_many: Box, tmp_path: Path) -> tuple[Box, Workplace]:
    """All agents as made, and a folder of their own."""
    vendor_of_many.faults([])
    vendor_of_many.store.reset([{"operatorId": str(8000 + number), "name": "n"} for number in range(COUNT)])
    return vendor_of_many, Workplace(tmp_path, vendor_of_many.url)


def reads(box: Box, since: int) -> int:
    """How many reads have reached the vendor since so many requests."""
    counted = Counter(attempt.endpoint for attempt in box.store.attempts()[since:])
    return counted["page"] + counted["one/v2"]


def counted(box: Box, place: Workplace, *arguments: str) -> tuple[Ran, int]:
    """Run a command; what became of it, and its reads."""
    since = len(box.store.attempts())
    return place.run(*arguments), reads(box, since)


EDITS = dict.fromkeys((3, 400, 777), ", name: x")


def test_an_apply_of_a_saved_plan_reads_whom_it_touches(many: tuple[Box, Workplace]) -> None:
    """One read before and one after for each agent, and the plan says so; a plan of everybody takes two listings."""
    box, place = many
    place.write(files(EDITS))
    planned, read = counted(box, place, "plan", "--out", "plan.json", "--format", "json")
    assert (read, planned.json["calls"]["reads"]) == (12, 6)
    applied, read = counted(box, place, "apply", "plan.json", "--yes")
    assert (applied.code, read) == (0, 6)
    place.write(files(dict.fromkeys(range(40), ", name: y")))
    planned, _ = counted(box, place, "plan", "--out", "plan.json", "--format", "json")
    assert planned.json["calls"]["reads"] == 24
    applied, read = counted(box, place, "apply", "plan.json", "--yes")
    assert (applied.code, read) == (0, 24)


@pytest.mark.parametrize(("whom", "after"), [("touched", 3), ("all", 12)])
def test_a_fresh_apply_reads_the_listing_once(many: tuple[Box, Workplace], whom: str, after: int) -> None:
    """Afterwards those whom it touches, or with `--read-back all` everybody."""
    box, place = many
    place.write(files(EDITS))
    applied, read = counted(box, place, "apply", "--yes", "--read-back", whom)
    assert (applied.code, read) == (0, 12 + after)


def test_a_narrowed_plan_reads_a_few(many: tuple[Box, Workplace]) -> None:
    """One page for the total, one call for each agent; and it has the actions of a plan made from everybody."""
    box, place = many
    place.write(files(EDITS))
    narrow, read = counted(box, place, "plan", "--target", "8003", "--format", "json")
    assert read == 2
    assert narrow.json["live"] == {"agents": COUNT, "in_scope": COUNT}
    wide, read = counted(box, place, "plan", "--target", "800[3]", "--format", "json")
    assert read == 12
    assert [narrow.json[key] for key in ("actions", "guardrails", "summary")] == [
        wide.json[key] for key in ("actions", "guardrails", "summary")
    ]


@pytest.mark.parametrize(
    ("text", "target", "code", "says"),
    [
        (files({}, without=(1,), more='- {operatorId: "8OO1"}\n'), "8OO1", 3, "lookalikes"),
        (files({5: ", mainGroupName: nowhere"}), "8005", 0, "no live agent has mainGroupName nowhere"),
        (files({}), "no-one", 1, "there is no agent no-one"),
    ],
)
def test_what_others_decide_takes_the_listing(
    many: tuple[Box, Workplace], text: str, target: str, code: int, says: str
) -> None:
    """A new agent, a value that nobody has, an id that nobody has: these a narrowed plan asks everybody about."""
    box, place = many
    place.write(text)
    ran, read = counted(box, place, "plan", "--target", target)
    assert (ran.code, says in ran.out + ran.err) == (code, True)
    assert read >= 12


def change(box: Box, number: int, **values: Any) -> None:
    """Change an agent as somebody does in the console."""
    box.store.put(str(8000 + number), **values)


def test_a_stale_plan_is_found_by_the_narrow_look(many: tuple[Box, Workplace]) -> None:
    """An agent that was changed, or has vanished; a change of another agent voids nothing."""
    box, place = many
    place.write(files(EDITS))
    assert place.run("plan", "--out", "plan.json").code == 0
    change(box, 5, name="another")
    change(box, 3, name="moved")
    ran, read = counted(box, place, "apply", "plan.json", "--yes")
    assert (ran.code, read) == (3, 3)
    assert "8003" in ran.out
    assert "8005" not in ran.out
    box.store.remove("8400")
    ran, _ = counted(box, place, "apply", "plan.json", "--yes")
    assert ran.code == 3
    assert "vanished" in ran.out


def test_a_stranger_who_takes_a_number_is_found(many: tuple[Box, Workplace]) -> None:
    """The number of the plan is asked for by itself: whoever holds it now is named, and nothing is sent."""
    box, place = many
    number = "60009"
    place.write(files({3: f', sipNumber: "{number}"'}))
    assert place.run("plan", "--out", "plan.json").code == 0
    change(box, 700, sipNumber=number)
    before = len(box.store.history())
    ran, read = counted(box, place, "apply", "plan.json", "--yes")
    assert (ran.code, read) == (3, 2)
    assert "8700" in ran.out
    assert len(box.store.history()) == before
