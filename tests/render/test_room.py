"""How a report of any size fits into a comment: runs, folds, cuts, and counts that add up."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import Text, noun
from reconciler.core.model.plan import Action, ActionKind, Note, Plan
from reconciler.render import markdown
from reconciler.render.markdown import LIMIT
from reconciler.render.room import Section
from tests.fuzz import examples
from tests.hostile import HOSTILE

from .build import HEADING, KINDS, action, different, plan
from .reading import by_cmark, codes
from .report import Read, assert_adds_up, assert_well_formed, create, sections, shown, told, trip

# Runs of new agents


@pytest.mark.parametrize(
    ("agents", "rows"),
    [
        ([("8100", "外呼 8100"), ("8101", "外呼 8101"), ("8102", "外呼 8102")], [("8100…8102 (3)", "外呼 8100…8102")]),
        ([("8100", "a"), ("8101", "a")], [("8100…8101 (2)", "a")]),
        ([("8100", "a"), ("8102", "a")], [("8100", "a"), ("8102", "a")]),
        ([("8100", "a"), ("8101", "b")], [("8100", "a"), ("8101", "b")]),
        ([("8100", "8100"), ("8101", "8100")], [("8100", "8100"), ("8101", "8100")]),
        ([("0099", ""), ("0100", "")], [("0099…0100 (2)", '""')]),
        ([("99", ""), ("100", "")], [("99", '""'), ("100", '""')]),
        ([("a1", ""), ("a2", "")], [("a1", '""'), ("a2", '""')]),
        ([("１", ""), ("２", "")], [("\\uff11", '""'), ("\\uff12", '""')]),
        ([("²", ""), ("³", "")], [("\\xb2", '""'), ("\\xb3", '""')]),
        ([("", ""), ("", "")], [('""', '""'), ('""', '""')]),
        ([("8100", "8100-8100"), ("8101", "8101-8101")], [("8100…8101 (2)", "8100…8101-8100…8101")]),
        ([("1", "1 of 11"), ("2", "2 of 22")], [("1", "1 of 11"), ("2", "2 of 22")]),
        (
            [("8100", "a 8100"), ("8102", "a 8102"), ("8103", "a 8103")],
            [("3 agents: 8100, 8102, 8103", "a {operatorId}")],
        ),
        ([("8100", "a"), ("8101", "b"), ("8103", "a")], [("3 agents", "8100 a, 8101 b, 8103 a")]),
    ],
)
def test_runs(agents: Sequence[tuple[str, str]], rows: Sequence[tuple[str, str]]) -> None:
    """New agents who are alike but for id and name are one row: two whose ids count up and whose names do, or three."""
    found = sections(told(*(create(*agent) for agent in agents)))["creates"]
    assert [(row[0], row[1]) for row in found.rows] == list(rows)
    assert shown(found) == found.total == len(agents)


@pytest.mark.parametrize(
    "other",
    [
        {"password": PasswordSource("env", "A", 1)},
        {"carries": {"judge": True}},
        {"changes": (FieldChange("name", None, "a"), FieldChange("afterInterval", None, 11))},
        {"changes": (FieldChange("name", None, "a"),)},
        {"changes": (FieldChange("name", None, "a"), FieldChange("mainGroupName", None, "g"))},
    ],
)
def test_agents_that_differ_are_no_run(other: dict[str, Any]) -> None:
    """Anything that differs beside id and name ends a run."""
    alike = [create("8100", "a"), create("8101", "a"), create("8102", "a", **other), create("8103", "a")]
    found = sections(told(*alike))["creates"]
    assert [row[0] for row in found.rows] == ["3 agents: 8100, 8101, 8103", "8102"]


def test_what_is_not_shown_of_an_agent_ends_no_run() -> None:
    """Line and ledger entry differ between agents of one pool or file, and are shown nowhere."""
    agents = [create("8100", recorded=LedgerEntry(1)), create("8101")]
    assert shown(sections(told(*agents))["creates"]) == 2
    assert len(sections(told(*agents))["creates"].rows) == 1


@settings(deadline=None)
@given(st.sets(st.integers(95, 130), max_size=30), st.sampled_from(["", "a", "外呼 {}", "{}"]))
def test_a_run_stands_for_its_agents(numbers: set[int], name: str) -> None:
    """Rows, spelt out, are exactly the agents that are made."""
    ids = [str(number) for number in sorted(numbers)]
    written = told(*(create(id_, name.format(id_)) for id_ in ids))
    rows = sections(written).get("creates", Read("", 0, [])).rows
    assert sorted((id_ for row in rows for id_ in _spelt_out(row[0])), key=int) == ids


def _spelt_out(cell: str) -> Iterator[str]:
    for span in cell.rpartition("agents: ")[2].partition(" (")[0].split(", "):
        first, _, last = span.partition("…")
        yield from (str(number) for number in range(int(first), int(last or first) + 1))


# Room


@pytest.mark.parametrize(("rows", "folded"), [(1, False), (20, False), (21, True), (300, True)])
@pytest.mark.parametrize("kind", ["delete", "password", "edit"])
def test_a_long_section_is_folded(kind: ActionKind, rows: int, folded: bool) -> None:
    """More than twenty rows are folded, and still read as a table or list. Deletes never are."""
    written = told(*numbered(kind, rows))
    assert_well_formed(written)
    found = sections(written)[f"{kind}s"]
    assert (found.folded, len(found.rows), found.left) == (folded and kind != "delete", rows, 0)


def numbered(kind: ActionKind, count: int, **more: Any) -> list[Action]:
    """So many actions of a kind, no two of them alike."""
    return [different(kind, number, f"{number * 2:07}", name=f"坐席 {number}", **more) for number in range(count)]


@pytest.mark.parametrize("total", [9, 99, 999, 1999])
@pytest.mark.parametrize("table", ["", "|a|\n|-|"])
def test_a_section_keeps_to_its_room(table: str, total: int) -> None:
    """A section is never longer than its frame and what it took, with the blank line that parts it from the next."""
    for room in range(0, 3000, 19):
        section = Section(0, noun("edit|edits"), total, ((1, ["x"]) for _ in range(total)), table)
        frame = section.frame
        taken = section.take(room)
        assert taken <= room
        assert len("\n\n".join([*section.blocks(), ""])) <= frame + taken
        assert section.shown == len(section.lines) == min(total, room // 2)


def test_three_thousand_edits() -> None:
    """A long plan is cut within its limit, says how much is left out, and shows as much as there is room for."""
    made = plan(*numbered("edit", 3000))
    written = markdown.plan(made, HEADING)
    assert_well_formed(written)
    found = assert_adds_up(written, made)["edits"]
    assert found.left > 0
    assert LIMIT - len(written) < 1000
    assert written.count("`reconciler plan` shows all.") == 1


@pytest.mark.exhaustive(0)
def test_a_hundred_thousand_creates() -> None:
    """So is the longest; agents of a pool are one row of it."""
    pool = [create(f"9{number:05}", f"外呼 9{number:05}") for number in range(1000)]
    made = plan(*numbered("create", 99_000), *pool)
    written = markdown.plan(made, HEADING)
    assert_well_formed(written)
    assert assert_adds_up(written, made)["creates"].left > 90_000
    assert shown(sections(told(*pool))["creates"]) == 1000


def test_what_matters_has_room_first() -> None:
    """Where all are many, each section has some rows, and the more a kind matters the more of it is shown."""
    actions = [each for kind in KINDS for each in numbered(kind, 30 if kind == "delete" else 1000)]
    blocked = [different("edit", number, blocked=f"held {number}") for number in range(100)]
    made = plan(*actions, *blocked, guardrails=(trip(),), notes=(Note(Text("kept")),))
    written = markdown.plan(made, HEADING)
    assert_well_formed(written)
    found = assert_adds_up(written, made)
    assert found["deletes"].left == found["tripped guardrails"].left == found["notes"].left == 0
    assert found["blocked actions"].left == 0
    assert shown(found["replaces"]) > 5 * shown(found["creates"])
    assert all(shown(found[f"{kind}s"]) >= 3 for kind in KINDS)
    assert list(found)[:3] == ["tripped guardrails", "blocked actions", "deletes"]


@pytest.mark.parametrize("lesser", [kind for kind in KINDS if kind != "delete"])
def test_deletes_come_before_anything_lesser(lesser: ActionKind) -> None:
    """As long as one delete is not shown, nothing lesser is; how much of the plan is shown stands at the top."""
    made = plan(*numbered("delete", 1500), *numbered(lesser, 5))
    written = markdown.plan(made, HEADING)
    found = assert_adds_up(written, made)
    assert found["deletes"].left > 0
    assert not found[f"{lesser}s"].rows
    some = f"{1500 - found['deletes'].left:,} of 1,505 changes"
    assert f"**Shown here: {some}.** Not shown: {found['deletes'].left:,} of 1,500 deletes, 5 of 5 {lesser}s" in written
    assert written.index("**Shown here: ") < written.index("#### ")


def test_a_plan_that_is_shown_whole_says_so() -> None:
    """A reader who sees all is told that it is all."""
    assert "Shown here: all of the plan, 1 change." in told(action())
    assert "Shown here: all of the plan, 25 changes." in told(*numbered("edit", 25))
    assert "Shown here" not in told()


@pytest.mark.exhaustive(0)
def test_thousands_of_alike_deletes_are_all_told() -> None:
    """Deletes that differ in id and name alone are told whole: with names as long as there are few, then by id."""
    few = [action("delete", f"{2 * number:05}", f"坐席 {number}") for number in range(400)]
    assert all(f"`{each.operator_id} {each.name}`" in told(*few) for each in few)
    many = [action("delete", f"{2 * number:05}", f"坐席 {number}") for number in range(4000)]
    written = told(*many)
    assert all(f"`{each.operator_id}`" in written for each in many)
    assert assert_adds_up(written, plan(*many))["deletes"].left == 0


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blocked", ["", "h" * 5000])
def test_what_matters_is_not_crowded_out(kind: ActionKind, blocked: str) -> None:
    """One action of any kind is shown beside thousands of each other, deletes that nothing shortens apart."""
    rest = [each for other in KINDS if other not in (kind, "delete") for each in numbered(other, 1000)]
    made = plan(*rest, action(kind, "needle", blocked=Text(blocked)))
    assert "needle" in codes(by_cmark(markdown.plan(made, HEADING)))


NAMES = ("backticks", "pipes", "backslashes and pipes", "hashes", "tags", "invisible", "blanks", "emoji", "line feeds")
HUGE = {name: (HOSTILE[f"long: {name}"] * 50)[:5000] for name in NAMES} | {"marks": "\u0301" * 5000, "": "x" * 5000}


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("huge", HUGE.values(), ids=HUGE)
def test_huge_strings(huge: str) -> None:
    """When every text of a long plan is 5,000 hostile characters, the limit holds and the counts add up."""
    changes = tuple(FieldChange("ttscontent", huge, huge) for _ in range(3))
    actions = [
        action(kind, f"{number:03}{huge}", huge, changes=changes, blocked=Text(blocked), origin=origin)
        for kind in KINDS
        for blocked in ("", huge)
        for origin in ("change", "drift")
        for number in range(10)
    ]
    guardrails = tuple(trip(operator_ids=(huge,) * 30, hint=huge, rule=huge, limit=huge) for _ in range(3))
    made = plan(
        *actions, company=Company(huge), endpoint=huge, guardrails=guardrails, notes=(Note(Text(huge), (huge,) * 9),)
    )
    written = markdown.plan(made, HEADING)
    assert_well_formed(written)
    assert_adds_up(written, made)
    assert sections(written)["tripped guardrails"].left == 0


@settings(max_examples=examples(25), deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.integers(0, 150),
            st.sampled_from([*HOSTILE.values()]),
            st.booleans(),
            st.sampled_from(["", "change", "drift"]),
        ),
        max_size=12,
    )
)
def test_any_plan_fits(groups: list[tuple[ActionKind, int, str, bool, str]]) -> None:
    """Whatever a plan is made of, it fits, is well formed, and accounts for every action."""
    actions = [
        action(kind, f"{place}{number:03}", name, blocked=Text(name if blocked else ""), origin=origin)
        for place, (kind, count, name, blocked, origin) in enumerate(groups)
        for number in range(count)
    ]
    made = plan(*actions)
    written = markdown.plan(made, HEADING)
    assert_well_formed(written)
    assert_adds_up(written, made)


def work(made: Plan) -> int:
    """How many calls of functions it takes to render a plan."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        markdown.plan(made, HEADING)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.exhaustive(5)
@pytest.mark.parametrize("kind", KINDS)
def test_twice_the_plan_is_twice_the_work(kind: ActionKind) -> None:
    """The work grows as the plan does, and no faster."""
    small, large = (plan(*numbered(kind, count)) for count in (2000, 4000))
    assert work(large) < 2.2 * work(small)
