"""Export: whatever the vendor holds, the plan of what is written is empty, and it reads well."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.export.factor import _word
from reconciler.core.export.files import (
    COMPANY_FILE,
    EXPORT_HEADER,
    FILE,
    SPLITTABLE,
    export,
    split_by_field,
    unprotected,
)
from reconciler.core.model.desired import Company, matches
from reconciler.core.model.fields import COMPARED, LISTED, Field, Kind, Value
from reconciler.core.model.live import LiveState
from reconciler.core.yaml.spelling import field_value
from reconciler.edit import fmt
from tests.core.build import COMPANY, HEAD, live, live_agent, state
from tests.core.listings import TEAMS, assert_plan_is_empty, call_centre, odd_states, read
from tests.fuzz import examples
from tests.hostile import HOSTILE


@settings(deadline=None, max_examples=examples(1000), suppress_health_check=[HealthCheck.too_slow])
@given(odd_states())
def test_the_plan_of_an_export_is_empty(listed: LiveState) -> None:
    """Whatever the vendor holds: all of it that a file can say is managed, and nothing is left to do."""
    assert_plan_is_empty(export(listed, COMPANY), listed)


@settings(deadline=None, max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])
@given(odd_states(), st.sampled_from(SPLITTABLE))
def test_the_plan_of_a_split_export_is_empty(listed: LiveState, by: str) -> None:
    """The files of a folder make the same desired state together, and have names that any disk takes."""
    exported = split_by_field(listed, COMPANY, by)
    assert_plan_is_empty(exported, listed)
    assert_names_are_safe(exported.files)


def assert_names_are_safe(names: Mapping[str, str]) -> None:
    """Letters, digits and hyphens, told apart without case, and none that means something to a file system."""
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert re.fullmatch(r"[^\W_][\w-]*\.yaml", name)
        assert len(name.encode()) < 150
        assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)\.yaml", name, re.IGNORECASE)


def test_the_same_agents_give_the_same_bytes() -> None:
    """Neither the order of the listing nor the day shows."""
    listed = call_centre(200)
    agents = list(listed.agents.values())
    random.Random(5).shuffle(agents)
    assert export(live(*agents), COMPANY) == export(listed, COMPANY)
    assert split_by_field(live(*agents), COMPANY, "mainGroupName") == split_by_field(listed, COMPANY, "mainGroupName")


def test_agents_stand_in_the_order_of_their_ids() -> None:
    """As a plan lists them."""
    text = export(call_centre(200), COMPANY).files[FILE]
    ids = re.findall(r'operatorId: "(\d+)"', text)
    assert ids == sorted(ids)
    assert len(ids) == 200


LOOK = """# yaml-language-server: $schema=../schemas/agents.schema.json
# The agents as they were live. Written by `reconciler export`; now it is yours to edit.
# 导出时的现有坐席；此后请直接编辑此文件。
version: 1
company: {abbreviate: acme, companyId: 4242}

# Nobody is deleted as long as this is false, whoever is missing from this file. Set it to true and look at
# `reconciler plan`, which changes nothing: leave it true once it deletes only those who should go.
# 为 false 时不删除任何坐席，此文件没写全也无妨。改为 true 后先看 reconciler plan 会删除谁，确认无误再保留。
prune: false

defaults:
  operatorType: agent
  status: enabled
  showcaller: "4008001234"
  bindcode: ""
  afterInterval: 30
  isHidePhone: false
  isrecord: true
  outcallflag: allowed
  ttscontent: ""
  email: ""
  isaudio: true
  ismessage: true
  isvideo: false

profiles:
  售前组:
    mainGroupName: 售前组
    showcaller: ""
    afterInterval: 10
    judge: true
  外呼组:
    mainGroupName: 外呼组
    outcallflag: no-international
    judge: true
  外呼组-leader:
    operatorType: leader
    mainGroupName: 外呼组
    afterInterval: 5
    isHidePhone: true
    judge: true

agents:
  - {operatorId: "8001", profile: 售前组, name: 坐席8001, sipNumber: "68001"}
  - {operatorId: "8002", profile: 售前组, name: 坐席8002, sipNumber: "68002"}
  - {operatorId: "8101", profile: 外呼组, name: 坐席8101, sipNumber: "68101"}
  - {operatorId: "8102", profile: 外呼组, name: 坐席8102, sipNumber: "68102"}
  - {operatorId: "8201", profile: 外呼组-leader, name: 坐席8201, sipNumber: "68201"}
  - {operatorId: "8202", profile: 外呼组-leader, name: 坐席8202, sipNumber: "68202"}
  # judge is left alone: no file can say 7
"""
LAST = (
    '  - {operatorId: "8301", name: "no", mainGroupName: 外呼组, showcaller: "", sipNumber: null, ttscontent: "'
    + r"您好,\n" * 9
    + f'", email: {"a" * 64}@b.cn}}\n'
)


def test_how_it_looks() -> None:
    """Common values first, profiles named after group and type, one agent a line, what differs at the agent."""
    text = export(live(*TEAMS), COMPANY).files[FILE]
    assert re.sub(r'.*"8[0-2](0[3-9]|1\d)".*\n', "", text) == LOOK + LAST


@pytest.mark.parametrize(("long", "lines"), [(0, 1), (2, 1), (3, 3), (20, 3)])
def test_all_agents_stand_in_one_style(long: int, lines: int) -> None:
    """Each on one line, or where more than a tenth would be too long for it, each with a line a value."""
    agents = [live_agent(str(8000 + n), email=f"{'a' * 150 * (n < long)}{n}@b.cn", sipNumber=str(n)) for n in range(20)]
    exported = export(live(*agents), COMPANY)
    _, _, text = exported.files[FILE].partition("\nagents:\n")
    assert len(text.splitlines()) == 20 * lines
    assert all(entry.count("\n") == lines for entry in re.split("(?m)^(?=  - )", text)[1:])
    assert_plan_is_empty(exported, live(*agents))


def test_no_profile_is_called_by_a_number() -> None:
    """A caller's number that a profile was split by is no name for it, and a schema that is nowhere has no line."""
    names = [row.name for row in COMPARED]
    assert _word(names.index("showcaller"), '"4008001234"') == "showcaller"
    assert _word(names.index("mainGroupName"), "售前组") == "售前组"
    assert "$schema" not in export(live(*TEAMS), COMPANY, replace(EXPORT_HEADER, schema="")).files[FILE]


def test_a_value_that_no_file_can_say_is_left_alone() -> None:
    """Not managed for that agent, so not among the defaults either; said above the agent and beside the export."""
    odd = live_agent("8001", judge=7, operatorType="##[error]", name="\ud800", afterInterval=-1)
    listed = live(odd, *(live_agent(str(8002 + n)) for n in range(20)))
    exported = export(listed, COMPANY)
    assert_plan_is_empty(exported, listed)
    text = exported.files[FILE]
    assert "  # judge is left alone: no file can say 7\n" in text
    assert "  # operatorType is left alone: no file can say '\\x23\\x23[error]'\n" in text
    assert "  # name is left alone: no file can say '\\ud800'\n" in text
    assert {note.operator_ids for note in exported.warnings} == {("8001",)}


def test_a_long_odd_value_is_cut_where_it_is_told() -> None:
    """A comment stays a line that can be read."""
    (note,) = export(live(live_agent(judge="长" * 500)), COMPANY).warnings
    assert len(note.message) < 100


def test_a_sip_number_that_two_agents_hold_is_left_alone() -> None:
    """The file may say it once only, and nobody knows whose it is."""
    listed = live(*(live_agent(id_, sipNumber="60001") for id_ in ("8001", "8002")), live_agent("8003", sipNumber="6"))
    exported = export(listed, COMPANY)
    assert_plan_is_empty(exported, listed)
    (note,) = exported.warnings
    assert note.message == "sipNumber is left alone: 2 agents hold '60001'"
    assert note.operator_ids == ("8001", "8002")
    assert "60001" not in re.sub("#.*", "", exported.files[FILE])


def test_an_agent_whose_id_cannot_be_written_is_protected() -> None:
    """It cannot stand in the file, and must not be deleted for that; of the others only those like it are protected."""
    listed = live(live_agent("a\ud800*[b]?"), live_agent("8001"))
    exported = export(listed, COMPANY)
    assert_plan_is_empty(exported, listed)
    assert read(exported).protect == ("a?[*][[]b][?]",)


@pytest.mark.parametrize("id_", ["8001 ", "８００４", "“8002”", "Zoe\u0301", "1.38E+10", "80\u200b01", "8" * 65])
def test_an_agent_whose_id_no_file_may_hold_is_protected(id_: str) -> None:
    """It is in `protect` alone; why, and that an id cannot be renamed, is told."""
    listed = live(live_agent(id_), live_agent("8005"))
    for exported in (export(listed, COMPANY), split_by_field(listed, COMPANY, "mainGroupName")):
        assert_plan_is_empty(exported, listed)
        state = read(exported)
        assert [agent.operator_id for agent in state.agents] == ["8005"]
        assert [matches(state.protect, each) for each in (id_, "8005")] == [True, False]
        (warning,) = exported.warnings
        assert warning.operator_ids == (id_,)
        assert "an id cannot be renamed" in warning.message


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("", ["8001 ", "９９"]),
        ("prune: false", []),
        ('protect: ["800*"]', ["９９"]),
        ('scope: {operatorId: ["8*"]}', ["8001 "]),
    ],
)
def test_whom_a_file_of_ones_own_would_delete_for_its_id_is_told(head: str, told: list[str]) -> None:
    """Each with the pattern that protects it; not whom nobody would delete."""
    wanted = state(f'{HEAD}{head}\nagents: [{{operatorId: "8005"}}]\n')
    notes = list(
        unprotected(wanted, live(live_agent("8005"), live_agent("8006"), live_agent("8001 "), live_agent("９９")))
    )
    assert [note.operator_ids for note in notes] == [(id_,) for id_ in told]
    assert all(f'add "{id_}" to protect' in note.message for id_, note in zip(told, notes, strict=True))


@pytest.mark.parametrize(
    ("on_remove", "words"),
    [
        ("delete", "an apply deletes the agent"),
        ("disable", "an apply disables the agent"),
        ("{disable: 30d}", "an apply disables the agent, and one later than 30d after it deletes it"),
    ],
)
def test_what_becomes_of_such_an_agent_is_as_the_file_says(on_remove: str, words: str) -> None:
    """Where the file disables whom it does not name, nobody is told that the agent would be deleted."""
    wanted = state(f'{HEAD}onRemove: {on_remove}\nagents: [{{operatorId: "8005"}}]\n')
    (note,) = unprotected(wanted, live(live_agent("8005"), live_agent("8001 ")))
    assert note.message.endswith(f'add "8001 " to protect, or {words}')


def test_live_agents_that_look_alike_are_exported() -> None:
    """The file allows as many as there are, no more, and tells whose ids they are."""
    listed = live(*(live_agent(id_) for id_ in ("8001", "8O01", "8OO1", "adm01", "ADM01", "9001")))
    for exported in (export(listed, COMPANY), split_by_field(listed, COMPANY, "mainGroupName")):
        assert_plan_is_empty(exported, listed)
        assert read(exported).lookalikes == 3
        (warning,) = exported.warnings
        assert warning.operator_ids == ("8001", "8O01", "8OO1", "ADM01", "adm01")
        assert all(fmt(name, text.encode()).decode() == text for name, text in exported.files.items())


def test_a_live_phone_that_is_spoilt_is_left_alone() -> None:
    """A file may not hold it, so the field stays unmanaged."""
    listed = live(live_agent("8001", bindcode="1.38E+10", sipNumber="2026/1/2"))
    exported = export(listed, COMPANY)
    assert_plan_is_empty(exported, listed)
    assert read(exported).agents[0].fields.keys().isdisjoint({"bindcode", "sipNumber"})


def test_an_empty_company_is_a_file_too() -> None:
    """No agent is live: the file says so, and its plan is empty."""
    exported = export(live(), COMPANY)
    assert exported.files[FILE].endswith("\nagents: []\n")
    assert_plan_is_empty(exported, live())
    assert_plan_is_empty(split_by_field(live(), COMPANY, "mainGroupName"), live())


@pytest.mark.parametrize("abbreviate", ["acme", "no", "0071", "a: b", "企业"])
def test_the_company_is_named(abbreviate: str) -> None:
    """As it was given, with its id where there is one."""
    assert read(export(live(), Company(abbreviate, 7))).company == Company(abbreviate, 7)
    assert read(export(live(), Company(abbreviate))).company == Company(abbreviate)


def test_a_company_that_cannot_be_written_is_refused() -> None:
    """Rather than a file that cannot be read."""
    with pytest.raises(ValueError, match="surrogate"):
        export(live(), Company("\udcff"))


def test_nothing_in_an_export_acts() -> None:
    """Hostile text of every kind, in values, ids and groups: nothing hides, and nothing commands a runner's log."""
    agents = (
        live_agent(text[:99] or "8001", name=text[:99], mainGroupName=text[:99], judge=text)
        for text in HOSTILE.values()
    )
    listed = live(*agents)
    for exported in (export(listed, COMPANY), split_by_field(listed, COMPANY, "mainGroupName")):
        assert_names_are_safe(exported.files)
        for text in exported.files.values():
            assert all(line.isprintable() for line in text.split("\n"))
            assert not re.search(r"##\w*\[|^\s*::", text, re.MULTILINE)


GROUP_NAMES = {
    "售后一组": "售后一组.yaml",
    "": "no-group.yaml",
    "../../etc/passwd": "etc-passwd.yaml",
    "/": "group.yaml",
    ".hidden": "hidden.yaml",
    "-rf": "rf.yaml",
    "CON": "group-CON.yaml",
    "company": "company-2.yaml",
    "Sales": "Sales.yaml",
    "sales": "sales-2.yaml",
    "ＳＡＬＥＳ": "SALES-3.yaml",
    "a\x00b": "a-x00b.yaml",
    "C:\\x": "C-x.yaml",
    "长" * 300: "长" * 24 + ".yaml",
}


def test_a_group_names_its_file() -> None:
    """After the group as far as a file can be; no path, nothing hidden, no two that differ in case alone."""
    listed = live(*(live_agent(str(8001 + at), mainGroupName=group) for at, group in enumerate(GROUP_NAMES)))
    exported = split_by_field(listed, COMPANY, "mainGroupName")
    found = {agent.fields["mainGroupName"]: agent.place.file for agent in read(exported).agents}
    assert found == GROUP_NAMES
    assert set(exported.files) == {COMPANY_FILE, *GROUP_NAMES.values()}


def test_agents_whose_group_cannot_be_written_have_a_file() -> None:
    """They stand together, and are left in their groups."""
    listed = live(live_agent("8001", mainGroupName="\ud800"), live_agent("8002"))
    exported = split_by_field(listed, COMPANY, "mainGroupName")
    assert set(exported.files) == {COMPANY_FILE, "others.yaml", "no-group.yaml"}
    assert_plan_is_empty(exported, listed)


def test_a_file_of_a_folder_owns_its_defaults_and_profiles() -> None:
    """The company stands in one file; profiles are named after their file, so that no two are the same."""
    exported = split_by_field(live(*TEAMS), COMPANY, "mainGroupName")
    assert [name for name, text in exported.files.items() if "\ncompany:" in text] == [COMPANY_FILE]
    assert "\n  外呼组-leader:\n" in exported.files["外呼组.yaml"]
    assert "  mainGroupName: 外呼组\n" in exported.files["外呼组.yaml"]
    assert_plan_is_empty(exported, live(*TEAMS))


@pytest.mark.parametrize("row", [row for row in LISTED if row.kind is not Kind.SIP_NUMBER], ids=lambda row: row.name)
def test_values_have_their_canonical_spelling(row: Field) -> None:
    """Choices by name, flags as true and false."""
    kinds: dict[Kind, Value] = {Kind.FLAG: True, Kind.INTEGER: 7}
    value = row.choices[-1] if row.choices else kinds.get(row.kind, "x")
    text = export(live(live_agent(**{row.name: value})), COMPANY).files[FILE]
    assert f"    {row.name}: {field_value(row.name, value)}\n" in text


@pytest.mark.parametrize("listed", [call_centre(200), live(*TEAMS)], ids=["call centre", "teams"])
def test_an_export_is_formatted(listed: LiveState) -> None:
    """`fmt` would change nothing, in a file or in a folder."""
    for exported in (export(listed, COMPANY), split_by_field(listed, COMPANY, "mainGroupName")):
        assert {name: fmt(name, text.encode()).decode() for name, text in exported.files.items()} == exported.files
