"""The actions of a plan as entries of Markdown: rows of tables and items of lists.

All text of the plan stands in code spans (`escape.code`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.diff import FieldChange, Origin
from reconciler.core.model.fields import Value
from reconciler.core.model.message import Text, noun, text
from reconciler.core.model.plan import Action, Plan
from reconciler.render.alike import Row, alike_rows
from reconciler.render.escape import SENTENCE_CELLS, WHOLE, cell, code
from reconciler.render.room import Entry, Section
from reconciler.render.runs import one_span
from reconciler.render.spelling import spelled_name, spelled_pair, spelled_value

BLOCKED: Final = noun("blocked action|blocked actions")
_NONE: Final = text("_none_")
_MOST_NAMES: Final = 500
"""Agents of one row that are named; of more the ids are told."""


def row_of(cells: Iterable[str]) -> str:
    """Cells as a row of a table."""
    return f"| {' | '.join(cells)} |"


def table_of(head: Text) -> str:
    """The row of heads, and the line that makes it a table."""
    return f"{head}\n|{'---|' * (head.count('|') - 1)}"


def actions(plan: Plan) -> Iterator[str | Section]:
    """The actions by kind; where origins are known, first those of this change and then drift."""
    groups: defaultdict[tuple[Origin, str], list[Action]] = defaultdict(list)
    for action in plan.actions:
        if not action.blocked:
            groups["drift" if action.origin == "drift" else "change", action.kind].append(action)
    with_origins = any(action.origin for action in plan.actions)
    for origin, heading in _ORIGINS.items():
        sections = [
            Section(rank, what, len(of_kind), entries(of_kind), table, 5 if with_origins else 4, firm)
            for rank, kind, what, entries, table, firm in _KINDS
            if (of_kind := groups[origin, kind])
        ]
        if with_origins and sections:
            yield heading
        yield from sections


def blocked_actions(plan: Plan) -> Iterator[Section]:
    """Those that cannot be done, and why."""
    if plan.blocked:
        table = table_of(text("| Agent | Name | Action | Why | Where | Changes |"))
        yield Section(2, BLOCKED, len(plan.blocked), map(_blocked, _rows(plan.blocked)), table)


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
        frees = ", ".join(cell(number, WHOLE) for number in row.freed) or _NONE
        yield len(row.actions), (row_of((*_who(row), _group(row.common), frees)),)


def _edits(actions: Sequence[Action]) -> Iterator[Entry]:
    """A row for each field, with the agents in the first; asides of a replace have their own rows."""
    for row in _rows(actions):
        action = row.common
        rows = [(_field(action, change), *_change(change)) for change in action.changes]
        rows += [(f"_{title}_", "", words) for title, words in _asides(action)]
        agents = [_who(row), *[("", "")] * len(rows)]
        yield (
            len(row.actions),
            [row_of((*who, *cells)) for who, cells in zip(agents, rows or [("", "", "")], strict=False)],
        )


def _passwords(actions: Sequence[Action]) -> Iterator[Entry]:
    """The ids, each with the source of its password."""
    for row in _rows(actions):
        count = len(row.actions)
        ids = ", ".join(code(span, WHOLE) for span in row.spans)
        who = text("Agent {ids}", ids=ids) if count == 1 else text("{count:,} agents, {ids}", count=count, ids=ids)
        yield count, (f"- {who}, {_source(row.common.password, code)}",)


def _creates(actions: Sequence[Action]) -> Iterator[Entry]:
    for row in _rows(actions):
        yield len(row.actions), (row_of((*_who(row), _group(row.common), _sets(row))),)


def _blocked(row: Row) -> Entry:
    action = row.common
    kind = text("{kind} (drift)", kind=action.kind) if action.origin == "drift" else action.kind
    first, last = row.lines
    where = f"{cell(action.place.file)}:{first}" if action.place else text("_not in the file_")
    where += f"…{last}" if last > first else ""
    changes = "<br>".join(
        f"{_field(action, change)}: "
        + (text("_another value for each_") if change.field in row.various else " → ".join(_change(change)))
        for change in action.changes
    )
    why = cell(action.blocked, SENTENCE_CELLS)
    return len(row.actions), (row_of((*_who(row), kind, why, where, changes)),)


_ORIGINS: Final[dict[Origin, Text]] = {
    "change": text("#### From this change"),
    "drift": text("#### Drift: not from this change; applying reverts it"),
}
_FIELDS: Final = table_of(text("| Agent | Name | Field | Before | After |"))
_FREES: Final = table_of(text("| Agent | Name | Group | Frees SIP number |"))
_SETS: Final = table_of(text("| Agent | Name | Group | Sets |"))
_KINDS: Final = (
    (1, "delete", noun("delete|deletes"), _deletes, _FREES, True),
    (3, "replace", noun("replace|replaces"), _edits, _FIELDS, False),
    (5, "password", noun("password|passwords"), _passwords, "", False),
    (6, "edit", noun("edit|edits"), _edits, _FIELDS, False),
    (7, "create", noun("create|creates"), _creates, _SETS, False),
)
"""Kinds in the order in which they are shown: rank, name, noun, entries, head of the table, and whether it is firm."""
ACTION_NOUNS: Final = (BLOCKED, *(what for _, _, what, _, _, _ in _KINDS))


def _who(row: Row) -> tuple[str, str]:
    """The agents and their names as two cells."""
    name = cell(spelled_name(row.common.name), WHOLE) if row.one_name else ""
    count = len(row.actions)
    if not row.common.name and any(action.name for action in row.actions):
        name = text("_many names_")
    if count == 1:
        return cell(row.head, WHOLE), name
    agents = ", ".join(cell(agent, WHOLE) for agent in row.agents)
    if not agents:
        return f"{cell(one_span(row.ids), WHOLE)} ({count:,})", name
    if not row.one_name:
        return text("{count:,} agents", count=count), agents
    return text("{count:,} agents: {agents}", count=count, agents=agents), name


def _group(action: Action) -> str:
    return cell(spelled_name(action.group), WHOLE) if action.group else _NONE


def _field(action: Action, change: FieldChange) -> str:
    """A field's name, marked if it is drift in an action that is not."""
    return cell(change.field) + (f" ({change.origin})" if change.origin not in ("", "change", action.origin) else "")


def _change(change: FieldChange) -> tuple[str, str]:
    """A field's value before and after."""
    pair = spelled_pair(change.before, change.after)
    before, after = (
        _value(value, pieces.short) for value, pieces in zip((change.before, change.after), pair, strict=True)
    )
    return (before if change.before_known else text("_not recorded_")), after


def _value(value: Value, spelled: str) -> str:
    return _NONE if value is None else cell(spelled, WHOLE)


def _source(source: PasswordSource | None, quoted: Callable[[str, int], str]) -> Text:
    """The source of a password, in words; never the password."""
    if source is None or source.kind == "generate":
        return text("a generated one")
    words = "from the file {name}"
    if source.kind == "env":
        words = "from the environment variable {name}"
    return text(words, name=quoted(spelled_name(source.path), WHOLE))


def _asides(action: Action) -> Iterator[tuple[Text, str]]:
    """What else happens to an agent: a title and words each."""
    kept = ", ".join(cell(name) for name, value in action.carries.items() if value is not None)
    if action.kind == "replace":
        yield text("carried over"), kept or text("nothing")
    elif kept:
        yield text("given back after a replace that was cut short"), kept
    if action.removal:
        yield text("no longer in the file"), text("disabled, and kept")
    if action.kind in ("create", "replace"):
        chosen = text("chosen by the vendor, in a batch")
        yield text("password"), chosen if action.vendor_password else _source(action.password, cell)


def _sets(row: Row) -> str:
    """The values of new agents that have no column of their own."""
    action = row.common
    shown = (("name", action.name), ("mainGroupName", action.group))
    changes = [change for change in row.changes if (change.field, change.after) not in shown]
    values = [f"{_field(action, change)} {_value(change.after, spelled_value(change.after))}" for change in changes]
    return ", ".join([*values, *(f"_{title}_ {words}" for title, words in _asides(action))])
