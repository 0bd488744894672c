"""Saved plans on disk: the plan's JSON with a seal over all of it, so that a change of any byte is seen.

The seal detects accidents and edits, but no forgery: whoever can write the file can seal it again. The digest, which
reviewers see, binds a plan to its review.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.clock import parse_stamp, stamp
from reconciler.core.model.message import text
from reconciler.core.model.plan import Plan
from reconciler.core.saved.plan_json import FORMAT, read_plan, saved_document
from reconciler.core.saved.plan_schema import is_plan
from reconciler.core.saved.validity import is_sound
from reconciler.core.text import is_newer_format, json_text
from reconciler.errors import Declined, NewerFormat, ReconcilerError, unreadable
from reconciler.files.atomic import replace_file
from reconciler.files.private import read_regular

MAX_BYTES: Final = 512 * 1024 * 1024
"""Bytes of the largest file that is read as a plan."""
_FIRST_YEAR: Final = 2000
_CLOCK_SKEW: Final = timedelta(minutes=10)
"""How far the clocks of two machines may differ."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as it was saved: `tool` is the version that saved it, `seal` a SHA-256 in hex; times are UTC, ISO 8601.

    `files` has all agents of each desired-state file, by the name that the ledger is to know it by.
    """

    plan: Plan
    tool: str
    created_at: str
    expires_at: str
    seal: str
    files: Mapping[str, Collection[str]] = field(default_factory=dict)

    def expired(self, now: datetime) -> bool:
        """Whether its time is over, or has not come: a plan from the future was made with a wrong clock."""
        return not _time(self.created_at) - _CLOCK_SKEW <= now < _time(self.expires_at)


def save_plan(
    path: Path, plan: Plan, tool: str, created_at: str, files: Mapping[str, Collection[str]] = MappingProxyType({})
) -> SavedPlan:
    """Write a plan to be reviewed and applied, in place of an older one. Its mode is 0600, since it names people.

    Raises:
        ReconcilerError: the file cannot be written.
    """
    content = json_text(saved_document(plan, tool, created_at, files)).encode().removesuffix(_END)
    seal = _seal(content)
    try:
        replace_file(path, b"".join((content, _SEAL_START, seal.encode(), _SEAL_END)))
    except OSError as error:
        raise ReconcilerError(
            "unwritable-file", text("the plan cannot be saved to {path}: {why}", path=path, why=error.strerror)
        ) from None
    return SavedPlan(plan, tool, created_at, _expiry(created_at, plan.expires_in), seal, files)


_END: Final = b"\n}\n"
_SEAL_START: Final = b',\n "seal": "'
_SEAL_END: Final = b'"' + _END
"""A saved plan is the JSON text without its end, the start of the seal, the seal in hex, and the end."""


def _seal(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _time(time_stamp: str) -> datetime:
    time = parse_stamp(time_stamp)
    if time.year < _FIRST_YEAR:
        raise ValueError
    return time


def _expiry(created_at: str, seconds: int) -> str:
    return stamp(_time(created_at) + timedelta(seconds=seconds))


def load_plan(path: Path) -> SavedPlan:
    """Read a saved plan.

    Raises:
        ReconcilerError: the file cannot be read.
        NewerFormat: a newer version saved it.
        Declined: the file is no saved plan, or not byte for byte as `save_plan` wrote it.
    """
    try:
        data, _ = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise unreadable(text("the plan {path}", path=path), error, text("save one with plan --out")) from None
    try:
        return _unseal(path, data)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        hint = text("save a new one with plan --out, and have that reviewed")
        raise Declined(
            "plan-changed", text("the plan {path} is not as it was saved: it was changed or damaged", path=path), hint
        ) from None


def _unseal(path: Path, data: bytes) -> SavedPlan:
    text, _, rest = data.rpartition(_SEAL_START)
    seal = _seal(text)
    if rest != seal.encode() + _SEAL_END:
        raise _why_not_saved(path, data)
    document = json.loads(text + _END)
    if document["format"] != FORMAT or not is_plan(document):
        raise _why_not_saved(path, data)
    plan, tool, created_at = read_plan(document), document["tool"], document["created_at"]
    files = {standing["file"]: standing["operatorIds"] for standing in document.get("files", ())}
    if saved_document(plan, tool, created_at, files) != document or not is_sound(plan):
        raise ValueError
    return SavedPlan(plan, tool, created_at, _expiry(created_at, plan.expires_in), seal, files)


def _why_not_saved(path: Path, data: bytes) -> Exception:
    """The error for a file that is no saved plan: it has another format or no seal, or (`ValueError`) was changed."""
    document = json.loads(data)
    format_ = document["format"]
    if is_newer_format(format_, FORMAT):
        return NewerFormat(text("the plan {path}", path=path), format_)
    if format_ != FORMAT and str(format_).startswith(FORMAT.partition("/")[0]):
        return Declined(
            "another-format",
            text("the plan {path} has another format than {format}", path=path, format=FORMAT),
            text("apply it with the version that saved it"),
        )
    if "seal" not in document:
        hint = text("plan --format json prints a plan to read; plan --out FILE saves one to apply")
        return Declined("no-saved-plan", text("the plan {path} is not a saved one", path=path), hint)
    return ValueError()
