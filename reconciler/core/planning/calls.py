"""Actions to calls: which requests an action takes, and the order that the vendor's SIP numbers force on them.

| call | must come | because |
|---|---|---|
| the next call of one action | after the one before | it needs what that one did |
| the second action of one agent | behind the first | two requests about one agent at once would race |
| an edit that binds a SIP number | after the call that frees it | the vendor refuses a number that somebody holds |
| an unbind, put before a ring of swaps | first | in a ring each waits for the next; one must let go |
| a create without a number of its own | behind all calls that free or bind one | the vendor's choice could be taken |

New agents that can share a create do (`core.batches`). A replace is a delete and a create of its own: while it goes on
one person is off the phone, and not a hundred.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as with_
from typing import Final

from reconciler.core.model.endpoints import DELETE_LIST
from reconciler.core.model.fields import Value
from reconciler.core.model.plan import Action, Call
from reconciler.core.planning.batches import Create, NewAgent, creates

_SIP: Final = "sipNumber"


def lower(actions: Sequence[Action], *, batch: bool = True, delete_list: int = DELETE_LIST) -> tuple[Call, ...]:
    """The calls of every action that is not blocked. A call refers only to calls before or after it by index."""
    drafts = _Drafts()
    active = [(index, action) for index, action in enumerate(actions) if not action.blocked]
    _add_deletes(drafts, [pair for pair in active if pair[1].kind == "delete"], delete_list)
    let_go = _ring_breakers([action for _, action in active])
    shared = {create.agents[0].index: create for create in creates(_new(active), batch=batch)}
    bodies = {agent.index: (agent, create.body) for create in shared.values() for agent in create.agents}
    for index, action in active:
        match action.kind:
            case "create":
                if index in shared:
                    _add_create(drafts, shared[index])
                _add_rest(drafts, *bodies[index])
            case "edit":
                _add_edit(drafts, index, action, unbind_first=action.operator_id in let_go)
            case "replace":
                drafts.add(
                    Call("delete", (action.operator_id,), (index,), to_restore=action.carries), frees=action.live_sip
                )
                agent = _new_agent(index, action)
                _add_create(drafts, Create.of(agent))
                _add_rest(drafts, agent, agent.at_once)
            case "password":
                drafts.add(Call("password", (action.operator_id,), (index,), password=action.password))
    return drafts.calls()


def marked(actions: Sequence[Action], calls: Iterable[Call]) -> tuple[Action, ...]:
    """The actions, those marked whose agents the calls create in batches."""
    batched = {index for call in calls if call.batch for index in call.actions}
    if not batched:
        return tuple(actions)
    return tuple(with_(action, batched=True) if index in batched else action for index, action in enumerate(actions))


def fewest(actions: Sequence[Action]) -> int:
    """How many calls the API needs at least for these actions; `docs/performance.md` has the argument."""
    active = [(index, action) for index, action in enumerate(actions) if not action.blocked]
    kinds = Counter(action.kind for _, action in active)
    made = [_new_agent(index, action) for index, action in active if action.kind in ("create", "replace")]
    return (
        len(creates(_new(active)))
        + 2 * kinds["replace"]
        + sum(agent.needs_edit for agent in made)
        + kinds["edit"]
        + len(_ring_breakers([action for _, action in active]))
        + -(-kinds["delete"] // DELETE_LIST)
        + kinds["password"]
    )


def _new(active: Iterable[tuple[int, Action]]) -> list[NewAgent]:
    return [_new_agent(index, action) for index, action in active if action.kind == "create"]


def _new_agent(index: int, action: Action) -> NewAgent:
    return NewAgent(index, action.operator_id, action.after, action.password)


@dataclass(slots=True)
class _Drafts:
    """Calls in the making: `freed` is the call after which a number is free, `binds` what each call binds.

    `last` is the latest call about each agent, and the action that it belongs to.
    """

    drafts: list[Call] = field(default_factory=list)
    freed: dict[str, int] = field(default_factory=dict)
    binds: dict[int, str] = field(default_factory=dict)
    last: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, call: Call, *, frees: str | None = None) -> None:
        """Append a call: after the one before it in the same action, behind the same agent's other action."""
        index = len(self.drafts)
        for operator_id, action in zip(call.operator_ids, call.actions, strict=True):
            before, other = self.last.get(operator_id, (None, action))
            if before is not None:
                call = (
                    with_(call, requires_success_of=(before,)) if other == action else with_(call, waits_for=(before,))
                )
            self.last[operator_id] = (index, action)
        bound = call.fields.get(_SIP) if call.kind == "edit" else None
        if bound is not None:
            self.binds[index] = str(bound)
        if frees is not None:
            self.freed.setdefault(frees, index)
        self.drafts.append(with_(call, moves_sip=bool(bound or frees)))

    def calls(self) -> tuple[Call, ...]:
        """The calls, each that binds a number behind the one that frees it."""
        for index, number in self.binds.items():
            source = self.freed.get(number)
            call = self.drafts[index]
            if source is not None and source != index and source not in call.requires_success_of:
                self.drafts[index] = with_(call, requires_success_of=(*call.requires_success_of, source))
        return tuple(self.drafts)


def _add_deletes(drafts: _Drafts, deletes: Sequence[tuple[int, Action]], most: int) -> None:
    for start in range(0, len(deletes), most):
        chunk = deletes[start : start + most]
        numbers = [action.live_sip for _, action in chunk if action.live_sip is not None]
        ids = tuple(action.operator_id for _, action in chunk)
        call = Call("delete", ids, tuple(index for index, _ in chunk))
        drafts.add(call, frees=numbers[0] if numbers else None)
        drafts.freed.update(dict.fromkeys(numbers, len(drafts.drafts) - 1))


def _add_create(drafts: _Drafts, create: Create) -> None:
    agents, password = create.agents, create.agents[0].password
    call = Call(
        "create",
        tuple(agent.operator_id for agent in agents),
        tuple(agent.index for agent in agents),
        create.fields,
        password=password,
        takes_any_sip=_SIP not in create.fields,
        vendor_password=len(agents) > 1 and password is None,
    )
    drafts.add(call)


def _add_rest(drafts: _Drafts, agent: NewAgent, body: Mapping[str, Value]) -> None:
    """The edit that gives a new agent what its create could not."""
    if agent.needs_edit:
        drafts.add(Call("edit", (agent.operator_id,), (agent.index,), agent.after(body)))


def _add_edit(drafts: _Drafts, index: int, action: Action, *, unbind_first: bool) -> None:
    ids, actions = (action.operator_id,), (index,)
    frees = action.live_sip if action.frees_sip else None
    if unbind_first:
        drafts.add(Call("edit", ids, actions, {_SIP: None}), frees=frees)
        frees = None
    drafts.add(Call("edit", ids, actions, action.after), frees=frees)


def _ring_breakers(actions: Iterable[Action]) -> set[str]:
    """One agent of each ring of edits in which everybody waits for the next one's SIP number.

    A ring with a replace in it needs none: the replace's delete lets go first.
    """
    edits = {action.live_sip: action for action in actions if action.kind == "edit" and action.frees_sip}
    following = {a.operator_id: edits[n] for a in edits.values() if (n := a.after[_SIP]) in edits}
    breakers: set[str] = set()
    seen: set[str] = set()
    for start in sorted(following):
        walk: list[str] = []
        current = start
        while current in following and current not in seen:
            seen.add(current)
            walk.append(current)
            current = following[current].operator_id
        if current in walk:
            breakers.add(min(walk[walk.index(current) :]))
    return breakers
