"""What the schema finds, in plain words: where, what is wrong, what was written, what to do.

The schema library's own messages are never shown: they quote the value, and a value may be a password. What was
written is shown for known fields only, and for nothing at or below a `password` or among the `recipients`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from reconciler.core.desired.schema import accepts, accepts_one, strict_validator
from reconciler.core.model.fields import KEY
from reconciler.core.model.problem import Problem, closest
from reconciler.core.yaml.document import Document
from reconciler.core.yaml.nodes import Mapping, Node, Path, Sequence

if TYPE_CHECKING:
    from jsonschema import ValidationError

SHOWN: Final = 60
"""Characters of a written value that a message repeats."""


def schema_problems(document: Document) -> list[Problem]:
    """Everything that the schema refuses in a document, one problem a place."""
    if accepts()(document.root):
        return []
    suspect, indices = _suspects(document.root)
    best: dict[tuple[Path, str], ValidationError] = {}
    for error in strict_validator().iter_errors(suspect):
        structural = isinstance(error.instance, Mapping) and error.validator in _STRUCTURAL
        at = (tuple(error.absolute_path), str(error.validator) if structural else "")
        if at not in best or error.validator == "enum":
            best[at] = error
    return [
        problem for (path, _), error in best.items() for problem in _in_words(document, _in_whole(path, indices), error)
    ]


def _suspects(root: Mapping) -> tuple[Mapping, dict[str, list[int]]]:
    """The root with those agents and pools alone that do not pass the gate, and which of the file's these are."""
    suspect, indices = Mapping(root), {}
    for key in ("agents", "pools"):
        listed = root.get(key)
        if isinstance(listed, Sequence):
            passes = accepts_one(key)
            indices[key] = [index for index, each in enumerate(listed) if not passes(each)]
            suspect[key] = Sequence(listed[index] for index in indices[key])
    return suspect, indices


def _in_whole(path: Path, indices: dict[str, list[int]]) -> Path:
    """The path in the document of a path among the suspects."""
    key, *rest = path or ("",)
    if rest and isinstance(rest[0], int) and key in indices:
        return (key, indices[str(key)][rest[0]], *rest[1:])
    return path


_STRUCTURAL: Final = ("required", "additionalProperties", "oneOf")
"""What a mapping may break several of at once; of a value one complaint is enough."""


def path_text(document: Document, path: Path) -> str:
    """A path for people: `agents[3] (8004).afterInterval`."""
    text, node = "", document.root
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{step}"
        node = _child(node, step)
        if isinstance(step, int) and isinstance(node, Mapping):
            text += _named(node)
    return text


def _named(node: Mapping) -> str:
    """Which agent, or which pool."""
    if isinstance(node.get(KEY), str):
        return f" ({node[KEY]})"
    first, last = node.get("from"), node.get("to")
    return f" ({first}…{last})" if isinstance(first, str) and isinstance(last, str) else ""


def problem_at(document: Document, path: Path, message: str, hint: str = "", *, key: bool = False) -> Problem:
    """A problem with the value at `path`, or with `key` the key that leads to it."""
    return Problem(document.place(path, key=key), path_text(document, path), message, hint)


def _child(node: Any, step: str | int) -> Any:
    try:
        return node[step]
    except (KeyError, IndexError, TypeError):
        return None


def _secret(path: Path) -> bool:
    return "password" in path or path[:1] == ("recipients",)  # a private key is soon pasted for a public one


def _in_words(document: Document, path: Path, error: Any) -> Iterator[Problem]:
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(document, path, error)
        case "required":
            present = error.instance if isinstance(error.instance, dict) else {}
            for name in error.validator_value:
                if name not in present:
                    yield problem_at(document, path, f"{name} is missing", _HOW_TO_ADD.get(name, f"add {name}:"))
        case _:
            message, hint = _value_words(error, path)
            typed = _typed(document, path, error.instance)
            written = f"; written: {typed}" if typed else ""
            quoted = f'{hint}: "{typed}"' if hint == _QUOTE and typed[:1].strip("&*!") else hint
            yield problem_at(document, path, message + written, quoted)


_HOW_TO_ADD: Final = {
    "version": "add version: 1",
    "from": 'a pool goes from: "8100" to: "8199"',
    "to": 'a pool goes from: "8100" to: "8199"',
    KEY: 'every agent needs one: operatorId: "8001"',
}


def _unknown_keys(document: Document, path: Path, error: Any) -> Iterator[Problem]:
    known = error.schema["properties"]
    for name in (name for name in error.instance if name not in known):
        guess = closest(name, known)
        hint = f"did you mean {guess}?" if guess else "known here: " + ", ".join(known)
        if name == KEY and path[:1] == ("pools",):
            hint = _HOW_TO_ADD["from"]
        what = "an unknown key" if _secret(path) else f"unknown key {_clip(name)}"
        at = document.place((*path, name), key=True)
        yield Problem(at, path_text(document, path if _secret(path) else (*path, name)), what, hint)


def _value_words(error: Any, path: Path) -> tuple[str, str]:
    value = error.instance
    if path and path[-1] == "password" and error.validator == "type":
        how = "write password: {env: NAME, version: 1}; if a password stood here, change it: git remembers"
        return "must say where the password comes from, never the password itself", how
    match error.validator:
        case "enum":
            return _choice_words(error.validator_value, value)
        case "const":
            return f"must be {json.dumps(error.validator_value)}", ""
        case "type" if "enum" in error.schema:
            return _choice_words(error.schema["enum"], value)
        case "type":
            return _type_words(error.validator_value, value)
        case "minimum":
            return f"must be at least {error.validator_value}", ""
        case "maximum":
            return f"must be at most {error.validator_value}", ""
        case "minLength" | "minItems":
            return "must not be empty", "leave the key out if it should say nothing"
        case "oneOf":
            return "takes exactly one of env, file and generate, beside version", ""
        case "not":
            return "may not name one of reconciler's own variables", "choose another name"
        case _:
            return "does not have the right form", error.schema.get("description", "")


def _choice_words(allowed: list[Any], value: object) -> tuple[str, str]:
    names = [name for name in allowed if isinstance(name, str)]
    if not names:
        return _flag_words(value)
    guess = closest(value, names) if isinstance(value, str) else ""
    return "must be one of " + ", ".join(names), f"did you mean {guess}?" if guess else ""


def _flag_words(value: object) -> tuple[str, str]:
    odd = value.casefold() if isinstance(value, str) else ""
    yes = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}.get(odd)
    return "must be true or false", f"YAML 1.2 reads {odd} as text; write {yes}" if yes else ""


_QUOTE: Final = "quote it"
_TYPE_NAMES: Final = {"string": "text", "integer": "a whole number", "array": "a list", "object": "a mapping"}


def _type_words(wanted: str | list[str], value: object) -> tuple[str, str]:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if "string" in kinds and "integer" not in kinds and isinstance(value, bool | int | float):
        what = "true or false" if isinstance(value, bool) else "a number"
        return f"is {what}, and text belongs here", _QUOTE
    if kinds == ["string"] and value is None:
        return (
            "is empty, and text belongs here",
            'leave the key out to leave the field alone, or write "" to clear it',
        )
    if kinds == ["boolean"]:
        return _flag_words(value)
    names = " or ".join(_TYPE_NAMES[kind] for kind in kinds if kind in _TYPE_NAMES)
    digits = isinstance(value, str) and value.isascii() and value.isdigit()
    return f"must be {names}", "write it without quotes" if kinds == ["integer"] and digits else ""


def _typed(document: Document, path: Path, value: Node) -> str:
    """A value as it was typed, or nothing where that may not be shown."""
    if _secret(path) or isinstance(value, Mapping | Sequence):
        return ""
    return _clip(value) if isinstance(value, str) else document.written(document.place(path))


def _clip(text: str) -> str:
    shown = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return json.dumps(shown, ensure_ascii=False)
