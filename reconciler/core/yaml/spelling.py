"""Canonical spelling: values as YAML, and the order of keys. What `export` and `fmt` write.

Text stands plain only where every reader of YAML, 1.1 or 1.2, in block or in flow style, takes it for that same text.
Everything else stands in double quotes, with an escape for each character that the eye cannot see: a file is reviewed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from reconciler.core.model.fields import COMPARED, FIELDS, KEY, Field, Kind, Value, fits
from reconciler.core.yaml.scalars import plain_scalar

TOP_ORDER: Final = (
    *("version", "company", "scope", "prune", "protect", "guardrails", "recipients"),
    *("defaults", "profiles", "agents", "pools"),
)
"""The keys of a file, in the order of the contract's example."""
COMPANY_ORDER: Final = ("abbreviate", "companyId")
GUARDRAIL_ORDER: Final = ("maxDeletes", "maxChanges")
PASSWORD_ORDER: Final = ("env", "file", "generate", "version")
FIELD_ORDER: Final = (*(row.name for row in COMPARED), *(row.name for row in FIELDS if row.kind is Kind.PASSWORD))
"""The keys of `defaults` and of a profile: the table's order, the password last."""
AGENT_ORDER: Final = (KEY, "profile", *FIELD_ORDER)
POOL_ORDER: Final = ("from", "to", "except", "profile", *FIELD_ORDER)

_PHONES: Final = frozenset(("showcaller", "bindcode"))
QUOTED: Final = _PHONES | {row.name for row in FIELDS if row.kind in (Kind.KEY, Kind.SIP_NUMBER)}
"""The fields whose text is always in quotes: digits that are no number."""

_PLAIN: Final = re.compile(r"[\w/(\x80-\U0010ffff](?:[^\[\]{},?:#\s]|:(?=\S)|(?<=\S)#| +(?=[^\s#]))*")
_NUMERIC: Final = re.compile(r"[0-9][-+.:_ 0-9A-Fa-fTtZzXxOo]*")
"""What some reader may take for a number, a date or a time of day."""
_WORDS: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_SHOWN: Final = 40
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def writable(text: str) -> bool:
    """Whether the text can stand in a file at all: half a surrogate pair cannot, nor as an escape."""
    return _SURROGATE.search(text) is None


def field_value(name: str, value: Value) -> str:
    """A field's canonical value. Operator ids, phone and SIP numbers are in quotes whatever they hold."""
    return quoted(value) if name in QUOTED and isinstance(value, str) else scalar(value)


def scalar(value: Value) -> str:
    """A value as YAML on one line, good in block and in flow style. Raises `ValueError` for text not `writable`."""
    match value:
        case str():
            return _text(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def can_say(row: Field, value: Value) -> bool:
    """Whether a file can ask for this canonical value: it fits the field, and its text can be written."""
    return fits(row, value) and not (isinstance(value, str) and not writable(value))


def shown(value: Value) -> str:
    """A value that no file can say, in a comment or a message: ASCII on one line, cut, and no command to a runner."""
    text = ascii(value).replace("#", "\\x23")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


@lru_cache(maxsize=4096)
def _text(text: str) -> str:
    return text if is_plain(text) else quoted(text)


def is_plain(text: str) -> bool:
    """Whether the text needs no quotes."""
    if not text.isprintable() or not _PLAIN.fullmatch(text) or _NUMERIC.fullmatch(text) or _commands(text):
        return False
    return text.casefold() not in _WORDS and plain_scalar(text) == text


def _commands(text: str) -> bool:
    # ##[error] and ##vso[…] are commands to a runner of CI whose log the file is printed to.
    return "[" in text and text.count("#") > 1


def quoted(text: str) -> str:
    """The text in double quotes. Raises `ValueError` for text not `writable`."""
    if not writable(text):
        raise ValueError("half of a surrogate pair cannot be written")
    masked = "#" if _commands(text) else ""
    return '"' + "".join(c if c.isprintable() and c not in f'"\\{masked}' else _escaped(c) for c in text) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
