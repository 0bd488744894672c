"""The schema's errors as problems in plain words: where, what is wrong, what the file says, what to do.

Nobody sees the messages of the schema library: they quote the value, and a value may be a password. A problem repeats
the value of known fields only, and never one at or below a `password` or among the `recipients`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from reconciler.core.desired.schema import LIMIT_PATTERN, PUBLIC_KEY, document_gate, item_gate, strict_validator
from reconciler.core.desired.shapes import example
from reconciler.core.model.fields import BY_NAME, KEY
from reconciler.core.model.message import NOTHING, Text, joined, text
from reconciler.core.model.operator_id import ID_PATTERN, MAX_ID, id_fault, meant_id
from reconciler.core.model.problem import Problem, closest
from reconciler.core.model.spoilt import NOT_SPOILT, spoilt
from reconciler.core.model.words import fold_heading, key_for_word, known_words, truth_for_word, value_for_word
from reconciler.core.text import is_unseen
from reconciler.core.yaml.document import Document
from reconciler.core.yaml.nodes import Mapping, Node, Path, Sequence

if TYPE_CHECKING:
    from jsonschema import ValidationError

MAX_SHOWN: Final = 60
"""The maximum number of characters that a message repeats of a value."""


def schema_problems(document: Document) -> list[Problem]:
    """Everything that the schema refuses in a document. A value gets one problem, a mapping may get several."""
    if document_gate()(document.root):
        return []
    rejected, indices = _rejected_parts(document.root)
    error_at: dict[tuple[Path, str], ValidationError] = {}
    for error in strict_validator().iter_errors(rejected):
        structural = isinstance(error.instance, Mapping) and error.validator in _STRUCTURAL
        place = (tuple(error.absolute_path), str(error.validator) if structural else "")
        if place not in error_at or error.validator == "enum":
            error_at[place] = error
    return [
        problem
        for (path, _), error in error_at.items()
        for problem in _problems_of(document, _path_in_document(path, indices), error)
    ]


def _rejected_parts(root: Mapping) -> tuple[Mapping, dict[str, list[int]]]:
    """The root with only the agents and pools that their gate rejects, and their indices in the file by key."""
    rejected, indices = Mapping(root), {}
    for key in ("agents", "pools"):
        entries = root.get(key)
        if isinstance(entries, Sequence):
            passes = item_gate(key)
            indices[key] = [index for index, entry in enumerate(entries) if not passes(entry)]
            rejected[key] = Sequence(entries[index] for index in indices[key])
    return rejected, indices


def _path_in_document(path: Path, indices: dict[str, list[int]]) -> Path:
    """The path in the document of a path in the root that `_rejected_parts` returns."""
    key, *rest = path or ("",)
    if rest and isinstance(rest[0], int) and key in indices:
        return (key, indices[str(key)][rest[0]], *rest[1:])
    return path


_STRUCTURAL: Final = ("required", "additionalProperties", "oneOf")
"""A mapping may break several of these keywords, and gets a problem for each. Any other value gets one problem."""


def path_text(document: Document, path: Path) -> str:
    """A path as text for people: `agents[3] (8004).afterInterval`."""
    shown, node = "", document.root
    for step in path:
        shown += f"[{step}]" if isinstance(step, int) else f"{'.' if shown else ''}{step}"
        node = _step_into(node, step)
        if isinstance(step, int) and isinstance(node, Mapping):
            shown += _entry_label(node)
    return shown


def _entry_label(node: Mapping) -> str:
    """The id of an agent, or the range of a pool, in brackets; empty if it has none."""
    if isinstance(node.get(KEY), str):
        return f" ({clipped(str(node[KEY]))})"
    first, last = node.get("from"), node.get("to")
    is_range = isinstance(first, str) and isinstance(last, str)
    return f" ({clipped(str(first))}…{clipped(str(last))})" if is_range else ""


def problem_at(
    document: Document, path: Path, message: Text, hint: Text = NOTHING, *, key: bool = False, code: str = ""
) -> Problem:
    """A problem with the value at `path`, or if `key` is true with the key that leads to it."""
    return Problem(document.place(path, key=key), path_text(document, path), message, hint, code)


def _step_into(node: Any, step: str | int) -> Any:
    try:
        return node[step]
    except (KeyError, IndexError, TypeError):
        return None


def is_secret(path: Path) -> bool:
    """Whether what stands there may be a secret."""
    return "password" in path or path[:1] == ("recipients",)  # people paste a private key for a public one


def _problems_of(document: Document, path: Path, error: Any) -> Iterator[Problem]:
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(document, path, error)
        case "required":
            present = error.instance if isinstance(error.instance, dict) else {}
            for name in error.validator_value:
                if name not in present:
                    how = _HOW_TO_ADD.get(name) or text("add {key}:", key=name)
                    message = text("{key} is missing", key=name)
                    yield problem_at(document, path, message, how, code="missing-key")
        case _:
            message, hint = _ON_REMOVE if path[:1] == ("onRemove",) else _value_words(error, path)
            if not is_secret(path) and (meant := _half_width(error)):
                message = text("{message}, and {fault}", message=message, fault=id_fault(error.instance))
                hint = text("write {meant}", meant=meant)
            typed = _as_typed(document, path, error.instance)
            code = _code_of(error, path, message)
            if hint == _QUOTE and spoilt(typed):
                message, hint, code = spoilt(typed), _WRITE_AGAIN, "spoilt-number"
            if error.instance is None and " #" in document.line_at(document.place(path)):
                comment = "after a blank # begins a comment: a text that holds one goes into quotes; {hint}"
                hint = text(comment, hint=hint)
            if hint == _QUOTE and typed[:1].strip("&*!"):
                hint = text('{hint}: "{typed}"', hint=hint, typed=typed)
            if typed:
                message = text("{message}; written: {typed}", message=message, typed=typed)
            yield problem_at(document, path, message, hint, code=code)


_CODES: Final = {
    **dict.fromkeys(("enum", "const"), "unknown-value"),
    **dict.fromkeys(("minimum", "maximum"), "out-of-range"),
    "type": "wrong-type",
    "maxLength": "too-long",
}
"""By keyword of the schema; the others ask for a form."""


def _code_of(error: Any, path: Path, message: Text) -> str:
    if path and path[-1] == "password" and error.validator == "type":
        return "password-in-file"
    if isinstance(error.instance, str) and spoilt(error.instance) == message:
        return "spoilt-number"
    if error.validator == "pattern" and error.validator_value == ID_PATTERN:
        return "bad-id"
    return _CODES.get(error.validator, "wrong-form")


def _half_width(error: Any) -> str:
    """What was probably meant by a word or a number with full-width letters or typographic quotes; empty for others."""
    is_word = error.validator in ("type", "enum") or error.validator_value == LIMIT_PATTERN
    word = error.instance if is_word and isinstance(error.instance, str) else ""
    meant = "" if word.isascii() else meant_id(word)
    return meant if meant.isascii() else ""


_ON_REMOVE: Final = (text("must be delete, disable, or a span of time such as {{disable: 30d}}"), NOTHING)
_POOL: Final = text('a pool goes from: "8100" to: "8199"')
_HOW_TO_ADD: Final = {
    "version": text("add version: 1"),
    "disable": text("write delete, disable, or {{disable: 30d}}"),
    "from": _POOL,
    "to": _POOL,
    KEY: text('every agent needs one: operatorId: "8001"'),
}


def _unknown_keys(document: Document, path: Path, error: Any) -> Iterator[Problem]:
    known = error.schema["properties"]
    for name in (name for name in error.instance if name not in known):
        hint = _POOL if name == KEY and path[:1] == ("pools",) else _known_key(name, known)
        message = text("an unknown key") if is_secret(path) else text("unknown key {key}", key=_clip(name))
        place = document.place((*path, name), key=True)
        where = path_text(document, path if is_secret(path) else (*path, name))
        yield Problem(place, where, message, hint, "unknown-key")


_BANNED: Final = {
    "env": (text("may not name one of reconciler's own variables"), text("choose another name")),
    "file": (
        text("must lie inside the folder that it is seen from: no absolute path, no .."),
        text("name it from there; --secrets-dir of apply names another folder"),
    ),
}
"""What is said of a password's source that no file may name, and the hint."""


def _known_key(name: str, known: Iterable[str]) -> Text:
    """What to write for an unknown key: the key of which it is a word, one that it resembles, or one of all."""
    known, word = list(known), key_for_word(name)
    if word in known:
        return _is_meant(word) if closest(name, known) == word else text("write {key}", key=word)
    if word in BY_NAME:
        return text("write {key}, in an agent, a pool, a profile or defaults", key=word)
    guess = closest(name, known) or known_words().get(closest(fold_heading(name), known_words()), "")
    return _is_meant(guess) if guess in known else text("known here: {keys}", keys=", ".join(known))


def _is_meant(guess: str) -> Text:
    return text("did you mean {guess}?", guess=guess)


_PLUGIN: Final = re.compile("age1[a-z0-9+._-]+1")
"""How a key of an age plugin begins; the data of a plain key have no 1."""
_PLUGINS_KEY: Final = (
    text("is the key of an age plugin, such as age1yubikey1…, and only the plugin can encrypt for it"),
    text("name a plain age1… key or an SSH key, whose private part the plugin's owner keeps"),
)


_Words = tuple[Text, Text]
"""What is wrong, and what to do."""


def _value_words(error: Any, path: Path) -> _Words:
    value = error.instance
    if path and path[-1] == "password" and error.validator == "type":
        hint = text("write password: {{env: NAME, version: 1}}; if a password stood here, change it: git remembers")
        return text("must say where the password comes from, never the password itself"), hint
    match error.validator:
        case "enum":
            return _choice_words(error.validator_value, value, path)
        case "const":
            return text("must be {value}", value=json.dumps(error.validator_value)), NOTHING
        case "type" if "enum" in error.schema:
            return _choice_words(error.schema["enum"], value, path)
        case "type":
            message, hint = _type_words(error.validator_value, value)
            shape = example(path) if error.validator_value in ("array", "object") else ""
            return message, text("write it so:\n{example}", example=shape) if shape else hint
        case "minimum":
            return text("must be at least {least}", least=error.validator_value), NOTHING
        case "maximum":
            return text("must be at most {most}", most=error.validator_value), NOTHING
        case "maxLength":
            size = text("has {count:,} characters; {most:,} is the limit", count=len(value), most=error.validator_value)
            return size, text("shorten it")
        case "minLength" | "minItems":
            return text("must not be empty"), text("leave the key out if it should say nothing")
        case "oneOf":
            return text("takes exactly one of env, file and generate, beside version"), NOTHING
        case "not":
            return _BANNED[str(path[-1])]
        case _:
            return _pattern_words(error)


def _pattern_words(error: Any) -> _Words:
    pattern, value = error.validator_value, error.instance
    if pattern == LIMIT_PATTERN and _PERCENTAGE.fullmatch(value):
        return text("is more than all agents"), text("100% is the most")
    if pattern in (ID_PATTERN, NOT_SPOILT) and spoilt(value):
        return spoilt(value), _WRITE_AGAIN
    if pattern == ID_PATTERN:
        meant = meant_id(value)
        return id_fault(value), _is_meant(_clip(meant)) if meant else _VISIBLE
    if pattern == PUBLIC_KEY and _PLUGIN.match(value):
        return _PLUGINS_KEY
    description = error.schema.get("description")
    hint = text("{description}", description=description) if description else NOTHING
    return text("does not have the right form"), hint


_PERCENTAGE: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?%")
_WRITE_AGAIN: Final = text("set the column to text, write the digits again, and take them over anew")
_VISIBLE: Final = text("use characters that everybody can see and type")


def _choice_words(allowed: list[Any], value: object, path: Path) -> _Words:
    names = [name for name in allowed if isinstance(name, str)]
    if not names:
        return _flag_words(value)
    meant = value_for_word(BY_NAME[str(path[-1])], value) if isinstance(value, str) else None
    guess = closest(value, names) if isinstance(value, str) else ""
    hint = text("write {meant}", meant=meant) if meant else _is_meant(guess) if guess else NOTHING
    return text("must be one of {names}", names=", ".join(names)), hint


def _flag_words(value: object) -> _Words:
    word = value.casefold() if isinstance(value, str) else ""
    truth = truth_for_word(word)
    hint = NOTHING if truth is None else text("write {meant}", meant=json.dumps(truth))
    if hint and word.isascii():
        hint = text("YAML 1.2 reads {word} as text; {hint}", word=word, hint=hint)
    return text("must be true or false"), hint


_INTEGER: Final = re.compile(r"([0-9]{1,18}) *(?:秒钟?|s|级)?", re.ASCII)
_QUOTE: Final = text("quote it")
_TYPE_NAMES: Final = {
    "string": text("text"),
    "integer": text("a whole number"),
    "array": text("a list"),
    "object": text("a mapping"),
}


def _type_words(wanted: str | list[str], value: object) -> _Words:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if "string" in kinds and "integer" not in kinds and isinstance(value, bool | int | float):
        what = text("true or false") if isinstance(value, bool) else text("a number")
        return text("is {what}, and text belongs here", what=what), _QUOTE
    if kinds == ["string"] and value is None:
        return (
            text("is empty, and text belongs here"),
            text('leave the key out to leave the field alone, or write "" to clear it'),
        )
    if kinds == ["boolean"]:
        return _flag_words(value)
    names = joined([_TYPE_NAMES[kind] for kind in kinds if kind in _TYPE_NAMES], " or ")
    digits = _INTEGER.fullmatch(value) if kinds == ["integer"] and isinstance(value, str) else None
    hint = text("write {meant}", meant=digits[1]) if digits else NOTHING
    if digits and digits[0] == digits[1]:
        hint = text("write it without quotes")
    return text("must be {what}", what=names), hint


def _as_typed(document: Document, path: Path, value: Node) -> str:
    """A value as typed in the file; empty if it may be secret, or is a mapping or a list."""
    if is_secret(path) or isinstance(value, Mapping | Sequence):
        return ""
    return _clip(value) if isinstance(value, str) else document.typed_at(document.place(path))


def clipped(words: str) -> str:
    """The beginning of a text, as much as a message repeats; an operatorId that is none too long is whole."""
    return words if len(words) <= max(MAX_SHOWN, MAX_ID) else words[: MAX_SHOWN - 1] + "…"


def _clip(words: str) -> str:
    shown = words if len(words) <= MAX_SHOWN else words[: MAX_SHOWN - 1] + "…"
    return "".join(_escaped(c) if is_unseen(c) and c != " " else c for c in json.dumps(shown, ensure_ascii=False))


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]
