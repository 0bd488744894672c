"""Saved plans on disk: the plan's JSON with a seal over all of it, so that not a byte of it can change unseen.

The seal keeps out accidents and edits, not forgers: whoever can write the file can seal it anew. What binds it to the
review is the digest, which reviewers see.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from reconciler.clock import parse_stamp, stamp
from reconciler.core.model.plan import Plan
from reconciler.core.saved.plan_json import FORMAT, plan_document, read_plan
from reconciler.core.saved.plan_schema import plan_validator
from reconciler.core.saved.validity import is_sound
from reconciler.core.text import json_text
from reconciler.errors import Declined, ReconcilerError
from reconciler.files.private import read_regular, replace_file

MAX_BYTES: Final = 512 * 1024 * 1024
_FIRST_YEAR: Final = 2000
_SKEW: Final = timedelta(minutes=10)
"""How far the clocks of two machines may stand apart."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as it was saved: by which version of the tool, when and until when (UTC, ISO 8601), under which seal."""

    plan: Plan
    tool: str
    created_at: str
    expires_at: str
    seal: str

    def expired(self, now: datetime) -> bool:
        """Whether it may not be applied any more, or not yet: what comes from the future, a wrong clock made."""
        return not _time(self.created_at) - _SKEW <= now < _time(self.expires_at)


def save_plan(path: Path, plan: Plan, tool: str, created_at: str) -> SavedPlan:
    """Write a plan to be reviewed and applied (mode 0600: it names people); an older one there is replaced."""
    text = json_text(plan_document(plan, tool, created_at)).encode().removesuffix(_END)
    seal = _seal(text)
    try:
        replace_file(path, text + _SEALED % seal.encode())
    except OSError as error:
        raise ReconcilerError(f"the plan cannot be saved to {path}: {error.strerror}") from None
    return SavedPlan(plan, tool, created_at, _expiry(created_at, plan.expires_in), seal)


_END: Final = b"\n}\n"
_SEALED: Final = b',\n "seal": "%s"' + _END


def _seal(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _time(created_at: str) -> datetime:
    made = parse_stamp(created_at)
    if made.year < _FIRST_YEAR:
        raise ValueError
    return made


def _expiry(created_at: str, seconds: int) -> str:
    return stamp(_time(created_at) + timedelta(seconds=seconds))


def load_plan(path: Path) -> SavedPlan:
    """Read a saved plan; raises `Declined` when it is none, or not byte for byte as `save_plan` wrote it."""
    try:
        data, _ = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise ReconcilerError(f"the plan {path} cannot be read: {error.strerror}", "save one with plan --out") from None
    try:
        return _opened(path, data)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        hint = "save a new one with plan --out, and have that reviewed"
        raise Declined(f"the plan {path} is not as it was saved: it was changed or damaged", hint) from None


def _opened(path: Path, data: bytes) -> SavedPlan:
    text, _, rest = data.rpartition(_SEALED[: _SEALED.index(b"%")])
    seal = _seal(text)
    if _SEALED.partition(b"%s")[2].join((seal.encode(), b"")) != rest:
        raise _what_it_is(path, data)
    written = json.loads(text + _END)
    if written["format"] != FORMAT or not plan_validator().is_valid(written):
        raise _what_it_is(path, data)
    plan, tool, created_at = read_plan(written), written["tool"], written["created_at"]
    if plan_document(plan, tool, created_at) != written or not is_sound(plan):
        raise ValueError
    return SavedPlan(plan, tool, created_at, _expiry(created_at, plan.expires_in), seal)


def _what_it_is(path: Path, data: bytes) -> Exception:
    """Why a file is no saved plan of ours: another format, a plan to read, or one that was changed."""
    written = json.loads(data)
    format_ = written["format"]
    if format_ != FORMAT and str(format_).startswith(FORMAT.partition("/")[0]):
        return Declined(f"the plan {path} has another format than {FORMAT}", "apply it with the version that saved it")
    if "seal" not in written:
        hint = "plan --format json prints a plan to read; plan --out FILE saves one to apply"
        return Declined(f"the plan {path} is not a saved one", hint)
    return ValueError()
