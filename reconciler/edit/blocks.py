"""Block scalars: where one ends, and its lines where these can be kept."""

from __future__ import annotations

import re
from typing import Final

from reconciler.core.yaml.document import parse

_HEADER: Final = re.compile(r"([|>])([-+0-9]*)([ \t]*#[^\n\u2028\u2029]*)?")
_LAST: Final = re.compile(r"[ \t\n\u2028\u2029]*\Z")


def header_end(text: str, start: int, *, comment: bool = True) -> int:
    """The offset behind the first line of the block scalar that begins at `start`, or in front of its comment."""
    found = _HEADER.match(text, start)
    if found is None:
        return start
    return found.end() if comment else found.end(2)


def content_end(written: str) -> int:
    """The length of a block scalar without the blank lines below it."""
    found = _LAST.search(written)
    return found.start() if found else len(written)


def kept_lines(written: str, value: str) -> list[str]:
    """The header and the lines of a block scalar, not indented; none where it can be kept only in quotes."""
    style = written[0]
    header = style + ("" if value.endswith("\n") else "-")
    lines = value.removesuffix("\n").split("\n")
    if style == ">":
        rest = written[: content_end(written)].split("\n")[1:]
        indent = min((len(line) - len(line.lstrip(" ")) for line in rest if line.strip()), default=0)
        lines = [line[indent:] for line in rest]
    if not all(line.isprintable() and line == line.rstrip() for line in lines):
        return []
    text = "\n  ".join((f"k: {header}", *lines)) + "\n"
    document, _ = parse("", text.encode())
    return [header, *lines] if document and document.root.get("k") == value else []
