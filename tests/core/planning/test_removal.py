"""`onRemove`: who is disabled instead of deleted, who is deleted after a while, and who is enabled again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model.desired import DELETE, DesiredState, Policy, Removal
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.outcome import Intent
from reconciler.core.model.plan import Plan
from reconciler.core.planning.make_plan import make_plan
from reconciler.core.planning.offline import offline_plan
from reconciler.core.planning.removal import removal_entries
from reconciler.core.recovery import entry_after, recover_beside
from reconciler.core.saved.staleness import expected_state
from tests.core.build import REPLACING, act, acts, agent, desired, live, live_agent, planned

DISABLE, MONTH = Removal(disable=True), Removal(disable=True, wait="30d")
OFF = {"status": "disabled"}
T1, T2 = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
DATED = LedgerEntry(missing_since=T1, disabled_by_removal=True)


def files(*ids: str, on_remove: Removal = DISABLE, **more: Any) -> DesiredState:
    """A desired state of these agents, and 8009 so that it is not empty."""
    return replace(desired(*map(agent, ids), agent("8009"), **more), on_remove=on_remove)


def rows(**statuses: str) -> LiveState:
    """A listing of 8009 and of these agents, named by their last digit, with their status."""
    return live(live_agent("8009"), *(live_agent(f"800{id_[1:]}", status=status) for id_, status in statuses.items()))


ON = rows(a1="enabled")
GONE = rows(a1="disabled")


def test_a_removed_agent_is_disabled() -> None:
    """Its action is an edit of its status alone, marked as a removal, and it stays."""
    plan = planned(files(), ON)
    action = act(plan, "8001", "edit")
    assert action.removal
    assert action.changes == (FieldChange("status", "enabled", "disabled"),)
    assert action.place is None
    assert (plan.summary["edit"], plan.summary["unchanged"]) == (1, 1)
    assert [(call.kind, call.fields) for call in plan.calls] == [("edit", OFF)]


@pytest.mark.parametrize("on_remove", [DISABLE, MONTH])
def test_a_disabled_one_stays(on_remove: Removal) -> None:
    """There is nothing to do for one that is disabled already, by whomever, and the plan says so."""
    plan = planned(files(on_remove=on_remove), GONE)
    assert plan.actions == ()
    (note,) = plan.notes
    assert note.operator_ids == ("8001",)
    assert note.message.startswith("not in the file, and kept disabled")
    assert ("30d" in note.message) == (on_remove is MONTH)


def test_deleting_is_the_default() -> None:
    """Without a word, or with `delete`, a removed agent is deleted, dated or not."""
    for ledger in ({}, {"8001": DATED}):
        assert acts(planned(files(on_remove=DELETE), ON, ledger)) == [("8001", "delete")]


def test_once_it_is_due_it_is_deleted() -> None:
    """An agent whose time is over is deleted, enabled or not; that somebody enabled it is told."""
    for listed, notes in ((GONE, []), (ON, ["8001"])):
        plan = make_plan(files(on_remove=MONTH), listed, {"8001": DATED}, Policy(), due={"8001"})
        assert acts(plan) == [("8001", "delete")]
        assert [id_ for note in plan.notes if "enabled them" in note.message for id_ in note.operator_ids] == notes


@pytest.mark.parametrize("why", ["prune", "protect", "incomplete", "scope", "exclude"])
def test_who_is_kept_is_left_alone(why: str) -> None:
    """`prune: false`, protection, an incomplete listing, the scope and the command line win over `onRemove`."""
    cases: dict[str, dict[str, Any]] = {
        "prune": {"prune": False},
        "protect": {"protect": ("8001",)},
        "scope": {"scope": ("8009",)},
    }
    more = cases.get(why, {})
    policy = Policy(excludes=("8001",)) if why == "exclude" else Policy()
    listed = replace(ON, complete=why != "incomplete")
    plan = make_plan(files(on_remove=MONTH, **more), listed, {}, policy, due={"8001"})
    assert (plan.actions, plan.missing) == ((), ())


def test_it_counts_as_a_delete() -> None:
    """Guardrails count whoever is disabled as they count deletes, also the one that nobody can override."""
    plan = planned(files(max_deletes="0"), ON)
    assert [(rail.rule, rail.ok) for rail in plan.guardrails] == [("maxDeletes", False)]
    empty = replace(desired(), on_remove=DISABLE)
    assert "emptyDesired" in [rail.rule for rail in planned(empty, ON).guardrails if not rail.ok]
    forgotten = make_plan(files(), ON, {}, Policy(), {"8001": "b.yaml"})
    assert "forgottenFiles" in [rail.rule for rail in forgotten.guardrails if not rail.ok]


# Who is back


def test_who_is_back_is_enabled_again() -> None:
    """An agent that its removal disabled is enabled once it is in the files again, and the plan says why."""
    plan = planned(files("8001"), GONE, {"8001": DATED})
    action = act(plan, "8001", "edit")
    assert (action.changes, action.removal) == ((FieldChange("status", "disabled", "enabled"),), False)
    assert [note.operator_ids for note in plan.notes if "enabled again" in note.message] == [("8001",)]


def test_the_files_have_the_last_word() -> None:
    """It stays disabled where the files say so, and where a person disabled it, removal or not."""
    off = replace(desired(agent("8001", status="disabled"), agent("8009")), on_remove=DISABLE)
    assert planned(off, GONE, {"8001": DATED}).actions == ()
    by_hand = LedgerEntry(missing_since=T1)
    assert planned(files("8001"), GONE, {"8001": by_hand}).actions == ()


def test_who_is_on_already_needs_nothing() -> None:
    """Somebody has enabled it, or made it anew: nothing is to be done about its status."""
    assert planned(files("8001"), ON, {"8001": DATED}).actions == ()
    assert acts(planned(files("8001"), rows(), {"8001": DATED})) == [("8001", "create")]


def test_a_replace_makes_it_enabled() -> None:
    """One that is back and made anew is enabled as every new agent is; no call disables it."""
    wanted = replace(desired(agent("8001", email="new@x"), agent("8009")), on_remove=DISABLE)
    plan = make_plan(wanted, GONE, {"8001": DATED}, REPLACING)
    assert "replace" in [action.kind for action in plan.actions]
    assert all(call.fields.get("status") != "disabled" for call in plan.calls)


# What the ledger notes


def noted(plan: Plan, listed: LiveState, ledger: dict[str, LedgerEntry], at: str = T2) -> dict[str, LedgerEntry | None]:
    """What the beginning of an apply changes in the ledger."""
    return removal_entries(plan, listed, ledger, at)


def test_the_first_apply_dates_it() -> None:
    """Whoever is missing is dated once, also who is disabled already; only whom the plan disables is noted as such."""
    both = rows(a1="enabled", a2="disabled")
    plan = planned(files(), both)
    found = noted(plan, both, {})
    assert found == {
        "8001": LedgerEntry(missing_since=T2, disabled_by_removal=True),
        "8002": LedgerEntry(missing_since=T2),
    }
    assert noted(planned(files(), GONE, {"8001": DATED}), GONE, {"8001": DATED}) == {}
    assert noted(plan, rows(), {}) == {}


def test_what_was_recorded_stays() -> None:
    """Password version and write-only values are kept beside the date."""
    known = {"8001": LedgerEntry(3, {"roleName": "x"})}
    assert noted(planned(files(), ON, known), ON, known)["8001"] == replace(
        known["8001"], missing_since=T2, disabled_by_removal=True
    )


def test_who_is_back_is_no_longer_missing() -> None:
    """The date goes at once. That the removal disabled it stays until it is enabled, which the edit's success tells."""
    plan = planned(files("8001"), GONE, {"8001": DATED})
    found = noted(plan, GONE, {"8001": DATED})
    entry = found["8001"]
    assert entry == LedgerEntry(disabled_by_removal=True)
    intent = Intent("edit", ("8001",), {"status": "enabled"}, None)
    assert entry_after(entry, intent) == LedgerEntry()
    assert entry_after(entry, replace(intent, fields={"name": "x"})) == entry
    assert noted(planned(files("8001"), ON, {"8001": DATED}), ON, {"8001": DATED}) == {"8001": None}


def test_who_is_gone_is_forgotten() -> None:
    """Deleted by hand, an agent is not missing any more: another one under its number begins anew."""
    book = {"8001": replace(DATED, password_version=2)}
    assert noted(planned(files(), rows(), book), rows(), book) == {"8001": LedgerEntry(2)}


def test_out_of_sight_nothing_changes() -> None:
    """A narrowed plan leaves the notes of all others as they are."""
    plan = make_plan(files("8001"), GONE, {"8001": DATED}, Policy(targets=("8009",)))
    assert noted(plan, GONE, {"8001": DATED}) == {}


def test_a_late_recovery_keeps_the_date() -> None:
    """What another run recorded of a removal stands when an earlier run is looked up."""
    intent = Intent("edit", ("8001",), {"status": "disabled"}, None, before={})
    entries, _ = recover_beside([intent], GONE, {"8001": DATED})
    assert entries["8001"] == DATED


def test_a_saved_plan_leads_there() -> None:
    """Once a removal is done, what a saved plan leads to is reached."""
    plan = planned(files(), ON)
    wanted, policy = expected_state(plan)
    assert make_plan(wanted, GONE, {"8001": DATED}, policy).actions == ()
    assert acts(make_plan(wanted, ON, {}, policy)) == [("8001", "edit")]


@pytest.mark.parametrize(("wait", "seconds"), [("", 0), ("1s", 1), ("2m", 120), ("12h", 43200), ("30d", 2592000)])
def test_a_span_of_time(wait: str, seconds: int) -> None:
    """Seconds, minutes, hours and days."""
    assert Removal(disable=True, wait=wait).seconds == seconds


def test_without_the_live_side() -> None:
    """From files alone a removal is told as well; the status before it is unknown where no file managed it."""
    plan = offline_plan(files("8001"), files(), Policy())
    (action,) = plan.actions
    assert (action.removal, action.changes[0].before_known) == (True, False)
    off = replace(desired(agent("8001", status="disabled"), agent("8009")), on_remove=DISABLE)
    assert offline_plan(off, files(), Policy()).actions == ()
