"""A plan and problems as annotations of GitHub Actions, which are workflow commands, one a line; and a step's outputs.

The runner reads every line that we print. Each begins with our own words. Foreign text passes through `visible` and the
runner's escapes first, so that it can neither begin a command nor end a property.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.problem import Place, Problem
from reconciler.core.model.recipient import recipient_label
from reconciler.core.saved.plan_json import digest
from reconciler.core.text import counted
from reconciler.render import FORMATS
from reconciler.render.alike import Row, alike_rows
from reconciler.render.findings import sentence
from reconciler.render.heading import Heading
from reconciler.render.offline import SENTENCE
from reconciler.render.policy import PolicyRow, policy_heading, policy_rows, shortened
from reconciler.render.runs import id_spans, one_span
from reconciler.render.spelling import spelled_name, spelled_pair, spelled_value
from reconciler.render.terminal import visible

MAX_ANNOTATIONS: Final = 10
"""Annotations of one level that GitHub shows of a step; it silently drops the rest."""

_MAX_MESSAGE: Final = 8000
"""Characters of a message: GitHub takes 64 KB, and a character may need four bytes or an escape."""
_LIST: Final = 2500
"""Characters of a list of ids in a message."""
_MAX_IDS: Final = 8
_MAX_VALUES: Final = 12

Level = Literal["error", "warning", "notice"]

_TITLES: Final = {
    "guardrail": "Guardrail",
    "blocked": "Blocked change",
    "delete": "Delete",
    "replace": "Replace",
    "removal": "Removal",
    "password": "Password",
    "edit": "Edit",
    "create": "Create",
    "recipients": "Recipients",
    "note": "Note",
}
"""The title of an annotation, by its subject."""

_LEVELS: Final[dict[Level, tuple[str, ...]]] = {
    "error": ("guardrail", "blocked"),
    "warning": ("delete", "replace", "removal"),
    "notice": ("recipients", "password", "edit", "create", "note"),
}
"""Subjects by level, the most important first, since the last are left out first."""


@dataclass(frozen=True, slots=True)
class _Annotation:
    """One annotation, and the agents that it tells, if any; `place` is `None` where no file asks for them."""

    subject: str
    place: Place | None
    message: str
    ids: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many of its subjects it stands for."""
        return len(self.ids) or 1


def plan(plan: Plan, _heading: Heading) -> str:
    """The annotations of a plan, each on its agent's line, or on the first line of the first file if there is none.

    What the change does to the policy comes first. What is alike is one annotation. Within a kind, this change comes
    before drift. Notes come last. Without actions there is a notice that says so.
    """
    top = Place(plan.files[0], 1) if plan.files else None
    own_first = sorted(plan.actions, key=lambda action: action.origin == "drift")
    annotations = [*map(_of_guardrail, (guardrail for guardrail in plan.guardrails if not guardrail.ok))]
    annotations += map(_of_row, alike_rows(own_first))
    places = {action.operator_id: action.place for action in plan.actions}
    annotations += (_of_note(note, places) for note in plan.notes)
    if plan.recipients:
        readers = ", ".join(spelled_name(recipient_label(recipient)) for recipient in plan.recipients)
        annotations.append(_Annotation("recipients", None, f"new passwords are encrypted for {readers}"))
    rows = policy_rows(plan)
    policy_level: Level = "warning" if any(row.loosens for row in rows) else "notice"
    set_in = next((Place(change.file, 1) for change in plan.policy_changes or () if change.file), top)
    lines = [_policy_changes(policy_level, rows, set_in)] if rows else []
    for level, subjects in _LEVELS.items():
        of_level = [each for subject in subjects for each in annotations if each.subject == subject]
        taken = bool(rows and level == policy_level) + (plan.offline and level == "notice")
        lines += _level(level, of_level, top, MAX_ANNOTATIONS - taken)
    if plan.offline:
        lines.insert(0, _command("notice", top, "Offline", SENTENCE))
    if not plan.actions and not plan.refused:
        state = "as before" if plan.offline else "as desired"
        lines.append(_command("notice", top, "Nothing to change", f"{state}: {counted(plan.unchanged, 'agent')}"))
    return "".join(lines)


def _policy_changes(level: Level, rows: Sequence[PolicyRow], place: Place | None) -> str:
    changes = (
        f"{row.key}{' (loosens)' if row.loosens else ''}: "
        f"{shortened(row.before, _MAX_VALUES)} → {shortened(row.after, _MAX_VALUES)}"
        f"{f', in {row.file}' if row.file else ''}"
        for row in sorted(rows, key=lambda row: not row.loosens)
    )
    return _command(level, place, "Policy", f"{policy_heading(rows)}: {'; '.join(changes)}")


def _level(level: Level, annotations: Sequence[_Annotation], top: Place | None, most: int) -> Iterator[str]:
    """The annotations of a level, `most` of them at most; the last one names what does not fit."""
    shown = annotations if len(annotations) <= most else annotations[: most - 1]
    for each in shown:
        yield _command(level, each.place or top, _TITLES[each.subject], each.message)
    rest: Counter[str] = Counter()
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for each in annotations[len(shown) :]:
        rest[each.subject] += each.count
        ids[each.subject] += each.ids
    if rest:
        counts = ", ".join(counted(count, _TITLES[subject].lower()) for subject, count in rest.items())
        named = "; ".join(
            f"{_TITLES[subject].lower()}: {_listed([span for span, _ in id_spans(some)])}"
            for subject, some in ids.items()
            if some
        )
        told = f"not shown here: {counts}; reconciler plan shows all"
        yield _command(level, top, "More", f"{told}; {named}" if named else told)


def _listed(items: Sequence[str]) -> str:
    """The items, parted by commas, as many as fit into `_LIST` characters; the rest is counted."""
    shown, used = 0, 0
    while shown < len(items) and (used := used + len(items[shown]) + 2) <= _LIST:
        shown += 1
    more = f" and {len(items) - shown:,} more" if shown < len(items) else ""
    return ", ".join(items[:shown]) + more


def _of_guardrail(guardrail: Guardrail) -> _Annotation:
    ids = ", ".join(span for span, _ in id_spans(guardrail.operator_ids)[:_MAX_IDS])
    more = sum(count for _, count in id_spans(guardrail.operator_ids)[_MAX_IDS:])
    message = (
        f"guardrail {guardrail.rule}: {guardrail.planned} planned, {guardrail.allowed} allowed "
        f"(limit {guardrail.limit}): {ids}{f' and {more} more' if more > 0 else ''}; {guardrail.hint}"
    )
    return _Annotation("guardrail", None, message)


def _of_note(note: Note, places: Mapping[str, Place | None]) -> _Annotation:
    place = next((place for operator_id in note.operator_ids if (place := places.get(operator_id))), None)
    about = f": {_listed([span for span, _ in id_spans(note.operator_ids)])}" if note.operator_ids else ""
    return _Annotation("note", place, f"{note.message}{about}")


def _of_row(row: Row) -> _Annotation:
    action = row.common
    drift = "drift, not from this change, and applying reverts it: " if action.origin == "drift" else ""
    name = f" {spelled_name(action.name)}" if action.name and row.one_name else ""
    parts = "; ".join(part for part in _parts(row) if part)
    several = len(row.actions) > 1
    who = row.head if several and not one_span(row.ids) else f"{'agents' if several else 'agent'} {row.head}"
    named = f": {_listed(row.agents)}" if row.agents else ""
    place = action.place and Place(action.place.file, row.lines[0])
    subject = "blocked" if action.blocked else "removal" if action.removal else action.kind
    return _Annotation(subject, place, f"{drift}{who}{name}: {parts}{named}", row.ids)


def _parts(row: Row) -> Iterator[str]:
    """What happens to the agents. Of a password it names only the version, not even the source."""
    action = row.common
    if action.blocked:
        yield f"{action.kind} is blocked: {action.blocked}"
        return
    if action.kind == "delete":
        yield "not in the file, will be deleted"
        yield f"frees SIP number {_listed(row.freed)}" if row.freed else ""
        return
    yield _DONE_TO_ALL.get("removal" if action.removal else action.kind, "")
    yield from (_change(action, change) for change in row.changes)
    carried = ", ".join(name for name, live_value in action.carries.items() if live_value is not None)
    if carried:
        yield f"carried over: {carried}" if action.kind == "replace" else f"given back after a replace: {carried}"


_DONE_TO_ALL: Final = {
    "create": "will be created",
    "replace": "will be deleted and made anew",
    "removal": "not in the file, will be disabled and kept",
}


def _change(action: Action, change: FieldChange) -> str:
    if action.kind == "create":
        return f"{change.field} {spelled_value(change.after)}"
    before, after = (value.short for value in spelled_pair(change.before, change.after))
    drift = f" ({change.origin})" if change.origin not in ("", "change", action.origin) else ""
    return f"{change.field} {before if change.before_known else 'not recorded'} → {after}{drift}"


def problems(problems: Sequence[Problem]) -> str:
    """The annotations of problems, each an error at its place; empty if there are no problems."""
    shown = problems if len(problems) <= MAX_ANNOTATIONS else problems[: MAX_ANNOTATIONS - 1]
    lines = [_command("error", problem.place, "Desired state", sentence(problem), column=True) for problem in shown]
    if rest := problems[len(shown) :]:
        words = f"not shown here: {counted(len(rest), 'problem')}; reconciler validate --format json shows all"
        lines.append(_command("error", Place(rest[0].place.file, 1), "More", words))
    return "".join(lines)


def _command(level: Level, place: Place | None, title: str, message: str, *, column: bool = False) -> str:
    properties = {"title": title}
    if place:
        at = {"file": place.file, "line": str(place.line), **({"col": str(place.column)} if column else {})}
        properties = {**at, **properties}  # the runner trims the last value, so ours comes last
    property_list = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
    shown = visible(message)
    if len(shown) > _MAX_MESSAGE:
        shown = f"{shown[: _MAX_MESSAGE - 1]}…"
    return f"::{level} {property_list}::{_data(shown)}\n"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary_markdown(plan: Plan, heading: Heading) -> str:
    """The plan as Markdown, for the summary of the step."""
    return FORMATS["markdown"](plan, heading)


def outputs(plan: Plan) -> dict[str, str]:
    """The outputs of the step: numbers, `true` or `false`, and the digest in hexadecimal; no foreign text.

    A replace is one of `changes`, and counts among `creates`, `deletes` and `replaces`: a pipeline that stops at
    deletes must stop at a replace too, as the guardrails do, and at an edit that disables whoever is no longer in the
    file, which counts among `edits` and `deletes`. A blocked action counts in `blocked` alone.
    """
    removals = sum(action.removal and not action.blocked for action in plan.actions)
    count = plan.summary
    numbers = {
        "changes": len(plan.actions) - count["blocked"],
        "creates": count["create"] + count["replace"],
        "edits": count["edit"],
        "deletes": count["delete"] + count["replace"] + removals,
        "replaces": count["replace"],
        "passwords": count["password"],
        "blocked": count["blocked"],
    }
    texts = {name: str(number) for name, number in numbers.items()}
    return {**texts, "refused": "true" if plan.refused else "false", "digest": "" if plan.offline else digest(plan)}
