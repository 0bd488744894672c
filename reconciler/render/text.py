"""A plan, problems, stale agents and a report as text for people, at 80 columns and up. Chinese names line up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from posixpath import commonprefix
from typing import Final

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import Value
from reconciler.core.model.outcome import StaleAgent
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.problem import Problem
from reconciler.core.model.recipient import recipient_label
from reconciler.core.model.report import ActionResult, Report
from reconciler.core.saved.plan_json import digest
from reconciler.core.text import counted, width
from reconciler.render.heading import Heading
from reconciler.render.requests import duration_in_words, requests_in_words
from reconciler.render.runs import group_alike, id_span, id_spans, split_around_id
from reconciler.render.terminal import pad, paint, visible

_SIGNS: Final = {"create": "+", "edit": "~", "replace": "±", "delete": "-", "password": "*"}
_NAME_CELLS: Final = 20
_VALUE_CELLS: Final = 60
_MAX_SPANS: Final = 8
_MIN_SHARED: Final = 24
_CONTEXT: Final = 8
MAX_PROBLEMS: Final = 200


def plan(plan: Plan, heading: Heading) -> str:
    """What would change, which of it may not be applied, and how many requests it takes."""
    lines = [
        f"{visible(plan.company.abbreviate)} at {visible(plan.endpoint)}: "
        f"{counted(plan.desired_agents, 'agent')} desired, {plan.live_agents} live, {plan.in_scope} in scope",
        *_recipients(plan.recipients),
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


def _recipients(recipients: Sequence[str]) -> Iterator[str]:
    """Who can read new credentials: all of them, since a stranger may be one of many."""
    if recipients:
        yield "New passwords are encrypted for:"
    yield from (f"  {visible(recipient_label(recipient))}" for recipient in recipients)


_TITLES: Final = {
    "change": "Changed in the file:",
    "drift": "Drift, not from this change of the file; applying it reverts what was done on the live side:",
    "": "",
}


def by_origin(actions: Sequence[Action]) -> list[tuple[str, list[Action]]]:
    """The actions by origin, each with a title; an empty title where origins were not asked for."""
    by_title = {title: [action for action in actions if action.origin == origin] for origin, title in _TITLES.items()}
    return [(title, group) for title, group in by_title.items() if group]


def _rows(actions: Sequence[Action]) -> Iterator[Action]:
    """The actions, with new agents that differ only in their ids as one, whose id and name show all the ids."""
    for run in group_alike(actions):
        first = run[0]
        if len(run) == 1 or first.kind != "create":
            yield from run
            continue
        ids = id_span(first.operator_id, run[-1].operator_id)
        name = ids.join(split_around_id(first.name, first))
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
    yield from _asides(action)


def _change(action: Action, change: FieldChange) -> str:
    if action.kind == "create":
        return spelled_value(change.after)
    before, after = map(spelled_value, cut_shared_beginning(change.before, change.after))
    if action.kind == "password" and action.password:
        after = f"version {after}, {_source(action.password)}"
    return f"{before if change.before_known else 'not recorded'} → {after}"


def cut_shared_beginning(before: Value, after: Value) -> tuple[Value, Value]:
    """The two values, without the beginning that long texts share, so that they differ even where they are cut."""
    if (
        not (isinstance(before, str) and isinstance(after, str))
        or len(before) < _MIN_SHARED
        or len(after) < _MIN_SHARED
    ):
        return before, after
    shared = len(commonprefix([before, after])) - _CONTEXT
    return (before, after) if shared < _MIN_SHARED - _CONTEXT else (f"…{before[shared:]}", f"…{after[shared:]}")


def _asides(action: Action) -> Iterator[str]:
    """What else happens to the agent, in words."""
    if action.blocked:
        return
    if action.kind in ("create", "replace"):
        source = "chosen by the vendor" if action.vendor_password else _source(action.password)
        yield f"      password: {source}{', in a batch' if action.batched else ''}"
    kept = ", ".join(name for name in action.carries if action.carries[name] is not None)
    if action.kind == "replace":
        yield f"      deleted and made anew; carried over: {kept or 'nothing'}"
    elif kept:
        yield f"      given back after a replace that was cut short: {kept}"
    if action.kind == "delete" and action.frees_sip:
        yield f"      frees SIP number {visible(str(action.live_sip))}"


def _source(source: PasswordSource | None) -> str:
    """The source of a password, in words."""
    if source is None or source.kind == "generate":
        return "a generated one"
    return f"from {source.kind} {visible(source.path)}"


def spelled_value(value: Value) -> str:
    """A value as the file spells it; long ones are cut."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = visible(str(value))
    if text != text.strip() or not text:
        text = f'"{text}"'
    return pad(text, _VALUE_CELLS) if width(text) > _VALUE_CELLS else text


def _ids(ids: Sequence[str]) -> str:
    spans = id_spans(ids)
    shown = ", ".join(visible(text) for text, _ in spans[:_MAX_SPANS])
    more = sum(count for _, count in spans[_MAX_SPANS:])
    return f"{shown} and {more} more" if more else shown


def _note(note: Note, heading: Heading) -> Iterator[str]:
    ids = f": {_ids(note.operator_ids)}" if note.operator_ids else ""
    yield paint(f"Note: {visible(note.message)}{ids}", "dim", color=heading.color)


_SET_BY: Final = {"file": "of the file", "flag": "by a flag", "default": "by default", "always": "always"}


def _limit(guardrail: Guardrail, heading: Heading) -> Iterator[str]:
    """A limit in force; a tripped one also shows which agents counted, and what to do."""
    head = f"Guardrail {visible(guardrail.rule)}: {guardrail.planned} planned, {guardrail.allowed} allowed"
    limit = f" (limit {visible(guardrail.limit)}, {_SET_BY[guardrail.set_by]})"
    if guardrail.ok:
        if not guardrail.planned and guardrail.set_by != "flag":
            return  # it limits nothing in this plan
        yield paint(head + limit, "dim", color=heading.color)
        return
    yield paint(head, "bad", color=heading.color) + f"{limit}: {_ids(guardrail.operator_ids)}"
    yield f"      {visible(guardrail.hint)}"


def _summary(plan: Plan, heading: Heading) -> Iterator[str]:
    count = plan.summary
    if not plan.actions:
        agents = f"{counted(count['unchanged'], 'agent')} {'is' if count['unchanged'] == 1 else 'are'}"
        yield paint(f"Nothing to change: {agents} as desired.", "good", color=heading.color)
        return
    words = {"create": "create", "edit": "edit", "replace": "replace", "delete": "delete"}
    parts = [f"{count[kind]} to {word}" for kind, word in words.items() if count[kind]]
    parts += [f"{counted(count['password'], 'password')} to set"] if count["password"] else []
    parts += [f"{count['blocked']} blocked"] if count["blocked"] else []
    yield paint(f"Plan: {', '.join(parts)}; {count['unchanged']} unchanged.", "bold", color=heading.color)
    if plan.calls:
        yield f"API calls: {requests_in_words(plan)}."
    if duration := duration_in_words(plan, heading.rate):
        yield f"They take {duration}."
    if plan.refused:
        yield paint("Refused: nothing of this may be applied as it stands.", "bad", color=heading.color)


def problems(problems: Sequence[Problem], *, color: bool = False) -> str:
    """Problems for people: place, what is wrong, what to do."""
    lines: list[str] = []
    for problem in problems[:MAX_PROBLEMS]:
        path = f"{visible(problem.path)}: " if problem.path else ""
        place = paint(f"{visible(str(problem.place))}:", "bold", color=color)
        lines.append(f"{place} {path}{visible(problem.message)}")
        if problem.hint:
            lines.append(paint(f"      {visible(problem.hint)}", "dim", color=color))
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"… and {len(problems) - MAX_PROBLEMS} more; --format json lists them all")
    return "\n".join(lines) + "\n"


def stale_agents(agents: Sequence[StaleAgent], *, color: bool = False) -> str:
    """The agents that are no longer as they were reviewed: what changed, from which value to which."""
    lines: list[str] = []
    for agent in agents:
        head = paint("! moved", "bad", color=color)
        lines.append(f"{head}  {visible(agent.operator_id)}  {visible(agent.message)}")
        lines += [
            f"      {change.field}: reviewed {spelled_value(change.before)}, now {spelled_value(change.after)}"
            for change in agent.changes
        ]
    return "\n".join(lines) + "\n"


_OUTCOMES: Final[Mapping[str, str]] = {"partly": "partly done", "failed": "failed", "skipped": "not tried"}


def report(report: Report, *, color: bool = False, again: str = "Run apply again") -> str:
    """What an apply did: actions that were not done, each with the reason, then mismatches, warnings and the count.

    `again` says how to go on if something is left to do.
    """
    lines = [line for result in report.results if result.outcome != "done" for line in _failure(result, color)]
    for mismatch in report.mismatches:
        head = paint("! unasked" if mismatch.unasked else "! not so", "bad", color=color)
        lines.append(f"{head}  {visible(mismatch.operator_id)}  {mismatch.message}")
        expected = "should be" if mismatch.unasked else "wanted"
        lines += [
            f"      {change.field}: {expected} {spelled_value(change.after)}, is {spelled_value(change.before)}"
            for change in mismatch.changes
        ]
    lines += [f"warning: {visible(warning)}" for warning in report.warnings]
    total = len(report.results)
    lines.append(paint(f"Applied {report.done} of {counted(total, 'action')}.", "bold", color=color))
    lines.append(_verdict(report, color, again))
    return "\n".join(lines) + "\n"


def _failure(result: ActionResult, color: bool) -> Iterator[str]:
    action = result.action
    head = paint(f"! {_OUTCOMES[result.outcome]}", "bad", color=color)
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
        count = len({mismatch.operator_id for mismatch in report.mismatches})
        agents = f"{counted(count, 'agent')} {'is' if count == 1 else 'are'}"
        if not any(mismatch.unasked for mismatch in report.mismatches):
            return f"Read back: {agents} not as the vendor said. Run plan to see."
        mend = "Put back in the console what changed unasked, or write those fields into the file and apply it"
        return f"Read back: {agents} not as it should be. {mend}."
    return f"{again} to go on from here, once the cause is mended."
