"""Events to results: how each action ended, and where the listing read afterwards contradicts that, or shows more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.authorship import are_two
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import LISTED, Kind, Value
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.message import text
from reconciler.core.model.outcome import Event
from reconciler.core.model.plan import Action, Plan
from reconciler.core.model.report import ActionOutcome, ActionResult, Mismatch


def action_results(plan: Plan, events: Iterable[Event]) -> tuple[ActionResult, ...]:
    """One result for each action, in plan order. A call that never ended was not carried out."""
    by_action: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        for index in event.call.actions:
            by_action[index].append(event)
    call_counts: defaultdict[int, int] = defaultdict(int)
    for call in plan.calls:
        for index in call.actions:
            call_counts[index] += 1
    return tuple(_result(action, by_action[index], call_counts[index]) for index, action in enumerate(plan.actions))


def _result(action: Action, events: Sequence[Event], call_count: int) -> ActionResult:
    if action.blocked:
        return ActionResult(action, "skipped", action.blocked)
    done = sum(event.outcome == "done" for event in events)
    if done == call_count:
        return ActionResult(action, "done")
    failure = next((event for event in events if event.outcome not in ("done", "skipped")), None)
    reasons = [event.message for event in events if event.outcome == "skipped"]
    message = failure.message if failure else reasons[0] if reasons else text("not started")
    outcome: ActionOutcome = "partly" if done else "failed" if failure else "skipped"
    return ActionResult(action, outcome, message)


def mismatches(results: Iterable[ActionResult], again: Plan) -> tuple[Mismatch, ...]:
    """The actions that are still planned for agents whose every action was carried out.

    `again` is the plan made from the listing that was read after the last call.
    """
    all_done: defaultdict[str, bool] = defaultdict(lambda: True)
    created: set[str] = set()
    deleted: dict[str, LiveAgent | None] = {}
    for result in results:
        if result.action.kind == "delete":
            deleted[result.action.operator_id] = result.action.live
        all_done[result.action.operator_id] &= result.outcome == "done"
        if result.action.kind in ("create", "replace"):
            created.add(result.action.operator_id)
    return tuple(_mismatch(action, created, deleted) for action in again.actions if all_done.get(action.operator_id))


def drifted(plan: Plan, again: Plan) -> tuple[str, ...]:
    """The agents of no action of the plan that differ in the one made afterwards: somebody has changed them."""
    planned = {action.operator_id for action in plan.actions}
    return tuple(dict.fromkeys(action.operator_id for action in again.actions if action.operator_id not in planned))


_MESSAGES = {
    "create": text("is no longer in the listing"),
    "delete": text("was deleted, and is still in the listing"),
    "password": text("its password is not recorded as set"),
}
_NEWCOMER: Final = text("was deleted, and somebody has made another agent under its number meanwhile")
_NOT_MADE: Final = text("the vendor accepted the change and did not make it")


def _mismatch(action: Action, created: set[str], deleted: Mapping[str, LiveAgent | None]) -> Mismatch:
    message = _MESSAGES.get(action.kind, _NOT_MADE)
    if action.kind == "delete" and _is_newcomer(deleted.get(action.operator_id), action.live):
        message = _NEWCOMER
    if action.kind == "create" and action.operator_id in created:
        message = text("was created, and is not in the listing")
    changes = action.changes if action.kind in ("edit", "replace") else ()
    return Mismatch(action.operator_id, message, changes)


def _is_newcomer(before: LiveAgent | None, now: LiveAgent | None) -> bool:
    return before is not None and now is not None and are_two(before.identity, now.identity)


_VALUES_OF_NEW: Final = {
    row.name: row.default
    for row in LISTED
    if row.wire.create is not None and row.kind in (Kind.FLAG, Kind.CHOICE, Kind.INTEGER)
}
"""What a new agent has where the create does not send it, by the vendor's reference (2.1.1); it is silent on texts."""
_GONE: Final = text("is gone, and this run did not ask for that: by the vendor with a call, or by somebody meanwhile")
_UNASKED: Final = text("changed, and this run did not ask for it: by the vendor with a call, or by somebody meanwhile")


def side_effects(plan: Plan, events: Iterable[Event], before: LiveState, now: LiveState) -> tuple[Mismatch, ...]:
    """What is no longer listed as it was, of agents that a call was about, in fields that no action of theirs asks for.

    `before` is the listing that the plan was made from, `now` the one after the last call. A new agent is compared with
    the values that the vendor's reference gives. Agents whom no call may have touched are left out: that is drift. But
    where somebody was deleted, whoever else is gone is named, as far as everybody was listed before and now.
    """
    touched: dict[str, bool] = {}
    deleted = False
    for event in events:
        deleted |= event.call.kind == "delete" and event.outcome in ("done", "lost")
        made = event.call.kind == "create"
        if event.outcome == "done" or (event.outcome == "lost" and not made):
            for operator_id in event.call.operator_ids:
                pair = before.agents.get(operator_id), now.agents.get(operator_id)
                if event.call.kind == "delete" and _is_newcomer(*pair):
                    continue
                touched[operator_id] = made or touched.get(operator_id, False)
    asked: defaultdict[str, set[str]] = defaultdict(set)
    for action in plan.actions:
        asked[action.operator_id] |= action.after.keys()
    gone = before.agents.keys() - now.agents.keys() if deleted and before.asked is now.asked is None else set()
    others = (Mismatch(operator_id, _GONE, unasked=True) for operator_id in sorted(gone - asked.keys()))
    return (*_side_effects(touched, asked, before, now), *others)


def _side_effects(
    touched: Mapping[str, bool], asked: Mapping[str, set[str]], before: LiveState, now: LiveState
) -> Iterator[Mismatch]:
    for operator_id in sorted(touched.keys() & now.agents.keys()):
        was, listed = before.agents.get(operator_id), now.agents[operator_id].fields
        if touched[operator_id]:
            expected: Mapping[str, Value] = _VALUES_OF_NEW
        else:
            expected = was.fields if was else {}
        changes = tuple(
            FieldChange(row.name, listed[row.name], expected[row.name])
            for row in LISTED
            if row.name in expected and row.name not in asked.get(operator_id, ()) and row.name in listed
            if listed[row.name] != expected[row.name]
        )
        if changes:
            yield Mismatch(operator_id, _UNASKED, changes, unasked=True)


def read_back(found: Iterable[Mismatch], effects: Iterable[Mismatch]) -> tuple[Mismatch, ...]:
    """Mismatches and side effects together, by agent. A field stands once: what nobody asked for is a side effect."""
    effects = tuple(effects)
    unasked = {(effect.operator_id, change.field) for effect in effects for change in effect.changes}
    together = list(effects)
    for mismatch in found:
        changes = tuple(change for change in mismatch.changes if (mismatch.operator_id, change.field) not in unasked)
        if changes or not mismatch.changes:
            together.append(replace(mismatch, changes=changes))
    return tuple(sorted(together, key=lambda each: (each.operator_id, each.unasked)))
