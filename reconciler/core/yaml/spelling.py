"""Canonical values as YAML text, and the order of keys, as `export` and `fmt` write them.

Text goes without quotes only if every YAML reader, 1.1 or 1.2, in block or flow style, reads the same text. All other
text goes into double quotes, with an escape for each invisible character, because people review the files.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from reconciler.core.model.fields import COMPARED, FIELDS, KEY, Field, Kind, Value, fits
from reconciler.core.model.operator_id import is_sound
from reconciler.core.model.spoilt import spoilt
from reconciler.core.yaml.scalars import is_meant_quoted, plain_scalar

TOP_ORDER: Final = (
    *("version", "company", "scope", "prune", "onRemove", "protect", "guardrails", "recipients"),
    *("defaults", "profiles", "agents", "pools"),
)
"""The top-level keys of a file, in the order in which docs/formats.md lists them."""
COMPANY_ORDER: Final = ("abbreviate", "companyId")
GUARDRAIL_ORDER: Final = ("maxDeletes", "maxChanges", "maxPasswords", "lookalikes")
PASSWORD_ORDER: Final = ("env", "file", "generate", "version")
FIELD_ORDER: Final = (*(row.name for row in COMPARED), *(row.name for row in FIELDS if row.kind is Kind.PASSWORD))
"""The keys of `defaults` and of a profile: the order of the field table, with the password last."""
AGENT_ORDER: Final = (KEY, "profile", *FIELD_ORDER)
POOL_ORDER: Final = ("from", "to", "except", "profile", *FIELD_ORDER)

_PHONES: Final = frozenset(("showcaller", "bindcode"))
QUOTED: Final = _PHONES | {row.name for row in FIELDS if row.kind in (Kind.KEY, Kind.SIP_NUMBER)}
"""The fields whose text always goes into quotes: their digits are no number."""

_PLAIN: Final = re.compile(r"(?:[\w/(]|[^\x00-\x7f])(?:[^\[\]{},?:#\s]|:(?=\S)|(?<=\S)#| +(?=[^\s#]))*")
_NUMERIC: Final = re.compile(r"[0-9][-+.:_ 0-9A-Fa-fTtZzXxOo]*")
"""Text that some YAML reader may take for a number, a date or a time of day."""
_WORDS: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_EXCERPT: Final = 40
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHORT_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def writable(text: str) -> bool:
    """Whether a YAML file can hold the text. It cannot hold half of a surrogate pair, not even as an escape."""
    return _SURROGATE.search(text) is None


def field_value(name: str, value: Value) -> str:
    """A field's canonical value as YAML. The text of the fields in `QUOTED` always goes into quotes.

    Raises:
        ValueError: the text is not `writable`.
    """
    return quoted(value) if name in QUOTED and isinstance(value, str) else scalar(value)


def scalar(value: Value) -> str:
    """A value as YAML on one line, for block and flow style.

    Raises:
        ValueError: the text is not `writable`.
    """
    match value:
        case str():
            return _text(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def is_expressible(row: Field, value: Value) -> bool:
    """Whether a file can ask for this canonical value: it fits the field, and its text passes the schema."""
    return fits(row, value) and not (isinstance(value, str) and not _is_accepted(row, value))


def _is_accepted(row: Field, text: str) -> bool:
    if not writable(text) or len(text) > row.rules.get("maxLength", len(text)):
        return False
    return is_sound(text) if row.kind is Kind.KEY else not (row.name in QUOTED and spoilt(text))


def ascii_excerpt(value: Value) -> str:
    """The beginning of a value for a comment or a message: one line of ASCII that a CI runner takes for no command."""
    text = ascii(value).replace("#", "\\x23")
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


@lru_cache(maxsize=4096)
def _text(text: str) -> str:
    return text if is_plain(text) else quoted(text)


def is_plain(text: str) -> bool:
    """Whether every YAML reader takes the text without quotes for the same text."""
    if not text.isprintable() or not _PLAIN.fullmatch(text) or _NUMERIC.fullmatch(text) or _may_command(text):
        return False
    return text.casefold() not in _WORDS and plain_scalar(text) == text and not is_meant_quoted(text)


def _may_command(text: str) -> bool:
    # A CI runner obeys ##[error] and ##vso[…] in its log, and a job may print the file there.
    return "[" in text and text.count("#") > 1


def quoted(text: str) -> str:
    """The text in double quotes.

    Raises:
        ValueError: the text is not `writable`.
    """
    if not writable(text):
        raise ValueError("half of a surrogate pair cannot be written")
    masked = "#" if _may_command(text) else ""
    if text.isprintable() and not masked and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(c if c.isprintable() and c not in f'"\\{masked}' else _escaped(c) for c in text) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
