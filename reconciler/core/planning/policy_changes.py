"""The policy of a desired state, and what a change of the files does to it.

A policy says who reads new passwords, which agents the files speak for, what may be removed, and within which limits.
Its values are spelled as a file spells them, with defaults for what is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from math import inf
from typing import Any, Final

from reconciler.core.model.desired import DesiredState, Limit, Removal
from reconciler.core.model.plan import PolicyChange
from reconciler.core.planning.doubts import is_pattern
from reconciler.core.planning.guardrails import DEFAULT_SHARE

_EVERYBODY: Final = ("*",)


def policy_in_force(desired: DesiredState) -> dict[str, Any]:
    """The part of the policy that a plan does not show elsewhere."""
    everything = _policy(desired)
    return {key: everything[key] for key in ("scope", "prune", "onRemove", "protect")}


def policy_changes(before: DesiredState, after: DesiredState, in_scope: int) -> tuple[PolicyChange, ...]:
    """What differs between two policies, by key.

    `in_scope` counts the live agents in scope: it decides which of a count and a percentage is larger. The file that
    sets a key is named where there are several files; for a key that is written no longer, the file that did.
    """
    old, new = _policy(before), _policy(after)
    several = len(before.files) > 1 or len(after.files) > 1
    files = {**before.set_in, **after.set_in} if several else {}
    return tuple(
        PolicyChange(key, old[key], new[key], judge(old[key], new[key], in_scope), files.get(key, ""))
        for key, judge in _KEYS.items()
        if _comparable(old[key]) != _comparable(new[key])
    )


def _policy(desired: DesiredState) -> dict[str, Any]:
    company_id = desired.company.company_id
    company = {"abbreviate": desired.company.abbreviate, **({} if company_id is None else {"companyId": company_id})}
    return {
        "recipients": list(desired.recipients),
        "scope": {"operatorId": list(_EVERYBODY if desired.scope is None else desired.scope)},
        "prune": desired.prune,
        "onRemove": _on_remove(desired.on_remove),
        "protect": list(desired.protect),
        "guardrails": {
            "maxDeletes": _spelled(desired.max_deletes or DEFAULT_SHARE),
            "maxChanges": _spelled(desired.max_changes),
            "maxPasswords": _spelled(desired.max_passwords or DEFAULT_SHARE),
            "lookalikes": desired.lookalikes or 0,
        },
        "company": company if desired.files else None,
    }


def _on_remove(removal: Removal) -> str | dict[str, str]:
    if removal.wait:
        return {"disable": removal.wait}
    return "disable" if removal.disable else "delete"


def _spelled(limit: Limit | None) -> int | str | None:
    if limit is None:
        return None
    return int(limit.text) if limit.text.isdecimal() else limit.text


def _comparable(value: Any) -> Any:
    """The value without the order of a list, which means nothing."""
    if isinstance(value, Mapping) and "operatorId" in value:
        value = value["operatorId"]
    return set(value) if isinstance(value, list) else value


# Whether a change loosens


def _recipients(before: Sequence[str], after: Sequence[str], _in_scope: int) -> bool:
    """A new reader loosens, and so does a file that nobody needs a key for."""
    return not {*map(_key, after)} <= {*map(_key, before)} or not after


def _key(recipient: str) -> str:
    """A recipient without the comment of an SSH key."""
    return " ".join(recipient.split()[:2])


def _scope(before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]], _in_scope: int) -> bool:
    return not _covers(before["operatorId"], after["operatorId"])


def _prune(_before: bool, after: bool, _in_scope: int) -> bool:
    return after


def _removal(before: str | Mapping[str, str], after: str | Mapping[str, str], _in_scope: int) -> bool:
    """To delete, or to delete sooner, loosens."""
    return _kept_for(after) < _kept_for(before)


def _kept_for(value: str | Mapping[str, str]) -> float:
    if isinstance(value, str):
        return 0 if value == "delete" else inf
    return Removal(disable=True, wait=value["disable"]).seconds


def _protect(before: Sequence[str], after: Sequence[str], _in_scope: int) -> bool:
    return not _covers(after, before)


def _covers(wide: Iterable[str], narrow: Iterable[str]) -> bool:
    """Whether what the patterns of `narrow` match is certainly matched by those of `wide`."""
    same = frozenset(wide)
    wild = [pattern for pattern in same if is_pattern(pattern)]
    return all(pattern in same or any(_is_within(pattern, other) for other in wild) for pattern in narrow)


def _is_within(pattern: str, other: str) -> bool:
    """Whether `other` certainly matches whatever `pattern` does.

    A `*` matches the text of another pattern, `*` and `?` in it included, just as it matches whatever these stand for.
    """
    if other == "*":
        return True
    sure = not is_pattern(pattern) or ("[" not in pattern and not set("?[") & set(other))
    return sure and fnmatchcase(pattern, other)


def _guardrails(before: Mapping[str, Any], after: Mapping[str, Any], in_scope: int) -> bool:
    return any(_is_looser(before[rule], limit, in_scope) for rule, limit in after.items())


def _is_looser(before: int | str | None, after: int | str | None, in_scope: int) -> bool:
    """Two percentages compare whatever the company's size is. One that allows all that a count did grows from there."""
    if before is None or after is None:
        return before is not None
    old, new = Limit(str(before)), Limit(str(after))
    if isinstance(before, int) and not isinstance(after, int):
        return new.allowed(in_scope) >= min(before, in_scope)
    agents = in_scope if isinstance(after, int) else _MANY
    return new.allowed(agents) > old.allowed(agents)


_MANY: Final = 10**9
"""So many agents that percentages which differ allow different numbers of them."""


def _unjudged(_before: Any, _after: Any, _in_scope: int) -> None:
    """Another company is neither looser nor stricter."""


_KEYS: Final[Mapping[str, Callable[[Any, Any, int], bool | None]]] = {
    "recipients": _recipients,
    "scope": _scope,
    "prune": _prune,
    "onRemove": _removal,
    "protect": _protect,
    "guardrails": _guardrails,
    "company": _unjudged,
}
"""The keys in the order in which they are listed, each with who judges whether a change of it loosens."""
