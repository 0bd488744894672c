"""The events of the YAML parser: libyaml, or PyYAML's Python parser if libyaml is missing.

A scalar event is a tuple; every other event is PyYAML's own object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any, Final

import yaml
from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

HAS_LIBYAML: Final = bool(getattr(yaml, "__with_libyaml__", False))

ANCHOR, TAG, IMPLICIT, TEXT, START, END = range(6)
"""Indices into the tuple of a scalar. `IMPLICIT[0]` is true without quotes; `START` and `END` are marks."""

NextEvent = Callable[[], Any]


def decoded(data: bytes) -> str:
    """The bytes as UTF-8 text, without a byte order mark.

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8.
    """
    return data.decode("utf-8").removeprefix("\ufeff")


@contextmanager
def events(data: bytes, *, pure: bool) -> Iterator[NextEvent]:
    """A function that returns the next event of UTF-8 bytes at each call. `pure` takes PyYAML's Python parser.

    Nearly all events of a file of agents are scalars. PyYAML makes an object with seven attributes of each, and that
    takes longer than libyaml's parsing. The wrapper of libyaml looks the class up in its module for each event, so a
    function replaces the class there until the reading ends. That saves a fifth of the time. The lock is held for as
    long, since all threads see the replacement.

    Raises:
        yaml.YAMLError: the text is not valid YAML; also raised by the function that is yielded.
        UnicodeDecodeError: with `pure`, the bytes are not UTF-8.
    """
    if pure:
        yield _with_scalar_tuples(_PythonParser(decoded(data)).get_event)
        return
    with _REPLACING:
        libyaml: Any = yaml._yaml  # noqa: SLF001 - the quirk above
        original, libyaml.ScalarEvent = libyaml.ScalarEvent, _scalar_tuple
        try:
            next_event: NextEvent = yaml.CSafeLoader(data).get_event
            yield next_event if _replacement_works() else _with_scalar_tuples(next_event)
        finally:
            libyaml.ScalarEvent = original


def scalar_spans(text: str) -> Iterator[tuple[int, int]]:
    """The offsets of each scalar that is not empty, as libyaml finds them.

    Raises:
        ValueError: the text is not valid YAML.
    """
    try:
        with events(text.encode(), pure=False) as next_event:
            while (event := next_event()).__class__ is not StreamEndEvent:
                if event.__class__ is tuple and event[START].index < event[END].index:
                    yield event[START].index, event[END].index
    except yaml.YAMLError as error:
        raise ValueError("not valid YAML") from error


@dataclass(frozen=True, slots=True)
class Trouble:
    """Where the parser gives up: line and index from 0, the events before it, and where what it reads begins."""

    line: int
    index: int
    events: int
    opening: tuple[int, int] | None


def first_trouble(data: bytes, *, pure: bool, max_depth: int) -> Trouble | None:
    """Where the parser gives up; `None` where it does not, or the text goes deeper, or is no text that YAML allows."""
    count = depth = 0
    try:
        with events(data, pure=pure) as next_event:
            while (kind := next_event().__class__) is not StreamEndEvent and depth <= max_depth:
                count += 1
                depth += _DEPTHS.get(kind, 0)
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark
        context = error.context_mark
        opening = (context.line, context.column) if context else None
        if context and ("':'" in str(error.problem) or "quoted" in str(error.context)):
            mark = context  # a key without its colon, or a quote that is not closed: the place is its beginning
        return Trouble(mark.line, mark.index, count, opening)
    except (ValueError, OverflowError, yaml.YAMLError):
        pass
    return None


_DEPTHS: Final[dict[type, int]] = {
    **dict.fromkeys((MappingStartEvent, SequenceStartEvent), 1),
    **dict.fromkeys((MappingEndEvent, SequenceEndEvent), -1),
}
_REPLACING: Final = Lock()


def _scalar_tuple(*scalar: Any) -> tuple[Any, ...]:
    return scalar


@cache
def _replacement_works() -> bool:
    """Whether this PyYAML looks the class up in its module, and so takes the replacement."""
    next_event: NextEvent = yaml.CSafeLoader(b"a").get_event
    return any(next_event().__class__ is tuple for _ in range(3))


def _with_scalar_tuples(next_event: NextEvent) -> NextEvent:
    def next_or_tuple() -> Any:
        event = next_event()
        if event.__class__ is not ScalarEvent:
            return event
        return (event.anchor, event.tag, event.implicit, event.value, event.start_mark, event.end_mark)

    return next_or_tuple


class _PythonParser(Reader, Scanner, Parser):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
