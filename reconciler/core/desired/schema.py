"""The JSON Schema (draft 2020-12) of the desired-state file, made from the field table, and its strict validator."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from reconciler.about import HOME
from reconciler.core.desired.gate import Check, compile_gate, pattern_check
from reconciler.core.model.fields import FIELDS, KEY, MAX_TEXT, Field, Kind
from reconciler.core.model.operator_id import ID_PATTERN, MAX_ID
from reconciler.core.model.spoilt import NOT_SPOILT
from reconciler.core.model.words import also_called
from reconciler.core.yaml.spelling import QUOTED

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

Schema = dict[str, Any]

SCHEMA_ID: Final = f"{HOME}/schemas/agents.schema.json"
_SAFE_INTEGER: Final = 2**53 - 1
VARIABLE: Final[Schema] = {
    "type": "string",
    "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
    "not": {"pattern": "^[Rr][Ee][Cc][Oo][Nn][Cc][Ii][Ll][Ee][Rr]_"},
}
"""The name of an environment variable that may hold a password; reconciler's own variables may not."""
LIMIT_PATTERN: Final = r"^0*(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%$"
"""A percentage, up to 100."""
WAIT_PATTERN: Final = r"^0*[1-9][0-9]{0,3}[smhd]$"
"""A span of time."""
INSIDE: Final[Schema] = {"type": "string", "not": {"pattern": r"^/|(^|/)\.\.(/|$)"}}
"""The name of a password file: no absolute path, and none that leads up."""
PUBLIC_KEY: Final = r"^(age1[02-9ac-hj-np-z]{58}|ssh-(ed25519|rsa) [A-Za-z0-9+/]+={0,2}( [^\r\n]*)?)$"


def agents_schema() -> Schema:
    """The schema of one `agents.yaml`, as `schemas/` has it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Desired state of call-centre agents (坐席)",
        "description": "The agents of one company, as they should be. 一个企业的坐席的期望状态。",
        "type": "object",
        "required": ["version"],
        "additionalProperties": False,
        "properties": {
            "version": _described({"type": "integer", "const": 1}, "The version of this format: 1. 文件格式版本。"),
            "company": _company(),
            "scope": _scope(),
            "prune": _described(
                {"type": "boolean", "default": True},
                "Whether live agents in scope that are not in the file are deleted. 是否删除范围内未写入文件的坐席。",
            ),
            "onRemove": _on_remove(),
            "protect": _described(
                _patterns(), "Agents that are never deleted or replaced, as patterns. 永不删除或重建的坐席。"
            ),
            "guardrails": _guardrails(),
            "recipients": _recipients(),
            "defaults": _field_set("Values for every agent that does not say otherwise. 所有坐席的默认值。"),
            "profiles": _described(
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/profile"}},
                "Named sets of values that agents refer to by `profile`. 具名的配置模板。",
            ),
            "agents": _described(
                {"type": "array", "items": {"$ref": "#/$defs/agent"}}, "The agents, one by one. 坐席列表。"
            ),
            "pools": _described(
                {"type": "array", "items": {"$ref": "#/$defs/pool"}},
                "Runs of agents that differ in nothing but their numbers. 连号且配置相同的坐席。",
            ),
        },
        "$defs": {
            "agent": _agent(),
            "pool": _pool(),
            "profile": _field_set("Values of one profile. 一个模板的取值。"),
            "password": _password(),
            "operatorId": {"type": "string", "minLength": 1, "maxLength": MAX_ID, "pattern": ID_PATTERN},
            # Without words of its own: an editor would show them in place of the field's.
            "digits": {"pattern": NOT_SPOILT},
            "limit": _described(
                {"type": ["integer", "string"], "minimum": 0, "pattern": LIMIT_PATTERN},
                "A count such as 50, or a percentage such as 20% of the live agents in scope. 数量或百分比。",
            ),
        },
    }


def _described(schema: Schema, words: str) -> Schema:
    return {"description": words, **schema}


def _patterns() -> Schema:
    return {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}}


def _company() -> Schema:
    return {
        "description": "Whose agents these are. 企业。",
        "type": "object",
        "required": ["abbreviate"],
        "additionalProperties": False,
        "properties": {
            "abbreviate": _described(
                {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}, "The company's short name. 企业缩写。"
            ),
            "companyId": _described(
                {"type": "integer", "minimum": 0, "maximum": _SAFE_INTEGER}, "The company's id. 企业 id。"
            ),
        },
    }


def _scope() -> Schema:
    words = "Which live agents this file speaks for, as patterns (* ? [a-z]). 此文件管理哪些坐席。"
    return {
        "description": words,
        "type": "object",
        "required": ["operatorId"],
        "additionalProperties": False,
        "properties": {"operatorId": _described({**_patterns(), "minItems": 1}, "Any of these patterns may match.")},
    }


def _on_remove() -> Schema:
    wait: Schema = {"type": "string", "pattern": WAIT_PATTERN}
    words = "How long it is kept disabled before it is deleted, such as 30d or 12h. 停用多久后删除。"
    return {
        "description": "What becomes of an agent that is no longer in the file: delete, disable, or {disable: 30d} to "
        "delete it after that time. 从文件中移除的坐席：删除、停用，或停用一段时间后删除。",
        "default": "delete",
        "type": ["string", "object"],
        "pattern": "^(delete|disable)$",
        "required": ["disable"],
        "additionalProperties": False,
        "properties": {"disable": _described(wait, words)},
    }


def _guardrails() -> Schema:
    return {
        "description": "Limits that a plan must not cross. 计划不得超过的限制。",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{name: _described({"$ref": "#/$defs/limit"}, words) for name, words in _LIMITS.items()},
            "lookalikes": _described(
                {"type": "integer", "minimum": 0, "default": 0},
                "How many agents may look like another one, such as 8O01 like 8001. 允许多少个易混淆的工号。",
            ),
        },
    }


_LIMITS: Final = {
    "maxDeletes": "The most agents that are deleted or made anew: a count, or a percentage of the live agents in "
    "scope; 20% by default. 最多删除或重建多少坐席（数量或百分比），默认 20%。",
    "maxChanges": "The most actions: a count, or a percentage of the live agents in scope; none by default. "
    "最多变更多少项（数量或百分比），默认不限。",
    "maxPasswords": "The most live agents whose password is set anew: a count, or a percentage of the live agents in "
    "scope; 20% by default. 最多重设多少现有坐席的密码（数量或百分比），默认 20%。",
}


def _recipients() -> Schema:
    return {
        "description": "Who can read the credentials that apply delivers; without it they are not encrypted. "
        "谁能解密新凭据；缺省则不加密。",
        "type": "array",
        "minItems": 1,
        "items": _described(
            {"type": "string", "pattern": PUBLIC_KEY},
            "A public key, never a private one: age1…, or ssh-ed25519 … or ssh-rsa …. 公钥（不可写私钥）。",
        ),
    }


def _field_set(words: str) -> Schema:
    properties = {row.name: field_schema(row) for row in FIELDS if row.name != KEY}
    return {"description": words, "type": "object", "additionalProperties": False, "properties": properties}


def _agent() -> Schema:
    key = next(row for row in FIELDS if row.name == KEY)
    own = _field_set("One agent. 一个坐席。")
    return {
        **own,
        "required": [KEY],
        "properties": {KEY: field_schema(key), "profile": _profile(), **own["properties"]},
    }


def _profile() -> Schema:
    return _described({"type": "string", "maxLength": MAX_TEXT}, "The profile it takes values from. 使用的模板名称。")


def _pool() -> Schema:
    own = _field_set(
        "A run of agents; {operatorId} in a text is each one's number. 一段连号坐席，文本中可写 {operatorId}。"
    )
    number: Schema = {"$ref": "#/$defs/operatorId"}
    bounds = {
        "from": _described(number, "The first number, digits in quotes. 起始工号，请加引号。"),
        "to": _described(number, "The last number, as many digits as the first. 结束工号，位数与起始相同。"),
        "except": _described(
            {"type": "array", "items": number}, "Numbers that are not in the pool. 其中不包括的工号。"
        ),
    }
    return {
        **own,
        "required": ["from", "to"],
        "properties": {**bounds, "profile": _profile(), **own["properties"]},
    }


def _password() -> Schema:
    return {
        "type": "object",
        "required": ["version"],
        "additionalProperties": False,
        "oneOf": [{"required": [kind]} for kind in ("env", "file", "generate")],
        "properties": {
            "env": {
                "description": "Environment variable that holds it; not one of reconciler's own. 存放密码的环境变量。",
                **VARIABLE,
                "maxLength": MAX_TEXT,
            },
            "file": {
                "description": "File that holds it, inside this file's folder or --secrets-dir. 存放密码的文件。",
                **INSIDE,
                "minLength": 1,
                "maxLength": MAX_TEXT,
            },
            "generate": _described({"const": True}, "A strong one is made and delivered. 自动生成强密码。"),
            "version": _described(
                {"type": "integer", "minimum": 1, "maximum": _SAFE_INTEGER},
                "Raise it by one to set the password anew. 加一即重新设置密码。",
            ),
        },
    }


def field_schema(row: Field) -> Schema:
    """The schema of one field's value, with the words that people call it by, for editors."""
    also = "、".join(also_called(row))
    schema = _value_schema(row)
    return {**schema, "markdownDescription": f"{schema['description']}又称：{also}。"} if also else schema


def _value_schema(row: Field) -> Schema:
    """The schema of one field's value; among the accepted spellings the canonical one comes first."""
    words = f"{row.doc} {row.zh}"
    rules: Schema = {**row.rules, "$ref": "#/$defs/digits"} if row.name in QUOTED else dict(row.rules)
    match row.kind:
        case Kind.KEY:
            return _described({"$ref": "#/$defs/operatorId"}, words)
        case Kind.FLAG:
            return _described({"type": ["boolean", "integer"], "enum": [True, False, 0, 1]}, words)
        case Kind.CHOICE:
            integers = range(len(row.choices))
            return _described({"type": ["string", "integer"], "enum": [*row.choices, *integers]}, words)
        case Kind.INTEGER:
            return _described({"type": "integer", **rules}, words)
        case Kind.SIP_NUMBER:
            return _described({"type": ["string", "null"], **rules}, words)
        case Kind.PASSWORD:
            return _described({"$ref": "#/$defs/password"}, words)
        case _:
            return _described({"type": "string", **rules}, words)


@cache
def document_gate() -> Check:
    """The gate of a document's root (see `desired.gate`). `strict_validator` decides about what it rejects."""
    schema = agents_schema()
    return compile_gate(schema, schema["$defs"])


@cache
def key_gate(key: str) -> Check:
    """The gate of the value at `key` of the root."""
    schema = agents_schema()
    return compile_gate(schema["properties"][key], schema["$defs"])


@cache
def item_gate(key: str) -> Check:
    """The gate of one entry in the list at `key` of the root."""
    schema = agents_schema()
    return compile_gate(schema["properties"][key]["items"], schema["$defs"])


def _pattern(_: Validator, pattern: str, instance: object, __: Schema) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not pattern_check(pattern)(instance):
        yield ValidationError("does not match")


@cache
def strict_validator() -> Validator:
    """The validator of `agents_schema`, for which 1.0 is no integer and `$` matches only at the end."""
    return strict_validator_for(agents_schema())


def strict_validator_for(schema: Schema) -> Validator:
    """A validator of any schema, for which 1.0 is no integer and `$` matches only at the end."""
    # Imported here because a good file passes the gate, and the import takes longer than reading a small file.
    from jsonschema import Draft202012Validator, validators

    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    build: Any = validators.extend
    validator: Validator = build(Draft202012Validator, {"pattern": _pattern}, type_checker=types)(schema)
    return validator
