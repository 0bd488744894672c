"""Pools, several files as one desired state, and plans that the command line narrows."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.desired.read import parse_files, read_desired, read_files
from reconciler.core.model.desired import DesiredState, Limit, Policy
from reconciler.core.model.message import Text
from reconciler.core.model.problem import Place, Problem
from tests.core.build import HEAD, acts, agent, desired, env, live, live_agent, only, planned, problems, state


def pool(text: str, *more: str) -> str:
    """A file with one pool, and more lines after it."""
    return HEAD + f"pools:\n  - {{{text}}}\n" + "".join(f"{line}\n" for line in more)


def ids(found: DesiredState) -> list[str]:
    """Whom the state is about."""
    return [each.operator_id for each in found.agents]


def test_a_pool_stands_for_its_agents() -> None:
    """From the first to the last, without the exceptions, each at the pool's place, with the pool's values."""
    found = state(pool('from: "8100", to: "8103", except: ["8102"], afterInterval: 7'))
    assert ids(found) == ["8100", "8101", "8103"]
    assert {each.place for each in found.agents} == {Place("agents.yaml", 4, 5)}
    assert all(each.fields == {"afterInterval": 7} for each in found.agents)


@given(st.integers(0, 990), st.integers(0, 9), st.integers(3, 6), st.data())
def test_a_pool_is_its_agents_written_out(first: int, more: int, width: int, data: st.DataObject) -> None:
    """A pool and the list of its agents are the same desired state, leading zeros, templates and profile included."""
    numbers = [str(first + step).zfill(width) for step in range(more + 1)]
    left_out = data.draw(st.sets(st.sampled_from(numbers), max_size=len(numbers) - 1))
    shared = 'profile: p, showcaller: "1"'
    profiles = "profiles: {p: {outcallflag: forbidden}}"
    bounds = f'from: "{numbers[0]}", to: "{numbers[-1]}"'
    exceptions = ", ".join(f'"{id_}"' for id_ in sorted(left_out))
    pooled = state(pool(f'{bounds}, except: [{exceptions}], name: "n {{operatorId}}!", {shared}', profiles))
    lines = [f'  - {{operatorId: "{n}", name: "n {n}!", {shared}}}\n' for n in numbers if n not in left_out]
    single = state(HEAD + "agents:\n" + "".join(lines) + profiles)
    assert [(a.operator_id, a.fields) for a in pooled.agents] == [(a.operator_id, a.fields) for a in single.agents]


def test_values_without_their_places() -> None:
    """Editors see the values that an agent has of its pool, its profile and itself, and nothing but fields."""
    text = pool('from: "81", to: "82", name: "n {operatorId}", profile: p', "profiles: {p: {email: e, isaudio: true}}")
    own = 'agents: [{operatorId: "90", profile: p, isaudio: false, password: {env: X, version: 1}}]'
    found = parse_files([("agents.yaml", f"{text}{own}\n".encode())])
    profile = {"email": "e", "isaudio": True}
    plain = {
        each.operator_id: {name: v for name, v in each.plain_values.items() if name != "password"}
        for each in found.agents
    }
    assert plain == {
        "81": {**profile, "name": "n 81"},
        "82": {**profile, "name": "n 82"},
        "90": {**profile, "isaudio": False},
    }


def test_only_the_pools_own_texts_are_templates() -> None:
    """`{operatorId}` stands for the number in every text of the pool itself, and is plain text anywhere else."""
    text = pool('from: "81", to: "82", name: "a {operatorId} {operatorId}", sipNumber: "6{operatorId}", profile: p')
    found = state(
        text + 'profiles: {p: {ttscontent: "{operatorId}"}}\nagents: [{operatorId: "9", name: "{operatorId}"}]'
    )
    one, _, single = found.agents
    assert one.fields == {"name": "a 81 81", "sipNumber": "681", "ttscontent": "{operatorId}"}
    assert single.fields["name"] == "{operatorId}"


def test_a_pool_may_share_a_password() -> None:
    """Every agent of a pool takes its password from where the pool says."""
    found = state(pool('from: "81", to: "82", password: {env: AGENT_PASSWORD, version: 1}'))
    assert [each.password for each in found.agents] == [env(), env()]


@pytest.mark.parametrize(
    ("text", "message", "path", "hint"),
    [
        ('from: "8100", to: "81000"', "8100 to 81000 is no range of ids", "pools[0] (8100…81000).to", "digits only"),
        ('from: "A1", to: "A9"', "A1 to A9 is no range of ids", "pools[0] (A1…A9).to", "digits only"),
        ('from: "١", to: "٩"', "١ to ٩ is no range of ids", "pools[0] (١…٩).to", "digits only"),
        ('from: "9", to: "1"', "1 comes before 9", "pools[0] (9…1).to", "swap the two"),
        ('from: "000000", to: "999999"', "1,000,000 agents in the pools up to here", "", "check the digits"),
        ('from: "10", to: "19", except: ["9"]', "9 is not in the pool 10 to 19", "pools[0] (10…19).except[0]", ""),
        ('from: "10", to: "19", profile: p', "there is no profile p", "pools[0] (10…19).profile", "add profiles:"),
        ('from: "10", to: "11", sipNumber: "6"', "agents 10 and 11 both want SIP number 6", "sipNumber", "one agent"),
        ('from: "10", to: "99", afterInterval: -1', "must be at least 0", "pools[0] (10…99).afterInterval", ""),
        ('from: "10"', "to is missing", "pools[0]", "a pool goes from"),
        ('from: 10, to: "19"', "is a number, and text belongs here; written: 10", "pools[0].from", 'quote it: "10"'),
        ('from: "10", to: "19", operatorId: "1"', "unknown key", "pools[0] (1).operatorId", "a pool goes from"),
    ],
)
def test_what_is_wrong_with_a_pool(text: str, message: str, path: str, hint: str) -> None:
    """A pool that is none says what is wrong, in its own words, once."""
    problem = only(pool(text))
    assert message in problem.message
    assert path in problem.path
    assert hint in problem.hint


def test_an_agent_stands_in_a_pool_or_in_agents() -> None:
    """One that stands in both is an error at the agent, which names the pool and says `except`."""
    problem = only(pool('from: "81", to: "89"', "agents: [{operatorId: '85'}]"))
    assert problem.message == "operatorId 85 stands in agents, and in the pool at agents.yaml:4:5 too"
    assert problem.place.line == 5
    assert problem.hint == 'add it to the pool\'s except: ["85"], or remove it here'


def test_pools_that_overlap() -> None:
    """Two pools with agents in common are told once, at the second, with an agent's number."""
    problem = only(HEAD + 'pools:\n  - {from: "81", to: "85"}\n  - {from: "84", to: "89"}\n')
    assert (problem.place.line, problem.message) == (5, "operatorId 84 is also in the pool at agents.yaml:4:5")


def test_a_pool_out_of_scope() -> None:
    """A pool that reaches beyond the scope is told once, with the first agent that does."""
    problem = only(pool('from: "88", to: "93"', 'scope: {operatorId: ["8*"]}'))
    assert problem.message == "agent 90 is outside this file's scope"


def files(**texts: str) -> list[tuple[str, bytes]]:
    """Files by name, without their ending."""
    return [(f"{name}.yaml", text.encode()) for name, text in texts.items()]


def both(a: str, b: str) -> DesiredState:
    """The state of two good files."""
    found, wrong = read_files(files(a=a, b=b))
    assert found is not None, wrong
    return found


def wrong(a: str, b: str) -> list[tuple[str, int, str]]:
    """What is wrong with two files: where, and what."""
    found, problems = read_files(files(a=a, b=b))
    assert found is None
    return [(problem.place.file, problem.place.line, problem.message) for problem in problems]


TEAM = "version: 1\n"


def test_agents_and_pools_of_several_files_add_up() -> None:
    """Agents and pools add up, profiles are shared, defaults are each file's own; places name the file."""
    a = HEAD + "defaults: {afterInterval: 1}\nprofiles: {p: {name: n}}\nagents: [{operatorId: '1'}]\n"
    b = TEAM + "defaults: {isrecord: false}\nagents: [{operatorId: '2', profile: p}]\npools: [{from: '3', to: '4'}]\n"
    found = both(a, b)
    assert [(each.operator_id, each.fields, each.place.file) for each in found.agents] == [
        ("1", {"afterInterval": 1}, "a.yaml"),
        ("2", {"isrecord": False, "name": "n"}, "b.yaml"),
        ("3", {"isrecord": False}, "b.yaml"),
        ("4", {"isrecord": False}, "b.yaml"),
    ]
    assert found.files == ("a.yaml", "b.yaml")


def test_the_order_of_files_does_not_matter() -> None:
    """Named the other way round, the same files are the same state."""
    a, b = HEAD + "agents: [{operatorId: '1'}]\n", TEAM + "agents: [{operatorId: '2'}]\n"
    one, other = both(a, b), read_files(reversed(files(a=a, b=b)))[0]
    assert other is not None
    assert (one.agents, one.company, one.sha256) == (other.agents, other.company, other.sha256)


def test_a_password_file_is_seen_from_the_file_that_names_it() -> None:
    """Also when a profile of another file's folder names it."""
    a = HEAD + "profiles: {p: {password: {file: s.txt, version: 1}}}\n"
    found, _ = read_files(
        [("x/a.yaml", a.encode()), ("y/b.yaml", b"version: 1\nagents: [{operatorId: '1', profile: p}]")]
    )
    assert found is not None
    assert found.agents[0].password is not None
    assert found.agents[0].password.path == "x/s.txt"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("company", "{abbreviate: acme}"),
        ("scope", "{operatorId: ['*']}"),
        ("prune", "true"),
        ("protect", "[]"),
        ("guardrails", "{maxDeletes: 1}"),
        ("recipients", '["age1' + "q" * 58 + '"]'),
    ],
)
def test_what_speaks_for_the_whole_stands_once(key: str, value: str) -> None:
    """In two files it is an error at the second that names the first, even when both say the same."""
    line = f"{key}: {value}\n"
    head = "" if key == "company" else "company: {abbreviate: acme}\n"
    assert wrong(TEAM + head + line, TEAM + line) == [
        ("b.yaml", 2, f"{key} stands in two files; the first is at a.yaml:{3 if head else 2}:1")
    ]


def test_a_profile_stands_once() -> None:
    """Two files with profiles of one name leave open which is meant."""
    profile = "profiles: {p: {name: n}}\n"
    assert wrong(HEAD + profile, TEAM + profile) == [
        ("b.yaml", 2, "profile p stands in two files; the first is at a.yaml:3:12")
    ]


@pytest.mark.parametrize(
    ("company", "hint"),
    [
        ("{abbreviate: beta}", "these are two companies: plan each by itself, --file a.yaml and --file b.yaml"),
        ("{abbreviate: acme, companyId: 7}", "these are two companies: plan each by itself, "),
        ("{abbreviate: acme}", "keep one of the two"),
        ("beta", "these are two companies: "),
    ],
)
def test_two_companies_are_planned_each_by_itself(company: str, hint: str) -> None:
    """Files of two companies are told apart from one company that is written twice."""
    head = "version: 1\ncompany: "
    found, problems = read_files(files(a=f"{head}{{abbreviate: acme}}\nagents: []\n", b=f"{head}{company}\n"))
    assert found is None
    (problem,) = (problem for problem in problems if problem.code == "two-files")
    assert problem.hint.startswith(hint)


def test_an_agent_of_two_files_names_both_places() -> None:
    """As one of two agents, and as one of a pool and an agent."""
    single, pooled = "agents: [{operatorId: '5'}]\n", "pools: [{from: '1', to: '9'}]\n"
    assert wrong(HEAD + single, TEAM + single) == [
        ("b.yaml", 2, "operatorId 5 stands twice; the first is at a.yaml:3:23")
    ]
    assert wrong(HEAD + pooled, TEAM + single) == [
        ("b.yaml", 2, "operatorId 5 stands in agents, and in the pool at a.yaml:3:9 too")
    ]


def test_a_company_stands_somewhere() -> None:
    """In one of the files, and it does not matter in which."""
    assert both(TEAM, HEAD).company.abbreviate == "acme"
    assert wrong(TEAM, TEAM) == [("a.yaml", 1, "company is missing")]
    assert "version is missing" in [message for _, _, message in wrong("company: {abbreviate: a}\n", "agents: []\n")]


def test_every_file_is_checked_although_one_is_broken() -> None:
    """A file that is no YAML, and one that cannot be read, keep only the rules across files from being asked."""
    found, problems = read_files(
        [
            ("a.yaml", b"version: 1\nagents: [\n"),
            ("b.yaml", b"version: 2\n"),
            ("c.yaml", Problem(Place("c.yaml", 1), "", Text("cannot be read"))),
        ]
    )
    assert found is None
    assert [problem.place.file for problem in problems] == ["a.yaml", "b.yaml", "c.yaml"]


LISTED = live(live_agent("8001"), live_agent("8002"), live_agent("9001"))


@pytest.mark.parametrize(
    ("targets", "excludes", "expected"),
    [
        ((), (), ["8001", "8002", "8003", "9001"]),
        (("8*",), (), ["8001", "8002", "8003"]),
        (("8*", "9001"), ("8002",), ["8001", "8003", "9001"]),
        ((), ("800?",), ["9001"]),
        (("7*",), (), []),
    ],
)
def test_a_plan_is_narrowed(targets: tuple[str, ...], excludes: tuple[str, ...], expected: list[str]) -> None:
    """Targets let in, excludes leave out, deletes too; the others are neither planned nor counted as unchanged."""
    wanted = desired(agent("8001", name="n"), agent("8003"), agent("9001", name="n"))
    found = planned(wanted, LISTED, policy=Policy(targets=targets, excludes=excludes))
    assert [id_ for id_, _ in acts(found)] == expected
    assert found.unchanged == 0
    assert found.in_scope == 3
    noted = [note.message for note in found.notes]
    assert any("narrowed on the command line" in message for message in noted) == bool(targets or excludes)
    assert ("--target: no agent matches 7*" in noted) == (targets == ("7*",))


def test_guardrails_count_what_is_planned() -> None:
    """A narrowed plan is held against the limit of the whole scope, with what it plans itself."""
    wanted = desired(agent("9001"), max_deletes="1")
    whole = planned(wanted, LISTED)
    narrowed = planned(wanted, LISTED, policy=Policy(targets=("8001",)))
    assert (whole.refused, narrowed.refused) == (True, False)
    assert narrowed.guardrails[0].operator_ids == ("8001",)


def test_narrowing_deletes_nobody_whom_the_file_keeps() -> None:
    """Who is left out of the plan is not missing from the file, also when nobody of the file is left in."""
    wanted = desired(agent("8001"), agent("8002"), agent("9001"))
    policy = Policy(targets=("9*",), excludes=("9001",), max_deletes=Limit("0"))
    assert planned(wanted, LISTED, policy=policy).actions == ()


def test_a_number_of_somebody_left_out_stays_taken() -> None:
    """Who holds a SIP number and is left out of the plan keeps it, and who wants it is blocked."""
    wanted = desired(agent("8001", sipNumber="2"), agent("8002", sipNumber=None))
    listed = live(live_agent("8001", sipNumber="1"), live_agent("8002", sipNumber="2"))
    assert not planned(wanted, listed).blocked
    assert [a.operator_id for a in planned(wanted, listed, policy=Policy(targets=("8001",))).blocked] == ["8001"]


def test_a_broken_pool_does_not_hide_other_problems() -> None:
    """All problems at once, pools included."""
    text = pool('from: "1", to: "22"', "agents: [{operatorId: 7}]", "prune: maybe")
    assert len(problems(text)) == 3


# Bounds.


def test_repeated_pools_are_bounded_together() -> None:
    """Pools that an alias repeats count each time; the one that is too many is named, once, and nothing is expanded."""
    repeated = ", ".join(["*p"] * 29)
    file = f'{HEAD}pools: [&p {{from: "00000", to: "99999"}}, {repeated}]\n'
    tracemalloc.start()
    found, wrong = read_desired("agents.yaml", file.encode())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found is None
    assert [problem.message for problem in wrong] == [
        "200,000 agents in the pools up to here; 100,000 is the limit for all pools together"
    ]
    assert wrong[0].path.startswith("pools[1]")
    assert peak < 10_000_000


def test_pools_of_several_files_are_bounded_together() -> None:
    """The limit is for all files; the pool that crosses it stands in the second one."""
    pools = ('"100000", to: "159999"', '"200000", to: "259999"')
    files = [
        (f"{name}.yaml", f"{head}pools: [{{from: {bounds}}}]\n".encode())
        for name, head, bounds in zip("ab", (HEAD, "version: 1\n"), pools, strict=True)
    ]
    found, wrong = read_files(files)
    assert found is None
    assert [(problem.place.file, problem.place.line) for problem in wrong] == [("b.yaml", 2)]


def test_a_pool_beyond_all_counting() -> None:
    """A range of 32 digits is too large, and no more than that."""
    zeros, nines = "0" * 32, "9" * 32
    assert "is the limit for all pools together" in only(pool(f'from: "{zeros}", to: "{nines}"')).message


@pytest.mark.parametrize("size", [64, 65, 100_000])
def test_an_id_has_a_bound(size: int) -> None:
    """An operatorId has at most 64 characters, and no message repeats a longer one."""
    file = f"{HEAD}agents:\n" + f'  - {{operatorId: "{"8" * size}"}}\n' * 2
    _, wrong = read_desired("agents.yaml", file.encode())
    assert any("is the limit" in problem.message for problem in wrong) == (size > 64)
    assert all(len(problem.message + problem.path + problem.hint) < 400 for problem in wrong)


@pytest.mark.parametrize("size", [2000, 2001])
@pytest.mark.parametrize("key", ["name", "ttscontent", "sipNumber", "bindcode", "profile"])
def test_a_text_has_a_bound(size: int, key: str) -> None:
    """A text of the file has at most 2,000 characters; the message says how many it has."""
    file = f'{HEAD}profiles: {{p: {{}}}}\nagents: [{{operatorId: "8001", {key}: "{"号" * size}"}}]\n'
    _, wrong = read_desired("agents.yaml", file.encode())
    assert ("has 2,001 characters; 2,000 is the limit" in " ".join(each.message for each in wrong)) == (size > 2000)


@pytest.mark.parametrize(("times", "fits"), [(62, True), (63, False)])
def test_a_filled_text_has_the_same_bound(times: int, fits: bool) -> None:
    """A pool's text counts as it is once each agent's number is filled in."""
    bounds = f'from: "{"0" * 31}1", to: "{"0" * 31}2"'
    _, wrong = read_desired("agents.yaml", pool(f'{bounds}, name: "{"{operatorId}" * times}"').encode())
    assert (wrong == ()) == fits
