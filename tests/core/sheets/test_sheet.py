"""Spreadsheets to agents: what `export` writes is read back, what people have is understood, the rest is told."""

from __future__ import annotations

import csv
import io
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.export.files import KEEPS_ALL, FileHeader, agents_file
from reconciler.core.model.fields import BY_NAME, COMPARED, FIELDS, KEY, LISTED, Field, Kind, Value
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.operator_id import alike
from reconciler.core.model.words import ZH_HEADINGS, fold_heading
from reconciler.core.sheets import sheet as module
from reconciler.core.sheets.cells import (
    LEAVE_OUT,
    UnreadableCell,
    closest_field,
    field_for_heading,
    is_password_heading,
    read_cell,
)
from reconciler.core.sheets.csv import to_csv
from reconciler.core.sheets.rows import SheetRow
from reconciler.core.sheets.sheet import Sheet, has_headings, read_rows, read_sheet
from reconciler.core.yaml.spelling import QUOTED, is_expressible
from reconciler.edit import fmt
from reconciler.errors import ReconcilerError
from reconciler.files.spreadsheet import csv_text
from tests.core.build import COMPANY, live, live_agent, state
from tests.core.sheets.test_csv import TEXTS
from tests.fuzz import examples
from tests.hostile import HOSTILE, assert_holds_for
from tests.strategies import canonical_values

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.csv"))
SECRETS = ("hunter", "sesame")


def importable(listed: LiveState) -> LiveState:
    """The listed agents whose ids a file may hold, without the digits that a spreadsheet has spoilt."""
    agents = (agent for id_, agent in listed.agents.items() if is_expressible(BY_NAME[KEY], id_))
    digits = [BY_NAME[name] for name in QUOTED if name != KEY]

    def whole(agent: LiveAgent) -> LiveAgent:
        spoilt = {row.name: row.default for row in digits if not is_expressible(row, agent.fields[row.name])}
        return replace(agent, fields={**agent.fields, **spoilt})

    return live(*map(whole, agents))


def good(text: str, **mapping: str) -> Sheet:
    """A sheet without any problem."""
    found = read_sheet("a.csv", text, mapping)
    assert found.problems == ()
    return found


def told(text: str, **mapping: str) -> list[str]:
    """What is wrong with a sheet: the cell, what, and what to do."""
    found = read_sheet("a.csv", text, mapping).problems
    return [f"{each.path}: {each.message} | {each.hint}" for each in found]


def one(row: Field, cell: str) -> Value:
    """What a cell says."""
    return read_cell(row, cell)


# Laws.

_texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=6)).filter(
    lambda text: is_expressible(BY_NAME["name"], text)
)
_TEXT_FIELDS = [row.name for row in LISTED if row.kind is Kind.TEXT]


@st.composite
def listings(draw: st.DrawFn) -> LiveState:
    """Agents with any text anywhere, and SIP numbers that one agent has."""
    agents = []
    for number, id_ in enumerate(draw(st.lists(_texts.filter(bool), unique=True, max_size=5))):
        fields: dict[str, Value] = {row.name: draw(canonical_values(row)) for row in LISTED if row.name in _COUNTED}
        fields |= {name: draw(_texts) for name in draw(st.sets(st.sampled_from(_TEXT_FIELDS), max_size=3))}
        fields["sipNumber"] = draw(st.sampled_from((None, f"6000{number}", f"=6{number}", f"0{number} ")))
        agents.append(live_agent(id_, **fields))
    return live(*agents)


_COUNTED = ("operatorType", "afterInterval", "judge", "outcallflag")


def said(listed: LiveState) -> dict[str, dict[str, Value]]:
    """What a table can say of each agent: a blank cell says nothing."""
    return {
        id_: {name: value for name, value in agent.fields.items() if value not in ("", None)}
        for id_, agent in listed.agents.items()
    }


@settings(deadline=None, max_examples=examples(100))
@given(listings().map(importable), st.booleans())
def test_what_export_writes_is_read_back(listed: LiveState, chinese: bool) -> None:
    """Every agent once, with every value that is not blank, whatever the texts hold; and there is no problem."""
    found = good(csv_text("a.csv", to_csv(listed, chinese=chinese).text.encode()).text)
    assert {id_: dict(fields) for id_, fields in found.agents.items()} == said(listed)
    assert "say nothing" not in "".join(found.passed_over)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "合计",
            "Total",
            "-",
            "无",
            "NULL",
            "#REF!",
            "####",
            "#x",
            "王\ufffd",
        ),
        *("1,380", "1234567890123450", '="0071"', "=A1", "'", "''", "0071"),
    ],
)
def test_a_text_that_means_something_in_a_sheet_is_read_back(text: str) -> None:
    """As an id, a phone number, a SIP number and a name."""
    listed = live(live_agent(text, name=text, bindcode=text, sipNumber=text))
    found = good(to_csv(listed).text)
    assert {id_: dict(fields) for id_, fields in found.agents.items()} == said(listed)


@settings(deadline=None, max_examples=examples(100))
@given(
    st.dictionaries(
        _texts.filter(lambda text: is_expressible(BY_NAME[KEY], text)),
        st.fixed_dictionaries(
            {}, optional={row.name: canonical_values(row) for row in COMPARED if row.name != "sipNumber"}
        ),
        max_size=5,
    ).filter(lambda agents: not list(alike(agents)))
)
def test_a_file_of_a_sheet_manages_what_the_sheet_says(agents: dict[str, dict[str, Value]]) -> None:
    """Neither more nor less, fields that are never listed too; it is formatted, and deletes nobody."""
    text = agents_file(agents, COMPANY, FileHeader("s.json", "# about\n", KEEPS_ALL))
    found = state(text)
    assert {agent.operator_id: dict(agent.fields) for agent in found.agents} == agents
    assert not found.prune
    assert fmt("a.yaml", text.encode()) == text.encode()


def test_numbers_that_look_alike_are_told() -> None:
    """With the line of the other one; whether a file allows them is not for the sheet to say."""
    found = good("工号,姓名\n8010,张三\n9001,李四\n8O10,王五\n")
    assert list(found.agents) == ["8010", "9001", "8O10"]
    (problem,) = found.lookalikes
    assert (problem.place.line, problem.message) == (
        *(4, "8O10 looks like 8010 in line 2: with U+004F LATIN CAPITAL LETTER O, not U+0030 DIGIT ZERO"),
    )
    assert good("工号\n8010\n8011\n").lookalikes == ()


def test_agents_stand_in_the_order_of_the_sheet() -> None:
    """So that a file can be laid beside the sheet that it came from."""
    text = agents_file(good("工号\n8002\n8001\n").agents, COMPANY, FileHeader())
    assert text.index('"8002"') < text.index('"8001"')


@settings(deadline=None, max_examples=examples(120))
@given(st.text("工号姓名,;\t\"\r\n'=-#1. 密码", max_size=40))
def test_no_text_is_too_odd(text: str) -> None:
    """Any text is read, or its problems are told at lines that it has."""
    found = read_sheet("a.csv", f"工号,姓名\n{text}")
    assert all(1 <= problem.place.line <= len(f"{text}\n".splitlines()) + 2 for problem in found.problems)


TEAM = live(
    live_agent("8001", name='张"三"', ttscontent="您好,\n请;稍候\t", mainGroupName="售后一组", sipNumber="060001"),
    live_agent("0072", name="O'x", operatorType="leader", afterInterval=7, judge=False),
)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_any_dialect_is_read(delimiter: str, ending: str, quoting: Literal[0, 1]) -> None:
    """Commas, semicolons, tabs, with quotes everywhere or where needed, and lines that end in any way."""
    rows = csv.reader(io.StringIO(to_csv(TEAM).text.removeprefix("\ufeff"), newline=""))
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerows(rows)
    assert {id_: dict(fields) for id_, fields in good(stream.getvalue()).agents.items()} == said(TEAM)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "utf-16-be with mark"])
def test_any_encoding_is_read(encoding: str) -> None:
    """That spreadsheets save in: with a mark that one, else UTF-8, else GB18030."""
    text = to_csv(TEAM, chinese=True).text.removeprefix("\ufeff")
    big = "\ufeff" * encoding.endswith("mark") + text
    data = big.encode("utf-16-be") if big != text else text.encode(encoding)
    assert csv_text("a.csv", data).text == text


# The corpus.


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_sheets_that_people_have(path: Path) -> None:
    """Agents, or every problem in order with its cell; what was passed over; and no password anywhere."""
    found = read_sheet(path.name, csv_text(path.name, path.read_bytes()).text)
    expected = yaml.safe_load(path.with_suffix(".yaml").read_text(encoding="utf-8"))
    problems = [f"{each.place.line}:{each.place.column} {each.path}: {each.message}" for each in found.problems]
    assert problems == expected.get("problems", [])
    if not problems:
        assert {id_: dict(fields) for id_, fields in found.agents.items()} == expected["agents"]
    assert list(found.passed_over) == expected.get("passed_over", [])
    assert not [word for word in SECRETS if word in repr(found)]


def test_there_is_a_corpus() -> None:
    """The sheets are found where they are looked for, good ones and bad ones."""
    bad = [path for path in CORPUS if "problems:" in path.with_suffix(".yaml").read_text(encoding="utf-8")]
    assert len(CORPUS) > len(bad) > 5


# Headings.

CALLED = {
    "operatorId": "OPERATORID operator_id Operator-ID 工号 坐席工号 座席工号 坐席号 座席编号 *工号 工号（必填）",
    "name": "姓名 坐席姓名 座席姓名 Name",
    "mainGroupName": "技能组 主技能组 主技能组名称 组别 分组 班组",
    "bindcode": "手机 手机号 手机号码 绑定号码 电话 绑定电话",
    "sipNumber": "分机 分机号 SIP号 sip号 ＳＩＰ号 SIP号码 sipnumber sip_number",
    "showcaller": "外显号码 外显号 主叫号码 主叫显示号码",
    "afterInterval": "话后时间 整理时长 话后时长 话后时长(秒)",
    "isrecord": "是否录音 录音",
    "status": "是否启用 坐席状态 状态",
    "operatorType": "座席类型 坐席类型",
    "outcallflag": "外呼权限 外呼标志",
    "roleName": "角色 角色名称",
    "email": "邮件 电子邮箱 邮箱 E-mail",
}


@pytest.mark.parametrize(
    ("name", "heading"), [(name, each) for name, words in CALLED.items() for each in words.split()]
)
def test_headings_that_people_write(name: str, heading: str) -> None:
    """Names in any case and width, Chinese ones, with marks and remarks in brackets."""
    assert field_for_heading(heading) == name


@pytest.mark.parametrize("row", [row for row in FIELDS if row.kind is not Kind.PASSWORD], ids=lambda row: row.name)
def test_every_field_has_its_name_as_a_heading(row: Field) -> None:
    """And the Chinese one that `export` writes, each of which is no other field's."""
    assert field_for_heading(row.name) == row.name
    assert field_for_heading(ZH_HEADINGS.get(row.name, row.name)) == row.name


@pytest.mark.parametrize(
    "heading", ["密码", "password", "登录密码", "Pass-Word", "SIP密码", "口令", "初始 PWD", "passwd"]
)
def test_a_password_is_no_field(heading: str) -> None:
    """Whatever it is called, and also where it is said to be a name; left out it is no problem."""
    assert is_password_heading(heading)
    assert field_for_heading(heading) is None
    text = f"工号,姓名,{heading}\n8001,张三,{SECRETS[0]}\n"
    for mapping in ({}, {heading: "email"}):
        (problem,) = told(text, **mapping)
        assert "a password never goes into the file" in problem
        assert "{env: NAME, version: 1}" in problem
        assert SECRETS[0] not in repr(read_sheet("a.csv", text, mapping))
    assert good(text, **{heading: LEAVE_OUT}).agents == {"8001": {"name": "张三"}}


def test_an_unknown_heading_says_what_to_type() -> None:
    """Leave it out, or read it as the field that it is most like; what is typed is one word to a shell."""
    (problem,) = told("工号,it's 手机号吗\n8001,1\n")
    assert f"""--map {shlex.quote("it's 手机号吗=")} leaves the column out; is it bindcode?""" in problem
    (problem,) = told("工号,备注\n8001,1\n")
    assert "--map 备注= leaves" in problem.replace("'", "")
    assert closest_field("备注") == ""


@pytest.mark.parametrize("heading", ["a\nb", "\x1b[2J", "x" * 99])
def test_no_heading_is_repeated_that_nobody_can_type(heading: str) -> None:
    """Nor is a long one repeated whole."""
    (problem,) = told(f'工号,"{heading}"\n8001,1\n')
    assert "--map, when it has a short heading" in problem
    assert heading not in problem


def test_a_column_can_be_mapped() -> None:
    """To a field, or to nothing, which is told; a heading in the mapping may be written as in the sheet or folded."""
    text = "编码,姓 名,片区,备注\n8001,张三,东区,x\n"
    found = good(text, **{"编码": KEY, "片区": "mainGroupName", "备 注": LEAVE_OUT})
    assert found.agents == {"8001": {"name": "张三", "mainGroupName": "东区"}}
    assert found.passed_over == ('column D "备注"',)


@pytest.mark.parametrize("row", ["8001,张三,hunter2", "8001,班组,hunter2"])
def test_a_row_that_is_no_heading_is_not_repeated(row: str) -> None:
    """It may be an agent's, with a password; one word that is known does not make it one of headings."""
    (problem,) = told(f"{row}\n8002,李四,hunter3\n")
    assert "there is no row of headings" in problem
    assert "hunter" not in problem


def test_a_mapping_that_hits_no_column_is_a_problem() -> None:
    """A slip in it would otherwise lose a column."""
    assert told("工号\n8001\n", 片区="name") == [': --map: no column has the heading "片区" | ']


def test_a_column_of_one_choice_says_yes_and_no() -> None:
    """班长, 停用 and 禁止外呼 as headings: yes is what the heading says, no the other value, blank is nothing."""
    found = good("工号,班长,停用,是否禁止外呼\n8001,是,否,√\n8002,否,是,否\n8003,,,\n8004,班长,启用,限制国际\n")
    assert found.agents == {
        "8001": {"operatorType": "leader", "status": "enabled", "outcallflag": "forbidden"},
        "8002": {"operatorType": "agent", "status": "disabled", "outcallflag": "allowed"},
        "8003": {},
        "8004": {"operatorType": "leader", "status": "enabled", "outcallflag": "no-international"},
    }
    assert "is not understood as operatorType" in told("工号,类型\n8001,是\n")[0]
    assert 'C2 停用: "开" may mean either here | write 是 or 否' in told("工号,姓名,停用\n8001,x,开\n")


def test_merged_columns_are_filled_where_that_is_asked_for() -> None:
    """By heading or by field; the first value above is taken, rows that are short are filled too, and both are told."""
    text = "工号,姓名,技能组\n8001,张三,\n8002,李四,售后\n8003,王五\n8004,赵六,售前\n"
    for column in ("技能组", "mainGroupName"):
        found = read_sheet("a.csv", text, fill_down=[column])
        assert [fields.get("mainGroupName") for fields in found.agents.values()] == [None, "售后", "售后", "售前"]
        assert found.notes == ('column C "技能组": 2 blank cells filled from above',)
    (problem,) = read_sheet("a.csv", text, fill_down=["片区"]).problems
    assert problem.message == '--fill-down: no column has the heading "片区"'
    merged = read_sheet("a.csv", "工号,技能组\n8001,售后\n8002,\n8003,售前\n")
    assert "--fill-down '技能组' fills the others from above" in merged.notes[0]
    assert read_sheet("a.csv", "工号,技能组\n8001,售后\n8002,售后\n8003,\n").notes == ()


def test_the_rows_of_a_workbook() -> None:
    """Rows are read as those of CSV are, a problem names the sheet, and a sheet without agents' numbers is known."""
    rows = [SheetRow(1, 1, ["工号", "姓名"]), SheetRow(2, 2, ["8001", "张三"]), SheetRow(3, 3, ["1.0E+10", ""])]
    found = read_rows("a.xlsx", rows, name="名单")
    assert found.agents == {"8001": {"name": "张三"}}
    assert [problem.path for problem in found.problems] == ["名单!A3 工号"]
    assert read_rows("a.xlsx", rows[:2]).problems == ()
    assert has_headings(rows)
    assert not has_headings(rows[1:])
    assert has_headings([SheetRow(1, 1, ["编码"])], {"编码": KEY})
    assert read_rows("a.xlsx", rows[:1]).columns[0].values == 0


def test_a_column_far_right_has_its_letters() -> None:
    """As a spreadsheet counts: Z, then AA."""
    (problem,) = told(f"工号{',' * 30}\n8001{',' * 27}x{',' * 3}\n")
    assert problem.startswith("AB1: the column has values and no heading")


# Cells.

FLAG, TYPE, STATUS, OUT, COUNT, NAME, ID, SIP, PHONE = (
    BY_NAME[name]
    for name in (
        *("isrecord", "operatorType", "status", "outcallflag", "afterInterval"),
        *("name", "operatorId", "sipNumber", "bindcode"),
    )
)
WORDS: list[tuple[Field, Value, str]] = [
    (FLAG, True, "true TRUE 1 1.0 是 有 开 启用 √ yes Y ＹＥＳ 'true '1"),
    (FLAG, False, "false 0 0.0 否 无 关 停用 禁用 × x No"),
    (FLAG, None, "- — / NULL"),
    (TYPE, "agent", "agent 0 普通 普通坐席 普通座席 坐席 座席 Agent"),
    (TYPE, "leader", "leader 1 1.0 班长 组长"),
    (STATUS, "enabled", "enabled 1 启用 正常 是 开 true"),
    (STATUS, "disabled", "disabled 0 停用 禁用 否 关 false"),
    (OUT, "allowed", "allowed 0 允许 允许外呼 不限 是"),
    (OUT, "no-long-distance", "no-long-distance 1 限制长话 限制长途"),
    (OUT, "forbidden", "forbidden 2 禁止 禁止外呼 否"),
    (OUT, "no-international", "no-international 3 限制国际 限制国际长途"),
    (COUNT, 10, "10 10.0 １０ 10秒 10s"),
    (COUNT, None, "- 无 暂无"),
    (NAME, "张三", "张三 '张三 张三\u3000 \u200b张三\t"),
    (NAME, None, "- -- 无 暂无 / null N/A \\N \u3000 '"),
    (NAME, "-", '\'- ="-"'),
    (ID, "0071", '0071 \'0071 ="0071" ００７１ 0071\u202c'),
    (ID, "合计", "'合计"),
    (PHONE, "+8613800138000", "+8613800138000 '+8613800138000"),
    (PHONE, "1.0", "'1.0"),
    (SIP, None, "- 无"),
]


@pytest.mark.parametrize(
    ("row", "value", "cell"), [(row, value, each) for row, value, all_ in WORDS for each in all_.split(" ")]
)
def test_cells_that_people_write(row: Field, value: Value, cell: str) -> None:
    """Canonical words, the vendor's integers, Chinese words, marks; text exactly as it is behind an apostrophe."""
    found = one(row, cell)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "row", [row for row in COMPARED if row.choices or row.kind is Kind.FLAG], ids=lambda row: row.name
)
def test_every_canonical_word_and_integer_is_understood(row: Field) -> None:
    """Of every choice and flag, so that a new row of the table is covered."""
    for number, value in enumerate(row.choices or (False, True)):
        assert one(row, str(number)) == value
        assert one(row, str(value).lower()) == value


@pytest.mark.parametrize(
    ("row", "cell", "words"),
    [
        *((row, "1.38E+12", "lost its last digits") for row in (ID, SIP, PHONE)),
        *((row, "13800138000.0", "a fraction") for row in (ID, SIP, PHONE)),
        *((ID, cell, "a date") for cell in ("2026/3/1", "3月1日", "2026年3月1日", "1/3/2026")),
        (PHONE, "13,800,138,000", "a number with commas"),
        (SIP, "1234567890123450", "may have lost digits"),
        *((row, cell, "in place of a value") for row in (NAME, ID) for cell in ("#REF!", "####", "#N/A", "#NAME?")),
        (NAME, "=A1", "a formula"),
        (NAME, "王\ufffd", "lost a character"),
        *((ID, cell, "no agent's number") for cell in ("合计", "合计：", "总计 12", "Total", "备注：夜班", "制表人")),
        *((ID, cell, "holds U+") for cell in ("80 01", "80\u00a001", "工号：8001", "“8001”")),
        *((COUNT, cell, "not understood as afterInterval") for cell in ("-1", "1.5", "一", "10分钟", "9" * 40)),
        *((FLAG, cell, "not understood as isrecord") for cell in ("maybe", "2", "1秒", "班长")),
    ],
)
def test_what_a_spreadsheet_destroyed_is_found(row: Field, cell: str, words: str) -> None:
    """Never guessed; but behind an apostrophe a text is taken as it is, where a file may hold it."""
    with pytest.raises(UnreadableCell, match=words) as caught:
        one(row, cell)
    assert caught.value.hint
    if row.kind in (Kind.TEXT, Kind.KEY, Kind.SIP_NUMBER):
        if is_expressible(row, cell):
            assert one(row, f"'{cell}") == cell
        else:
            with pytest.raises(UnreadableCell):
                one(row, f"'{cell}")


@pytest.mark.parametrize("cell", ["1.38E+12", "3月1日", "1,380", "80", "12.5", "合计"])
def test_a_name_is_not_digits(cell: str) -> None:
    """What would be destroyed digits is text where text belongs."""
    assert one(NAME, cell) == cell


def test_what_says_nothing_is_counted() -> None:
    """Once for each cell, so that a reader sees what was taken for blank."""
    found = good("工号,姓名,手机,空\n8001,-,无,\n8002,,/,\n")
    assert found.agents == {"8001": {}, "8002": {}}
    assert found.passed_over == ('column D "空": empty', "cells that say nothing, such as - or 无: 3")


def test_a_row_with_a_broken_cell_still_tells_all() -> None:
    """A row without a number and with a bad value has both problems."""
    assert [each.split(":")[0] for each in told("工号,是否录音\n,也许\n")] == ["A2 工号", "B2 是否录音"]


# Limits.


def test_rows_before_a_broken_one_are_looked_at() -> None:
    """A quote that never ends hides what is below it, not what is above."""
    found = read_sheet("a.csv", '工号;姓名\n合计;x\n"8002;y\n8003;z\n')
    assert [(each.place.line, each.message.split()[-1]) for each in found.problems] == [(2, "number"), (3, "does")]


def test_a_sheet_has_so_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """More would fill the memory with commas."""
    monkeypatch.setattr(module, "MAX_CELLS", 6)
    assert good("工号,姓名\n8001,a\n8002,b").agents.keys() == {"8001", "8002"}
    assert "more than 6 cells" in told("工号,姓名\n8001,a\n8002,b\n\n\n")[0]


DAMAGED = "工号,姓名\n8001,欧阳雪\n8002,司马光\n".encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04rest", "a workbook"),
        (b"\xd0\xcf\x11\xe0rest", "a workbook"),
        (b"\n <HTML><table>", "HTML"),
        ("工号\n8001\n".encode("utf-16-le"), "UTF-16 without a mark"),
        (b"operator\x00\n8001", "no text"),
        (DAMAGED[:-3] + b"\n8003", "a.csv:3: a character in this line is not in UTF-8"),
        (b"\xef\xbb\xbf" + "工号\n8001,张三".encode("gb18030"), "a.csv:1: .* not in UTF-8"),
        ("工号\n".encode("utf-16")[:-1], "not in UTF-16-LE"),
        ("工号\n8001,张三\n".encode("gb18030") + b"8002,\xff\xff", "a.csv:3: .* not in GB18030"),
    ],
    ids=range(9),
)
def test_what_is_no_text_is_told(data: bytes, words: str) -> None:
    """With what to do; half of a character is never read as another one."""
    with pytest.raises(ReconcilerError, match=words) as caught:
        csv_text("a.csv", data)
    assert caught.value.hint


def test_hostile_text_is_read_or_told() -> None:
    """In a heading, an id or a value: never an error of our own, and a heading never becomes a field by it."""

    def rule(text: str) -> None:
        stream = io.StringIO(newline="")
        csv.writer(stream).writerows([["工号", "姓名", text], ["8001", text, "x"], [text, "y", ""]])
        found = read_sheet("a.csv", stream.getvalue())
        assert found.problems
        assert "8001" in found.agents

    assert_holds_for({name: text for name, text in HOSTILE.items() if "\0" not in text}, rule)


def test_folding_leaves_something() -> None:
    """A heading in brackets is what is in the brackets."""
    assert fold_heading("（工号）") == "工号"
    assert fold_heading(" * ") == ""
