"""Actions to calls: which requests an action takes, and the order that the vendor's SIP numbers force on them.

| call | must come | because |
|---|---|---|
| the next call of one action | after the one before | it needs what that one did |
| the second action of one agent | behind the first | two requests about one agent at once would race |
| an edit that binds a SIP number | after the call that frees it | the vendor refuses a number that somebody holds |
| an unbind, put before a ring of swaps | first | in a ring each waits for the next; one must let go |
| a create without a number of its own | behind all calls that free or bind one | the vendor's choice could be taken |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as with_
from typing import Final

from reconciler.core.endpoints import DELETE_LIST
from reconciler.core.fields import BY_NAME, Value
from reconciler.core.model import Action, Call

_SIP: Final = "sipNumber"


def lower(actions: Sequence[Action]) -> tuple[Call, ...]:
    """The calls of every action that is not blocked. A call refers only to calls before or after it by index."""
    drafts = _Drafts()
    active = [(index, action) for index, action in enumerate(actions) if not action.blocked]
    _add_deletes(drafts, [pair for pair in active if pair[1].kind == "delete"])
    let_go = _ring_breakers([action for _, action in active])
    for index, action in active:
        match action.kind:
            case "create":
                _add_create(drafts, index, action)
            case "edit":
                _add_edit(drafts, index, action, unbind_first=action.operator_id in let_go)
            case "replace":
                drafts.add(
                    index, Call("delete", (action.operator_id,), (index,), owes=action.carries), frees=action.live_sip
                )
                _add_create(drafts, index, action)
            case "password":
                drafts.add(index, Call("password", (action.operator_id,), (index,), password=action.password))
    return drafts.calls()


@dataclass(slots=True)
class _Drafts:
    """Calls in the making: `freed` is the call after which a number is free, `binds` what each call binds."""

    drafts: list[Call] = field(default_factory=list)
    freed: dict[str, int] = field(default_factory=dict)
    binds: dict[int, str] = field(default_factory=dict)
    last_of_agent: dict[str, int] = field(default_factory=dict)

    def add(self, action: int, call: Call, *, frees: str | None = None) -> None:
        """Append a call: after the one before it in the same action, behind the same agent's other action."""
        index = len(self.drafts)
        for operator_id in call.operator_ids:
            before = self.last_of_agent.get(operator_id)
            if before is not None and action in self.drafts[before].actions:
                call = with_(call, after=(before,))
            elif before is not None:
                call = with_(call, behind=(before,))
            self.last_of_agent[operator_id] = index
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
            if source is not None and source != index and source not in call.after:
                self.drafts[index] = with_(call, after=(*call.after, source))
        return tuple(self.drafts)


def _add_deletes(drafts: _Drafts, deletes: Sequence[tuple[int, Action]]) -> None:
    for start in range(0, len(deletes), DELETE_LIST):
        chunk = deletes[start : start + DELETE_LIST]
        numbers = [action.live_sip for _, action in chunk if action.live_sip is not None]
        ids = tuple(action.operator_id for _, action in chunk)
        call = Call("delete", ids, tuple(index for index, _ in chunk))
        drafts.add(chunk[0][0], call, frees=numbers[0] if numbers else None)
        drafts.freed.update(dict.fromkeys(numbers, len(drafts.drafts) - 1))


def _add_create(drafts: _Drafts, index: int, action: Action) -> None:
    values = action.after
    ids, actions = (action.operator_id,), (index,)
    fields = {name: value for name, value in values.items() if BY_NAME[name].wire.create or name == _SIP}
    any_sip = _SIP not in values
    drafts.add(index, Call("create", ids, actions, fields, password=action.password, takes_any_sip=any_sip))
    if later := deferred(values):
        drafts.add(index, Call("edit", ids, actions, later))


def deferred(values: Mapping[str, Value]) -> dict[str, Value]:
    """The part of a new agent's values that create cannot send and that a new agent does not have anyway."""
    return {n: v for n, v in values.items() if BY_NAME[n].deferred and v != BY_NAME[n].default}


def _add_edit(drafts: _Drafts, index: int, action: Action, *, unbind_first: bool) -> None:
    ids, actions = (action.operator_id,), (index,)
    frees = action.live_sip if action.frees_sip else None
    if unbind_first:
        drafts.add(index, Call("edit", ids, actions, {_SIP: None}), frees=frees)
        frees = None
    drafts.add(index, Call("edit", ids, actions, action.after), frees=frees)


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
