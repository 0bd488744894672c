"""Alike actions as a row of the HTML page: the agents, values before and after, and what else happens to them.

Nothing in here is escaped yet; the page does that to every text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import LISTED, Value
from reconciler.core.model.message import NOTHING, Text, text
from reconciler.core.model.plan import Action
from reconciler.render.alike import Row, alike_rows
from reconciler.render.runs import id_spans
from reconciler.render.spelling import spelled_name, spelled_pair, spelled_value

RowKind = Literal["delete", "blocked", "replace", "password", "edit", "create"]

KINDS: Final[dict[RowKind, tuple[str, Text]]] = {
    "delete": ("−", text("gone for good, with what they have")),
    "blocked": ("!", text("cannot be done; nothing is applied until this is solved")),
    "replace": ("±", text("deleted and made anew")),
    "password": ("*", text("set anew; the old one ends")),
    "edit": ("~", text("changed where they are")),
    "create": ("+", text("made new")),
}
"""The kinds of rows in the order of the page, the most critical first; each with its sign and its meaning."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A foreign text between words of our own. `style` is `text`, `word` (no string) or `unknown`.

    Of a value before or after, `beginning` and `end` stand around what differs; `marked` says whether they are long
    enough for a mark to help. It is `None` for all else.
    """

    text: str
    style: Literal["text", "word", "unknown"] = "text"
    before: Text = NOTHING
    after: Text = NOTHING
    beginning: str = ""
    end: str = ""
    marked: bool | None = None


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field's value before and after; `None` where there is none, as before a create."""

    field: str
    was: Shown | None
    now: Shown | None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Lines under one caption, which is empty for plain changes."""

    caption: Text
    lines: tuple[FieldLine, ...]

    @property
    def one_sided(self) -> bool:
        """Whether every line has only one value, so that two lines fit beside each other."""
        return all(line.was is None or line.now is None for line in self.lines)

    @property
    def size(self) -> int:
        """How many lines it takes on a wide screen."""
        lines = len(self.lines)
        return bool(self.caption) + (-(-lines // 2) if self.one_sided else lines)


@dataclass(frozen=True, slots=True)
class PlanRow:
    """Alike actions as the page shows them. `origins` are those of actions and fields.

    An aside is a sentence and texts.
    """

    row: Row
    kind: RowKind
    origins: tuple[str, ...]
    parts: tuple[Part, ...]
    asides: tuple[tuple[Text, list[str]], ...]

    @property
    def action(self) -> Action:
        """What all of the actions have in common."""
        return self.row.common

    @property
    def count(self) -> int:
        """How many actions it is."""
        return len(self.row.actions)

    @property
    def name(self) -> str:
        """The one name of the agents; empty where each has its own."""
        return spelled_name(self.action.name) if self.row.one_name else ""

    @property
    def size(self) -> int:
        """About how many lines it takes on a wide screen, from 2 to 12, so that the browser can delay its layout."""
        lines = sum(part.size for part in self.parts) + len(self.asides) + bool(self.action.blocked)
        return min(max(lines + -(-len(self.row.agents) // 10), 2), 12)


def plan_row(row: Row) -> PlanRow:
    """The row of alike actions."""
    action = row.common
    origins = dict.fromkeys((action.origin, *(change.origin for change in action.changes)))
    return PlanRow(
        row,
        "blocked" if action.blocked else action.kind,
        tuple(origin for origin in origins if origin),
        tuple(part for part in _parts(row) if part.lines or part.caption),
        tuple(_asides(row)),
    )


def shown_value(value: Value) -> Shown:
    """A value as the file spells it."""
    return Shown(spelled_value(value), "text" if isinstance(value, str) else "word")


_SHARED: Final = 12
"""Characters that both sides must share before a page marks what differs."""


def _shown_pair(change: FieldChange) -> tuple[Shown, Shown]:
    pair = spelled_pair(change.before, change.after)
    marked = len(pair[0].beginning) + len(pair[0].end) >= _SHARED
    values = zip((change.before, change.after), pair, strict=True)
    was, now = (
        replace(shown_value(value), text=each.own, beginning=each.beginning, end=each.end, marked=marked)
        for value, each in values
    )
    return was, now


def _parts(row: Row) -> Iterator[Part]:
    action = row.common
    if action.kind == "delete":
        yield _lost_values(row)
        return
    lines = [_line(row, change) for change in row.changes]
    if action.kind in ("create", "replace") and not action.blocked:
        chosen = Shown(text("chosen by the vendor, in a batch"), "word")
        lines.append(FieldLine("password", None, chosen if action.vendor_password else _source(action.password)))
    yield Part(NOTHING, tuple(lines))
    if action.blocked:
        return
    kept = tuple(
        FieldLine(name, None, shown_value(carried)) for name, carried in action.carries.items() if carried is not None
    )
    if action.kind == "replace":
        yield Part(text("Carried over") if kept else text("Nothing to carry over"), kept)
    else:
        yield Part(text("Given back after a replace that was cut short") if kept else NOTHING, kept)


def _lost_values(row: Row) -> Part:
    """The values of deleted agents that new ones would not have; the row shows their names already."""
    lines: list[FieldLine] = []
    for field in LISTED:
        values = [action.live.fields.get(field.name, field.default) if action.live else "" for action in row.actions]
        if field.name != "name" and any(value != field.default for value in values):
            lines.append(FieldLine(field.name, _all_values(values), None))
    for name in dict.fromkeys(name for action in row.actions for name in action.recorded.last_sent):
        values = [action.recorded.last_sent.get(name) for action in row.actions]
        lines.append(FieldLine(name, _all_values(values), None))
    lost = text("Lost, in the order of the agents") if len(row.actions) > 1 else text("Lost")
    return Part(lost if lines else text("Nothing but defaults is lost"), tuple(lines))


def _all_values(values: Sequence[Value]) -> Shown:
    """One value that all have, or each of them, with runs of numbers as spans."""
    if len(set(values)) == 1:
        return shown_value(values[0])
    if all(isinstance(value, str) for value in values):
        return Shown(", ".join(span for span, _ in id_spans([str(value) for value in values])))
    return Shown(", ".join(map(spelled_value, values)))


def _line(row: Row, change: FieldChange) -> FieldLine:
    action = row.common
    was: Shown | None
    was, now = _shown_pair(change)
    if change.field in row.various:
        was = now = Shown(text("another value for each"), "word")
    elif not change.before_known:
        was, now = Shown(text("not recorded"), "unknown"), shown_value(change.after)
    if action.kind == "create":
        was, now = None, now if change.field in row.various else shown_value(change.after)
    if action.kind == "password" and action.password:
        was = Shown(str(change.before), "word", text("version ")) if change.before_known else was
        now = _source(action.password)
    # An action that is drift as a whole shows that once.
    origin = change.origin if change.origin != action.origin else ""
    return FieldLine("password" if action.kind == "password" else change.field, was, now, origin)


def _source(source: PasswordSource | None) -> Shown:
    """A password's source and version. Version 0 is a password that no file manages."""
    version = text(", version {version}", version=source.version) if source and source.version else NOTHING
    if source is None or source.kind == "generate":
        return Shown(text("generated"), "word", after=version)
    kind = {"env": text("from the environment, "), "file": text("from the file ")}[source.kind]
    return Shown(spelled_name(source.path), before=kind, after=version)


def _asides(row: Row) -> Iterator[tuple[Text, list[str]]]:
    if row.freed and not row.common.blocked:
        yield text("Frees SIP {count:number|numbers}", count=len(row.freed)), row.freed
    if row.common.removal and not row.common.blocked:
        yield text("No longer in the file:"), [text("disabled, and kept")]


def rows_by_kind(actions: Sequence[Action]) -> list[tuple[RowKind, list[PlanRow]]]:
    """The rows by kind, in the order of `KINDS` and without empty kinds; within a kind in the plan's order."""
    rows = [plan_row(row) for row in alike_rows(actions)]
    sections: list[tuple[RowKind, list[PlanRow]]] = [
        (kind, [entry for entry in rows if entry.kind == kind]) for kind in KINDS
    ]
    return [(kind, section) for kind, section in sections if section]
