"""Whose doing an action is: three-way, from the files of before, the files of now, and the live agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings

from reconciler.core.model.desired import Company, DesiredAgent, DesiredState, PasswordSource, Policy
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.plan import Plan
from reconciler.core.model.problem import Place
from reconciler.core.planning.make_plan import make_plan
from reconciler.core.planning.origin import with_origins
from tests.core.build import REPLACING, agent, desired, env, live, live_agent, planned, state
from tests.fuzz import examples
from tests.strategies import desired_states, ledgers, live_states, policies

law = settings(
    deadline=None, max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def told(
    before: DesiredState,
    now: DesiredState,
    listing: LiveState,
    book: Mapping[str, LedgerEntry] | None = None,
    policy: Policy | None = None,
) -> Plan:
    """The plan of now, with its origins."""
    plan = planned(now, listing, book, policy)
    told = with_origins(plan, planned(before, listing, book, policy))
    assert _untold(told) == plan
    return told


def _untold(plan: Plan) -> Plan:
    actions = tuple(
        replace(action, origin="", changes=tuple(replace(change, origin="") for change in action.changes))
        for action in plan.actions
    )
    return replace(plan, actions=actions)


def origins(plan: Plan) -> dict[str, str]:
    """The origin of each action, and of each of its changes, by name."""
    found: dict[str, str] = {}
    for action in plan.actions:
        found[f"{action.kind} {action.operator_id}"] = action.origin
        found |= {f"{action.operator_id} {change.field}": change.origin for change in action.changes}
    return found


class Case(NamedTuple):
    """The files of before and of now, the live agents, and what is to be said: of each action, and of some fields."""

    before: DesiredState
    now: DesiredState
    listing: LiveState
    expected: dict[str, str]
    book: Mapping[str, LedgerEntry] | None = None
    policy: Policy | None = None


A, B = agent("8001", name="a", bindcode="1"), agent("8001", name="b", bindcode="1")
AS_A = live_agent("8001", name="a", bindcode="1")
KEPT = agent("8009")
THERE = live_agent("8009")

CASES = {
    "a colleague's edit": Case(
        desired(A), desired(B), live(AS_A), {"edit 8001": "change", "8001 name": "change"}
    ),
    "a console edit": Case(
        desired(A), desired(A), live(live_agent("8001", name="x", bindcode="1")),
        {"edit 8001": "drift", "8001 name": "drift"},
    ),
    "both on one agent": Case(
        desired(A), desired(B), live(live_agent("8001", name="a", bindcode="2")),
        {"edit 8001": "change", "8001 name": "change", "8001 bindcode": "drift"},
    ),
    "both on one field": Case(
        desired(A), desired(B), live(live_agent("8001", name="x", bindcode="1")),
        {"edit 8001": "change", "8001 name": "change"},
    ),
    "a field that is managed now": Case(
        desired(agent("8001", name="a")), desired(A), live(live_agent("8001", name="a", bindcode="2")),
        {"edit 8001": "change", "8001 bindcode": "change"},
    ),
    "a field that is no longer managed": Case(
        desired(A), desired(agent("8001", name="a")), live(live_agent("8001", name="x", bindcode="2")),
        {"edit 8001": "drift", "8001 name": "drift"},
    ),
    "created in the file": Case(
        desired(KEPT), desired(KEPT, A), live(THERE),
        {"create 8001": "change", "8001 name": "change", "8001 bindcode": "change"},
    ),
    "created in the file, without a value": Case(
        desired(KEPT), desired(KEPT, agent("8001")), live(THERE), {"create 8001": "change"}
    ),
    "deleted in the console": Case(
        desired(A), desired(A), live(), {"create 8001": "drift", "8001 name": "drift", "8001 bindcode": "drift"}
    ),
    "deleted in the console, without a value": Case(
        desired(agent("8001")), desired(agent("8001")), live(), {"create 8001": "drift"}
    ),
    "deleted in the console and edited in the file": Case(
        desired(A), desired(B), live(),
        {"create 8001": "change", "8001 name": "change", "8001 bindcode": "drift"},
    ),
    "deleted in the console, and a value no longer managed": Case(
        desired(agent("8001", name="a", status="disabled")), desired(agent("8001", name="a")), live(),
        {"create 8001": "change"},
    ),
    "created in the console": Case(desired(KEPT), desired(KEPT), live(THERE, AS_A), {"delete 8001": "drift"}),
    "removed from the file": Case(desired(KEPT, A), desired(KEPT), live(THERE, AS_A), {"delete 8001": "change"}),
    "removed from the file and edited in the console": Case(
        desired(KEPT, A), desired(KEPT), live(THERE, live_agent("8001", name="x")), {"delete 8001": "change"}
    ),
    "created in the console, and a scope that says the same": Case(
        desired(KEPT), desired(KEPT, scope=("8*",)), live(THERE, AS_A), {"delete 8001": "drift"}
    ),
    "a wider scope": Case(
        desired(KEPT, scope=("8009",)), desired(KEPT, scope=("8*",)), live(THERE, AS_A), {"delete 8001": "change"}
    ),
    "pruned from now on": Case(
        desired(KEPT, prune=False), desired(KEPT), live(THERE, AS_A), {"delete 8001": "change"}
    ),
    "no longer protected": Case(
        desired(KEPT, protect=("8001",)), desired(KEPT), live(THERE, AS_A), {"delete 8001": "change"}
    ),
    "no longer protected from being replaced": Case(
        desired(agent("8001", email="a"), protect=("8001",)), desired(agent("8001", email="a")),
        live(live_agent("8001", email="x")), {"replace 8001": "change"}, policy=REPLACING,
    ),
    "fixed values that drifted": Case(
        desired(agent("8001", email="a")), desired(agent("8001", email="a")), live(live_agent("8001", email="x")),
        {"replace 8001": "drift", "8001 email": "drift"}, policy=REPLACING,
    ),
    "a console edit within a colleague's replace": Case(
        desired(A), desired(agent("8001", name="a", bindcode="1", email="new")),
        live(live_agent("8001", name="x", bindcode="1")),
        {"replace 8001": "change", "8001 name": "drift", "8001 email": "change"}, policy=REPLACING,
    ),
    "a console edit where a replace was due": Case(
        desired(agent("8001", name="a", email="old")), desired(agent("8001", name="a")),
        live(live_agent("8001", name="x", email="new")),
        {"edit 8001": "drift", "8001 name": "drift"}, policy=REPLACING,
    ),
    "blocked now as before": Case(
        desired(agent("8001", email="a")), desired(agent("8001", email="a")), live(live_agent("8001", email="x")),
        {"replace 8001": "drift", "8001 email": "drift"},
    ),
    "a password's version": Case(
        desired(agent("8001", env(1))), desired(agent("8001", env(2))), live(live_agent("8001")),
        {"password 8001": "change", "8001 password.version": "change"}, {"8001": LedgerEntry(1)},
    ),
    "a password that nobody set yet": Case(
        desired(agent("8001", env(1))), desired(agent("8001", env(1))), live(live_agent("8001")),
        {"password 8001": "drift", "8001 password.version": "drift"},
    ),
    "a password from elsewhere": Case(
        desired(agent("8001", env(1))), desired(agent("8001", env(1, "MINE"))), live(live_agent("8001")),
        {"password 8001": "change"},
    ),
    "a new agent's password from elsewhere": Case(
        desired(agent("8001", env(1), name="a")), desired(agent("8001", env(1, "MINE"), name="a")), live(),
        {"create 8001": "change"},
    ),
    "a new agent's password that was generated": Case(
        desired(agent("8001", name="a")), desired(agent("8001", env(1, "MINE"), name="a")), live(),
        {"create 8001": "change"},
    ),
    "a role that the ledger lost": Case(
        desired(agent("8001", roleName="客服")), desired(agent("8001", roleName="客服")), live(live_agent("8001")),
        {"edit 8001": "drift", "8001 roleName": "drift"},
    ),
    "a number that went to another": Case(
        desired(agent("8001", sipNumber="60001"), agent("8002", sipNumber="60002")),
        desired(agent("8001", sipNumber="60001"), agent("8002", sipNumber="60003")),
        live(live_agent("8001"), live_agent("8002", sipNumber="60001")),
        {"edit 8001": "drift", "8001 sipNumber": "drift", "8002 sipNumber": "change", "edit 8002": "change"},
    ),
    "another company": Case(
        replace(desired(A), company=Company("old", 4242)), desired(A), live(live_agent("8001", name="x", bindcode="1")),
        {"edit 8001": "change", "8001 name": "change"},
    ),
    "no file before": Case(
        DesiredState(Company(""), (), (), "", prune=False), desired(A), live(AS_A, live_agent("8002")),
        {"delete 8002": "change"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_whose_doing_it_is(case: Case) -> None:
    """What the files of before would have done to the live agents of now is drift; everything else is the change."""
    plan = told(case.before, case.now, case.listing, case.book, case.policy)
    assert len(plan.actions) == sum(name[0].isalpha() for name in case.expected)
    assert {name: origin for name, origin in origins(plan).items() if name in case.expected} == case.expected


FILE = """\
version: 1
company: {abbreviate: acme}
defaults: {afterInterval: 5}
profiles: {leader: {outcallflag: allowed, bindcode: "1"}}
agents:
- {operatorId: "8001", profile: leader}
- {operatorId: "8002"}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "afterInterval: 5",
            "afterInterval: 9",
            {
                "edit 8001": "change",
                "8001 afterInterval": "change",
                "8001 bindcode": "drift",
                "edit 8002": "change",
                "8002 afterInterval": "change",
            },
        ),
        (
            'bindcode: "1"',
            'bindcode: "2"',
            {"edit 8001": "change", "8001 bindcode": "change", "edit 8002": "drift", "8002 afterInterval": "drift"},
        ),
        (
            ", profile: leader",
            "",
            {"edit 8002": "drift", "8002 afterInterval": "drift"},
        ),
        (
            '- {operatorId: "8002"}',
            '- {operatorId: "8002", afterInterval: 5}',
            {"edit 8001": "drift", "8001 bindcode": "drift", "edit 8002": "drift", "8002 afterInterval": "drift"},
        ),
    ],
    ids=["defaults", "a profile", "a profile that is no longer taken", "a value where it was the default's"],
)
def test_a_value_counts_wherever_it_is_written(old: str, new: str, expected: dict[str, str]) -> None:
    """Defaults and profiles change agents as their own keys do; what is only written elsewhere changes none."""
    assert FILE.count(old) == 1
    listing = live(live_agent("8001", afterInterval=5, bindcode="7"), live_agent("8002", afterInterval=7))
    assert origins(told(state(FILE), state(FILE.replace(old, new)), listing)) == expected


def test_a_password_file_is_the_same_at_a_revision() -> None:
    """A password that stands in a file beside the desired state is the same one as at the revision."""
    text = (
        'version: 1\ncompany: {abbreviate: acme}\nagents:\n- {operatorId: "8001", password: {file: pw, version: 1}}\n'
    )
    before, now = state(text, "teams/agents.yaml"), state(text, "teams/agents.yaml")
    assert origins(told(before, now, live())) == {"create 8001": "drift"}


@law
@given(desired_states(), live_states(), ledgers(), policies())
def test_what_the_change_leaves_as_it_was_is_drift(
    wanted: DesiredState, listing: LiveState, ledger: dict[str, LedgerEntry], policy: Policy
) -> None:
    """Where the files are what they were, every difference is the live side's."""
    plan = make_plan(wanted, listing, ledger, policy)
    ours = with_origins(plan, make_plan(wanted, listing, ledger, policy))
    assert {change.origin for action in ours.actions for change in action.changes} <= {"drift", "owed"}
    for action in ours.actions:
        owed = any(change.origin == "owed" for change in action.changes)
        assert action.origin == ("change" if owed else "drift")


def test_what_is_owed_is_no_drift() -> None:
    """What the ledger owes after a replace is told as owed, by field and in a note; its action is no drift."""
    file = state('version: 1\ncompany: {abbreviate: acme}\nagents:\n- {operatorId: "8001", afterInterval: 9}\n')
    book = {"8001": LedgerEntry(to_restore={"name": "old"})}
    plan = told(file, file, live(live_agent("8001", name="new", afterInterval=5)), book)
    assert origins(plan) == {"edit 8001": "change", "8001 afterInterval": "drift", "8001 name": "owed"}
    assert ("8001",) in [note.operator_ids for note in plan.notes if note.message.startswith("owed")]
    gone = told(file, file, live(), book)
    assert ("8001",) in [note.operator_ids for note in gone.notes if note.message.startswith("owed")]


@law
@given(desired_states(), live_states(), ledgers(), policies())
def test_what_no_drift_explains_is_the_change(
    wanted: DesiredState, listing: LiveState, ledger: dict[str, LedgerEntry], policy: Policy
) -> None:
    """Where the live agents were as the files of before wanted them, every difference is the change's."""
    ledger = {id_: replace(entry, password_unknown=False, to_restore={}) for id_, entry in ledger.items()}
    before = make_plan(_as_it_is(wanted, listing, ledger), listing, ledger, policy)
    assert before.actions == ()
    found = origins(with_origins(make_plan(wanted, listing, ledger, policy), before))
    assert set(found.values()) <= {"change"}


def _as_it_is(wanted: DesiredState, listing: LiveState, ledger: Mapping[str, LedgerEntry]) -> DesiredState:
    """A file that says of every live agent what is so."""
    agents = [
        DesiredAgent(id_, there.fields, _recorded(ledger.get(id_)), Place("agents.yaml", 3))
        for id_, there in sorted(listing.agents.items())
    ]
    return replace(wanted, agents=tuple(agents), scope=None)


def _recorded(entry: LedgerEntry | None) -> PasswordSource | None:
    return PasswordSource("env", "A", entry.password_version) if entry and entry.password_version else None
