"""Events to Report: what became of each action, and whether the listing afterwards bears it out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from reconciler.core.model.outcome import ActionOutcome, ActionResult, Event, Mismatch
from reconciler.core.model.plan import Action, Plan


def results(plan: Plan, events: Iterable[Event]) -> tuple[ActionResult, ...]:
    """One result an action, in plan order. An action with a call that never ended was skipped or cut short."""
    by_action: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        for index in event.call.actions:
            by_action[index].append(event)
    planned: defaultdict[int, int] = defaultdict(int)
    for call in plan.calls:
        for index in call.actions:
            planned[index] += 1
    return tuple(_result(action, by_action[index], planned[index]) for index, action in enumerate(plan.actions))


def _result(action: Action, events: Sequence[Event], planned: int) -> ActionResult:
    if action.blocked:
        return ActionResult(action, "skipped", action.blocked)
    done = sum(event.outcome == "done" for event in events)
    if done == planned:
        return ActionResult(action, "done")
    failure = next((event for event in events if event.outcome not in ("done", "skipped")), None)
    reasons = [event.message for event in events if event.outcome == "skipped"]
    message = failure.message if failure else reasons[0] if reasons else "not started"
    outcome: ActionOutcome = "partly" if done else "failed" if failure else "skipped"
    return ActionResult(action, outcome, message)


def mismatches(results: Iterable[ActionResult], again: Plan) -> tuple[Mismatch, ...]:
    """What is still planned, after all, for agents whose every action was carried out.

    `again` is the plan made from the listing that was read after the last call.
    """
    ended: defaultdict[str, bool] = defaultdict(lambda: True)
    made: set[str] = set()
    for result in results:
        ended[result.action.operator_id] &= result.outcome == "done"
        if result.action.kind in ("create", "replace"):
            made.add(result.action.operator_id)
    return tuple(_mismatch(action, made) for action in again.actions if ended.get(action.operator_id))


_STILL = {
    "create": "is no longer in the listing",
    "delete": "was deleted, and is still in the listing",
    "password": "its password is not recorded as set",
}


def _mismatch(action: Action, made: set[str]) -> Mismatch:
    message = _STILL.get(action.kind, "the vendor accepted the change and did not make it")
    if action.kind == "create" and action.operator_id in made:
        message = "was created, and is not in the listing"
    changes = action.changes if action.kind in ("edit", "replace") else ()
    return Mismatch(action.operator_id, message, changes)
