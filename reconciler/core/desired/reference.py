"""The reference of the fields and keys, made from their tables: `docs/fields.md`, and one of them for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from reconciler.core.desired.schema import agents_schema
from reconciler.core.desired.shapes import example
from reconciler.core.model.fields import BY_NAME, FIELDS, Field, Kind, Value
from reconciler.core.model.message import Text, joined, text, verbatim
from reconciler.core.model.words import ZH_VALUES, also_called

_HEAD: Final = """# The fields of an agent

Made from the field table by `make generate`; edit `reconciler/core/model/fields.py` instead. Names are the vendor's.
C, E, L: may be sent on create, may be edited, is listed. A field that is not edited is fixed at creation: changing
it means `--allow-replace`. One that is not listed cannot be compared; the ledger remembers what was sent.

| field | value | C | E | L | new agents have | meaning | 说明 |
|---|---|---|---|---|---|---|---|
"""


def fields_page() -> str:
    """The text of `docs/fields.md`."""
    return _HEAD + "".join(f"| {' | '.join(_row_cells(row))} |\n" for row in FIELDS)


def field_help(row: Field) -> str:
    """One field in words, English and Chinese, as lines for a terminal."""
    default = "" if row.kind in (Kind.KEY, Kind.PASSWORD, Kind.SIP_NUMBER) else _quoted(row.default)
    words = (f"{word} → {_spelled(value)}" for value, word in ZH_VALUES.get(row.name, {}).items())
    rows = {
        "": f"{row.doc}\n{' ' * 14}{row.zh}",
        text("value"): _values(row),
        text("new agents"): default,
        text("also called"): "、".join(also_called(row)),
        text("in words"): ", ".join(words),
        text("set"): _when_set(row),
        text("listed"): text("yes") if row.wire.listed else _NOT_LISTED,
    }
    lines = [f"{name:<12}  {told}" for name, told in rows.items() if told]
    return "\n".join([row.name, *lines]).replace("`", "") + "\n"


_NOT_LISTED: Final = text("no: it cannot be compared, and the ledger remembers what was sent")


def _when_set(row: Field) -> Text:
    if row.kind is Kind.KEY:
        return text("it names the agent; another number is another agent")
    if row.kind is Kind.PASSWORD:
        return text("at creation, and whenever version is raised")
    if row.create_only:
        return text("at creation only; without the key it stays as it is, and --allow-replace makes the agent anew")
    return text("by an edit after creation") if row.deferred else text("at creation and later")


def _row_cells(row: Field) -> Iterator[str]:
    yield f"`{row.name}`"
    yield _values(row)
    for wire_name in (row.wire.create, row.wire.edit, row.wire.listed):
        yield "yes" if wire_name else "no"
    yield "" if row.kind in (Kind.KEY, Kind.PASSWORD, Kind.SIP_NUMBER) else _quoted(row.default)
    yield row.doc
    yield row.zh


def _values(row: Field) -> Text:
    match row.kind:
        case Kind.CHOICE:
            return verbatim(", ".join(f"`{name}` ({number})" for number, name in enumerate(row.choices)))
        case Kind.FLAG:
            return verbatim("`true` (1), `false` (0)")
        case Kind.INTEGER:
            least, in_edit = row.rules["minimum"], row.edit_rules.get("minimum", row.rules["minimum"])
            words = text("{least} or more", least=least)
            narrowed = "{words}, {in_edit} or more in an edit"
            return words if in_edit == least else text(narrowed, words=words, in_edit=in_edit)
        case Kind.SIP_NUMBER:
            return text("text or `null`")
        case Kind.PASSWORD:
            return text("`{{env: NAME}}`, `{{file: PATH}}` or `{{generate: true}}`, and `version`")
        case _:
            return text("text, not empty") if row.rules.get("minLength") else text("text")


def file_keys() -> dict[str, dict[str, list[str]]]:
    """The keys of a file that are no fields of an agent: by key what it means, and where it means that."""
    schema = agents_schema()
    top, parts = schema["properties"], schema["$defs"]
    homes = {
        "": top,
        **{name: top[name]["properties"] for name in ("company", "onRemove", "guardrails")},
        "agents": parts["agent"]["properties"],
        "pools": parts["pool"]["properties"],
        "password": parts["password"]["properties"],
    }
    found: dict[str, dict[str, list[str]]] = {}
    for home, keys in homes.items():
        for name, about in keys.items():
            if name not in BY_NAME:
                found.setdefault(name, {}).setdefault(_meaning(about, parts), []).append(home)
    return found


def _meaning(about: dict[str, Any], parts: dict[str, Any]) -> str:
    return str(about.get("description") or parts[about["$ref"].rpartition("/")[2]]["description"])


def key_help(name: str) -> str:
    """A key of a file in words, English and Chinese, as lines for a terminal."""
    lines = [name]
    for meaning, homes in file_keys()[name].items():
        english, chinese = _CHINESE.split(meaning, maxsplit=1)
        home = joined(list(map(verbatim, homes)), " and ")
        steps = (homes[0], 0, name) if home else (name,)
        shown = example(steps) or _SHORT[name if name in _SHORT else f"{home}.{name}"]
        stands = text("in {home}", home=home) if home else text("at the top of the file")
        lines += [f"{'':<12}  {english}", f"{'':<12}  {chinese}", f"{text('stands'):<12}  {stands}"]
        lines += [f"{'' if index else _EXAMPLE:<12}  {line}" for index, line in enumerate(shown.splitlines())]
    return "\n".join(lines).replace("`", "") + "\n"


_CHINESE: Final = re.compile(r" (?=[\u4e00-\u9fff])")
"""What parts the languages of a description."""
_EXAMPLE: Final = text("example")
_SHORT: Final = {
    ".version": "version: 1",
    "password.version": "password: {generate: true, version: 2}",
    "prune": "prune: false",
    "onRemove": "onRemove: {disable: 30d}",
    "abbreviate": "company: {abbreviate: acme}",
    "companyId": "company: {abbreviate: acme, companyId: 4242}",
    "disable": "onRemove: {disable: 30d}",
    "maxDeletes": "guardrails: {maxDeletes: 20%}",
    "maxChanges": "guardrails: {maxChanges: 500}",
    "maxPasswords": "guardrails: {maxPasswords: 5}",
    "lookalikes": "guardrails: {lookalikes: 1}",
    "profile": '{operatorId: "8001", profile: leader}',
    "from": '{from: "8100", to: "8199"}',
    "to": '{from: "8100", to: "8199"}',
    "env": "password: {env: AGENT_8001_PASSWORD, version: 1}",
    "file": "password: {file: passwords/8001, version: 1}",
    "generate": "password: {generate: true, version: 1}",
}
"""Examples of one line, by key, or by where it stands and key."""


def value_help(row: Field, value: Value, word: str) -> str:
    """What a word of a sheet is in a file, as a line for a terminal."""
    return text("{word} is {field}: {value}", word=word, field=row.name, value=_spelled(value)) + "\n"


def _spelled(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    return f"`{value}`" if value != "" else text("nothing")
