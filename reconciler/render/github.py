"""A plan and problems as annotations of GitHub Actions: workflow commands, one a line, and the outputs of a step.

The runner reads every line of ours. Each begins with words of our own, and what others wrote stands in it only after
`visible` and the runner's escapes, so that it can neither begin a command nor end a property.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.plan import Action, Guardrail, Plan
from reconciler.core.model.problem import Place, Problem
from reconciler.core.saved.plan_json import digest
from reconciler.render import FORMATS
from reconciler.render.escape import clip
from reconciler.render.findings import sentence
from reconciler.render.heading import Heading
from reconciler.render.rows import value
from reconciler.render.terminal import visible

MOST: Final = 10
"""Annotations of one level that GitHub shows of a step; it drops the rest and does not say so."""

_CELLS: Final = 60
_LONGEST: Final = 8000
"""Characters of a message: GitHub takes 64 KB, and a character may need four bytes or an escape."""
_LISTED: Final = 8

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
"""What an annotation can be about."""

_LEVELS: Final[dict[Level, tuple[str, ...]]] = {
    "error": ("guardrail", "blocked"),
    "warning": ("delete", "replace"),
    "notice": ("password", "edit", "create"),
}
"""In the order of their weight, since the last are the first to be left out."""


def plan(plan: Plan, _heading: Heading) -> str:
    """The annotations of a plan, each on its agent's line; what has none of its own is put on the file's first line.

    Of one kind those of this change come before drift. A plan without actions is one notice.
    """
    top = Place(plan.files[0], 1) if plan.files else None
    own_first = sorted(plan.actions, key=lambda action: action.origin == "drift")
    subjects: list[Guardrail | Action] = [*(each for each in plan.guardrails if not each.ok), *own_first]
    lines: list[str] = []
    for level, kinds in _LEVELS.items():
        lines += _level(level, [each for kind in kinds for each in subjects if _kind(each) == kind], top)
    if not lines:
        lines.append(_command("notice", top, "Nothing to change", f"as desired: {_counted(plan.unchanged, 'agent')}"))
    return "".join(lines)


def _kind(subject: Guardrail | Action) -> str:
    if isinstance(subject, Guardrail):
        return "guardrail"
    return "blocked" if subject.blocked else subject.kind


def _level(level: Level, some: Sequence[Guardrail | Action], top: Place | None) -> Iterator[str]:
    shown = some if len(some) <= MOST else some[: MOST - 1]
    for each in shown:
        place = None if isinstance(each, Guardrail) else each.place
        words = _trip(each) if isinstance(each, Guardrail) else _act(each)
        yield _command(level, place or top, _TITLES[_kind(each)], words)
    if rest := Counter(map(_kind, some[len(shown) :])):
        counted = ", ".join(_counted(count, _TITLES[kind].lower()) for kind, count in rest.items())
        yield _command(level, top, "More", f"not shown here: {counted}; reconciler plan shows all")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _trip(guardrail: Guardrail) -> str:
    ids = ", ".join(clip(id_, _CELLS) for id_ in guardrail.operator_ids[:_LISTED])
    more = len(guardrail.operator_ids) - _LISTED
    return (
        f"guardrail {guardrail.rule}: {guardrail.planned} planned, {guardrail.allowed} allowed "
        f"(limit {guardrail.limit}): {ids}{f' and {more} more' if more > 0 else ''}; {guardrail.hint}"
    )


def _act(action: Action) -> str:
    drift = "drift, not from this change, and applying reverts it: " if action.origin == "drift" else ""
    name = f" {clip(action.name, _CELLS)}" if action.name else ""
    parts = "; ".join(part for part in _parts(action) if part)
    return f"{drift}agent {clip(action.operator_id, _CELLS)}{name}: {parts}"


def _parts(action: Action) -> Iterator[str]:
    """What happens to the agent. Of a password it is the version and no more: not even where it comes from."""
    if action.blocked:
        yield f"{action.kind} is blocked: {action.blocked}"
        return
    if action.kind == "delete":
        yield "not in the file, will be deleted"
        yield f"frees SIP number {clip(str(action.live_sip), _CELLS)}" if action.frees_sip else ""
        return
    yield {"create": "will be created", "replace": "will be deleted and made anew"}.get(action.kind, "")
    yield from (_change(action, change) for change in action.changes)
    kept = ", ".join(name for name, carried in action.carries.items() if carried is not None)
    if kept:
        yield f"carried over: {kept}" if action.kind == "replace" else f"given back after a replace: {kept}"


def _change(action: Action, change: FieldChange) -> str:
    after = clip(value(change.after).text, _CELLS)
    if action.kind == "create":
        return f"{change.field} {after}"
    before = clip(value(change.before).text, _CELLS) if change.before_known else "not recorded"
    drift = " (drift)" if change.origin == "drift" and action.origin != "drift" else ""
    return f"{change.field} {before} → {after}{drift}"


def problems(found: Sequence[Problem]) -> str:
    """The annotations of problems, each an error at its place; nothing where there are none."""
    shown = found if len(found) <= MOST else found[: MOST - 1]
    lines = [_command("error", each.place, "Desired state", sentence(each), column=True) for each in shown]
    if rest := found[len(shown) :]:
        words = f"not shown here: {_counted(len(rest), 'problem')}; reconciler validate --format json shows all"
        lines.append(_command("error", Place(rest[0].place.file, 1), "More", words))
    return "".join(lines)


def _command(level: Level, place: Place | None, title: str, message: str, *, column: bool = False) -> str:
    properties = {"title": title}
    if place:
        at = {"file": place.file, "line": str(place.line), **({"col": str(place.column)} if column else {})}
        properties = {**at, **properties}  # the runner trims what stands last, so that is ours
    written = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
    told = visible(message)
    return f"::{level} {written}::{_data(told if len(told) <= _LONGEST else f'{told[: _LONGEST - 1]}…')}\n"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary_markdown(plan: Plan, heading: Heading) -> str:
    """What the summary of the step shows: the plan as Markdown."""
    return FORMATS["markdown"](plan, heading)


def outputs(plan: Plan) -> dict[str, str]:
    """The outputs of the step: digits, `true` or `false`, and the digest in hexadecimal, nothing that others wrote.

    A replace is one of `changes`, and counts among `creates`, `deletes` and `replaces`: a pipeline that stops at
    deletes must stop at it too, as the guardrails do. What is blocked is in `blocked` alone.
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
    told = {name: str(number) for name, number in numbers.items()}
    return {**told, "refused": "true" if plan.refused else "false", "digest": digest(plan)}
