"""Reports of applies that found agents who may be somebody else's, and what a merged request is told of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reconciler.core.model.message import text
from reconciler.core.model.plan import Action
from reconciler.core.model.report import ActionResult, Mismatch, Report
from reconciler.render import json as rendered

_ACTION: Final = Action("edit", "8001", "张三", None)
_DOUBT: Final = [Mismatch("8001", text("is in doubt"), in_doubt=True), Mismatch("8002", text("too"), in_doubt=True)]
_UNLIKE: Final = [Mismatch("8003", text("name")), Mismatch("8003", text("status"))]


def _report(mismatches: Sequence[Mismatch], outcome: Any = "done") -> dict[str, Any]:
    results = (ActionResult(_ACTION, "done", text("")), ActionResult(_ACTION, outcome, text("")))
    return rendered.report(Report(results, tuple(mismatches), verified=True))


REPORT_IDS: Final = ("all done", "one unlike", "one failed", "refused")
REPORTS: Final = (
    (_report(_DOUBT), "**Applied.**", (0, 2)),
    (_report([*_DOUBT, *_UNLIKE]), "**Applied in part.**", (1, 2)),
    (_report(_DOUBT, "failed"), "**Applied in part.**", (0, 2)),
    (
        {"exit_code": 3, "error": {"in_doubt": [{"operatorId": "8001", "message": "is in doubt"}]}},
        "**Nothing was applied.**",
        (0, 1),
    ),
)
"""A report, how what is told of it begins, and how many agents are not as was asked for, and in doubt."""
