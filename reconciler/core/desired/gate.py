"""A JSON Schema as one small function that says yes, or that it cannot.

Yes means that the strict validator of `core.schema` finds nothing, fifty times as fast. What is not accepted is for
that validator to judge and to put in words. A keyword that is not known here is an error, so that the schema cannot
outgrow its gate unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from types import NoneType
from typing import Any, Final

Schema = dict[str, Any]
Check = Callable[[Any], bool]


def gate(schema: Schema, definitions: Schema) -> Check:
    """Whether a value surely satisfies a schema, whose references lead into `definitions`.

    Raises `KeyError` for a keyword that it does not know.
    """
    words = {word: value for word, value in schema.items() if word not in _SAYS_NOTHING}
    checks: list[Check] = []
    if words.get("type") == "object":
        parts = {
            word: words.pop(word) for word in ("type", "properties", "required", "additionalProperties") & words.keys()
        }
        checks.append(_object(parts, definitions))
    elif listed := [words.pop(word) for word in ("enum", "const") if word in words]:
        values = listed[0] if isinstance(listed[0], list) else listed
        checks.append(_one_of_these([value for value in values if _type(words.get("type"))(value)]))
        words.pop("type", None)
    checks += [_CHECKS[word](value, definitions) for word, value in words.items()]
    return reduce(_both, checks) if checks else _anything


_SAYS_NOTHING: Final = frozenset(("$schema", "$id", "$defs", "title", "description", "default"))


def _anything(_: Any) -> bool:
    return True


def _both(first: Check, second: Check) -> Check:
    return lambda value: first(value) and second(value)


def _object(schema: Schema, definitions: Schema) -> Check:
    """Most values of most keys are any text, or true or false: those are told by their class alone."""
    properties = schema.get("properties", {})
    checks = {name: gate(rules, definitions) for name, rules in properties.items()}
    kinds = {name: kind for name, rules in properties.items() if (kind := _freely(rules, checks[name]))}
    required = frozenset(schema.get("required", ()))
    more = schema.get("additionalProperties", {})
    others = gate(more, definitions) if isinstance(more, dict) else None

    def check(value: Any) -> bool:
        if not (isinstance(value, dict) and required <= value.keys()):
            return False
        for name, inner in value.items():
            if inner.__class__ is not kinds.get(name):
                known = checks.get(name, others)
                if known is None or not known(inner):
                    return False
        return True

    return check


def _freely(rules: Schema, check: Check) -> type | None:
    """The class of which every value will do, where there is one."""
    if rules.keys() - _SAYS_NOTHING == {"type"} and rules["type"] == "string":
        return str
    return bool if check(True) and check(False) else None


def _one_of_these(values: list[Any]) -> Check:
    accepted: dict[type, set[Any]] = {}
    for value in values:
        accepted.setdefault(value.__class__, set()).add(value)
    return lambda value: value in accepted.get(value.__class__, ())


_TYPES: Final[dict[str, type]] = {"string": str, "integer": int, "boolean": bool, "null": NoneType, "array": list}


def _type(names: str | list[str] | None, _: Schema | None = None) -> Check:
    if names is None:
        return _anything
    kinds = tuple(_TYPES[name] for name in ([names] if isinstance(names, str) else names))
    if list in kinds:
        return lambda value: isinstance(value, kinds)
    return lambda value: value.__class__ in kinds


def _pattern(pattern: str, _: Schema) -> Check:
    # ECMA's $ ends the text; Python's also stops before a final line break.
    search = re.compile(pattern.replace("$", r"\Z")).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _items(rules: Schema, definitions: Schema) -> Check:
    check = gate(rules, definitions)
    return lambda value: not isinstance(value, list) or all(map(check, value))


def _not(rules: Schema, definitions: Schema) -> Check:
    """The contrary of a pattern. Of other schemas a no would have to be sure, and here only a yes is."""
    ((word, pattern),) = rules.items()
    check = {"pattern": _pattern}[word](pattern, definitions)
    return lambda value: isinstance(value, str) and not check(value)


def _one_of(choices: list[Schema], _: Schema) -> Check:
    """Exactly one of several keys."""
    names = [name for choice in choices for name in choice["required"]]
    return lambda value: isinstance(value, dict) and sum(name in value for name in names) == 1


_CHECKS: Final[dict[str, Callable[[Any, Schema], Check]]] = {
    "type": _type,
    "minimum": lambda least, _: lambda value: value.__class__ not in (int, float) or value >= least,
    "maximum": lambda most, _: lambda value: value.__class__ not in (int, float) or value <= most,
    "minLength": lambda least, _: lambda value: not isinstance(value, str) or len(value) >= least,
    "minItems": lambda least, _: lambda value: not isinstance(value, list) or len(value) >= least,
    "pattern": _pattern,
    "items": _items,
    "not": _not,
    "oneOf": _one_of,
    "$ref": lambda name, definitions: gate(definitions[name.removeprefix("#/$defs/")], definitions),
}
