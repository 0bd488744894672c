"""The limits that a plan must stay within. Each guard is one function; if one trips, nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.model.desired import Limit, Policy
from reconciler.core.model.diff import Diff
from reconciler.core.model.message import NOTHING, Text, joined, listed, text
from reconciler.core.model.operator_id import difference, look
from reconciler.core.model.plan import Action, Guardrail, SetBy

DEFAULT_SHARE: Final = Limit("20%")
"""The default limit on deletes, and on passwords; one agent is always allowed."""
DEFAULT_FROM: Final = 10
"""Live agents of the company from which that default holds, however few of them are in scope."""
_MAX_NAMED: Final = 5
"""Files that a hint names."""


def guardrails(actions: Sequence[Action], diff: Diff, policy: Policy) -> tuple[Guardrail, ...]:
    """Every guardrail in force, tripped or not; percentages are of the live agents in scope."""
    results = (guard(actions, diff, policy) for guard in GUARDS)
    return tuple(replace(guardrail, code=code_of(guardrail.rule)) for guardrail in results if guardrail)


def code_of(rule: str) -> str:
    """The code of a rule: its name with hyphens, such as `max-deletes`."""
    return "".join(f"-{character.lower()}" if character.isupper() else character for character in rule)


Guard = Callable[[Sequence[Action], Diff, Policy], Guardrail | None]


def _deleted(actions: Iterable[Action]) -> tuple[str, ...]:
    """The agents that the plan deletes, or disables for good; a replace counts, since its agent is gone for a while."""
    return tuple(a.operator_id for a in actions if (a.kind in ("delete", "replace") or a.removal) and not a.blocked)


def _max_deletes(actions: Sequence[Action], diff: Diff, policy: Policy) -> Guardrail | None:
    limits = (policy.max_deletes, diff.desired.max_deletes, _default_share(diff))
    hint = text(
        "to keep them, put them back into the file (export writes them), protect them, or set prune: false; if they "
        "are really to go, raise guardrails.maxDeletes in the file or pass --max-deletes"
    )
    return _limited("maxDeletes", _deleted(actions), diff, limits, hint)


_Limits = tuple[Limit | None, Limit | None, Limit | None]
"""The limit of the flag, of the file, and the default."""


def _default_share(diff: Diff) -> Limit | None:
    return DEFAULT_SHARE if diff.live.count >= DEFAULT_FROM else None


def _limited(rule: str, operator_ids: tuple[str, ...], diff: Diff, limits: _Limits, hint: Text) -> Guardrail | None:
    """The guardrail with the first of the limits that is set; `None` where there is none."""
    sources: tuple[SetBy, ...] = ("flag", "file", "default")
    for limit, set_by in zip(limits, sources, strict=True):
        if limit is not None:
            allowed = max(limit.allowed(diff.in_scope), 1 if set_by == "default" else 0)
            return Guardrail(rule, limit.text, allowed, len(operator_ids), operator_ids, hint, set_by)
    return None


def _max_changes(actions: Sequence[Action], diff: Diff, policy: Policy) -> Guardrail | None:
    changed = tuple(action.operator_id for action in actions if not action.blocked)
    limits = (policy.max_changes, diff.desired.max_changes, None)
    hint = text(
        "apply a part of it first with --target; if so much is really to change, raise guardrails.maxChanges in the "
        "file or pass --max-changes"
    )
    return _limited("maxChanges", changed, diff, limits, hint)


def _max_passwords(actions: Sequence[Action], diff: Diff, policy: Policy) -> Guardrail | None:
    """A new password locks out whoever knows the old one; where nobody knows it, nobody is locked out."""
    passwords = (action for action in actions if action.kind == "password")
    known = tuple(action.operator_id for action in passwords if not action.recorded.password_unknown)
    limits = (policy.max_passwords, diff.desired.max_passwords, _default_share(diff))
    hint = text(
        "if these people have their passwords already, reconciler ledger adopt records that and sends nothing; if all "
        "are really to be set anew, raise guardrails.maxPasswords in the file or pass --max-passwords"
    )
    return _limited("maxPasswords", known, diff, limits, hint)


def _lookalikes(actions: Sequence[Action], diff: Diff, policy: Policy) -> Guardrail | None:
    """A new agent whose id has the look of a live agent's is a slip in the id of that agent, which would go."""
    created = [action.operator_id for action in actions if action.kind == "create"]
    live_by_look = {look(id_): id_ for id_ in diff.live.agents} if created else {}
    twins = {id_: twin for id_ in created if (twin := live_by_look.get(look(id_)))}
    allowed = len(twins) if policy.allow_lookalikes else diff.desired.lookalikes
    if allowed is None and not twins:
        return None
    set_by: SetBy = "flag" if policy.allow_lookalikes else "default" if allowed is None else "file"
    return Guardrail("lookalikes", str(allowed or 0), allowed or 0, len(twins), tuple(twins), _twins(twins), set_by)


def _twins(twins: Mapping[str, str]) -> Text:
    """The pairs of ids that look alike, and what to do."""
    way_on = text(
        "write the id as the live agent has it; if it is to be another agent, "
        "set guardrails.lookalikes in the file or pass --allow-lookalikes"
    )
    pairs = [
        text("{id} looks like {other}: {difference}", id=id_, other=twin, difference=difference(id_, twin))
        for id_, twin in twins.items()
    ]
    more = [text("and {count} more", count=len(pairs) - _MAX_PAIRS)] if len(pairs) > _MAX_PAIRS else []
    return joined([joined([*pairs[:_MAX_PAIRS], *more]), way_on], ": ") if pairs else way_on


_MAX_PAIRS: Final = 3
"""Pairs of ids that the hint of a guardrail explains."""


def _forgotten_files(actions: Sequence[Action], diff: Diff, policy: Policy) -> Guardrail | None:
    """Agents of a file that is there and was not given are missing by oversight far more often than on purpose."""
    deleted = tuple(id_ for id_ in _deleted(actions) if id_ in diff.forgotten)
    if policy.allow_forgotten:
        return Guardrail("forgottenFiles", str(len(deleted)), len(deleted), len(deleted), deleted, NOTHING, "flag")
    if not deleted:
        return None
    files = list(dict.fromkeys(diff.forgotten[id_] for id_ in deleted))
    hint = text(
        "give --file for {files}, where an earlier apply found them; if nobody needs "
        "such a file, remove it, or pass --allow-forgotten-files",
        files=listed(files, _MAX_NAMED),
    )
    return Guardrail("forgottenFiles", "0", 0, len(deleted), deleted, hint, "default")


def _empty_desired(actions: Sequence[Action], diff: Diff, _policy: Policy) -> Guardrail | None:
    """A file without agents is a broken merge far more often than the end of a call centre."""
    deleted = _deleted(actions)
    if diff.desired.agents or not deleted:
        return None
    hint = text("a file without agents never deletes; set prune: false, or keep at least one agent in the file")
    return Guardrail("emptyDesired", "0", 0, len(deleted), deleted, hint, "always")


GUARDS: Final[tuple[Guard, ...]] = (
    *(_max_deletes, _max_changes, _max_passwords),
    *(_lookalikes, _forgotten_files, _empty_desired),
)
