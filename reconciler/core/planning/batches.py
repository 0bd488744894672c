"""New agents to create calls: who may share one, so that there are as few calls as there can be (2.1.1, `batchFlag`).

A call numbers its agents upwards and gives all of them one body. So they are consecutive, and agree in:

| what | because |
|---|---|
| the password: none, or one version of one `env` or `file` secret | the call has one, or the vendor chooses |
| whether the vendor chooses a SIP number | the call says so for all |
| the body, of agents that need nothing but the create | it is all they get |
| what no edit could set, of agents that need an edit anyway | whatever else differs goes into that edit |

The body holds only what each of its agents is to have: nobody has another's phone number, not even until the edit. A
password that is to be generated is each agent's own, and so those are created one by one. Any part of what may share a
call may share one too; hence to close a call only when the next agent does not fit makes as few as any other way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.endpoints import BATCH
from reconciler.core.model.fields import BY_NAME, Value, can_edit

Values = Mapping[str, Value]

_SIP = "sipNumber"
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent that is to be created: where its action stands in the plan, and the values that it is to have."""

    index: int
    operator_id: str
    values: Values
    password: PasswordSource | None

    @property
    def at_once(self) -> dict[str, Value]:
        """What create can send of it."""
        return {name: value for name, value in self.values.items() if BY_NAME[name].wire.create}

    @property
    def needs_edit(self) -> bool:
        """Whether something is left that create cannot send and that a new agent does not have anyway."""
        return any(BY_NAME[name].deferred and value != BY_NAME[name].default for name, value in self.values.items())

    def after(self, body: Values) -> dict[str, Value]:
        """What is left for an edit, once it is created with this body."""
        return {name: value for name, value in self.values.items() if not _given(name, value, body)}

    def suits(self, body: Values) -> bool:
        """Whether it comes out right of this body at no more calls, and is given nothing that it is not to have."""
        if not self.needs_edit:
            return self.at_once == body
        left = self.after(body)
        return body.items() <= self.values.items() and all(can_edit(BY_NAME[name], left[name]) for name in left)

    def follows(self, other: NewAgent) -> bool:
        """Whether it is the next one: in number, with the same password, and alike in having a SIP number or not."""
        same_width = len(self.operator_id) == len(other.operator_id)
        alike = self.password == other.password and (_SIP in self.values) == (_SIP in other.values)
        return alike and same_width and int(self.operator_id) == int(other.operator_id) + 1


def _given(name: str, value: Value, body: Values) -> bool:
    row = BY_NAME[name]
    return body[name] == value if row.wire.create and name in body else value == row.default


@dataclass(slots=True)
class Create:
    """One create call in the making: its agents in order, and the body that they share."""

    agents: list[NewAgent]
    body: dict[str, Value]
    final: bool
    """Whether one of them gets nothing but the body."""

    @classmethod
    def of(cls, agent: NewAgent) -> Create:
        """A call of its own."""
        return cls([agent], agent.at_once, final=not agent.needs_edit)

    @property
    def fields(self) -> dict[str, Value]:
        """The body, and a `sipNumber` where the vendor is to assign none."""
        first = self.agents[0].values
        number = first.get(_SIP) if len(self.agents) == 1 else None
        return {**self.body, _SIP: number} if _SIP in first else self.body

    def join(self, agent: NewAgent) -> bool:
        """Take an agent in, if it is the next one and fits."""
        if len(self.agents) == BATCH or not agent.follows(self.agents[-1]):
            return False
        body = self._body_with(agent)
        changed = body != self.body
        if not agent.suits(body) or (changed and not all(other.suits(body) for other in self.agents)):
            return False
        self.agents.append(agent)
        self.body, self.final = body, self.final or not agent.needs_edit
        return True

    def _body_with(self, agent: NewAgent) -> dict[str, Value]:
        """The body of those that get nothing else; where all get an edit, what they agree in."""
        if self.final:
            return self.body
        if not agent.needs_edit:
            return agent.at_once
        return {name: value for name, value in self.body.items() if agent.values.get(name, _NOTHING) == value}


_NOTHING = object()


def creates(new: Sequence[NewAgent], *, batch: bool = True) -> list[Create]:
    """The calls that create these agents, as few as there can be; without `batch` one for each."""
    alone = [Create.of(agent) for agent in new if not (batch and _may_share(agent))]
    shared: list[Create] = []
    numbered = [agent for agent in new if batch and _may_share(agent)]
    for agent in sorted(numbered, key=lambda agent: (len(agent.operator_id), agent.operator_id)):
        if not (shared and shared[-1].join(agent)):
            shared.append(Create.of(agent))
    return alone + shared


def _may_share(agent: NewAgent) -> bool:
    id_, password = agent.operator_id, agent.password
    numbered = id_.isascii() and id_.isdigit() and len(id_) <= _LONGEST_NUMBER
    return numbered and (password is None or password.kind != "generate")
