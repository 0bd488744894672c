"""New agents to create calls (2.1.1, `batchFlag`): which agents share one call, so that the fewest calls are sent.

The vendor numbers the agents of a batch upwards from the first and gives all of them the same values. So the agents of
one call have consecutive ids, and agree in:

| what | because |
|---|---|
| the password: none, or one version of one `env` or `file` secret | the call has one, or the vendor chooses |
| whether the vendor chooses a SIP number | the call says so for all |
| the whole body, of agents that need no edit afterwards | they get nothing else |
| the values that no edit can set, of agents that need an edit anyway | that edit sets the other values |

The body holds only values that all of its agents are to have: no agent gets another's phone number, not even until its
edit. A generated password belongs to one agent, so such agents are created one by one. If agents may share a call, any
run of them may too; so a call that takes the next agent whenever it fits, and is closed only when it does not, leads to
the fewest calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.endpoints import MAX_BATCH
from reconciler.core.model.fields import BY_NAME, Value, can_edit

Values = Mapping[str, Value]

_SIP_NUMBER = "sipNumber"
_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent to be created. `index` is that of its action in the plan; `values` are all that it is to have."""

    index: int
    operator_id: str
    values: Values
    password: PasswordSource | None

    @property
    def create_fields(self) -> dict[str, Value]:
        """The values that a create can send."""
        return {name: value for name, value in self.values.items() if BY_NAME[name].wire.create}

    @property
    def needs_edit(self) -> bool:
        """Whether a value must be edited in: a create cannot send it, and it is no default of a new agent."""
        return any(BY_NAME[name].deferred and value != BY_NAME[name].default for name, value in self.values.items())

    def edit_fields(self, body: Values) -> dict[str, Value]:
        """The values that an edit must set after a create with this body."""
        return {name: value for name, value in self.values.items() if not _is_set_by(body, name, value)}

    def accepts(self, body: Values) -> bool:
        """Whether a create with this body, and at most the edit that the agent needs anyway, gives it its values.

        The body holds nothing that the agent is not to have.
        """
        if not self.needs_edit:
            return self.create_fields == body
        remaining = self.edit_fields(body)
        return body.items() <= self.values.items() and all(
            can_edit(BY_NAME[name], value) for name, value in remaining.items()
        )

    def follows(self, other: NewAgent) -> bool:
        """Whether its id is one more than the other's, its password the same, and both or neither have a SIP number."""
        same_width = len(self.operator_id) == len(other.operator_id)
        same_call = self.password == other.password and (_SIP_NUMBER in self.values) == (_SIP_NUMBER in other.values)
        return same_call and same_width and int(self.operator_id) == int(other.operator_id) + 1


def _is_set_by(body: Values, name: str, value: Value) -> bool:
    """Whether a create with this body leaves the field at this value, be it by default."""
    row = BY_NAME[name]
    return body[name] == value if row.wire.create and name in body else value == row.default


@dataclass(slots=True)
class CreateDraft:
    """A create call that may still take in agents: its agents, sorted by id, and the body that they share."""

    agents: list[NewAgent]
    body: dict[str, Value]
    body_is_final: bool
    """Whether one of the agents gets no edit, so that the body must stay as it is."""

    @classmethod
    def of(cls, agent: NewAgent) -> CreateDraft:
        """A call for one agent."""
        return cls([agent], agent.create_fields, body_is_final=not agent.needs_edit)

    @property
    def fields(self) -> dict[str, Value]:
        """The call's fields: the body, and a `sipNumber` (`None` in a batch) if the vendor is not to choose one."""
        first = self.agents[0].values
        number = first.get(_SIP_NUMBER) if len(self.agents) == 1 else None
        return {**self.body, _SIP_NUMBER: number} if _SIP_NUMBER in first else self.body

    def join(self, agent: NewAgent) -> bool:
        """Take an agent in if it follows the last one and accepts the body; says whether it was taken."""
        if len(self.agents) == MAX_BATCH or not agent.follows(self.agents[-1]):
            return False
        body = self._body_with(agent)
        changed = body != self.body
        if not agent.accepts(body) or (changed and not all(other.accepts(body) for other in self.agents)):
            return False
        self.agents.append(agent)
        self.body, self.body_is_final = body, self.body_is_final or not agent.needs_edit
        return True

    def _body_with(self, agent: NewAgent) -> dict[str, Value]:
        """The body that an agent without an edit needs; if all get an edit, the values that all agree in."""
        if self.body_is_final:
            return self.body
        if not agent.needs_edit:
            return agent.create_fields
        return {name: value for name, value in self.body.items() if agent.values.get(name, _ABSENT) == value}


_ABSENT = object()


def create_calls(agents: Sequence[NewAgent], *, batch: bool = True) -> list[CreateDraft]:
    """The fewest calls that create these agents; without `batch`, one call for each."""
    alone = [CreateDraft.of(agent) for agent in agents if not (batch and _may_share(agent))]
    shared: list[CreateDraft] = []
    sharing = [agent for agent in agents if batch and _may_share(agent)]
    for agent in sorted(sharing, key=lambda agent: (len(agent.operator_id), agent.operator_id)):
        if not (shared and shared[-1].join(agent)):
            shared.append(CreateDraft.of(agent))
    return alone + shared


def _may_share(agent: NewAgent) -> bool:
    id_, password = agent.operator_id, agent.password
    numbered = id_.isascii() and id_.isdigit() and len(id_) <= _MAX_DIGITS
    return numbered and (password is None or password.kind != "generate")
