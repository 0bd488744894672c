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
from typing import Any, Final

from reconciler.core.model import Plan
from reconciler.core.plan_schema import plan_validator
from reconciler.core.saved import FORMAT, plan_document, read_plan
from reconciler.errors import ReconcilerError, Refused
from reconciler.render.json import document
from reconciler.storage import read_regular, replace_file

MAX_BYTES: Final = 512 * 1024 * 1024
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as it was saved: by which version of the tool, when and until when (UTC, ISO 8601), under which seal."""

    plan: Plan
    tool: str
    created_at: str
    expires_at: str
    seal: str

    def expired(self, now: datetime) -> bool:
        """Whether it may no longer be applied."""
        return now.strftime(_TIME) >= self.expires_at


def save_plan(path: Path, plan: Plan, tool: str, created_at: str) -> SavedPlan:
    """Write a plan to be reviewed and applied (mode 0600: it names people); an older one there is replaced."""
    written = plan_document(plan, tool, created_at)
    seal = _seal(written)
    try:
        replace_file(path, document({**written, "seal": seal}).encode())
    except OSError as error:
        raise ReconcilerError(f"the plan cannot be saved to {path}: {error.strerror}") from None
    return SavedPlan(plan, tool, created_at, _expiry(created_at, plan.expires_in), seal)


def _expiry(created_at: str, seconds: int) -> str:
    return (datetime.strptime(created_at, _TIME) + timedelta(seconds=seconds)).strftime(_TIME)


def _seal(written: dict[str, Any]) -> str:
    return hashlib.sha256(document(written).encode()).hexdigest()


def load_plan(path: Path) -> SavedPlan:
    """Read a saved plan; raises `Refused` when it is none, or not byte for byte as `save_plan` wrote it."""
    try:
        data, _ = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise ReconcilerError(f"the plan {path} cannot be read: {error.strerror}", "save one with plan --out") from None
    try:
        return _opened(path, data)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        hint = "save a new one with plan --out, and have that reviewed"
        raise Refused(f"the plan {path} is not as it was saved: it was changed or damaged", hint) from None


def _opened(path: Path, data: bytes) -> SavedPlan:
    written = json.loads(data)
    if written["format"] != FORMAT and str(written["format"]).startswith(FORMAT.partition("/")[0]):
        raise Refused(f"the plan {path} has another format than {FORMAT}", "apply it with the version that saved it")
    if "seal" not in written:
        hint = "plan --format json prints a plan to read; plan --out FILE saves one to apply"
        raise Refused(f"the plan {path} is not a saved one", hint)
    exact = document(written).encode() == data
    seal, tool, created_at = written.pop("seal"), written["tool"], written["created_at"]
    if not exact or _seal(written) != seal or not plan_validator().is_valid(written):
        raise ValueError
    plan = read_plan(written)
    if plan_document(plan, tool, created_at) != written:
        raise ValueError
    return SavedPlan(plan, tool, created_at, _expiry(created_at, plan.expires_in), seal)
