"""Listings to export: odd ones, and those of a call centre as one would find it; and what every export must keep."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import strategies as st

from reconciler.core.desired.read import read_files
from reconciler.core.export.files import Exported
from reconciler.core.model.desired import DesiredState, Policy
from reconciler.core.model.fields import BY_NAME, KEY, LISTED, Field, Kind, Value
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.operator_id import look
from reconciler.core.planning.make_plan import make_plan
from reconciler.core.yaml.spelling import is_expressible
from reconciler.sandbox.seed import GIVEN, SURNAMES
from tests.core.build import live, live_agent
from tests.core.yaml.test_spelling import ODD
from tests.hostile import HOSTILE

_SURROGATES = ("\ud800", "a\udcff", "\udc00*[x]?")
_TEXTS = tuple(text[:400] for text in (*ODD, *HOSTILE.values(), *_SURROGATES))
_ODD_VALUES: tuple[Value, ...] = (-1, 7, 2**40, *_TEXTS)


def odd_values(row: Field) -> tuple[Value, ...]:
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
_VALUES = {row.name: st.sampled_from(odd_values(row)) for row in LISTED}
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
            if is_expressible(row, value := agent.fields[row.name])
            and (row.name != "sipNumber" or value is None or numbers.count(value) == 1)
        }
        for id_, agent in listed.agents.items()
        if is_expressible(BY_NAME[KEY], id_)
    }


def assert_plan_is_empty(exported: Exported, listed: LiveState) -> None:
    """The plan is empty, every value that can be said is managed, and every gap is told."""
    desired, expected = read(exported), said(listed)
    assert make_plan(desired, listed, {}, Policy()).actions == ()
    assert {agent.operator_id: dict(agent.fields) for agent in desired.agents} == expected
    told = {(id_, note.message.split()[0]) for note in exported.warnings for id_ in note.operator_ids}
    gaps = {(id_, row.name) for id_, fields in expected.items() for row in LISTED if row.name not in fields}
    looks = Counter(map(look, expected))
    gaps |= {(id_, "these") for id_ in expected if looks[look(id_)] > 1}
    assert told == gaps | {(id_, "the") for id_ in listed.agents if id_ not in expected}


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
