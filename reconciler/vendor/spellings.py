"""A vendor may quote what it refuses, in any spelling: its words are kept without our secrets, or left out."""

from __future__ import annotations

import binascii
import html
import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from json import dumps
from typing import Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from reconciler.core.model.message import text

MASK: Final = "***"
LEFT_OUT: Final = text("its words are left out, since they repeat a part of a secret")
_READ: Final = 2000
"""Characters of the vendor's words that are looked at; the rest is dropped."""
_DEPTH: Final = 4
"""How often a secret may have been spelled anew."""
_FORMS: Final = 60
_SHORTEST: Final = 3
_SHORT: Final = 12
"""Characters up to which a secret is given away by six of them; a longer one by eight."""
_AT_THE_END: Final = 5
"""Characters of a secret's beginning that give it away where the words were cut off after them."""


def without_secrets(words: str, secrets: Iterable[str]) -> str:
    """The words, with three stars for each secret in a usual spelling; none of them where another has a part of it.

    A token of one or two characters is let be: it stands in any text, and would only hide what went wrong.
    """
    masked = words[:_READ]
    known = [secret for secret in secrets if len(secret) >= _SHORTEST]
    for spelling in sorted({each for secret in known for each in _spelled(secret)}, key=len, reverse=True):
        masked = masked.replace(spelling, MASK)
    forms = [_normal(form) for form in _forms(masked)] if known else []
    sought = [_normal(each) for secret in known for each in (secret, *_in_base64(secret))]
    return LEFT_OUT if any(_has_part(form, each) for each in sought for form in forms) else masked


def _spelled(secret: str) -> Iterator[str]:
    yield secret
    once = [dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1], html.escape(secret), quote(secret, safe="")]
    for spelling in (*once, once[0].replace("/", "\\/"), quote_plus(secret), html.escape(secret, quote=False)):
        yield spelling
        yield quote(spelling, safe="")
        yield dumps(spelling)[1:-1]


def _normal(text: str) -> str:
    """Without what does not change how it reads: case, width, blanks and what cannot be seen."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(character for character in folded if unicodedata.category(character)[0] not in "CZ")


def _in_base64(secret: str) -> Iterator[str]:
    """What base64 has of a secret, wherever that begins: it may come in small letters, which cannot be decoded."""
    data = secret.encode("utf-8", "replace")
    for before, first in ((0, 0), (1, 2), (2, 3)):
        yield b64encode(bytes(before) + data).decode()[first : (before + len(data)) * 4 // 3]


def _has_part(text: str, secret: str) -> bool:
    """Whether a text has a part of a secret that gives it away. Digits alone do not: they may be an agent's number."""
    size = min(len(secret), 6 if len(secret) <= _SHORT else 8)
    parts = {secret[start : start + size] for start in range(len(secret) - size + 1)}
    parts = {part for part in parts if not part.isdigit()} or {secret}
    if any(text[start : start + size] in parts for start in range(len(text) - size + 1)) or secret in text:
        return bool(secret)
    begun = text.rstrip(".…\"'}])")
    cut = (secret[:length] for length in range(_AT_THE_END, size))
    return any(begun.endswith(part) and not part.isdigit() for part in cut)


def _forms(words: str) -> list[str]:
    """The words, and what they say when their escapes and encodings are undone, in any order."""
    found, new = {words: None}, [words]
    for _ in range(_DEPTH):
        read = (undone for form in new for undo in _UNDO for undone in undo(form))
        new = [each for each in dict.fromkeys(read) if each and each not in found][: max(0, _FORMS - len(found))]
        found |= dict.fromkeys(new)
    return list(found)


_ESCAPE: Final = re.compile(r"\\(?:[uU]([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{6,}")
_HEX: Final = re.compile(r"[0-9a-fA-F]{8,}")


def _unescaped(text: str) -> Iterator[str]:
    if "\\" not in text:
        return
    plain = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _CONTROLS.get(m[3], m[3]), text)
    yield plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unquoted(text: str) -> Iterator[str]:
    if "%" in text or "+" in text:
        yield unquote(text)
        yield unquote_plus(text)


def _decoded(text: str) -> Iterator[str]:
    """What runs of base64 or hexadecimal digits stand for, wherever in them a secret begins."""
    dense = "".join(text.split())
    for form in dict.fromkeys((text, dense)):
        for start in range(4):
            runs = (run[start:] for run in _BASE64.findall(form.replace("-", "+").replace("_", "/")))
            yield " ".join(_text(b64decode(f"{run[: -1 if len(run) % 4 == 1 else None]}==")) for run in runs)
        for start in range(2):
            runs = (run[start:] for run in _HEX.findall(re.sub(r"[:,-]|\\x|0x", "", form)))
            yield " ".join(_text(binascii.unhexlify(run[: len(run) // 2 * 2])) for run in runs)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


_UNDO: Final[tuple[Callable[[str], Iterator[str]], ...]] = (
    _unescaped,
    _unquoted,
    lambda text: iter((html.unescape(text),)),
    lambda text: iter(("".join(unicodedata.normalize("NFKC", text).split()),)),
    _decoded,
)
