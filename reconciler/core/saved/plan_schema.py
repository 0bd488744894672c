"""The JSON Schema of a plan (docs/formats.md), shown, saved or in a report; made from the field table."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from reconciler.about import HOME
from reconciler.core.desired.gate import Check, compile_gate
from reconciler.core.desired.schema import VARIABLE, WAIT_PATTERN, Schema, strict_validator_for
from reconciler.core.model.endpoints import MAX_DELETE_LIST
from reconciler.core.model.fields import COMPARED, LISTED
from reconciler.core.saved.plan_json import FORMAT

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MAX_EXPIRES_IN: Final = 3650 * 86400
"""The most seconds that a review may hold: ten years."""
RULES: Final = ("maxDeletes", "maxChanges", "maxPasswords", "lookalikes", "forgottenFiles", "emptyDesired")
SCHEMA_ID: Final = f"{HOME}/schemas/plan.schema.json"
_TEXT: Final[Schema] = {"type": "string"}
_NAME: Final[Schema] = {"type": "string", "minLength": 1}
_CODE: Final[Schema] = {
    "description": "Its kind, whatever its words: docs/messages.md.",
    "type": "string",
    "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$",
}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_VALUE: Final[Schema] = {"type": ["string", "integer", "boolean", "null"]}
_COUNT_OR_UNKNOWN: Final[Schema] = {"type": ["integer", "null"], "minimum": 0}
_STAMP: Final[Schema] = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
_SHA256: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def plan_schema() -> Schema:
    """The schema of a plan, as committed in `schemas/`."""
    summary = _counts("create", "edit", "replace", "delete", "password", "blocked", "unchanged")
    keys: dict[str, Schema] = {
        "format": {"const": FORMAT},
        "tool": _described(_TEXT, "The version of reconciler that made it."),
        "created_at": _STAMP,
        "expires_in": _described({**_COUNT, "maximum": MAX_EXPIRES_IN}, "Seconds that a review of it holds."),
        "company": _object({"abbreviate": _NAME}, companyId={"type": "integer"}),
        "endpoint": _described(_TEXT, "The vendor's base URL."),
        "desired": _object({"sha256": _TEXT, "files": _list(_TEXT), "agents": _COUNT}),
        "live": _object({"agents": _COUNT_OR_UNKNOWN, "in_scope": _COUNT_OR_UNKNOWN}),
        "summary": {**summary, "properties": {**summary["properties"], "blocked": _COUNT_OR_UNKNOWN}},
        "calls": _object(
            dict.fromkeys(("create", "edit", "delete", "password", "total"), _COUNT),
            reads=_described(_COUNT, "What an apply of it reads: the agents that it touches, or the whole listing."),
        ),
        "fewest_calls": _described(_COUNT, "What the API needs at least for these actions."),
        "batch": _described({"type": "boolean"}, "Whether equal new agents are created together."),
        "delete_list": _described(
            {"type": "integer", "minimum": 1, "maximum": MAX_DELETE_LIST}, "How many one delete names."
        ),
        "allow_replace": {"type": "boolean"},
        "targets": _described(_list(_TEXT), "Patterns that the plan was narrowed to; none: everybody in scope."),
        "excludes": _described(_list(_TEXT), "Patterns of agents that were left out."),
        "recipients": _described(_list(_TEXT), "Public keys that new credentials are encrypted for."),
        "guardrails": _list(_guardrail()),
        "notes": _list(_object({"message": _TEXT, "operatorIds": _list(_TEXT)}, code=_CODE)),
        "actions": _described(_list(_action()), "Sorted by operatorId, then action."),
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, "title": "A plan"}
    seal = _described(
        _SHA256, "Only in a saved plan: over all of the file. A file whose seal is broken is not applied."
    )
    by_file = _list(_object({"file": _NAME, "operatorIds": _list(_NAME)}))
    files = _described(by_file, "Only in a saved plan: the agents of each desired-state file, for the ledger.")
    digest = _described(_SHA256, "Over everything that decides; the same for the same plan at any time.")
    offline = _described(
        {"const": True}, "Made of files alone: no digest, and null for what only the live side can tell."
    )
    either = {"oneOf": [{"required": ["digest"]}, {"required": ["offline"]}]}
    return {
        **head,
        **_object(keys, **_policy(), **_missing(), digest=digest, offline=offline, files=files, seal=seal),
        **either,
    }


@cache
def plan_gate() -> Check:
    """The gate of plan documents; made once."""
    return compile_gate(plan_schema(), {})


@cache
def plan_validator() -> Validator:
    """A validator of plan documents; made once."""
    return strict_validator_for(plan_schema())


def is_plan(document: Any) -> bool:
    """Whether a document is one of a plan."""
    return plan_gate()(document) or plan_validator().is_valid(document)


def _object(required: dict[str, Schema], **optional: Schema) -> Schema:
    properties = {**required, **optional}
    return {"type": "object", "required": list(required), "additionalProperties": False, "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _described(schema: Schema, description: str) -> Schema:
    return {"description": description, **schema}


def _counts(*names: str) -> Schema:
    return _object(dict.fromkeys(names, _COUNT))


def _policy() -> dict[str, Schema]:
    """The policy in force, and its changes: values as a file spells them."""
    limit: Schema = {"type": ["integer", "string", "null"]}
    scope, patterns = _object({"operatorId": _list(_TEXT)}), _list(_TEXT)
    guardrails = dict.fromkeys(("maxDeletes", "maxChanges", "maxPasswords", "lookalikes"), limit)
    company = _object({"abbreviate": _TEXT}, companyId={"type": "integer"})
    flag: Schema = {"type": "boolean"}
    shapes = {
        "recipients": patterns,
        "scope": scope,
        "prune": flag,
        "onRemove": {
            **_object({"disable": {"type": "string", "pattern": WAIT_PATTERN}}),
            "type": ["object", "string"],
            "pattern": "^(delete|disable)$",
        },
        "protect": patterns,
        "guardrails": _object(guardrails),
        "company": {**company, "type": ["object", "null"]},
    }
    change = [
        _object({"key": {"const": key}, "before": shape, "after": shape, "loosens": _LOOSENS}, file=_TEXT)
        for key, shape in shapes.items()
    ]
    return {
        "policy_changes": _described(_list({"oneOf": change}), "What the change since `--since` does to the policy."),
        "policy": _described(
            _object({key: shapes[key] for key in ("scope", "prune", "onRemove", "protect")}),
            "Only in a saved plan: what is in force.",
        ),
    }


def _missing() -> dict[str, Schema]:
    return {
        "missing": _described(_list(_NAME), "Only in a saved plan: agents that `onRemove: disable` is about."),
        "returned": _described(_list(_NAME), "Only in a saved plan: agents that are back in the files."),
    }


_LOOSENS: Final[Schema] = {"type": ["boolean", "null"]}


def _guardrail() -> Schema:
    return _object(
        {
            "rule": {"enum": list(RULES)},
            "limit": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%?$"},
            "set_by": {"enum": ["file", "flag", "default", "always"]},
            "allowed": _COUNT,
            "planned": _COUNT,
            "ok": {"type": "boolean"},
            "hint": _TEXT,
            "operatorIds": _described(_list(_TEXT), "Which agents counted."),
        },
        code=_CODE,
    )


def _values(*names: str, all_required: bool = False) -> Schema:
    """Values by field: any of these, or all."""
    fields = dict.fromkeys(names, _VALUE)
    return _object(fields) if all_required else _object({}, **fields)


def _action() -> Schema:
    compared = [row.name for row in COMPARED]
    version: Schema = {"type": "integer", "minimum": 0}
    origin: Schema = {"enum": ["change", "drift", "owed"]}
    change = _object(
        {"field": {"enum": [*compared, "password.version"]}, "before": _VALUE, "after": _VALUE},
        before_known={"const": False},
        origin=origin,
    )
    source = _object({"file": _TEXT, "line": {"type": "integer", "minimum": 1}})
    ledger = _object(
        {},
        passwordVersion=version,
        given=_values(*compared),
        unsure={"const": True},
        owed=_values(*compared),
        missing=_STAMP,
        disabled={"const": True},
    )
    password = {
        **_object({"version": version}, env=VARIABLE, file=_NAME, folder=_NAME, generate={"const": True}),
        "oneOf": [{"required": [kind]} for kind in ("env", "file", "generate")],
        "dependentRequired": {"folder": ["file"]},
    }
    return _object(
        {
            "action": {"enum": ["create", "edit", "replace", "delete", "password"]},
            "operatorId": _NAME,
            "name": _TEXT,
            "source": {**source, "type": ["object", "null"]},
            "changes": _list(change),
            "live_sha256": {**_SHA256, "type": ["string", "null"]},
        },
        origin=_described(origin, "Whose doing it is, where `--since` asked."),
        live=_described(
            _values(*(row.name for row in LISTED), all_required=True), "What was listed of the agent, secrets apart."
        ),
        live_id=_described({"type": "integer"}, "The vendor's own id of the agent: one made anew has another."),
        live_ctime=_described({"type": "integer"}, "The vendor's time of its making: where an id is given again."),
        ledger=_described(ledger, "What the ledger knew of the agent."),
        carries=_described(_values(*compared), "What a replaced agent takes along."),
        password=_described(password, "Where the password comes from."),
        blocked=_described(_TEXT, "Why it cannot be done."),
        code=_described(_CODE, "The kind of reason why it cannot be done."),
        removal=_described({"const": True}, "It disables an agent that is no longer in the files."),
        batch=_described(
            {"const": True}, "It is created in one call with others, and without `password` gets the vendor's."
        ),
    )
