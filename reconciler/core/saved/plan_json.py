"""A plan as plain values (contract, section 5) and back, and its digest: what a reviewer's approval is bound to.

`digest` covers what decides, and nothing that an unrelated change could move: two plans with one digest send the same
requests for the same reasons. It tells no time, so that the same plan made tomorrow has the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, cast

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.problem import Place
from reconciler.core.planning.calls import fewest, lower, marked

FORMAT: Final = "reconciler.plan/1"

Document = dict[str, Any]
"""A JSON object."""


def plan_document(plan: Plan, tool: str, created_at: str) -> Document:
    """The plan as plain values, in the order of the contract. `created_at` is UTC, ISO 8601."""
    return {
        "format": FORMAT,
        "tool": tool,
        "created_at": created_at,
        "digest": digest(plan),
        "expires_in": plan.expires_in,
        "company": _company(plan.company),
        "endpoint": plan.endpoint,
        "desired": {"sha256": plan.desired_sha256, "files": list(plan.files), "agents": plan.desired_agents},
        "live": {"agents": plan.live_agents, "in_scope": plan.in_scope},
        "summary": plan.summary,
        "calls": plan.call_counts,
        "fewest_calls": plan.fewest_calls,
        "batch": plan.batch,
        "delete_list": plan.delete_list,
        "allow_replace": plan.allow_replace,
        "targets": list(plan.targets),
        "excludes": list(plan.excludes),
        "recipients": list(plan.recipients),
        "guardrails": [_guardrail(guardrail) for guardrail in plan.guardrails],
        "notes": [{"message": note.message, "operatorIds": list(note.operator_ids)} for note in plan.notes],
        "actions": [_action(action) for action in plan.actions],
    }


def digest(plan: Plan) -> str:
    """SHA-256, in hexadecimal, over what decides."""
    deciding = {
        "format": FORMAT,
        "expires_in": plan.expires_in,
        "company": _company(plan.company),
        "endpoint": plan.endpoint,
        "recipients": sorted(plan.recipients),
        "batch": plan.batch,
        "delete_list": plan.delete_list,
        "allow_replace": plan.allow_replace,
        "targets": list(plan.targets),
        "excludes": list(plan.excludes),
        # One that nobody set and that lets the plan be comes and goes with how many others are live.
        "guardrails": [_deciding_guardrail(g) for g in plan.guardrails if g.set_by != "default" or not g.ok],
        "actions": [_deciding_action(action) for action in plan.actions],
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def _deciding_guardrail(guardrail: Guardrail) -> Document:
    """Without what a percentage comes to: one live agent more must not void a review."""
    written = _guardrail(guardrail)
    return {key: written[key] for key in ("rule", "limit", "set_by", "planned", "ok", "operatorIds")}


def _deciding_action(action: Action) -> Document:
    """Without what only explains: where in which file it stands, and who caused it."""
    written = {key: value for key, value in _action(action).items() if key not in ("source", "origin", "live")}
    changes = [{key: value for key, value in change.items() if key != "origin"} for change in written["changes"]]
    return {**written, "changes": changes}


def _company(company: Company) -> Document:
    known = {} if company.company_id is None else {"companyId": company.company_id}
    return {"abbreviate": company.abbreviate, **known}


def _guardrail(guardrail: Guardrail) -> Document:
    return {
        "rule": guardrail.rule,
        "limit": guardrail.limit,
        "set_by": guardrail.set_by,
        "allowed": guardrail.allowed,
        "planned": guardrail.planned,
        "ok": guardrail.ok,
        "hint": guardrail.hint,
        "operatorIds": list(guardrail.operator_ids),
    }


def _action(action: Action) -> Document:
    place, live = action.place, action.live
    written: Document = {
        "action": action.kind,
        "operatorId": action.operator_id,
        "name": action.name,
        "source": {"file": place.file, "line": place.line} if place else None,
        "changes": [change_document(change) for change in action.changes],
        "live_sha256": live.sha256 if live else None,
    }
    optional = {
        "origin": action.origin,
        "live": dict(live.fields) if live else {},
        "ledger": entry_document(action.recorded),
        "carries": dict(action.carries),
        "password": _password(action.password) if action.password else {},
        "blocked": action.blocked,
        "batch": action.batched,
    }
    return written | {key: value for key, value in optional.items() if value}


def change_document(change: FieldChange) -> Document:
    """One field's way, as plain values."""
    written: Document = {"field": change.field, "before": change.before, "after": change.after}
    unknown = {} if change.before_known else {"before_known": False}
    return {**written, **unknown, **({"origin": change.origin} if change.origin else {})}


def entry_document(entry: LedgerEntry) -> Document:
    """What the ledger knows of an agent, as plain values."""
    version = {} if entry.password_version is None else {"passwordVersion": entry.password_version}
    given = {"given": dict(entry.given)} if entry.given else {}
    password_unknown = {"unsure": True} if entry.password_unknown else {}
    return {**version, **given, **password_unknown, **({"owed": dict(entry.to_restore)} if entry.to_restore else {})}


def _password(source: PasswordSource) -> Document:
    return {source.kind: source.name or True, "version": source.version}


def read_plan(document: Mapping[str, Any]) -> Plan:
    """The plan that a document was made of; the document must fit `schemas/plan.schema.json`."""
    actions = tuple(_read_action(written) for written in document["actions"])
    desired, live = document["desired"], document["live"]
    batch, delete_list = document["batch"], document["delete_list"]
    calls = lower(actions, batch=batch, delete_list=delete_list)
    return Plan(
        company=Company(document["company"]["abbreviate"], document["company"].get("companyId")),
        desired_sha256=desired["sha256"],
        files=tuple(desired["files"]),
        desired_agents=desired["agents"],
        live_agents=live["agents"],
        in_scope=live["in_scope"],
        unchanged=document["summary"]["unchanged"],
        actions=marked(actions, calls),
        calls=calls,
        endpoint=document["endpoint"],
        recipients=tuple(document["recipients"]),
        allow_replace=document["allow_replace"],
        expires_in=document["expires_in"],
        targets=tuple(document["targets"]),
        excludes=tuple(document["excludes"]),
        guardrails=tuple(_read_guardrail(written) for written in document["guardrails"]),
        notes=tuple(Note(note["message"], tuple(note["operatorIds"])) for note in document["notes"]),
        batch=batch,
        delete_list=delete_list,
        fewest_calls=fewest(actions),
    )


def _read_guardrail(written: Document) -> Guardrail:
    rule, limit, allowed, planned = (written[key] for key in ("rule", "limit", "allowed", "planned"))
    return Guardrail(rule, limit, allowed, planned, tuple(written["operatorIds"]), written["hint"], written["set_by"])


def _read_action(written: Document) -> Action:
    source, operator_id = written["source"], written["operatorId"]
    password = dict(written.get("password", {}))
    version = password.pop("version", 0)
    return Action(
        kind=written["action"],
        operator_id=operator_id,
        name=written["name"],
        place=Place(source["file"], source["line"]) if source else None,
        changes=tuple(_read_change(change) for change in written["changes"]),
        carries=written.get("carries", {}),
        password=_read_password(password, version) if password else None,
        live=LiveAgent(operator_id, cast("dict[str, Value]", written["live"])) if "live" in written else None,
        recorded=_read_entry(written.get("ledger", {})),
        blocked=written.get("blocked", ""),
        origin=written.get("origin", ""),
    )


def _read_change(written: Document) -> FieldChange:
    return FieldChange(
        written["field"],
        written["before"],
        written["after"],
        before_known=written.get("before_known", True),
        origin=written.get("origin", ""),
    )


def _read_entry(written: Document) -> LedgerEntry:
    return LedgerEntry(
        written.get("passwordVersion"),
        written.get("given", {}),
        password_unknown=written.get("unsure", False),
        to_restore=written.get("owed", {}),
    )


def _read_password(written: Document, version: int) -> PasswordSource:
    ((kind, name),) = written.items()
    return PasswordSource(kind, "" if kind == "generate" else name, version)  # type: ignore[arg-type]
