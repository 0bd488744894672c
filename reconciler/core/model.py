"""The values that cross the borders between stages: frozen, comparable, and inert.

Diff states facts, Plan states acts. Nothing in here knows how it is read, sent or shown.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import lru_cache
from typing import Final, Literal, NoReturn

from reconciler.core.endpoints import DELETE_LIST
from reconciler.core.fields import Value


class Secret:
    """A text that masks itself: `str`, `repr`, pickling and JSON never show it; only `reveal` opens it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends or stores it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written: a file as the user named it, and line and column from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file: where, in which part of it (`path`), what, and what to do about it."""

    place: Place
    path: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Company:
    """Whose agents these are; every request names it."""

    abbreviate: str
    company_id: int | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A guardrail's limit as written: a count (`"500"`) or a percentage (`"20%"`) of the live agents in scope."""

    text: str

    def allowed(self, live: int) -> int:
        """How many the limit allows when `live` agents are in scope; a part of one is none."""
        if self.text.endswith("%"):
            whole, _, part = self.text[:-1].partition(".")
            hundredths: int = 100 * 10 ** len(part)
            return int(whole + part) * live // hundredths
        return int(self.text)


@dataclass(frozen=True, slots=True)
class PasswordSource:
    """Where a password comes from, never the password: an environment variable, a file, or generation."""

    kind: Literal["env", "file", "generate"]
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class DesiredAgent:
    """An agent as the file wants it: canonical values of the managed fields only."""

    operator_id: str
    fields: Mapping[str, Value]
    password: PasswordSource | None
    place: Place


def matches(patterns: tuple[str, ...], operator_id: str) -> bool:
    """Whether any of the shell-style patterns matches; upper and lower case differ."""
    return bool(patterns) and _any_of(patterns)(operator_id) is not None


@lru_cache(maxsize=64)
def _any_of(patterns: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(map(translate, patterns))).match


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What the files say, resolved and checked; agents are sorted by id. `scope` is `None` for everyone."""

    company: Company
    agents: tuple[DesiredAgent, ...]
    files: tuple[str, ...]
    sha256: str
    scope: tuple[str, ...] | None = None
    prune: bool = True
    protect: tuple[str, ...] = ()
    max_deletes: Limit | None = None
    max_changes: Limit | None = None
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveAgent:
    """An agent as the vendor lists it: canonical values of every listed field, and no secret."""

    operator_id: str
    fields: Mapping[str, Value]

    @property
    def sha256(self) -> str:
        """A fingerprint of everything that is listed of the agent, secrets apart."""
        listed = json.dumps([self.operator_id, dict(self.fields)], sort_keys=True)
        return hashlib.sha256(listed.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class LiveState:
    """The listing, and the vendor it came from. From one that is not `complete`, nothing may be deleted."""

    agents: Mapping[str, LiveAgent]
    complete: bool = True
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the vendor cannot tell of one agent: the password's version and the write-only values last sent.

    `unsure`: a create may still come through after we gave it up, with a password that is not the latest we stored.
    `owed`: what a replaced agent had and has not been given back yet.
    """

    password_version: int | None = None
    given: Mapping[str, Value] = field(default_factory=dict)
    unsure: bool = False
    owed: Mapping[str, Value] = field(default_factory=dict)


LedgerView = Mapping[str, LedgerEntry]


Origin = Literal["", "change", "drift"]
"""Who caused it: this change of the files, or somebody on the live side; empty where nobody asked (`--since`)."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's way. `before_known` is false where the field is never listed and the ledger has no record."""

    field: str
    before: Value
    after: Value
    before_known: bool = True
    origin: Origin = ""


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The recorded version, `None` when there is no record, and the wanted one."""

    before: int | None
    source: PasswordSource


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a reader should know and that changes nothing: of which agents, and what."""

    message: str
    operator_ids: tuple[str, ...] = ()


AgentStatus = Literal["missing", "extra", "present"]


@dataclass(frozen=True, slots=True)
class AgentDiff:
    """One agent's facts: is it missing from the live side, extra there, or present; and what differs."""

    operator_id: str
    status: AgentStatus
    desired: DesiredAgent | None
    live: LiveAgent | None
    changes: tuple[FieldChange, ...] = ()
    password: PasswordChange | None = None
    unknowable: tuple[str, ...] = ()
    owed: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diff:
    """Desired against live: every agent that differs, by id, and how many agents were looked at on either side."""

    desired: DesiredState
    live: LiveState
    ledger: LedgerView
    agents: tuple[AgentDiff, ...]
    in_scope: int
    looked_at: int


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
    recorded: LedgerEntry = LedgerEntry()
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
    """One request, its place in the order given by index: `after` must succeed first, `behind` must only be over.

    `fields` are canonical; a `sipNumber` of `None` in an edit unbinds. A create of several agents is a batch: their ids
    are consecutive, and with `vendor_password` the vendor chooses their passwords. A delete that begins a replace
    `owes` what the agent had. `moves_sip` marks a call that frees or binds a SIP number; one that `takes_any_sip` lets
    the vendor choose a number, and so waits until no such call is left.
    """

    kind: CallKind
    operator_ids: tuple[str, ...]
    actions: tuple[int, ...]
    fields: Mapping[str, Value] = field(default_factory=dict)
    password: PasswordSource | None = None
    after: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()
    owes: Mapping[str, Value] = field(default_factory=dict)
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


DEFAULT_LIFE: Final = 7 * 86400


@dataclass(frozen=True, slots=True)
class Policy:
    """What the command line says on top of the file. `expires_in` is how many seconds a review of the plan holds.

    `targets` and `excludes` are patterns that narrow whom the plan speaks of; `only` are the agents of a saved plan.
    `batch` lets equal new agents be created together, and `delete_list` is how many one delete may name.
    """

    max_deletes: Limit | None = None
    max_changes: Limit | None = None
    allow_replace: bool = False
    expires_in: int = DEFAULT_LIFE
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    only: frozenset[str] | None = None
    batch: bool = True
    delete_list: int = DELETE_LIST

    @property
    def speaks_of_everybody(self) -> bool:
        """Whether the command line leaves nobody out."""
        return self.only is None and not self.targets and not self.excludes

    def speaks_of(self, operator_id: str) -> bool:
        """Whether the command line leaves the agent in."""
        if self.only is not None:
            return operator_id in self.only
        wanted = not self.targets or matches(self.targets, operator_id)
        return wanted and not (self.excludes and matches(self.excludes, operator_id))


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


CallOutcome = Literal["done", "refused", "not-sent", "lost", "skipped"]


@dataclass(frozen=True, slots=True)
class Intent:
    """A call as the journal keeps it, without any secret; `outcome` is `None` while it is not known to be over."""

    kind: CallKind
    operator_ids: tuple[str, ...]
    fields: Mapping[str, Value]
    password_version: int | None
    outcome: CallOutcome | None = None
    owes: Mapping[str, Value] = field(default_factory=dict)
    vendor_password: bool = False

    @classmethod
    def of(cls, call: Call) -> Intent:
        """What is about to be sent."""
        version = call.password.version if call.password else None
        return cls(
            call.kind, call.operator_ids, call.fields, version, owes=call.owes, vendor_password=call.vendor_password
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about an agent whose call was unsettled. The password of `sip_number` may be undelivered."""

    operator_id: str
    message: str
    sip_number: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One call is over: how it ended, and in words why when it did not succeed."""

    call: Call
    outcome: CallOutcome
    message: str = ""


ActionOutcome = Literal["done", "partly", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What became of one action. `partly`: some of its calls were carried out, and running apply again goes on."""

    action: Action
    outcome: ActionOutcome
    message: str = ""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What the vendor accepted and did not do, seen when the listing was read again."""

    operator_id: str
    message: str
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """What is no longer as a reviewed plan has it: whose, what; `before` of a change is what was reviewed."""

    operator_id: str
    message: str
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What an apply did: each action's end, and what the listing said afterwards (`verified`: it was read).

    `warnings` say what of our own went wrong.
    """

    results: tuple[ActionResult, ...]
    mismatches: tuple[Mismatch, ...] = ()
    verified: bool = False
    interrupted: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """How many actions were carried out whole."""
        return sum(result.outcome == "done" for result in self.results)

    @property
    def exit_code(self) -> int:
        """0 all done and seen; 130 interrupted; 1 nothing succeeded; 4 a part, or accepted but not done."""
        if self.interrupted:
            return 130
        if self.done == len(self.results) and self.verified and not self.mismatches:
            return 0
        return 4 if any(result.outcome in ("done", "partly") for result in self.results) else 1
