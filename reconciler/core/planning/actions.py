"""Diff x Policy to actions: facts become acts, and what cannot be done is blocked.

| fact | act |
|---|---|
| missing from the live side | create |
| extra there, in scope | delete, unless `prune: false`, protected, or the listing is incomplete |
| differs in what an edit can set | edit |
| differs in what is fixed at creation | blocked; with `--allow-replace`, replace, unless protected |
| its password has another version | password |
| wants a SIP number that stays with another agent | blocked |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace as with_
from typing import Final

from reconciler.core.model.desired import Policy, matches
from reconciler.core.model.diff import AgentDiff, Diff, FieldChange
from reconciler.core.model.fields import BY_NAME, LISTED, Value, can_edit, fits
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.plan import Action, Call, Note


def acts(diff: Diff, policy: Policy) -> tuple[Action, ...]:
    """What to do about a diff, sorted by operatorId, then action."""
    actions = [action for agent in diff.agents for action in _actions(agent, diff, policy)]
    actions = block_taken_sip_numbers(actions, diff.live)
    return tuple(sorted(actions, key=lambda action: (action.operator_id, action.kind)))


def _actions(agent: AgentDiff, diff: Diff, policy: Policy) -> Iterator[Action]:
    match agent.status:
        case "missing":
            managed = {change.field for change in agent.changes}
            to_restore = {name: value for name, value in agent.to_restore.items() if name not in managed}
            yield with_(_action(agent, "create", diff, agent.changes), carries=to_restore)
        case "extra":
            if not _kept(agent.operator_id, diff):
                yield _action(agent, "delete", diff)
        case _:
            change = _change(agent, diff, policy) if agent.changes else None
            if change:
                yield change
            # A replaced agent gets its password as it is made.
            if agent.password and (change is None or change.kind == "edit" or change.blocked):
                version = FieldChange("password.version", agent.password.before, agent.password.source.version)
                version = with_(version, before_known=agent.password.before is not None)
                yield with_(_action(agent, "password", diff, (version,)), password=agent.password.source)


def _kept(operator_id: str, diff: Diff) -> bool:
    return not diff.desired.prune or not diff.live.complete or matches(diff.desired.protect, operator_id)


def _action(agent: AgentDiff, kind: str, diff: Diff, changes: tuple[FieldChange, ...] = ()) -> Action:
    live, desired = agent.live, agent.desired
    name = desired.fields.get("name") if desired else None
    return Action(
        kind=kind,  # type: ignore[arg-type]
        operator_id=agent.operator_id,
        name=str(name if name is not None else live.fields["name"] if live else ""),
        place=desired.place if desired else None,
        changes=changes,
        password=desired.password if desired and kind in ("create", "replace") else None,
        live=live,
        recorded=diff.ledger.get(agent.operator_id, NOT_RECORDED),
    )


def _sip_number(fields: Mapping[str, Value]) -> str | None:
    number = fields.get("sipNumber")
    return None if number is None else str(number)


def _change(agent: AgentDiff, diff: Diff, policy: Policy) -> Action:
    """A present agent whose fields differ: an edit, or, where one of them is fixed, a replace or a block."""
    fixed = [change for change in agent.changes if not can_edit(BY_NAME[change.field], change.after)]
    if not fixed:
        return _action(agent, "edit", diff, agent.changes)
    carries = _carried(agent, diff.ledger.get(agent.operator_id, NOT_RECORDED))
    managed = agent.desired.fields if agent.desired else {}
    asked = tuple(change for change in agent.changes if change.field in managed)
    action = with_(_action(agent, "replace", diff, asked), carries=carries)
    if matches(diff.desired.protect, agent.operator_id):
        return with_(action, blocked=f"{_fixed_words(fixed)}, and the agent is protected from being replaced")
    if not policy.allow_replace:
        return with_(action, blocked=f"{_fixed_words(fixed)}; --allow-replace deletes the agent and makes it anew")
    if stuck := [name for name, value in carries.items() if not fits(BY_NAME[name], value)]:
        return with_(action, blocked=f"the live value of {', '.join(stuck)} could not be given to the new agent")
    return action


def _fixed_words(fixed: Iterable[FieldChange]) -> str:
    names = ", ".join(
        f"{change.field} {change.after}" if BY_NAME[change.field].wire.edit else change.field for change in fixed
    )
    return f"{names} can be set only at creation"


def _carried(agent: AgentDiff, entry: LedgerEntry) -> dict[str, Value]:
    """What a replaced agent takes along: every live or recorded value that nobody asks to change and is no default.

    Its SIP number is always among them, or the new agent would be given another; so is what an earlier replace still
    owes it, and what the file wants and only a creation can give.
    """
    live = agent.live.fields if agent.live else {}
    desired = agent.desired.fields if agent.desired else {}
    to_restore = {change.field: change.after for change in agent.changes if change.field not in desired}
    wanted = {name: desired[name] for name in agent.unknowable}
    known = {row.name: live[row.name] for row in LISTED} | dict(entry.given) | to_restore | wanted
    changed = {change.field for change in agent.changes} - to_restore.keys()
    return {
        name: value
        for name, value in known.items()
        if name not in changed and (name == "sipNumber" or value != BY_NAME[name].default)
    }


def _narrowed(policy: Policy) -> str:
    only = f" to {', '.join(policy.targets)}" if policy.targets else ""
    without = f" without {', '.join(policy.excludes)}" if policy.excludes else ""
    return f"narrowed on the command line{only}{without}: no other agent was looked at"


_STAYS: Final = "SIP number {number} is held by {holder}, from whom nothing in this plan takes it"


def block_taken_sip_numbers(actions: Sequence[Action], live: LiveState) -> list[Action]:
    """Block whoever wants a number that its holder keeps, and whoever waits for one so blocked, and so on."""
    by_id = {action.operator_id: action for action in actions if action.kind != "password"}
    wanted = {number: id_ for id_, action in by_id.items() if (number := _sip_number(action.after))}
    holders: defaultdict[str, list[str]] = defaultdict(list)
    for agent in live.agents.values() if wanted else ():
        if number := _sip_number(agent.fields):
            holders[number].append(agent.operator_id)
    waiting = [id_ for id_, action in by_id.items() if _sip_number(action.after)]
    while waiting:
        action = by_id[waiting.pop()]
        number = str(_sip_number(action.after))
        for holder in holders[number]:
            keeps = holder not in by_id or by_id[holder].blocked or not by_id[holder].frees_sip
            if holder != action.operator_id and keeps and not action.blocked:
                reason = _STAYS.format(number=number, holder=holder)
                by_id[action.operator_id] = with_(action, blocked=reason)
                if action.live_sip in wanted:
                    waiting.append(wanted[action.live_sip])
    return [action if action.kind == "password" else by_id[action.operator_id] for action in actions]


def notes(diff: Diff, actions: Sequence[Action], policy: Policy) -> Iterator[Note]:
    """What a reader should know although nothing is done about it."""
    if policy.targets or policy.excludes:
        yield Note(_narrowed(policy))
        known = [*diff.live.agents, *(agent.operator_id for agent in diff.desired.agents)]
        idle = [p for p in (*policy.targets, *policy.excludes) if not any(matches((p,), id_) for id_ in known)]
        if idle:
            yield Note(f"no agent matches {', '.join(idle)}")
    if not diff.live.complete:
        yield Note("the listing is incomplete: nothing is deleted")
    replaces = [a for a in actions if a.kind == "replace" and not a.blocked]
    roleless = tuple(a.operator_id for a in replaces if "roleName" not in a.after)
    if roleless:
        yield Note("the role is not known and cannot be carried over: the vendor chooses one", roleless)
    kept = [a.operator_id for a in diff.agents if a.status == "extra" and _kept(a.operator_id, diff)]
    protected = tuple(id_ for id_ in kept if matches(diff.desired.protect, id_))
    if protected:
        yield Note("not in the file, and kept because they are protected", protected)
    if diff.live.complete and (others := tuple(id_ for id_ in kept if not matches(diff.desired.protect, id_))):
        yield Note("not in the file, and kept because nothing is pruned", others)
    replaced = {action.operator_id for action in replaces}
    unknowable: defaultdict[str, list[str]] = defaultdict(list)
    for agent in (agent for agent in diff.agents if agent.operator_id not in replaced):
        for name in agent.unknowable:
            unknowable[name].append(agent.operator_id)
    for name, ids in unknowable.items():
        yield Note(f"{name} can be set only at creation, is never listed and not recorded: left as it is", tuple(ids))


def batch_notes(calls: Sequence[Call]) -> Iterator[Note]:
    """Which agents are created together, and what that means for their passwords."""
    for vendor, password in (
        (True, "the vendor chooses their passwords, which are delivered"),
        (False, "each batch shares one password"),
    ):
        batches = [call.operator_ids for call in calls if call.batch and call.vendor_password is vendor]
        if batches:
            how = f"created in {len(batches)} batch{'es' * (len(batches) > 1)}; {password}"
            yield Note(how, tuple(id_ for ids in batches for id_ in ids))
