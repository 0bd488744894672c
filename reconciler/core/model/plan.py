"""What is to be done: actions, the requests that carry them out, the guardrails, and the plan that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange, Origin
from reconciler.core.model.endpoints import DELETE_LIST
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.problem import Place

ActionKind = Literal["create", "edit", "replace", "delete", "password"]


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be done to one agent.

    `carries` are the live values that a replaced agent takes along unchanged; `live` and `recorded` are what listing
    and ledger said of the agent when this was planned; a `blocked` action says why it can't be done; a `batched` one
    creates its agent in one call with others.
    """

    kind: ActionKind
    operator_id: str
    name: str
    place: Place | None
    changes: tuple[FieldChange, ...] = ()
    carries: Mapping[str, Value] = field(default_factory=dict)
    password: PasswordSource | None = None
    live: LiveAgent | None = None
    recorded: LedgerEntry = NOT_RECORDED
    blocked: str = ""
    origin: Origin = ""
    batched: bool = False

    @property
    def vendor_password(self) -> bool:
        """Whether the vendor chooses its password, and tells it in the answer."""
        return self.batched and self.password is None

    @property
    def live_sip(self) -> str | None:
        """The SIP number that the live agent holds, which orders it among others."""
        number = self.live.fields.get("sipNumber") if self.live else None
        return None if number is None else str(number)

    @property
    def group(self) -> str:
        """The main group that the agent ends in, or was in when it is deleted; empty where it is in none."""
        live = self.live.fields if self.live else {}
        return str(self.after.get("mainGroupName", live.get("mainGroupName")) or "")

    @property
    def after(self) -> dict[str, Value]:
        """Every value the action sets, by field."""
        return {**self.carries, **{change.field: change.after for change in self.changes}}

    @property
    def frees_sip(self) -> bool:
        """Whether it ends with the agent's live SIP number given up."""
        if self.live_sip is None:
            return False
        after = self.after
        return self.kind == "delete" or ("sipNumber" in after and after["sipNumber"] != self.live_sip)


CallKind = Literal["create", "edit", "delete", "password"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and its place in the order, by index: calls that it needs the success of, or waits for the end of.

    `fields` are canonical; a `sipNumber` of `None` in an edit unbinds. A create of several agents is a batch: their ids
    are consecutive, and with `vendor_password` the vendor chooses their passwords. A delete that begins a replace says
    in `to_restore` what the agent had. `moves_sip` marks a call that frees or binds a SIP number; one that
    `takes_any_sip` lets the vendor choose a number, and so waits until no such call is left.
    """

    kind: CallKind
    operator_ids: tuple[str, ...]
    actions: tuple[int, ...]
    fields: Mapping[str, Value] = field(default_factory=dict)
    password: PasswordSource | None = None
    requires_success_of: tuple[int, ...] = ()
    waits_for: tuple[int, ...] = ()
    to_restore: Mapping[str, Value] = field(default_factory=dict)
    moves_sip: bool = False
    takes_any_sip: bool = False
    vendor_password: bool = False

    @property
    def batch(self) -> bool:
        """Whether it makes several agents at once."""
        return self.kind == "create" and len(self.operator_ids) > 1

    def part(self, operator_ids: Sequence[str]) -> Call:
        """What of it is about these of its agents."""
        actions = dict(zip(self.operator_ids, self.actions, strict=True))
        return replace(self, operator_ids=tuple(operator_ids), actions=tuple(actions[id_] for id_ in operator_ids))


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a reader should know and that changes nothing: of which agents, and what."""

    message: str
    operator_ids: tuple[str, ...] = ()


SetBy = Literal["file", "flag", "default", "always"]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One limit in force: who set it, how much it allows, how much is planned, and which agents counted."""

    rule: str
    limit: str
    allowed: int
    planned: int
    operator_ids: tuple[str, ...]
    hint: str
    set_by: SetBy

    @property
    def ok(self) -> bool:
        """Whether the plan stays within it."""
        return self.planned <= self.allowed


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, whole: it can be shown, saved and applied, and holds no secret."""

    company: Company
    desired_sha256: str
    files: tuple[str, ...]
    desired_agents: int
    live_agents: int
    in_scope: int
    unchanged: int
    actions: tuple[Action, ...]
    calls: tuple[Call, ...]
    endpoint: str = ""
    recipients: tuple[str, ...] = ()
    allow_replace: bool = False
    expires_in: int = 0
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    notes: tuple[Note, ...] = ()
    batch: bool = True
    delete_list: int = DELETE_LIST
    fewest_calls: int = 0

    @property
    def summary(self) -> dict[str, int]:
        """Agents by what happens to them; a blocked action counts as blocked and as nothing else."""
        kinds = dict.fromkeys(("create", "edit", "replace", "delete", "password"), 0)
        for action in self.actions:
            if not action.blocked:
                kinds[action.kind] += 1
        return {**kinds, "blocked": len(self.blocked), "unchanged": self.unchanged}

    @property
    def call_counts(self) -> dict[str, int]:
        """Requests by endpoint, and in all."""
        kinds = dict.fromkeys(("create", "edit", "delete", "password"), 0)
        for call in self.calls:
            kinds[call.kind] += 1
        return {**kinds, "total": len(self.calls)}

    @property
    def blocked(self) -> tuple[Action, ...]:
        """The actions that can't be done."""
        return tuple(action for action in self.actions if action.blocked)

    @property
    def refused(self) -> bool:
        """Whether nothing of it may be done: something is blocked or a guardrail trips."""
        return bool(self.blocked) or not all(guardrail.ok for guardrail in self.guardrails)
