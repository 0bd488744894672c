"""Events to results: how each action ended, and where the listing read afterwards contradicts that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

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
    message = failure.message if failure else reasons[0] if reasons else "not started"
    outcome: ActionOutcome = "partly" if done else "failed" if failure else "skipped"
    return ActionResult(action, outcome, message)


def mismatches(results: Iterable[ActionResult], again: Plan) -> tuple[Mismatch, ...]:
    """The actions that are still planned for agents whose every action was carried out.

    `again` is the plan made from the listing that was read after the last call.
    """
    all_done: defaultdict[str, bool] = defaultdict(lambda: True)
    created: set[str] = set()
    for result in results:
        all_done[result.action.operator_id] &= result.outcome == "done"
        if result.action.kind in ("create", "replace"):
            created.add(result.action.operator_id)
    return tuple(_mismatch(action, created) for action in again.actions if all_done.get(action.operator_id))


_MESSAGES = {
    "create": "is no longer in the listing",
    "delete": "was deleted, and is still in the listing",
    "password": "its password is not recorded as set",
}


def _mismatch(action: Action, created: set[str]) -> Mismatch:
    message = _MESSAGES.get(action.kind, "the vendor accepted the change and did not make it")
    if action.kind == "create" and action.operator_id in created:
        message = "was created, and is not in the listing"
    changes = action.changes if action.kind in ("edit", "replace") else ()
    return Mismatch(action.operator_id, message, changes)
