"""What a plan's page says of a plan, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Guardrail, Note, Plan
from reconciler.core.saved.plan_json import digest
from reconciler.render import html
from tests.browser.plans import HEADING, crowd
from tests.core.build import live_agent
from tests.render.golden_cases import plan_of

from .reading import elements
from .sheet import action, facts, first, having, lines, parsed, planned, words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (7 * 86400, "7 days"),
        (86400, "1 day"),
        (36 * 3600, "36 hours"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (61, "61 seconds"),
        (0, "0 days"),
    ],
)
def test_when_it_expires(seconds: int, said: str) -> None:
    """The life of a plan is told exactly, in the largest unit that can."""
    assert facts(replace(crowd(3), expires_in=seconds))["Expires"] == f"{said} after it was made"


def test_what_it_is_about() -> None:
    """Company, vendor, time, tool, files, counts, digest and who can read the credentials are in the head."""
    plan = replace(crowd(3), desired_agents=1234, live_agents=1233, in_scope=1000, allow_replace=True)
    plan = replace(plan, recipients=("age1x", "age1y"), files=("a.yaml", "b.yaml"))
    root = parsed(plan)
    assert words(next(root.iter("h1"))) == "Plan for acme"
    assert first(root, "where") == "https://vendor.example"
    said = facts(plan)
    assert said["Made"] == "2026-11-22 10:00:00 UTC by reconciler 0.1.0"
    assert said["Agents"] == "1,234 desired, 1,233 live, 1,000 in scope"
    assert said["Files"] == "a.yaml, b.yaml"
    assert said["Company ID"] == "4242"
    assert said["Replacing"] == "allowed, by --allow-replace"
    assert said["Credentials for"] == "age1x, age1y"
    assert said["Digest"].split()[0] == digest(plan)


def test_what_it_costs() -> None:
    """Requests are counted by kind, with the time that they take at the rate; unlimited takes no time to tell."""
    plan = plan_of("mixed")
    assert (
        facts(plan)["Requests"]
        == "8 (2 create, 3 edit, 1 delete, 2 password), the fewest possible; about 0.4 s at 20 a second"
    )
    assert facts(crowd(3))["Requests"] == "none"
    unlimited = html.plan(plan, replace(HEADING, rate=0.0))
    assert "<dd>8 (2 create, 3 edit, 1 delete, 2 password), the fewest possible</dd>" in unlimited


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (plan_of("nothing"), "Nothing to change. 1 agent is as desired."),
        (replace(crowd(0), unchanged=3000), "Nothing to change. 3,000 agents are as desired."),
        (plan_of("swap"), "May be applied. Nothing is blocked, and every guardrail holds."),
        (plan_of("blocked"), "Refused. Nothing of this may be applied as it stands. 3 blocked"),
        (
            plan_of("tripped"),
            "Refused. Nothing of this may be applied as it stands. "
            "maxDeletes: 11 planned, 2 allowed maxChanges: 11 planned, 5 allowed",
        ),
    ],
)
def test_the_verdict(plan: Plan, said: str) -> None:
    """The first thing said is whether it may be applied, and if not, why."""
    assert " ".join(first(parsed(plan), "verdict").split()) == said


@pytest.mark.parametrize(
    ("set_by", "said"),
    [("file", "set in the file"), ("flag", "set by a flag"), ("default", "by default"), ("always", "always on")],
)
@pytest.mark.parametrize(("allowed", "state"), [(2, "tripped"), (3, "ok")])
def test_a_guardrail(set_by: Any, said: str, allowed: int, state: str) -> None:
    """A guardrail tells its rule, its limit and who set it, what is planned of how much, and whose agents counted."""
    rail = Guardrail("maxDeletes", "20%", allowed, 3, ("8001", "8002", "8003"), Text("raise it"), set_by)
    root = parsed(planned(action(), guardrails=(rail,)))
    (limit,) = having(root, "limit")
    told = words(limit)
    assert told.startswith(f"maxDeletes {state} 3 planned of {allowed} allowed limit 20%, {said}")
    assert ("raise it" in told) == (state == "tripped")
    assert words(next(limit.iter("details"))) == "3 agents counted 8001…8003"


def test_blocked_agents_stand_by_their_reason() -> None:
    """Each reason is told once, with all whom it holds up; many of them are folded away."""
    blocked = [replace(action(blocked=Text("held")), operator_id=f"8{2 * n:03}") for n in range(9)]
    root = parsed(planned(*blocked, replace(action(blocked=Text("taken")), operator_id="9000")))
    held, taken = having(root, "reason")
    assert words(held).startswith("held 9 agents 8000, 8002")
    assert words(taken) == "taken 9000"
    assert len(list(held.iter("details"))) == 1
    assert not list(taken.iter("details"))


def test_notes() -> None:
    """What changes nothing and should be known is told, with whose it is."""
    root = parsed(planned(notes=(Note(Text("kept"), ("8001", "8002")), Note(Text("the listing is incomplete")))))
    assert [words(note) for note in having(root, "reason")] == ["kept 8001, 8002", "the listing is incomplete"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (FieldChange("name", "张", "张三"), ["was 张", "becomes 张三"]),
        (FieldChange("roleName", None, "班长", before_known=False), ["was not recorded", "becomes 班长"]),
        (FieldChange("sipNumber", "60001", None), ["was 60001", "becomes none"]),
        (FieldChange("isrecord", True, False), ["was true", "becomes false"]),
        (FieldChange("afterInterval", 0, 10), ["was 0", "becomes 10"]),
        (FieldChange("ttscontent", "", " 您好"), ['was ""', 'becomes " 您好"']),
    ],
)
def test_a_change(change: FieldChange, said: list[str]) -> None:
    """Before and after stand beside each other, spelt as the file does; what nobody knows says so."""
    assert lines(action("edit", change))[change.field] == said


def test_an_edit_that_frees_a_number() -> None:
    """A SIP number that is given up is named, whatever gives it up; a blocked action gives up none."""
    moved = action("edit", FieldChange("sipNumber", "60001", "60002"), live=live_agent(sipNumber="60001"))
    for each in (moved, action("delete", live=live_agent(sipNumber="60001"))):
        assert first(parsed(planned(each)), "aside") == "Frees SIP number 60001"
    assert not having(parsed(planned(replace(moved, blocked=Text("held")))), "aside")


def test_a_delete_says_what_is_lost() -> None:
    """Every value that is not a new agent's, and what only the ledger knows, stands with a deleted agent."""
    live = live_agent(name="张三", mainGroupName="售后一组", isrecord=False, afterInterval=7)
    gone = action("delete", live=live, recorded=LedgerEntry(2, {"roleName": "班长"}))
    assert lines(gone) == {
        "mainGroupName": ["was 售后一组"],
        "afterInterval": ["was 7"],
        "isrecord": ["was false"],
        "roleName": ["was 班长"],
    }
    assert first(parsed(planned(gone)), "caption") == "Lost"
    bare = planned(action("delete", live=live_agent(name="张三")))
    assert first(parsed(bare), "caption") == "Nothing but defaults is lost"


def test_a_replace_says_what_is_carried_over() -> None:
    """What the new agent is given of the old one stands apart from what changes."""
    anew = action("replace", FieldChange("email", "a", "b"), carries={"sipNumber": "60001", "showcaller": None})
    assert lines(anew) == {
        "email": ["was a", "becomes b"],
        "password": ["is generated"],
        "sipNumber": ["is 60001"],
    }
    assert first(parsed(planned(anew)), "caption") == "Carried over"
    assert first(parsed(planned(replace(anew, carries={}))), "caption") == "Nothing to carry over"
    again = planned(action("create", FieldChange("name", None, "张三"), carries={"judge": False}))
    assert first(parsed(again), "caption") == "Given back after a replace that was cut short"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "generated"),
        (PasswordSource("generate", "", 3), "generated, version 3"),
        (PasswordSource("env", "AGENT_PW", 2), "from the environment, AGENT_PW, version 2"),
        (PasswordSource("file", "/run/pw", 1), "from the file /run/pw, version 1"),
    ],
)
def test_where_a_password_comes_from(source: PasswordSource | None, said: str) -> None:
    """Whatever sets a password names its source and its version, as far as there is one."""
    made = action("create", FieldChange("name", None, "张三"), password=source)
    assert lines(made) == {"name": ["is 张三"], "password": [f"is {said}"]}
    if source is None:
        return
    for before, known, was in ((None, False, "not recorded"), (1, True, "version 1")):
        change = FieldChange("password.version", before, source.version, before_known=known)
        assert lines(action("password", change, password=source)) == {"password": [f"was {was}", f"becomes {said}"]}


def test_who_and_where() -> None:
    """A row has id, name, group, and file and line; an agent that no file has says so."""
    live = live_agent(mainGroupName="售后一组")
    root = parsed(planned(action(live=live), replace(action("delete", live=live), place=None)))
    gone, edited = having(root, "who")
    assert words(edited) == "~8001 张三 售后一组 agents.yaml:7"
    assert words(gone) == "−8001 张三 售后一组 not in the file"


def test_whose_doing() -> None:
    """An action says who caused it, and a field only where that is somebody else; without origins nothing is said."""
    changes = (FieldChange("name", "a", "b", origin="change"), FieldChange("email", "c", "d", origin="drift"))
    root = parsed(planned(action("edit", *changes, origin="change")))
    (row,) = having(root, "row")
    assert [words(tag) for tag in having(row, "tag")] == ["change", "drift"]
    assert row.get("data-origin") == "change drift"
    assert words(having(row, "now")[1]) == "becomes d drift"
    plain = parsed(planned(action("edit", FieldChange("name", "a", "b"))))
    assert not having(plain, "tag")
    assert not [it for it in elements(plain) if it.get("id") == "origin"]


def test_a_blocked_row() -> None:
    """A blocked action says what it would be and why it cannot be, and promises no password."""
    root = parsed(planned(action("replace", FieldChange("email", "a", "b"), blocked=Text("fixed at creation"))))
    (row,) = having(root, "row")
    assert first(row, "tag") == "replace"
    assert first(row, "why") == "fixed at creation"
    assert "password" not in words(row)


def test_groups() -> None:
    """Every group can be chosen, each once, with its count; those without one come last."""
    root = parsed(crowd(22))
    (chooser,) = [it for it in root.iter("select") if it.get("id") == "group"]
    names = [words(option) for option in chooser]
    assert names[0] == "All groups"
    assert names[-1].startswith("No group (")
    assert names[1:-1] == sorted(names[1:-1])
    assert sum(int(name.rpartition("(")[2].rstrip(")")) for name in names[1:]) == 22
