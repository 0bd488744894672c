"""Actions to calls, and the order of the calls: every row of the table at the head of `calls.py`."""

from __future__ import annotations

import pytest

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import Value
from reconciler.core.model.plan import Action, Call, Plan
from tests.core.build import REPLACING, agent, desired, env, live, live_agent, planned

Brief = tuple[str, str, dict[str, Value], tuple[int, ...]]


def brief(plan: Plan) -> list[Brief]:
    """The calls in few words: kind, agents, fields, and what must have succeeded before."""
    return [
        (call.kind, " ".join(call.operator_ids), dict(call.fields), call.requires_success_of) for call in plan.calls
    ]


def moved(to: dict[str, str | None], held: dict[str, str], **replaced: str) -> Plan:
    """A plan in which agents that hold numbers shall hold others; the replaced ones get a new e-mail address."""
    wanted = [agent(id_, sipNumber=number) for id_, number in to.items() if f"r{id_}" not in replaced]
    wanted += [agent(key[1:], sipNumber=to[key[1:]], email=mail) for key, mail in replaced.items()]
    listed = live(*(live_agent(id_, sipNumber=number) for id_, number in held.items()))
    return planned(desired(*wanted), listed, policy=REPLACING)


# Within one action


def test_a_create_is_one_call() -> None:
    """What create can send goes in one call; a default that only an edit could set is not sent at all."""
    plan = planned(
        desired(agent("8001", env(), name="a", email="e", status="enabled", mainGroupName="", sipNumber=None))
    )
    assert plan.calls == (
        Call("create", ("8001",), (0,), {"name": "a", "email": "e", "sipNumber": None}, password=env()),
    )


@pytest.mark.parametrize(
    ("fields", "later"),
    [
        ({"status": "disabled"}, {"status": "disabled"}),
        ({"mainGroupName": "g", "name": "a"}, {"mainGroupName": "g"}),
        ({"sipNumber": "60001"}, {"sipNumber": "60001"}),
        (
            {"status": "disabled", "mainGroupName": "g", "sipNumber": "60001", "roleName": "r"},
            {"status": "disabled", "mainGroupName": "g", "sipNumber": "60001"},
        ),
    ],
)
def test_a_create_that_needs_an_edit(fields: dict[str, Value], later: dict[str, Value]) -> None:
    """What create cannot send is edited after it: one action, two calls, the second after the first."""
    create, edit = planned(desired(agent("8001", **fields))).calls
    at_once = {name: value for name, value in fields.items() if name not in ("status", "mainGroupName")}
    assert (create.kind, create.fields, create.requires_success_of, create.actions) == ("create", at_once, (), (0,))
    assert (edit.kind, edit.fields, edit.requires_success_of, edit.actions) == ("edit", later, (0,), (0,))
    assert edit.password is None


def test_an_edit_is_one_call() -> None:
    """An edit sends its changes, in whatever number."""
    plan = planned(desired(agent("8001", name="b", status="disabled")), live(live_agent("8001")))
    assert plan.calls == (Call("edit", ("8001",), (0,), {"name": "b", "status": "disabled"}),)


def test_a_replace_is_a_delete_a_create_and_an_edit() -> None:
    """Each needs the one before it; the last also the delete that frees the number it binds again.

    The delete owes what the agent had, so that an apply that ends there forgets nothing.
    """
    listed = live(live_agent("8001", email="a", status="disabled", sipNumber="60001", name="n"))
    plan = planned(desired(agent("8001", env(), email="b")), listed, policy=REPLACING)
    fields: dict[str, Value] = {"name": "n", "sipNumber": "60001", "email": "b"}
    to_restore: dict[str, Value] = {"name": "n", "status": "disabled", "sipNumber": "60001"}
    assert plan.calls == (
        Call("delete", ("8001",), (0,), to_restore=to_restore, moves_sip=True),
        Call("create", ("8001",), (0,), fields, password=env(), requires_success_of=(0,)),
        Call(
            "edit",
            ("8001",),
            (0,),
            {"status": "disabled", "sipNumber": "60001"},
            requires_success_of=(1, 0),
            moves_sip=True,
        ),
    )


def test_a_replace_without_deferred_values_has_no_edit() -> None:
    """Without a number, a group or a status to restore, the create is the end."""
    plan = planned(desired(agent("8001", email="b")), live(live_agent("8001", email="a")), policy=REPLACING)
    assert brief(plan) == [
        ("delete", "8001", {}, ()),
        ("create", "8001", {"sipNumber": None, "email": "b"}, (0,)),
    ]
    assert not any(call.moves_sip or call.takes_any_sip for call in plan.calls)


def test_a_password_is_one_call_behind_the_edit() -> None:
    """The second action of one agent comes behind the first, whether that succeeds or not."""
    wanted = desired(agent("8001", env(2), name="b"), agent("8002", env(1)))
    plan = planned(wanted, live(live_agent("8001"), live_agent("8002")))
    assert plan.calls == (
        Call("edit", ("8001",), (0,), {"name": "b"}),
        Call("password", ("8001",), (1,), password=env(2), waits_for=(0,)),
        Call("password", ("8002",), (2,), password=env(1)),
    )


def test_a_password_behind_a_ring_breaker() -> None:
    """A password comes behind the last of its agent's edits."""
    wanted = desired(agent("8001", env(2), sipNumber="60002"), agent("8002", sipNumber="60001"))
    plan = planned(wanted, live(live_agent("8001", sipNumber="60001"), live_agent("8002", sipNumber="60002")))
    (password,) = [call for call in plan.calls if call.kind == "password"]
    (before,) = password.waits_for
    assert plan.calls[before].fields == {"sipNumber": "60002"}
    assert password.requires_success_of == ()


def test_what_is_blocked_has_no_calls() -> None:
    """A blocked action is in the plan and in no call, and the others are still lowered."""
    plan = planned(
        desired(agent("8001", email="b"), agent("8002", name="b")), live(live_agent("8001"), live_agent("8002"))
    )
    assert [(call.kind, call.actions) for call in plan.calls] == [("edit", (1,))]


# Deletes


@pytest.mark.parametrize(("gone", "sizes"), [(0, []), (1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_deletes_go_a_hundred_at_a_time(gone: int, sizes: list[int]) -> None:
    """Deletes share calls, in the order of their ids, and stand first."""
    ids = [f"8{index:03}" for index in range(gone)]
    plan = planned(
        desired(agent("9000", name="b")), live(*(live_agent(id_) for id_ in [*ids, "9000"])), policy=REPLACING
    )
    assert [len(call.operator_ids) for call in plan.calls[:-1]] == sizes
    assert [id_ for call in plan.calls[:-1] for id_ in call.operator_ids] == ids
    assert [index for call in plan.calls[:-1] for index in call.actions] == list(range(gone))
    assert plan.calls[-1].kind == "edit"
    assert not any(call.moves_sip for call in plan.calls)


def test_a_delete_frees_every_number_of_its_agents() -> None:
    """Whoever takes the number of any deleted agent comes after the call that deletes it."""
    ids = [f"8{index:03}" for index in range(150)]
    listed = [live_agent(id_, sipNumber=f"6{id_}") for id_ in ids]
    wanted = desired(*(agent(f"900{n}", sipNumber=number) for n, number in enumerate(("68000", "68099", "68100"))))
    plan = planned(wanted, live(*listed), policy=REPLACING)
    assert [(call.kind, len(call.operator_ids), call.moves_sip) for call in plan.calls[:2]] == [
        ("delete", 100, True),
        ("delete", 50, True),
    ]
    assert [call.requires_success_of for call in plan.calls if call.kind == "edit"] == [(2, 0), (2, 0), (2, 1)]


def test_a_delete_with_a_number_among_many_without() -> None:
    """One agent with a number is enough for a delete to move numbers."""
    plan = planned(
        desired(agent("8003")),
        live(live_agent("8001"), live_agent("8002", sipNumber="60001"), live_agent("8003")),
        policy=REPLACING,
    )
    assert plan.calls == (Call("delete", ("8001", "8002"), (0, 1), moves_sip=True),)


# SIP numbers


def test_a_number_is_let_go() -> None:
    """Unbinding is an edit that moves a number and waits for nothing."""
    plan = moved({"8001": None}, {"8001": "60001"})
    assert plan.calls == (Call("edit", ("8001",), (0,), {"sipNumber": None}, moves_sip=True),)


def test_a_free_number_is_taken() -> None:
    """Binding a number that nobody holds waits for nothing."""
    plan = moved({"8001": "60009"}, {"8001": "60001"})
    assert plan.calls == (Call("edit", ("8001",), (0,), {"sipNumber": "60009"}, moves_sip=True),)


def test_a_chain() -> None:
    """Each agent takes its number after the one who holds it took another."""
    held = {"8001": "60001", "8002": "60002", "8003": "60003"}
    plan = moved({"8001": "60002", "8002": "60003", "8003": "60004"}, held)
    assert brief(plan) == [
        ("edit", "8001", {"sipNumber": "60002"}, (1,)),
        ("edit", "8002", {"sipNumber": "60003"}, (2,)),
        ("edit", "8003", {"sipNumber": "60004"}, ()),
    ]
    assert all(call.moves_sip for call in plan.calls)


def test_a_chain_by_way_of_a_delete() -> None:
    """The end of a chain may be an agent that is deleted."""
    held = {"8001": "60001", "8002": "60002", "8003": "60003"}
    assert brief(moved({"8001": "60002", "8002": "60003"}, held)) == [
        ("delete", "8003", {}, ()),
        ("edit", "8001", {"sipNumber": "60002"}, (2,)),
        ("edit", "8002", {"sipNumber": "60003"}, (0,)),
    ]


def test_a_new_agent_takes_a_number_that_is_let_go() -> None:
    """The edit of a new agent comes after its create and after the edit that frees its number."""
    assert brief(moved({"8001": "60002", "8002": None}, {"8002": "60002"})) == [
        ("create", "8001", {"sipNumber": "60002"}, ()),
        ("edit", "8001", {"sipNumber": "60002"}, (0, 2)),
        ("edit", "8002", {"sipNumber": None}, ()),
    ]


def test_two_agents_swap() -> None:
    """In a ring of two, one lets go first, and takes its new number when the other has the old one."""
    assert brief(moved({"8001": "60002", "8002": "60001"}, {"8001": "60001", "8002": "60002"})) == [
        ("edit", "8001", {"sipNumber": None}, ()),
        ("edit", "8001", {"sipNumber": "60002"}, (0, 2)),
        ("edit", "8002", {"sipNumber": "60001"}, (0,)),
    ]


def test_a_swap_with_other_changes() -> None:
    """The unbinding sends nothing else; the rest goes with the new number."""
    wanted = desired(agent("8001", sipNumber="60002", name="b"), agent("8002", sipNumber="60001", status="disabled"))
    plan = planned(wanted, live(live_agent("8001", sipNumber="60001"), live_agent("8002", sipNumber="60002")))
    assert brief(plan) == [
        ("edit", "8001", {"sipNumber": None}, ()),
        ("edit", "8001", {"name": "b", "sipNumber": "60002"}, (0, 2)),
        ("edit", "8002", {"status": "disabled", "sipNumber": "60001"}, (0,)),
    ]


@pytest.mark.parametrize("size", [2, 3, 4, 10, 101])
@pytest.mark.parametrize("step", [1, -1])
def test_a_ring_needs_one_call_more_than_it_has_agents(size: int, step: int) -> None:
    """However long a ring, and whichever way it turns, one agent of it lets go first, and no other."""
    ids = [f"8{index:03}" for index in range(size)]
    held = {id_: f"6{id_}" for id_ in ids}
    plan = moved({id_: f"6{ids[(index + step) % size]}" for index, id_ in enumerate(ids)}, held)
    unbinding = [call for call in plan.calls if call.fields == {"sipNumber": None}]
    assert [call.operator_ids for call in unbinding] == [(ids[0],)]
    assert len(plan.calls) == size + 1


def test_every_ring_has_its_own_breaker() -> None:
    """Two rings and a chain beside them: one unbinding for each ring, none for the chain."""
    held = {f"800{index}": f"6000{index}" for index in range(1, 8)}
    to: dict[str, str | None] = {"8001": "60002", "8002": "60001", "8003": "60005", "8005": "60004", "8004": "60003"}
    to |= {"8006": "60007", "8007": None}
    plan = moved(to, held)
    first = [call.operator_ids[0] for call in plan.calls if call.kind == "edit" and call.fields == {"sipNumber": None}]
    assert first == ["8001", "8003", "8007"]
    assert len(plan.calls) == 7 + 2


def test_a_chain_that_leads_to_somebody_who_lets_go_is_no_ring() -> None:
    """Where the last of a chain only lets go, nobody is unbound twice, wherever the chain is entered."""
    held = {"8001": "60001", "8002": "60002", "8003": "60003"}
    plan = moved({"8001": "60003", "8002": "60001", "8003": None}, held)
    assert brief(plan) == [
        ("edit", "8001", {"sipNumber": "60003"}, (2,)),
        ("edit", "8002", {"sipNumber": "60001"}, (0,)),
        ("edit", "8003", {"sipNumber": None}, ()),
    ]


def test_a_ring_with_a_replace_needs_no_unbinding() -> None:
    """The replace's delete lets go first, and its own number is bound when the ring has turned."""
    held = {"8001": "60001", "8002": "60002", "8003": "60003"}
    plan = moved({"8001": "60002", "8002": "60003", "8003": "60001"}, held, r8002="b")
    assert brief(plan) == [
        ("edit", "8001", {"sipNumber": "60002"}, (1,)),
        ("delete", "8002", {}, ()),
        ("create", "8002", {"sipNumber": "60003", "email": "b"}, (1,)),
        ("edit", "8002", {"sipNumber": "60003"}, (2, 4)),
        ("edit", "8003", {"sipNumber": "60001"}, (0,)),
    ]


def test_a_ring_of_replaces() -> None:
    """Two replaced agents may swap: both deletes come before either edit."""
    plan = moved({"8001": "60002", "8002": "60001"}, {"8001": "60001", "8002": "60002"}, r8001="b", r8002="b")
    assert [(kind, id_, after) for kind, id_, _, after in brief(plan)] == [
        ("delete", "8001", ()),
        ("create", "8001", (0,)),
        ("edit", "8001", (1, 3)),
        ("delete", "8002", ()),
        ("create", "8002", (3,)),
        ("edit", "8002", (4, 0)),
    ]


def test_the_vendors_choice_waits_for_all_that_move() -> None:
    """Only a create that leaves the number to the vendor takes any, and only calls that free or bind one move."""
    wanted = desired(
        *(agent("8001"), agent("8002", sipNumber=None), agent("8003", sipNumber="60003")),
        *(agent("8004", name="b"), agent("8005", sipNumber=None), agent("8006", env(1))),
    )
    listed = live(
        *(live_agent(f"800{index}", sipNumber=f"6100{index}") for index in (4, 5, 6)),
        live_agent("8007", sipNumber="61007"),
    )
    plan = planned(wanted, listed, policy=REPLACING)
    assert [(call.kind, call.operator_ids[0], call.moves_sip, call.takes_any_sip) for call in plan.calls] == [
        ("delete", "8007", True, False),
        ("create", "8001", False, True),
        ("create", "8002", False, False),
        ("edit", "8003", True, False),
        ("edit", "8004", False, False),
        ("edit", "8005", True, False),
        ("password", "8006", False, False),
    ]


def test_a_part_of_a_call() -> None:
    """A part names some of the agents, each with its own action, in the order that is asked for."""
    call = Call("create", ("8001", "8002", "8003"), (4, 5, 7), {"name": "a"}, vendor_password=True)
    part = call.narrowed_to(["8003", "8001"])
    assert part == Call("create", ("8003", "8001"), (7, 4), {"name": "a"}, vendor_password=True)
    assert (call.batch, part.batch, part.narrowed_to(["8001"]).batch) == (True, True, False)


def test_an_action_knows_all_that_it_sets() -> None:
    """What an action sets is what it carries and what it changes, the change winning."""
    changes = (FieldChange("name", "a", "b"),)
    assert Action("replace", "8001", "", None, changes, {"name": "x", "email": "e"}).after == {
        "name": "b",
        "email": "e",
    }
