"""`import-csv`, as a process: the spreadsheet of a call centre becomes a file, or goes into one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
import pytest

from reconciler.cli.main import cli
from reconciler.cli.shell import Shell
from reconciler.core.desired.read import read_desired
from reconciler.errors import InvalidFiles, ReconcilerError, WrongUsage
from reconciler.sandbox.server import Box
from tests.process import Workplace

SHEETS = Path(__file__).parents[1] / "core/sheets/corpus"
SHEET = "工号,姓名,技能组,座席类型,备注\n8001,张三,售后一组,班长,\n8002,李四,售后一组,坐席,新人\n9001,王五,,坐席,\n"
LEAVE = ("--map", "备注=")


@pytest.fixture
def office(offline: Workplace) -> Workplace:
    """A folder with a sheet as Excel saves it in China."""
    (offline.folder / "坐席.csv").write_bytes(SHEET.encode("gb18030"))
    offline.env["PYTHONDONTWRITEBYTECODE"] = "1"
    return offline


@pytest.fixture
def here(office: Workplace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, worked in by this process: for what ends before anything is written."""
    monkeypatch.chdir(office.folder)
    return office.folder


def call(*arguments: str) -> None:
    """Run the command in this process; what it raises is what `main` maps to an exit code."""
    cli.main(["import-csv", *arguments], standalone_mode=False, obj=Shell())


def test_a_sheet_becomes_a_file(office: Workplace, box: Box) -> None:
    """One command and a file that is good, whose plan creates and changes what the sheet says and deletes nobody."""
    office.endpoint = box.url
    box.store.reset([{"operatorId": "8001", "name": "旧"}, {"operatorId": "8555", "name": "不在表里"}])
    ran = office.run("import-csv", "坐席.csv", *LEAVE, "--company", "acme", "--output", "agents.yaml")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "read as GB18030, which was guessed; --encoding names another\n"
        "3 agents; check against the sheet:\n"
        '  A   工号      → operatorId           3 values, first "8001"\n'
        '  B   姓名      → name                 3 values, first "张三"\n'
        '  C   技能组    → mainGroupName        2 values, first "售后一组"\n'
        '  D   座席类型  → operatorType         3 values, first "leader"\n'
        'wrote agents.yaml: 3 agents\npassed over: column E "备注"\n'
    )
    assert office.run("validate").code == 0
    assert office.run("fmt", "--check").code == 0
    summary = office.run("plan", "--format", "json").json["summary"]
    assert (summary["create"], summary["edit"], summary["delete"]) == (2, 1, 0)
    assert box.store.history() == []


ROSTER = (
    "工号,姓名,技能组,座席类型,状态,手机,SIP号,外呼权限,后处理时间,是否录音,隐藏号码\n"
    "0801,张三,售后一组,班长,启用,138-0013-8001,60001,允许,10,是,否\n"
    "0802,李四,售后一组,坐席,停用,+86 138 0013 8002,60002,禁止外呼,30秒,是,是\n"
    '0803,"王五, 夜班",夜班组,坐席,启用,,60003,限制国际,0,否,否\n'
    "0804,'=赵六,,坐席,启用,010-88886666,,限制长途,5,是,否\n"
)


def test_there_and_back_again(office: Workplace, box: Box) -> None:
    """A roster in GBK is imported and applied; what is live goes out with Chinese headings, and in again.

    Excel has saved it in GBK once more. The plan is empty, of a new file as of the first one brought up to date.
    """
    office.endpoint = box.url
    (office.folder / "花名册.csv").write_bytes(ROSTER.encode("gb18030"))
    assert office.run("import", "花名册.csv", "--company", "acme", "--output", "agents.yaml").code == 0
    applied = office.run("apply", "-y")
    assert applied.code == 0, applied.err
    live = box.store.agents()
    assert [live["0801"]["name"], live["0803"]["name"], live["0804"]["name"]] == ["张三", "王五, 夜班", "=赵六"]
    assert live["0802"]["bindcode"] == "+8613800138002"

    ran = office.run("export", "--format", "csv", "--headings", "zh", "--output", "导出.csv")
    assert ran.code == 0, ran.err
    exported = (office.folder / "导出.csv").read_bytes().decode("utf-8-sig")
    assert {"班长", "禁止外呼", "限制国际", "停用"} <= set(re.findall(r"[^,\r\n]+", exported))
    (office.folder / "导出.csv").write_bytes(exported.encode("gb18030"))

    assert office.run("import", "导出.csv", "--company", "acme", "--output", "again.yaml").code == 0
    assert office.run("import", "导出.csv", "--into", "agents.yaml").code == 0
    for file in ("again.yaml", "agents.yaml"):
        planned = office.run("plan", "-f", file, "--detailed-exitcode")
        assert planned.code == 0, planned.out


def test_without_a_file_it_goes_to_stdout(office: Workplace) -> None:
    """Only the file does; what is told beside it is on stderr. The schema line leads to where `init` put the schema."""
    ran = office.run("import-csv", "坐席.csv", *LEAVE, "--company", "acme", "--company-id", "7")
    assert ran.code == 0
    assert "company: {abbreviate: acme, companyId: 7}\n" in ran.out
    assert "$schema=../schemas/agents.schema.json\n" in ran.out
    (office.folder / "schemas").mkdir()
    office.write("{}", "schemas/agents.schema.json")
    assert office.run("import-csv", "坐席.csv", *LEAVE, "--company", "acme", "--output", "a.yaml").code == 0
    assert "$schema=schemas/agents.schema.json\n" in (office.folder / "a.yaml").read_text(encoding="utf-8")


INTO = """\
# 我们的坐席
version: 1
company: {abbreviate: acme}
agents:
  # 班长
  - {operatorId: "8001", name: 旧}   # 张三
  - {operatorId: "8000", name: 经理}
  - {operatorId: "8002", name: 李四, mainGroupName: 售后一组, operatorType: agent}
"""


def test_a_file_is_brought_up_to_date(office: Workplace) -> None:
    """Comments, order and mode stay, nobody is removed; how many are new and changed is told; twice changes nothing."""
    path = office.write(INTO)
    path.chmod(0o640)
    ran = office.run("import-csv", "坐席.csv", *LEAVE, "--into", "agents.yaml")
    assert ran.code == 0, ran.err
    assert "\nwrote agents.yaml: 1 new, 1 changed, 2 unchanged\n" in ran.err
    said = '{operatorId: "8001", name: 张三, operatorType: leader, mainGroupName: 售后一组}'
    new = '\n  # added from a spreadsheet\n  - {operatorId: "9001", name: 王五, operatorType: agent}\n'
    text = path.read_text(encoding="utf-8")
    assert re.sub(" +#", " #", text) == re.sub(" +#", " #", INTO.replace('{operatorId: "8001", name: 旧}', said) + new)
    assert path.stat().st_mode & 0o777 == 0o640
    again = office.run("import-csv", "坐席.csv", *LEAVE, "--into", "agents.yaml")
    assert "\nagents.yaml says what the sheet says; it is left as it is\n" in again.err
    assert path.read_text(encoding="utf-8") == text


def test_problems_are_told_and_nothing_is_written(office: Workplace) -> None:
    """All at once, with line, cell and what to do; an existing file is left alone too."""
    ran = office.run("import-csv", str(SHEETS / "twice.csv"), "--company", "acme", "--output", "agents.yaml")
    assert ran.code == 1
    assert 'twice.csv:4:3: C3 分机: sipNumber "60001" stands twice; the first is in line 2\n' in ran.err
    assert "error: 3 problems in the spreadsheet\n       nothing was written\n" in ran.err
    office.write(INTO)
    assert office.run("import-csv", "坐席.csv", "--into", "agents.yaml").code == 1
    assert {path.name for path in office.folder.iterdir()} == {"坐席.csv", "agents.yaml"}
    assert (office.folder / "agents.yaml").read_text(encoding="utf-8") == INTO


def test_a_fault_in_every_row_hides_no_other(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of fault of each column is told once, with its count and first places."""
    rows = "".join(
        f"{8001 + number},{'abc' if number == 950 else '1.38E+12'},{'也许' if number == 900 else '是'}\n"
        for number in range(1000)
    )
    (here / "a.csv").write_text(f"工号,手机,录音\n{rows}", encoding="utf-8")
    with pytest.raises(ReconcilerError, match="1,001 problems in the spreadsheet"):
        call("a.csv", "--company", "acme")
    told = capsys.readouterr().err
    assert (told.count("1.38E+12"), told.count("也许"), told.count('"abc"')) == (1, 1, 1)
    assert "      998 more of this kind: B3, B4, B5, B6, B7 and 993 more\n" in told


def test_merged_cells_are_told_and_filled(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column as merging leaves it is told with the option that fills it; one that is named is filled, and told."""
    (here / "a.csv").write_text("工号,技能组\n8001,售后\n8002,\n8003,售前\n8004,\n", encoding="utf-8")
    call("a.csv", "--company", "acme")
    out, err = capsys.readouterr()
    assert out.count("mainGroupName") == 2
    assert "a value in 2 of 4 rows, as merged cells leave it; --fill-down '技能组' fills the others from above" in err
    for column in ("技能组", "mainGroupName"):
        call("a.csv", "--company", "acme", "--fill-down", column)
        out, err = capsys.readouterr()
        assert 'column B "技能组": 2 blank cells filled from above\n' in err
        state, _ = read_desired("a.yaml", out.encode())
        assert state is not None
        assert [agent.fields["mainGroupName"] for agent in state.agents] == ["售后", "售后", "售前", "售前"]
    with pytest.raises(ReconcilerError):
        call("a.csv", "--company", "acme", "--fill-down", "组别x")
    assert '--fill-down: no column has the heading "组别x"' in capsys.readouterr().err


def test_a_mapping_is_kept_and_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--save-map writes what was read as what and what was left out; --map @FILE reads it; no file is replaced."""
    call("坐席.csv", *LEAVE, "--company", "acme", "--output", "a.yaml", "--save-map", "map.txt")
    saved = (here / "map.txt").read_text(encoding="utf-8")
    assert saved == "工号=operatorId\n姓名=name\n技能组=mainGroupName\n座席类型=operatorType\n备注=\n"
    call("坐席.csv", "--map", "@map.txt", "--company", "acme")
    assert capsys.readouterr().out.partition("\n")[2] == (here / "a.yaml").read_text(encoding="utf-8")
    with pytest.raises(ReconcilerError, match="there already"):
        call("坐席.csv", *LEAVE, "--company", "acme", "--save-map", "map.txt")
    with pytest.raises(click.BadParameter, match="cannot be read"):
        call("坐席.csv", "--map", "@nowhere.txt", "--company", "acme")


def test_an_encoding_can_be_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A guess is told; a name is taken, and one that nobody knows is refused; a sheet's name is for workbooks."""
    (here / "a.csv").write_bytes("工號,姓名\n8001,陳\n".encode("big5"))
    call("a.csv", "--company", "acme")
    assert "read as BIG5, which was guessed; --encoding names another\n" in capsys.readouterr().err
    call("a.csv", "--company", "acme", "--encoding", "big5")
    assert "guessed" not in capsys.readouterr().err
    with pytest.raises(ReconcilerError, match="no encoding that is known"):
        call("a.csv", "--company", "acme", "--encoding", "klingon")
    with pytest.raises(click.UsageError, match="this file is none"):
        call("a.csv", "--company", "acme", "--sheet", "x")


def test_zeros_that_the_sheet_lost(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A number that is an agent's of the file but for zeros in front makes no second agent."""
    (here / "a.csv").write_text("工号,姓名\n801,张三\n0802,李四\n", encoding="utf-8")
    (here / "agents.yaml").write_text(INTO.replace("8001", "0801").replace("8002", "0802"), encoding="utf-8")
    with pytest.raises(ReconcilerError, match="1 problem in the spreadsheet"):
        call("a.csv", "--into", "agents.yaml")
    told = 'a.csv:2:1: A2 工号: "801" of the sheet is "0801" of the file but for zeros in front'
    assert told in capsys.readouterr().err


def test_zeros_are_missed_on_the_live_side_too(office: Workplace, box: Box) -> None:
    """With an endpoint, numbers that live agents have but for zeros are told, all of them, and nothing is written."""
    office.endpoint = box.url
    box.store.reset([{"operatorId": "0801"}, {"operatorId": "0802"}, {"operatorId": "9"}])
    (office.folder / "a.csv").write_text("姓名,工号\n张三,801\n王五,9\n李四,802\n赵六,7\n", encoding="utf-8")
    ran = office.run("import", "a.csv", "--company", "acme", "--output", "agents.yaml")
    assert ran.code == 1
    assert 'a.csv:2:2: B2 工号: "801" of the sheet is "0801" of the live side but for zeros in front' in ran.err
    assert "1 more of this kind: B4\n" in ran.err
    assert not (office.folder / "agents.yaml").exists()
    office.endpoint = "http://127.0.0.1:9"
    ran = office.run("import", "a.csv", "--company", "acme", "--output", "agents.yaml")
    assert ran.code == 0, "the environment alone makes nobody wait for a vendor"
    assert "warning: lost zeros were not looked for on the live side: " in ran.err
    ran = office.run("import", "a.csv", "--company", "acme", "--endpoint", "http://127.0.0.1:9")
    assert (ran.code, ran.out) == (1, "")


@pytest.mark.parametrize("sheet", ["hostile", "passwords", "no-headings"])
def test_nothing_in_a_sheet_acts(here: Path, capsys: pytest.CaptureFixture[str], sheet: str) -> None:
    """No control character reaches a terminal, no line is a command to a runner, and no password is shown."""
    with pytest.raises(ReconcilerError):
        call(str(SHEETS / f"{sheet}.csv"), "--company", "acme")
    out, err = capsys.readouterr()
    assert out == ""
    assert all(character.isprintable() or character == "\n" for character in err)
    assert not [line for line in err.splitlines() if line.lstrip().startswith("::")]
    assert "hunter" not in err
    assert "sesame" not in err


def test_what_is_there_is_kept(office: Workplace) -> None:
    """Unless it is forced."""
    path = office.write("mine\n")
    arguments = ("import-csv", "坐席.csv", *LEAVE, "--company", "acme", "--output", "agents.yaml")
    ran = office.run(*arguments)
    assert (ran.code, path.read_text()) == (3, "mine\n")
    assert "agents.yaml is there already" in ran.err
    assert office.run(*arguments, "--force").code == 0
    assert office.run("validate").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "whose agents?"),
        (("--company", ""), "names nobody"),
        (("--company", os.fsdecode(b"\xff")), "names nobody"),
        (("--into", "agents.yaml", "--output", "a"), "stands alone"),
        (("--into", "agents.yaml", "--company", "acme"), "stands alone"),
        (("--map", "备注"), "it takes HEADING=FIELD"),
        (("--map", " =name"), "it takes HEADING=FIELD"),
        (("--map", "备注=nmae"), "Did you mean name?"),
        (("--map", "备注=zzzzzz"), "reconciler explain"),
        (("--map", "备注=password"), "no column is read as a password"),
        (("--map", "备注=", "--map", "备 注=name"), "mapped twice"),
    ],
)
def test_wrong_usage(here: Path, arguments: tuple[str, ...], words: str) -> None:
    """Says what is wrong, before anything is written."""
    with pytest.raises((click.UsageError, WrongUsage), match=re.escape(words)):
        call("坐席.csv", *arguments, *(() if "--map" in arguments else LEAVE))
    assert [path.name for path in here.iterdir()] == ["坐席.csv"]


def test_wrong_usage_has_its_code(office: Workplace) -> None:
    """Never exit code 2."""
    assert office.run("import-csv", "坐席.csv", "--company", "acme", "--map", "备注").code == 64


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("missing.csv", None, "missing.csv cannot be read"),
        ("book.csv", b"PK\x03\x04", "book.csv is a workbook, not CSV"),
        ("empty.csv", "工号,姓名\n".encode(), "empty.csv names no agent"),
    ],
)
def test_a_sheet_that_cannot_be_read(here: Path, name: str, data: bytes | None, words: str) -> None:
    """Is named."""
    if data is not None:
        (here / name).write_bytes(data)
    with pytest.raises(ReconcilerError, match=words):
        call(name, "--company", "acme")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "agents.yaml cannot be read"),
        ("version: 2\n", "2 problems"),
        ('version: 1\ncompany: {abbreviate: a}\nscope: {operatorId: ["80*"]}\n', "agent 9001 is outside"),
    ],
)
def test_a_file_that_cannot_be_brought_up_to_date(here: Path, text: str | None, words: str) -> None:
    """Is left as it is, and why is told."""
    path = here / "agents.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises((ReconcilerError, InvalidFiles), match=words):
        call("坐席.csv", *LEAVE, "--into", "agents.yaml")
    assert text is None or path.read_text(encoding="utf-8") == text
