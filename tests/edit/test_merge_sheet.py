"""A sheet merged into a file that people keep: it says what the sheet says, and of everything else what it said."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from reconciler import edit
from reconciler.core.desired.read import read_desired
from reconciler.core.model.desired import DesiredState
from reconciler.core.model.fields import COMPARED, Kind, Value
from reconciler.edit.comments import comments
from reconciler.errors import InvalidFiles, ReconcilerError
from tests.edit.reading import parsed
from tests.edit.scribe import Scribe

TEXTS = ("", "no", "张三", "a: b # c", "0071", "'", " x ", "a\nb")
ROWS = [row for row in COMPARED if row.kind is not Kind.SIP_NUMBER]
SheetValues = dict[str, dict[str, Value]]


def merge_sheet(file: str, data: bytes, sheet: SheetValues) -> bytes:
    """The bytes of a file after the merge."""
    return edit.merge_sheet(parsed(file, data), sheet).data


def read(data: bytes) -> DesiredState:
    """The state of a good file."""
    found, problems = read_desired("a.yaml", data)
    assert found is not None, problems
    return found


def value(random: Random, name: str) -> Value:
    """Some value that the field may have."""
    row = next(row for row in ROWS if row.name == name)
    match row.kind:
        case Kind.FLAG:
            return random.random() < 0.5
        case Kind.INTEGER:
            return random.choice((0, 5, 7))
        case Kind.CHOICE:
            return random.choice(row.choices)
        case _:
            return random.choice([text for text in TEXTS if len(text) >= row.rules.get("minLength", 0)])


def sheet(random: Random) -> SheetValues:
    """Some of the file's agents, some of its pools', and some new ones, with a few values each."""
    ids = random.sample(("8000", "8001", "8002", "9001", "9002", "9012", "8555", "8444"), random.randint(1, 6))
    names = [row.name for row in ROWS]
    return {id_: {name: value(random, name) for name in random.sample(names, random.randint(0, 4))} for id_ in ids}


@pytest.mark.parametrize("seed", range(80))
def test_a_file_says_what_the_sheet_says(seed: int) -> None:
    """In any style, with anchors and pools: its values, nothing else changed, every comment kept, and for good."""
    random = Random(seed)
    data, said = Scribe(random).file(), sheet(random)
    try:
        merged = merge_sheet("a.yaml", data, said)
    except ReconcilerError as error:
        assert str(error).endswith("takes values from another one by an alias")  # noqa: PT017 - most seeds go through
        assert b"<<" in data
        return
    before, after = read(data), read(merged)
    there = {agent.operator_id: agent for agent in before.agents}
    assert {agent.operator_id for agent in after.agents} == there.keys() | said.keys()
    for agent in after.agents:
        old = there.get(agent.operator_id)
        kept = old.fields if old else agent.fields
        assert agent.fields == {**kept, **said.get(agent.operator_id, {})}
        assert old is None or old.password == agent.password
    assert (after.scope, after.prune, after.protect) == (before.scope, before.prune, before.protect)
    assert not Counter(comments(data.decode("utf-8-sig"))) - Counter(comments(merged.decode("utf-8-sig")))
    assert merge_sheet("a.yaml", merged, said) == merged


FILE = """\
version: 1   # 第一版
company: {abbreviate: acme}
defaults: {isrecord: true}

agents:
  # 班长
  - {operatorId: "8001", name: 旧, isrecord: true}   # 张三
  - operatorId: "8002"
    name: 李四   # 不变

pools:
  - {from: "8100", to: "8102", name: "外呼 {operatorId}"}
"""


def test_only_what_differs_is_written() -> None:
    """A value is set where it differs, new agents stand below a heading in the sheet's order, a pool lets one go."""
    said: SheetValues = {
        "8001": {"name": "张三", "isrecord": True},
        "8002": {"name": "李四"},
        "8101": {"name": "王五", "roleName": "客服"},
        "8104": {"isrecord": True, "name": "b"},
        "8103": {"isrecord": False},
    }
    merged = merge_sheet("a.yaml", FILE.encode(), said).decode()
    new = (
        "\n  # added from a spreadsheet\n"
        '  - {operatorId: "8101", name: 王五, roleName: 客服}\n'
        '  - {operatorId: "8104", name: b}\n'
        '  - {operatorId: "8103", isrecord: false}\n'
    )
    expected = FILE.replace("name: 旧", "name: 张三").replace("不变\n", f"不变\n{new}")
    expected = expected.replace('to: "8102", ', 'to: "8102", except: ["8101"], ')
    assert re.sub(" +#", " #", merged) == re.sub(" +#", " #", expected)


def test_a_pool_that_nobody_is_left_of_goes() -> None:
    """When the sheet says of each of its agents something else."""
    merged = merge_sheet("a.yaml", FILE.encode(), {str(8100 + number): {"judge": True} for number in range(3)})
    assert "8102" in merged.decode()
    assert "from:" not in merged.decode()


def test_a_sheet_that_says_what_the_file_says_changes_nothing() -> None:
    """Not a byte."""
    assert (
        merge_sheet("a.yaml", FILE.encode(), {"8001": {"name": "旧"}, "8101": {"name": "外呼 8101"}}) == FILE.encode()
    )


@pytest.mark.parametrize(
    ("more", "said", "words"),
    [
        (
            'scope: {operatorId: ["8*"]}\n',
            {"9001": {}},
            "the sheet cannot be merged into a.yaml: agent 9001 is outside",
        ),
        ("", {"8001": {"sipNumber": "6"}, "8002": {"sipNumber": "6"}}, "both want SIP number 6"),
    ],
)
def test_a_sheet_that_does_not_fit_the_file(more: str, said: SheetValues, words: str) -> None:
    """What would be no good file is refused, with why."""
    with pytest.raises(ReconcilerError, match=words):
        merge_sheet("a.yaml", (FILE + more).encode(), said)


def test_a_file_with_problems_is_refused() -> None:
    """Its own problems come first."""
    with pytest.raises(InvalidFiles):
        merge_sheet("a.yaml", b"version: 2\n", {"8001": {}})
