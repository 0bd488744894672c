"""Who is created together: as few calls as the API allows, and every agent as it is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model.desired import DesiredAgent, DesiredState, PasswordSource, Policy
from reconciler.core.model.fields import BY_NAME, Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.plan import Action, Call, Plan
from reconciler.core.saved.plan_json import digest, plan_document, read_plan
from tests.core.build import REPLACING, agent, desired, env, live, live_agent, planned
from tests.fuzz import examples
from tests.strategies import desired_states, ledgers, live_states

GENERATED = PasswordSource("generate", "", 1)


def pool(first: int, count: int, width: int = 4, **fields: Value) -> list[DesiredAgent]:
    """So many equal agents with consecutive numbers."""
    return [agent(str(number).zfill(width), **fields) for number in range(first, first + count)]


def created(plan: Plan) -> list[str]:
    """The create calls in few words: the first agent and how many there are."""
    return [f"{call.operator_ids[0]}+{len(call.operator_ids)}" for call in plan.calls if call.kind == "create"]


@pytest.mark.parametrize(
    ("count", "calls"), [(1, ["1000+1"]), (2, ["1000+2"]), (1000, ["1000+1000"]), (1001, ["1000+1000", "2000+1"])]
)
def test_a_batch_has_a_thousand_at_most(count: int, calls: list[str]) -> None:
    """Equal agents with consecutive numbers are one create for each thousand begun."""
    assert created(planned(desired(*pool(1000, count, name="外呼")))) == calls


@pytest.mark.parametrize(
    ("ids", "calls"),
    [
        ("8001 8002 8004 8005", ["8001+2", "8004+2"]),
        ("0099 0100 0101", ["0099+3"]),
        ("98 99 100 101", ["98+2", "100+2"]),
        ("8 08 9 09", ["8+2", "08+2"]),
        ("a8001 a8002", ["a8001+1", "a8002+1"]),
        ("８００１ ８００２", ["８００１+1", "８００２+1"]),
        ("9999999999999999998 9999999999999999999", ["9999999999999999998+1", "9999999999999999999+1"]),
    ],
)
def test_a_run_is_of_consecutive_numbers_of_one_width(ids: str, calls: list[str]) -> None:
    """A gap, another width, or what is no plain number ends a run; leading zeros are part of a number."""
    assert sorted(created(planned(desired(*map(agent, ids.split()))))) == sorted(calls)


def test_a_run_within_a_longer_file() -> None:
    """Equal neighbours are found among agents that differ, that are there, or that go."""
    wanted = [agent("8001", name="a"), *pool(8002, 3, name="b"), agent("8005", name="c"), agent("8006", name="live")]
    plan = planned(desired(*wanted), live(live_agent("8006"), live_agent("8009")), policy=REPLACING)
    assert created(plan) == ["8001+1", "8002+3", "8005+1"]


SECRET = PasswordSource("file", "pool.txt", 1)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (None, None, True),
        (env(), env(), True),
        (SECRET, SECRET, True),
        (GENERATED, GENERATED, False),
        (env(), None, False),
        (env(), env(name="OTHER"), False),
        (env(), env(2), False),
        (env(), SECRET, False),
    ],
)
def test_passwords_decide_who_may_share(
    one: PasswordSource | None, other: PasswordSource | None, together: bool
) -> None:
    """No password or one version of one secret can be shared; a generated one is each agent's own."""
    plan = planned(desired(agent("8001", one), agent("8002", other)))
    assert created(plan) == (["8001+2"] if together else ["8001+1", "8002+1"])
    assert [call.vendor_password for call in plan.calls] == ([one is None] if together else [False, False])
    assert [action.vendor_password for action in plan.actions] == [together and one is None] * 2


@pytest.mark.parametrize(
    ("one", "other", "calls"),
    [
        # Nothing but the create: the bodies must be equal.
        ({"name": "a"}, {"name": "b"}, 2),
        ({"name": "a"}, {}, 2),
        ({"judge": True}, {}, 2),
        # Each needs an edit anyway, and what differs goes there.
        ({"name": "a", "mainGroupName": "g"}, {"name": "b", "mainGroupName": "h"}, 3),
        ({"name": "a", "status": "disabled"}, {"status": "disabled"}, 3),
        # One of the two is complete after the create.
        ({"name": "a", "mainGroupName": "g"}, {"name": "a"}, 2),
        ({"name": "a"}, {"name": "a", "bindcode": "1", "mainGroupName": "g"}, 2),
        # Nobody is given another's value.
        ({"name": "a", "mainGroupName": "g"}, {"name": "b"}, 3),
        ({"bindcode": "1"}, {"bindcode": "2", "mainGroupName": "g"}, 3),
        # A field that one does not manage is never sent.
        ({"mainGroupName": "g"}, {"name": "b"}, 3),
        # No edit could set it.
        ({"judge": False, "mainGroupName": "g"}, {"mainGroupName": "g"}, 4),
        ({"afterInterval": 0, "mainGroupName": "g"}, {"afterInterval": 5}, 3),
        ({"afterInterval": 0, "mainGroupName": "g"}, {"afterInterval": 5, "mainGroupName": "g"}, 3),
        # Who gets a number and who does not.
        ({"sipNumber": None}, {}, 2),
        ({"sipNumber": None}, {"sipNumber": None}, 1),
        ({"sipNumber": "60001"}, {"sipNumber": "60002"}, 3),
        ({"sipNumber": None}, {"sipNumber": "60002"}, 2),
    ],
)
def test_bodies_decide_who_may_share(one: dict[str, Value], other: dict[str, Value], calls: int) -> None:
    """Two new neighbours take no more calls than they must."""
    plan = planned(desired(agent("8001", **one), agent("8002", **other)))
    assert (len(plan.calls), plan.fewest_calls) == (calls, calls)


def test_what_differs_goes_into_the_edit() -> None:
    """The batch sends what all agree in; each one's edit sends the rest."""
    wanted = [agent(f"800{n}", name=f"n{n}", isrecord=True, mainGroupName="g", sipNumber=f"6000{n}") for n in (1, 2)]
    create, *edits = planned(desired(*wanted)).calls
    ids = ("8001", "8002")
    assert create == Call("create", ids, (0, 1), {"isrecord": True, "sipNumber": None}, vendor_password=True)
    assert [(edit.operator_ids, edit.requires_success_of, edit.fields) for edit in edits] == [
        (("8001",), (0,), {"name": "n1", "mainGroupName": "g", "sipNumber": "60001"}),
        (("8002",), (0,), {"name": "n2", "mainGroupName": "g", "sipNumber": "60002"}),
    ]


def test_a_replace_is_created_alone() -> None:
    """Agents that are made anew go one by one, however equal they are."""
    listed = live(*(live_agent(f"800{n}", email="old") for n in range(3)))
    plan = planned(desired(*pool(8000, 3, email="new")), listed, policy=REPLACING)
    assert created(plan) == ["8000+1", "8001+1", "8002+1"]
    assert plan.fewest_calls == len(plan.calls)


def test_without_batches() -> None:
    """`batch=False` creates one by one, with passwords of our own, and says how many calls would do."""
    plan = planned(desired(*pool(8001, 3)), policy=Policy(batch=False))
    assert created(plan) == ["8001+1", "8002+1", "8003+1"]
    assert (plan.fewest_calls, plan.notes) == (1, ())
    assert not any(action.batched or call.vendor_password for action in plan.actions for call in plan.calls)


def test_shorter_delete_lists() -> None:
    """`delete_list` is how many one delete names; the fewest calls stay what the API allows."""
    listed = live(*(live_agent(str(8000 + n)) for n in range(120)))
    plan = planned(desired(agent("9999"), prune=True), listed, policy=Policy(delete_list=50))
    deletes = [len(call.operator_ids) for call in plan.calls if call.kind == "delete"]
    assert (deletes, plan.call_counts["total"], plan.fewest_calls) == ([50, 50, 20], 4, 3)


def test_the_plan_says_who_is_in_a_batch() -> None:
    """Actions are marked, and a note for each kind of password names the agents."""
    wanted = [*pool(8001, 2), agent("8004"), *(agent(id_, env()) for id_ in ("8006", "8007"))]
    plan = planned(desired(*wanted))
    assert [action.batched for action in plan.actions] == [True, True, False, True, True]
    assert [(note.message, note.operator_ids) for note in plan.notes] == [
        ("created in 1 batch; the vendor chooses their passwords, which are delivered", ("8001", "8002")),
        ("created in 1 batch; each batch shares one password", ("8006", "8007")),
    ]


def test_batches_are_part_of_what_was_reviewed() -> None:
    """Whether agents are created together decides their passwords, and so it is in the digest and comes back."""
    plan, alone = (planned(desired(*pool(8001, 3)), policy=Policy(batch=batch)) for batch in (True, False))
    assert digest(plan) != digest(alone)
    for each in (plan, alone):
        assert read_plan(plan_document(each, "0", "2026-01-01T00:00:00Z")).calls == each.calls


# The law

_MAYBE = {
    "name": ("a", "b", ""),
    "afterInterval": (0, 5),
    "judge": (True, False),
    "roleName": ("r", "s"),
    "mainGroupName": ("", "g"),
    "sipNumber": (None, "60001"),
}
_new_agents = st.lists(
    st.tuples(
        st.sampled_from([f"80{n:02}" for n in range(7)]),
        st.sampled_from((None, None, env(), GENERATED)),
        st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in _MAYBE.items()}),
    ),
    max_size=7,
    unique_by=lambda each: each[0],
)
_DEFERRED = ("mainGroupName", "sipNumber", "status")
_Values = Mapping[str, Value]


def comes_right(values: _Values, body: _Values) -> bool:
    """Whether an agent that is created with this body is as wanted after the one edit that it needs in any case.

    It may not be given a value that it is not to have.
    """
    if any(name not in values or values[name] != value for name, value in body.items()):
        return False
    has = {name: body.get(name, BY_NAME[name].default) for name in values}
    wrong = {name: value for name, value in values.items() if has[name] != value}
    if not any(name in _DEFERRED for name in wrong):
        return not wrong and {**body} == {name: value for name, value in values.items() if name not in _DEFERRED}
    return "judge" not in wrong and wrong.get("afterInterval") != 0


def may_share(agents: Sequence[Action]) -> bool:
    """Whether one call could create these, found by trying every body."""
    if len(agents) == 1:
        return True
    numbers = [int(each.operator_id) for each in agents]
    passwords = {each.password for each in agents}
    told = {"sipNumber" in each.after for each in agents}
    if numbers != list(range(numbers[0], numbers[0] + len(agents))) or len(passwords) > 1 or len(told) > 1:
        return False
    if GENERATED in passwords:
        return False
    names = {name for each in agents for name in each.after if name not in _DEFERRED}
    options = [[None, *_MAYBE[name]] for name in sorted(names)]
    bodies = (
        {n: v for n, v in zip(sorted(names), chosen, strict=True) if v is not None} for chosen in product(*options)
    )
    return any(all(comes_right(each.after, body) for each in agents) for body in bodies)


def fewest_creates(agents: Sequence[Action]) -> int:
    """The least number of calls that create these, over every way to cut their row."""
    best = [0]
    for end in range(1, len(agents) + 1):
        best.append(min(best[start] + 1 for start in range(end) if may_share(agents[start:end])))
    return best[-1]


@settings(deadline=None, max_examples=examples(150))
@given(_new_agents)
def test_no_way_takes_fewer_creates(drawn: list[tuple[str, PasswordSource | None, dict[str, Value]]]) -> None:
    """No way to cut the row of new agents, with no body at all, takes fewer calls than the plan does."""
    plan = planned(desired(*(agent(id_, password, **fields) for id_, password, fields in drawn)))
    edits = [a for a in plan.actions if any(a.after.get(n) != BY_NAME[n].default for n in _DEFERRED if n in a.after)]
    new = [action for action in plan.actions if not action.blocked]
    assert len(plan.calls) == plan.fewest_calls == fewest_creates(new) + len([a for a in edits if not a.blocked])


def rings(actions: Sequence[Action]) -> int:
    """How many rings there are of edits in which each waits for the next one's SIP number."""
    holder = {action.live_sip: action.operator_id for action in actions if action.kind == "edit" and action.live_sip}
    waits = {a.operator_id: holder.get(str(a.after["sipNumber"])) for a in actions if a.kind == "edit" and a.frees_sip}
    found = set()
    for start in waits:
        walk: list[str | None] = [start]
        while walk[-1] in waits and waits[walk[-1]] not in walk:
            walk.append(waits[walk[-1]])
        if walk[-1] in waits and waits[walk[-1]] == start:
            found.add(frozenset(walk))
    return len(found)


@settings(deadline=None)
@given(desired_states(), live_states(), ledgers())
def test_every_plan_takes_the_fewest_calls(
    wanted: DesiredState, listed: LiveState, ledger: dict[str, LedgerEntry]
) -> None:
    """The calls are as many as the bound, and that is what can be counted: what must be sent, and one for each ring."""
    plan = planned(wanted, listed, ledger, REPLACING)
    actions = [action for action in plan.actions if not action.blocked]
    one_each = sum(action.kind in ("edit", "password") for action in actions)
    replaces = [action for action in actions if action.kind == "replace"]
    made = [action for action in actions if action.kind in ("create", "replace")]
    later = [a for a in made if any(a.after.get(n, BY_NAME[n].default) != BY_NAME[n].default for n in _DEFERRED)]
    creates = len({call.operator_ids for call in plan.calls if call.kind == "create"}) - len(replaces)
    deletes = -(-sum(action.kind == "delete" for action in actions) // 100)
    counted = one_each + 2 * len(replaces) + len(later) + creates + deletes + rings(actions)
    assert len(plan.calls) == plan.fewest_calls == counted
