"""DesiredState x LiveState x LedgerView to Diff: what is missing, what is extra, and what differs. Facts, no acts.

Unmanaged fields are left out of the question before it is asked, never filtered out of the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.model.desired import DesiredAgent, DesiredState, PasswordSource, Policy, matches
from reconciler.core.model.diff import AgentDiff, Diff, FieldChange, PasswordChange
from reconciler.core.model.fields import BY_NAME, COMPARED, Field, Value, can_edit
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry, LedgerView
from reconciler.core.model.live import LiveAgent, LiveState

if TYPE_CHECKING:
    from deepdiff import DeepDiff


def diff(desired: DesiredState, live: LiveState, ledger: LedgerView, policy: Policy) -> Diff:
    """Every agent that differs, sorted by id; neither live agents out of scope nor those whom the policy leaves out."""
    scope = desired.scope
    in_scope = {id_ for id_ in live.agents if matches(scope, id_)} if scope is not None else set(live.agents)
    wanted = {agent.operator_id for agent in desired.agents}
    everybody = policy.speaks_of_everybody
    looked_at = [agent for agent in desired.agents if everybody or policy.speaks_of(agent.operator_id)]
    sip_numbers = (
        _sip_numbers(desired, live) if any(entry.to_restore for entry in ledger.values()) else SipNumbers(set(), {})
    )
    differing = []
    for agent in looked_at:
        entry = ledger.get(agent.operator_id)
        if entry is not None or not _is_as_wanted(agent, live.agents.get(agent.operator_id)):
            differing.append(_compare(agent, live, entry or NOT_RECORDED, sip_numbers))
    agents = _told_by_deepdiff([agent for agent in differing if agent is not None])
    agents += [AgentDiff(id_, "extra", None, live.agents[id_]) for id_ in in_scope - wanted if policy.speaks_of(id_)]
    agents.sort(key=lambda agent: agent.operator_id)
    return Diff(desired, live, ledger, tuple(agents), len(in_scope), len(looked_at))


def _told_by_deepdiff(agents: list[AgentDiff]) -> list[AgentDiff]:
    """The agents, with those changes of known values that DeepDiff finds. It is asked once for all of them."""
    unequal = {
        (agent.operator_id, change.field): change
        for agent in agents
        for change in agent.changes
        if agent.live and change.before_known
    }
    if not unequal:
        return agents
    before, after = ({at: getattr(change, side) for at, change in unequal.items()} for side in ("before", "after"))
    same = unequal.keys() - deepdiff()(before, after).affected_root_keys
    return [
        replace(agent, changes=tuple(each for each in agent.changes if (agent.operator_id, each.field) not in same))
        for agent in agents
    ]


def _is_as_wanted(desired: DesiredAgent, live: LiveAgent | None) -> bool:
    """Whether the listing alone shows that nothing is to be done about an agent: so it is with most."""
    return live is not None and desired.password is None and desired.fields.items() <= live.fields.items()


class SipNumbers(NamedTuple):
    """Those that the file gives to somebody, and who holds which, where that can matter."""

    promised: set[Value]
    holders: Mapping[Value, set[str]]


def _sip_numbers(desired: DesiredState, live: LiveState) -> SipNumbers:
    holders: defaultdict[Value, set[str]] = defaultdict(set)
    for agent in live.agents.values():
        holders[agent.fields["sipNumber"]].add(agent.operator_id)
    return SipNumbers({agent.fields.get("sipNumber") for agent in desired.agents}, holders)


def _compare(desired: DesiredAgent, state: LiveState, entry: LedgerEntry, numbers: SipNumbers) -> AgentDiff | None:
    live = state.agents.get(desired.operator_id)
    to_restore = _still_owed(desired.operator_id, entry, state, numbers) if entry.to_restore else {}
    if live is None:
        return AgentDiff(desired.operator_id, "missing", desired, None, _all_new(desired), to_restore=to_restore)
    known = {**entry.given, **live.fields} if entry.given else live.fields
    equal = not to_restore and desired.fields.items() <= known.items()
    changes, unknowable = ((), ()) if equal else _changes({**to_restore, **desired.fields}, known)
    change = _password(desired, entry)
    if not (changes or unknowable or change):
        return None
    return AgentDiff(desired.operator_id, "present", desired, live, changes, change, unknowable)


def _still_owed(operator_id: str, entry: LedgerEntry, state: LiveState, numbers: SipNumbers) -> dict[str, Value]:
    """What a replaced agent can still be given back: nothing fixed once it is there, no number that went elsewhere."""
    there = operator_id in state.agents
    to_restore = {
        name: value for name, value in entry.to_restore.items() if not there or can_edit(BY_NAME[name], value)
    }
    number = to_restore.get("sipNumber")
    if number is not None and (number in numbers.promised or numbers.holders.get(number, set()) - {operator_id}):
        del to_restore["sipNumber"]
    return to_restore


def _password(desired: DesiredAgent, entry: LedgerEntry) -> PasswordChange | None:
    """A version that differs from the recorded one, or a password that nobody may know."""
    source = desired.password
    if entry.password_unknown:
        return PasswordChange(None, source or _HEALING)
    if source is None or entry.password_version == source.version:
        return None
    return PasswordChange(entry.password_version, source)


_HEALING = PasswordSource("generate", "", version=0)
"""For an agent whose password the file does not manage; version 0 is never recorded."""


def _all_new(desired: DesiredAgent) -> tuple[FieldChange, ...]:
    fields = desired.fields
    return tuple(FieldChange(row.name, None, fields[row.name]) for row in COMPARED if row.name in fields)


def _changes(
    wanted: Mapping[str, Value], facts: Mapping[str, Value]
) -> tuple[tuple[FieldChange, ...], tuple[str, ...]]:
    """What differs, and what cannot be known: fixed at creation, never listed, and not recorded."""
    known = {name: facts[name] for name in wanted if name in facts}
    unknown = [name for name in wanted if name not in known]
    changes = [FieldChange(name, value, wanted[name]) for name, value in known.items() if value != wanted[name]]
    changes += [FieldChange(name, None, wanted[name], before_known=False) for name in unknown if _editable(name)]
    changes.sort(key=lambda change: _ORDER[change.field])
    unknowable = sorted((name for name in unknown if not _editable(name)), key=_ORDER.__getitem__)
    return tuple(changes), tuple(unknowable)


_ORDER = {row.name: index for index, row in enumerate(COMPARED)}


def _editable(name: str) -> bool:
    row: Field = BY_NAME[name]
    return row.wire.edit is not None


def deepdiff() -> type[DeepDiff]:
    """DeepDiff, imported when it is asked for: most runs find no difference. Who waits for the vendor may ask ahead."""
    from deepdiff import DeepDiff

    return DeepDiff
