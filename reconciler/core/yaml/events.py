"""The YAML parser's events: libyaml's, or those of PyYAML's parser in Python where it is missing.

A scalar comes as a tuple, and every other event as PyYAML's own object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, Final

import yaml
from yaml.events import ScalarEvent
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

HAS_LIBYAML: Final = bool(getattr(yaml, "__with_libyaml__", False))

ANCHOR, TAG, IMPLICIT, TEXT, START = range(5)
"""What stands where in a scalar: `IMPLICIT` begins with whether it has no quotes, `START` is the mark of its begin."""

NextEvent = Callable[[], Any]


def decoded(data: bytes) -> str:
    """UTF-8 without its byte order mark."""
    return data.decode("utf-8").removeprefix("\ufeff")


@contextmanager
def events(data: bytes, *, pure: bool) -> Iterator[NextEvent]:
    """Gives one event a call, from UTF-8; `pure` are those of the Python parser. Raises `yaml.YAMLError` of bad text.

    Of a file of agents nearly all events are scalars, and PyYAML makes an object with seven attributes of each, which
    takes longer than libyaml's parsing. libyaml's wrapper looks the class up in its module, event by event, so a
    function stands there in its place until the reading is over: that saves a fifth of the time.
    """
    if pure:
        yield _in_tuples(_PythonParser(decoded(data)).get_event)
        return
    with _ONE_AT_A_TIME:
        libyaml: Any = yaml._yaml  # noqa: SLF001 - the quirk above
        usual, libyaml.ScalarEvent = libyaml.ScalarEvent, _as_it_comes
        try:
            next_event: NextEvent = yaml.CSafeLoader(data).get_event
            yield next_event if _stands_in() else _in_tuples(next_event)
        finally:
            libyaml.ScalarEvent = usual


_ONE_AT_A_TIME: Final = Lock()


def _as_it_comes(*scalar: Any) -> tuple[Any, ...]:
    return scalar


@cache
def _stands_in() -> bool:
    """Whether this PyYAML looks there."""
    next_event: NextEvent = yaml.CSafeLoader(b"a").get_event
    return any(next_event().__class__ is tuple for _ in range(3))


def _in_tuples(next_event: NextEvent) -> NextEvent:
    def each() -> Any:
        event = next_event()
        if event.__class__ is not ScalarEvent:
            return event
        return (event.anchor, event.tag, event.implicit, event.value, event.start_mark)

    return each


class _PythonParser(Reader, Scanner, Parser):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
