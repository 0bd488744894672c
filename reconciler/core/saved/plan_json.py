"""A plan as plain values (docs/formats.md) and back, and its digest, to which a reviewer's approval is bound.

The digest covers what decides and nothing that an unrelated change could alter: two plans with one digest send the same
requests for the same reasons. It holds no time, so that the same plan made tomorrow has the same digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.message import Text, text
from reconciler.core.model.plan import Action, Guardrail, Note, Plan, PolicyChange
from reconciler.core.model.problem import Place
from reconciler.core.planning.calls import calls_for, count_fewest_calls, mark_batched

FORMAT: Final = "reconciler.plan/1"

Document = dict[str, Any]
"""A JSON object."""


def plan_document(plan: Plan, tool: str, created_at: str) -> Document:
    """The plan as plain values, in the order of the plan's schema. `created_at` is UTC, ISO 8601.

    One that is `offline` has no digest, and null for what only the live side can tell.
    """
    offline = plan.offline
    return {
        "format": FORMAT,
        "tool": tool,
        "created_at": created_at,
        **({"offline": True} if offline else {"digest": digest(plan)}),
        "expires_in": plan.expires_in,
        "company": _company(plan.company),
        "endpoint": plan.endpoint,
        **_policy_changes(plan),
        "desired": {"sha256": plan.desired_sha256, "files": list(plan.files), "agents": plan.desired_agents},
        "live": dict.fromkeys(("agents", "in_scope")) if offline else _live(plan),
        "summary": {**plan.summary, "blocked": None} if offline else plan.summary,
        "calls": {**plan.call_counts, **({} if plan.reads is None else {"reads": plan.reads})},
        "fewest_calls": plan.fewest_calls,
        "batch": plan.batch,
        "delete_list": plan.delete_list,
        "allow_replace": plan.allow_replace,
        "targets": list(plan.targets),
        "excludes": list(plan.excludes),
        "recipients": list(plan.recipients),
        "guardrails": [_guardrail(guardrail) for guardrail in plan.guardrails],
        "notes": list(map(_note, plan.notes)),
        "actions": [_action(replace(action, live=None) if offline else action) for action in plan.actions],
    }


def saved_document(plan: Plan, tool: str, created_at: str, files: Mapping[str, Collection[str]]) -> Document:
    """The plan as a file keeps it, without the seal: also what its apply needs to know, and the agents of each file."""
    standing = [{"file": file, "operatorIds": list(ids)} for file, ids in files.items()]
    kept = {"policy": dict(plan.policy), "missing": list(plan.missing), "returned": list(plan.returned)}
    more: Document = {**kept, "files": standing}
    return {**plan_document(plan, tool, created_at), **{key: value for key, value in more.items() if value}}


def _note(note: Note) -> Document:
    code = {"code": note.code} if note.code else {}
    return {**code, "message": note.message, "operatorIds": list(note.operator_ids)}


def _live(plan: Plan) -> Document:
    return {"agents": plan.live_agents, "in_scope": plan.in_scope}


def _policy_changes(plan: Plan) -> Document:
    """What the change does to the policy, where the files of before are known."""
    return {} if plan.policy_changes is None else {"policy_changes": list(map(_policy_change, plan.policy_changes))}


def _policy_change(change: PolicyChange) -> Document:
    required = {"key": change.key, "before": change.before, "after": change.after, "loosens": change.loosens}
    return {**required, **({"file": change.file} if change.file else {})}


def digest(plan: Plan) -> str:
    """SHA-256, in hexadecimal, over everything that decides what is sent and whether it may be."""
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
        # Whether a default guardrail is in force depends on how many other agents are live.
        "guardrails": [_deciding_guardrail(g) for g in plan.guardrails if g.set_by != "default" or not g.ok],
        "actions": [_deciding_action(action) for action in plan.actions],
        **({"offline": True} if plan.offline else {}),
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def _deciding_guardrail(guardrail: Guardrail) -> Document:
    """Without the count that a percentage comes to: one live agent more must not void a review."""
    document = _guardrail(guardrail)
    return {key: document[key] for key in ("rule", "limit", "set_by", "planned", "ok", "operatorIds")}


def _deciding_action(action: Action) -> Document:
    """Without what only explains, and the vendor's own `id`. `live_sha256` stands for the live values."""
    document = {key: value for key, value in _action(action).items() if key not in _BESIDE_THE_DIGEST}
    changes = [{key: value for key, value in change.items() if key != "origin"} for change in document["changes"]]
    return {**document, "changes": changes}


_BESIDE_THE_DIGEST: Final = ("source", "origin", "live", "live_id", "live_ctime", "code")


def _company(company: Company) -> Document:
    company_id = {} if company.company_id is None else {"companyId": company.company_id}
    return {"abbreviate": company.abbreviate, **company_id}


def _guardrail(guardrail: Guardrail) -> Document:
    return {
        "rule": guardrail.rule,
        **({"code": guardrail.code} if guardrail.code else {}),
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
    required: Document = {
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
        "live_id": live.vendor_id if live else None,
        "live_ctime": live.created if live else None,
        "ledger": entry_document(action.recorded.deciding),
        "carries": dict(action.carries),
        "password": _password(action.password) if action.password else {},
        "blocked": action.blocked,
        "code": action.code,
        "removal": action.removal,
        "batch": action.batched,
    }
    return required | {key: value for key, value in optional.items() if value}


def change_document(change: FieldChange) -> Document:
    """A field's change, as plain values."""
    required: Document = {"field": change.field, "before": change.before, "after": change.after}
    unknown = {} if change.before_known else {"before_known": False}
    return {**required, **unknown, **({"origin": change.origin} if change.origin else {})}


def entry_document(entry: LedgerEntry) -> Document:
    """An agent's ledger entry, as plain values. `owed` stands for `to_restore`, `unsure` for `password_unknown`."""
    version = {} if entry.password_version is None else {"passwordVersion": entry.password_version}
    given = {"given": dict(entry.last_sent)} if entry.last_sent else {}
    password_unknown = {"unsure": True} if entry.password_unknown else {}
    to_restore = {"owed": dict(entry.to_restore)} if entry.to_restore else {}
    awaited = {} if entry.awaited is None else {"awaited": dict(entry.awaited)}
    in_doubt = {"inDoubt": entry.in_doubt} if entry.in_doubt else {}
    missing = {"missing": entry.missing_since} if entry.missing_since else {}
    disabled = {"disabled": True} if entry.disabled_by_removal else {}
    whose = {} if entry.vendor_id is None else {"id": entry.vendor_id}
    whose |= {} if entry.created is None else {"ctime": entry.created}
    recorded = {} if entry.recorded is None else {"recorded": entry.recorded}
    told = {**version, **given, **password_unknown, **to_restore, **awaited, **in_doubt, **missing, **disabled}
    return {**told, **whose, **recorded}


def _password(source: PasswordSource) -> Document:
    folder = {"folder": source.folder} if source.folder else {}
    return {source.kind: source.name or True, "version": source.version, **folder}


def read_plan(document: Mapping[str, Any]) -> Plan:
    """The plan that a document was made from. The document must fit `schemas/plan.schema.json`."""
    actions = tuple(_read_action(action) for action in document["actions"])
    desired, live = document["desired"], document["live"]
    batch, delete_list = document["batch"], document["delete_list"]
    calls = calls_for(actions, batch=batch, delete_list=delete_list)
    return Plan(
        company=Company(document["company"]["abbreviate"], document["company"].get("companyId")),
        desired_sha256=desired["sha256"],
        files=tuple(desired["files"]),
        desired_agents=desired["agents"],
        live_agents=live["agents"],
        in_scope=live["in_scope"],
        unchanged=document["summary"]["unchanged"],
        actions=mark_batched(actions, calls),
        calls=calls,
        endpoint=document["endpoint"],
        recipients=tuple(document["recipients"]),
        allow_replace=document["allow_replace"],
        expires_in=document["expires_in"],
        targets=tuple(document["targets"]),
        excludes=tuple(document["excludes"]),
        guardrails=tuple(_read_guardrail(guardrail) for guardrail in document["guardrails"]),
        notes=tuple(_read_note(note) for note in document["notes"]),
        batch=batch,
        delete_list=delete_list,
        fewest_calls=count_fewest_calls(actions),
        policy=document.get("policy", {}),
        missing=tuple(document.get("missing", ())),
        returned=tuple(document.get("returned", ())),
        reads=document["calls"].get("reads"),
        policy_changes=_read_policy_changes(document.get("policy_changes")),
    )


def _read_note(document: Document) -> Note:
    return Note(_told(document["message"]), tuple(document["operatorIds"]), document.get("code", ""))


def _told(words: str) -> Text:
    """A message of a plan that was read: which template it was made of is not kept."""
    return text("{words}", words=words)


def _read_policy_changes(documents: list[Document] | None) -> tuple[PolicyChange, ...] | None:
    return None if documents is None else tuple(PolicyChange(**document) for document in documents)


def _read_guardrail(document: Document) -> Guardrail:
    rule, limit, allowed, planned = (document[key] for key in ("rule", "limit", "allowed", "planned"))
    return Guardrail(
        *(rule, limit, allowed, planned, tuple(document["operatorIds"])),
        _told(document["hint"]),
        document["set_by"],
        document.get("code", ""),
    )


def _read_action(document: Document) -> Action:
    source, operator_id = document["source"], document["operatorId"]
    password = dict(document.get("password", {}))
    version, folder = password.pop("version", 0), password.pop("folder", "")
    return Action(
        kind=document["action"],
        operator_id=operator_id,
        name=document["name"],
        place=Place(source["file"], source["line"]) if source else None,
        changes=tuple(_read_change(change) for change in document["changes"]),
        carries=document.get("carries", {}),
        password=_read_password(password, version, folder) if password else None,
        live=_read_live(document) if "live" in document else None,
        recorded=_read_entry(document.get("ledger", {})),
        blocked=_told(document.get("blocked", "")),
        origin=document.get("origin", ""),
        removal=document.get("removal", False),
        code=document.get("code", ""),
    )


def _read_live(document: Document) -> LiveAgent:
    fields = cast("dict[str, Value]", document["live"])
    return LiveAgent(document["operatorId"], fields, document.get("live_id"), document.get("live_ctime"))


def _read_change(document: Document) -> FieldChange:
    return FieldChange(
        document["field"],
        document["before"],
        document["after"],
        before_known=document.get("before_known", True),
        origin=document.get("origin", ""),
    )


def _read_entry(document: Document) -> LedgerEntry:
    return LedgerEntry(
        document.get("passwordVersion"),
        document.get("given", {}),
        password_unknown=document.get("unsure", False),
        to_restore=document.get("owed", {}),
        missing_since=document.get("missing", ""),
        disabled_by_removal=document.get("disabled", False),
    )


def _read_password(document: Document, version: int, folder: str) -> PasswordSource:
    ((kind, name),) = document.items()
    return PasswordSource(kind, "" if kind == "generate" else name, version, folder)  # type: ignore[arg-type]
