"""An action as a row of a page: who, what was, what will be, and what else happens to the agent.

Nothing in here is escaped or made visible yet; the page does that to every text it is given.
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
"""What rows can be, each with its sign and in words, in the order of a page: what most needs a look comes first."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as somebody wrote it, between words of ours. `style` is `text`, `word` (no string) or `unknown`."""

    text: str
    style: Literal["text", "word", "unknown"] = "text"
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what was and what will be, `None` where that side does not exist."""

    field: str
    was: Shown | None
    now: Shown | None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that belong together, under a caption that is empty for plain changes."""

    caption: str
    lines: tuple[Line, ...]

    @property
    def one_sided(self) -> bool:
        """Whether every line has one value only, so that two lines fit beside each other."""
        return all(line.was is None or line.now is None for line in self.lines)

    @property
    def size(self) -> int:
        """How many lines it takes on a wide screen."""
        lines = len(self.lines)
        return bool(self.caption) + (-(-lines // 2) if self.one_sided else lines)


@dataclass(frozen=True, slots=True)
class PlanRow:
    """An action as it is shown. `origins` are those of its fields too; `asides` are a sentence and a text each."""

    action: Action
    kind: RowKind
    origins: tuple[str, ...]
    parts: tuple[Part, ...]
    asides: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """How many lines it takes on a wide screen, two at least and twelve at most: a guess that spares a layout."""
        lines = sum(part.size for part in self.parts) + len(self.asides) + bool(self.action.blocked)
        return min(max(lines, 2), 12)


def row(action: Action) -> PlanRow:
    """The row of an action."""
    origins = dict.fromkeys((action.origin, *(change.origin for change in action.changes)))
    return PlanRow(
        action,
        "blocked" if action.blocked else action.kind,
        tuple(origin for origin in origins if origin),
        tuple(part for part in _parts(action) if part.lines or part.caption),
        tuple(_asides(action)),
    )


def value(value: Value) -> Shown:
    """A value as the file spells it; text that would not be seen is quoted."""
    if value is None:
        return Shown("none", "word")
    if isinstance(value, bool):
        return Shown("true" if value else "false", "word")
    text = str(value)
    return Shown(f'"{text}"' if text != text.strip() or not text else text)


def _parts(action: Action) -> Iterator[Part]:
    if action.kind == "delete":
        yield _lost(action)
        return
    lines = [_line(action, change) for change in action.changes]
    if action.kind in ("create", "replace") and not action.blocked:
        chosen = Shown("chosen by the vendor, in a batch", "word")
        lines.append(Line("password", None, chosen if action.vendor_password else _source(action.password)))
    yield Part("", tuple(lines))
    if action.blocked:
        return
    kept = tuple(Line(name, None, value(it)) for name, it in action.carries.items() if it is not None)
    if action.kind == "replace":
        yield Part("Carried over" if kept else "Nothing to carry over", kept)
    else:
        yield Part("Given back after a replace that was cut short" if kept else "", kept)


def _lost(action: Action) -> Part:
    """What a deleted agent had and a new one would not have; its name stands in front already."""
    live = action.live.fields if action.live else {}
    rows = (each for each in LISTED if each.name != "name" and live.get(each.name, each.default) != each.default)
    listed = [Line(each.name, value(live[each.name]), None) for each in rows]
    recorded = [Line(name, value(it), None) for name, it in action.recorded.given.items()]
    return Part("Lost" if listed or recorded else "Nothing but defaults is lost", (*listed, *recorded))


def _line(action: Action, change: FieldChange) -> Line:
    was: Shown | None = value(change.before) if change.before_known else Shown("not recorded", "unknown")
    now = value(change.after)
    if action.kind == "create":
        was = None
    if action.kind == "password" and action.password:
        was = Shown(str(change.before), "word", "version ") if change.before_known else was
        now = _source(action.password)
    # An action that is drift as a whole says so once.
    origin = change.origin if change.origin != action.origin else ""
    return Line("password" if action.kind == "password" else change.field, was, now, origin)


def _source(source: PasswordSource | None) -> Shown:
    """Where a password comes from and its version. A version of 0 is a password that no file manages."""
    version = f", version {source.version}" if source and source.version else ""
    if source is None or source.kind == "generate":
        return Shown("generated", "word", after=version)
    kind = {"env": "from the environment, ", "file": "from the file "}[source.kind]
    return Shown(source.name, before=kind, after=version)


def _asides(action: Action) -> Iterator[tuple[str, str]]:
    if action.frees_sip and not action.blocked:
        yield "Frees SIP number", str(action.live_sip)


def in_order(actions: Iterable[Action]) -> list[tuple[RowKind, list[PlanRow]]]:
    """The rows of each kind that there are any of, in the order of `KINDS`; within a kind in the plan's order."""
    rows = [row(action) for action in actions]
    found: list[tuple[RowKind, list[PlanRow]]] = [
        (kind, [each for each in rows if each.kind == kind]) for kind in KINDS
    ]
    return [(kind, some) for kind, some in found if some]
