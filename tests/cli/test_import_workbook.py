"""`import` of workbooks: numbers, dates and merged cells as such, and what cannot be read, by its cell."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from reconciler.core.desired.read import read_desired
from reconciler.errors import ReconcilerError
from reconciler.files.workbook import workbook_sheets
from tests.files.xlsx import Cell, workbook
from tests.process import Workplace

HEAD = ("工号", "姓名", "技能组", "手机", "录音")
ROWS: Sequence[Sequence[Cell]] = (
    ("坐席名单",),
    HEAD,
    (8001, "张三", "售后一组", 13800138001, True),
    (8002.0, "李四", None, "138-0013-8002", False),
    ("0803", "王五", "售前", None, "是"),
    ("合计", 3, None, None, None),
)


@pytest.mark.parametrize("shared", [True, False], ids=["excel", "libreoffice"])
def test_a_workbook_becomes_a_file(offline: Workplace, shared: bool) -> None:
    """Whole numbers have no fraction, merged cells their value in each row, sums are left out, and all is told."""
    book = workbook({"名单": ROWS, "说明": (("看名单",),)}, merged=("C3:C4", "A1:E1"), shared=shared)
    (offline.folder / "坐席.xlsx").write_bytes(book)
    ran = offline.run("import", "坐席.xlsx", "--company", "acme")
    assert ran.code == 0, ran.err
    state, problems = read_desired("a.yaml", ran.out.encode())
    assert state is not None, problems
    assert {agent.operator_id: agent.fields for agent in state.agents} == {
        "0803": {"name": "王五", "mainGroupName": "售前", "isrecord": True},
        "8001": {"name": "张三", "mainGroupName": "售后一组", "bindcode": "13800138001", "isrecord": True},
        "8002": {"name": "李四", "mainGroupName": "售后一组", "bindcode": "13800138002", "isrecord": False},
    }
    assert "merged cells have their value in each of their rows: C3:C4\nread the sheet 名单\n" in ran.err
    assert 'passed over: row 6: a sum, "合计 3"\n' in ran.err


def test_what_a_workbook_has_spoilt_is_told_by_its_cell(offline: Workplace) -> None:
    """A date and a number of too many digits, with sheet, row and column; nothing is written."""
    rows = ((*HEAD[:2], "手机"), (8001, "张三", 46000), (8002, "李四", 13800138001380013))
    (offline.folder / "a.xlsx").write_bytes(workbook({"S1": rows}, dates="C"))
    ran = offline.run("import", "a.xlsx", "--company", "acme", "--output", "a.yaml")
    assert ran.code == 1
    assert "a.xlsx:2:3: S1!C2 手机: " in ran.err
    assert "is a date" in ran.err
    assert not (offline.folder / "a.yaml").exists()
    (offline.folder / "b.xlsx").write_bytes(workbook({"S1": rows}))
    assert '"1.380014E+16" has lost its last digits' in offline.run("import", "b.xlsx", "--company", "acme").err


def test_sheets_are_named_where_several_have_agents(offline: Workplace) -> None:
    """A sheet without agents is passed over; of two with agents the user names one."""
    rows, notes = (("工号",), (8001,)), (("备忘",), ("周一开会",))
    (offline.folder / "one.xlsx").write_bytes(workbook({"说明": notes, "一": rows}))
    assert '"8001"' in offline.run("import", "one.xlsx", "--company", "acme").out
    (offline.folder / "a.xlsx").write_bytes(workbook({"一": rows, "二": (("工号",), (8002,))}))
    ran = offline.run("import", "a.xlsx", "--company", "acme")
    assert (ran.code, ran.out) == (64, "")
    assert "name one with --sheet: 一, 二" in ran.err
    assert '"8002"' in offline.run("import", "a.xlsx", "--company", "acme", "--sheet", "二").out
    assert offline.run("import", "a.xlsx", "--company", "acme", "--sheet", "三").code == 64
    assert offline.run("import", "a.xlsx", "--company", "acme", "--encoding", "big5").code == 64


def test_what_is_no_workbook(offline: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that is none, and a library that is missing, are told with what to do."""
    (offline.folder / "a.xlsx").write_bytes(b"PK\x03\x04 nothing")
    ran = offline.run("import", "a.xlsx", "--company", "acme")
    assert ran.code == 1
    assert "a.xlsx is a workbook, not CSV, and cannot be read as one" in ran.err
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(ReconcilerError) as raised:
        workbook_sheets("a.xlsx", b"PK\x03\x04")
    assert "zuoxi-reconciler[xlsx]" in raised.value.hint
