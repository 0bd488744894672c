"""The contract's JSON (contract, section 5): plans, problems, reports, errors. No secret is in any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.model.outcome import Moved, Report
from reconciler.core.model.plan import Plan
from reconciler.core.model.problem import Problem
from reconciler.core.saved.plan_json import change_document, plan_document
from reconciler.core.text import json_text
from reconciler.render.heading import Heading


def plan(plan: Plan, heading: Heading) -> str:
    """The plan document."""
    return json_text(plan_document(plan, heading.tool, heading.created_at))


def problems(found: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems, each with its place and path."""
    return [
        {
            "file": problem.place.file,
            "line": problem.place.line,
            "column": problem.place.column,
            "path": problem.path,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in found
    ]


def moved(found: Sequence[Moved]) -> list[dict[str, Any]]:
    """What is no longer as it was reviewed: `before` is what the plan has, `after` what is so now."""
    return [
        {"operatorId": each.operator_id, "message": each.message, "changes": [change_document(c) for c in each.changes]}
        for each in found
    ]


def report(report: Report) -> dict[str, Any]:
    """What became of each action, and what the listing said afterwards."""
    return {
        "exit_code": report.exit_code,
        "done": report.done,
        "verified": report.verified,
        "interrupted": report.interrupted,
        "warnings": list(report.warnings),
        "results": [
            {
                "action": result.action.kind,
                "operatorId": result.action.operator_id,
                "outcome": result.outcome,
                "message": result.message,
            }
            for result in report.results
        ],
        "mismatches": [
            {"operatorId": m.operator_id, "message": m.message, "changes": [change_document(c) for c in m.changes]}
            for m in report.mismatches
        ],
    }
