"""The contract's JSON (contract, section 5): plans, problems, reports, errors. No secret is in any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from reconciler.core.model import Action, Company, FieldChange, PasswordSource, Plan, Problem, Report
from reconciler.render.heading import Heading

PLAN_FORMAT: Final = "reconciler.plan/1"
_HIDDEN: Final = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def plan(plan: Plan, heading: Heading) -> str:
    """The plan document."""
    return document(plan_document(plan, heading))


def document(value: Any) -> str:
    """JSON with Chinese left readable; what could act on a terminal, or what UTF-8 cannot carry, is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return _HIDDEN.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"


def plan_document(plan: Plan, heading: Heading) -> dict[str, Any]:
    """The plan as plain values, in the order of the contract."""
    return {
        "format": PLAN_FORMAT,
        "tool": heading.tool,
        "created_at": heading.created_at,
        "company": _company(plan.company),
        "endpoint": heading.endpoint,
        "desired": {"sha256": plan.desired_sha256, "files": list(plan.files), "agents": plan.desired_agents},
        "live": {"agents": plan.live_agents, "in_scope": plan.in_scope},
        "summary": plan.summary,
        "calls": plan.call_counts,
        "guardrails": [
            {"rule": g.rule, "limit": g.limit, "allowed": g.allowed, "planned": g.planned, "ok": g.ok}
            for g in plan.guardrails
        ],
        "notes": [{"message": note.message, "operatorIds": list(note.operator_ids)} for note in plan.notes],
        "actions": [_action(action) for action in plan.actions],
    }


def _company(company: Company) -> dict[str, Any]:
    known = {} if company.company_id is None else {"companyId": company.company_id}
    return {"abbreviate": company.abbreviate, **known}


def _action(action: Action) -> dict[str, Any]:
    place = action.place
    written: dict[str, Any] = {
        "action": action.kind,
        "operatorId": action.operator_id,
        "name": action.name,
        "source": {"file": place.file, "line": place.line} if place else None,
        "changes": [_change(change) for change in action.changes],
        "live_sha256": action.live_sha256,
    }
    if action.carries:
        written["carries"] = dict(action.carries)
    if action.password:
        written["password"] = _password(action.password)
    if action.blocked:
        written["blocked"] = action.blocked
    return written


def _change(change: FieldChange) -> dict[str, Any]:
    written: dict[str, Any] = {"field": change.field, "before": change.before, "after": change.after}
    return written if change.before_known else {**written, "before_known": False}


def _password(source: PasswordSource) -> dict[str, Any]:
    return {source.kind: source.name or True, "version": source.version}


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
            {"operatorId": m.operator_id, "message": m.message, "changes": [_change(c) for c in m.changes]}
            for m in report.mismatches
        ],
    }
