"""YAML block scalars (`|` and `>`): where one ends, and whether its lines can be kept as they are."""

from __future__ import annotations

import re
from typing import Final

from reconciler.core.yaml.document import parse

_HEADER: Final = re.compile(r"([|>])([-+0-9]*)([ \t]*#[^\n\u2028\u2029]*)?")
_BLANK_END: Final = re.compile(r"[ \t\n\u2028\u2029]*\Z")


def header_end(text: str, start: int, *, comment: bool = True) -> int:
    """The offset behind the header line of the block scalar at `start`; without `comment`, in front of its comment."""
    header = _HEADER.match(text, start)
    if header is None:
        return start
    return header.end() if comment else header.end(2)


def content_end(source: str) -> int:
    """The length of a block scalar without the blank lines below it."""
    blank = _BLANK_END.search(source)
    return blank.start() if blank else len(source)


def kept_lines(source: str, value: str) -> list[str]:
    """The header and the lines of a block scalar, not indented; none where only quotes can express its value."""
    style = source[0]
    header = style + ("" if value.endswith("\n") else "-")
    lines = value.removesuffix("\n").split("\n")
    if style == ">":
        rest = source[: content_end(source)].split("\n")[1:]
        indent = min((len(line) - len(line.lstrip(" ")) for line in rest if line.strip()), default=0)
        lines = [line[indent:] for line in rest]
    if not all(line.isprintable() and line == line.rstrip() for line in lines):
        return []
    text = "\n  ".join((f"k: {header}", *lines)) + "\n"
    document, _ = parse("", text.encode())
    return [header, *lines] if document and document.root.get("k") == value else []
