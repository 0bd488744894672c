"""Plans, problems, reports and stale agents as JSON (docs/formats.md). None of it holds a secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reconciler.core.model.plan import Plan
from reconciler.core.model.problem import Problem
from reconciler.core.saved.plan_json import change_document, plan_document
from reconciler.core.text import json_text
from reconciler.render.heading import Heading

if TYPE_CHECKING:
    from reconciler.core.model.outcome import StaleAgent
    from reconciler.core.model.report import Report


def plan(plan: Plan, heading: Heading) -> str:
    """The plan document."""
    return json_text(plan_document(plan, heading.tool, heading.created_at))


def problems(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems, each with its place and path."""
    return [
        {
            "file": problem.place.file,
            "line": problem.place.line,
            "column": problem.place.column,
            "path": problem.path,
            "message": problem.message,
            "hint": problem.hint,
            "code": problem.code,
        }
        for problem in problems
    ]


def stale_agents(agents: Sequence[StaleAgent]) -> list[dict[str, Any]]:
    """The agents that are no longer as they were reviewed: `before` is the plan's value, `after` the present one."""
    return [
        {
            "operatorId": agent.operator_id,
            "message": agent.message,
            "changes": [change_document(change) for change in agent.changes],
        }
        for agent in agents
    ]


def report(report: Report) -> dict[str, Any]:
    """The result of each action, and the mismatches with the listing afterwards."""
    return {
        "exit_code": report.exit_code,
        "done": report.done,
        "verified": report.verified,
        "interrupted": report.interrupted,
        "everybody": report.everybody,
        "drifted": list(report.drifted),
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
            {
                "operatorId": mismatch.operator_id,
                "message": mismatch.message,
                "unasked": mismatch.unasked,
                "changes": [change_document(change) for change in mismatch.changes],
                **({"in_doubt": True} if mismatch.in_doubt else {}),
            }
            for mismatch in report.mismatches
        ],
    }
