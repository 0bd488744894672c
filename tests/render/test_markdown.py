"""The report for a pull request's comment, read as GitHub's parser reads it."""

from __future__ import annotations

import re

import pytest

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Note, Plan, SetBy
from reconciler.core.saved.plan_json import digest
from reconciler.render import markdown
from reconciler.render.heading import Heading
from reconciler.render.markdown import marker
from tests.core.build import live_agent
from tests.hostile import HOSTILE, assert_holds_for

from .build import HEADING, KINDS, action, plan
from .reading import by_cmark, codes, outside_code, tables, text
from .report import DRIFT, assert_adds_up, create, sections, told, trip

# The head


def test_the_first_line_is_the_marker() -> None:
    """A comment is found again by its first line, which a reader does not see."""
    written = told(company=Company("acme"))
    assert written.splitlines()[0] == marker(Company("acme"))
    assert "reconciler:plan" not in text(by_cmark(written))


def test_a_marker_holds_nothing_of_a_name() -> None:
    """A company's marker is digits of a hash: it can neither be left nor be forged with a name."""

    def rule(hostile: str) -> None:
        assert re.fullmatch(r"<!-- reconciler:plan:[0-9a-f]{12} -->", marker(Company(hostile)))

    assert_holds_for(HOSTILE, rule)


def test_each_company_has_its_marker() -> None:
    """Two companies have two comments; one company has one, whatever its id."""
    markers = {marker(Company(name)) for name in ("acme", "Acme", "", "张三", "\ud800", "\udfff")}
    assert len(markers) == 6
    assert marker(Company("acme", 1)) == marker(Company("acme"))


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (plan(), "Nothing to change"),
        (plan(action()), "1 change"),
        (plan(action(), action("delete", "8002")), "2 changes"),
        (plan(*(action(operator_id=str(number)) for number in range(1200))), "1,200 changes"),
        (plan(action(origin="change"), action("delete", "8002", origin="drift")), "2 changes, 1 of drift"),
        (plan(action(blocked=Text("held"))), "Refused: 1 blocked action"),
        (plan(action(), guardrails=(trip(),)), "Refused: 1 tripped guardrail"),
        (
            plan(action(blocked=Text("a")), action(blocked=Text("b")), guardrails=(trip(), trip(), trip(allowed=3))),
            "Refused: 2 tripped guardrails and 2 blocked actions",
        ),
    ],
)
def test_the_verdict(made: Plan, verdict: str) -> None:
    """The first heading says what the plan comes to."""
    headings = [text(element) for element in by_cmark(markdown.plan(made, HEADING)).iter("h3")]
    assert headings == [verdict]


def test_counts() -> None:
    """The first table has the numbers of the summary and of the calls."""
    made = plan(*(action(kind, f"80{kind}") for kind in KINDS), action(blocked=Text("held")), unchanged=1234)
    (head, numbers), *_ = tables(by_cmark(markdown.plan(made, HEADING)))
    assert dict(zip(head, numbers, strict=True)) == {
        **{name: f"{count:,}" for name, count in made.summary.items()},
        "API calls": str(made.call_counts["total"]),
        "fewest possible": str(made.fewest_calls),
    }


def test_whose_agents_and_where() -> None:
    """Company and endpoint are said, and how many agents there are."""
    words = outside_code(by_cmark(told(desired_agents=1, live_agents=1234)))
    assert "Company · at ·: 1 agent desired, 1,234 live, 2 in scope." in words
    assert codes(by_cmark(told()))[:2] == ["acme", "https://vendor.example"]


def test_the_most_important_comes_first() -> None:
    """Trips, then what is blocked, then deletes, replaces, passwords, edits and creates; notes at the end."""
    actions = [action(kind, f"8{number}") for number, kind in enumerate(KINDS)]
    written = told(*actions, action(blocked=Text("held")), guardrails=(trip(),), notes=(Note(Text("kept")),))
    kinds = ["deletes", "replaces", "passwords", "edits", "creates"]
    assert list(sections(written)) == ["tripped guardrails", "blocked actions", *kinds, "notes"]


@pytest.mark.parametrize("count", [1, 2])
def test_output_depends_on_the_plan_alone(count: int) -> None:
    """Neither time nor tool nor rate nor colour is in a comment: it changes when the plan does."""
    made = plan(*(action(operator_id=f"800{number}") for number in range(count)))
    first = markdown.plan(made, Heading("1", "2026-01-01T00:00:00Z", 1.0))
    assert first == markdown.plan(made, Heading("2", "2027-02-02T00:00:00Z", 9.0, color=True))


# Guardrails, notes, and how to go on


@pytest.mark.parametrize(
    ("set_by", "words"),
    [
        ("file", "set in the file"),
        ("flag", "set by a flag, which overrides the file"),
        ("default", "the default"),
        ("always", "always in force"),
    ],
)
def test_who_set_a_limit(set_by: SetBy, words: str) -> None:
    """A limit says who set it, whether it trips or not."""
    tripped = told(guardrails=(trip(set_by=set_by),))
    assert f"Limit · ·, {words}: 3 planned, 2 allowed\n" in outside_code(by_cmark(tripped))
    kept = told(guardrails=(trip(set_by=set_by, allowed=1234),))
    assert f"In force: · ·, {words} (3 planned, 1,234 allowed)." in outside_code(by_cmark(kept))


def test_a_trip() -> None:
    """A trip names rule, limit, the agents that counted, and what to do about it."""
    (item,) = by_cmark(told(guardrails=(trip(),))).iter("li")
    assert codes(item) == ["maxDeletes", "20%", "8001…8003", "raise it"]
    assert "[!CAUTION]" in told(guardrails=(trip(),))
    assert "[!CAUTION]" not in told(action())


@pytest.mark.parametrize(("count", "more"), [(20, None), (21, "and 1 more"), (5000, "and 4,980 more")])
def test_many_agents_of_a_trip(count: int, more: str | None) -> None:
    """Of many agents that counted twenty are named, and the rest are a number."""
    written = told(guardrails=(trip(operator_ids=tuple(str(2 * number) for number in range(count))),))
    assert len(codes(next(by_cmark(written).iter("li")))) == min(count, 20) + 3
    assert ("more" in outside_code(by_cmark(written))) == bool(more)
    assert (more or "") in written


@pytest.mark.parametrize("allowed", [True, False])
def test_replacing_is_said(allowed: bool) -> None:
    """That a flag allows replaces is said, and only then."""
    assert ("--allow-replace" in told(action(), allow_replace=allowed)) == allowed


def test_who_reads_the_passwords() -> None:
    """Recipients are named: a change of them gives away every new password."""
    assert {"age1abc", "age1def"} <= set(codes(by_cmark(told(action(), recipients=("age1abc", "age1def")))))


def test_notes() -> None:
    """A note is its words and its agents."""
    (with_ids, without) = by_cmark(told(notes=(Note(Text("kept"), ("8001", "8002")), Note(Text("odd"))))).iter("li")
    assert (codes(with_ids), codes(without)) == (["kept", "8001", "8002"], ["odd"])


def test_how_to_apply() -> None:
    """A plan that may be applied says with which command, by its digest."""
    made = plan(action(), expires_in=7 * 86400)
    written = markdown.plan(made, HEADING)
    assert codes(by_cmark(written))[-2:] == [digest(made), f"reconciler apply --expect {digest(made)}\n"]
    assert "(7 days)" in written


@pytest.mark.parametrize("made", [plan(), plan(action(blocked=Text("held"))), plan(action(), guardrails=(trip(),))])
def test_what_cannot_be_applied(made: Plan) -> None:
    """A plan that is refused or empty has a digest and no command."""
    written = markdown.plan(made, HEADING)
    assert digest(made) in codes(by_cmark(written))
    assert "apply --expect" not in written


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (86400, "1 day"),
        (604800, "7 days"),
        (3600, "1 hour"),
        (43200, "12 hours"),
        (90, "90 seconds"),
        (60, "1 minute"),
        (90000, "25 hours"),
        (86401, "86,401 seconds"),
    ],
)
def test_how_long_a_review_holds(seconds: int, words: str) -> None:
    """A span of time is said in the largest unit that says it exactly."""
    assert f"({words})" in told(action(), expires_in=seconds)


# Actions


def test_a_blocked_action() -> None:
    """Who, what was meant, why not, where it stands, and the change that is asked for."""
    one, two = (
        FieldChange("email", "a@example.com", "b@example.com"),
        FieldChange("name", None, "李", before_known=False),
    )
    found = sections(
        told(action("replace", blocked=Text("fixed"), changes=(one, two)), action("delete", blocked=Text("kept")))
    )
    first, second = found["blocked actions"].rows
    changes = "email: a@example.com → b@example.comname: not recorded → 李"
    assert first == ["8001", "张三", "replace", "fixed", "agents.yaml:7", changes]
    assert second == ["8001", "张三", "delete", "kept", "not in the file", ""]


def test_a_delete() -> None:
    """Who goes, from which group, and the SIP number that is free then."""
    live = live_agent("8001", mainGroupName="售后", sipNumber="60001")
    found = sections(told(action("delete", live=live), action("delete", "8002", "")))["deletes"]
    assert found.rows == [["8001", "张三", "售后", "60001"], ["8002", '""', "none", "none"]]


def test_an_edit() -> None:
    """One row for each field, the agent named in the first of them; what is no text stands apart from what is."""
    changes = (
        FieldChange("name", "张", "none"),
        FieldChange("sipNumber", "60001", None),
        FieldChange("judge", True, False),
        FieldChange("roleName", None, "班长", before_known=False),
    )
    written = told(action(changes=changes))
    assert sections(written)["edits"].rows == [
        ["8001", "张三", "name", "张", '"none"'],
        ["", "", "sipNumber", "60001", "none"],
        ["", "", "judge", "true", "false"],
        ["", "", "roleName", "not recorded", "班长"],
    ]
    assert [text(element) for element in by_cmark(written).iter("em")] == ["none", "not recorded"]


def test_a_replace() -> None:
    """What changes, what is carried over, and where the password comes from."""
    source = PasswordSource("env", "AGENT_PW", 2)
    found = sections(told(action("replace", carries={"judge": True, "email": None}, password=source)))["replaces"]
    assert found.rows == [
        ["8001", "张三", "afterInterval", "5", "10"],
        ["", "", "carried over", "", "judge"],
        ["", "", "password", "", "from the environment variable AGENT_PW"],
    ]
    assert ["", "", "carried over", "", "nothing"] in sections(told(action("replace")))["replaces"].rows


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (PasswordSource("env", "AGENT_PW", 2), "from the environment variable AGENT_PW"),
        (PasswordSource("file", "/run/pw", 1), "from the file /run/pw"),
        (PasswordSource("generate", "", 3), "a generated one"),
    ],
)
def test_a_password(source: PasswordSource, words: str) -> None:
    """Of a password the id is said and where it comes from."""
    version = (FieldChange("password.version", 1, source.version),)
    found = sections(told(action("password", password=source, changes=version)))["passwords"]
    assert found.rows == [[f"Agent 8001, {words}"]]


def test_what_is_given_back() -> None:
    """What an agent is still owed after a replace that was cut short is named."""
    words = "given back after a replace that was cut short"
    edit = told(action(carries={"judge": True}))
    assert sections(edit)["edits"].rows[1] == ["", "", words, "", "judge"]
    assert f"{words} judge" in sections(told(create("8001", carries={"judge": True})))["creates"].rows[0][3]


def test_a_create() -> None:
    """Who, in which group, and every value that is set, also the one that says none."""
    changes = (
        FieldChange("name", None, "张三"),
        FieldChange("mainGroupName", None, "售后"),
        FieldChange("sipNumber", None, None),
        FieldChange("judge", False, True),
    )
    found = sections(told(action("create", changes=changes)))["creates"]
    assert found.rows == [["8001", "张三", "售后", "sipNumber none, judge true, password a generated one"]]


# Origins


def test_drift_stands_apart() -> None:
    """What this change does comes first; what somebody did on the live side has its own heading."""
    actions = [action(kind, f"8{number}", origin="drift") for number, kind in enumerate(KINDS)]
    actions += [action(kind, f"9{number}", origin="change") for number, kind in enumerate(KINDS)]
    written = told(*actions)
    found = assert_adds_up(written, plan(*actions))
    kinds = ["deletes", "replaces", "passwords", "edits", "creates"]
    assert list(found) == [*kinds, *(f"drift {kind}" for kind in kinds)]
    headings = [text(element) for element in by_cmark(written).iter("h4")]
    assert headings == ["From this change", DRIFT]
    assert "drift" not in str([found[kind].rows for kind in found])


def test_a_mixed_edit_marks_what_is_drift() -> None:
    """In an edit of this change the fields that drifted are marked."""
    changes = (FieldChange("name", "a", "b", origin="change"), FieldChange("judge", True, False, origin="drift"))
    found = sections(told(action(changes=changes, origin="change")))
    assert list(found) == ["edits"]
    assert [row[2] for row in found["edits"].rows] == ["name", "judge (drift)"]


def test_a_blocked_action_of_drift_is_marked() -> None:
    """What is blocked stands together, and says what is drift."""
    found = sections(told(action(blocked=Text("a"), origin="drift"), action(blocked=Text("b"), origin="change")))
    assert [row[2] for row in found["blocked actions"].rows] == ["edit (drift)", "edit"]


def test_without_origins_nobody_is_blamed() -> None:
    """When nobody asked for origins, there is no word of drift, and no heading more."""
    written = told(action(), action("delete", "8002"))
    assert "rift" not in written
    assert "From this change" not in written
