"""Looks for secrets in bytes, in every spelling in which one could get there."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

PIECE = 10
"""So many characters from either end of a secret are a leak too."""


@cache
def digests(secret: str) -> tuple[bytes, ...]:
    """The MD5 that the vendor is sent, and other hashes that anybody might have thought harmless."""
    kinds = (hashlib.md5, hashlib.sha1, hashlib.sha256)
    texts = [kind(secret.encode()).hexdigest() for kind in kinds]
    return tuple(text.encode() for digest in texts for text in (digest, digest.upper()))


@cache
def spellings(secret: str) -> tuple[bytes, ...]:
    """The secret itself, whole and in its two ends, as texts, URLs, JSON, Python, base64 and hex spell it."""
    ends = (secret[:PIECE], secret[-PIECE:]) if len(secret) > PIECE else ()
    return tuple({spelling for text in (secret, *ends) for spelling in _spellings(text)})


def _spellings(text: str) -> Iterator[bytes]:
    raw = text.encode()
    yield raw
    for quoted in (quote(text, safe=""), quote(text), quote_plus(text)):
        yield quoted.encode()
        yield quoted.lower().encode()
    for escaped in (json.dumps(text), json.dumps(text, ensure_ascii=False), repr(text), ascii(text)):
        yield escaped[1:-1].encode()
        yield escaped[1:-1].upper().replace("\\U", "\\u").encode()
    yield from (raw.hex().encode(), raw.hex().upper().encode())
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            coded = alphabet(b"\0" * before + raw)
            yield coded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


@dataclass(slots=True)
class Secrets:
    """What must be nowhere (`hidden`, and every hash), and what may stand in a credentials file (`delivered`)."""

    hidden: dict[str, str] = field(default_factory=dict)
    delivered: dict[str, str] = field(default_factory=dict)

    def found(self, data: bytes, *, credentials: bool = False) -> list[str]:
        """Which secret stands in there and must not, by name."""
        names = [name for name, secret in self.hidden.items() if _any(spellings(secret) + digests(secret), data)]
        for name, secret in self.delivered.items():
            forms = digests(secret) if credentials else spellings(secret) + digests(secret)
            names += [name] if _any(forms, data) else []
        return names

    def found_in(self, places: Mapping[str, bytes], *, credentials: bool = False) -> list[str]:
        """Which secret stands where."""
        if not self.found(b"\n".join(places.values()), credentials=credentials):
            return []
        return [
            f"{name} in {place}" for place, data in places.items() for name in self.found(data, credentials=credentials)
        ]


def _any(forms: Iterable[bytes], data: bytes) -> bool:
    return any(form in data for form in forms)


def files(folder: Path, inputs: Iterable[Path]) -> Mapping[Path, bytes]:
    """Every file below a folder but those that secrets are read from."""
    without = set(inputs)
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path not in without}
