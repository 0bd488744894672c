"""`onRemove: disable` and its delayed delete: as processes, with the ledger on disk."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.sandbox.server import Box
from tests.process import Workplace

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\n"
KEEPS = 'agents: [{operatorId: "8009"}%s]\n'
LONG_AGO = "2026-01-01T00:00:00Z"
DISABLED, ENABLED = 0, 1


def write(
    place: Workplace, *ids: str, on_remove: str = "{disable: 30d}", more: str = "", status: str | None = None
) -> None:
    """Write a file that holds 8009 and these agents, with a status if one is given."""
    managed = f", status: {status}" if status else ""
    agents = "".join(f', {{operatorId: "{operator_id}"{managed}}}' for operator_id in ids)
    place.write(f"{HEAD}onRemove: {on_remove}\n{more}{KEEPS % agents}")


@pytest.fixture
def removed(place: Workplace, box: Box) -> Workplace:
    """A place where 8001 was removed from the files, and an apply has disabled it."""
    box.store.reset([{"operatorId": "8001", "name": "a"}, {"operatorId": "8009"}])
    write(place)
    ran = place.run("apply", "-y")
    assert ran.code == 0, ran.err
    return place


def noted(place: Workplace, operator_id: str = "8001") -> dict[str, Any]:
    """What the ledger notes of an agent, but for which one it is."""
    found: dict[str, Any] = place.ledger["agents"].get(operator_id, {})
    return {name: value for name, value in found.items() if name not in ("id", "ctime", "recorded")}


def backdate(place: Workplace, operator_id: str = "8001") -> None:
    """Let the removal have been long ago."""
    path = place.books / "ledger.json"
    document = json.loads(path.read_text())
    document["agents"][operator_id]["missing"] = LONG_AGO
    path.write_text(json.dumps(document))


def status(box: Box, operator_id: str = "8001") -> int:
    """The live status of an agent."""
    found: int = box.store.agents()[operator_id]["status"]
    return found


def actions(place: Workplace, *arguments: str) -> list[tuple[str, str, bool]]:
    """What a plan would do."""
    ran = place.run("plan", "--format", "json", *arguments)
    assert ran.code in (0, 3), ran.err
    return [(a["action"], a["operatorId"], a.get("removal", False)) for a in ran.json["actions"]]


@pytest.mark.parametrize("on_remove", ["disable", "{disable: 30d}"])
def test_it_is_disabled_and_stays(place: Workplace, box: Box, on_remove: str) -> None:
    """A removed agent is disabled, keeps all else, and is dated; then there is nothing more to do."""
    box.store.reset([{"operatorId": "8001", "name": "a", "sipNumber": "60001"}, {"operatorId": "8009"}])
    write(place, on_remove=on_remove)
    assert actions(place) == [("edit", "8001", True)]
    assert place.run("apply", "-y").code == 0
    agent = box.store.agents()["8001"]
    assert (agent["status"], agent["name"], agent["sipNumber"]) == (DISABLED, "a", "60001")
    assert noted(place)["disabled"] is True
    assert noted(place)["missing"] > LONG_AGO
    before = noted(place)
    assert actions(place) == []
    assert "Nothing to change" in place.run("apply", "-y").out
    assert noted(place) == before


@pytest.mark.parametrize("format_", ["text", "markdown", "html", "github"])
def test_every_format_says_what_it_is(place: Workplace, box: Box, format_: str) -> None:
    """An edit that removes somebody is told from an ordinary one."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8009"}])
    write(place)
    told = place.run("plan", "--format", format_).out
    assert "disabled" in told
    assert "no longer in the file" in told.lower() or "not in the file, will be disabled and kept" in told


def test_when_its_time_is_over_it_is_deleted(removed: Workplace, box: Box) -> None:
    """The first plan that is made later than that deletes it, and the ledger forgets it."""
    backdate(removed)
    assert actions(removed) == [("delete", "8001", False)]
    ran = removed.run("apply", "-y")
    assert ran.code == 0, ran.out + ran.err
    assert sorted(box.store.agents()) == ["8009"]
    assert noted(removed) == {}


def test_without_a_time_it_stays_for_ever(removed: Workplace) -> None:
    """`onRemove: disable` never deletes, however long ago it was."""
    backdate(removed)
    write(removed, on_remove="disable")
    assert actions(removed) == []


def test_one_that_was_disabled_by_hand_is_dated_too(place: Workplace, box: Box) -> None:
    """An apply without anything to do dates it; when its time is over it is deleted. Put back, it stays disabled."""
    box.store.reset([{"operatorId": "8001", "status": DISABLED}, {"operatorId": "8009"}])
    write(place)
    assert "Nothing to change" in place.run("apply", "-y").out
    assert [*noted(place)] == ["missing"]
    write(place, "8001")
    assert actions(place) == []
    write(place)
    backdate(place)
    assert actions(place) == [("delete", "8001", False)]


def test_put_back_it_is_enabled_again(removed: Workplace, box: Box) -> None:
    """Unless the files say `status`; the date is gone, so that a second removal begins anew."""
    backdate(removed)
    write(removed, "8001", status="disabled")
    assert actions(removed) == []
    write(removed, "8001")
    assert actions(removed) == [("edit", "8001", False)]
    assert "enabled again" in removed.run("plan").out
    assert removed.run("apply", "-y").code == 0
    assert (status(box), noted(removed)) == (ENABLED, {})
    write(removed)
    assert actions(removed) == [("edit", "8001", True)]


def test_disabled_by_the_files_it_is_theirs(removed: Workplace, box: Box) -> None:
    """Put back with `status: disabled`, the removal is over: without the key later it is left as it is."""
    write(removed, "8001", status="disabled", on_remove="disable")
    assert removed.run("apply", "-y").code == 0
    assert noted(removed) == {}
    write(removed, "8001")
    assert actions(removed) == []
    assert status(box) == DISABLED


def test_a_delete_that_falls_due_after_the_review_is_refused(removed: Workplace, box: Box) -> None:
    """The reviewed digest had no delete: nothing is done."""
    reviewed = removed.run("plan", "--format", "json").json["digest"]
    backdate(removed)
    ran = removed.run("apply", "-y", "--expect", reviewed)
    assert ran.code == 3
    assert "8001" in box.store.agents()


def test_prune_false_wins(removed: Workplace) -> None:
    """Nobody is disabled or deleted where nothing is pruned, whenever it was removed."""
    backdate(removed)
    write(removed, more="prune: false\n")
    assert actions(removed) == []


def test_it_counts_under_max_deletes(place: Workplace, box: Box) -> None:
    """More removals than deletes are allowed: refused, and nobody is disabled."""
    box.store.reset([{"operatorId": f"800{n}"} for n in range(1, 4)] + [{"operatorId": "8009"}])
    write(place, more="guardrails: {maxDeletes: 2}\n")
    assert place.run("apply", "-y").code == 3
    assert status(box) == ENABLED


def test_a_saved_plan_dates_and_disables(place: Workplace, box: Box) -> None:
    """It carries who is missing, also whom it does not touch, and who is back."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002", "status": DISABLED}, {"operatorId": "8009"}])
    write(place)
    assert place.run("plan", "--out", "plan.json").code == 0
    ran = place.run("apply", "-y", "plan.json")
    assert ran.code == 0, ran.out + ran.err
    assert status(box) == DISABLED
    assert [*noted(place)] == ["missing", "disabled"]
    assert [*noted(place, "8002")] == ["missing"]
    write(place, "8001", "8002")
    assert place.run("plan", "--out", "plan.json").code == 0
    assert place.run("apply", "-y", "plan.json").code == 0
    assert (status(box), status(box, "8002")) == (ENABLED, DISABLED)
    assert (noted(place), noted(place, "8002")) == ({}, {})


@pytest.mark.parametrize("damage", ["yesterday", 5])
def test_a_date_that_is_none_is_damage(removed: Workplace, damage: object) -> None:
    """A ledger whose date cannot be read is refused before anything is done."""
    path = removed.books / "ledger.json"
    document = json.loads(path.read_text())
    document["agents"]["8001"]["missing"] = damage
    path.write_text(json.dumps(document))
    ran = removed.run("plan")
    assert ran.code == 1
    assert "damaged" in ran.err


def test_the_ledger_tells_it(removed: Workplace) -> None:
    """`ledger show` names since when it is missing; `show` says what an apply would do."""
    told = removed.run("ledger", "show").out
    assert "not in the files since 20" in told
    assert "disabled by its removal" in told
    assert "it was disabled for that, and stays" in removed.run("show", "8001").out
    backdate(removed)
    assert "apply would delete it" in removed.run("show", "8001").out
    write(removed, on_remove="disable")
    assert "it was disabled for that, and stays" in removed.run("show", "8001").out
