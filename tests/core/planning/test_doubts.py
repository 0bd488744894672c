"""What is probably a slip is noted: names, numbers and patterns that nobody has, and numbers that were changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model.desired import DELETE, Company, DesiredAgent, Policy, Removal
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import Doubt, LedgerEntry
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Note, Plan
from reconciler.core.planning.doubts import unknown_ids
from reconciler.core.planning.make_plan import make_plan
from tests.core.build import REPLACING, acts, agent, desired, env, live, live_agent, planned


def noted(plan: Plan, *words: str) -> list[Note]:
    """The notes that hold all the words."""
    return [note for note in plan.notes if all(word in note.message for word in words)]


GROUPS = live(
    live_agent("8001", mainGroupName="夜班组", sipNumber="60001"),
    live_agent("8002", mainGroupName="日班组", sipNumber="60002"),
    live_agent("8003"),
)


@pytest.mark.parametrize(
    ("group", "hint"),
    [
        ("夜班組", "; did you mean 夜班组?"),
        ("夜班组 ", "; did you mean 夜班组?"),
        ("投诉", ""),
        ("夜班组", None),
        ("", None),
    ],
)
def test_a_group_that_nobody_has_is_noted(group: str, hint: str | None) -> None:
    """With a group that was probably meant; not one that a live agent has, and not the leaving of a group."""
    for wanted in (agent("8002", mainGroupName=group), agent("8009", mainGroupName=group)):
        notes = noted(planned(desired(wanted), GROUPS), "mainGroupName")
        expected = [Note(Text(f"no live agent has mainGroupName {group}{hint}"), (wanted.operator_id,))]
        assert notes == (expected if hint is not None else [])


def test_a_group_that_is_live_already_is_no_doubt() -> None:
    """An agent that keeps its group raises none, though nobody else has it."""
    wanted = desired(agent("8001", mainGroupName="夜班组", name="n"), agent("8002"), agent("8003"))
    assert planned(wanted, GROUPS).notes == ()


def test_of_many_groups_some_have_a_note_of_their_own() -> None:
    """Five, and one note for the others, with whom they are for."""
    wanted = desired(*(agent(f"90{index:02}", mainGroupName=f"x{index}") for index in range(12)))
    notes = noted(planned(wanted, GROUPS), "mainGroupName")
    assert [note.operator_ids for note in notes[:5]] == [(f"90{index:02}",) for index in range(5)]
    assert notes[5].message == "no live agent has mainGroupName x5, x6, x7, x8, x9 and 2 more"
    assert notes[5].operator_ids == tuple(f"90{index:02}" for index in range(5, 12))
    assert len(notes) == 6


def test_a_role_that_nobody_is_known_to_have_is_noted() -> None:
    """Roles are never listed: those count that applies gave to agents that are live."""
    ledger = {
        "8001": LedgerEntry(last_sent={"roleName": "客服坐席"}),
        "7001": LedgerEntry(last_sent={"roleName": "班长"}),
    }
    wanted = desired(*(agent(id_, roleName=role) for id_, role in (("8002", "客服座席"), ("8003", "班长"))))
    notes = noted(planned(wanted, GROUPS, ledger), "roleName")
    assert notes == [
        Note(Text("no live agent is known to have roleName 客服座席; did you mean 客服坐席?"), ("8002",)),
        Note(Text("no live agent is known to have roleName 班长"), ("8003",)),
    ]
    known = desired(agent("8002", roleName="客服坐席"), agent("8001"), agent("8003"))
    assert noted(planned(known, GROUPS, ledger), "roleName") == []


def test_sip_numbers_that_nobody_has_are_noted() -> None:
    """In one note; only a number that looks like a live one is guessed, since any other may be free."""
    wanted = desired(
        agent("8001", sipNumber="60002"), agent("8002", sipNumber="6OOO1"), agent("8003", sipNumber="60003")
    )
    (note,) = noted(planned(wanted, GROUPS), "no live agent has sipNumber")
    assert note.operator_ids == ("8002", "8003")
    assert "sipNumber 6OOO1 (is 60001 meant?), 60003: " in note.message
    assert noted(planned(desired(agent("8003", sipNumber=None)), GROUPS), "no live agent has") == []


def test_a_company_without_agents_raises_no_doubts() -> None:
    """There is nothing to hold names and numbers against, and no pattern can match."""
    wanted = desired(agent("8001", mainGroupName="组", roleName="r", sipNumber="60001"), protect=("9*",))
    assert noted(planned(wanted), "no live agent") == []
    assert planned(desired(protect=("9*",)), live()).notes == ()


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("adm*", "adm* (is ADM01 meant?)"),
        ("80O1", "80O1 (is 8001 meant?)"),
        ("9001", "9001"),
        ("7*", "7*"),
        ("ADM*", None),
        ("8001", None),
        ("8009", None),
        ("800[0-9]", None),
    ],
)
def test_a_pattern_that_matches_nobody_is_noted(pattern: str, told: str | None) -> None:
    """In `protect` and in `scope`; live agents and those of the files count; a near match is told."""
    listed = live(live_agent("8001"), live_agent("ADM01"))
    protecting = planned(desired(agent("8009"), protect=(pattern, "8*")), listed)
    assert [note.message for note in noted(protecting, "protect: ")] == (
        [f"protect: no agent matches {told}"] if told else []
    )
    scoped = planned(desired(agent("8009"), scope=("8*", pattern)), listed)
    assert [note.message for note in noted(scoped, "scope: ")] == ([f"scope: no agent matches {told}"] if told else [])


def test_patterns_of_the_command_line_that_match_nobody_are_noted() -> None:
    """By their flag, several at once."""
    policy = Policy(targets=("8*", "x*"), excludes=("7*", "6*"))
    plan = planned(desired(agent("8001")), live(live_agent("8001")), policy=policy)
    assert noted(plan, "--target: no agent matches x*")
    assert noted(plan, "--exclude: no agent matches 7*, 6*")


def test_an_id_of_the_command_line_that_nobody_has_is_found() -> None:
    """With a likely one; a pattern is none, and what a listing leaves out is not known to be nobody's."""
    wanted, listed = desired(agent("8009")), live(live_agent("8001"), live_agent("8002"))
    policy = Policy(targets=("8001", "8009", "8*", "7*"), excludes=("80O1", "77", "8oo9"))
    assert unknown_ids(policy, wanted, listed) == {"80O1": "8001", "77": "", "8oo9": "8009"}
    assert unknown_ids(Policy(targets=("80021",)), wanted, listed) == {"80021": "8002"}
    assert unknown_ids(policy, wanted, live(live_agent("8001"), complete=False)) == {}
    assert unknown_ids(Policy(targets=("7*",)), wanted, listed) == {}


def test_among_very_many_ids_only_a_look_is_guessed() -> None:
    """A search for similar words would take minutes there."""
    listed = live(*(live_agent(str(id_)) for id_ in range(10_000, 16_000)))
    assert unknown_ids(Policy(excludes=("1O001", "1000a")), desired(), listed) == {"1O001": "10001", "1000a": ""}


ZHANG: dict[str, Value] = {"name": "张三", "bindcode": "13800138000"}
LI: dict[str, Value] = {"name": "李四", "bindcode": "13800138001"}


def test_a_number_that_was_changed_is_noted() -> None:
    """Whose, from which to which, and what the agent loses by it."""
    listed = live(
        live_agent("8001", **ZHANG, sipNumber="60001", ttscontent="您好"), live_agent("8002", **LI, mainGroupName="组")
    )
    wanted = desired(agent("9001", **ZHANG, ttscontent=""), agent("9002", **LI, mainGroupName="组"))
    (note,) = noted(planned(wanted, listed), "another number")
    assert note.operator_ids == ("8001", "9001", "8002", "9002")
    assert "another number: 8001 to 9001, 8002 to 9002;" in note.message
    assert "none of its password, role, skills, sipNumber but what the files say" in note.message


@pytest.mark.parametrize(
    ("was", "new"),
    [
        (ZHANG, {**ZHANG, "bindcode": "13900139000"}),
        (ZHANG, {**ZHANG, "name": "张三丰"}),
        (ZHANG, {"name": "张三"}),
        ({"name": "客服"}, {"name": "客服"}),
        ({"bindcode": "95588"}, {"bindcode": "95588"}),
        (ZHANG, LI),
    ],
)
def test_another_person_is_no_changed_number(was: dict[str, Value], new: dict[str, Value]) -> None:
    """Name and phone must both be there, and be the same."""
    plan = planned(desired(agent("9001", **new)), live(live_agent("8001", **was)))
    assert noted(plan, "another number") == []


def test_one_who_stays_or_is_new_has_no_changed_number() -> None:
    """Each old agent is told once, and nobody who is not deleted."""
    listed = live(live_agent("8001", **ZHANG), live_agent("8002", **ZHANG))
    wanted = desired(*(agent(id_, **ZHANG) for id_ in ("8002", "9001", "9002")))
    (note,) = noted(planned(wanted, listed), "another number")
    assert note.operator_ids == ("8001", "9001")
    assert noted(planned(desired(agent("9001", **ZHANG), prune=False), listed), "another number") == []


def test_whoever_is_in_doubt_is_noted_until_a_password_is_set() -> None:
    """Live agents of the files of whom nobody may know the password, but not those who get another with this plan."""
    books = {id_: LedgerEntry(in_doubt="author") for id_ in ("8001", "8003", "8004")}
    books["8002"] = LedgerEntry(in_doubt="password")
    wanted = desired(agent("8001"), agent("8002"), agent("8003", env(1)), agent("8005"))
    plan = planned(wanted, live(*(live_agent(id_) for id_ in ("8001", "8002", "8003", "8005"))), books)
    assert [note.operator_ids for note in noted(plan, "nobody may know the password")] == [("8001", "8002")]


@pytest.mark.parametrize(
    ("companies", "told"),
    [
        (("4242", "4242", ""), []),
        (("4242", "4343", "4343"), ["2 listed agents with another companyId than 4242: 4343;"]),
        (("4343", "x\x1b[2J" * 20, ""), ["2 listed agents with another companyId than 4242: 4343, x\x1b[2J"]),
        (("4343", "", ""), ["1 listed agent with another companyId than 4242: 4343;"]),
    ],
)
def test_rows_of_another_company(companies: tuple[str, ...], told: list[str]) -> None:
    """One note says how many there are, and of which companies; a row that tells none is of nobody else."""
    rows = [replace(live_agent(f"800{n}"), company=company) for n, company in enumerate(companies)]
    plan = planned(desired(*(agent(f"800{n}") for n in range(3))), live(*rows))
    found = [note.message for note in plan.notes]
    assert [each.startswith(start) for each, start in zip(found, told, strict=True)] == [True] * len(told)
    assert all(len(each) < 250 for each in found)
    assert plan.actions == ()


def test_rows_of_another_company_where_the_files_say_none() -> None:
    """Whoever names no companyId is told of none."""
    wanted = replace(desired(agent("8001")), company=Company("acme"))
    assert planned(wanted, live(replace(live_agent("8001"), company="7"))).notes == ()


def test_whoever_was_made_anew_is_named() -> None:
    """An agent of the files whose vendor's id is another than the ledger knows; not one that the plan leaves out."""
    listed = live(*(replace(live_agent(id_), vendor_id=9) for id_ in ("8001", "8002")))
    ledger = {id_: LedgerEntry(1, vendor_id=5) for id_ in ("8001", "8002")}
    wanted = desired(agent("8001"), agent("8002"))
    assert [note.operator_ids for note in noted(planned(wanted, listed, ledger), "made anew")] == [("8001", "8002")]
    some = planned(wanted, listed, ledger, Policy(targets=("8002",)))
    assert [note.operator_ids for note in noted(some, "made anew")] == [("8002",)]


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(("disable", "deed"), [(False, "deletes it"), (True, "disables it")])
def test_whoever_was_made_anew_and_is_in_no_file_is_named(disable: bool, deed: str, learned: bool) -> None:
    """Where the plan does something to them, also where the ledger has learned it just now; protected ones are not."""
    ids = ("8001", "8002", "8003")
    listed = live(*(replace(live_agent(id_), vendor_id=9) for id_ in ids))
    ledger = {id_: LedgerEntry(1, vendor_id=9 if learned else 5) for id_ in ids}
    wanted = replace(desired(agent("8001"), protect=("8003",)), on_remove=Removal(disable))
    plan = make_plan(wanted, listed, ledger, Policy(), others=ids if learned else ())
    told = [(note.operator_ids, f"this plan {deed} (" in note.message) for note in noted(plan, "made anew")]
    assert told == [(("8001",), False), (("8002",), True)]


DOUBTED = LedgerEntry(in_doubt="author")
EDITED, PASSWORD = agent("8001", name="new"), agent("8001", env(1))
TOUCHED: dict[str, tuple[tuple[DesiredAgent, ...], Removal, bool, str]] = {
    "edit": ((EDITED,), DELETE, False, "edits it"),
    "password": ((PASSWORD,), DELETE, False, "sets its password"),
    "both": ((agent("8001", env(1), name="new"),), DELETE, False, "edits it, sets its password"),
    "replace": ((agent("8001", judge=False),), DELETE, False, "deletes it and makes it anew"),
    "delete": ((), DELETE, False, "deletes it"),
    "disable": ((), Removal(disable=True), False, "disables it"),
    "delete later": ((), Removal(disable=True, wait="30d"), True, "deletes it"),
}
"""What the files say of 8001, what becomes of whoever is in none, whether its time is over; and what that does."""


def touching(case: str, *, in_doubt: Doubt = "author") -> Plan:
    """A plan that does something to 8001, of whom there is a doubt."""
    wanted, on_remove, due, _ = TOUCHED[case]
    state = replace(desired(*wanted, agent("8002")), on_remove=on_remove)
    listed = live(live_agent("8001"), live_agent("8002"))
    ledger = {"8001": LedgerEntry(in_doubt=in_doubt)}
    return make_plan(state, listed, ledger, REPLACING, due={"8001"} if due else ())


@pytest.mark.parametrize("case", TOUCHED)
def test_what_a_plan_does_to_whom_nothing_shows_is_noted(case: str) -> None:
    """Whatever it is: the note names the agent and the deed, once, and how to leave the agent as it is."""
    plan = touching(case)
    assert {operator_id for operator_id, _ in acts(plan)} == {"8001"}
    (note,) = noted(plan, "nothing shows")
    assert (note.operator_ids, note.code) == (("8001",), "password-in-doubt")
    assert f"this plan {TOUCHED[case][3]}: " in note.message
    assert "--exclude ID" in note.message


@pytest.mark.parametrize("case", TOUCHED)
def test_a_password_in_doubt_is_of_an_agent_of_ours(case: str) -> None:
    """Nothing is noted of what a plan does to it but that nobody may know the password, while none is set."""
    notes = noted(touching(case, in_doubt="password"), "nothing shows")
    told = case in ("edit", "replace")
    assert [note.message.startswith("nobody may know the password") for note in notes] == [True] * told


@pytest.mark.parametrize(
    "more",
    [{"prune": False}, {"protect": ("8001",)}, {"scope": ("8002",)}],
    ids=["not pruned", "protected", "out of scope"],
)
def test_a_doubt_about_whom_no_file_has_stays(more: dict[str, Any]) -> None:
    """Whoever is kept, though in no file or out of scope, is still noted; so is one who was disabled before."""
    listed = live(live_agent("8001"), live_agent("8002"))
    for entry, told in ((DOUBTED, [("8001",)]), (LedgerEntry(in_doubt="password"), [])):
        plan = planned(desired(agent("8002"), **more), listed, {"8001": entry})
        assert (plan.actions, [note.operator_ids for note in noted(plan, "nothing shows")]) == ((), told)
    disabled = live(live_agent("8001", status="disabled"), live_agent("8002"))
    kept = planned(replace(desired(agent("8002")), on_remove=Removal(disable=True)), disabled, {"8001": DOUBTED})
    assert (kept.actions, [note.operator_ids for note in noted(kept, "nothing shows")]) == ((), [("8001",)])


@pytest.mark.parametrize("removal", [DELETE, Removal(disable=True)])
def test_whose_id_no_file_can_hold_is_named(removal: Removal) -> None:
    """Who is deleted or disabled though no file can name them is noted with what is wrong; a sound id is not."""
    odd = {"8001 ": "SPACE", "8001\u200b": "ZERO WIDTH SPACE", "8000.0": "is a fraction", "8" * 65: "65 characters"}
    here = live(*map(live_agent, (*odd, "8002", "8003")))
    plan = planned(replace(desired(agent("8003")), on_remove=removal), here)
    notes = [note for note in plan.notes if note.code == "unfit-id"]
    assert {id_ for note in notes for id_ in note.operator_ids} == {*odd}
    for note in notes:
        assert odd[note.operator_ids[0]] in note.message
        assert ("disables it" if removal.disable else "deletes it") in note.message
