"""One agent's live and desired values side by side, as a table for people and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.beside import ComparedField
from reconciler.core.model.fields import BY_NAME
from reconciler.core.model.message import text
from reconciler.core.text import width
from reconciler.render.spelling import spelled_value
from reconciler.render.terminal import pad, paint, visible

_MAX_CELLS = 24


def table(rows: Sequence[ComparedField], *, color: bool = False) -> str:
    """One line for each field; `~` marks a difference. Long values are cut here, and whole in JSON."""
    cells = [[row.field, _live(row), _desired(row)] for row in rows]
    head: list[str] = [text("field"), text("live"), text("desired")]
    widths = [min(max(width(line[i]) for line in [head, *cells]), _MAX_CELLS) for i in range(3)]
    lines = [paint(f"  {_line(head, widths)}  {text('from')}", "dim", color=color)]
    for row, line in zip(rows, cells, strict=True):
        mark = paint("~", "edit", color=color) if row.differs else " "
        lines.append(f"{mark} {_line(line, widths)}  {paint(_from(row), 'dim', color=color)}".rstrip())
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(pad(cell, cell_width) for cell, cell_width in zip(cells, widths, strict=True))


def _live(row: ComparedField) -> str:
    if row.live_known:
        return spelled_value(row.live)
    return text("not recorded") if BY_NAME[row.field].write_only else "-"


def _desired(row: ComparedField) -> str:
    return spelled_value(row.desired) if row.source else "-"


def _from(row: ComparedField) -> str:
    if row.source is None:
        return text("not managed")
    return f"{visible(row.source.layer)}, {visible(row.source.place.file)}:{row.source.place.line}"


def documents(rows: Sequence[ComparedField]) -> list[dict[str, Any]]:
    """The rows as plain values."""
    return [dict(_document(row)) for row in rows]


def _document(row: ComparedField) -> Iterator[tuple[str, Any]]:
    yield from (("field", row.field), ("live", row.live), ("live_known", row.live_known))
    yield from (("managed", row.source is not None), ("desired", row.desired), ("differs", row.differs))
    source = row.source
    place = {"file": source.place.file, "line": source.place.line} if source else {}
    yield "source", {"layer": source.layer, **place} if source else None
