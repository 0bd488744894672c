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
from reconciler.core.model.plan import Action, ActionKind, Note, Plan
from reconciler.render import markdown
from reconciler.render.markdown import LIMIT
from reconciler.render.room import Section
from tests.fuzz import examples
from tests.hostile import HOSTILE

from .build import HEADING, KINDS, action, plan
from .reading import by_cmark, codes
from .report import Read, adds_up, create, is_well_formed, sections, shown, told, trip

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
        ([("１", ""), ("２", "")], [("１", '""'), ("２", '""')]),
        ([("²", ""), ("³", "")], [("²", '""'), ("³", '""')]),
        ([("", ""), ("", "")], [('""', '""'), ('""', '""')]),
        ([("8100", "8100-8100"), ("8101", "8101-8101")], [("8100…8101 (2)", "8100…8101-8100…8101")]),
    ],
)
def test_runs(agents: Sequence[tuple[str, str]], rows: Sequence[tuple[str, str]]) -> None:
    """New agents whose ids count up, and who are alike but for the id in the name, are one row with their number."""
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
        {"changes": (FieldChange("name", None, "b"), FieldChange("afterInterval", None, 10))},
        {"changes": (FieldChange("name", None, "a"), FieldChange("mainGroupName", None, "g"))},
    ],
)
def test_agents_that_differ_are_no_run(other: dict[str, Any]) -> None:
    """Anything that differs beside id and name ends a run."""
    alike = [create("8100", "a"), create("8101", "a"), create("8102", "a", **other), create("8103", "a")]
    found = sections(told(*alike))["creates"]
    assert [row[0] for row in found.rows] == ["8100…8101 (2)", "8102", "8103"]


def test_what_is_not_shown_of_an_agent_ends_no_run() -> None:
    """Line and ledger entry differ between agents of one pool or file, and are shown nowhere."""
    agents = [create("8100", recorded=LedgerEntry(1)), create("8101")]
    assert shown(sections(told(*agents))["creates"]) == 2
    assert len(sections(told(*agents))["creates"].rows) == 1


@settings(deadline=None)
@given(st.sets(st.integers(95, 130), max_size=30), st.sampled_from(["", "a", "外呼 {}", "{}"]))
def test_a_run_stands_for_its_agents(numbers: set[int], name: str) -> None:
    """Runs, spelt out, are exactly the agents that are made, in their order."""
    ids = [str(number) for number in sorted(numbers)]
    written = told(*(create(id_, name.format(id_)) for id_ in ids))
    rows = sections(written).get("creates", Read("", 0, [])).rows
    assert [id_ for row in rows for id_ in _spelt_out(row[0])] == ids


def _spelt_out(cell: str) -> Iterator[str]:
    first, _, last = cell.partition(" ")[0].partition("…")
    return (str(number) for number in range(int(first), int(last or first) + 1))


# Room


@pytest.mark.parametrize(("rows", "folded"), [(1, False), (20, False), (21, True), (300, True)])
@pytest.mark.parametrize("kind", ["delete", "password", "edit"])
def test_a_long_section_is_folded(kind: ActionKind, rows: int, folded: bool) -> None:
    """More than twenty rows are folded, and what is inside is still read as a table or list."""
    written = told(*(action(kind, f"{number:04}") for number in range(rows)))
    is_well_formed(written)
    found = sections(written)[f"{kind}s"]
    assert (found.folded, len(found.rows), found.left) == (folded, rows, 0)


def numbered(kind: ActionKind, count: int, **more: Any) -> list[Action]:
    """So many actions of a kind, no two in a row alike enough to be a run."""
    return [action(kind, f"{number * 2:07}", f"坐席 {number}", **more) for number in range(count)]


@pytest.mark.parametrize("total", [9, 99, 999, 1999])
@pytest.mark.parametrize("table", ["", "|a|\n|-|"])
def test_a_section_keeps_to_its_room(table: str, total: int) -> None:
    """A section is never longer than its frame and what it took, with the blank line that parts it from the next."""
    for room in range(0, 3000, 3):
        section = Section(0, ("edit", "edits"), total, ((1, ["x"]) for _ in range(total)), table)
        frame = section.frame
        taken = section.take(room)
        assert taken <= room
        assert len("\n\n".join([*section.blocks(), ""])) <= frame + taken
        assert section.shown == len(section.lines) == min(total, room // 2)


def test_three_thousand_edits() -> None:
    """A long plan is cut within its limit, says how much is left out, and shows as much as there is room for."""
    made = plan(*numbered("edit", 3000))
    written = markdown.plan(made, HEADING)
    is_well_formed(written)
    found = adds_up(written, made)["edits"]
    assert found.left > 0
    assert LIMIT - len(written) < 500
    assert written.count("`reconciler plan` shows all.") == 1


@pytest.mark.exhaustive(0)
def test_a_hundred_thousand_creates() -> None:
    """So is the longest; agents of a pool are one row of it."""
    pool = [create(f"9{number:05}", f"外呼 9{number:05}") for number in range(1000)]
    made = plan(*numbered("create", 99_000), *pool)
    written = markdown.plan(made, HEADING)
    is_well_formed(written)
    assert adds_up(written, made)["creates"].left > 90_000
    assert shown(sections(told(*pool))["creates"]) == 1000


def test_what_matters_has_room_first() -> None:
    """Where all are many, each section has some rows, and the more a kind matters the more of it is shown."""
    actions = [each for kind in KINDS for each in numbered(kind, 3000)]
    made = plan(*actions, *numbered("edit", 100, blocked="held"), guardrails=(trip(),), notes=(Note("kept"),))
    written = markdown.plan(made, HEADING)
    is_well_formed(written)
    found = adds_up(written, made)
    assert found["blocked actions"].left == found["tripped guardrails"].left == found["notes"].left == 0
    assert shown(found["deletes"]) > 10 * shown(found["creates"])
    assert all(shown(found[f"{kind}s"]) >= 3 for kind in KINDS)
    assert list(found)[:3] == ["tripped guardrails", "blocked actions", "deletes"]


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blocked", ["", "h" * 5000])
def test_what_matters_is_not_crowded_out(kind: ActionKind, blocked: str) -> None:
    """One action of any kind is shown beside thousands of each other."""
    rest = [each for other in KINDS if other != kind for each in numbered(other, 2000)]
    made = plan(*rest, action(kind, "needle", blocked=blocked))
    assert "needle" in codes(by_cmark(markdown.plan(made, HEADING)))


NAMES = ("backticks", "pipes", "backslashes and pipes", "hashes", "tags", "invisible", "blanks", "emoji", "line feeds")
HUGE = {name: (HOSTILE[f"long: {name}"] * 50)[:5000] for name in NAMES} | {"marks": "\u0301" * 5000, "": "x" * 5000}


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("huge", HUGE.values(), ids=HUGE)
def test_huge_strings(huge: str) -> None:
    """When every text of a long plan is 5,000 hostile characters, the limit holds and the counts add up."""
    changes = tuple(FieldChange("ttscontent", huge, huge) for _ in range(3))
    actions = [
        action(kind, f"{number:03}{huge}", huge, changes=changes, blocked=blocked, origin=origin)
        for kind in KINDS
        for blocked in ("", huge)
        for origin in ("change", "drift")
        for number in range(10)
    ]
    guardrails = tuple(trip(operator_ids=(huge,) * 30, hint=huge, rule=huge, limit=huge) for _ in range(3))
    made = plan(*actions, company=Company(huge), endpoint=huge, guardrails=guardrails, notes=(Note(huge, (huge,) * 9),))
    written = markdown.plan(made, HEADING)
    is_well_formed(written)
    adds_up(written, made)
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
        action(kind, f"{place}{number:03}", name, blocked=name if blocked else "", origin=origin)
        for place, (kind, count, name, blocked, origin) in enumerate(groups)
        for number in range(count)
    ]
    made = plan(*actions)
    written = markdown.plan(made, HEADING)
    is_well_formed(written)
    adds_up(written, made)


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


@pytest.mark.parametrize("kind", KINDS)
def test_twice_the_plan_is_twice_the_work(kind: ActionKind) -> None:
    """The work grows as the plan does, and no faster."""
    small, large = (plan(*numbered(kind, count)) for count in (4000, 8000))
    assert work(large) < 2.2 * work(small)
