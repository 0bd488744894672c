"""A plan as Markdown for the comment of a pull request: the verdict comes first, and any plan fits.

All text of the plan stands in code spans (`escape.code`), and no line begins with one. Nothing depends on when or where
the plan was made, so that a comment changes only when the plan does.
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
from reconciler.core.model.recipient import recipient_label
from reconciler.core.saved.plan_json import digest
from reconciler.render.escape import cell, code
from reconciler.render.heading import Heading
from reconciler.render.room import Entry, Section, counted, share_room
from reconciler.render.runs import group_alike, id_span, id_spans, split_around_id

LIMIT: Final = 60_000
"""The most characters of the whole text; GitHub takes no comment of more than 65,536."""
_SENTENCE_CELLS: Final = 300
_ID_CELLS: Final = 40
_MAX_SPANS: Final = 20
_FEW: Final = 3
"""Recipients that one sentence names; more of them form a list."""
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
    """The verdict, the obstacles, and as many of the actions as fit into `LIMIT` characters."""
    pieces = list(_pieces(plan))
    sections = [piece for piece in pieces if isinstance(piece, Section)]
    share_room(sections, LIMIT - sum(len(piece) + 2 for piece in pieces if isinstance(piece, str)))
    blocks = [block for piece in pieces for block in (piece.blocks() if isinstance(piece, Section) else [piece])]
    return "\n\n".join(blocks) + "\n"


def marker(company: Company) -> str:
    """The hidden first line of a company's comment, by which the comment is found again. It does not show the name."""
    name_hash = hashlib.sha256(company.abbreviate.encode("utf-8", "surrogatepass")).hexdigest()
    return f"<!-- reconciler:plan:{name_hash[:12]} -->"


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
    tripped = [guardrail for guardrail in plan.guardrails if not guardrail.ok]
    if tripped:
        yield Section(0, _TRIPPED, len(tripped), map(_tripped, tripped))
    yield from _in_force(plan)
    yield from _recipients(plan)
    if plan.blocked:
        table = _table("Agent", "Name", "Action", "Why", "Where", "Changes")
        yield Section(1, _BLOCKED, len(plan.blocked), map(_blocked, plan.blocked), table)
    yield from _actions(plan)
    if plan.notes:
        yield Section(2, ("note", "notes"), len(plan.notes), map(_note, plan.notes))
    yield from _footer(plan)


def _recipients(plan: Plan) -> Iterator[str | Section]:
    """Who can read new credentials: all of them, since a stranger may be one of many."""
    readers = [code(recipient_label(recipient), _SENTENCE_CELLS) for recipient in plan.recipients]
    if len(readers) > _FEW:
        yield Section(
            0,
            ("reader of new passwords", "readers of new passwords"),
            len(readers),
            ((1, (f"- {reader}",)) for reader in readers),
        )
    elif readers:
        yield f"New passwords are delivered encrypted, for {', '.join(readers)} to read."


def _verdict(plan: Plan) -> str:
    tripped = sum(not guardrail.ok for guardrail in plan.guardrails)
    reasons = [counted(tripped, _TRIPPED)] if tripped else []
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


def _tripped(guardrail: Guardrail) -> Entry:
    return 1, (
        f"- Limit {_limit(guardrail)}: {guardrail.planned:,} planned, {guardrail.allowed:,} allowed",
        f"  Counted: {_ids(guardrail.operator_ids)}",
        f"  What to do: {code(guardrail.hint, _SENTENCE_CELLS)}",
    )


def _ids(ids: Sequence[str]) -> str:
    spans = id_spans(ids)
    shown = ", ".join(code(text, _ID_CELLS) for text, _ in spans[:_MAX_SPANS])
    more = sum(count for _, count in spans[_MAX_SPANS:])
    return f"{shown} and {more:,} more" if more else shown


def _in_force(plan: Plan) -> Iterator[str]:
    """The limits in force that do not trip, in one small line."""
    kept = [guardrail for guardrail in plan.guardrails if guardrail.ok]
    limits = [f"{_limit(rail)} ({rail.planned:,} planned, {rail.allowed:,} allowed)" for rail in kept[:_MAX_SPANS]]
    limits += [f"{len(kept) - _MAX_SPANS:,} more"] if len(kept) > _MAX_SPANS else []
    limits += ["`--allow-replace`, set by a flag"] if plan.allow_replace else []
    if limits:
        yield f"<sub>In force: {'; '.join(limits)}.</sub>"


def _note(note: Note) -> Entry:
    ids = f": {_ids(note.operator_ids)}" if note.operator_ids else ""
    return 1, (f"- Note: {code(note.message, _SENTENCE_CELLS)}{ids}",)


def _footer(plan: Plan) -> Iterator[str]:
    plan_digest = digest(plan)
    yield f"Digest: `{plan_digest}`"
    if plan.actions and not plan.refused:
        until = f", for as long as a review of it holds ({_duration(plan.expires_in)})" if plan.expires_in else ""
        yield f"To apply exactly this or nothing{until}:\n\n```\nreconciler apply --expect {plan_digest}\n```"


def _duration(seconds: int) -> str:
    """Seconds in the largest unit that gives a whole number."""
    unit, length = next((unit, length) for unit, length in _UNITS if seconds % length == 0)
    return counted(seconds // length, (unit, f"{unit}s"))


# Actions


def _actions(plan: Plan) -> Iterator[str | Section]:
    """The actions by kind; where origins are known, first those of this change and then drift."""
    groups: defaultdict[tuple[Origin, str], list[Action]] = defaultdict(list)
    for action in plan.actions:
        if not action.blocked:
            groups["drift" if action.origin == "drift" else "change", action.kind].append(action)
    with_origins = any(action.origin for action in plan.actions)
    for origin, heading in _ORIGINS.items():
        sections = [
            Section(rank, words, len(actions), entries(actions), table, 5 if with_origins else 4)
            for rank, (kind, words, entries, table) in enumerate(_KINDS, 3)
            if (actions := groups[origin, kind])
        ]
        if with_origins and sections:
            yield heading
        yield from sections


def _deletes(actions: Sequence[Action]) -> Iterator[Entry]:
    for action in actions:
        frees = cell(str(action.live_sip)) if action.frees_sip else "_none_"
        yield 1, (_row((*_who(action), cell(action.group) if action.group else "_none_", frees)),)


def _edits(actions: Sequence[Action]) -> Iterator[Entry]:
    """A row for each field, with the agent in the first; asides of a replace have their own rows."""
    for action in actions:
        rows = [(_field(action, change), _before(change), _value(change.after)) for change in action.changes]
        rows += [(f"_{title}_", "", text) for title, text in _asides(action)]
        agents = [_who(action), *[("", "")] * len(rows)]
        yield 1, [_row((*who, *cells)) for who, cells in zip(agents, rows or [("", "", "")], strict=False)]


def _passwords(actions: Sequence[Action]) -> Iterator[Entry]:
    """The ids, each with the source of its password."""
    for action in actions:
        yield 1, (f"- Agent {code(action.operator_id)}, {_source(action.password, code)}",)


def _creates(actions: Sequence[Action]) -> Iterator[Entry]:
    """A row for each group of agents that differ only in their ids."""
    for run in group_alike(actions):
        first, last = run[0], run[-1]
        if len(run) == 1:
            who = _who(first)
        else:
            ids = id_span(first.operator_id, last.operator_id)
            who = f"{cell(ids)} ({len(run):,})", cell(ids.join(split_around_id(first.name, first)))
        yield len(run), (_row((*who, cell(first.group) if first.group else "_none_", _sets(first))),)


def _blocked(action: Action) -> Entry:
    kind = f"{action.kind} (drift)" if action.origin == "drift" else action.kind
    where = f"{cell(action.place.file)}:{action.place.line}" if action.place else "_not in the file_"
    changes = "<br>".join(
        f"{_field(action, change)}: {_before(change)} → {_value(change.after)}" for change in action.changes
    )
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
"""Kinds in the order in which they are shown and get room: name, words, entries, and head of the table."""


def _who(action: Action) -> tuple[str, str]:
    return cell(action.operator_id), cell(action.name)


def _field(action: Action, change: FieldChange) -> str:
    """A field's name, marked if it is drift in an action that is not."""
    return cell(change.field) + (" (drift)" if change.origin == "drift" and action.origin != "drift" else "")


def _before(change: FieldChange) -> str:
    return _value(change.before) if change.before_known else "_not recorded_"


def _value(value: Value) -> str:
    """A value as the file spells it."""
    if value is None:
        return "_none_"
    return f"`{'true' if value else 'false'}`" if isinstance(value, bool) else cell(str(value))


def _source(source: PasswordSource | None, quoted: Callable[[str], str]) -> str:
    """The source of a password, in words; never the password."""
    if source is None or source.kind == "generate":
        return "a generated one"
    return f"from the {'environment variable' if source.kind == 'env' else 'file'} {quoted(source.path)}"


def _asides(action: Action) -> Iterator[tuple[str, str]]:
    """What else happens to an agent: a title and a text each."""
    kept = ", ".join(cell(name) for name, value in action.carries.items() if value is not None)
    if action.kind == "replace":
        yield "carried over", kept or "nothing"
    elif kept:
        yield "given back after a replace that was cut short", kept
    if action.kind in ("create", "replace"):
        chosen = "chosen by the vendor, in a batch"
        yield "password", chosen if action.vendor_password else _source(action.password, cell)


def _sets(action: Action) -> str:
    """The values of a new agent that have no column of their own."""
    shown = (("name", action.name), ("mainGroupName", action.group))
    changes = (change for change in action.changes if (change.field, change.after) not in shown)
    values = [f"{_field(action, change)} {_value(change.after)}" for change in changes]
    return ", ".join([*values, *(f"_{title}_ {text}" for title, text in _asides(action))])
