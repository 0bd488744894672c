"""A plan and problems as annotations of GitHub Actions, which are workflow commands, one a line; and a step's outputs.

The runner reads every line that we print. Each begins with our own words. Foreign text passes through `visible` and the
runner's escapes first, so that it can neither begin a command nor end a property.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.plan import Action, Guardrail, Plan
from reconciler.core.model.problem import Place, Problem
from reconciler.core.saved.plan_json import digest
from reconciler.core.text import counted
from reconciler.render import FORMATS
from reconciler.render.escape import clip
from reconciler.render.findings import sentence
from reconciler.render.heading import Heading
from reconciler.render.rows import shown_value
from reconciler.render.terminal import visible

MAX_ANNOTATIONS: Final = 10
"""Annotations of one level that GitHub shows of a step; it silently drops the rest."""

_CELLS: Final = 60
_MAX_MESSAGE: Final = 8000
"""Characters of a message: GitHub takes 64 KB, and a character may need four bytes or an escape."""
_MAX_IDS: Final = 8

Level = Literal["error", "warning", "notice"]

_TITLES: Final = {
    "guardrail": "Guardrail",
    "blocked": "Blocked change",
    "delete": "Delete",
    "replace": "Replace",
    "password": "Password",
    "edit": "Edit",
    "create": "Create",
}
"""The title of an annotation, by its subject."""

_LEVELS: Final[dict[Level, tuple[str, ...]]] = {
    "error": ("guardrail", "blocked"),
    "warning": ("delete", "replace"),
    "notice": ("password", "edit", "create"),
}
"""Subjects by level, the most important first, since the last are left out first."""


def plan(plan: Plan, _heading: Heading) -> str:
    """The annotations of a plan, each on its agent's line, or on the first line of the first file if there is none.

    Within a kind, this change comes before drift. A plan without actions is one notice.
    """
    top = Place(plan.files[0], 1) if plan.files else None
    own_first = sorted(plan.actions, key=lambda action: action.origin == "drift")
    subjects: list[Guardrail | Action] = [*(guardrail for guardrail in plan.guardrails if not guardrail.ok), *own_first]
    lines: list[str] = []
    for level, kinds in _LEVELS.items():
        lines += _level(level, [subject for kind in kinds for subject in subjects if _kind(subject) == kind], top)
    if not lines:
        lines.append(_command("notice", top, "Nothing to change", f"as desired: {counted(plan.unchanged, 'agent')}"))
    return "".join(lines)


def _kind(subject: Guardrail | Action) -> str:
    if isinstance(subject, Guardrail):
        return "guardrail"
    return "blocked" if subject.blocked else subject.kind


def _level(level: Level, subjects: Sequence[Guardrail | Action], top: Place | None) -> Iterator[str]:
    shown = subjects if len(subjects) <= MAX_ANNOTATIONS else subjects[: MAX_ANNOTATIONS - 1]
    for subject in shown:
        place = None if isinstance(subject, Guardrail) else subject.place
        message = _guardrail_message(subject) if isinstance(subject, Guardrail) else _action_message(subject)
        yield _command(level, place or top, _TITLES[_kind(subject)], message)
    if rest := Counter(map(_kind, subjects[len(shown) :])):
        kinds = ", ".join(counted(count, _TITLES[kind].lower()) for kind, count in rest.items())
        yield _command(level, top, "More", f"not shown here: {kinds}; reconciler plan shows all")


def _guardrail_message(guardrail: Guardrail) -> str:
    ids = ", ".join(clip(id_, _CELLS) for id_ in guardrail.operator_ids[:_MAX_IDS])
    more = len(guardrail.operator_ids) - _MAX_IDS
    return (
        f"guardrail {guardrail.rule}: {guardrail.planned} planned, {guardrail.allowed} allowed "
        f"(limit {guardrail.limit}): {ids}{f' and {more} more' if more > 0 else ''}; {guardrail.hint}"
    )


def _action_message(action: Action) -> str:
    drift = "drift, not from this change, and applying reverts it: " if action.origin == "drift" else ""
    name = f" {clip(action.name, _CELLS)}" if action.name else ""
    parts = "; ".join(part for part in _parts(action) if part)
    return f"{drift}agent {clip(action.operator_id, _CELLS)}{name}: {parts}"


def _parts(action: Action) -> Iterator[str]:
    """What happens to the agent. Of a password it names only the version, not even the source."""
    if action.blocked:
        yield f"{action.kind} is blocked: {action.blocked}"
        return
    if action.kind == "delete":
        yield "not in the file, will be deleted"
        yield f"frees SIP number {clip(str(action.live_sip), _CELLS)}" if action.frees_sip else ""
        return
    yield {"create": "will be created", "replace": "will be deleted and made anew"}.get(action.kind, "")
    yield from (_change(action, change) for change in action.changes)
    carried = ", ".join(name for name, live_value in action.carries.items() if live_value is not None)
    if carried:
        yield f"carried over: {carried}" if action.kind == "replace" else f"given back after a replace: {carried}"


def _change(action: Action, change: FieldChange) -> str:
    after = clip(shown_value(change.after).text, _CELLS)
    if action.kind == "create":
        return f"{change.field} {after}"
    before = clip(shown_value(change.before).text, _CELLS) if change.before_known else "not recorded"
    drift = " (drift)" if change.origin == "drift" and action.origin != "drift" else ""
    return f"{change.field} {before} → {after}{drift}"


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
    deletes must stop at a replace too, as the guardrails do. A blocked action counts in `blocked` alone.
    """
    count = plan.summary
    numbers = {
        "changes": len(plan.actions) - count["blocked"],
        "creates": count["create"] + count["replace"],
        "edits": count["edit"],
        "deletes": count["delete"] + count["replace"],
        "replaces": count["replace"],
        "passwords": count["password"],
        "blocked": count["blocked"],
    }
    texts = {name: str(number) for name, number in numbers.items()}
    return {**texts, "refused": "true" if plan.refused else "false", "digest": digest(plan)}
