"""One-liners that build the core's values, so that a test shows only what it is about."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.desired.read import read_desired
from reconciler.core.model.desired import Company, DesiredAgent, DesiredState, Limit, PasswordSource, Policy
from reconciler.core.model.fields import LISTED, Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.plan import Action, Plan
from reconciler.core.model.problem import Place, Problem
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.core.yaml.document import Document, parse

COMPANY = Company("acme", 4242)
HEAD = "version: 1\ncompany: {abbreviate: acme}\n"
REPLACING = Policy(
    max_deletes=Limit("100%"), max_changes=Limit("100000"), allow_replace=True, max_passwords=Limit("100%")
)
"""A policy under which no guardrail trips and a fixed field means a replace."""


def agent(operator_id: str = "8001", password: PasswordSource | None = None, /, **fields: Value) -> DesiredAgent:
    """A desired agent that manages the given fields."""
    return DesiredAgent(operator_id, fields, password, Place("agents.yaml", 3))


def desired(
    *agents: DesiredAgent,
    scope: tuple[str, ...] | None = None,
    prune: bool = True,
    protect: tuple[str, ...] = (),
    max_deletes: str | None = None,
    max_changes: str | None = None,
    lookalikes: int | None = None,
    max_passwords: str | None = None,
) -> DesiredState:
    """A desired state of these agents."""
    return DesiredState(
        COMPANY,
        tuple(sorted(agents, key=lambda each: each.operator_id)),
        ("agents.yaml",),
        "f" * 64,
        scope,
        prune,
        protect,
        None if max_deletes is None else Limit(max_deletes),
        None if max_changes is None else Limit(max_changes),
        lookalikes=lookalikes,
        max_passwords=None if max_passwords is None else Limit(max_passwords),
    )


def live_agent(operator_id: str = "8001", /, **fields: Value) -> LiveAgent:
    """A live agent with the given values, and a new agent's for the rest."""
    return LiveAgent(operator_id, {row.name: row.default for row in LISTED} | fields)


def live(*agents: LiveAgent, complete: bool = True) -> LiveState:
    """A listing of these agents."""
    return live_state(agents, complete=complete)


def planned(
    wanted: DesiredState,
    listed: LiveState | None = None,
    ledger: Mapping[str, LedgerEntry] | None = None,
    policy: Policy | None = None,
) -> Plan:
    """The plan; against nothing live, an empty ledger and no flags unless they are given."""
    return make_plan(wanted, listed or live(), ledger or {}, policy or Policy())


def env(version: int = 1, name: str = "AGENT_PASSWORD") -> PasswordSource:
    """A password that stands in an environment variable."""
    return PasswordSource("env", name, version)


def act(plan: Plan, operator_id: str, kind: str | None = None) -> Action:
    """The one action of an agent, of one kind if it is named."""
    (found,) = [a for a in plan.actions if a.operator_id == operator_id and kind in (None, a.kind)]
    return found


def acts(plan: Plan) -> list[tuple[str, str]]:
    """Who has what done to them, in plan order."""
    return [(action.operator_id, action.kind) for action in plan.actions]


def document(text: str) -> Document:
    """A file that can be read without any problem."""
    found, problems = parse("agents.yaml", text.encode())
    assert found is not None, problems
    assert problems == ()
    return found


def state(text: str, file: str = "agents.yaml") -> DesiredState:
    """The state of a good file."""
    found, problems = read_desired(file, text.encode())
    assert found is not None, problems
    assert problems == ()
    return found


def problems(text: str) -> tuple[Problem, ...]:
    """Everything that is wrong with a bad file."""
    found, wrong = read_desired("agents.yaml", text.encode())
    assert found is None
    assert wrong
    return wrong


def only(text: str) -> Problem:
    """The one thing that is wrong with a bad file."""
    (problem,) = problems(text)
    return problem
