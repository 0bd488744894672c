"""Annotations for GitHub Actions, read as the runner reads them; and the outputs of a step."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Action, ActionKind, Guardrail, Plan
from reconciler.core.model.problem import Place, Problem
from reconciler.core.saved.plan_json import digest
from reconciler.render import github
from reconciler.render.heading import Heading
from reconciler.render.spelling import spelled_id, spelled_name, spelled_pair
from reconciler.render.terminal import visible
from tests.core.build import live_agent
from tests.exhaustive import Share
from tests.hostile import HOSTILE, assert_holds_for

from .build import different
from .runner import Command, commands, lines, parse, parse_loosely

HEADING = Heading("0.0.0", "2026-11-22T10:00:00Z", 20.0)
KINDS: tuple[ActionKind, ...] = get_args(ActionKind)
LEVELS = {"delete": "warning", "replace": "warning", "password": "notice", "edit": "notice", "create": "notice"}
SOURCE = PasswordSource("env", "CANARY_NAME", 3)


def action(kind: ActionKind = "edit", operator_id: str = "8001", **more: Any) -> Action:
    """An action on line 7, or for a delete on none."""
    place = None if kind == "delete" else Place("teams/a.yaml", 7)
    changes = () if kind == "delete" else (FieldChange("afterInterval", 5, 10),)
    return Action(kind, operator_id, "张三", place, **{"changes": changes, **more})


def trip(**more: Any) -> Guardrail:
    """A guardrail that trips."""
    return replace(Guardrail("maxDeletes", "1", 1, 2, ("8001", "8002"), Text("raise it"), "file"), **more)


def plan(*actions: Action, **more: Any) -> Plan:
    """A plan of these actions."""
    base = Plan(Company("acme", 4242), "0" * 64, ("teams/a.yaml", "teams/b.yaml"), 3, 2, 2, 1, actions, ())
    return replace(base, **more)


def read(made: Plan) -> list[Command]:
    """What the runner makes of the plan: every line of it is a command."""
    printed = github.plan(made, HEADING)
    found = commands(printed)
    assert len(found) == len(lines(printed))
    return found


# The runner


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (
            "::error file=a%2Cb,line=1,title=x%3A::50%25%0Aof",
            Command("error", {"file": "a,b", "line": "1", "title": "x:"}, "50%\nof"),
        ),
        ("  ::add-mask::x::y", Command("add-mask", {}, "x::y")),
        ("::set-output name=a=b,,x=::v", Command("set-output", {"name": "a=b"}, "v")),
        ("said ##[add-mask]x", Command("add-mask", {}, "x")),
        ("##[set-env name=a;b=%5D]x%3B", Command("set-env", {"name": "a", "b": "]"}, "x;")),
        ("said ::error::x", None),
        ("::no-command::x", None),
        ("::error x", None),
        ("##[section]x", None),
    ],
)
def test_the_runner_is_read_right(line: str, command: Command | None) -> None:
    """The parser that the tests stand on finds the commands that a runner finds, and no others."""
    assert parse(line) == command


def test_a_carriage_return_begins_a_line() -> None:
    """A command after a carriage return is one; after a separator that no runner knows it is none."""
    assert [each.data for each in commands("a\r::debug::x\nb\u2028::debug::y")] == ["x"]


def test_marks_can_be_passed_over() -> None:
    """The loose reading finds what is hidden by marks that a culture's search does not see."""
    assert parse("#\ufe0f##\ufe0f[debug]x") is None
    assert parse_loosely("#\ufe0f#\u200d[debug]x") == Command("debug", {}, "x")


# A plan


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_level_and_its_line(kind: ActionKind) -> None:
    """Deletes and replaces are warnings, the rest notices, on the agent's line; a delete has none: on the first."""
    (found,) = read(plan(action(kind)))
    assert found.name == LEVELS[kind]
    assert found.properties["line"] == ("1" if kind == "delete" else "7")
    assert found.properties["file"] == "teams/a.yaml"
    assert kind in found.properties["title"].lower()
    assert "agent 8001 张三: " in found.data


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_blocked_is_an_error(kind: ActionKind) -> None:
    """A blocked action is an error that says why, whatever it would have done."""
    (found,) = read(plan(action(kind, blocked=Text("held by 8009"))))
    assert (found.name, found.properties["title"]) == ("error", "Blocked change")
    assert found.data.endswith(f"{kind} is blocked: held by 8009")


def test_a_trip_is_an_error_with_its_numbers() -> None:
    """A guardrail that trips says how many it allows, who counted and what to do; one that holds says nothing."""
    (found,) = read(plan(guardrails=(trip(planned=1), trip())))
    assert (found.name, found.properties["line"]) == ("error", "1")
    assert found.data == "guardrail maxDeletes: 2 planned, 1 allowed (limit 1): 8001, 8002; raise it"


def test_many_agents_of_a_trip_are_counted() -> None:
    """Of many agents the first are named."""
    (found,) = read(plan(guardrails=(trip(operator_ids=tuple(map(str, range(0, 10_000, 2)))),)))
    assert ": 0, 2, 4, 6, 8, 10, 12, 14 and 4992 more; " in found.data


def test_the_order() -> None:
    """Errors, warnings, notices; in each what weighs most first, since the last are left out first."""
    acts = [action(kind, origin=origin) for origin in ("drift", "change") for kind in KINDS]
    found = read(plan(*acts, action("create", blocked=Text("x")), guardrails=(trip(),)))
    assert [(each.properties["title"], each.data.startswith("drift")) for each in found] == [
        ("Guardrail", False),
        ("Blocked change", False),
        *((title, drift) for title in ("Delete", "Replace", "Password", "Edit", "Create") for drift in (False, True)),
    ]


def test_drift_is_named() -> None:
    """What was changed on the live side says so, in a mixed edit by field; without --since nobody is blamed."""
    fields = (FieldChange("name", "b", "a", origin="change"), FieldChange("judge", True, False, origin="drift"))
    mixed, own = action(changes=fields, origin="change"), action()
    drift = action(changes=(fields[1],), origin="drift")
    told = [each.data for each in read(plan(mixed, own, drift))]
    assert told == [
        "agent 8001 张三: name b → a; judge true → false (drift)",
        "agent 8001 张三: afterInterval 5 → 10",
        "drift, not from this change, and applying reverts it: agent 8001 张三: judge true → false",
    ]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (action("delete", live=live_agent("8001", sipNumber="60001")), "will be deleted; frees SIP number 60001"),
        (action("replace", carries={"judge": True, "email": None}), "anew; afterInterval 5 → 10; carried over: judge"),
        (action("create", carries={"judge": True}), "created; afterInterval 10; given back after a replace: judge"),
        (action(changes=(FieldChange("roleName", None, "班长", before_known=False),)), "roleName not recorded → 班长"),
        (action(changes=(FieldChange("ttscontent", "", None),)), 'ttscontent "" → none'),
    ],
)  # fmt: skip
def test_what_happens_is_told(act: Action, words: str) -> None:
    """An annotation says what changes, and what else happens to the agent."""
    (found,) = read(plan(act))
    assert found.data.endswith(words)


@pytest.mark.parametrize("kind", ["create", "replace", "password"])
@pytest.mark.parametrize("source", [SOURCE, PasswordSource("file", "/CANARY_NAME", 3)])
def test_a_password_is_its_version(kind: ActionKind, source: PasswordSource) -> None:
    """Where a password comes from is never in an annotation; of a password action the version is."""
    version = FieldChange("password.version", 2, 3)
    printed = github.plan(plan(action(kind, changes=(version,), password=source)), HEADING)
    assert "CANARY_NAME" not in printed
    assert ("password.version 2 → 3" in printed) == (kind != "create")


def test_nothing_to_change_is_said() -> None:
    """An empty plan is one notice."""
    (found,) = read(plan(unchanged=12))
    assert (found.name, found.data) == ("notice", "as desired: 12 agents")


def test_a_plan_without_files() -> None:
    """Where there is no file, nothing is put on one."""
    (found,) = read(plan(action("delete"), files=()))
    assert list(found.properties) == ["title"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*KINDS, "blocked", "trip"]), st.integers(1, 30)), max_size=6))
def test_no_more_than_github_shows(amounts: list[tuple[Any, int]]) -> None:
    """Of a level there are ten at most, and what is not shown is counted by kind: nothing is lost."""
    wanted: Counter[str] = Counter()
    for kind, amount in amounts:
        wanted["blocked change" if kind == "blocked" else "guardrail" if kind == "trip" else kind] += amount
    acts = [different(kind, number) for kind in KINDS for number in range(wanted[kind])]
    acts += [different("edit", number, blocked=f"x{number}.") for number in range(wanted["blocked change"])]
    made = plan(*acts, guardrails=(trip(),) * wanted["guardrail"])
    told: Counter[str] = Counter()
    for found in read(made):
        if found.properties["title"] == "More":
            told.update({noun: int(count) for count, noun in re.findall(r"(\d+) ([a-z ]+?)s?[,;]", found.data)})
        elif found.properties["title"] != "Nothing to change":
            told[found.properties["title"].lower()] += 1
    assert told == wanted
    assert all(count <= 10 for count in Counter(each.name for each in read(made)).values())


@pytest.mark.parametrize(("count", "shown"), [(9, 9), (10, 10), (11, 9), (20_000, 9)])
def test_the_tenth_counts_the_rest(count: int, shown: int) -> None:
    """Ten fit; of more there are nine, and the tenth says how many more."""
    found = read(plan(*[different("create", number) for number in range(count)]))
    titles = Counter(each.properties["title"] for each in found)
    assert titles == Counter({"Create": shown, **({"More": 1} if count > 10 else {})})
    told = f"not shown here: {count - 9} creates; reconciler plan shows all; create: "
    ids = "9, 10" if count == 11 else f"9, 10…99, 100…999, 1000…9999, 10000…{count - 1}"
    assert count <= 10 or found[-1].data == told + ids


def test_long_texts_are_cut() -> None:
    """Names and values of any length, wide or made of marks alone, make an annotation that GitHub takes."""
    for long in ("您好" * 50_000, "e" + "\u0301" * 100_000, "\x1b" * 100_000):
        fields = tuple(FieldChange("ttscontent", long, long) for _ in range(16))
        (found,) = read(plan(replace(action(operator_id=long, changes=fields), name=long)))
        assert len(found.data.encode()) < 64_000
        (found,) = read(plan(action(blocked=Text(long))))
        assert len(found.data.encode()) < 64_000


# Hostile text


def spread(text: str) -> Plan:
    """A plan with this text in every place that somebody else can fill."""
    place = Place(f"a{text}.yaml", 7)
    changes = (FieldChange("ttscontent", f"b{text}", text), FieldChange(f"f{text}", text, f"a{text}"))
    acts = [
        Action(
            kind,
            f"8{text}" if kind == "edit" else text,
            text,
            None if kind == "delete" else place,
            changes,
            carries={f"c{text}": text},
            live=live_agent(text, sipNumber=f"6{text}"),
            blocked=Text(blocked),
            password=PasswordSource("env", f"E{text}", 1),
        )
        for kind in KINDS
        for blocked in ("", text)
        if text or not blocked
    ]
    guardrail = trip(rule=f"r{text}", limit=text, operator_ids=(text, f"8{text}"), hint=text)
    return plan(*acts, company=Company(text), endpoint=text, files=(f"a{text}.yaml",), guardrails=(guardrail,))


def shape(found: list[Command]) -> list[tuple[str, list[str], str]]:
    """Commands without what others wrote."""
    return [(each.name, list(each.properties), each.properties["title"]) for each in found]


@pytest.mark.exhaustive(1)
def test_no_text_of_others_is_a_command(share: Share) -> None:
    """Wherever hostile text stands, the runner finds the commands of a harmless plan, also in its loosest reading."""

    def rule(text: str) -> None:
        found, harmless = read(spread(text)), read(spread("x"))
        assert shape(found) == shape(harmless)
        assert {each.properties["file"] for each in found} == {visible(f"a{text}.yaml")}
        for line in lines(github.plan(spread(text), HEADING)):
            loose = parse_loosely(line)
            assert loose is not None
            assert (loose.name, loose.properties["title"]) in {
                (each.name, each.properties["title"]) for each in harmless
            }

    assert_holds_for(share.of_named(HOSTILE, 4), rule)


@pytest.mark.exhaustive(1)
def test_the_visible_text_comes_back(share: Share) -> None:
    """What the runner unescapes is the text, made visible and cut."""

    def rule(text: str) -> None:
        found = read(spread(text))
        (edit,) = [each for each in found if each.properties["title"] == "Edit"]
        assert edit.data.startswith(visible(f"agent {spelled_id(f'8{text}')} {spelled_name(text)}: "))
        assert visible(f"ttscontent {spelled_pair(f'b{text}', text)[0].short} → ") in edit.data
        assert all(visible(each.data) == each.data for each in found)

    assert_holds_for(share.of_named(HOSTILE, 4), rule)


@settings(deadline=None)
@given(st.text())
def test_any_text_at_all(text: str) -> None:
    """The same holds for any text."""
    if text:
        assert shape(read(spread(text))) == shape(read(spread("x")))


def test_no_problem_is_a_command() -> None:
    """Nor can what stands in a file: a problem is one error, and its words come back."""

    def rule(text: str) -> None:
        problem = Problem(Place(f"a{text}.yaml", 7, 3), f"agents[0].{text}", Text(f"no {text}"), Text(text))
        (found,) = commands(github.problems([problem]))
        assert len(lines(github.problems([problem]))) == 1
        assert found.name == "error"
        place = {"file": visible(f"a{text}.yaml"), "line": "7", "col": "3", "title": "Desired state"}
        assert found.properties == place
        hint = f"; {text}" if text else ""
        told = visible(f"at agents[0].{text}: no {text}{hint}")
        assert found.data == (told if len(told) <= 8000 else f"{told[:7999]}…")

    assert_holds_for(HOSTILE, rule)


# Problems


def test_a_problem_stands_at_its_place() -> None:
    """A problem is an error with line and column, the path, what is wrong and what to do."""
    printed = github.problems(
        [Problem(Place("a.yaml", 3, 28), "agents[0].nmae", Text("unknown key"), Text("did you mean name?"))]
    )
    words = "at agents[0].nmae: unknown key; did you mean name?"
    assert printed == f"::error file=a.yaml,line=3,col=28,title=Desired state::{words}\n"


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, 1), (10, 10), (11, 9), (5000, 9)])
def test_many_problems(count: int, shown: int) -> None:
    """Ten problems fit; of more there are nine, and the tenth says how many more. None is nothing at all."""
    found = commands(github.problems([Problem(Place("a.yaml", line + 1), "", Text("wrong")) for line in range(count)]))
    assert [each.data for each in found[:shown]] == ["wrong"] * shown
    assert len(found) == min(count, 10)
    assert count <= 10 or f" {count - 9} problems;" in found[9].data


# Outputs


def test_the_outputs() -> None:
    """A replace is one change, a delete and a create; what is blocked is no change."""
    acts = [*map(action, KINDS), action("delete"), action("create", blocked=Text("x"))]
    made = plan(*acts)
    assert github.outputs(made) == {
        "changes": "6",
        "creates": "2",
        "edits": "1",
        "deletes": "3",
        "replaces": "1",
        "passwords": "1",
        "blocked": "1",
        "refused": "true",
        "digest": digest(made),
    }


def test_who_is_disabled_for_good_counts_as_deleted() -> None:
    """A pipeline that stops at deletes stops where agents are disabled since they are no longer in the file."""
    told = github.outputs(plan(action("edit", removal=True), action("edit", "8002")))
    assert (told["edits"], told["deletes"], told["changes"]) == ("2", "1", "2")


def test_outputs_hold_nothing_of_others() -> None:
    """Whatever a plan is about, an output is a number, true or false, or a digest."""

    def rule(text: str) -> None:
        for name, told in github.outputs(spread(text)).items():
            assert re.fullmatch("[a-z]+", name)
            assert re.fullmatch("[0-9]+|true|false|[0-9a-f]{64}", told)

    assert_holds_for(HOSTILE, rule)


def test_an_empty_plan_is_not_refused() -> None:
    """No change, no refusal."""
    told = github.outputs(plan())
    assert (told["changes"], told["refused"]) == ("0", "false")
