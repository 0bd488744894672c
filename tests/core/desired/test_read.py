"""Document to DesiredState: precedence, the rules across agents, and what a good file becomes."""

from __future__ import annotations

import hashlib

import pytest

from reconciler.core.desired.read import read_desired
from reconciler.core.desired.rules import RULES
from reconciler.core.model.desired import Company, DesiredAgent, DesiredState, Limit, PasswordSource, matches
from reconciler.core.model.fields import Value
from reconciler.core.model.problem import Place
from tests.core.build import HEAD, only, problems, state

EXAMPLE = """\
version: 1
company: {abbreviate: acme, companyId: 4242}
scope:
  operatorId: ["8*", "9??"]
prune: false
protect: ["8000", "adm*"]
guardrails: {maxDeletes: 20%, maxChanges: 500}
recipients: [ssh-ed25519 AAAA]
defaults: {afterInterval: 10, isrecord: true}
profiles:
  leader: {operatorType: leader, outcallflag: allowed}
agents:
  - operatorId: "8002"
    name: 李四
  - operatorId: "8001"
    profile: leader
    name: 张三
    mainGroupName: 售后一组
    sipNumber: "60001"
    password: {env: AGENT_8001_PASSWORD, version: 2}
"""


def test_a_whole_file() -> None:
    """Every part of a file has its place in the state, and the agents are sorted by id."""
    leader: dict[str, Value] = {"afterInterval": 10, "isrecord": True, "operatorType": "leader"}
    leader |= {"outcallflag": "allowed", "name": "张三", "mainGroupName": "售后一组", "sipNumber": "60001"}
    password = PasswordSource("env", "AGENT_8001_PASSWORD", 2)
    other: dict[str, Value] = {"afterInterval": 10, "isrecord": True, "name": "李四"}
    assert state(EXAMPLE) == DesiredState(
        company=Company("acme", 4242),
        agents=(
            DesiredAgent("8001", leader, password, Place("agents.yaml", 15, 5)),
            DesiredAgent("8002", other, None, Place("agents.yaml", 13, 5)),
        ),
        files=("agents.yaml",),
        sha256=hashlib.sha256(EXAMPLE.encode()).hexdigest(),
        scope=("8*", "9??"),
        prune=False,
        protect=("8000", "adm*"),
        max_deletes=Limit("20%"),
        max_changes=Limit("500"),
        recipients=("ssh-ed25519 AAAA",),
    )


@pytest.mark.parametrize("pure", [False, True], ids=["libyaml", "python"])
def test_both_parsers_give_the_same_state(pure: bool) -> None:
    """The pure parser makes the same state of a file as libyaml."""
    assert read_desired("agents.yaml", EXAMPLE.encode(), pure=pure) == (state(EXAMPLE), ())


def test_the_smallest_file() -> None:
    """What is not said has its default: everybody is in scope, pruning is on, nothing is limited."""
    assert state(HEAD) == DesiredState(
        Company("acme"), (), ("agents.yaml",), hashlib.sha256(HEAD.encode()).hexdigest(), None, True, (), None, None
    )


@pytest.mark.parametrize(
    ("defaults", "profile", "own", "expected"),
    [
        ("name: d", "name: p", "name: o", {"name": "o"}),
        ("name: d", "name: p", "", {"name": "p"}),
        ("name: d", "", "", {"name": "d"}),
        ("", "name: p", "", {"name": "p"}),
        ("name: d", "", "name: o", {"name": "o"}),
        ("name: d", 'name: ""', "", {"name": ""}),
        ('sipNumber: "60001"', "", "sipNumber: null", {"sipNumber": None}),
        ("name: d", "email: p", "bindcode: o", {"name": "d", "email": "p", "bindcode": "o"}),
        ("", "", "", {}),
    ],
)
def test_precedence(defaults: str, profile: str, own: str, expected: dict[str, Value]) -> None:
    """`defaults`, then the profile, then the agent's own keys; what is nowhere is not managed."""
    text = f"{HEAD}defaults: {{{defaults}}}\nprofiles: {{p: {{{profile}}}}}\nagents:\n"
    (agent,) = state(f'{text}  - {{operatorId: "8001", profile: p, {own}}}\n').agents
    assert agent.fields == expected


def test_a_password_is_taken_whole() -> None:
    """A password of an agent replaces that of its profile; they are not mixed."""
    text = f"{HEAD}defaults: {{password: {{generate: true, version: 9}}}}\nagents:\n"
    text += '  - {operatorId: "8001", password: {env: A, version: 1}}\n  - {operatorId: "8002"}\n'
    assert [agent.password for agent in state(text).agents] == [
        PasswordSource("env", "A", 1),
        PasswordSource("generate", "", 9),
    ]


@pytest.mark.parametrize(
    ("file", "written", "folder", "path"),
    [
        ("agents.yaml", "secrets/a", "", "secrets/a"),
        ("site/agents.yaml", "secrets/a", "site", "site/secrets/a"),
        ("/srv/agents.yaml", "..a/b..", "/srv", "/srv/..a/b.."),
    ],
)
def test_a_password_file_is_seen_from_the_desired_file(file: str, written: str, folder: str, path: str) -> None:
    """A password's file is named from the folder of the file that names it."""
    text = f'{HEAD}agents: [{{operatorId: "8001", password: {{file: {written}, version: 1}}}}]\n'
    (agent,) = state(text, file).agents
    assert agent.password == PasswordSource("file", written, 1, folder)
    assert agent.password.path == path
    assert agent.place.file == file


def test_the_vendors_integers_become_names() -> None:
    """The vendor's spelling of flags and choices is canonical afterwards."""
    values = "operatorType: 1, outcallflag: 2, status: 0, isrecord: 0, isaudio: 1"
    (agent,) = state(f'{HEAD}agents: [{{operatorId: "8001", {values}}}]\n').agents
    expected = {"operatorType": "leader", "outcallflag": "forbidden", "status": "disabled"}
    assert agent.fields == {**expected, "isrecord": False, "isaudio": True}
    assert {type(agent.fields[name]) for name in ("isrecord", "isaudio")} == {bool}


def test_text_that_yaml_1_1_would_change_stays() -> None:
    """Leading zeros, times, dates and yes-words are what was typed."""
    text = (
        f"{HEAD}agents:\n  - {{operatorId: 0071, name: no, bindcode: 12:30:45, email: 2026-11-22, sipNumber: 0081}}\n"
    )
    (agent,) = state(text).agents
    assert agent.operator_id == "0071"
    assert agent.fields == {"name": "no", "bindcode": "12:30:45", "email": "2026-11-22", "sipNumber": "0081"}


def test_anchors_and_merge_keys_work() -> None:
    """An agent may be made of an anchor; its place is where it stands in the list."""
    text = (
        f'{HEAD}agents:\n  - &a {{operatorId: "8001", name: a, isrecord: true}}\n  - <<: *a\n    operatorId: "8002"\n'
    )
    one, two = state(text).agents
    assert one.fields == two.fields == {"name": "a", "isrecord": True}
    assert two.place == Place("agents.yaml", 5, 5)


@pytest.mark.parametrize(
    ("guardrails", "deletes", "changes"),
    [
        ("{}", None, None),
        ("{maxDeletes: 0}", Limit("0"), None),
        ("{maxDeletes: 007%, maxChanges: 99.5%}", Limit("007%"), Limit("99.5%")),
    ],
)
def test_limits_are_kept_as_written(guardrails: str, deletes: Limit | None, changes: Limit | None) -> None:
    """A limit of the file is kept as it was written, 0 included."""
    found = state(f"{HEAD}guardrails: {guardrails}\n")
    assert (found.max_deletes, found.max_changes) == (deletes, changes)


@pytest.mark.parametrize(
    ("patterns", "operator_id", "found"),
    [
        (("8*",), "8001", True),
        (("8*",), "9001", False),
        (("9??",), "900", True),
        (("9??",), "9001", False),
        (("x", "8001"), "8001", True),
        (("[!8]*",), "8001", False),
        (("adm*",), "Admin", False),
        (("8001",), "8001\n", False),
        (("*",), "a\nb", True),
        ((), "8001", False),
    ],
)
def test_patterns(patterns: tuple[str, ...], operator_id: str, found: bool) -> None:
    """Any shell-style pattern may match, and then the whole id; upper and lower case differ."""
    assert matches(patterns, operator_id) is found


def messages(text: str) -> list[str]:
    """What is wrong with a file, path and message."""
    return [f"{problem.path}: {problem.message}" for problem in problems(text)]


def test_an_id_that_stands_three_times() -> None:
    """Every repetition of an operatorId is named with the first place."""
    text = HEAD + "agents:\n" + '  - {operatorId: "8001"}\n' * 3
    expected = "operatorId 8001 stands twice; the first is at agents.yaml:4:18"
    assert messages(text) == [f"agents[{index}] (8001).operatorId: {expected}" for index in (1, 2)]


def test_a_number_that_three_agents_want() -> None:
    """Every further agent that wants a SIP number is named with the first; null is nobody's number."""
    text = HEAD + "agents:\n" + "".join(f'  - {{operatorId: "800{i}", sipNumber: "60001"}}\n' for i in (1, 2, 3))
    assert messages(text) == [
        "agents[1] (8002).sipNumber: agents 8001 and 8002 both want SIP number 60001",
        "agents[2] (8003).sipNumber: agents 8001 and 8003 both want SIP number 60001",
    ]
    assert len(state(text.replace('"60001"', "null")).agents) == 3


def test_a_number_of_a_profile_and_of_an_agents_own() -> None:
    """Where one number comes from a profile and one is the agent's own, each problem stands at the later agent."""
    text = f'{HEAD}profiles: {{p: {{sipNumber: "1"}}}}\nagents:\n  - {{operatorId: a, sipNumber: "1"}}\n'
    text += "  - {operatorId: b, profile: p}\n  - {operatorId: c, profile: p, sipNumber: null}\n"
    problem = only(text)
    assert (problem.path, problem.place) == ("agents[1] (b)", Place("agents.yaml", 6, 5))
    assert problem.hint == "a number belongs to one agent; the other is at agents.yaml:5:32"


def test_the_scope_counts_every_pattern() -> None:
    """An agent that no pattern of the scope matches is named, and only that one."""
    text = HEAD + 'scope: {operatorId: ["8*", "9??"]}\nagents: [{operatorId: "8001"}, {operatorId: "9001"}]\n'
    assert messages(text) == ["agents[1] (9001).operatorId: agent 9001 is outside this file's scope"]


BROKEN = {
    "agents: text": ["agents: must be a list"],
    "agents: {a: {operatorId: a}}": ["agents: must be a list"],
    "agents: [[]]": ["agents[0]: must be a mapping"],
    "agents: [{operatorId: [a]}]": ["agents[0].operatorId: must be text"],
    "agents: [{operatorId: a, sipNumber: [x]}, {operatorId: b, sipNumber: [x]}]": [
        "agents[0] (a).sipNumber: must be text",
        "agents[1] (b).sipNumber: must be text",
    ],
    "agents: [{operatorId: a, profile: [x]}]": ["agents[0] (a).profile: must be text"],
    "agents: [{operatorId: a, profile: p}]\nprofiles: text": [
        "agents[0] (a).profile: there is no profile p",
        "profiles: must be a mapping",
    ],
    "agents: [{operatorId: a, profile: p}]\nprofiles: {p: text}": ["profiles.p: must be a mapping"],
    "agents: [{operatorId: a}]\ndefaults: text": ["defaults: must be a mapping"],
    "agents: [{operatorId: a}]\nscope: text": ["scope: must be a mapping"],
    "agents: [{operatorId: a}]\nscope: {operatorId: text}": ["scope.operatorId: must be a list"],
    "agents: [{operatorId: a}]\nscope: {operatorId: [5, b]}": [
        "agents[0] (a).operatorId: agent a is outside this file's scope",
        "scope.operatorId[0]: is a number, and text belongs here",
    ],
    "agents: [{sipNumber: x}, {sipNumber: x}]": [
        "agents[0]: operatorId is missing",
        "agents[1]: operatorId is missing",
        "agents[1].sipNumber: agents None and None both want SIP number x",
    ],
}


@pytest.mark.parametrize(("text", "expected"), BROKEN.items(), ids=list(BROKEN))
def test_the_rules_take_nothing_for_granted(text: str, expected: list[str]) -> None:
    """The rules across agents also run on a file that the schema refuses, and neither raise nor add noise."""
    found = messages(f"{HEAD}{text}\n")
    assert [message.split(";")[0] for message in found] == expected


def test_what_follows_from_a_broken_value_is_not_said() -> None:
    """A value that could not be read is complained of once; what the schema makes of it is left out."""
    text = f"{HEAD}agents:\n  - operatorId: *nope\n  - operatorId: b\n    name: !x 5\n"
    assert messages(text) == [
        ": an alias to an anchor that is not defined above",
        ": this tag cannot be used here",
    ]


def test_problems_come_in_file_order() -> None:
    """Whatever found them, problems are in the order of their places."""
    text = (
        "agents: [{operatorId: a}, {operatorId: a}]\nprune: 1\nprune: 2\nversion: 3\ncompany: {x: 1, abbreviate: a}\n"
    )
    places = [problem.place for problem in problems(text)]
    assert places == sorted(places)
    assert len(places) == 5


def test_a_file_that_cannot_be_read_has_only_that_problem() -> None:
    """Where no document can be made, nothing else is said."""
    assert only("a: 1\n---\nb: 2\n").place.file == "agents.yaml"


def test_every_rule_across_agents_is_listed() -> None:
    """The rules are those that are tested here and in `test_pools_and_files`: a new one needs its tests."""
    names = [
        *(
            "_company_is_there",
            "_top_level_keys_are_in_one_file",
            "_pools_are_ranges",
            "_pools_are_bounded",
            "_pool_texts_can_be_filled",
            "_ids_are_unique",
            "_ids_look_different",
            "_profiles_exist",
        ),
        *("_sip_numbers_are_unique", "_agents_are_in_scope", "_quotes_are_yamls"),
    ]
    assert [getattr(rule, "__name__", "") for rule in RULES] == names
