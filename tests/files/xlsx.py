"""Workbooks as Excel and as LibreOffice lay them out, as small as they can be."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from html import escape

Cell = str | int | float | bool | None
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def workbook(
    sheets: dict[str, Sequence[Sequence[Cell]]], *, merged: Sequence[str] = (), shared: bool = True, dates: str = ""
) -> bytes:
    """A workbook of sheets of rows. With `shared` texts lie in a table of their own, as in Excel, else in the cells.

    `merged` are spans of the first sheet; the column `dates` of it has the format of a date.
    """
    texts: list[str] = []
    parts = {
        f"xl/worksheets/sheet{number}.xml": _sheet(rows, texts, merged if number == 1 else (), shared, dates)
        for number, rows in enumerate(sheets.values(), 1)
    }
    names = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1))
    kinds = "".join(f'<Override PartName="/{part}" ContentType="{_TYPES}.worksheet+xml"/>' for part in parts)
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    parts |= {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>{kinds}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{links}'
        f'<Relationship Id="rId98" Type="{_OFFICE}/styles" Target="styles.xml"/>'
        f'<Relationship Id="rId99" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/>'
        "</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">'
        + "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
        + "</sst>",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for part, text in parts.items():
            archive.writestr(part, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return stream.getvalue()


def _sheet(rows: Sequence[Sequence[Cell]], texts: list[str], merged: Sequence[str], shared: bool, dates: str) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = (_cell(f"{chr(65 + index)}{number}", value, texts, shared, dates) for index, value in enumerate(row))
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    spans = "".join(f'<mergeCell ref="{span}"/>' for span in merged)
    merges = f"<mergeCells>{spans}</mergeCells>" if merged else ""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData>{merges}</worksheet>'


def _cell(place: str, value: Cell, texts: list[str], shared: bool, dates: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
        case str() if shared:
            texts.append(value)
            return f'<c r="{place}" t="s"><v>{len(texts) - 1}</v></c>'
        case str():
            return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        case _:
            style = ' s="1"' if place[0] == dates else ""
            return f'<c r="{place}"{style}><v>{value}</v></c>'
