"""Agents that are no longer in the files: who is missing from them, since when, and who is back.

With `onRemove: disable` an agent is disabled where `delete` would delete it. The ledger dates the first apply that saw
it missing, and notes that its removal disabled it, so that it is enabled again once it is back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from reconciler.core.model.desired import DesiredState, Policy, matches
from reconciler.core.model.diff import Diff
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry, LedgerView
from reconciler.core.model.live import LiveState
from reconciler.core.model.message import text
from reconciler.core.model.plan import Action, Note, Plan


def is_kept(operator_id: str, diff: Diff) -> bool:
    """Whether an agent that is not in the files stays as it is."""
    return not diff.desired.prune or not diff.live.complete or matches(diff.desired.protect, operator_id)


def missing_agents(diff: Diff) -> tuple[str, ...]:
    """The live agents that `onRemove: disable` is about."""
    if not diff.desired.on_remove.disable:
        return ()
    extra = (agent.operator_id for agent in diff.agents if agent.status == "extra")
    return tuple(operator_id for operator_id in extra if not is_kept(operator_id, diff))


def returned_agents(desired: DesiredState, ledger: LedgerView, policy: Policy) -> tuple[str, ...]:
    """The agents of the files that the ledger knows as missing, or as disabled by their removal."""
    noted = {operator_id for operator_id, entry in ledger.items() if _is_noted(entry)}
    if not noted:
        return ()
    ids = (agent.operator_id for agent in desired.agents)
    return tuple(operator_id for operator_id in ids if operator_id in noted and policy.includes(operator_id))


def _is_noted(entry: LedgerEntry) -> bool:
    return bool(entry.missing_since) or entry.disabled_by_removal


def removal_entries(plan: Plan, live: LiveState, ledger: LedgerView, at: str) -> dict[str, LedgerEntry | None]:
    """The ledger entries that the beginning of an apply changes; `at` is its time (UTC, ISO 8601).

    Whoever is missing is dated, once. Whom the plan disables is noted before the call, since it is so whatever its
    answer. Whoever is back, or gone, is no longer missing; that its removal disabled it is kept until it is enabled.
    """
    disabled = {action.operator_id for action in plan.actions if action.removal}
    enabled = {action.operator_id for action in plan.actions if _enables(action)}
    entries: dict[str, LedgerEntry | None] = {}
    for operator_id in plan.missing:
        if operator_id in live.agents:
            known = ledger.get(operator_id, NOT_RECORDED)
            noted = known.disabled_by_removal or operator_id in disabled
            entries[operator_id] = replace(known, missing_since=known.missing_since or at, disabled_by_removal=noted)
    gone = (operator_id for operator_id, entry in ledger.items() if _is_noted(entry) and operator_id not in live.agents)
    for operator_id in (*plan.returned, *gone):
        known = ledger.get(operator_id, NOT_RECORDED)
        noted = known.disabled_by_removal and operator_id in enabled
        entries[operator_id] = replace(known, missing_since="", disabled_by_removal=noted)
    return {
        operator_id: None if entry == NOT_RECORDED else entry
        for operator_id, entry in entries.items()
        if entry != ledger.get(operator_id, NOT_RECORDED)
    }


def _enables(action: Action) -> bool:
    return action.kind == "edit" and action.after.get("status") == "enabled"


def removal_notes(diff: Diff, actions: Collection[Action]) -> Iterator[Note]:
    """Who is kept disabled and until when, who is deleted although somebody enabled them, and who is enabled again."""
    missing = missing_agents(diff)
    off = {id_ for id_ in missing if diff.live.agents[id_].fields.get("status") == "disabled"}
    if kept := tuple(id_ for id_ in missing if id_ in off and id_ not in diff.due):
        wait = diff.desired.on_remove.wait
        message = text("not in the file, and kept disabled")
        if wait:
            until = "{kept}; deleted by a plan later than {wait} after the first apply that saw them missing"
            message = text(until, kept=message, wait=wait)
        yield Note(message, kept, "kept-disabled")
    if on := tuple(id_ for id_ in missing if id_ in diff.due and id_ not in off):
        yield Note(
            text("deleted since their time is over, although somebody has enabled them meanwhile"),
            on,
            "deleted-though-enabled",
        )
    back = tuple(a.operator_id for a in actions if _enables(a) and a.recorded.disabled_by_removal and not a.blocked)
    if back:
        yield Note(text("enabled again, since their removal from the file had disabled them"), back, "enabled-again")
