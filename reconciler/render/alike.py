"""What is alike is told once: actions and refusals that differ in nothing but their agents are one row."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import Value
from reconciler.core.model.message import text
from reconciler.core.model.plan import Action
from reconciler.render.runs import id_spans, one_span
from reconciler.render.spelling import spelled_id, spelled_name

ID_IN_TEXT: Final = "{operatorId}"
"""Stands for each agent's id in a text that is alike but for it, as in the texts of a pool."""
_FEWEST: Final = 3
"""Agents that one row tells, unless their ids are consecutive."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Row:
    """One action, or several that are alike, in their order.

    `common` is the first of them, whose texts hold all the ids where they hold its own. Its changes are those of all,
    except for the fields in `various`. `one_name`: the name of `common` stands for all names.
    """

    actions: tuple[Action, ...]
    common: Action
    one_name: bool = True
    various: frozenset[str] = frozenset()

    @property
    def ids(self) -> tuple[str, ...]:
        """The agents' ids, as they are."""
        return tuple(action.operator_id for action in self.actions)

    @property
    def spans(self) -> list[str]:
        """The ids as people read them; not empty."""
        return [span for span, _ in id_spans(self.ids)]

    @property
    def head(self) -> str:
        """The ids in one word: an id, a span with its count, or a count."""
        if len(self.actions) == 1:
            return spelled_id(self.actions[0].operator_id)
        span = one_span(self.ids)
        return f"{span} ({len(self.actions):,})" if span else text("{count:,} agents", count=len(self.actions))

    @property
    def agents(self) -> list[str]:
        """The agents as a list of ids with their names; empty where head and name say all."""
        if self.one_name:
            return [] if len(self.actions) == 1 or one_span(self.ids) else self.spans
        return [f"{spelled_id(action.operator_id)} {spelled_name(action.name)}".rstrip() for action in self.actions]

    @property
    def lines(self) -> tuple[int, int]:
        """The first and the last line of their file that asks for one of the agents; zeros for agents of no file."""
        places = [action.place.line for action in self.actions if action.place]
        return (min(places), max(places)) if places else (0, 0)

    @property
    def changes(self) -> list[FieldChange]:
        """The changes of all; without the names of new agents where each has its own, which `agents` shows."""
        return [each for each in self.common.changes if self.one_name or not names_new(self.common, each)]

    @property
    def freed(self) -> list[str]:
        """The SIP numbers that are released, as spans."""
        return [text for text, _ in id_spans([str(action.live_sip) for action in self.actions if action.frees_sip])]


def alike_rows(actions: Iterable[Action]) -> list[Row]:
    """The actions as rows, each where its first action stands."""
    rows: list[tuple[int, Row]] = []
    for group in grouped(enumerate(actions), lambda item: _shape(item[1])):
        ids = [action.operator_id for _, action in group]
        if len(group) >= _FEWEST or (one_span(ids) and len({_name(action) for _, action in group}) == 1):
            rows.append((group[0][0], _row([action for _, action in group])))
        else:
            rows += [(index, Row((action,), action)) for index, action in group]
    return [row for _, row in sorted(rows, key=lambda entry: entry[0])]


def grouped(items: Iterable[Item], key: Callable[[Item], Hashable]) -> list[list[Item]]:
    """The items whose key is equal, each group where its first item stands."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _row(group: Sequence[Action]) -> Row:
    first = group[0]
    ids = one_span([action.operator_id for action in group]) or ID_IN_TEXT
    one_name = len({_name(action) for action in group}) == 1
    various = {
        change.field
        for index, change in enumerate(first.changes)
        if len({_change(action, action.changes[index]) for action in group}) > 1
    }
    return Row(tuple(group), _with_ids(first, ids), one_name, frozenset(various))


def _with_ids(action: Action, ids: str) -> Action:
    """The action with all the ids where its texts hold its own."""

    def filled(value: Value) -> Value:
        parts = without_id(value, action.operator_id)
        return ids.join(parts) if isinstance(parts, tuple) else value

    def words(value: str) -> str:
        return str(filled(value))

    password = action.password and replace(action.password, name=words(action.password.name))
    changes = [replace(each, before=filled(each.before), after=filled(each.after)) for each in action.changes]
    blocked = text("{words}", words=words(action.blocked))
    return replace(action, name=words(action.name), changes=tuple(changes), password=password, blocked=blocked)


def _shape(action: Action) -> Hashable:
    """What actions must have in common to be one row: all that a reader sees, the ids and the name of an agent apart.

    What is blocked is not done, so the same reason for the same fields is enough there.
    """
    common = (
        action.kind,
        action.removal,
        action.origin,
        action.place and action.place.file,
        action.group,
        action.batched,
    )
    if action.blocked:
        fields = tuple((change.field, change.origin) for change in action.changes)
        return *common, without_id(action.blocked, action.operator_id), fields
    source = action.password
    password = source and (source.kind, source.folder, without_id(source.name, action.operator_id), source.version)
    changes = tuple(_change(action, change) for change in action.changes if not names_new(action, change))
    return *common, changes, password, tuple(action.carries.items()), action.frees_sip


def _change(action: Action, change: FieldChange) -> Hashable:
    before, after = without_id(change.before, action.operator_id), without_id(change.after, action.operator_id)
    return change.field, before, after, change.before_known, change.origin


def names_new(action: Action, change: FieldChange) -> bool:
    """Whether the change is the name of a new agent, which its row shows anyway."""
    return action.kind == "create" and change.field == "name" and change.after == action.name


def _name(action: Action) -> Hashable:
    return without_id(action.name, action.operator_id)


def without_id(value: Value, operator_id: str) -> Value | tuple[str, ...]:
    """The parts of a text around the agent's id; a value that does not hold it as a word of its own stays."""
    if not isinstance(value, str) or not operator_id or operator_id not in value:
        return value
    parts = tuple(value.split(operator_id))
    edges = [part[-1:] for part in parts[:-1]] + [part[:1] for part in parts[1:]]
    within_a_word = "" in parts[1:-1] or any(edge.isascii() and edge.isalnum() for edge in edges)
    return value if within_a_word else parts
