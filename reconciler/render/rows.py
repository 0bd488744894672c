"""An action as a row of the HTML page: the agent, its values before and after, and what else happens to it.

Nothing in here is escaped or made visible yet; the page does that to every text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import LISTED, Value
from reconciler.core.model.plan import Action

RowKind = Literal["delete", "blocked", "replace", "password", "edit", "create"]

KINDS: Final[dict[RowKind, tuple[str, str]]] = {
    "delete": ("−", "gone for good, with what they have"),
    "blocked": ("!", "cannot be done; nothing is applied until this is solved"),
    "replace": ("±", "deleted and made anew"),
    "password": ("*", "set anew; the old one ends"),
    "edit": ("~", "changed where they are"),
    "create": ("+", "made new"),
}
"""The kinds of rows in the order of the page, the most critical first; each with its sign and its meaning."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A foreign text between words of our own. `style` is `text`, `word` (no string) or `unknown`."""

    text: str
    style: Literal["text", "word", "unknown"] = "text"
    before: str = ""
    after: str = ""


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

    caption: str
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
    """An action as the page shows it. `origins` are those of action and fields; an aside is a sentence and a text."""

    action: Action
    kind: RowKind
    origins: tuple[str, ...]
    parts: tuple[Part, ...]
    asides: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """About how many lines it takes on a wide screen, from 2 to 12, so that the browser can delay its layout."""
        lines = sum(part.size for part in self.parts) + len(self.asides) + bool(self.action.blocked)
        return min(max(lines, 2), 12)


def plan_row(action: Action) -> PlanRow:
    """The row of an action."""
    origins = dict.fromkeys((action.origin, *(change.origin for change in action.changes)))
    return PlanRow(
        action,
        "blocked" if action.blocked else action.kind,
        tuple(origin for origin in origins if origin),
        tuple(part for part in _parts(action) if part.lines or part.caption),
        tuple(_asides(action)),
    )


def shown_value(value: Value) -> Shown:
    """A value as the file spells it; a text that is empty or has blanks at its ends is quoted."""
    if value is None:
        return Shown("none", "word")
    if isinstance(value, bool):
        return Shown("true" if value else "false", "word")
    text = str(value)
    return Shown(f'"{text}"' if text != text.strip() or not text else text)


def _parts(action: Action) -> Iterator[Part]:
    if action.kind == "delete":
        yield _lost_values(action)
        return
    lines = [_line(action, change) for change in action.changes]
    if action.kind in ("create", "replace") and not action.blocked:
        chosen = Shown("chosen by the vendor, in a batch", "word")
        lines.append(FieldLine("password", None, chosen if action.vendor_password else _source(action.password)))
    yield Part("", tuple(lines))
    if action.blocked:
        return
    kept = tuple(
        FieldLine(name, None, shown_value(carried)) for name, carried in action.carries.items() if carried is not None
    )
    if action.kind == "replace":
        yield Part("Carried over" if kept else "Nothing to carry over", kept)
    else:
        yield Part("Given back after a replace that was cut short" if kept else "", kept)


def _lost_values(action: Action) -> Part:
    """The values of a deleted agent that a new one would not have; the row shows its name already."""
    live = action.live.fields if action.live else {}
    fields = [field for field in LISTED if field.name != "name"]
    lost = (field for field in fields if live.get(field.name, field.default) != field.default)
    listed = [FieldLine(field.name, shown_value(live[field.name]), None) for field in lost]
    recorded = [FieldLine(name, shown_value(sent), None) for name, sent in action.recorded.last_sent.items()]
    return Part("Lost" if listed or recorded else "Nothing but defaults is lost", (*listed, *recorded))


def _line(action: Action, change: FieldChange) -> FieldLine:
    was: Shown | None = shown_value(change.before) if change.before_known else Shown("not recorded", "unknown")
    now = shown_value(change.after)
    if action.kind == "create":
        was = None
    if action.kind == "password" and action.password:
        was = Shown(str(change.before), "word", "version ") if change.before_known else was
        now = _source(action.password)
    # An action that is drift as a whole shows that once.
    origin = change.origin if change.origin != action.origin else ""
    return FieldLine("password" if action.kind == "password" else change.field, was, now, origin)


def _source(source: PasswordSource | None) -> Shown:
    """A password's source and version. Version 0 is a password that no file manages."""
    version = f", version {source.version}" if source and source.version else ""
    if source is None or source.kind == "generate":
        return Shown("generated", "word", after=version)
    kind = {"env": "from the environment, ", "file": "from the file "}[source.kind]
    return Shown(source.path, before=kind, after=version)


def _asides(action: Action) -> Iterator[tuple[str, str]]:
    if action.frees_sip and not action.blocked:
        yield "Frees SIP number", str(action.live_sip)


def rows_by_kind(actions: Iterable[Action]) -> list[tuple[RowKind, list[PlanRow]]]:
    """The rows by kind, in the order of `KINDS` and without empty kinds; within a kind in the plan's order."""
    rows = [plan_row(action) for action in actions]
    sections: list[tuple[RowKind, list[PlanRow]]] = [
        (kind, [entry for entry in rows if entry.kind == kind]) for kind in KINDS
    ]
    return [(kind, section) for kind, section in sections if section]
