"""The log of `-v` and `-vv` on stderr: what each request and each wait took; never a body, a name or a secret.

The rooms log with the standard library, below the logger `reconciler`. A record's message names what happened, and its
`details` are the values. Other libraries' loggers are not shown: httpcore's would show the token.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from reconciler.log import LOG

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[ -~]{0,200})?")
"""The form of W3C Trace Context; a later version may have more at the end."""
_LEVELS: Final = {1: logging.INFO, 2: logging.DEBUG}


def log_to(write: Callable[[str, str, Mapping[str, object], float], None], verbose: int) -> None:
    """Have records written from now on, each by level, event, details, and seconds since 1970.

    With 1 those of each request and each long wait, with 2 of every wait and every call of git.
    """
    LOG.handlers = [_Lines(write)]
    LOG.propagate = False
    LOG.setLevel(_LEVELS[min(verbose, 2)])


def trace_of(environment: Mapping[str, str]) -> dict[str, object]:
    """The trace that this process is a part of, as `TRACEPARENT` says; empty where there is none."""
    trace = environment.get("TRACEPARENT", "").strip()
    return {"traceparent": trace} if _TRACEPARENT.fullmatch(trace) else {}


class _Lines(logging.Handler):
    """Hands each record on. Where that fails the record is lost: a log ends no run."""

    def __init__(self, write: Callable[[str, str, Mapping[str, object], float], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            details: Mapping[str, object] = getattr(record, "details", {})
            self._write(record.levelname.lower(), record.getMessage(), details, record.created)


def line(level: str, event: str, details: Mapping[str, object], at: float) -> str:
    """A record as text. `at` is seconds since 1970."""
    from reconciler.render.terminal import visible

    values = " ".join(f"{name}={value}" for name, value in details.items())
    return visible(f"{_time(at)[11:]} {level} {event} {values}".rstrip())


def json_line(level: str, event: str, details: Mapping[str, object], at: float) -> str:
    """A record as one line of JSON."""
    from reconciler.core.text import harmless_json

    record = {"at": _time(at), "level": level, "event": event, **details}
    return harmless_json(json.dumps(record, ensure_ascii=False))


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
