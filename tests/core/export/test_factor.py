"""What agents share is said once: files are short, and what is shared is what people share."""

from __future__ import annotations

import random
import re

import pytest

from reconciler.core.export import factor as factoring
from reconciler.core.export import files as module
from reconciler.core.export.factor import Factored, FactoredAgent
from reconciler.core.export.files import COMPANY_FILE, FILE, export, split_by_field
from reconciler.core.model.fields import LISTED, Value
from reconciler.core.model.live import LiveState
from tests.core.build import COMPANY, live, live_agent
from tests.core.listings import assert_plan_is_empty, call_centre, odd_values, team


def unfactored(listed: LiveState) -> str:
    """The same export without `defaults` and `profiles`."""
    agents, protected = module._spelled_agents(listed)
    whole = Factored({}, {}, tuple(FactoredAgent("", agent.values) for agent in agents.values()))
    return module._head(COMPANY, protected) + module._body(agents, whole)


@pytest.mark.exhaustive(0)
@pytest.mark.parametrize("contacts", [0.0, 0.3, 1.0])
def test_an_export_is_at_most_a_third_as_long(contacts: float) -> None:
    """3,000 realistic agents, whether few or all have phone and e-mail, beside the same without what they share."""
    listed = call_centre(3_000, contacts=contacts)
    assert 3 * len(export(listed, COMPANY).files[FILE]) <= len(unfactored(listed))


def test_what_is_shared_changes_no_meaning() -> None:
    """3,000 realistic agents in one file, and fewer in a folder: every value is managed, and there is nothing to do."""
    listed = call_centre(3_000)
    assert_plan_is_empty(export(listed, COMPANY), listed)
    listed = call_centre(300)
    assert_plan_is_empty(split_by_field(listed, COMPANY, "mainGroupName"), listed)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_shared_spares_the_odd(seed: int) -> None:
    """Many agents of a few odd habits, and gaps among them: no default and no profile fills a gap."""
    rng = random.Random(seed)
    rows = {row.name: odd_values(row) for row in LISTED}
    habits = [{name: rng.choice(rows[name]) for name in rng.sample(sorted(rows), 6)} for _ in range(3)]
    agents = []
    for number in range(60):
        fields = dict(rng.choice(habits))
        if rng.random() < 0.2:
            name = rng.choice(sorted(rows))
            fields[name] = rng.choice(rows[name])
        agents.append(live_agent(str(8001 + number), **fields))
    exported = export(live(*agents), COMPANY)
    assert_plan_is_empty(exported, live(*agents))
    assert "profile:" in exported.files[FILE]


def test_the_work_grows_with_the_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight times the agents are counted over some eight times as often, not sixty-four."""
    looked = [0]
    original = factoring._split_by

    def counting(part: factoring._Part, column: int, fewest: int) -> list[factoring._Part]:
        looked[0] += len(part.cells)
        return original(part, column, fewest)

    monkeypatch.setattr(factoring, "_split_by", counting)
    work = []
    for count in (250, 2_000):
        looked[0] = 0
        export(call_centre(count), COMPANY)
        work.append(looked[0])
    assert 0 < work[1] <= 16 * work[0]


def test_only_what_people_share_is_shared() -> None:
    """A name, a phone or a SIP number is nobody's default, however many happen to have it; none at all may be."""
    agents = [live_agent(str(8001 + n), name="王伟", bindcode="138", email="a@b", sipNumber=None) for n in range(50)]
    text = export(live(*agents), COMPANY).files[FILE]
    head = text[: text.index("agents:")]
    assert "  sipNumber: null\n" in head
    assert not {"name:", "bindcode:", "email:"} & set(head.split())


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
    exported = split_by_field(listed, COMPANY, "mainGroupName")
    names = {name: re.findall(r"^  (售后\S*):", text, re.MULTILINE) for name, text in exported.files.items()}
    assert names == {COMPANY_FILE: [], "售后.yaml": ["售后-leader"], "售后-leader.yaml": ["售后-leader-2"]}
    assert_plan_is_empty(exported, listed)


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
