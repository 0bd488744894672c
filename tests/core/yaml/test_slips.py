"""Slips in lines and in files: what a line was meant to be, what is left alone, and what large files cost."""

from __future__ import annotations

import pytest

from reconciler.core.desired.read import read_desired
from reconciler.core.yaml.meant import as_meant
from reconciler.core.yaml.slips import is_open, without_slips

HEAD = "version: 1\ncompany: {abbreviate: acme}\nagents:\n"


@pytest.mark.parametrize(
    "line",
    [
        *("", "# 注释：好", "agents:", "name : x", "- 8001", "- -x", "-x", "--- ", "  -- x", "-"),
        *("  name: 张三，李四：五", "  ttscontent: http://x：y", "x;y", "http://x", "a:b", "  name: 【VIP】张三"),
        *('{name: "他说“好”，谢谢", operatorId: "8001"}', "{name: 张，三, a: b} # x，y", '["8000", "adm*"]'),
        *('{"name":"x"}', "{a: [b, {c: d}]}", "  name: 「张三」", '{name: "x', "- {", "  name: ", "{a: b]"),
    ],
)
def test_a_sound_line_is_left_alone(line: str) -> None:
    """Signs of Chinese text inside of a value, and whatever YAML reads as it is written, are no slip."""
    assert as_meant(line).words == ()
    assert as_meant(line).text == line


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("name：张三", "name: 张三"),
        ("{name: \u3000x，status: enabled}", "{name:  x, status: enabled}"),
        ("company: ｛a：［1，2］，b: “x”｝", 'company: {a: [1, 2], b: "x"}'),
        ("－　“8001”", "- “8001”"),
        ("/ / x：y", "/ / x：y"),
        ("／／ x", "# x"),
        ("//x", "# x"),
    ],
)
def test_a_line_as_it_was_meant(line: str, text: str) -> None:
    """Every sign of an input method in the structure of a line becomes YAML's own."""
    assert as_meant(line).text == text


def test_the_line_of_a_secret_is_not_repeated() -> None:
    """Neither a password's line, nor one below it, nor the rest of a quoted one, nor an unknown key's is shown."""
    for block in (
        "    password：hunter2",
        "    password:\n      env：hunter2",
        "    password:\n    - env：hunter2",
        "    password:\n      env：hunter2\n      version: 1",
        '    password: "x\n    name：hunter2',
        "    mima：hunter2",
        "    hunter：hunter2",
    ):
        text = f'{HEAD}  - operatorId: "8001"\n{block}\n    name: x\n'
        state, problems = read_desired("a.yaml", text.encode())
        assert state is None
        assert "hunter2" not in repr(problems), block


@pytest.mark.parametrize("style", ["block", "flow"])
def test_a_large_file_costs_little(style: str) -> None:
    """A slip in a file of 3,000 agents is found by parsing its neighbourhood, with a twentieth of the budget."""
    ids = [f"{number:05}" for number in range(3000)]
    agent = '  - operatorId: "{}"\n    name: x\n' if style == "block" else '  - {{operatorId: "{}", name: x}}\n'
    text = HEAD + "".join(map(agent.format, ids))
    for old, new in (('"02999"', '"02999'), ('"01500"', '"01500'), ("name: x", "name: @x")):
        mended, problems = without_slips("a.yaml", text.replace(old, new, 1).encode(), budget=500_000)
        assert len(problems) == 1, problems
        line = text[: text.index(old)].count("\n") + 1
        assert problems[0].place.line == line
        assert b"\n".join(mended.splitlines()[: line - 1]).decode() == "\n".join(text.splitlines()[: line - 1])


def test_the_search_for_slips_ends() -> None:
    """Without a budget nothing is told but the parser's own complaint; of many slips the first thirty are told."""
    broken = HEAD + "".join(f'  - operatorId："{number}"\n    name: x\n' for number in range(8000, 8040))
    assert without_slips("a.yaml", broken.encode(), budget=0) == (broken.encode(), ())
    state, problems = read_desired("a.yaml", broken.encode())
    assert state is None
    assert 30 <= len(problems) < 50


def test_what_is_no_text_has_no_slips() -> None:
    """Bytes that are no UTF-8, characters that YAML forbids, and a second document are told as ever."""
    for data in (b"a: \xff\n", b"a: \x01\n", b"a: 1\n---\nb: 2\n"):
        assert without_slips("a.yaml", data)[1] == ()
        assert len(read_desired("a.yaml", data)[1]) == 1


def test_what_no_person_typed_has_no_slips() -> None:
    """In a hostile depth nothing is looked for, nor in a line of many thousand characters, be it YAML or not."""
    for text in ("a: " + "[" * 3000, "- " * 3000, f"{HEAD}  - {{operatorId：{'x' * 5000}}}", "{" + "a，b: c, " * 1000):
        assert without_slips("a.yaml", text.encode())[1] == ()
        assert "U+" not in repr(read_desired("a.yaml", text.encode())[1])


def test_an_empty_text_below_a_hash() -> None:
    """A value that is empty for its # is told why, and every other empty one as before."""
    for value, told in (("# 1号", True), ("", False)):
        text = f'{HEAD}  - operatorId: "8001"\n    name: {value}\n'
        (problem,) = read_desired("a.yaml", text.encode())[1]
        assert ("begins a comment" in problem.hint) is told


def test_a_file_that_is_cut_off() -> None:
    """Wherever a file ends, it is a file or has problems: nothing that was opened is looked for behind its end."""
    text = (
        'version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: "8001", name: x},\n  {operatorId: ["8002"]}]\n'
    )
    for end in range(len(text) - 1):
        desired, problems = read_desired("agents.yaml", text[:end].encode())
        assert problems or desired, text[:end]


@pytest.mark.parametrize(("above", "shown"), [((), True), (("  - operatorId: '1'",), True), (("  password:",), False)])
def test_a_line_is_shown_where_nothing_around_it_is_secret(above: tuple[str, ...], shown: bool) -> None:
    """Also where what it belongs to never begins at the margin."""
    lines = [*above, "    name: 张三"]
    assert is_open(lines, len(lines) - 1, lines[-1]) is shown
