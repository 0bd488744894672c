"""What the schema finds, in plain words: paths, suggestions, what was written, and never a password."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.desired.problems import MAX_SHOWN, path_text, problem_at, schema_problems
from reconciler.core.desired.read import read_desired
from reconciler.core.model.message import Text
from reconciler.core.model.problem import Place, closest
from tests.core.build import HEAD, document, only, problems
from tests.strategies import texts


def in_words(text: str) -> list[tuple[str, str, str]]:
    """Path, message and hint of everything that is wrong with a file."""
    return [(problem.path, problem.message, problem.hint) for problem in problems(text)]


def an_agent(rest: str) -> str:
    """A file with one agent that has this beside its operatorId."""
    return f'{HEAD}agents:\n  - operatorId: "8001"\n    {rest}\n'


def test_a_good_file_has_no_problems() -> None:
    """The schema finds nothing in a file that it accepts."""
    assert schema_problems(document(HEAD)) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("agents",), "agents"),
        (("agents", 0), "agents[0] (8001)"),
        (("agents", 0, "name"), "agents[0] (8001).name"),
        (("agents", 1), "agents[1]"),
        (("agents", 2), "agents[2]"),
        (("agents", 9, "name"), "agents[9].name"),
        (("company", "abbreviate"), "company.abbreviate"),
        (("company", "abbreviate", "deeper"), "company.abbreviate.deeper"),
        (("nope", "deeper", 3), "nope.deeper[3]"),
        (("profiles", "a.b", "name"), "profiles.a.b.name"),
    ],
)
def test_a_path_for_people(path: tuple[str | int, ...], text: str) -> None:
    """A path shows which agent an index means, where that can be told."""
    found = document(HEAD + 'agents: [{operatorId: "8001", name: a}, {operatorId: 8002}, text]\nprofiles: {a.b: {}}\n')
    assert path_text(found, path) == text


def test_a_problem_stands_at_a_value_or_at_its_key() -> None:
    """A problem names the place of the value, or of the key that leads to it."""
    found = document(HEAD)
    assert problem_at(found, ("version",), Text("what")).place == Place("agents.yaml", 1, 10)
    assert problem_at(found, ("version",), Text("what"), key=True).place == Place("agents.yaml", 1, 1)
    assert problem_at(found, ("version",), Text("what"), Text("how")).hint == "how"


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("nmae", ["name", "email"], "name"),
        ("NAME", ["name"], "name"),
        ("operatorid", ["operatorId"], "operatorId"),
        ("sipnumber", ["sipNumber", "showcaller"], "sipNumber"),
        ("xyz", ["name", "email"], ""),
        ("", ["name"], ""),
        ("name", [], ""),
        ("外乎", ["外呼", "班长"], ""),
        ("外呼一组", ["外呼二组", "班长"], "外呼二组"),
    ],
)
def test_the_closest_word(word: str, known: list[str], found: str) -> None:
    """A word that is nearly a known one is taken for it, upper and lower case being alike."""
    assert closest(word, known) == found


@pytest.mark.parametrize(
    ("written", "meant"), [("yes", "true"), ("On", "true"), ("y", "true"), ("NO", "false"), ("off", "false")]
)
def test_yaml_1_1_booleans_are_explained(written: str, meant: str) -> None:
    """Who writes a flag as YAML 1.1 did is told what YAML 1.2 makes of it, and what to write."""
    problem = only(an_agent(f"isrecord: {written}"))
    assert problem.message == f'must be true or false; written: "{written}"'
    assert problem.hint == f"YAML 1.2 reads {written.lower()} as text; write {meant}"


@pytest.mark.parametrize("written", ["maybe", "1.5", "[a]", "[]", "{a: b}", "null"])
def test_other_words_for_a_flag_are_only_refused(written: str) -> None:
    """Where nothing can be guessed, nothing is suggested; a list or a mapping is not repeated."""
    problem = only(an_agent(f"isrecord: {written}"))
    assert problem.message.startswith("must be true or false")
    assert problem.hint == ""
    assert ("written" in problem.message) is (written[0] not in "[{")


@pytest.mark.parametrize(
    ("rest", "message", "hint"),
    [
        ("operatorType: leadr", 'must be one of agent, leader; written: "leadr"', "did you mean leader?"),
        ("operatorType: boss", 'must be one of agent, leader; written: "boss"', ""),
        ("operatorType: 7", "must be one of agent, leader; written: 7", ""),
        ('status: "0"', 'must be one of disabled, enabled; written: "0"', ""),
        ("status: [enabled]", "must be one of disabled, enabled", ""),
        ("name: 007.5e", None, None),
        ("name: 1.50", "is a number, and text belongs here; written: 1.50", 'quote it: "1.50"'),
        ("name: FALSE", "is true or false, and text belongs here; written: FALSE", 'quote it: "FALSE"'),
        ("name: {a: b}", "must be text", ""),
        ("sipNumber: [a]", "must be text", ""),
        ("sipNumber: 0", "is a number, and text belongs here; written: 0", 'quote it: "0"'),
        ("afterInterval: ten", 'must be a whole number; written: "ten"', ""),
        ("afterInterval:", "must be a whole number", ""),
        ('afterInterval: "7"', 'must be a whole number; written: "7"', "write it without quotes"),
        ("afterInterval: 1e1", "must be a whole number; written: 1e1", ""),
    ],
)
def test_what_is_wrong_with_a_value(rest: str, message: str | None, hint: str | None) -> None:
    """A value's problem says what belongs there, what was written, as it was typed, and what to do."""
    if message is None:
        assert read_desired("agents.yaml", an_agent(rest).encode())[1] == ()
    else:
        assert in_words(an_agent(rest)) == [(f"agents[0] (8001).{rest.split(':')[0]}", message, hint)]


def test_a_long_value_is_cut() -> None:
    """A message repeats no more than the beginning of what was written."""
    assert MAX_SHOWN == 60
    cut = in_words(an_agent(f"operatorType: {'x' * 61}"))[0][1]
    whole = in_words(an_agent(f"operatorType: {'x' * 60}"))[0][1]
    assert cut == f'must be one of agent, leader; written: "{"x" * 59}…"'
    assert whole == f'must be one of agent, leader; written: "{"x" * 60}"'


def test_odd_characters_are_escaped() -> None:
    """A value with line breaks, quotes or escapes cannot forge a line of output."""
    message = in_words(an_agent(r'operatorType: "a\nb\"\x1b[31m"'))[0][1]
    assert message == r'must be one of agent, leader; written: "a\nb\"\u001b[31m"'


def test_an_unknown_key_is_guessed_or_the_known_ones_are_listed() -> None:
    """An unknown key comes with its likeliest meaning, or with all that may stand there; it stands at the key."""
    text = f"{HEAD}guardrails:\n  maxDelets: 1\n  xyz: 2\n"
    assert in_words(text) == [
        ("guardrails.maxDelets", 'unknown key "maxDelets"', "did you mean maxDeletes?"),
        ("guardrails.xyz", 'unknown key "xyz"', "known here: maxDeletes, maxChanges, maxPasswords, lookalikes"),
    ]
    assert [problem.place for problem in problems(text)] == [Place("agents.yaml", 4, 3), Place("agents.yaml", 5, 3)]


def test_everything_that_is_missing_is_said_at_once() -> None:
    """Each missing key is a problem of its own, with what to write."""
    assert in_words("prune: true\n") == [
        ("", "version is missing", "add version: 1"),
        ("", "company is missing", "add company: {abbreviate: …}"),
    ]


def test_one_value_is_complained_of_once() -> None:
    """Of several rules that one value breaks, the most telling is named."""
    assert in_words(an_agent("status: 1.0")) == [
        ("agents[0] (8001).status", "must be one of disabled, enabled; written: 1.0", "")
    ]
    assert len(in_words(an_agent("outcallflag: [9]"))) == 1


MISPLACED = (
    "password: {}",
    "password: [{}]",
    "password: {{env: {}, version: 1}}",
    "password: {{file: [{}], version: 1}}",
    "password: {{generate: {}, version: 1}}",
    "password: {{env: A, version: {}}}",
    "password: {{env: A, version: 1, {}: 1}}",
    "password: {{env: A, version: 1, version: {}}}",
    "password: {{version: 1, {0}: 1, {0}: 2}}",
    "password: {{{}: {{a: b}}}}",
    "password: {{? [{}] : 1}}",
    "password: {{a: {{b: {}}}}}",
    "password: !tag {}",
    "password: !!int {}",
    "password: {{<<: {}}}",
)


@given(st.sampled_from(MISPLACED), texts, st.sampled_from(("agents:\n  - operatorId: a\n    {}", "defaults:\n  {}")))
def test_no_problem_shows_a_password(template: str, password: str, where: str) -> None:
    """Whatever is written at or below `password`, wherever that may stand, is in no part of any problem."""
    secret = f"hunter2{password}hunter2"
    text = HEAD + where.format(template.format(json.dumps(secret, ensure_ascii=False))) + "\n"
    state, found = read_desired("agents.yaml", text.encode())
    assert (state is None) == bool(found)
    assert "hunter2" not in repr(found)


def test_a_password_that_was_written_is_known_to_git() -> None:
    """Who writes a password into the file is told to change it, and how to write where it comes from."""
    problem = only(an_agent("password: hunter2"))
    assert problem.path == "agents[0] (8001).password"
    assert problem.message == "must say where the password comes from, never the password itself"
    assert problem.hint == "write password: {env: NAME, version: 1}; if a password stood here, change it: git remembers"


@pytest.mark.parametrize(
    "written",
    ["“张三”", "‘张三’", "「张三」", "＂张三＂", "“张三", "张三”", '张三"', "张三'", "“张三'"],
)
def test_a_quote_that_is_none_of_yamls_is_no_part_of_a_text(written: str) -> None:
    """At the ends of a plain text it is told, with the text as it was meant; in quotes it is part of the text."""
    found = only(f'{HEAD}agents:\n  - operatorId: "8001"\n    name: {written}\n')
    assert (found.place.line, found.code) == (5, "full-width")
    assert '"张三"' in found.hint or "'张三'" in found.hint
    accepted = json.dumps(written, ensure_ascii=False)
    state, problems = read_desired("a.yaml", f'{HEAD}agents: [{{operatorId: "8001", name: {accepted}}}]\n'.encode())
    assert problems == ()
    assert state is not None
    assert state.agents[0].fields["name"] == written


def test_of_two_alike_the_one_without_yamls_quotes_is_told() -> None:
    """Another text of the file that stands in YAML's quotes may begin and end with any."""
    found = only(
        f'{HEAD}agents:\n  - {{operatorId: "8001", name: “张三”}}\n  - {{operatorId: "8002", name: "“李四”"}}\n'
    )
    assert (found.place.line, found.code) == (4, "full-width")


@pytest.mark.parametrize("written", ["请说“您好”", "“您好”，请讲", "他说“好”和“行”", "it's", "|\n      “您好”"])
def test_quotes_inside_of_a_text_are_part_of_it(written: str) -> None:
    """A text that quotes something is left as it is, and so is one of many lines."""
    state, problems = read_desired("a.yaml", f'{HEAD}agents:\n  - operatorId: "8001"\n    name: {written}\n'.encode())
    assert (problems, state is not None) == ((), True)


def test_a_quote_at_a_password_shows_nothing() -> None:
    """What names a password is not repeated."""
    found = only(f'{HEAD}agents:\n  - operatorId: "8001"\n    password: {{env: “AGENT_HUNTER2”, version: 1}}\n')
    assert "HUNTER2" not in found.message + found.hint
