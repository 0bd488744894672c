"""Diff and Policy to actions: what to do about each difference. What cannot be done is blocked.

| difference | action |
|---|---|
| not on the live side | create |
| only on the live side, in scope | delete, unless `prune: false`, protected, or the listing is incomplete |
| the same, with `onRemove: disable` | edit, which disables it; delete once its time is over |
| differs in what an edit can set | edit |
| differs in what is fixed at creation | blocked; with `--allow-replace`, replace, unless protected |
| its password has another version, or is unknown | password |
| wants a SIP number that another agent keeps | blocked |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.model.desired import Policy, matches
from reconciler.core.model.diff import AgentDiff, Diff, FieldChange
from reconciler.core.model.fields import BY_NAME, LISTED, Value, can_edit, fits
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.message import Text, text
from reconciler.core.model.plan import Action, Call, Note
from reconciler.core.planning.removal import is_kept, removal_notes


def plan_actions(diff: Diff, policy: Policy) -> tuple[Action, ...]:
    """The actions that settle a diff, sorted by operatorId, then action."""
    actions = [action for agent in diff.agents for action in _actions(agent, diff, policy)]
    actions = block_taken_sip_numbers(actions, diff.live)
    return tuple(sorted(actions, key=lambda action: (action.operator_id, action.kind)))


def _actions(agent: AgentDiff, diff: Diff, policy: Policy) -> Iterator[Action]:
    match agent.status:
        case "missing":
            managed = {change.field for change in agent.changes}
            to_restore = {name: value for name, value in agent.to_restore.items() if name not in managed}
            yield replace(_action(agent, "create", diff, agent.changes), carries=to_restore)
        case "extra":
            if not is_kept(agent.operator_id, diff):
                yield from _removal(agent, diff)
        case _:
            change = _edit_or_replace(agent, diff, policy) if agent.changes else None
            if change:
                yield change
            # The create of a replace sets the password already.
            if agent.password and (change is None or change.kind == "edit" or change.blocked):
                version = FieldChange("password.version", agent.password.before, agent.password.source.version)
                version = replace(version, before_known=agent.password.before is not None)
                yield replace(_action(agent, "password", diff, (version,)), password=agent.password.source)


def _removal(agent: AgentDiff, diff: Diff) -> Iterator[Action]:
    """The action for an agent that is no longer in the files; none for one that is disabled already."""
    if not diff.desired.on_remove.disable or agent.operator_id in diff.due:
        yield _action(agent, "delete", diff)
    elif agent.live is not None and (status := agent.live.fields.get("status")) != "disabled":
        # Offline the status is unknown where no file managed it.
        change = FieldChange("status", status, "disabled", before_known=status is not None)
        yield replace(_action(agent, "edit", diff, (change,)), removal=True)


def _action(agent: AgentDiff, kind: str, diff: Diff, changes: tuple[FieldChange, ...] = ()) -> Action:
    live, desired = agent.live, agent.desired
    name = desired.fields.get("name") if desired else None
    return Action(
        kind=kind,  # type: ignore[arg-type]
        operator_id=agent.operator_id,
        name=str(name if name is not None else live.fields.get("name", "") if live else ""),
        place=desired.place if desired else None,
        changes=changes,
        password=desired.password if desired and kind in ("create", "replace") else None,
        live=live,
        recorded=diff.ledger.get(agent.operator_id, NOT_RECORDED),
    )


def _sip_number(fields: Mapping[str, Value]) -> str | None:
    number = fields.get("sipNumber")
    return None if number is None else str(number)


def _edit_or_replace(agent: AgentDiff, diff: Diff, policy: Policy) -> Action:
    """The action for a live agent whose fields differ: an edit, or a replace if only a create can set one of them."""
    fixed = [change for change in agent.changes if not can_edit(BY_NAME[change.field], change.after)]
    if not fixed:
        return _action(agent, "edit", diff, agent.changes)
    carries = _carried_over(agent, diff.ledger.get(agent.operator_id, NOT_RECORDED))
    managed = agent.desired.fields if agent.desired else {}
    managed_changes = tuple(change for change in agent.changes if change.field in managed)
    action = replace(_action(agent, "replace", diff, managed_changes), carries=carries)
    reason = _fixed_reason(fixed)
    if matches(diff.desired.protect, agent.operator_id):
        reason = text("{reason}, and the agent is protected from being replaced", reason=reason)
        return replace(action, blocked=reason, code="replace-protected")
    if not policy.allow_replace:
        reason = text("{reason}; {ways_on}", reason=reason, ways_on=_WAYS_ON)
        return replace(action, blocked=reason, code="fixed-at-creation")
    if unfit := [name for name, value in carries.items() if not fits(BY_NAME[name], value)]:
        reason = text("the live value of {fields} could not be given to the new agent", fields=", ".join(unfit))
        return replace(action, blocked=reason, code="value-not-carried")
    return action


_WAYS_ON: Final = text(
    "take the key out of the file, or --exclude the agent; "
    "failing these, --allow-replace deletes the agent and makes it anew"
)


def _fixed_reason(fixed: Iterable[FieldChange]) -> Text:
    names = ", ".join(
        f"{change.field} {change.after}" if BY_NAME[change.field].wire.edit else change.field for change in fixed
    )
    return text("{fields} can be set only at creation", fields=names)


def _carried_over(agent: AgentDiff, entry: LedgerEntry) -> dict[str, Value]:
    """The values that a replaced agent keeps: every live or recorded one that is no default and that nobody changes.

    The SIP number is always among them, or the vendor would choose another for the new agent. So are the values that
    an earlier replace has not restored yet, and the desired ones that only a create can set.
    """
    live = agent.live.fields if agent.live else {}
    desired = agent.desired.fields if agent.desired else {}
    to_restore = {change.field: change.after for change in agent.changes if change.field not in desired}
    wanted = {name: desired[name] for name in agent.unknowable}
    known = (
        {row.name: live[row.name] for row in LISTED if row.name in live} | dict(entry.last_sent) | to_restore | wanted
    )
    changed = {change.field for change in agent.changes} - to_restore.keys()
    return {
        name: value
        for name, value in known.items()
        if name not in changed and (name == "sipNumber" or value != BY_NAME[name].default)
    }


def narrowing(policy: Policy) -> Iterator[Note]:
    """Which agents the command line leaves out, if any."""
    if not (policy.targets or policy.excludes):
        return
    only, without = ", ".join(policy.targets), ", ".join(policy.excludes)
    message = text(
        "narrowed on the command line to {only} without {without}: no other agent was looked at",
        only=only,
        without=without,
    )
    if not only:
        message = text("narrowed on the command line without {without}: no other agent was looked at", without=without)
    elif not without:
        message = text("narrowed on the command line to {only}: no other agent was looked at", only=only)
    yield Note(message, code="narrowed")


def block_taken_sip_numbers(actions: Sequence[Action], live: LiveState) -> list[Action]:
    """Block each action that needs a SIP number whose holder keeps it.

    A blocked action frees no number, so the action that waits for its number is blocked too, and so on.
    """
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
                kept = "SIP number {number} is held by {holder}, from whom nothing in this plan takes it"
                reason = text(kept, number=number, holder=holder)
                by_id[action.operator_id] = replace(action, blocked=reason, code="sip-number-held")
                if action.live_sip in wanted:
                    waiting.append(wanted[action.live_sip])
    return [action if action.kind == "password" else by_id[action.operator_id] for action in actions]


def gives_back(action: Action) -> bool:
    """Whether a new agent or an edit gets values that the ledger owes since a replace was cut short."""
    if action.kind == "create":
        return bool(action.carries)
    return action.kind == "edit" and any(is_owed(action, change) for change in action.changes)


def is_owed(action: Action, change: FieldChange) -> bool:
    """Whether a change gives back what the ledger owes to the agent."""
    owed = action.recorded.to_restore
    return change.field in owed and owed[change.field] == change.after


def notes(diff: Diff, actions: Sequence[Action], policy: Policy) -> Iterator[Note]:
    """What a reader of the plan should know although no action follows from it."""
    yield from narrowing(policy)
    if not diff.live.complete:
        yield Note(text("the listing is incomplete: nothing is deleted"), code="listing-incomplete")
    replaces = [action for action in actions if action.kind == "replace" and not action.blocked]
    roleless = tuple(action.operator_id for action in replaces if "roleName" not in action.after)
    if roleless:
        yield Note(
            text("the role is not known and cannot be carried over: the vendor chooses one"), roleless, "role-lost"
        )
    if owed := tuple(action.operator_id for action in actions if gives_back(action)):
        yield Note(text("owed, as the ledger says: values that a replace took away are given back"), owed, "given-back")
    if doubtful := tuple(a.operator_id for a in actions if a.kind == "password" and a.recorded.password_unknown):
        anew = text("set anew since nobody may know the password that a run left; maxPasswords does not count")
        yield Note(anew, doubtful, "password-set-anew")
    extra = [agent.operator_id for agent in diff.agents if agent.status == "extra"]
    kept = [id_ for id_ in extra if is_kept(id_, diff)]
    protected = tuple(id_ for id_ in kept if matches(diff.desired.protect, id_))
    if protected:
        yield Note(text("not in the file, and kept because they are protected"), protected, "kept-protected")
    if diff.live.complete and (others := tuple(id_ for id_ in kept if not matches(diff.desired.protect, id_))):
        yield Note(text("not in the file, and kept because nothing is pruned"), others, "kept-unpruned")
    yield from removal_notes(diff, actions)
    replaced = {action.operator_id for action in replaces}
    unknowable: defaultdict[str, list[str]] = defaultdict(list)
    for agent in (agent for agent in diff.agents if agent.operator_id not in replaced):
        for name in agent.unknowable:
            unknowable[name].append(agent.operator_id)
    for name, ids in unknowable.items():
        message = text(
            "{field} can be set only at creation, is never listed and not recorded: left as it is", field=name
        )
        yield Note(message, tuple(ids), "never-listed")


def batch_notes(calls: Sequence[Call]) -> Iterator[Note]:
    """The agents that are created together, and what that means for their passwords."""
    for vendor_password, passwords in (
        (True, text("the vendor chooses their passwords, which are delivered")),
        (False, text("each batch shares one password")),
    ):
        batches = [call.operator_ids for call in calls if call.batch and call.vendor_password is vendor_password]
        if batches:
            created = "created in {count} {count:batch|batches}; {passwords}"
            told = text(created, count=len(batches), passwords=passwords)
            yield Note(told, tuple(id_ for ids in batches for id_ in ids), "created-together")
