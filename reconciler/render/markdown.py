"""A plan as Markdown for the comment of a pull request: the verdict comes first, and any plan fits.

All text of the plan stands in code spans (`escape.code`), and no line begins with one. Nothing depends on when or where
the plan was made, so that a comment changes only when the plan does.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange, Origin
from reconciler.core.model.fields import Value
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.recipient import recipient_label
from reconciler.core.saved.plan_json import digest
from reconciler.render.alike import Row, alike_rows
from reconciler.render.escape import WHOLE, cell, code
from reconciler.render.heading import Heading
from reconciler.render.offline import NOT_HELD, UNKNOWN
from reconciler.render.policy import PolicyRow, policy_rows, policy_words
from reconciler.render.room import Entry, Section, counted, share_room
from reconciler.render.runs import id_spans, one_span
from reconciler.render.spelling import spelled_name, spelled_pair, spelled_value

LIMIT: Final = 60_000
"""The most characters of the whole text; GitHub takes no comment of more than 65,536."""
_SENTENCE_CELLS: Final = 300
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
_CHANGES: Final = ("change", "changes")
_SHARE_ROOM: Final = 600
"""Characters that are kept for the sentence that says how much is shown."""
_MOST_NAMES: Final = 500
"""Agents of one row that are named; of more the ids are told."""
_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def plan(plan: Plan, _heading: Heading) -> str:
    """The verdict, the obstacles, and as many of the actions as fit into `LIMIT` characters."""
    head, policy, pieces = list(_head(plan)), list(_policy_changes(plan)), list(_body(plan))
    sections = [*policy, *(piece for piece in pieces if isinstance(piece, Section))]
    texts = [*head, *(piece for piece in pieces if isinstance(piece, str))]
    share_room(sections, LIMIT - _SHARE_ROOM - sum(len(text) + 2 for text in texts))
    blocks = [block for piece in pieces for block in (piece.blocks() if isinstance(piece, Section) else [piece])]
    changed = [block for section in policy for block in section.blocks()]
    return "\n\n".join([*head[:2], *changed, *head[2:], *_share(plan, sections), *blocks]) + "\n"


def marker(company: Company) -> str:
    """The hidden first line of a company's comment, by which the comment is found again. It does not show the name."""
    name_hash = hashlib.sha256(company.abbreviate.encode("utf-8", "surrogatepass")).hexdigest()
    return f"<!-- reconciler:plan:{name_hash[:12]} -->"


def _head(plan: Plan) -> Iterator[str]:
    yield marker(plan.company)
    yield _verdict(plan)
    company, desired = code(plan.company.abbreviate), f"{counted(plan.desired_agents, ('agent', 'agents'))} desired"
    if plan.offline:
        yield f"Company {company}, by the files alone: {desired}. **{NOT_HELD}**: {UNKNOWN}."
    else:
        at = code(plan.endpoint, _SENTENCE_CELLS)
        yield f"Company {company} at {at}: {desired}, {plan.live_agents:,} live, {plan.in_scope:,} in scope."
    yield _counts(plan)


def _share(plan: Plan, sections: Sequence[Section]) -> Iterator[str]:
    """How much of the plan is shown."""
    if not plan.actions:
        return
    of_actions = [section for section in sections if section.words in _ACTION_WORDS]
    shown = sum(section.shown for section in of_actions)
    total = counted(len(plan.actions), _CHANGES)
    if shown == len(plan.actions):
        yield f"Shown here: all of the plan, {total}."
        return
    missing = [section for section in of_actions if section.shown < section.total]
    left = ", ".join(
        f"{section.total - section.shown:,} of {counted(section.total, section.words)}" for section in missing
    )
    yield f"**Shown here: {shown:,} of {total}.** Not shown: {left}."


def _body(plan: Plan) -> Iterator[str | Section]:
    if plan.refused:
        yield "> [!CAUTION]\n> Nothing of this may be applied as it stands."
    tripped = [guardrail for guardrail in plan.guardrails if not guardrail.ok]
    if tripped:
        yield Section(0, _TRIPPED, len(tripped), map(_tripped, tripped), firm=True)
    yield from _policy(plan)
    yield from _in_force(plan)
    yield from _recipients(plan)
    if plan.blocked:
        table = _table("Agent", "Name", "Action", "Why", "Where", "Changes")
        yield Section(2, _BLOCKED, len(plan.blocked), map(_blocked, _rows(plan.blocked)), table)
    yield from _actions(plan)
    if plan.notes:
        yield Section(4, ("note", "notes"), len(plan.notes), map(_note, plan.notes))
    yield from _footer(plan)


def _policy_changes(plan: Plan) -> Iterator[Section]:
    """What the change of the files does to the policy."""
    rows = policy_rows(plan)
    if rows:
        table = _table("Policy", "Before", "After")
        entries = (entry for row in rows for entry in _policy_entries(row))
        yield Section(-1, ("change of the policy", "changes of the policy"), len(rows), entries, table, firm=True)


def _policy_entries(row: PolicyRow) -> Iterator[Entry]:
    """A line for a key; more of them for long lists, so that a part of one can be shown."""
    mark, file = "<br>⚠ **loosens**" if row.loosens else "", f"<br>{cell(row.file, WHOLE)}" if row.file else ""
    last = (max(len(row.before), len(row.after)) - 1) // _MAX_SPANS
    for number in range(last + 1):
        part = slice(number * _MAX_SPANS, (number + 1) * _MAX_SPANS)
        values = ("<br>".join(cell(text, WHOLE) for text in texts[part]) for texts in (row.before, row.after))
        yield int(number == last), (_row((f"{row.key}{mark}{file}", *values)),)


def _policy(plan: Plan) -> Iterator[str]:
    """The policy in force, in one small line."""
    words = [f"{key} {code(value, WHOLE)}" for key, value in policy_words(plan)]
    if words:
        yield f"<sub>Policy: {'; '.join(words)}.</sub>"


def _recipients(plan: Plan) -> Iterator[str | Section]:
    """Who can read new credentials: all of them, since a stranger may be one of many."""
    readers = [code(spelled_name(recipient_label(recipient)), WHOLE) for recipient in plan.recipients]
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
    loosening = sum(row.loosens for row in policy_rows(plan))
    looser = f", and a looser policy in {counted(loosening, ('point', 'points'))}" if loosening else ""
    if reasons:
        return f"### Refused: {' and '.join(reasons)}{looser}"
    if not plan.actions:
        return f"### Nothing to change{looser}"
    drift = sum(action.origin == "drift" for action in plan.actions)
    return f"### {counted(len(plan.actions), _CHANGES)}" + (f", {drift:,} of drift" if drift else "") + looser


def _counts(plan: Plan) -> str:
    counts = {**plan.summary, "API calls": len(plan.calls), "fewest possible": plan.fewest_calls}
    if plan.offline:
        del counts["blocked"]
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
    shown = ", ".join(code(text, WHOLE) for text, _ in spans[:_MAX_SPANS])
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
    if plan.offline:
        return
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
            Section(rank, words, len(actions), entries(actions), table, 5 if with_origins else 4, firm)
            for rank, kind, words, entries, table, firm in _KINDS
            if (actions := groups[origin, kind])
        ]
        if with_origins and sections:
            yield heading
        yield from sections


def _rows(actions: Sequence[Action]) -> Iterator[Row]:
    """What is alike as one row, or as several where a row would name too many agents."""
    for row in alike_rows(actions):
        if len(row.agents) <= _MOST_NAMES:
            yield row
            continue
        nameless = replace(row, common=replace(row.common, name=""), one_name=True)
        for start in range(0, len(row.actions), _MOST_NAMES):
            yield replace(nameless, actions=row.actions[start : start + _MOST_NAMES])


def _deletes(actions: Sequence[Action]) -> Iterator[Entry]:
    for row in _rows(actions):
        frees = ", ".join(cell(number, WHOLE) for number in row.freed) or "_none_"
        yield len(row.actions), (_row((*_who(row), _group(row.common), frees)),)


def _edits(actions: Sequence[Action]) -> Iterator[Entry]:
    """A row for each field, with the agents in the first; asides of a replace have their own rows."""
    for row in _rows(actions):
        action = row.common
        rows = [(_field(action, change), *_change(change)) for change in action.changes]
        rows += [(f"_{title}_", "", text) for title, text in _asides(action)]
        agents = [_who(row), *[("", "")] * len(rows)]
        yield (
            len(row.actions),
            [_row((*who, *cells)) for who, cells in zip(agents, rows or [("", "", "")], strict=False)],
        )


def _passwords(actions: Sequence[Action]) -> Iterator[Entry]:
    """The ids, each with the source of its password."""
    for row in _rows(actions):
        count = len(row.actions)
        ids = ", ".join(code(span, WHOLE) for span in row.spans)
        who = f"Agent {ids}" if count == 1 else f"{count:,} agents, {ids}"
        yield count, (f"- {who}, {_source(row.common.password, code)}",)


def _creates(actions: Sequence[Action]) -> Iterator[Entry]:
    for row in _rows(actions):
        yield len(row.actions), (_row((*_who(row), _group(row.common), _sets(row))),)


def _blocked(row: Row) -> Entry:
    action = row.common
    kind = f"{action.kind} (drift)" if action.origin == "drift" else action.kind
    first, last = row.lines
    where = f"{cell(action.place.file)}:{first}" if action.place else "_not in the file_"
    where += f"…{last}" if last > first else ""
    changes = "<br>".join(
        f"{_field(action, change)}: "
        + ("_another value for each_" if change.field in row.various else " → ".join(_change(change)))
        for change in action.changes
    )
    why = cell(action.blocked, _SENTENCE_CELLS)
    return len(row.actions), (_row((*_who(row), kind, why, where, changes)),)


_ORIGINS: Final[dict[Origin, str]] = {
    "change": "#### From this change",
    "drift": "#### Drift: not from this change; applying reverts it",
}
_FIELDS: Final = _table("Agent", "Name", "Field", "Before", "After")
_KINDS: Final = (
    (1, "delete", ("delete", "deletes"), _deletes, _table("Agent", "Name", "Group", "Frees SIP number"), True),
    (3, "replace", ("replace", "replaces"), _edits, _FIELDS, False),
    (5, "password", ("password", "passwords"), _passwords, "", False),
    (6, "edit", ("edit", "edits"), _edits, _FIELDS, False),
    (7, "create", ("create", "creates"), _creates, _table("Agent", "Name", "Group", "Sets"), False),
)
"""Kinds in the order in which they are shown: rank, name, words, entries, head of the table, and whether it is firm."""
_ACTION_WORDS: Final = (_BLOCKED, *(words for _, _, words, _, _, _ in _KINDS))


def _who(row: Row) -> tuple[str, str]:
    """The agents and their names as two cells."""
    name = cell(spelled_name(row.common.name), WHOLE) if row.one_name else ""
    count = len(row.actions)
    if not row.common.name and any(action.name for action in row.actions):
        name = "_many names_"
    if count == 1:
        return cell(row.head, WHOLE), name
    agents = ", ".join(cell(agent, WHOLE) for agent in row.agents)
    if not agents:
        return f"{cell(one_span(row.ids), WHOLE)} ({count:,})", name
    return (f"{count:,} agents: {agents}", name) if row.one_name else (f"{count:,} agents", agents)


def _group(action: Action) -> str:
    return cell(spelled_name(action.group), WHOLE) if action.group else "_none_"


def _field(action: Action, change: FieldChange) -> str:
    """A field's name, marked if it is drift in an action that is not."""
    return cell(change.field) + (f" ({change.origin})" if change.origin not in ("", "change", action.origin) else "")


def _change(change: FieldChange) -> tuple[str, str]:
    """A field's value before and after."""
    pair = spelled_pair(change.before, change.after)
    before, after = (
        _value(value, pieces.short) for value, pieces in zip((change.before, change.after), pair, strict=True)
    )
    return (before if change.before_known else "_not recorded_"), after


def _value(value: Value, spelled: str) -> str:
    return "_none_" if value is None else cell(spelled, WHOLE)


def _source(source: PasswordSource | None, quoted: Callable[[str, int], str]) -> str:
    """The source of a password, in words; never the password."""
    if source is None or source.kind == "generate":
        return "a generated one"
    where = "environment variable" if source.kind == "env" else "file"
    return f"from the {where} {quoted(spelled_name(source.path), WHOLE)}"


def _asides(action: Action) -> Iterator[tuple[str, str]]:
    """What else happens to an agent: a title and a text each."""
    kept = ", ".join(cell(name) for name, value in action.carries.items() if value is not None)
    if action.kind == "replace":
        yield "carried over", kept or "nothing"
    elif kept:
        yield "given back after a replace that was cut short", kept
    if action.removal:
        yield "no longer in the file", "disabled, and kept"
    if action.kind in ("create", "replace"):
        chosen = "chosen by the vendor, in a batch"
        yield "password", chosen if action.vendor_password else _source(action.password, cell)


def _sets(row: Row) -> str:
    """The values of new agents that have no column of their own."""
    action = row.common
    shown = (("name", action.name), ("mainGroupName", action.group))
    changes = [change for change in row.changes if (change.field, change.after) not in shown]
    values = [f"{_field(action, change)} {_value(change.after, spelled_value(change.after))}" for change in changes]
    return ", ".join([*values, *(f"_{title}_ {text}" for title, text in _asides(action))])
