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
from reconciler.core.model.message import NOTHING, Text, joined, noun, text, verbatim
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.problem import Place, Problem
from reconciler.core.model.recipient import recipient_label
from reconciler.core.saved.plan_json import digest
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
    "guardrail": text("Guardrail"),
    "blocked": text("Blocked change"),
    "delete": text("Delete"),
    "replace": text("Replace"),
    "removal": text("Removal"),
    "password": text("Password"),
    "edit": text("Edit"),
    "create": text("Create"),
    "recipients": text("Recipients"),
    "note": text("Note"),
}
"""The title of an annotation, by its subject."""
_NOUNS: Final = {
    "guardrail": noun("guardrail|guardrails"),
    "blocked": noun("blocked change|blocked changes"),
    "delete": noun("delete|deletes"),
    "replace": noun("replace|replaces"),
    "removal": noun("removal|removals"),
    "password": noun("password|passwords"),
    "edit": noun("edit|edits"),
    "create": noun("create|creates"),
    "recipients": noun("recipient|recipients"),
    "note": noun("note|notes"),
}

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
    message: Text
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
        annotations.append(
            _Annotation("recipients", None, text("new passwords are encrypted for {readers}", readers=readers))
        )
    rows = policy_rows(plan)
    policy_level: Level = "warning" if any(row.loosens for row in rows) else "notice"
    set_in = next((Place(change.file, 1) for change in plan.policy_changes or () if change.file), top)
    lines = [_policy_changes(policy_level, rows, set_in)] if rows else []
    for level, subjects in _LEVELS.items():
        of_level = [each for subject in subjects for each in annotations if each.subject == subject]
        taken = bool(rows and level == policy_level) + (plan.offline and level == "notice")
        lines += _level(level, of_level, top, MAX_ANNOTATIONS - taken)
    if plan.offline:
        lines.insert(0, _command("notice", top, text("Offline"), SENTENCE))
    if not plan.actions and not plan.refused:
        nothing = text("as desired: {count} {count:agent|agents}", count=plan.unchanged)
        if plan.offline:
            nothing = text("as before: {count} {count:agent|agents}", count=plan.unchanged)
        lines.append(_command("notice", top, text("Nothing to change"), nothing))
    return "".join(lines)


def _policy_changes(level: Level, rows: Sequence[PolicyRow], place: Place | None) -> str:
    changes = joined([_policy_change(row) for row in sorted(rows, key=lambda row: not row.loosens)])
    words = text("{heading}: {changes}", heading=policy_heading(rows), changes=changes)
    return _command(level, place, text("Policy"), words)


def _policy_change(row: PolicyRow) -> Text:
    key = text("{key} (loosens)", key=row.key) if row.loosens else verbatim(row.key)
    before, after = shortened(row.before, _MAX_VALUES), shortened(row.after, _MAX_VALUES)
    words = text("{key}: {before} → {after}", key=key, before=before, after=after)
    return text("{words}, in {file}", words=words, file=row.file) if row.file else words


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
        counts = ", ".join(f"{count} {_NOUNS[subject](count)}" for subject, count in rest.items())
        named = "; ".join(
            f"{_NOUNS[subject](1)}: {_listed([span for span, _ in id_spans(some)])}"
            for subject, some in ids.items()
            if some
        )
        told = text("not shown here: {counts}; reconciler plan shows all", counts=counts)
        yield _command(level, top, text("More"), joined((told, verbatim(named))) if named else told)


def _listed(items: Sequence[str]) -> Text:
    """The items, parted by commas, as many as fit into `_LIST` characters; the rest is counted."""
    shown, used = 0, 0
    while shown < len(items) and (used := used + len(items[shown]) + 2) <= _LIST:
        shown += 1
    named = verbatim(", ".join(items[:shown]))
    more = len(items) - shown
    return text("{names} and {more:,} more", names=named, more=more) if more else named


def _of_guardrail(guardrail: Guardrail) -> _Annotation:
    ids = verbatim(", ".join(span for span, _ in id_spans(guardrail.operator_ids)[:_MAX_IDS]))
    if more := sum(count for _, count in id_spans(guardrail.operator_ids)[_MAX_IDS:]):
        ids = text("{names} and {more} more", names=ids, more=more)
    words = "guardrail {rule}: {planned} planned, {allowed} allowed (limit {limit}): {ids}; {hint}"
    counts = {"planned": guardrail.planned, "allowed": guardrail.allowed}
    message = text(words, rule=guardrail.rule, limit=guardrail.limit, ids=ids, hint=guardrail.hint, **counts)
    return _Annotation("guardrail", None, message)


def _of_note(note: Note, places: Mapping[str, Place | None]) -> _Annotation:
    place = next((place for operator_id in note.operator_ids if (place := places.get(operator_id))), None)
    message = note.message
    if note.operator_ids:
        about = _listed([span for span, _ in id_spans(note.operator_ids)])
        message = text("{message}: {ids}", message=message, ids=about)
    return _Annotation("note", place, message)


def _of_row(row: Row) -> _Annotation:
    action = row.common
    who = text("{count:agent|agents} {ids}", count=len(row.actions), ids=row.head)
    if len(row.actions) > 1 and not one_span(row.ids):
        who = verbatim(row.head)
    if action.name and row.one_name:
        who = text("{who} {name}", who=who, name=spelled_name(action.name))
    message = text("{who}: {parts}", who=who, parts=joined([part for part in _parts(row) if part]))
    if row.agents:
        message = text("{message}: {names}", message=message, names=_listed(row.agents))
    if action.origin == "drift":
        message = text("drift, not from this change, and applying reverts it: {message}", message=message)
    place = action.place and Place(action.place.file, row.lines[0])
    subject = "blocked" if action.blocked else "removal" if action.removal else action.kind
    return _Annotation(subject, place, message, row.ids)


def _parts(row: Row) -> Iterator[Text]:
    """What happens to the agents. Of a password it names only the version, not even the source."""
    action = row.common
    if action.blocked:
        yield text("{kind} is blocked: {why}", kind=action.kind, why=action.blocked)
        return
    if action.kind == "delete":
        yield text("not in the file, will be deleted")
        if row.freed:
            yield text("frees SIP {count:number|numbers} {numbers}", count=len(row.freed), numbers=_listed(row.freed))
        return
    yield _DONE_TO_ALL.get("removal" if action.removal else action.kind, NOTHING)
    yield from (_change(action, change) for change in row.changes)
    carried = ", ".join(name for name, live_value in action.carries.items() if live_value is not None)
    if carried:
        words = "carried over: {names}"
        if action.kind != "replace":
            words = "given back after a replace: {names}"
        yield text(words, names=carried)


_DONE_TO_ALL: Final = {
    "create": text("will be created"),
    "replace": text("will be deleted and made anew"),
    "removal": text("not in the file, will be disabled and kept"),
}


def _change(action: Action, change: FieldChange) -> Text:
    if action.kind == "create":
        return text("{field} {value}", field=change.field, value=spelled_value(change.after))
    before, after = (value.short for value in spelled_pair(change.before, change.after))
    was = before if change.before_known else text("not recorded")
    words = text("{field} {before} → {after}", field=change.field, before=was, after=after)
    if change.origin not in ("", "change", action.origin):
        words = text("{words} ({origin})", words=words, origin=change.origin)
    return words


def problems(problems: Sequence[Problem]) -> str:
    """The annotations of problems, each an error at its place; empty if there are no problems."""
    shown = problems if len(problems) <= MAX_ANNOTATIONS else problems[: MAX_ANNOTATIONS - 1]
    lines = [
        _command("error", problem.place, text("Desired state"), sentence(problem), column=True) for problem in shown
    ]
    if rest := problems[len(shown) :]:
        more = "not shown here: {count} {count:problem|problems}; reconciler validate --format json shows all"
        lines.append(_command("error", Place(rest[0].place.file, 1), text("More"), text(more, count=len(rest))))
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
