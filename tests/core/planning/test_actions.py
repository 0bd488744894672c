"""Facts become acts: every row of the table at the head of `plan.py`, what is blocked, and what is noted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.model.desired import DesiredAgent, DesiredState, PasswordSource, Policy
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import Identity, LiveAgent, LiveState
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Action, Note, Plan
from reconciler.core.model.problem import Place
from tests.core.build import REPLACING, act, acts, agent, desired, env, live, live_agent, planned

ALLOW = Policy(allow_replace=True)


def blocked(plan: Plan) -> list[str]:
    """Who is blocked."""
    return [action.operator_id for action in plan.blocked]


# Each row of the table


def test_missing_is_created() -> None:
    """An agent that is not listed is created, with its fields, its password and its place."""
    wanted = agent("8001", env(2), name="张三", email="a")
    assert planned(desired(wanted)).actions == (
        Action(
            "create",
            "8001",
            "张三",
            Place("agents.yaml", 3),
            (FieldChange("name", None, "张三"), FieldChange("email", None, "a")),
            password=env(2),
        ),
    )


@pytest.mark.parametrize(
    ("wanted", "there", "group"),
    [({"mainGroupName": "a"}, "b", "a"), ({"name": "n"}, "b", "b"), ({"name": "n"}, "", ""), (None, "b", "b")],
)
def test_the_group_of_an_action(wanted: dict[str, Value] | None, there: str, group: str) -> None:
    """Whoever reads the plan sees the group after an action, or before a delete."""
    agents = () if wanted is None else (agent("8001", **wanted),)
    plan = planned(desired(*agents, agent("8009")), live(live_agent("8001", mainGroupName=there), live_agent("8009")))
    assert act(plan, "8001").group == group


def test_extra_is_deleted() -> None:
    """A listed agent in scope that is not in the file is deleted, and remembered as it was."""
    gone = live_agent("8002", name="李四", sipNumber="60002")
    assert planned(desired(agent("8001")), live(live_agent("8001"), gone)).actions == (
        Action("delete", "8002", "李四", None, live=gone),
    )


@pytest.mark.parametrize(
    ("prune", "protect", "scope", "complete"),
    [
        (False, (), None, True),
        (True, ("8002",), None, True),
        (True, ("x", "8*"), None, True),
        (True, (), ("8001",), True),
        (True, (), None, False),
    ],
    ids=["prune: false", "protected", "protected by a pattern", "out of scope", "incomplete listing"],
)
def test_extra_is_kept(prune: bool, protect: tuple[str, ...], scope: tuple[str, ...] | None, complete: bool) -> None:
    """Nobody is deleted without pruning, when protected, out of scope, or from an incomplete listing."""
    wanted = desired(agent("8001"), prune=prune, protect=protect, scope=scope)
    found = planned(wanted, live(live_agent("8001"), live_agent("8002"), complete=complete))
    assert found.actions == ()
    assert not found.refused


def test_an_edit() -> None:
    """What an edit can set is edited, and nothing but what differs."""
    listed = live_agent("8001", name="a", sipNumber="60001", email="e")
    assert planned(desired(agent("8001", name="b", email="e", isrecord=True)), live(listed)).actions == (
        Action(
            "edit",
            "8001",
            "b",
            Place("agents.yaml", 3),
            (FieldChange("name", "a", "b"),),
            live=listed,
        ),
    )


@pytest.mark.parametrize(
    ("field", "before", "after", "reason"),
    [
        ("email", "a", "b", "email can be set only at creation"),
        ("isaudio", True, False, "isaudio can be set only at creation"),
        ("judge", 7, True, "judge can be set only at creation"),
        ("afterInterval", 5, 0, "afterInterval 0 can be set only at creation"),
    ],
)
def test_a_fixed_field_is_blocked_or_replaced(field: str, before: Value, after: Value, reason: str) -> None:
    """What is fixed at creation is blocked and says why; with --allow-replace the agent is replaced."""
    wanted, listed = desired(agent("8001", **{field: after})), live(live_agent("8001", **{field: before}))
    found = planned(wanted, listed)
    blocked = act(found, "8001").blocked
    ways = ("take the key out of the file", "--exclude", "--allow-replace deletes the agent and makes it anew")
    assert blocked.startswith(reason)
    assert sorted(ways, key=blocked.index) == list(ways)
    assert (acts(found), found.calls, found.refused) == ([("8001", "replace")], (), True)
    allowed = planned(wanted, listed, policy=ALLOW)
    assert act(allowed, "8001").blocked == ""
    assert (acts(allowed), allowed.refused) == ([("8001", "replace")], False)


def test_every_fixed_field_is_named() -> None:
    """The reason names all fields that cannot be edited, and none that can."""
    found = planned(desired(agent("8001", name="n", afterInterval=0, email="b")), live(live_agent(afterInterval=3)))
    assert act(found, "8001").blocked.startswith("afterInterval 0, email can be set only at creation;")


def test_protect_beats_allow_replace() -> None:
    """A protected agent is never replaced; an edit of it is well."""
    wanted = desired(agent("8001", email="b"), agent("8002", name="b"), protect=("8*",))
    found = planned(wanted, live(live_agent("8001"), live_agent("8002")), policy=ALLOW)
    reason = "email can be set only at creation, and the agent is protected from being replaced"
    assert act(found, "8001").blocked == reason
    assert act(found, "8002").blocked == ""
    assert blocked(found) == ["8001"]


@pytest.mark.parametrize(
    ("recorded", "expected"), [({}, (None, False)), ({"8001": LedgerEntry(1)}, (1, True))], ids=["none", "recorded"]
)
def test_another_version_is_a_password_action(
    recorded: dict[str, LedgerEntry], expected: tuple[int | None, bool]
) -> None:
    """A password of another version than the recorded one is set; a version that is not recorded is not known."""
    wanted = desired(agent("8001", env(2)))
    assert planned(wanted, live(live_agent("8001")), recorded).actions == (
        Action(
            "password",
            "8001",
            "",
            Place("agents.yaml", 3),
            (FieldChange("password.version", expected[0], 2, before_known=expected[1]),),
            password=env(2),
            live=live_agent("8001"),
            recorded=recorded.get("8001", LedgerEntry()),
        ),
    )


def test_an_edit_and_a_password_are_two_actions() -> None:
    """An agent may need both, and each can fail alone; the edit carries no password."""
    found = planned(desired(agent("8001", env(2), name="b")), live(live_agent("8001")))
    assert acts(found) == [("8001", "edit"), ("8001", "password")]
    assert [action.password for action in found.actions] == [None, env(2)]


def test_a_created_or_replaced_agent_gets_its_password_as_it_is_made() -> None:
    """Neither needs a second action, also where the version is the recorded one."""
    wanted = desired(agent("8001", env(2)), agent("8002", env(2), email="b"), agent("8003", env(1), email="b"))
    listed = live(live_agent("8002"), live_agent("8003"))
    found = planned(wanted, listed, {"8002": LedgerEntry(1), "8003": LedgerEntry(1)}, REPLACING)
    assert acts(found) == [("8001", "create"), ("8002", "replace"), ("8003", "replace")]
    assert [action.password for action in found.actions] == [env(2), env(2), env(1)]


def test_a_blocked_agent_still_shows_its_password_change() -> None:
    """What is blocked does not hide the rest of what would be done."""
    found = planned(desired(agent("8001", env(2), email="b")), live(live_agent("8001")))
    assert acts(found) == [("8001", "password"), ("8001", "replace")]
    assert found.summary == {
        "create": 0,
        "edit": 0,
        "replace": 0,
        "delete": 0,
        "password": 1,
        "blocked": 1,
        "unchanged": 0,
    }


@pytest.mark.parametrize(
    ("own", "listed", "name"),
    [({"name": "new"}, "old", "new"), ({"name": ""}, "old", ""), ({}, "old", "old"), ({"isrecord": False}, "", "")],
)
def test_an_action_has_the_agents_name(own: dict[str, Value], listed: str, name: str) -> None:
    """An action shows the desired name, or the live one where the name is not managed."""
    found = planned(desired(agent("8001", env(), **own)), live(live_agent("8001", name=listed)))
    assert {action.name for action in found.actions} == {name}
    assert act(planned(desired(agent("8001"))), "8001").name == ""


# Replace


def test_a_replaced_agent_keeps_what_nobody_asked_to_change() -> None:
    """Live and recorded values are carried over, unmanaged ones too, SIP number included; defaults need not be."""
    listed = live_agent("8001", name="a", email="old", status="disabled", sipNumber="60001", isrecord=True, judge=False)
    ledger = {"8001": LedgerEntry(1, {"roleName": "r", "bindSkillName": "s", "bindSkillLevel": 0})}
    action = act(planned(desired(agent("8001", email="new", name="a")), live(listed), ledger, ALLOW), "8001")
    assert action.changes == (FieldChange("email", "old", "new"),)
    assert action.carries == {
        "name": "a",
        "status": "disabled",
        "sipNumber": "60001",
        "judge": False,
        "roleName": "r",
        "bindSkillName": "s",
    }
    assert action.after == {**action.carries, "email": "new"}


def test_a_replaced_agent_without_a_number_gets_none() -> None:
    """That an agent has no SIP number is carried over too, or the vendor would assign one."""
    action = act(planned(desired(agent("8001", email="b")), live(live_agent("8001")), policy=ALLOW), "8001")
    assert action.carries == {"sipNumber": None}


def test_what_changes_is_not_carried() -> None:
    """A replaced agent's changed fields have their new values, the SIP number as well."""
    wanted = desired(agent("8001", email="b", sipNumber="60002", roleName="new"))
    ledger = {"8001": LedgerEntry(last_sent={"roleName": "old"})}
    action = act(planned(wanted, live(live_agent("8001", sipNumber="60001")), ledger, ALLOW), "8001")
    assert action.carries == {}
    assert action.after == {"sipNumber": "60002", "email": "b", "roleName": "new"}
    assert action.live_sip == "60001"


@pytest.mark.parametrize(
    ("listed", "stuck"),
    [
        ({"outcallflag": 9}, "outcallflag"),
        ({"afterInterval": -1}, "afterInterval"),
        ({"isvideo": 2, "status": "?"}, "status, isvideo"),
    ],
)
def test_a_value_that_cannot_be_given_again_blocks_a_replace(listed: dict[str, Value], stuck: str) -> None:
    """An agent with a live value that create would refuse cannot be made anew."""
    found = planned(desired(agent("8001", email="b")), live(live_agent("8001", **listed)), policy=ALLOW)
    assert act(found, "8001").blocked == f"the live value of {stuck} could not be given to the new agent"


def test_an_unreadable_value_that_is_set_blocks_nothing() -> None:
    """Where the file says what the value shall be, the odd live one is simply replaced."""
    wanted = desired(agent("8001", email="b", outcallflag="allowed"))
    assert not planned(wanted, live(live_agent("8001", outcallflag=9)), policy=ALLOW).blocked


def test_an_agent_whose_replace_was_cut_short_gets_back_what_it_had() -> None:
    """Deleted and not made anew, it is created with what it is owed; the file's values and password come first."""
    ledger = {"8001": LedgerEntry(to_restore={"name": "old", "sipNumber": "60001", "status": "disabled"})}
    found = planned(desired(agent("8001", env(1), name="new")), ledger=ledger)
    action = act(found, "8001", "create")
    assert action.changes == (FieldChange("name", None, "new"),)
    assert action.carries == {"sipNumber": "60001", "status": "disabled"}
    assert action.password == env(1)
    assert [(call.kind, call.fields) for call in found.calls] == [
        ("create", {"sipNumber": "60001", "name": "new"}),
        ("edit", {"sipNumber": "60001", "status": "disabled"}),
    ]


def test_an_agent_that_was_made_and_not_finished_gets_the_rest_by_an_edit() -> None:
    """Made anew and not edited, it still gets what it is owed, although the file does not manage it."""
    ledger = {"8001": LedgerEntry(to_restore={"sipNumber": "60001", "status": "disabled", "name": "old"})}
    found = planned(desired(agent("8001")), live(live_agent("8001", name="old")), ledger)
    assert act(found, "8001").after == {"status": "disabled", "sipNumber": "60001"}
    assert acts(found) == [("8001", "edit")]


MADE = 1_700_000_000_000


@pytest.mark.parametrize(
    ("listed", "owed"),
    [
        (Identity(7, MADE), True),
        (Identity(8, MADE + 1), False),
        (Identity(8), False),
        (Identity(7, MADE + 60_000), False),
    ],
    ids=["the same", "another id", "another id alone", "another ctime"],
)
def test_a_newcomer_is_owed_nothing_where_the_ledger_knows_another_agent(listed: Identity, owed: bool) -> None:
    """A ledger that has no word of doubt, as older versions wrote it, gives what it owes to the agent that it knows."""
    entry = LedgerEntry(to_restore={"name": "old", "status": "disabled"}, vendor_id=7, created=MADE)
    agents = live(replace(live_agent("8001", name="new"), vendor_id=listed.vendor_id, created=listed.created))
    assert acts(planned(desired(agent("8001")), agents, {"8001": entry})) == [("8001", "edit")] * owed


# SIP numbers that stay

STAYS = "SIP number 60001 is held by {}, from whom nothing in this plan takes it"


STAYING = {
    "not managed": desired(agent("8001", sipNumber="60001"), agent("8002")),
    "edited otherwise": desired(agent("8001", sipNumber="60001"), agent("8002", name="b")),
    "not pruned": desired(agent("8001", sipNumber="60001"), prune=False),
    "protected": desired(agent("8001", sipNumber="60001"), protect=("8002",)),
    "out of scope": desired(agent("8001", sipNumber="60001"), scope=("8001",)),
}


@pytest.mark.parametrize("wanted", STAYING.values(), ids=list(STAYING))
@pytest.mark.parametrize("others", [(), (live_agent("8001"),)], ids=["create", "edit"])
def test_a_number_that_its_holder_keeps(wanted: DesiredState, others: tuple[LiveAgent, ...]) -> None:
    """Who wants a SIP number that stays where it is, is blocked, and told who holds it."""
    found = planned(wanted, live(live_agent("8002", sipNumber="60001"), *others))
    assert blocked(found) == ["8001"]
    assert act(found, "8001").blocked == STAYS.format("8002")
    assert found.refused


def test_a_number_of_an_agent_that_an_incomplete_listing_keeps() -> None:
    """Nobody is deleted from an incomplete listing, so that no number comes free by it."""
    wanted, listed = desired(agent("8001", sipNumber="60001")), live_agent("8002", sipNumber="60001")
    assert blocked(planned(wanted, live(listed, complete=False))) == ["8001"]
    assert blocked(planned(wanted, live(listed))) == []


@pytest.mark.parametrize(
    ("other", "policy"),
    [
        (agent("8002", sipNumber=None), Policy()),
        (agent("8002", sipNumber="60002"), Policy()),
        (agent("8002", sipNumber="60002", email="b"), ALLOW),
        (None, Policy()),
    ],
    ids=["let go", "given another", "replaced with another", "deleted"],
)
def test_a_number_that_its_holder_gives_up(other: DesiredAgent | None, policy: Policy) -> None:
    """A number is free to take when its holder is edited, replaced or deleted so that it lets go."""
    wanted = [agent("8001", sipNumber="60001"), *([other] if other else [])]
    found = planned(desired(*wanted), live(live_agent("8002", sipNumber="60001")), policy=policy)
    assert not found.blocked
    assert ("8001", "create") in acts(found)


def test_a_replaced_holder_takes_its_number_along() -> None:
    """A replace that does not change the number gives nothing up, although it deletes."""
    wanted = desired(agent("8001", sipNumber="60001"), agent("8002", email="b"))
    found = planned(wanted, live(live_agent("8002", sipNumber="60001")), policy=ALLOW)
    assert blocked(found) == ["8001"]
    assert act(found, "8002").carries == {"sipNumber": "60001"}


def test_an_agents_own_number_is_no_obstacle() -> None:
    """An agent that keeps the number that it holds waits for nobody."""
    wanted = desired(agent("8001", sipNumber="60001", email="b"))
    assert not planned(wanted, live(live_agent("8001", sipNumber="60001")), policy=ALLOW).blocked


def test_blocks_propagate() -> None:
    """Who waits for somebody who waits for a number that stays is blocked too, and the whole chain with them."""
    wanted = desired(
        agent("8001", sipNumber="60002"),
        agent("8002", sipNumber="60003"),
        agent("8003", sipNumber="60004"),
        agent("8004"),
        agent("8005", sipNumber="60001"),
        agent("8006", sipNumber="60009"),
    )
    numbers = {"8001": "60001", "8002": "60002", "8003": "60003", "8004": "60004", "8006": "60006"}
    found = planned(wanted, live(*(live_agent(id_, sipNumber=number) for id_, number in numbers.items())))
    assert blocked(found) == ["8001", "8002", "8003", "8005"]
    assert act(found, "8005").blocked == STAYS.format("8001")
    assert act(found, "8006").blocked == ""


def test_a_block_of_another_kind_propagates() -> None:
    """Who waits for the number of an agent whose replace is blocked is blocked as well."""
    wanted = desired(agent("8001", email="b", sipNumber=None), agent("8002", sipNumber="60001"))
    listed = live(live_agent("8001", sipNumber="60001"))
    assert blocked(planned(wanted, listed)) == ["8001", "8002"]
    assert not planned(wanted, listed, policy=ALLOW).blocked


def test_a_ring_with_one_that_stays_is_blocked_whole() -> None:
    """When one of a ring cannot move, because it is protected from a replace, nobody of it can."""
    ids, numbers = ("8001", "8002", "8003"), ("60001", "60002", "60003")
    wanted = [agent(id_, sipNumber=number) for id_, number in zip(ids, (*numbers[1:], numbers[0]), strict=True)]
    wanted[1] = agent("8002", sipNumber="60003", email="b")
    listed = live(*(live_agent(id_, sipNumber=number) for id_, number in zip(ids, numbers, strict=True)))
    assert blocked(planned(desired(*wanted, protect=("8002",)), listed, policy=ALLOW)) == list(ids)
    assert not planned(desired(*wanted), listed, policy=ALLOW).blocked


def test_a_listing_in_which_two_hold_one_number() -> None:
    """Should the vendor list one number twice, both must let go."""
    listed = LiveState({id_: LiveAgent(id_, {"name": "", "sipNumber": "60001"}) for id_ in ("8002", "8003")})
    one = desired(agent("8001", sipNumber="60001"), agent("8002", sipNumber=None), agent("8003"))
    assert act(planned(one, listed), "8001").blocked == STAYS.format("8003")
    assert not planned(desired(agent("8001", sipNumber="60001"), agent("8002", sipNumber=None)), listed).blocked


def test_a_password_action_is_not_blocked_with_its_agent() -> None:
    """A number that cannot be had blocks the edit that wants it and not the agent's password."""
    wanted = desired(agent("8001", env(1), sipNumber="60001"), agent("8002"))
    found = planned(wanted, live(live_agent("8001"), live_agent("8002", sipNumber="60001")))
    assert blocked(found) == ["8001"]
    assert act(found, "8001", "password").blocked == ""


# Notes


def test_nothing_to_note() -> None:
    """A plan says nothing where there is nothing to say."""
    assert planned(desired(agent("8001", name="a")), live(live_agent("8002"))).notes == ()


def test_notes() -> None:
    """Who is kept and why, and what cannot be known, is told with the agents it is about."""
    wanted = desired(agent("8001", bindSkillName="s"), agent("8002", bindSkillName="s"), protect=("adm*",))
    agents = [live_agent(id_) for id_ in ("8001", "8002", "admin", "8009")]
    unknowable = Note(
        Text("bindSkillName can be set only at creation, is never listed and not recorded: left as it is"),
        ("8001", "8002"),
    )
    protected = Note(Text("not in the file, and kept because they are protected"), ("admin",))
    assert planned(wanted, live(*agents)).notes == (protected, unknowable)
    incomplete = planned(wanted, live(*agents, complete=False))
    assert incomplete.notes == (
        Note(Text("the listing is incomplete: nothing is deleted")),
        protected,
        unknowable,
    )
    assert [note.operator_ids for note in planned(desired(prune=False), live(*agents)).notes] == [
        ("8001", "8002", "8009", "admin")
    ]


def test_what_cannot_be_known_is_no_change() -> None:
    """An agent with nothing but a field that cannot be known is unchanged."""
    found = planned(desired(agent("8001", bindSkillName="s")), live(live_agent("8001")))
    assert (found.actions, found.summary["unchanged"]) == ((), 1)


# The plan as a whole


def test_the_plan_counts() -> None:
    """The summary adds up to the desired agents, deletes apart; calls are counted by endpoint."""
    wanted = desired(
        agent("8001", status="disabled"),
        agent("8002", name="b"),
        agent("8003", email="b"),
        agent("8004", env(1)),
        agent("8005", env(1), name="b"),
        agent("8006", sipNumber="60009"),
        agent("8007"),
        scope=("8*",),
    )
    listed = [live_agent(f"800{index}") for index in range(2, 9)] + [live_agent("9001", sipNumber="60009")]
    found = planned(wanted, live(*listed), policy=REPLACING)
    assert found.summary == {
        "create": 1,
        "edit": 2,
        "replace": 1,
        "delete": 1,
        "password": 2,
        "blocked": 1,
        "unchanged": 1,
    }
    assert found.call_counts == {"create": 2, "edit": 3, "delete": 2, "password": 2, "total": 9}
    assert (found.desired_agents, found.live_agents, found.in_scope) == (7, 8, 7)
    assert (found.company, found.files, found.desired_sha256) == (wanted.company, wanted.files, wanted.sha256)


def test_actions_are_sorted_by_id_and_kind() -> None:
    """Actions stand in the order of their agents' ids as text, then by kind."""
    wanted = desired(agent("9", env(), name="b"), agent("10"), agent("8", email="b"))
    found = planned(wanted, live(live_agent("9"), live_agent("8"), live_agent("85")))
    assert acts(found) == [("10", "create"), ("8", "replace"), ("85", "delete"), ("9", "edit"), ("9", "password")]


def test_an_unchanged_company_has_an_empty_plan() -> None:
    """Where everything is as it should be there is no action, no call and no refusal."""
    password = PasswordSource("generate", "", 3)
    wanted = desired(agent("8001", password, name="a", sipNumber="60001", roleName="r"))
    ledger = {"8001": LedgerEntry(3, {"roleName": "r"})}
    found = planned(wanted, live(live_agent("8001", name="a", sipNumber="60001")), ledger)
    assert (found.actions, found.calls, found.notes, found.refused) == ((), (), (), False)
