"""Export: the plan of what is written is empty whatever the vendor holds; what is written is small and reads well."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core import export as module
from reconciler.core import factor as factoring
from reconciler.core.desired import read_files
from reconciler.core.export import COMPANY_FILE, FILE, SPLITTABLE, Exported, export, split
from reconciler.core.factor import Factored, Own
from reconciler.core.fields import LISTED, Field, Kind, Value
from reconciler.core.model import Company, DesiredState, LiveAgent, LiveState, Policy
from reconciler.core.pipeline import make_plan
from reconciler.core.spelling import can_say, field_value, writable
from reconciler.edit import fmt
from reconciler.sandbox.seed import GIVEN, SURNAMES
from tests.core.build import COMPANY, live, live_agent
from tests.core.test_spelling import ODD
from tests.hostile import HOSTILE

_SURROGATES = ("\ud800", "a\udcff", "\udc00*[x]?")
_TEXTS = tuple(text[:400] for text in (*ODD, *HOSTILE.values(), *_SURROGATES))
_ODD_VALUES: tuple[Value, ...] = (-1, 7, 2**40, *_TEXTS)


def _values(row: Field) -> tuple[Value, ...]:
    """What the vendor may hold in a field, sense or not."""
    match row.kind:
        case Kind.TEXT:
            return _TEXTS
        case Kind.SIP_NUMBER:
            return (None, "60001", "60002", *filter(None, _TEXTS))
        case Kind.CHOICE:
            return (*row.choices, *_ODD_VALUES)
        case Kind.FLAG:
            return (True, False, *_ODD_VALUES)
        case _:
            return (0, 1, *_ODD_VALUES)


_names = st.sampled_from([row.name for row in LISTED])
_VALUES = {row.name: st.sampled_from(_values(row)) for row in LISTED}
_pairs = st.one_of(
    _names.flatmap(lambda name: st.tuples(st.just(name), _VALUES[name])),
    st.tuples(st.sampled_from(("name", "mainGroupName", "sipNumber")), st.text(min_size=1, max_size=6)),
)
_ids = st.one_of(st.sampled_from(("8001", "8002", *filter(None, _TEXTS))), st.text(min_size=1, max_size=6))


@st.composite
def odd_states(draw: st.DrawFn) -> LiveState:
    """Listings of anything: some odd values that all have, and some that one or another has."""
    ids = draw(st.lists(_ids, unique=True, max_size=5))
    shared = draw(st.lists(_pairs, max_size=4))
    agents = {id_: dict(shared) for id_ in ids}
    for at, (name, value) in draw(st.lists(st.tuples(st.integers(0, 4), _pairs), max_size=8)):
        if at < len(ids):
            agents[ids[at]][name] = value
    return live(*(live_agent(id_, **fields) for id_, fields in agents.items()))


def read(exported: Exported) -> DesiredState:
    """The state that the files make together."""
    reading, problems = read_files([(name, text.encode()) for name, text in exported.files.items()])
    assert reading is not None, problems
    return reading


def said(listed: LiveState) -> dict[str, dict[str, Value]]:
    """What a file can say of each agent that it can name; a SIP number only where one agent alone holds it."""
    numbers = [agent.fields["sipNumber"] for agent in listed.agents.values()]
    return {
        id_: {
            row.name: agent.fields[row.name]
            for row in LISTED
            if can_say(row, value := agent.fields[row.name])
            and (row.name != "sipNumber" or value is None or numbers.count(value) == 1)
        }
        for id_, agent in listed.agents.items()
        if writable(id_)
    }


def check(exported: Exported, listed: LiveState) -> None:
    """The plan is empty, every value that can be said is managed, and every gap is told."""
    desired, expected = read(exported), said(listed)
    assert make_plan(desired, listed, {}, Policy()).actions == ()
    assert {agent.operator_id: dict(agent.fields) for agent in desired.agents} == expected
    told = {(id_, note.message.split()[0]) for note in exported.warnings for id_ in note.operator_ids}
    gaps = {(id_, row.name) for id_, fields in expected.items() for row in LISTED if row.name not in fields}
    assert told == gaps | {(id_, "an") for id_ in listed.agents if not writable(id_)}


@settings(deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(odd_states())
def test_the_plan_of_an_export_is_empty(listed: LiveState) -> None:
    """Whatever the vendor holds: all of it that a file can say is managed, and nothing is left to do."""
    check(export(listed, COMPANY), listed)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(odd_states(), st.sampled_from(SPLITTABLE))
def test_the_plan_of_a_split_export_is_empty(listed: LiveState, by: str) -> None:
    """The files of a folder make the same desired state together, and have names that any disk takes."""
    exported = split(listed, COMPANY, by)
    check(exported, listed)
    assert_names_are_safe(exported.files)


def assert_names_are_safe(names: Mapping[str, str]) -> None:
    """Letters, digits and hyphens, told apart without case, and none that means something to a file system."""
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert re.fullmatch(r"[^\W_][\w-]*\.yaml", name)
        assert len(name.encode()) < 150
        assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)\.yaml", name, re.IGNORECASE)


GROUPS = (
    "售前组",
    "售后一组",
    "售后二组",
    "投诉组",
    "回访组",
    "技术支持组",
    "大客户组",
    "夜班组",
    "外呼一组",
    "外呼二组",
)


def call_centre(count: int, seed: int = 1, *, contacts: float = 0.3) -> LiveState:
    """A company as one would find it: groups of different sizes with habits of their own, leaders, exceptions.

    Of the agents `contacts` have a phone, and as many an e-mail address.
    """
    rng = random.Random(seed)
    habits: list[dict[str, Value]] = [
        {
            "showcaller": rng.choice(("01062345678", "4008001234", "")),
            "afterInterval": rng.choice((5, 10, 15, 30)),
            "isHidePhone": rng.random() < 0.5,
            "outcallflag": rng.choice(("allowed", "allowed", "forbidden", "no-international")),
            "ttscontent": rng.choice(("", "您好，很高兴为您服务。")),
        }
        for _ in GROUPS
    ]
    return live(*(_somebody(rng, str(10_001 + number), habits, contacts) for number in range(count)))


def _somebody(rng: random.Random, id_: str, habits: list[dict[str, Value]], contacts: float) -> LiveAgent:
    group = rng.choices(range(len(GROUPS)), weights=range(1, len(GROUPS) + 1))[0]
    fields: dict[str, Value] = dict(habits[group])
    if rng.random() < 0.06:
        fields |= {"operatorType": "leader", "outcallflag": "allowed", "afterInterval": 0}
    if rng.random() < 0.1:
        own = rng.choice(list(habits[0]))
        fields[own] = rng.choice(habits)[own]
    return live_agent(
        id_,
        name=rng.choice(SURNAMES) + "".join(rng.choices(GIVEN, k=rng.choice((1, 2)))),
        mainGroupName=GROUPS[group],
        status="enabled" if rng.random() < 0.97 else "disabled",
        sipNumber=f"6{id_}" if rng.random() < 0.9 else None,
        bindcode=f"138{rng.randrange(10**8):08}" if rng.random() < contacts else "",
        email=f"agent{id_}@example.com" if rng.random() < contacts else "",
        judge=rng.random() < 0.95,
        **fields,
    )


def unfactored(listed: LiveState) -> str:
    """The same export without `defaults` and `profiles`."""
    agents, protected = module._said(listed)
    whole = Factored({}, {}, tuple(Own("", agent.values) for agent in agents.values()))
    return module._head(COMPANY, protected) + module._body(agents, whole)


@pytest.mark.parametrize("contacts", [0.0, 0.3, 1.0])
def test_an_export_is_at_most_a_third_as_long(contacts: float) -> None:
    """3,000 realistic agents, whether few or all have phone and e-mail, beside the same without what they share."""
    listed = call_centre(3_000, contacts=contacts)
    assert 3 * len(export(listed, COMPANY).files[FILE]) <= len(unfactored(listed))


def test_what_is_shared_changes_no_meaning() -> None:
    """3,000 realistic agents in one file, and fewer in a folder: every value is managed, and there is nothing to do."""
    listed = call_centre(3_000)
    check(export(listed, COMPANY), listed)
    listed = call_centre(300)
    check(split(listed, COMPANY, "mainGroupName"), listed)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_shared_spares_the_odd(seed: int) -> None:
    """Many agents of a few odd habits, and gaps among them: no default and no profile fills a gap."""
    rng = random.Random(seed)
    rows = {row.name: _values(row) for row in LISTED}
    habits = [{name: rng.choice(rows[name]) for name in rng.sample(sorted(rows), 6)} for _ in range(3)]
    agents = []
    for number in range(60):
        fields = dict(rng.choice(habits))
        if rng.random() < 0.2:
            name = rng.choice(sorted(rows))
            fields[name] = rng.choice(rows[name])
        agents.append(live_agent(str(8001 + number), **fields))
    exported = export(live(*agents), COMPANY)
    check(exported, live(*agents))
    assert "profile:" in exported.files[FILE]


def test_the_work_grows_with_the_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight times the agents are counted over some eight times as often, not sixty-four."""
    looked = [0]
    original = factoring._split

    def counting(part: factoring._Part, column: int, fewest: int) -> list[factoring._Part]:
        looked[0] += len(part.cells)
        return original(part, column, fewest)

    monkeypatch.setattr(factoring, "_split", counting)
    work = []
    for count in (250, 2_000):
        looked[0] = 0
        export(call_centre(count), COMPANY)
        work.append(looked[0])
    assert 0 < work[1] <= 16 * work[0]


def test_the_same_agents_give_the_same_bytes() -> None:
    """Neither the order of the listing nor the day shows."""
    listed = call_centre(200)
    agents = list(listed.agents.values())
    random.Random(5).shuffle(agents)
    assert export(live(*agents), COMPANY) == export(listed, COMPANY)
    assert split(live(*agents), COMPANY, "mainGroupName") == split(listed, COMPANY, "mainGroupName")


def test_agents_stand_in_the_order_of_their_ids() -> None:
    """As a plan lists them."""
    text = export(call_centre(200), COMPANY).files[FILE]
    ids = re.findall(r'operatorId: "(\d+)"', text)
    assert ids == sorted(ids)
    assert len(ids) == 200


def team(group: str, ids: range, **fields: Value) -> list[LiveAgent]:
    """Agents of a group that have everything but name and SIP number in common."""
    return [live_agent(str(n), name=f"坐席{n}", mainGroupName=group, sipNumber=f"6{n}", **fields) for n in ids]


TEAMS = [
    *team("售前组", range(8001, 8013), afterInterval=10),
    *team("外呼组", range(8101, 8113), afterInterval=30, outcallflag="no-international", showcaller="4008001234"),
    *team(
        "外呼组", range(8201, 8213), afterInterval=5, operatorType="leader", showcaller="4008001234", isHidePhone=True
    ),
    live_agent(
        "8301",
        name="no",
        mainGroupName="外呼组",
        afterInterval=30,
        ttscontent="您好,\n" * 9,
        email=f"{'a' * 64}@b.cn",
        judge=7,
    ),
]


LOOK = """# yaml-language-server: $schema=../schemas/agents.schema.json
# The agents as they were live. Written by `reconciler export`; now it is yours to edit.
# 导出时的现有坐席；此后请直接编辑此文件。
version: 1
company: {abbreviate: acme, companyId: 4242}

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
  售前组: {mainGroupName: 售前组, showcaller: "", afterInterval: 10, judge: true}
  外呼组: {mainGroupName: 外呼组, outcallflag: no-international, judge: true}
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
  - operatorId: "8301"
    name: "no"
    mainGroupName: 外呼组
    showcaller: ""
    sipNumber: null
    ttscontent: "您好,\\n您好,\\n您好,\\n您好,\\n您好,\\n您好,\\n您好,\\n您好,\\n您好,\\n"
    email: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.cn
"""


def test_how_it_looks() -> None:
    """Common values first, profiles named after group and type, one agent a line, what differs at the agent."""
    text = export(live(*TEAMS), COMPANY).files[FILE]
    assert re.sub(r'.*"8[0-2](0[3-9]|1\d)".*\n', "", text) == LOOK


def test_a_value_that_no_file_can_say_is_left_alone() -> None:
    """Not managed for that agent, so not among the defaults either; said above the agent and beside the export."""
    odd = live_agent("8001", judge=7, operatorType="##[error]", name="\ud800", afterInterval=-1)
    listed = live(odd, *(live_agent(str(8002 + n)) for n in range(20)))
    exported = export(listed, COMPANY)
    check(exported, listed)
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
    check(exported, listed)
    (note,) = exported.warnings
    assert note.message == "sipNumber is left alone: 2 agents hold '60001'"
    assert note.operator_ids == ("8001", "8002")
    assert "60001" not in re.sub("#.*", "", exported.files[FILE])


def test_an_agent_whose_id_cannot_be_written_is_protected() -> None:
    """It cannot stand in the file, and must not be deleted for that; of the others only those like it are protected."""
    listed = live(live_agent("a\ud800*[b]?"), live_agent("8001"))
    exported = export(listed, COMPANY)
    check(exported, listed)
    assert read(exported).protect == ("a?[*][[]b][?]",)


def test_an_empty_company_is_a_file_too() -> None:
    """No agent is live: the file says so, and its plan is empty."""
    exported = export(live(), COMPANY)
    assert exported.files[FILE].endswith("\nagents: []\n")
    check(exported, live())
    check(split(live(), COMPANY, "mainGroupName"), live())


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
    for exported in (export(listed, COMPANY), split(listed, COMPANY, "mainGroupName")):
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
    exported = split(listed, COMPANY, "mainGroupName")
    found = {agent.fields["mainGroupName"]: agent.place.file for agent in read(exported).agents}
    assert found == GROUP_NAMES
    assert set(exported.files) == {COMPANY_FILE, *GROUP_NAMES.values()}


def test_agents_whose_group_cannot_be_written_have_a_file() -> None:
    """They stand together, and are left in their groups."""
    listed = live(live_agent("8001", mainGroupName="\ud800"), live_agent("8002"))
    exported = split(listed, COMPANY, "mainGroupName")
    assert set(exported.files) == {COMPANY_FILE, "others.yaml", "no-group.yaml"}
    check(exported, listed)


def test_a_file_of_a_folder_owns_its_defaults_and_profiles() -> None:
    """The company stands in one file; profiles are named after their file, so that no two are the same."""
    exported = split(live(*TEAMS), COMPANY, "mainGroupName")
    assert [name for name, text in exported.files.items() if "\ncompany:" in text] == [COMPANY_FILE]
    assert "\n  外呼组-leader:\n" in exported.files["外呼组.yaml"]
    assert "  mainGroupName: 外呼组\n" in exported.files["外呼组.yaml"]
    check(exported, live(*TEAMS))


def test_only_what_people_share_is_shared() -> None:
    """A name, a phone or a SIP number is nobody's default, however many happen to have it; none at all may be."""
    agents = [live_agent(str(8001 + n), name="王伟", bindcode="138", email="a@b", sipNumber=None) for n in range(50)]
    text = export(live(*agents), COMPANY).files[FILE]
    head = text[: text.index("agents:")]
    assert "  sipNumber: null\n" in head
    assert not {"name:", "bindcode:", "email:"} & set(head.split())


@pytest.mark.parametrize("row", [row for row in LISTED if row.kind is not Kind.SIP_NUMBER], ids=lambda row: row.name)
def test_values_have_their_canonical_spelling(row: Field) -> None:
    """Choices by name, flags as true and false."""
    kinds: dict[Kind, Value] = {Kind.FLAG: True, Kind.INTEGER: 7}
    value = row.choices[-1] if row.choices else kinds.get(row.kind, "x")
    text = export(live(live_agent(**{row.name: value})), COMPANY).files[FILE]
    assert f"    {row.name}: {field_value(row.name, value)}\n" in text


def test_a_type_is_no_group() -> None:
    """Leaders of several groups share a profile that leaves each in its group, though most are of one."""
    fields: dict[str, Value] = {"operatorType": "leader", "afterInterval": 60, "isHidePhone": True, "showcaller": "110"}
    leaders = [*team("售前组", range(1001, 1009), **fields), *team("投诉组", range(1101, 1106), **fields)]
    others = [*team("售前组", range(2001, 2501)), *team("投诉组", range(3001, 3501))]
    text = export(live(*leaders, *others), COMPANY).files[FILE]
    assert '\n  leader: {operatorType: leader, showcaller: "110", afterInterval: 60, isHidePhone: true}\n' in text


def test_profiles_of_two_files_never_have_one_name() -> None:
    """A profile is found by its name wherever it stands: a number tells it from another file's."""
    odd: dict[str, Value] = dict.fromkeys(("isaudio", "ismessage", "isvideo", "judge"), 7)
    sales = [
        *team("售后", range(1001, 1031)),
        *team("售后", range(1101, 1121), operatorType="leader", isHidePhone=True, showcaller="110"),
    ]
    others = [*team("售后 leader", range(2001, 2031)), live_agent("2099", mainGroupName="售后 leader", **odd)]
    listed = live(*sales, *others)
    exported = split(listed, COMPANY, "mainGroupName")
    names = {name: re.findall(r"^  (售后\S*):", text, re.MULTILINE) for name, text in exported.files.items()}
    assert names == {COMPANY_FILE: [], "售后.yaml": ["售后-leader"], "售后-leader.yaml": ["售后-leader-2"]}
    check(exported, listed)


def test_one_value_alone_is_no_profile() -> None:
    """It stands as well at the agent, where one need not look it up."""
    listed = live(*team("售前组", range(1001, 1031)), *team("投诉组", range(2001, 2031)))
    assert "profile" not in export(listed, COMPANY).files[FILE]


def test_the_odd_of_a_group_share_what_they_can() -> None:
    """Where some agents of a group have a value that no file can say, their profile is silent about that field."""
    fields: dict[str, Value] = {"afterInterval": 30, "showcaller": "4008001234", "isHidePhone": True}
    odd = team("售前组", range(1001, 1005), judge=7, **fields)
    listed = live(*odd, *team("售前组", range(1101, 1117), **fields), *team("投诉组", range(2001, 2101)))
    text = export(listed, COMPANY).files[FILE]
    assert all(f'operatorId: "{agent.operator_id}", profile: 售前组' in text for agent in odd)


@pytest.mark.parametrize("listed", [call_centre(200), live(*TEAMS)], ids=["call centre", "teams"])
def test_an_export_is_formatted(listed: LiveState) -> None:
    """`fmt` would change nothing, in a file or in a folder."""
    for exported in (export(listed, COMPANY), split(listed, COMPANY, "mainGroupName")):
        assert {name: fmt(name, text.encode()).decode() for name, text in exported.files.items()} == exported.files
