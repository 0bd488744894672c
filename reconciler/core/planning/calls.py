"""Actions to calls: which requests each action takes, and in which order they may be sent.

| call | order | because |
|---|---|---|
| the next call of one action | requires the success of the one before | it needs what that one did |
| the second action of one agent | waits for the first | two requests about one agent at once would race |
| an edit that binds a SIP number | requires the call that frees it | the vendor refuses a number that is held |
| an unbind, put before a ring of swaps | first | in a ring each waits for the next; one must let go |
| a create for which the vendor chooses a number | waits for all that free or bind one | it could choose a wanted one |

New agents share a create where they can (`core.planning.batches`). A replace always has a delete and a create of its
own, so that only one person is off the phone while it goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.core.model.endpoints import MAX_DELETE_LIST
from reconciler.core.model.fields import Value
from reconciler.core.model.plan import Action, Call
from reconciler.core.planning.batches import CreateDraft, NewAgent, create_calls

_SIP_NUMBER: Final = "sipNumber"


def calls_for(actions: Sequence[Action], *, batch: bool = True, delete_list: int = MAX_DELETE_LIST) -> tuple[Call, ...]:
    """The calls of all actions that are not blocked. Calls refer to each other, and to actions, by index."""
    drafts = _Drafts()
    active = [(index, action) for index, action in enumerate(actions) if not action.blocked]
    _add_deletes(drafts, [pair for pair in active if pair[1].kind == "delete"], delete_list)
    breakers = _ring_breakers([action for _, action in active])
    shared = {create.agents[0].index: create for create in create_calls(_new_agents(active), batch=batch)}
    bodies = {agent.index: (agent, create.body) for create in shared.values() for agent in create.agents}
    for index, action in active:
        match action.kind:
            case "create":
                if index in shared:
                    _add_create(drafts, shared[index])
                _add_remaining_edit(drafts, *bodies[index])
            case "edit":
                _add_edit(drafts, index, action, unbind_first=action.operator_id in breakers)
            case "replace":
                drafts.add(
                    Call("delete", (action.operator_id,), (index,), to_restore=action.carries), frees=action.live_sip
                )
                agent = _new_agent(index, action)
                _add_create(drafts, CreateDraft.of(agent))
                _add_remaining_edit(drafts, agent, agent.create_fields)
            case "password":
                drafts.add(Call("password", (action.operator_id,), (index,), password=action.password))
    return drafts.calls()


def mark_batched(actions: Sequence[Action], calls: Iterable[Call]) -> tuple[Action, ...]:
    """The same actions, with `batched` set on those whose agents the calls create in batches."""
    batched = {index for call in calls if call.batch for index in call.actions}
    if not batched:
        return tuple(actions)
    return tuple(replace(action, batched=True) if index in batched else action for index, action in enumerate(actions))


def count_fewest_calls(actions: Sequence[Action]) -> int:
    """The least number of calls that these actions need; `docs/performance.md` gives the argument."""
    active = [(index, action) for index, action in enumerate(actions) if not action.blocked]
    kinds = Counter(action.kind for _, action in active)
    created = [_new_agent(index, action) for index, action in active if action.kind in ("create", "replace")]
    return (
        len(create_calls(_new_agents(active)))
        + 2 * kinds["replace"]
        + sum(agent.needs_edit for agent in created)
        + kinds["edit"]
        + len(_ring_breakers([action for _, action in active]))
        + -(-kinds["delete"] // MAX_DELETE_LIST)
        + kinds["password"]
    )


def _new_agents(active: Iterable[tuple[int, Action]]) -> list[NewAgent]:
    return [_new_agent(index, action) for index, action in active if action.kind == "create"]


def _new_agent(index: int, action: Action) -> NewAgent:
    return NewAgent(index, action.operator_id, action.after, action.password)


@dataclass(slots=True)
class _Drafts:
    """The calls so far, and what orders them.

    `freed_by`: by SIP number, the index of the call that frees it. `binds`: by index of a call, the number that it
    binds. `last`: by agent, the indexes of its latest call and of that call's action.
    """

    drafts: list[Call] = field(default_factory=list)
    freed_by: dict[str, int] = field(default_factory=dict)
    binds: dict[int, str] = field(default_factory=dict)
    last: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, call: Call, *, frees: str | None = None) -> None:
        """Append a call. It requires the previous call of its action, and waits for the other action of its agent."""
        index = len(self.drafts)
        for operator_id, action in zip(call.operator_ids, call.actions, strict=True):
            before, previous_action = self.last.get(operator_id, (None, action))
            if before is not None:
                call = (
                    replace(call, requires_success_of=(before,))
                    if previous_action == action
                    else replace(call, waits_for=(before,))
                )
            self.last[operator_id] = (index, action)
        bound = call.fields.get(_SIP_NUMBER) if call.kind == "edit" else None
        if bound is not None:
            self.binds[index] = str(bound)
        if frees is not None:
            self.freed_by.setdefault(frees, index)
        self.drafts.append(replace(call, moves_sip=bool(bound or frees)))

    def calls(self) -> tuple[Call, ...]:
        """The calls; each that binds a SIP number requires the success of the call that frees it."""
        for index, number in self.binds.items():
            freeing = self.freed_by.get(number)
            call = self.drafts[index]
            if freeing is not None and freeing != index and freeing not in call.requires_success_of:
                self.drafts[index] = replace(call, requires_success_of=(*call.requires_success_of, freeing))
        return tuple(self.drafts)


def _add_deletes(drafts: _Drafts, deletes: Sequence[tuple[int, Action]], delete_list: int) -> None:
    for start in range(0, len(deletes), delete_list):
        chunk = deletes[start : start + delete_list]
        numbers = [action.live_sip for _, action in chunk if action.live_sip is not None]
        ids = tuple(action.operator_id for _, action in chunk)
        call = Call("delete", ids, tuple(index for index, _ in chunk))
        drafts.add(call, frees=numbers[0] if numbers else None)
        drafts.freed_by.update(dict.fromkeys(numbers, len(drafts.drafts) - 1))


def _add_create(drafts: _Drafts, create: CreateDraft) -> None:
    agents, password = create.agents, create.agents[0].password
    call = Call(
        "create",
        tuple(agent.operator_id for agent in agents),
        tuple(agent.index for agent in agents),
        create.fields,
        password=password,
        takes_any_sip=_SIP_NUMBER not in create.fields,
        vendor_password=len(agents) > 1 and password is None,
    )
    drafts.add(call)


def _add_remaining_edit(drafts: _Drafts, agent: NewAgent, body: Mapping[str, Value]) -> None:
    """Add the edit for the values that the create of a new agent could not set."""
    if agent.needs_edit:
        drafts.add(Call("edit", (agent.operator_id,), (agent.index,), agent.edit_fields(body)))


def _add_edit(drafts: _Drafts, index: int, action: Action, *, unbind_first: bool) -> None:
    ids, actions = (action.operator_id,), (index,)
    frees = action.live_sip if action.frees_sip else None
    if unbind_first:
        drafts.add(Call("edit", ids, actions, {_SIP_NUMBER: None}), frees=frees)
        frees = None
    drafts.add(Call("edit", ids, actions, action.after), frees=frees)


def _ring_breakers(actions: Iterable[Action]) -> set[str]:
    """One agent of each ring of edits in which each agent waits for the SIP number of the next.

    A ring with a replace in it needs none: the delete of the replace frees its number first.
    """
    edits = {action.live_sip: action for action in actions if action.kind == "edit" and action.frees_sip}
    next_edit = {
        action.operator_id: edits[number] for action in edits.values() if (number := action.after[_SIP_NUMBER]) in edits
    }
    breakers: set[str] = set()
    seen: set[str] = set()
    for start in sorted(next_edit):
        walk: list[str] = []
        current = start
        while current in next_edit and current not in seen:
            seen.add(current)
            walk.append(current)
            current = next_edit[current].operator_id
        if current in walk:
            breakers.add(min(walk[walk.index(current) :]))
    return breakers
