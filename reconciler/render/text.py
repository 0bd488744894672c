"""A plan, problems and a report for people, at 80 columns and up. Chinese names line up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from posixpath import commonprefix
from typing import Final

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import Value
from reconciler.core.model.outcome import ActionResult, Moved, Report
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.problem import Problem
from reconciler.core.saved.plan_json import digest
from reconciler.core.text import width
from reconciler.render.heading import Heading
from reconciler.render.requests import pace, requests
from reconciler.render.runs import alike, around, span, spans
from reconciler.render.terminal import pad, paint, visible

_SIGNS: Final = {"create": "+", "edit": "~", "replace": "±", "delete": "-", "password": "*"}
_NAME_CELLS: Final = 20
_VALUE_CELLS: Final = 60
_LISTED: Final = 8
_SHARED: Final = 24
_CONTEXT: Final = 8
MAX_PROBLEMS: Final = 200


def plan(plan: Plan, heading: Heading) -> str:
    """What would change, why not all of it may, and what it costs."""
    lines = [
        f"{visible(plan.company.abbreviate)} at {visible(plan.endpoint)}: "
        f"{plan.desired_agents} agents desired, {plan.live_agents} live, {plan.in_scope} in scope",
        *([f"New passwords are encrypted for {_some(plan.recipients)}"] if plan.recipients else []),
        "",
    ]
    parts = [(title, list(_rows(actions))) for title, actions in by_origin(plan.actions)]
    columns = _columns([row for _, rows in parts for row in rows])
    for title, rows in parts:
        lines += [paint(title, "bold", color=heading.color)] if title else []
        lines += [line for row in rows for line in _action(row, columns, heading)]
        lines.append("")
    lines += [line for note in plan.notes for line in _note(note, heading)]
    lines += [line for guardrail in plan.guardrails for line in _limit(guardrail, heading)]
    lines += _summary(plan, heading)
    lines.append(paint(f"Digest: {digest(plan)}", "dim", color=heading.color))
    return "\n".join(lines) + "\n"


_TITLES: Final = {
    "change": "Changed in the file:",
    "drift": "Drift, not from this change of the file; applying it reverts what was done on the live side:",
    "": "",
}


def by_origin(actions: Sequence[Action]) -> list[tuple[str, list[Action]]]:
    """The actions under a title for each origin; under none where nobody asked for it."""
    found = {title: [a for a in actions if a.origin == origin] for origin, title in _TITLES.items()}
    return [(title, some) for title, some in found.items() if some]


def _rows(actions: Sequence[Action]) -> Iterator[Action]:
    """The actions, new agents that are alike as one: whatever names their number names all of them."""
    for run in alike(actions):
        first = run[0]
        if len(run) == 1 or first.kind != "create":
            yield from run
            continue
        ids = span(first.operator_id, run[-1].operator_id)
        name = ids.join(around(first.name, first))
        changes = [replace(change, after=name) if change.field == "name" else change for change in first.changes]
        yield replace(first, operator_id=f"{ids} ({len(run)})", name=name, changes=tuple(changes))


def _columns(actions: Sequence[Action]) -> tuple[int, int]:
    ids = max((width(visible(action.operator_id)) for action in actions), default=0)
    return ids, min(max((width(visible(action.name)) for action in actions), default=0), _NAME_CELLS)


def _action(action: Action, columns: tuple[int, int], heading: Heading) -> Iterator[str]:
    style = "blocked" if action.blocked else action.kind
    sign = "!" if action.blocked else _SIGNS[action.kind]
    what = paint(f"{sign} {'blocked' if action.blocked else action.kind:<8}", style, color=heading.color)
    place = f"{visible(action.place.file)}:{action.place.line}" if action.place else "not in the file"
    id_cells, name_cells = columns
    who = f"{pad(visible(action.operator_id), id_cells)}  {pad(visible(action.name), name_cells)}"
    yield f"{what}  {who}  {paint(place, 'dim', color=heading.color)}"
    if action.blocked:
        yield f"      {visible(action.blocked)}"
    names = max((width(change.field) for change in action.changes), default=0)
    for change in action.changes:
        drift = "  (drift)" if change.origin == "drift" and action.origin == "change" else ""
        yield f"      {pad(change.field, names)}  {_change(action, change)}{drift}"
    yield from _aside(action)


def _change(action: Action, change: FieldChange) -> str:
    if action.kind == "create":
        return value(change.after)
    before, after = (value(each) for each in apart(change.before, change.after))
    if action.kind == "password" and action.password:
        after = f"version {after}, {_source(action.password)}"
    return f"{before if change.before_known else 'not recorded'} → {after}"


def apart(before: Value, after: Value) -> tuple[Value, Value]:
    """Two values that can be told apart where they are cut: of long texts the beginning that they share is left out."""
    if not (isinstance(before, str) and isinstance(after, str)) or len(before) < _SHARED or len(after) < _SHARED:
        return before, after
    shared = len(commonprefix([before, after])) - _CONTEXT
    return (before, after) if shared < _SHARED - _CONTEXT else (f"…{before[shared:]}", f"…{after[shared:]}")


def _aside(action: Action) -> Iterator[str]:
    """What else happens to the agent, in words."""
    if action.blocked:
        return
    if action.kind in ("create", "replace"):
        whose = "chosen by the vendor" if action.vendor_password else _source(action.password)
        yield f"      password: {whose}{', in a batch' if action.batched else ''}"
    kept = ", ".join(name for name in action.carries if action.carries[name] is not None)
    if action.kind == "replace":
        yield f"      deleted and made anew; carried over: {kept or 'nothing'}"
    elif kept:
        yield f"      given back after a replace that was cut short: {kept}"
    if action.kind == "delete" and action.frees_sip:
        yield f"      frees SIP number {visible(str(action.live_sip))}"


def _source(source: PasswordSource | None) -> str:
    """Where a password comes from, in words."""
    if source is None or source.kind == "generate":
        return "a generated one"
    return f"from {source.kind} {visible(source.name)}"


def value(value: Value) -> str:
    """A value as the file spells it; long ones are cut."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = visible(str(value))
    if text != text.strip() or not text:
        text = f'"{text}"'
    return pad(text, _VALUE_CELLS) if width(text) > _VALUE_CELLS else text


def _some(ids: Sequence[str]) -> str:
    found = spans(ids)
    shown, more = ", ".join(visible(text) for text, _ in found[:_LISTED]), sum(count for _, count in found[_LISTED:])
    return f"{shown} and {more} more" if more else shown


def _note(note: Note, heading: Heading) -> Iterator[str]:
    ids = f": {_some(note.operator_ids)}" if note.operator_ids else ""
    yield paint(f"Note: {visible(note.message)}{ids}", "dim", color=heading.color)


_SET_BY: Final = {"file": "of the file", "flag": "by a flag", "default": "by default", "always": "always"}


def _limit(guardrail: Guardrail, heading: Heading) -> Iterator[str]:
    """A limit in force: a trip says who counted, and what to do."""
    head = f"Guardrail {visible(guardrail.rule)}: {guardrail.planned} planned, {guardrail.allowed} allowed"
    limit = f" (limit {visible(guardrail.limit)}, {_SET_BY[guardrail.set_by]})"
    if guardrail.ok:
        if not guardrail.planned and guardrail.set_by != "flag":
            return  # it limits nothing of this plan
        yield paint(head + limit, "dim", color=heading.color)
        return
    yield paint(head, "bad", color=heading.color) + f"{limit}: {_some(guardrail.operator_ids)}"
    yield f"      {visible(guardrail.hint)}"


def _summary(plan: Plan, heading: Heading) -> Iterator[str]:
    count = plan.summary
    if not plan.actions:
        agents = "1 agent is" if count["unchanged"] == 1 else f"{count['unchanged']} agents are"
        yield paint(f"Nothing to change: {agents} as desired.", "good", color=heading.color)
        return
    words = {"create": "create", "edit": "edit", "replace": "replace", "delete": "delete"}
    parts = [f"{count[kind]} to {word}" for kind, word in words.items() if count[kind]]
    parts += [f"{count['password']} password{'s' * (count['password'] != 1)} to set"] if count["password"] else []
    parts += [f"{count['blocked']} blocked"] if count["blocked"] else []
    yield paint(f"Plan: {', '.join(parts)}; {count['unchanged']} unchanged.", "bold", color=heading.color)
    if plan.calls:
        yield f"API calls: {requests(plan)}."
    if took := pace(plan, heading.rate):
        yield f"They take {took}."
    if plan.refused:
        yield paint("Refused: nothing of this may be applied as it stands.", "bad", color=heading.color)


def problems(found: Sequence[Problem], *, color: bool = False) -> str:
    """Problems for people: place, what is wrong, what to do."""
    lines: list[str] = []
    for problem in found[:MAX_PROBLEMS]:
        path = f"{visible(problem.path)}: " if problem.path else ""
        place = paint(f"{visible(str(problem.place))}:", "bold", color=color)
        lines.append(f"{place} {path}{visible(problem.message)}")
        if problem.hint:
            lines.append(paint(f"      {visible(problem.hint)}", "dim", color=color))
    if len(found) > MAX_PROBLEMS:
        lines.append(f"… and {len(found) - MAX_PROBLEMS} more; --format json lists them all")
    return "\n".join(lines) + "\n"


def moved(found: Sequence[Moved], *, color: bool = False) -> str:
    """What is no longer as a plan was reviewed: who, what, and from which value to which."""
    lines: list[str] = []
    for each in found:
        head = paint("! moved", "bad", color=color)
        lines.append(f"{head}  {visible(each.operator_id)}  {visible(each.message)}")
        lines += [f"      {c.field}: reviewed {value(c.before)}, now {value(c.after)}" for c in each.changes]
    return "\n".join(lines) + "\n"


_ENDS: Final[Mapping[str, str]] = {"partly": "partly done", "failed": "failed", "skipped": "not tried"}


def report(report: Report, *, color: bool = False, again: str = "Run apply again") -> str:
    """What an apply did: failures first, each with the vendor's words, then what was not done, then the count.

    `again` says how to go on where something is left.
    """
    lines = [line for result in report.results if result.outcome != "done" for line in _failure(result, color)]
    for mismatch in report.mismatches:
        head = paint("! not so", "bad", color=color)
        lines.append(f"{head}  {visible(mismatch.operator_id)}  {mismatch.message}")
        lines += [f"      {c.field}: wanted {value(c.after)}, is {value(c.before)}" for c in mismatch.changes]
    lines += [f"warning: {visible(warning)}" for warning in report.warnings]
    total = len(report.results)
    lines.append(paint(f"Applied {report.done} of {total} actions.", "bold", color=color))
    lines.append(_verdict(report, color, again))
    return "\n".join(lines) + "\n"


def _failure(result: ActionResult, color: bool) -> Iterator[str]:
    action = result.action
    head = paint(f"! {_ENDS[result.outcome]}", "bad", color=color)
    yield f"{head}  {action.kind} {visible(action.operator_id)} {visible(action.name)}".rstrip()
    yield f"      {visible(result.message)}"


def _verdict(report: Report, color: bool, again: str) -> str:
    if report.exit_code == 0:
        return paint("Read back: every agent is as desired.", "good", color=color)
    if report.interrupted:
        return f"Interrupted: what was in flight is recorded. {again} to go on from here."
    if not report.verified:
        return "The result could not be read back. Run plan to see what is left."
    if report.mismatches:
        count = len(report.mismatches)
        return f"Read back: {count} agent{'s are' if count != 1 else ' is'} not as the vendor said. Run plan to see."
    return f"{again} to go on from here, once the cause is mended."
