"""The history of applies: one record for each run, as plain values without a secret, and what the plan tells from it.

A record is written before the first call, with every outcome `unknown`, and again at the end. So a run that died is in
the history as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core.model.fields import BY_NAME, FIELDS, Value
from reconciler.core.model.message import Text, joined, text
from reconciler.core.model.plan import Action, Note, Plan
from reconciler.core.model.report import Report
from reconciler.core.model.run import RunOrigin
from reconciler.core.text import is_newer_format

FORMAT: Final = "reconciler.history/1"
LONGEST: Final = 200
"""Characters of any text in a record; a longer one is cut, and ends with `…`."""
MOST_FILES: Final = 100

Document = dict[str, Any]


def begun_record(run: str, begun: str, origin: RunOrigin, plan: Plan, digest: str) -> Document:
    """The record of a run that is about to send its first call. `begun` is UTC, ISO 8601."""
    return {
        "format": FORMAT,
        "run": run,
        "begun": begun,
        "ended": None,
        "actor": _short(origin.actor),
        "pipeline": _short(origin.pipeline),
        "commit": _short(origin.commit),
        "files": [_short(file) for file in plan.files[:MOST_FILES]],
        "digest": digest,
        "exit_code": None,
        "actions": [_action(action) for action in plan.actions if not action.blocked],
    }


def ended_record(record: Document, ended: str, report: Report, lost: Collection[tuple[str, str]]) -> Document:
    """The same record at the end of the run; `lost` are the actions with a call whose outcome is unknown.

    Each of them is given by its kind and operatorId.
    """
    outcomes = {(result.action.kind, result.action.operator_id): result.outcome for result in report.results}
    actions = []
    for action in record["actions"]:
        key = action["action"], action["operatorId"]
        outcome: str = outcomes.get(key, "skipped")
        if outcome != "done" and key in lost:
            outcome = "unknown"
        actions.append({**action, "outcome": outcome})
    return {**record, "ended": ended, "exit_code": report.exit_code, "actions": actions}


def _action(action: Action) -> Document:
    before, after = _before(action), {name: value for name, value in action.after.items() if name in BY_NAME}
    if action.password is not None:
        after["passwordVersion"] = action.password.version
    return {
        "operatorId": action.operator_id,
        "action": action.kind,
        "before": {name: _short(value) for name, value in before.items()},
        "after": {name: _short(value) for name, value in after.items()},
        "outcome": "unknown",
    }


def _before(action: Action) -> dict[str, Value]:
    """What is known of an agent before the action: of one that is deleted everything, otherwise what changes."""
    version = action.recorded.password_version
    known: dict[str, Value] = {} if version is None else {"passwordVersion": version}
    if action.kind in ("delete", "replace") and action.live is not None:
        listed = {name: value for name, value in action.live.fields.items() if value != BY_NAME[name].default}
        return {**listed, **action.recorded.last_sent, **known}
    if action.kind == "password":
        return known
    return {change.field: change.before for change in action.changes if change.before_known and action.live is not None}


def _short(value: Value) -> Value:
    return f"{value[:LONGEST]}…" if isinstance(value, str) and len(value) > LONGEST else value


def is_record(document: object) -> bool:
    """Whether this is a record of a format that this version knows."""
    if not isinstance(document, dict) or is_newer_format(document.get("format"), FORMAT):
        return False
    actions = document.get("actions")
    if not isinstance(actions, list) or not all(_is_action(action) for action in actions):
        return False
    texts = [document.get(name) for name in ("run", "begun", "actor", "pipeline", "commit", "digest")]
    return all(isinstance(text, str) for text in texts)


def _is_action(action: object) -> bool:
    if not isinstance(action, dict) or not all(isinstance(action.get(side), dict) for side in ("before", "after")):
        return False
    return all(isinstance(action.get(name), str) for name in ("operatorId", "action", "outcome"))


@dataclass(frozen=True, slots=True)
class Deleted:
    """What an agent had when it was deleted, and when that was (UTC, ISO 8601)."""

    when: str
    before: Mapping[str, Value]


def deleted_in(record: Document, operator_id: str) -> Deleted | None:
    """What a record says of an agent that its run deleted; `None` where it says nothing."""
    for action in record["actions"]:
        if action["operatorId"] == operator_id and action["action"] in ("delete", "replace"):
            before = {name: value for name, value in action["before"].items() if name in BY_NAME}
            return Deleted(record["begun"], before)
    return None


FIRST_USE: Final = Note(
    text("nothing is recorded yet where the ledger lies: this is its first use, or another place is meant"),
    code="first-use",
)
"""What a plan tells of a remote ledger that is not there: a name with a slip in it names an empty one."""


def restored_notes(plan: Plan, deleted: Mapping[str, Deleted]) -> tuple[Note, ...]:
    """What agents lose that were `deleted` and that the plan creates again: a note for all of whom the same holds."""
    alike: defaultdict[Text, list[str]] = defaultdict(list)
    for action in plan.actions:
        if action.kind == "create" and action.operator_id in deleted:
            alike[_loss(action, deleted[action.operator_id])].append(action.operator_id)
    return tuple(Note(message, tuple(ids), "made-anew") for message, ids in alike.items())


def _loss(action: Action, deleted: Deleted) -> Text:
    after = action.after
    lost = {name: value for name, value in deleted.before.items() if name not in after}
    given = action.password is not None and action.password.kind != "generate"
    losses = [text("the password that the file names") if given else text("a new password")]
    if "roleName" not in after:
        losses.append(_with_former(text("whatever role the vendor picks"), lost.pop("roleName", None)))
    if "sipNumber" not in after:
        losses.append(_with_former(text("another SIP number"), lost.pop("sipNumber", None)))
    anew = "was deleted on {day} and is made anew: it gets {losses}"
    what = text(anew, day=deleted.when[:10], losses=joined(losses, " and "))
    rest = ", ".join(f"{row.name} {lost[row.name]}" for row in FIELDS if lost.get(row.name))
    return text("{what}; no file says {rest}, which it had", what=what, rest=rest) if rest else what


def _with_former(what: Text, former: Value) -> Text:
    return text("{what} (it was {former})", what=what, former=former) if former else what
