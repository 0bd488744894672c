"""What a reviewer must be able to see, in every format that people read."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.message import Text, text, verbatim
from reconciler.core.model.outcome import StaleAgent
from reconciler.core.model.plan import Action, Note, Plan
from reconciler.core.model.recipient import recipient_label
from reconciler.core.model.report import ActionOutcome, ActionResult, Mismatch, Report
from reconciler.render import FORMATS, outcome
from reconciler.render import json as as_json
from reconciler.render.spelling import LONGEST, spelled_id, spelled_name, spelled_pair, spelled_value
from tests.core.build import live_agent
from tests.core.model.test_recipient import OTHER, ZHANG

from .build import HEADING, KINDS, action, plan

READ: Final = ("text", "markdown", "github", "html")
each_format = pytest.mark.parametrize("format_", READ)


def told(made: Plan, format_: str) -> str:
    """The plan in a format, as people see it: without tags, escapes and the digest."""
    shown = FORMATS[format_](replace(made, desired_sha256=""), HEADING)
    if format_ == "html":
        shown = html.unescape(re.sub(r"<style>.*?</style>|<script>.*?</script>|<[^>]*>", "", shown, flags=re.DOTALL))
    return re.sub("[0-9a-f]{64}", "", shown.replace("%0A", "\n").replace("%25", "%"))


# Keys


@each_format
@pytest.mark.parametrize("count", [1, 3, 20])
def test_keys_are_told_apart(format_: str, count: int) -> None:
    """Recipients that differ in the middle of a key have different names, and nobody is left out of a long list."""
    others = tuple(f"age1{'q' * 50}{number:08}" for number in range(count))
    for key in (ZHANG, OTHER):
        shown = told(plan(action(), recipients=(*others, f"{key} 张三@desk")), format_)
        assert all(name in shown for name in (*others, recipient_label(f"{key} 张三@desk")))


# Notes


@each_format
def test_a_note_is_told(format_: str) -> None:
    """With its words and whom it is about."""
    words = "no live agent has mainGroupName 夜班組; did you mean 夜班组?"
    made = plan(
        *(action("edit", str(8001 + 7 * number)) for number in range(20)), notes=(Note(Text(words), ("9015",)),)
    )
    shown = told(made, format_)
    assert words in shown
    assert "9015" in shown.partition(words)[2]


# Long values


@each_format
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("您好" * 60 + "再见", "您好" * 60 + "请按九"),
        ("x" * 30 + "1" + "y" * 90, "x" * 30 + "2" + "y" * 90),
        ("1" + "y" * 100, "2" + "y" * 100),
        ("x" * 100, "x" * 100 + "!"),
        ("a" + "x" * 60 + "b", "c" + "x" * 60 + "d"),
        ("", "您好" * 1000),
    ],
)
def test_what_differs_in_a_long_value_is_shown(format_: str, before: str, after: str) -> None:
    """Of two long values that differ anywhere, at the end or in the middle, what differs stands on either side."""
    pair = spelled_pair(before, after)
    assert pair[0].own != pair[1].own
    shown = told(plan(action(changes=(FieldChange("ttscontent", before, after),))), format_)
    for pieces in pair:
        assert pieces.own in pieces.short
        assert (pieces.whole if format_ == "html" else pieces.short) in shown


@each_format
@pytest.mark.parametrize("kind", ["create", "edit", "replace"])
def test_a_value_of_a_file_is_never_cut(format_: str, kind: Any) -> None:
    """The longest text that a file may hold is shown from its beginning to its end, new or changed."""
    text = "您好，" + "张" * (LONGEST - 6) + "九键。"
    assert text in told(plan(action(kind, changes=(FieldChange("ttscontent", "", text),))), format_)


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_two_values_never_look_the_same(beginning: str, one: str, other: str, end: str) -> None:
    """Different texts are spelled differently, whole and cut, however much of them is the same."""
    texts = beginning + one + end, beginning + other + end
    pair = spelled_pair(*texts)
    assert (pair[0].short == pair[1].short) == (texts[0] == texts[1])
    assert (pair[0].whole == pair[1].whole) == (texts[0] == texts[1])


# Characters that hide, and texts that pass for others


LOOKS: Final = {
    "id": ["8001", "8001 ", " 8001", "8001\u00a0", "8001\u200b", "８００１", "80\u041e1", "80O1", "8001\ufe0f"],
    "name": ["Zoé", "Zoe\u0301", "Zoé ", "Zoé\u00a0", "Zoe\u0301 ", '"Zoé "', "Zo\u00adé", "Zoé\\xa0", "Zoe\\u0301"],
}


@each_format
@pytest.mark.parametrize("what", LOOKS)
def test_texts_that_look_alike_are_told_apart(format_: str, what: str) -> None:
    """Blanks, hidden characters, other normal forms, other scripts: in no format do two ids or names look the same."""
    shown = []
    for look in LOOKS[what]:
        made = action("delete", look, live=live_agent(look)) if what == "id" else action("delete", "8001", look)
        shown.append(told(plan(made), format_))
    assert all(one.split() != other.split() for one, other in combinations(shown, 2))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("8001", "8001"),
        ("坐席-8001_a.b@c", "坐席-8001_a.b@c"),
        ("8001 ", '"8001 "'),
        ("8003…8009 (7)", '"8003…8009 (7)"'),
        ("8003, 8004", '"8003, 8004"'),
        ("8001 张三", '"8001 张三"'),
        ('"8001"', '"\\"8001\\""'),
        ("", '""'),
        ("80\u201301", "80\\u201301"),
        ("“8002”", "\\u201c8002\\u201d"),
        ("８００４", "\\uff18\\uff10\\uff10\\uff14"),
        ("²", "\\xb2"),
        ("a\\x0a", "a\\x5cx0a"),
    ],
)
def test_an_id_reads_as_one_id(text: str, shown: str) -> None:
    """An id that could be read as a span, a list, or an id with a name stands in quotes."""
    assert spelled_id(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("none", '"none"'),
        (None, "none"),
        ("not recorded", '"not recorded"'),
        ("a → b", '"a → b"'),
        ("…x", '"…x"'),
        ('"x"', '"\\"x\\""'),
        ('\\"x" ', '"\\x5c\\"x\\" "'),
    ],
)
def test_a_value_reads_as_no_word_of_ours(value: Any, shown: str) -> None:
    """A value that reads as what we say of values stands in quotes."""
    assert spelled_value(value) == shown


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a\u2013b", "a-b", ("a\\u2013b", "a-b")),
        ("（一）", "(一)", ("\\uff08一\\uff09", "(一)")),
        ("Анна", "Anna", ("Анна", "Anna")),
        ("it’s", "it's", ("it\\u2019s", "it's")),
    ],
)
def test_what_differs_in_its_codes_alone_is_written_out(before: str, after: str, shown: tuple[str, str]) -> None:
    """Where two values differ only in characters that are drawn alike, these are codes."""
    assert tuple(pieces.short for pieces in spelled_pair(before, after)) == shown


@pytest.mark.parametrize("spelled", [spelled_id, spelled_name, spelled_value])
def test_a_text_of_any_length_is_bounded(spelled: Any) -> None:
    """Of a live text that is longer than any file may hold both ends are shown, and how long it is."""
    shown = spelled("1" * 50_000 + "\u200b" * 50_000 + "9")
    assert len(shown) < 2 * LONGEST
    assert shown.startswith(("1", '"1'))
    assert "(100,001 characters)" in shown
    assert shown.rstrip('"').endswith("9")


# What is alike


def crowd(kind: Any, count: int, step: int = 1, **more: Any) -> list[Action]:
    """So many actions that differ in id and name alone, in one file."""
    return [action(kind, f"{8000 + step * number}", f"坐席甲{number}", **more) for number in range(count)]


ROWS: Final = {
    "text": r"(?m)^[+~±*!-] (?:create|edit|replace|delete|password|blocked)",
    "github": r"(?m)^::",
    "html": r'<li class="row',
    "markdown": r"(?m)^\| (?=`|\d+ agents)|^- Agent|^- \d+ agents",
}


def rows(made: Plan, format_: str) -> int:
    """How many rows a format has for its actions."""
    return len(re.findall(ROWS[format_], FORMATS[format_](made, HEADING)))


@each_format
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("blocked", ["", "held"])
@pytest.mark.parametrize("kind", KINDS)
def test_alike_is_one_row(format_: str, kind: Any, blocked: str, step: int) -> None:
    """Any number of actions of a kind that differ in id and name alone are one row, which names every agent."""
    made = plan(*crowd(kind, 60, step, blocked=blocked))
    assert rows(made, format_) == 1
    shown = told(made, format_)
    if kind == "password" and format_ == "markdown" and not blocked:  # a list of ids
        assert ("`8000…8059`" if step == 1 else "`8000`, `8002`") in shown
    else:
        assert all(f"{each.operator_id} {each.name}" in shown for each in made.actions)


@each_format
@pytest.mark.parametrize(
    "other",
    [
        {"changes": (FieldChange("afterInterval", 6, 10),)},
        {"changes": (FieldChange("afterInterval", 5, 11),)},
        {"changes": (FieldChange("afterInterval", 5, 10), FieldChange("judge", True, False))},
        {"origin": "drift"},
        {"blocked": "held"},
    ],
)
def test_what_differs_has_its_own_row(format_: str, other: Any) -> None:
    """One agent for whom anything else is done, or for another reason, is not lost among the rest."""
    made = plan(*crowd("edit", 40), action("edit", "8044", "李四", **other))
    assert rows(made, format_) == 2


@each_format
@pytest.mark.parametrize("other", [PasswordSource("file", "pw", 2, "b"), PasswordSource("env", "pw", 2, "a")])
def test_another_source_of_a_password_has_its_own_row(format_: str, other: PasswordSource) -> None:
    """A password from a file of the same name in another folder, or from elsewhere, is not lost among the rest."""
    usual = PasswordSource("file", "pw", 2, "a")
    made = plan(*crowd("password", 40, password=usual), action("password", "8044", "李四", password=other))
    assert rows(made, format_) == 2


@each_format
def test_refusals_of_one_reason_are_one_row(format_: str) -> None:
    """What is blocked for one reason is one row, also where the values are each agent's own."""
    blocked = [
        action("replace", f"{8000 + number}", blocked=Text("email can be set only at creation"), changes=changes)
        for number in range(400)
        if (changes := (FieldChange("email", f"{number}@a.example", f"{number}@b.example"),))
    ]
    assert rows(plan(*blocked), format_) == 1
    assert "8000…8399 (400)" in told(plan(*blocked), format_).replace("`", "")


@pytest.mark.parametrize("outcome_", ["failed", "skipped", "partly"])
@pytest.mark.parametrize("message", ["2.1.3: agent {} is locked", "interrupted"])
def test_a_report_tells_one_reason_once(outcome_: Any, message: str) -> None:
    """Hundreds of agents of whom the same was refused, or not tried, are one row; another reason has its own."""
    results = [
        ActionResult(action("delete", f"{8000 + number}"), outcome_, verbatim(message.format(8000 + number)))
        for number in range(400)
    ]
    other = ActionResult(action("delete", "9000", "李四"), outcome_, text("the vendor is busy"))
    shown = outcome.report(Report((*results, other), verified=True))
    assert f"delete 8000…8399 (400)\n      {message.format('8000…8399')}\n" in shown
    assert shown.count("\n! ") + shown.startswith("! ") == 2
    assert "delete 9000 李四\n      the vendor is busy\n" in shown
    sparse = outcome.report(Report(tuple(results[::2]), verified=True))
    assert "delete 200 agents\n      8000, 8002" in sparse
    assert f"\n      {message.format('{operatorId}')}\n" in sparse
    assert max(map(len, sparse.splitlines())) <= 100


def test_what_moved_and_what_is_not_so_is_told_once() -> None:
    """So are agents that moved alike since a review, and those that are not as the vendor said."""
    changes = (FieldChange("afterInterval", 5, 10),)
    moved = [StaleAgent(f"{8000 + number}", text("was changed"), changes) for number in range(40)]
    assert outcome.stale_agents(moved) == (
        "! moved  8000…8039 (40)  was changed\n      afterInterval: reviewed 5, now 10\n"
    )
    mismatches = tuple(Mismatch(f"{8000 + number}", text("is not so"), changes) for number in range(40))
    results = tuple(ActionResult(action("edit", each.operator_id), "done") for each in mismatches)
    shown = outcome.report(Report(results, mismatches, verified=True))
    assert shown.startswith("! not so  8000…8039 (40)  is not so\n      afterInterval: wanted 10, is 5\n")


@pytest.mark.parametrize("more", [(), (Mismatch("8009", text("is not so")),)], ids=["alone", "beside another"])
@pytest.mark.parametrize("ends", ["done", "failed"])
def test_who_may_be_somebody_elses_is_not_called_not_so(ends: ActionOutcome, more: tuple[Mismatch, ...]) -> None:
    """A report calls such agents in doubt, in text and JSON, and says what is to be done: apply again, or look."""
    doubt = Mismatch("8001", text("found at the beginning: it is there; the plan edits it"), in_doubt=True)
    report = Report((ActionResult(action("edit", "8001"), ends),), (*more, doubt), verified=True)
    shown = outcome.report(report)
    assert "! in doubt  8001  found at the beginning" in shown
    assert shown.count("! not so") == len(more)
    last = shown.splitlines()[-1]
    assert ("1 agent is not as the vendor said" in last) is bool(more)
    assert ("every agent of the plan is as desired. 1 agent may be somebody else's" in last) is (
        ends == "done" and not more
    )
    assert ("Run apply again" in last) is (ends == "failed" and not more)
    written = as_json.report(report)["mismatches"]
    assert [each.get("in_doubt", False) for each in written] == [*(False for _ in more), True]
