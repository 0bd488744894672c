"""What to do: the actions, the calls that carry them out, the guardrails, and the plan that holds them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange, Origin
from reconciler.core.model.endpoints import MAX_DELETE_LIST
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.message import NOTHING, Text
from reconciler.core.model.problem import Place

ActionKind = Literal["create", "edit", "replace", "delete", "password"]


@dataclass(frozen=True, slots=True)
class Action:
    """What to do to one agent.

    `place`: where a file asks for the agent; `None` for an agent of no file.
    `carries`: values that the agent keeps or gets back when it is made anew.
    `live`, `recorded`: the live agent and the ledger entry from which this was planned.
    `blocked`: why the action cannot be done; empty if it can. `code` names the kind (`core.model.codes`).
    `batched`: one call creates this agent together with others.
    `removal`: the edit disables an agent since it is no longer in the files.
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
    blocked: Text = NOTHING
    origin: Origin = ""
    batched: bool = False
    removal: bool = False
    code: str = field(default="", compare=False)

    @property
    def vendor_password(self) -> bool:
        """Whether the vendor chooses the password and returns it in the answer (2.1.1)."""
        return self.batched and self.password is None

    @property
    def live_sip(self) -> str | None:
        """The SIP number that the live agent holds. Planning orders the calls by who holds which."""
        number = self.live.fields.get("sipNumber") if self.live else None
        return None if number is None else str(number)

    @property
    def group(self) -> str:
        """The agent's main group after the action, or before a delete; empty without a group."""
        live = self.live.fields if self.live else {}
        return str(self.after.get("mainGroupName", live.get("mainGroupName")) or "")

    @property
    def after(self) -> dict[str, Value]:
        """Every value that the action sets, by field name."""
        return {**self.carries, **{change.field: change.after for change in self.changes}}

    @property
    def frees_sip(self) -> bool:
        """Whether the action releases the SIP number that the live agent holds."""
        if self.live_sip is None:
            return False
        after = self.after
        return self.kind == "delete" or ("sipNumber" in after and after["sipNumber"] != self.live_sip)


CallKind = Literal["create", "edit", "delete", "password"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and its place in the order.

    `operator_ids`: the agents; a create of several is a batch, and their ids are consecutive.
    `actions`: for each agent the index of its action in the plan.
    `fields`: canonical values; a `sipNumber` of `None` in an edit unbinds.
    `requires_success_of`, `waits_for`: indices of calls that must succeed first, or end first.
    `to_restore`: for the delete that begins a replace, the values that the agent has.
    `moves_sip`: the call frees or binds a SIP number.
    `takes_any_sip`: the vendor chooses a SIP number, so the call waits until no call that `moves_sip` is left.
    `vendor_password`: the vendor chooses the passwords of a batch.
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
        """Whether the call creates several agents at once."""
        return self.kind == "create" and len(self.operator_ids) > 1

    def narrowed_to(self, operator_ids: Sequence[str]) -> Call:
        """The same call for these of its agents only, in the given order.

        Raises:
            KeyError: the call is not about one of the ids.
        """
        action_of = dict(zip(self.operator_ids, self.actions, strict=True))
        return replace(self, operator_ids=tuple(operator_ids), actions=tuple(action_of[id_] for id_ in operator_ids))


@dataclass(frozen=True, slots=True)
class Note:
    """A remark for the reader about some agents. It changes nothing. `code` names its kind (`core.model.codes`)."""

    message: Text
    operator_ids: tuple[str, ...] = ()
    code: str = field(default="", compare=False)


SetBy = Literal["file", "flag", "default", "always"]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One limit in force: who set it, how much it allows, how much the plan needs, and which agents count.

    `code` names the rule as other codes are spelled (`core.model.codes`), such as `max-deletes`.
    """

    rule: str
    limit: str
    allowed: int
    planned: int
    operator_ids: tuple[str, ...]
    hint: Text
    set_by: SetBy
    code: str = field(default="", compare=False)

    @property
    def ok(self) -> bool:
        """Whether the plan stays within the limit."""
        return self.planned <= self.allowed


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A top-level key that a change of the files alters, and its values as a file spells them.

    `loosens`: whether more may be done, or read, than before; `None` where that is no question.
    `file`: where it is set, if there are several files.
    """

    key: str
    before: Any
    after: Any
    loosens: bool | None
    file: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that an apply would do. A plan can be shown, saved and applied, and holds no secret.

    `desired_sha256`: identifies the files; `desired_agents`, `live_agents`, `in_scope` and `unchanged` are counts.
    `expires_in`: seconds that a review of the plan holds.
    `fewest_calls`: the number of calls with every batch allowed.
    `policy`: the policy in force, by key, for readers only.
    `missing`, `returned`: the agents that `onRemove` is about, and those that are back in the files; for the ledger.
    `policy_changes`: what the change of the files does to the policy; `None` where no earlier files are known.
    `reads`: how many reads an apply of it takes, beyond those of single calls; `None` where nobody has told.
    `offline`: it is held against the files of before, and not against the live side. Such a plan has no digest.
    """

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
    delete_list: int = MAX_DELETE_LIST
    fewest_calls: int = 0
    policy: Mapping[str, Any] = field(default_factory=dict, compare=False)
    policy_changes: tuple[PolicyChange, ...] | None = None
    offline: bool = False
    missing: tuple[str, ...] = field(default=(), compare=False)
    returned: tuple[str, ...] = field(default=(), compare=False)
    reads: int | None = None

    @property
    def summary(self) -> dict[str, int]:
        """How many agents each kind of action concerns; a blocked action counts only as blocked."""
        kinds = dict.fromkeys(("create", "edit", "replace", "delete", "password"), 0)
        for action in self.actions:
            if not action.blocked:
                kinds[action.kind] += 1
        return {**kinds, "blocked": len(self.blocked), "unchanged": self.unchanged}

    @property
    def call_counts(self) -> dict[str, int]:
        """How many calls the plan makes to each endpoint, and in total."""
        kinds = dict.fromkeys(("create", "edit", "delete", "password"), 0)
        for call in self.calls:
            kinds[call.kind] += 1
        return {**kinds, "total": len(self.calls)}

    @property
    def blocked(self) -> tuple[Action, ...]:
        """The actions that cannot be done."""
        return tuple(action for action in self.actions if action.blocked)

    @property
    def refused(self) -> bool:
        """Whether apply refuses the whole plan, because an action is blocked or a guardrail trips."""
        return bool(self.blocked) or not all(guardrail.ok for guardrail in self.guardrails)
