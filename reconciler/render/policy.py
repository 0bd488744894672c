"""The policy, and what a change of the files does to it, as pieces that each format puts together.

All of it is spelled as `spelling` does, and so made visible; each format escapes it for its syntax.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core.model.message import Text, text
from reconciler.core.model.plan import Plan, PolicyChange
from reconciler.core.model.recipient import recipient_label
from reconciler.render.spelling import spelled_name, spelled_value

_NONE: Final = text("none")
_FEW: Final = 3
"""Values that stay and are named; of more of them only the number is told."""
_MOST: Final = 8
"""Values of a list that the line about the policy in force names."""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One key of the policy, with what it held before and holds after the change; what differs comes first.

    `loosens`: it has to be looked at with care.
    """

    key: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    loosens: bool
    file: str


def policy_rows(plan: Plan) -> list[PolicyRow]:
    """What the change does to the policy; none where no earlier files are known."""
    return [_row(change) for change in plan.policy_changes or ()]


def policy_heading(rows: Sequence[PolicyRow]) -> Text:
    """How much of the policy changes, and how much of that loosens it."""
    loosening = sum(row.loosens for row in rows)
    alters = "This change alters the policy in {count} {count:point|points}, and loosens it in {loosening}"
    return text(alters, count=len(rows), loosening=loosening or _NONE)


def policy_words(plan: Plan) -> list[tuple[str, str]]:
    """The policy in force, by key; empty where changes of it are shown, or where the plan does not tell."""
    if plan.policy_changes:
        return []
    words = [(key, list(_texts(key, value))) for key, value in plan.policy.items()]
    return [(key, shortened(texts)) for key, texts in words]


def _row(change: PolicyChange) -> PolicyRow:
    before, after = (list(_texts(change.key, value)) for value in (change.before, change.after))
    both = {*before} & {*after}
    stay: list[str] = [each for each in before if each in both]
    if change.key == "guardrails":
        stay = []
    elif len(stay) > _FEW:
        stay = [text("{count} that stay", count=len(stay))]
    before, after = ([*(each for each in texts if each not in both), *stay] for texts in (before, after))
    file = spelled_name(change.file) if change.file else ""
    return PolicyRow(change.key, tuple(before) or (_NONE,), tuple(after) or (_NONE,), bool(change.loosens), file)


def shortened(texts: Sequence[str], most: int = _MOST) -> str:
    """The texts in one, `most` of them at most, and how many more there are."""
    names = ", ".join(texts[:most]) or _NONE
    more = len(texts) - most
    return text("{names} and {more} more", names=names, more=more) if more > 0 else names


def _texts(key: str, value: Any) -> Iterator[str]:
    """The parts of a value, each as one text."""
    if key == "recipients":
        yield from (spelled_name(recipient_label(recipient)) for recipient in value)
    elif key == "scope":
        yield from (
            text("* (everybody)") if pattern == "*" else spelled_value(pattern) for pattern in value["operatorId"]
        )
    elif isinstance(value, Mapping):
        yield from (f"{name} {spelled_value(part)}" for name, part in value.items())
    elif isinstance(value, bool | str):
        yield spelled_value(value)
    else:
        yield from map(spelled_value, value or ())
