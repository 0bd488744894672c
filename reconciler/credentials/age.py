"""Encryption to age recipients (https://age-encryption.org), and the way back.

A file that is being written is a row of records, each an ASCII-armoured age file of its own: one that is on disk stays
readable whatever happens to the next, and where it ends is never in doubt, since its base64 holds no hyphen. A finished
file is one ordinary binary age file, which the `age` command line tool opens.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.errors import ReconcilerError

_BINARY: Final = b"age-encryption.org/"
_BEGIN: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
_END: Final = b"-----END AGE ENCRYPTED FILE-----"
_SSH_PARTS: Final = {"ssh-ed25519": 2, "ssh-rsa": 3}
SHOWN: Final = 12
"""Characters of a recipient that a message repeats."""


class Sealer:
    """Encrypts so that each of the recipients can read; raises `ReconcilerError` when made for an unusable one."""

    def __init__(self, recipients: Sequence[str]) -> None:
        self._age = _pyrage()
        self._keys = [self._key(number, written) for number, written in enumerate(recipients, start=1)]
        if not self._keys:
            raise ReconcilerError("there is no recipient to encrypt for", "add one to recipients:")

    def seal(self, data: bytes) -> bytes:
        """One ordinary age file."""
        sealed: bytes = self._age.encrypt(data, self._keys)
        return sealed

    def record(self, data: bytes) -> bytes:
        """One record: records can stand one after another in a file."""
        sealed: bytes = self._age.encrypt(data, self._keys, armored=True)
        return sealed

    def _key(self, number: int, written: str) -> Any:
        ssh = written.startswith("ssh-")
        kind = self._age.ssh if ssh else self._age.x25519
        try:
            if ssh:
                _check_parts(written)
            key = kind.Recipient.from_str(written)
            self._age.encrypt(b"", [key])
        except (self._age.RecipientError, self._age.EncryptError, ValueError, LookupError):
            message = f"recipient {number} ({written[:SHOWN]}…) is no public key that age can encrypt for"
            hint = "nothing was sent; copy the key again, whole"
            raise ReconcilerError(message, hint) from None
        return key


def _check_parts(written: str) -> None:
    """`ValueError` or `LookupError` for an SSH key that lacks a part: on some of these pyrage panics."""
    kind, encoded = written.split(" ")[:2]
    data = b64decode(encoded, validate=True)
    for _ in range(_SSH_PARTS[kind]):
        size = int.from_bytes(data[:4])
        if not 0 < size <= len(data) - 4:
            raise ValueError("cut off")
        data = data[4 + size :]
    if data:
        raise ValueError("too long")


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What was sealed, and how many records of it were cut off while they were written."""

    content: bytes
    torn: int


def is_sealed(data: bytes) -> bool:
    """Whether a file's first bytes, some 40 of them or all, are those of an encrypted one."""
    return data.startswith((_BINARY, _BEGIN)) or (bool(data) and _BEGIN.startswith(data))


def unseal(data: bytes, identity: Path) -> Unsealed:
    """Open a finished file or a row of records; `identity` is an age identity file or an SSH private key.

    Raises `ReconcilerError` when the file is for another key or damaged. A record that was cut off is left out.
    """
    age = _pyrage()
    keys = _identities(identity)
    whole, torn = ([data], 0) if data.startswith(_BINARY) else _records(data)
    opened: list[bytes] = []
    for number, record in enumerate(whole, start=1):
        try:
            opened.append(age.decrypt(record, keys))
        except age.DecryptError as error:
            if not opened or number < len(whole):
                why = str(error).partition("\n")[0]
                message = f"the credentials do not open with {identity}: {why}"
                raise ReconcilerError(message, "they are for another key, or the file is damaged") from None
            torn += 1  # a power cut can leave the last record with its end and without its middle
    return Unsealed(b"".join(opened), torn)


def _records(data: bytes) -> tuple[list[bytes], int]:
    """The records that have a beginning and an end, and how many pieces have not."""
    before, *pieces = data.split(_BEGIN)
    whole: list[bytes] = []
    torn = int(bool(before.strip()))
    for piece in pieces:
        body, end, rest = piece.partition(_END)
        if end:
            whole.append(_BEGIN + body + _END + b"\n")
        torn += not end or bool(rest.strip())
    return whole, torn


def _identities(path: Path) -> list[Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReconcilerError(f"the identity file {path} cannot be read: {error.strerror}") from None
    if is_sealed(data):
        hint = f"open it first: --identity <(age -d {path})"
        raise ReconcilerError(f"the identity file {path} is itself encrypted", hint)
    keys = [_ssh_key(path, data)] if data.lstrip().startswith(b"-----BEGIN") else list(_age_keys(path, data))
    if not keys:
        raise ReconcilerError(f"the identity file {path} holds no identity", "age-keygen -o FILE makes one")
    return keys


def _ssh_key(path: Path, data: bytes) -> Any:
    age = _pyrage()
    try:
        return age.ssh.Identity.from_buffer(data)
    except age.IdentityError:
        hint = "an ed25519 or RSA key without a passphrase is needed; age itself also asks for passphrases"
        raise ReconcilerError(f"the SSH key {path} cannot be used", hint) from None


def _age_keys(path: Path, data: bytes) -> Iterator[Any]:
    age = _pyrage()
    for number, line in enumerate(data.decode("ascii", "replace").splitlines(), start=1):
        written = line.strip()
        if not written or written.startswith("#"):
            continue
        try:
            yield age.x25519.Identity.from_str(written)
        except age.IdentityError:
            message = f"line {number} of the identity file {path} is no age identity"
            raise ReconcilerError(message, "a line is AGE-SECRET-KEY-1… or begins with #") from None


def _pyrage() -> Any:
    try:
        import pyrage  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise ReconcilerError("encryption needs pyrage", "pip install 'reconciler[age]'") from None
    return pyrage
