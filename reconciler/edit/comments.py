"""Every comment of a text, by its own look at what the parser leaves between the values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from reconciler.core.yaml.document import Document
from reconciler.core.yaml.events import HAS_LIBYAML, scalar_spans
from reconciler.edit.blocks import content_end, header_end
from reconciler.edit.parts import parts, unix
from reconciler.edit.tree import scanned, spans

_COMMENT: Final = re.compile("#[^\n\u2028\u2029]*")
_NAMES: Final = re.compile("[&*!%]")


def comments(text: str) -> list[str]:
    """Every comment of a text, sorted.

    Only scalars hold a `#` that begins no comment, and what begins with `&`, `*`, `!` or `%`. Without those the events
    do; there are half as many as tokens. A part of a file need not be a document, but its tokens are the file's.
    """
    text = unix(text)
    if "#" not in text:
        return []
    if HAS_LIBYAML and not _NAMES.search(text):
        try:
            return _between(text, _spans_of_scalars(text))
        except ValueError:
            pass
    return _between(text, spans(text, scanned(text)))


def comments_of(document: Document) -> list[str]:
    """Every comment of a document, sorted."""
    if b"#" not in document.data:
        return []
    texts = (part.text for part in parts(document))
    return comments("".join(text for number, text in enumerate(texts) if number == 0 or "#" in text))


def _between(text: str, spans: Iterator[tuple[int, int]]) -> list[str]:
    found: list[str] = []
    position = 0
    for start, end in spans:
        if start > position and "#" in text[position:start]:
            found += (comment.rstrip() for comment in _COMMENT.findall(text, position, start))
        position = max(position, end)
    return sorted(found)


def _spans_of_scalars(text: str) -> Iterator[tuple[int, int]]:
    """The start and end of every scalar, and of the header of a block scalar."""
    for start, end in scalar_spans(text):
        if text[start] in "|>":
            yield start, header_end(text, start, comment=False)
            yield header_end(text, start), start + content_end(text[start:end])
        else:
            yield start, end
    yield len(text), len(text)
