"""Desired state, live state and ledger to Diff: what is missing, what is extra, and what differs. It decides no action.

Only managed fields are compared, so no difference in an unmanaged one has to be filtered out afterwards.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.core.model.desired import DesiredAgent, DesiredState, PasswordSource, Policy, matches
from reconciler.core.model.diff import AgentDiff, Diff, FieldChange, PasswordChange
from reconciler.core.model.fields import BY_NAME, COMPARED, Field, Value, can_edit
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry, LedgerView
from reconciler.core.model.live import LiveAgent, LiveState

if TYPE_CHECKING:
    from deepdiff import DeepDiff


def diff(desired: DesiredState, live: LiveState, ledger: LedgerView, policy: Policy) -> Diff:
    """Every agent that differs, sorted by id; no live agent out of scope, and none that the policy leaves out."""
    scope = desired.scope
    in_scope = {id_ for id_ in live.agents if matches(scope, id_)} if scope is not None else set(live.agents)
    desired_ids = {agent.operator_id for agent in desired.agents}
    everybody = policy.includes_everybody
    compared = [agent for agent in desired.agents if everybody or policy.includes(agent.operator_id)]
    sip_numbers = (
        _sip_numbers(desired, live) if any(entry.to_restore for entry in ledger.values()) else SipNumbers(set(), {})
    )
    differing = []
    for agent in compared:
        entry = ledger.get(agent.operator_id)
        if entry is not None or not _is_as_wanted(agent, live.agents.get(agent.operator_id)):
            differing.append(_compare(agent, live, entry or NOT_RECORDED, sip_numbers))
    agents = _confirmed_by_deepdiff([agent for agent in differing if agent is not None])
    agents += [
        AgentDiff(id_, "extra", None, live.agents[id_]) for id_ in in_scope - desired_ids if policy.includes(id_)
    ]
    agents.sort(key=lambda agent: agent.operator_id)
    count = live.count if scope is None else len(in_scope)
    return Diff(desired, live, ledger, tuple(agents), count, len(compared))


def _confirmed_by_deepdiff(agents: list[AgentDiff]) -> list[AgentDiff]:
    """The agents, without changes of known values that DeepDiff finds equal. One comparison serves all agents."""
    unequal = {
        (agent.operator_id, change.field): change
        for agent in agents
        for change in agent.changes
        if agent.live and change.before_known
    }
    if not unequal:
        return agents
    before = {key: change.before for key, change in unequal.items()}
    after = {key: change.after for key, change in unequal.items()}
    same = unequal.keys() - load_deepdiff()(before, after).affected_root_keys
    return [
        replace(
            agent, changes=tuple(change for change in agent.changes if (agent.operator_id, change.field) not in same)
        )
        for agent in agents
    ]


def _is_as_wanted(desired: DesiredAgent, live: LiveAgent | None) -> bool:
    """Whether the listing alone shows that an agent needs no action, as it does for most agents."""
    return live is not None and desired.password is None and desired.fields.items() <= live.fields.items()


class SipNumbers(NamedTuple):
    """The SIP numbers that the files give to agents, and by number the ids of the live holders.

    Both are empty unless the ledger has values to restore.
    """

    promised: set[Value]
    holders: Mapping[Value, set[str]]


def _sip_numbers(desired: DesiredState, live: LiveState) -> SipNumbers:
    holders: defaultdict[Value, set[str]] = defaultdict(set)
    for agent in live.agents.values():
        holders[agent.fields["sipNumber"]].add(agent.operator_id)
    return SipNumbers({agent.fields.get("sipNumber") for agent in desired.agents}, holders)


def _compare(desired: DesiredAgent, state: LiveState, entry: LedgerEntry, numbers: SipNumbers) -> AgentDiff | None:
    live = state.agents.get(desired.operator_id)
    # While nothing shows whose agent it is, it gets nothing of the one that was replaced.
    owed = entry.to_restore and not (entry.in_doubt == "author" and desired.operator_id in state.agents)
    to_restore: dict[str, Value] = _restorable(desired.operator_id, entry, state, numbers) if owed else {}
    if live is not None and entry.disabled_by_removal:
        to_restore = {"status": "enabled", **to_restore}
    if live is None:
        return AgentDiff(desired.operator_id, "missing", desired, None, _all_fields(desired), to_restore=to_restore)
    known = {**entry.last_sent, **live.fields} if entry.last_sent else live.fields
    equal = not to_restore and desired.fields.items() <= known.items()
    changes, unknowable = ((), ()) if equal else _changes({**to_restore, **desired.fields}, known)
    change = _password(desired, entry)
    if not (changes or unknowable or change):
        return None
    return AgentDiff(desired.operator_id, "present", desired, live, changes, change, unknowable)


def _restorable(operator_id: str, entry: LedgerEntry, state: LiveState, numbers: SipNumbers) -> dict[str, Value]:
    """The values that can still be restored to a replaced agent.

    Once the agent is live, only what an edit can set; and no SIP number that another agent holds or is to have.
    """
    is_live = operator_id in state.agents
    to_restore = {
        name: value for name, value in entry.to_restore.items() if not is_live or can_edit(BY_NAME[name], value)
    }
    number = to_restore.get("sipNumber")
    if number is not None and (number in numbers.promised or numbers.holders.get(number, set()) - {operator_id}):
        del to_restore["sipNumber"]
    return to_restore


def _password(desired: DesiredAgent, entry: LedgerEntry) -> PasswordChange | None:
    """The change to a version that is not the recorded one, or away from a password that nobody may know."""
    source = desired.password
    if entry.password_unknown:
        return PasswordChange(None, source or _UNMANAGED)
    if source is None or entry.password_version == source.version:
        return None
    return PasswordChange(entry.password_version, source)


_UNMANAGED = PasswordSource("generate", "", version=0)
"""The new password of an agent whose password the files do not manage. Version 0 is never recorded."""


def _all_fields(desired: DesiredAgent) -> tuple[FieldChange, ...]:
    fields = desired.fields
    return tuple(FieldChange(row.name, None, fields[row.name]) for row in COMPARED if row.name in fields)


def _changes(
    desired: Mapping[str, Value], recorded: Mapping[str, Value]
) -> tuple[tuple[FieldChange, ...], tuple[str, ...]]:
    """The changes, and the names of fields that nobody can compare: create-only, never listed, and not recorded."""
    known = {name: recorded[name] for name in desired if name in recorded}
    unknown = [name for name in desired if name not in known]
    changes = [FieldChange(name, value, desired[name]) for name, value in known.items() if value != desired[name]]
    changes += [FieldChange(name, None, desired[name], before_known=False) for name in unknown if _editable(name)]
    changes.sort(key=lambda change: _ORDER[change.field])
    unknowable = sorted((name for name in unknown if not _editable(name)), key=_ORDER.__getitem__)
    return tuple(changes), tuple(unknowable)


_ORDER = {row.name: index for index, row in enumerate(COMPARED)}


def _editable(name: str) -> bool:
    row: Field = BY_NAME[name]
    return row.wire.edit is not None


def load_deepdiff() -> type[DeepDiff]:
    """DeepDiff, imported on first use since most runs need none. A caller that waits for pages may call ahead."""
    hidden = _FOREIGN - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        from deepdiff import DeepDiff
    finally:
        for name in hidden:
            del sys.modules[name]
    return DeepDiff


_FOREIGN: Final = frozenset(("numpy", "pandas", "polars", "pydantic.main"))
"""What DeepDiff would import wherever it is installed, to know values of its kinds: longer than all else it imports."""
