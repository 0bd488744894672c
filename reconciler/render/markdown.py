"""A plan for the comment of a pull request: what decides comes first, and it fits whatever a plan holds.

Everything that comes out of the plan stands in code spans (`escape.code`), and no line begins with one. Nothing
depends on when or where it was made, so that a comment changes when the plan does and at no other time.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange, Origin
from reconciler.core.model.fields import Value
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.saved.plan_json import digest
from reconciler.render.escape import cell, code
from reconciler.render.heading import Heading
from reconciler.render.room import Entry, Section, counted, fill
from reconciler.render.runs import alike, around, span, spans

LIMIT: Final = 60_000
"""Characters of a whole rendering; GitHub takes no comment of more than 65,536."""
_SENTENCE_CELLS: Final = 300
_ID_CELLS: Final = 40
_LISTED: Final = 20
_SET_BY: Final = {
    "file": "set in the file",
    "flag": "set by a flag, which overrides the file",
    "default": "the default",
    "always": "always in force",
}
_TRIPPED: Final = ("tripped guardrail", "tripped guardrails")
_BLOCKED: Final = ("blocked action", "blocked actions")
_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def plan(plan: Plan, _heading: Heading) -> str:
    """The verdict, what stands against it, and every action as far as `LIMIT` characters take them."""
    pieces = list(_pieces(plan))
    sections = [piece for piece in pieces if isinstance(piece, Section)]
    fill(sections, LIMIT - sum(len(piece) + 2 for piece in pieces if isinstance(piece, str)))
    blocks = [block for piece in pieces for block in (piece.blocks() if isinstance(piece, Section) else [piece])]
    return "\n\n".join(blocks) + "\n"


def marker(company: Company) -> str:
    """The hidden first line of a company's comment, by which it is found again; nothing of the name stands in it."""
    named = hashlib.sha256(company.abbreviate.encode("utf-8", "surrogatepass")).hexdigest()
    return f"<!-- reconciler:plan:{named[:12]} -->"


def _pieces(plan: Plan) -> Iterator[str | Section]:
    yield marker(plan.company)
    yield _verdict(plan)
    yield (
        f"Company {code(plan.company.abbreviate)} at {code(plan.endpoint, _SENTENCE_CELLS)}: "
        f"{counted(plan.desired_agents, ('agent', 'agents'))} desired, {plan.live_agents:,} live, "
        f"{plan.in_scope:,} in scope."
    )
    yield _counts(plan)
    if plan.refused:
        yield "> [!CAUTION]\n> Nothing of this may be applied as it stands."
    trips = [guardrail for guardrail in plan.guardrails if not guardrail.ok]
    if trips:
        yield Section(0, _TRIPPED, len(trips), map(_trip, trips))
    yield from _in_force(plan)
    if plan.recipients:
        yield f"New passwords are delivered encrypted, for {_some(plan.recipients)} to read."
    if plan.blocked:
        table = _table("Agent", "Name", "Action", "Why", "Where", "Changes")
        yield Section(1, _BLOCKED, len(plan.blocked), map(_blocked, plan.blocked), table)
    yield from _actions(plan)
    if plan.notes:
        yield Section(2, ("note", "notes"), len(plan.notes), map(_note, plan.notes))
    yield from _foot(plan)


def _verdict(plan: Plan) -> str:
    trips = sum(not guardrail.ok for guardrail in plan.guardrails)
    reasons = [counted(trips, _TRIPPED)] if trips else []
    reasons += [counted(len(plan.blocked), _BLOCKED)] if plan.blocked else []
    if reasons:
        return f"### Refused: {' and '.join(reasons)}"
    if not plan.actions:
        return "### Nothing to change"
    drift = sum(action.origin == "drift" for action in plan.actions)
    return f"### {counted(len(plan.actions), ('change', 'changes'))}" + (f", {drift:,} of drift" if drift else "")


def _counts(plan: Plan) -> str:
    counts = {**plan.summary, "API calls": len(plan.calls), "fewest possible": plan.fewest_calls}
    return "\n".join((_row(counts), "|" + "---:|" * len(counts), _row(f"{count:,}" for count in counts.values())))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(*columns: str) -> str:
    return f"{_row(columns)}\n{'|' + '---|' * len(columns)}"


# Guardrails, notes, and how to go on


def _limit(guardrail: Guardrail) -> str:
    return f"{code(guardrail.rule)} {code(guardrail.limit)}, {_SET_BY[guardrail.set_by]}"


def _trip(guardrail: Guardrail) -> Entry:
    return 1, (
        f"- Limit {_limit(guardrail)}: {guardrail.planned:,} planned, {guardrail.allowed:,} allowed",
        f"  Counted: {_some(guardrail.operator_ids)}",
        f"  What to do: {code(guardrail.hint, _SENTENCE_CELLS)}",
    )


def _some(ids: Sequence[str]) -> str:
    found = spans(ids)
    shown, more = ", ".join(code(text, _ID_CELLS) for text, _ in found[:_LISTED]), sum(n for _, n in found[_LISTED:])
    return f"{shown} and {more:,} more" if more else shown


def _in_force(plan: Plan) -> Iterator[str]:
    """The limits that hold although they do not trip, in one small line."""
    kept = [guardrail for guardrail in plan.guardrails if guardrail.ok]
    said = [f"{_limit(each)} ({each.planned:,} planned, {each.allowed:,} allowed)" for each in kept[:_LISTED]]
    said += [f"{len(kept) - _LISTED:,} more"] if len(kept) > _LISTED else []
    said += ["`--allow-replace`, set by a flag"] if plan.allow_replace else []
    if said:
        yield f"<sub>In force: {'; '.join(said)}.</sub>"


def _note(note: Note) -> Entry:
    ids = f": {_some(note.operator_ids)}" if note.operator_ids else ""
    return 1, (f"- Note: {code(note.message, _SENTENCE_CELLS)}{ids}",)


def _foot(plan: Plan) -> Iterator[str]:
    fingerprint = digest(plan)
    yield f"Digest: `{fingerprint}`"
    if plan.actions and not plan.refused:
        until = f", for as long as a review of it holds ({_span(plan.expires_in)})" if plan.expires_in else ""
        yield f"To apply exactly this or nothing{until}:\n\n```\nreconciler apply --expect {fingerprint}\n```"


def _span(seconds: int) -> str:
    """A span of time in the largest unit that says it exactly."""
    unit, length = next((unit, length) for unit, length in _UNITS if seconds % length == 0)
    return counted(seconds // length, (unit, f"{unit}s"))


# Actions


def _actions(plan: Plan) -> Iterator[str | Section]:
    """What will be done, by kind; where origins are known, first what this change does and then what drift does."""
    found: defaultdict[tuple[Origin, str], list[Action]] = defaultdict(list)
    for action in plan.actions:
        if not action.blocked:
            found["drift" if action.origin == "drift" else "change", action.kind].append(action)
    told = any(action.origin for action in plan.actions)
    for origin, heading in _ORIGINS.items():
        sections = [
            Section(rank, words, len(actions), entries(actions), table, 5 if told else 4)
            for rank, (kind, words, entries, table) in enumerate(_KINDS, 3)
            if (actions := found[origin, kind])
        ]
        if told and sections:
            yield heading
        yield from sections


def _deletes(actions: Sequence[Action]) -> Iterator[Entry]:
    for action in actions:
        frees = cell(str(action.live_sip)) if action.frees_sip else "_none_"
        yield 1, (_row((*_who(action), cell(action.group) if action.group else "_none_", frees)),)


def _edits(actions: Sequence[Action]) -> Iterator[Entry]:
    """A row for each field, the agent named in the first; what a replace does beside has rows of its own."""
    for action in actions:
        told = [(_field(action, change), _before(change), _value(change.after)) for change in action.changes]
        told += [(f"_{title}_", "", text) for title, text in _aside(action)]
        agents = [_who(action), *[("", "")] * len(told)]
        yield 1, [_row((*who, *cells)) for who, cells in zip(agents, told or [("", "", "")], strict=False)]


def _passwords(actions: Sequence[Action]) -> Iterator[Entry]:
    """Ids, and where each password comes from."""
    for action in actions:
        yield 1, (f"- Agent {code(action.operator_id)}, {_source(action.password, code)}",)


def _creates(actions: Sequence[Action]) -> Iterator[Entry]:
    """A row for each run of agents that are alike."""
    for run in alike(actions):
        first, last = run[0], run[-1]
        if len(run) == 1:
            who = _who(first)
        else:
            ids = span(first.operator_id, last.operator_id)
            who = f"{cell(ids)} ({len(run):,})", cell(ids.join(around(first.name, first)))
        yield len(run), (_row((*who, cell(first.group) if first.group else "_none_", _sets(first))),)


def _blocked(action: Action) -> Entry:
    kind = f"{action.kind} (drift)" if action.origin == "drift" else action.kind
    where = f"{cell(action.place.file)}:{action.place.line}" if action.place else "_not in the file_"
    changes = "<br>".join(f"{_field(action, each)}: {_before(each)} → {_value(each.after)}" for each in action.changes)
    return 1, (_row((*_who(action), kind, cell(action.blocked, _SENTENCE_CELLS), where, changes)),)


_ORIGINS: Final[dict[Origin, str]] = {
    "change": "#### From this change",
    "drift": "#### Drift: not from this change; applying reverts it",
}
_FIELDS: Final = _table("Agent", "Name", "Field", "Before", "After")
_KINDS: Final = (
    ("delete", ("delete", "deletes"), _deletes, _table("Agent", "Name", "Group", "Frees SIP number")),
    ("replace", ("replace", "replaces"), _edits, _FIELDS),
    ("password", ("password", "passwords"), _passwords, ""),
    ("edit", ("edit", "edits"), _edits, _FIELDS),
    ("create", ("create", "creates"), _creates, _table("Agent", "Name", "Group", "Sets")),
)
"""In the order in which they are shown, and get room."""


def _who(action: Action) -> tuple[str, str]:
    return cell(action.operator_id), cell(action.name)


def _field(action: Action, change: FieldChange) -> str:
    """A field's name, marked where somebody else changed it and the rest of its action is this change's."""
    return cell(change.field) + (" (drift)" if change.origin == "drift" and action.origin != "drift" else "")


def _before(change: FieldChange) -> str:
    return _value(change.before) if change.before_known else "_not recorded_"


def _value(value: Value) -> str:
    """A value as the file spells it."""
    if value is None:
        return "_none_"
    return f"`{'true' if value else 'false'}`" if isinstance(value, bool) else cell(str(value))


def _source(source: PasswordSource | None, quoted: Callable[[str], str]) -> str:
    """Where a password comes from, in words; never the password."""
    if source is None or source.kind == "generate":
        return "a generated one"
    return f"from the {'environment variable' if source.kind == 'env' else 'file'} {quoted(source.name)}"


def _aside(action: Action) -> Iterator[tuple[str, str]]:
    """What else happens to an agent: title and text."""
    kept = ", ".join(cell(name) for name, value in action.carries.items() if value is not None)
    if action.kind == "replace":
        yield "carried over", kept or "nothing"
    elif kept:
        yield "given back after a replace that was cut short", kept
    if action.kind in ("create", "replace"):
        chosen = "chosen by the vendor, in a batch"
        yield "password", chosen if action.vendor_password else _source(action.password, cell)


def _sets(action: Action) -> str:
    """What a new agent gets beside what has a column of its own."""
    shown = (("name", action.name), ("mainGroupName", action.group))
    changes = (change for change in action.changes if (change.field, change.after) not in shown)
    told = [f"{_field(action, change)} {_value(change.after)}" for change in changes]
    return ", ".join([*told, *(f"_{title}_ {text}" for title, text in _aside(action))])
