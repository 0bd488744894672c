"""A plan and problems as text for people, at 80 columns and up. Chinese names line up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.message import NOTHING, Text, joined, text, verbatim
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.problem import Problem
from reconciler.core.model.recipient import recipient_label
from reconciler.core.saved.plan_json import digest
from reconciler.core.text import width
from reconciler.render.alike import Row, alike_rows
from reconciler.render.heading import Heading
from reconciler.render.offline import SENTENCE
from reconciler.render.policy import policy_heading, policy_rows, policy_words
from reconciler.render.requests import duration_in_words, requests_in_words
from reconciler.render.runs import id_spans
from reconciler.render.spelling import spelled_name, spelled_pair, spelled_value
from reconciler.render.terminal import middle_cut, pad, paint, visible

_SIGNS: Final = {"create": "+", "edit": "~", "replace": "±", "delete": "-", "password": "*"}
_ID_CELLS: Final = 64
_NAME_CELLS: Final = 40
LINE_CELLS: Final = 94
"""Columns of a line of ids, without its indentation."""
_MAX_SPANS: Final = 8
MAX_PROBLEMS: Final = 200
_LOOSENS: Final = text("! loosens")
_UNDER_VALUES: Final = "\n" + 14 * " "
"""A new line that goes on where the values of the line before begin."""


def plan(plan: Plan, heading: Heading) -> str:
    """What would change, which of it may not be applied, and how many requests it takes."""
    lines = [
        *_policy_changes(plan, heading),
        _whose(plan),
        *_policy(plan),
        *_recipients(plan.recipients),
        "",
    ]
    parts = [(title, alike_rows(actions)) for title, actions in by_origin(plan.actions)]
    columns = _columns([row for _, rows in parts for row in rows])
    for title, rows in parts:
        lines += [paint(title, "bold", color=heading.color)] if title else []
        lines += [line for row in rows for line in _row(row, columns, heading)]
        lines.append("")
    lines += [line for note in plan.notes for line in _note(note, heading)]
    lines += [line for guardrail in plan.guardrails for line in _limit(guardrail, heading)]
    lines += _summary(plan, heading)
    end = SENTENCE if plan.offline else text("Digest: {digest}", digest=digest(plan))
    lines.append(paint(end, "bold" if plan.offline else "dim", color=heading.color))
    return "\n".join(lines) + "\n"


def _whose(plan: Plan) -> str:
    company, count = plan.company.abbreviate, plan.desired_agents
    if plan.offline:
        words = "{company}, by the files alone: {count} {count:agent|agents} desired"
        return visible(text(words, company=company, count=count))
    words = "{company} at {endpoint}: {count} {count:agent|agents} desired, {live} live, {in_scope} in scope"
    at = {"endpoint": plan.endpoint, "live": plan.live_agents, "in_scope": plan.in_scope}
    return visible(text(words, company=company, count=count, **at))


def _policy_changes(plan: Plan, heading: Heading) -> Iterator[str]:
    """What the change of the files does to the policy, with a mark on what loosens it."""
    rows = policy_rows(plan)
    if not rows:
        return
    yield paint(f"{policy_heading(rows)}:", "bold", color=heading.color)
    keys = max(len(row.key) for row in rows)
    for row in rows:
        before, after = (", ".join(map(visible, texts)) for texts in (row.before, row.after))
        mark = paint(_LOOSENS, "bad", color=heading.color) if row.loosens else " " * width(_LOOSENS)
        file = f"  ({visible(row.file)})" if row.file else ""
        if row.key != "recipients":  # which are long
            yield f"{mark}  {pad(row.key, keys)}  {before} → {after}{file}"
            continue
        yield f"{mark}  {row.key}{file}"
        for when, texts in ((text("before"), row.before), (text("after"), row.after)):
            yield f"      {pad(when, 6)}  {f',{_UNDER_VALUES}'.join(map(visible, texts))}"
    yield ""


def _policy(plan: Plan) -> Iterator[str]:
    """The policy in force, in one line."""
    words = [*policy_words(plan), *((rail.rule, rail.limit) for rail in plan.guardrails)]
    if policy_words(plan):
        yield text("Policy: {words}", words="; ".join(f"{key} {visible(value)}" for key, value in words))


def _recipients(recipients: Sequence[str]) -> Iterator[str]:
    """Who can read new credentials: all of them, since a stranger may be one of many."""
    if recipients:
        yield text("New passwords are encrypted for:")
    yield from (f"  {spelled_name(recipient_label(recipient))}" for recipient in recipients)


_TITLES: Final = {
    "change": text("Changed in the file:"),
    "drift": text("Drift, not from this change of the file; applying it reverts what was done on the live side:"),
    "": NOTHING,
}


def by_origin(actions: Sequence[Action]) -> list[tuple[Text, list[Action]]]:
    """The actions by origin, each with a title; an empty title where origins were not asked for."""
    by_title = {title: [action for action in actions if action.origin == origin] for origin, title in _TITLES.items()}
    return [(title, group) for title, group in by_title.items() if group]


def _columns(rows: Sequence[Row]) -> tuple[int, int]:
    ids = max((width(row.head) for row in rows), default=0)
    return min(ids, _ID_CELLS), min(max((width(_name(row)) for row in rows), default=0), _NAME_CELLS)


def _name(row: Row) -> str:
    return spelled_name(row.common.name) if row.one_name else ""


def _row(row: Row, columns: tuple[int, int], heading: Heading) -> Iterator[str]:
    action = row.common
    style = "blocked" if action.blocked else action.kind
    sign = "!" if action.blocked else _SIGNS[action.kind]
    what = paint(f"{sign} {'blocked' if action.blocked else action.kind:<8}", style, color=heading.color)
    id_cells, name_cells = columns
    head, name = row.head, _name(row)
    id_column = head + " " * (id_cells - width(head))
    name_column = pad(name, name_cells) if width(name) <= name_cells else middle_cut(name, name_cells)
    yield f"{what}  {id_column}  {name_column}  {paint(_place(row), 'dim', color=heading.color)}"
    yield from wrapped(row.agents)
    if action.blocked:
        yield f"      {visible(action.blocked)}"
    changes = row.changes
    names = max((width(change.field) for change in changes), default=0)
    for change in changes:
        drift = f"  ({change.origin})" if change.origin in ("drift", "owed") and action.origin == "change" else ""
        value = text("another value for each") if change.field in row.various else _change(action, change)
        yield f"      {pad(change.field, names)}  {value}{drift}"
    yield from _asides(row)


def _place(row: Row) -> str:
    if row.common.place is None:
        return text("not in the file")
    first, last = row.lines
    return f"{visible(row.common.place.file)}:{first}" + (f"…{last}" if last > first else "")


def wrapped(items: Sequence[str]) -> Iterator[str]:
    """The items as indented lines of about `LINE_CELLS`, parted by commas."""
    line: list[str] = []
    for item in items:
        if line and sum(map(width, line)) + 2 * len(line) + width(item) >= LINE_CELLS:
            yield f"      {', '.join(line)},"
            line = []
        line.append(item)
    if line:
        yield f"      {', '.join(line)}"


def _change(action: Action, change: FieldChange) -> str:
    if action.kind == "create":
        return spelled_value(change.after)
    before, after = (value.short for value in spelled_pair(change.before, change.after))
    if action.kind == "password" and action.password:
        after = text("version {version}, {source}", version=after, source=_source(action.password))
    return f"{before if change.before_known else text('not recorded')} → {after}"


def _asides(row: Row) -> Iterator[str]:
    """What else happens to the agents, in words."""
    action = row.common
    if action.blocked:
        return
    if action.kind in ("create", "replace"):
        source = text("chosen by the vendor") if action.vendor_password else _source(action.password)
        words = text("password: {source}", source=source)
        yield f"      {text('{words}, in a batch', words=words) if action.batched else words}"
    kept = ", ".join(name for name in action.carries if action.carries[name] is not None)
    if action.kind == "replace":
        yield f"      {text('deleted and made anew; carried over: {kept}', kept=kept or text('nothing'))}"
    elif kept:
        yield f"      {text('given back after a replace that was cut short: {kept}', kept=kept)}"
    if action.removal:
        yield f"      {text('no longer in the file: disabled, and kept')}"
    if action.kind == "delete" and action.frees_sip:
        words = text("frees SIP {count:number|numbers} {first}", count=len(row.actions), first=row.freed[0])
        yield from wrapped([words, *row.freed[1:]])


def _source(source: PasswordSource | None) -> Text:
    """The source of a password, in words."""
    if source is None or source.kind == "generate":
        return text("a generated one")
    return text("from {kind} {name}", kind=source.kind, name=spelled_name(source.path))


def _ids(ids: Sequence[str]) -> Text:
    spans = id_spans(ids)
    shown = verbatim(", ".join(span for span, _ in spans[:_MAX_SPANS]))
    more = sum(count for _, count in spans[_MAX_SPANS:])
    return text("{names} and {more} more", names=shown, more=more) if more else shown


def _note(note: Note, heading: Heading) -> Iterator[str]:
    words = text("Note: {message}", message=visible(note.message))
    if note.operator_ids:
        words = text("{words}: {ids}", words=words, ids=_ids(note.operator_ids))
    yield paint(words, "dim", color=heading.color)


_SET_BY: Final = {
    "file": text("of the file"),
    "flag": text("by a flag"),
    "default": text("by default"),
    "always": text("always"),
}


def _limit(guardrail: Guardrail, heading: Heading) -> Iterator[str]:
    """A limit in force; a tripped one also shows which agents counted, and what to do."""
    words = "Guardrail {rule}: {planned} planned, {allowed} allowed"
    head = text(words, rule=visible(guardrail.rule), planned=guardrail.planned, allowed=guardrail.allowed)
    limit = text(" (limit {limit}, {set_by})", limit=visible(guardrail.limit), set_by=_SET_BY[guardrail.set_by])
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
        nothing = "Nothing to change: {count} {count:agent is|agents are} as desired."
        if plan.offline:
            nothing = "Nothing to change: {count} {count:agent is|agents are} as before."
        yield paint(text(nothing, count=count["unchanged"]), "good", color=heading.color)
        return
    parts = [text("{count} to {kind}", count=count[kind], kind=kind) for kind in _KINDS if count[kind]]
    password, blocked = count["password"], count["blocked"]
    parts += [text("{count} {count:password|passwords} to set", count=password)] if password else []
    parts += [text("{count} blocked", count=blocked)] if blocked else []
    words = text("Plan: {parts}; {same} unchanged.", parts=joined(parts, ", "), same=count["unchanged"])
    yield paint(words, "bold", color=heading.color)
    if plan.calls:
        yield text("API calls: {requests}.", requests=requests_in_words(plan))
    if duration := duration_in_words(plan, heading.rate):
        yield text("They take {duration}.", duration=duration)
    if plan.calls and plan.reads is not None:
        reads = "An apply of it reads {count:,} {count:time|times}: before it, and to see what became of it."
        yield text(reads, count=plan.reads)
    if plan.refused:
        yield paint(text("Refused: nothing of this may be applied as it stands."), "bad", color=heading.color)


_KINDS: Final = ("create", "edit", "replace", "delete")


def problems(problems: Sequence[Problem], *, color: bool = False) -> str:
    """Problems for people: place, what is wrong, what to do."""
    lines: list[str] = []
    for problem in problems[:MAX_PROBLEMS]:
        path = f"{visible(problem.path)}: " if problem.path else ""
        place = paint(f"{visible(str(problem.place))}:", "bold", color=color)
        lines.append(f"{place} {path}{visible(problem.message)}")
        hints = problem.hint.split("\n") if problem.hint else []
        lines += [paint(f"      {visible(hint)}", "dim", color=color) for hint in hints]
    if len(problems) > MAX_PROBLEMS:
        lines.append(text("… and {more} more; --format json lists them all", more=len(problems) - MAX_PROBLEMS))
    return "\n".join(lines) + "\n"
