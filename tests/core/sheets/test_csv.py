"""Agents as CSV: what is written is read back, and no spreadsheet makes anything else of it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model.fields import BY_NAME, COMPARED, FIELDS, KEY, MAX_TEXT, Field, Kind, Value
from reconciler.core.model.words import ZH_HEADINGS
from reconciler.core.sheets.csv import COLUMNS, from_cell, to_cell, to_csv
from reconciler.core.sheets.sheet import read_sheet
from reconciler.core.sheets.zeros import lost_zeros
from reconciler.core.yaml.spelling import is_expressible, writable
from tests.core.build import live, live_agent
from tests.core.yaml.test_spelling import ODD
from tests.fuzz import examples
from tests.hostile import HOSTILE, assert_holds_for, named
from tests.strategies import canonical_values

TEXTS = [
    text
    for text in (*ODD, *HOSTILE.values(), "=1+1", "+86138", "-1", "@a", "'a", "''", "1.10", "1-2")
    if writable(text)
]
_texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=8)).filter(writable)
NAME, SIP, FLAG, COUNT, TYPE = (
    BY_NAME[name] for name in ("name", "sipNumber", "judge", "afterInterval", "operatorType")
)


def rows(text: str) -> list[list[str]]:
    """The cells, as any reader of CSV finds them."""
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


@given(st.data(), st.sampled_from([row for row in COLUMNS if row.compared]))
def test_a_cell_is_read_back(data: st.DataObject, row: Field) -> None:
    """Every value that a field can have."""
    value = data.draw(canonical_values(row))
    assert from_cell(row, to_cell(value)) == value
    assert type(from_cell(row, to_cell(value))) is type(value)


@settings(max_examples=examples(300))
@given(_texts)
def test_any_text_is_read_back(text: str) -> None:
    """Whatever it holds; and of two texts each has a cell of its own."""
    assert from_cell(NAME, to_cell(text)) == text
    assert from_cell(SIP, to_cell(text or None)) == (text or None)


@settings(deadline=None, max_examples=examples(60))
@given(
    st.lists(_texts.filter(lambda text: is_expressible(BY_NAME[KEY], text)), unique=True, max_size=6),
    _texts.filter(lambda text: len(text) <= MAX_TEXT),
)
def test_a_table_is_read_back(ids: list[str], name: str) -> None:
    """A file of agents, through a real reader: every agent once, in order, with every value."""
    listed = live(*(live_agent(id_, name=name, mainGroupName=id_) for id_ in ids))
    heading, *lines = rows(to_csv(listed).text)
    assert heading == [row.name for row in COLUMNS]
    found = [{row.name: from_cell(row, cell) for row, cell in zip(COLUMNS, line, strict=True)} for line in lines]
    assert found == [{KEY: id_, **listed.agents[id_].fields} for id_ in sorted(ids)]


def test_no_cell_is_a_formula() -> None:
    """Nothing begins as a formula does, in ASCII or in full width, nor with a blank that a spreadsheet passes over."""

    def rule(text: str) -> None:
        cell = to_cell(text)
        assert cell[0] not in "=+-@＝＋－＠\t\r\n"
        assert cell[0] == "'" or not cell[0].isspace()

    assert_holds_for(named(filter(None, TEXTS)), rule)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        *(
            (text, text)
            for text in ("8001", "0", "13800138000", "张三", "a=b", "a@b.cn", "3组", "（夜）", "", "Li Lei")
        ),
        *(
            (text, f"'{text}")
            for text in ("0071", "008613800138000", "138001380001", "1e3", "1.10", "3/4", "12:30", "1-2")
        ),
        *(
            (text, f"'{text}")
            for text in ("2026年11月", "5%", "1,000", "TRUE", "false", "+8613800138000", "'a", " a", "\ta")
        ),
        *((text, f"'{text}") for text in ("=1+1", "-", "@SUM(1)", "＝1", "::error::a", "\u200b=1", "\x00")),
    ],
)
def test_text_that_would_change_has_an_apostrophe(text: str, cell: str) -> None:
    """Leading zeros, long digits, dates, truths and formulas; everything else is as it is."""
    assert to_cell(text) == cell


@pytest.mark.parametrize(
    ("row", "cell", "value"),
    [
        *((FLAG, cell, True) for cell in ("true", "TRUE", " True ", "1")),
        *((FLAG, cell, False) for cell in ("false", "FALSE", "0")),
        *((TYPE, cell, "leader") for cell in ("leader", "Leader", "1")),
        *((COUNT, cell, 30) for cell in ("30", " 30 ")),
        *((row, "", None) for row in (FLAG, TYPE, COUNT, SIP)),
        (NAME, "", ""),
    ],
)
def test_cells_as_people_and_spreadsheets_write_them(row: Field, cell: str, value: Value) -> None:
    """Capitals, blanks around, the vendor's integers; a blank cell says nothing."""
    assert from_cell(row, cell) == value
    assert type(from_cell(row, cell)) is type(value)


@pytest.mark.parametrize(
    ("row", "cell"), [(FLAG, "maybe"), (FLAG, "2"), (TYPE, "boss"), (COUNT, "-1"), (COUNT, "3.5"), (BY_NAME[KEY], "")]
)
def test_a_cell_that_does_not_fit_is_refused(row: Field, cell: str) -> None:
    """With the name of the field."""
    with pytest.raises(ValueError, match=row.name):
        from_cell(row, cell)


def test_what_no_file_can_say_is_blank() -> None:
    """And told, with whose it is; an agent without a name that can be written is left out."""
    listed = live(live_agent("8001", judge=7, name="\ud800"), live_agent("\udcff"), live_agent("8002"))
    table = to_csv(listed)
    _, odd, good = rows(table.text)
    names = [row.name for row in COLUMNS]
    assert [names[at] for at, (one, other) in enumerate(zip(odd, good, strict=True)) if one != other] == [KEY, "judge"]
    assert odd[names.index("name")] == odd[names.index("judge")] == ""
    told = {note.message.split()[0]: note.operator_ids for note in table.warnings}
    assert told == {"judge": ("8001",), "name": ("8001",), "the": ("\udcff",)}


def test_headings_may_be_chinese() -> None:
    """Every column has a heading of its own; choices and flags are Chinese too, and the rest is the same."""
    listed = live(live_agent("8001", name="张三"))
    plain, chinese = rows(to_csv(listed).text), rows(to_csv(listed, chinese=True).text)
    assert chinese[0] == [ZH_HEADINGS[row.name] for row in COLUMNS]
    assert len(set(ZH_HEADINGS.values())) == len(COLUMNS)
    words = {"agent": "普通座席", "enabled": "启用", "allowed": "允许外呼", "true": "是", "false": "否"}
    assert chinese[1:] == [[words.get(cell, cell) for cell in row] for row in plain[1:]]


def test_every_listed_field_is_a_column() -> None:
    """In the table's order; what is never listed, passwords above all, has none."""
    assert [row.name for row in COLUMNS] == [row.name for row in FIELDS if row.wire.listed]
    assert not {row.kind for row in COLUMNS} & {Kind.PASSWORD}
    assert [row for row in COMPARED if row in COLUMNS and not is_expressible(row, row.default)] == []


def test_zeros_that_a_sheet_lost_are_missed() -> None:
    """A number that nobody has is told where an agent of the file, or a live one, has it with zeros in front."""
    found = read_sheet("a.csv", "工号,姓名\n801,a\n802,b\n803,c\n")
    told = [str(problem.message) for problem in lost_zeros(found, in_file=["0801", "0803", "803"], live=["00802", "x"])]
    same = '"{}" of the sheet is "{}" of {} but for zeros in front, which spreadsheets take away'
    assert told == [same.format("801", "0801", "the file"), same.format("802", "00802", "the live side")]
