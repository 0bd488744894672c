"""A fast check in front of the schema validator.

A gate is one function compiled from a JSON Schema. If it returns true, the strict validator of `desired.schema` would
find nothing; the gate is fifty times as fast, and needs no library, whose import takes longer than a small file.
If it returns false, the strict validator decides and finds the problems.
A keyword that the compiler does not know is an error, so the schema cannot outgrow the gate unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from math import inf
from types import NoneType
from typing import Any, Final

from reconciler.core.model.operator_id import ID_PATTERN, is_sound
from reconciler.core.model.spoilt import NOT_SPOILT

Schema = dict[str, Any]
Check = Callable[[Any], bool]


def compile_gate(schema: Schema, definitions: Schema) -> Check:
    """Compile a schema into a function that is true only for values that satisfy it.

    `definitions` holds the schemas that a `$ref` names.

    Raises:
        KeyError: the schema has a keyword that the compiler does not know.
    """
    keywords = _keywords(schema)
    if "$ref" in keywords:
        referred = _keywords(definitions[keywords["$ref"].removeprefix(_DEFINED)])
        if referred.keys() <= _OF_TEXT - keywords.keys():  # one check of both is quicker than one of each
            del keywords["$ref"]
            keywords |= referred
    checks: list[Check] = []
    kinds = keywords.get("type")
    if isinstance(kinds, list) and "object" in kinds:
        of_object = {keyword: keywords.pop(keyword) for keyword in _OF_OBJECT & keywords.keys()}
        mapping = compile_gate({**of_object, "type": "object"}, definitions)
        other = compile_gate({**keywords, "type": [kind for kind in kinds if kind != "object"]}, definitions)
        return lambda value: mapping(value) if isinstance(value, dict) else other(value)
    if kinds == "object":
        of_object = {keyword: keywords.pop(keyword) for keyword in _OF_OBJECT & keywords.keys()}
        checks.append(_object(of_object, definitions))
    elif choices := [keywords.pop(keyword) for keyword in ("enum", "const") if keyword in keywords]:
        values = choices[0] if isinstance(choices[0], list) else choices
        checks.append(_enum([value for value in values if _type(keywords.get("type"))(value)]))
        keywords.pop("type", None)
    elif isinstance(kinds, str) and kinds in _OF_KIND:
        own, check_of = _OF_KIND[kinds]
        checks.append(check_of({keyword: keywords.pop(keyword) for keyword in own & keywords.keys()}))
    checks += [_CHECKS[keyword](value, definitions) for keyword, value in keywords.items()]
    return reduce(_both, checks) if checks else _accept_all


_ANNOTATIONS: Final = frozenset(("$schema", "$id", "$defs", "title", "description", "markdownDescription", "default"))
_DEFINED: Final = "#/$defs/"
_OF_OBJECT: Final = frozenset(("type", "properties", "required", "additionalProperties"))
_OF_TEXT: Final = frozenset(("type", "minLength", "maxLength", "pattern"))
_OF_INTEGER: Final = frozenset(("type", "minimum", "maximum"))


def _keywords(schema: Schema) -> Schema:
    return {keyword: value for keyword, value in schema.items() if keyword not in _ANNOTATIONS}


def _accept_all(_: Any) -> bool:
    return True


def _both(first: Check, second: Check) -> Check:
    return lambda value: first(value) and second(value)


def _object(schema: Schema, definitions: Schema) -> Check:
    """Accept a mapping. Most keys take any text, or true and false; for them the class of the value suffices.

    That text may not be longer than the least that such a key allows; of longer text the key's own check decides.
    """
    properties = schema.get("properties", {})
    checks = {name: compile_gate(rules, definitions) for name, rules in properties.items()}
    classes = {name: class_ for name, rules in properties.items() if (class_ := _sufficient_class(rules, checks[name]))}
    longest = min((rules.get("maxLength", inf) for rules in properties.values()), default=inf)
    required = frozenset(schema.get("required", ()))
    additional = schema.get("additionalProperties", {})
    other = compile_gate(additional, definitions) if isinstance(additional, dict) else None

    def check(value: Any) -> bool:
        if not (isinstance(value, dict) and required <= value.keys()):
            return False
        for name, inner in value.items():
            class_ = inner.__class__
            if class_ is not classes.get(name) or (class_ is str and len(inner) > longest):
                passes = checks.get(name, other)
                if passes is None or not passes(inner):
                    return False
        return True

    return check


def _sufficient_class(rules: Schema, check: Check) -> type | None:
    """The class whose every value satisfies the rules, or `None`."""
    if rules.keys() - _ANNOTATIONS - {"maxLength"} == {"type"} and rules["type"] == "string":
        return str
    return bool if check(True) and check(False) else None


def _enum(values: list[Any]) -> Check:
    accepted: dict[type, set[Any]] = {}
    for value in values:
        accepted.setdefault(value.__class__, set()).add(value)
    return lambda value: value in accepted.get(value.__class__, ())


_TYPES: Final[dict[str, type]] = {"string": str, "integer": int, "boolean": bool, "null": NoneType, "array": list}


def _type(names: str | list[str] | None, _: Schema | None = None) -> Check:
    if names is None:
        return _accept_all
    kinds = tuple(_TYPES[name] for name in ([names] if isinstance(names, str) else names))
    if list in kinds:
        return lambda value: isinstance(value, kinds)
    return lambda value: value.__class__ in kinds


def _text(rules: Schema) -> Check:
    """Accept text, its length and pattern included: most checks of a large file are of text."""
    least, most = rules.get("minLength", 0), rules.get("maxLength", inf)
    fits = pattern_check(rules["pattern"]) if "pattern" in rules else _accept_all
    return lambda value: value.__class__ is str and least <= len(value) <= most and fits(value)


def _integer(rules: Schema) -> Check:
    least, most = rules.get("minimum", -inf), rules.get("maximum", inf)
    return lambda value: value.__class__ is int and least <= value <= most


_OF_KIND: Final = {"string": (_OF_TEXT, _text), "integer": (_OF_INTEGER, _integer)}
"""By type the keywords that one check covers, its own included."""


def _pattern(pattern: str, _: Schema) -> Check:
    fits = pattern_check(pattern)
    return lambda value: not isinstance(value, str) or fits(value)


def pattern_check(pattern: str) -> Callable[[str], bool]:
    """Whether a text matches a pattern of the schema. Of an id everything is checked, beyond what a pattern can say."""
    if pattern == ID_PATTERN:
        return is_sound
    # In ECMA, $ matches only at the end; in Python also before a final line break.
    search = re.compile(pattern.replace("$", r"\Z")).search
    if pattern == NOT_SPOILT:  # as digits alone never are
        return lambda value: value.isdigit() or search(value) is not None
    return lambda value: search(value) is not None


def _items(rules: Schema, definitions: Schema) -> Check:
    check = compile_gate(rules, definitions)
    return lambda value: not isinstance(value, list) or all(map(check, value))


def _not(rules: Schema, definitions: Schema) -> Check:
    """Accept text that a pattern does not match. Only patterns: for other schemas a gate's false proves nothing."""
    ((word, pattern),) = rules.items()
    check = {"pattern": _pattern}[word](pattern, definitions)
    return lambda value: isinstance(value, str) and not check(value)


def _one_of(choices: list[Schema], definitions: Schema) -> Check:
    """Accept a mapping of which one of several schemas is true. They must be such that two never are of the same."""
    checks = [compile_gate({"type": "object", **choice}, definitions) for choice in choices]
    return lambda value: sum(check(value) for check in checks) == 1


def _dependent(needs: dict[str, list[str]], _: Schema) -> Check:
    """Accept a mapping that has, for each of its keys, the others which that one needs."""
    return lambda value: all(key not in value or value.keys() >= {*others} for key, others in needs.items())


_CHECKS: Final[dict[str, Callable[[Any, Schema], Check]]] = {
    "type": _type,
    "minimum": lambda least, _: lambda value: value.__class__ not in (int, float) or value >= least,
    "maximum": lambda most, _: lambda value: value.__class__ not in (int, float) or value <= most,
    "minLength": lambda least, _: lambda value: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda most, _: lambda value: not isinstance(value, str) or len(value) <= most,
    "minItems": lambda least, _: lambda value: not isinstance(value, list) or len(value) >= least,
    "pattern": _pattern,
    "items": _items,
    "not": _not,
    "oneOf": _one_of,
    "dependentRequired": _dependent,
    "$ref": lambda name, definitions: compile_gate(definitions[name.removeprefix(_DEFINED)], definitions),
}
