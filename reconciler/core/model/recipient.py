"""How a public key is named for people, so that no two keys are named alike."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from hashlib import sha256
from typing import Final

_LONGEST_WHOLE: Final = 100
"""Characters of a key that is shown as it is; an `age1…` key of today's usual kind has 62."""
_ENDS: Final = 12
"""Characters of a longer key that are shown on either side of its fingerprint."""


def recipient_label(recipient: str) -> str:
    """The name of a recipient: an SSH key by its fingerprint and comment, any other key in full or by its ends.

    The fingerprint is that of `ssh-keygen -l`. A key too long to be read also has one, of its text. The comment is
    somebody's text: nothing in here is escaped or made visible yet.
    """
    kind, _, rest = recipient.strip().partition(" ")
    key, _, comment = rest.strip().partition(" ")
    if kind.startswith("ssh-") and (data := _decoded(key)):
        return " ".join((kind, _fingerprint(data), *([f"({comment.strip()})"] if comment.strip() else [])))
    if len(recipient) <= _LONGEST_WHOLE:
        return recipient
    return f"{recipient[:_ENDS]}…{recipient[-_ENDS:]} {_fingerprint(recipient.encode('utf-8', 'surrogatepass'))}"


def _decoded(key: str) -> bytes:
    """The bytes of a base64 text; none for any other text, whose keys could otherwise share a fingerprint."""
    try:
        return b64decode(key, validate=True)
    except (Error, ValueError):
        return b""


def _fingerprint(data: bytes) -> str:
    return f"SHA256:{b64encode(sha256(data).digest()).decode().rstrip('=')}"
