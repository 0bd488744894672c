"""Encryption to age recipients (https://age-encryption.org), and decryption.

A file that is being written is a sequence of records, each an ASCII-armoured age file of its own. A record on disk
stays readable whatever happens to the next one, and its end is never in doubt, since its base64 holds no hyphen. A
finished file is one ordinary binary age file, which the `age` command line tool opens.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.core.model.message import Text, text
from reconciler.errors import ReconcilerError, install_hint, unreadable

_BINARY: Final = b"age-encryption.org/"
_BEGIN: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
_END: Final = b"-----END AGE ENCRYPTED FILE-----"
_SSH_PARTS: Final = {"ssh-ed25519": 2, "ssh-rsa": 3}
_QUOTED: Final = 12
"""Characters of a recipient that a message repeats."""


class Sealer:
    """Encrypts so that each of the recipients can read.

    Raises:
        ReconcilerError: there is no recipient, one is unusable, or pyrage is not installed.
    """

    def __init__(self, recipients: Sequence[str]) -> None:
        self._age = _pyrage()
        self._keys = [self._key(number, recipient) for number, recipient in enumerate(recipients, start=1)]
        if not self._keys:
            raise ReconcilerError(
                "no-recipients", text("there is no recipient to encrypt for"), text("add one to recipients:")
            )

    def seal(self, data: bytes) -> bytes:
        """The data as one ordinary binary age file."""
        sealed: bytes = self._age.encrypt(data, self._keys)
        return sealed

    def record(self, data: bytes) -> bytes:
        """The data as one record: records can stand one after another in a file."""
        sealed: bytes = self._age.encrypt(data, self._keys, armored=True)
        return sealed

    def _key(self, number: int, recipient: str) -> Any:
        ssh = recipient.startswith("ssh-")
        kind = self._age.ssh if ssh else self._age.x25519
        try:
            if ssh:
                _check_parts(recipient)
            key = kind.Recipient.from_str(recipient)
            self._age.encrypt(b"", [key])
        except (self._age.RecipientError, self._age.EncryptError, ValueError, LookupError):
            message = text(
                "recipient {number} ({recipient}…) is no public key that age can encrypt for",
                number=number,
                recipient=recipient[:_QUOTED],
            )
            hint = text("nothing was sent; copy the key again, whole")
            raise ReconcilerError("bad-recipient", message, hint) from None
        return key


def _check_parts(ssh_key: str) -> None:
    """Raise `ValueError` or `LookupError` for an SSH key that lacks a part: pyrage panics on some of these."""
    kind, encoded = ssh_key.split(" ")[:2]
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
    """What was sealed, and the number of records that were cut off while they were written."""

    content: bytes
    torn: int


_CREDENTIALS: Final = text("the credentials")


def is_sealed(data: bytes) -> bool:
    """Whether data is encrypted; a file's first 40 bytes are enough to tell."""
    return data.startswith((_BINARY, _BEGIN)) or (bool(data) and _BEGIN.startswith(data))


def unseal(data: bytes, identity: Path, what: Text = _CREDENTIALS) -> Unsealed:
    """Decrypt a finished file or a sequence of records; `identity` is an age identity file or an SSH private key.

    `what` names it in an error. A record that was cut off is left out and counted.

    Raises:
        ReconcilerError: the file is damaged or for another key, the identity is unusable, or pyrage is not installed.
    """
    age = _pyrage()
    keys = _identities(identity)
    records, torn = ([data], 0) if data.startswith(_BINARY) else _records(data)
    opened: list[bytes] = []
    for number, record in enumerate(records, start=1):
        try:
            opened.append(age.decrypt(record, keys))
        except age.DecryptError as error:
            if not opened or number < len(records):
                reason = str(error).partition("\n")[0]
                message = text(
                    "{what} do not open with {identity}: {reason}", what=what, identity=identity, reason=reason
                )
                raise ReconcilerError(
                    "cannot-decrypt", message, text("they are for another key, or the file is damaged")
                ) from None
            torn += 1  # a power cut can leave the last record with its end but without its middle
    return Unsealed(b"".join(opened), torn)


def _records(data: bytes) -> tuple[list[bytes], int]:
    """The records that have a beginning and an end, and the number of pieces that lack one."""
    before, *pieces = data.split(_BEGIN)
    records: list[bytes] = []
    torn = int(bool(before.strip()))
    for piece in pieces:
        body, end, rest = piece.partition(_END)
        if end:
            records.append(_BEGIN + body + _END + b"\n")
        torn += not end or bool(rest.strip())
    return records, torn


def _identities(path: Path) -> list[Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(text("the identity file {path}", path=path), error) from None
    if is_sealed(data):
        hint = text("open it first: --identity <(age -d {path})", path=path)
        raise ReconcilerError("bad-identity", text("the identity file {path} is itself encrypted", path=path), hint)
    keys = [_ssh_key(path, data)] if data.lstrip().startswith(b"-----BEGIN") else list(_age_keys(path, data))
    if not keys:
        raise ReconcilerError(
            "bad-identity",
            text("the identity file {path} holds no identity", path=path),
            text("age-keygen -o FILE makes one"),
        )
    return keys


def _ssh_key(path: Path, data: bytes) -> Any:
    age = _pyrage()
    try:
        return age.ssh.Identity.from_buffer(data)
    except age.IdentityError:
        hint = text("an ed25519 or RSA key without a passphrase is needed; age itself also asks for passphrases")
        raise ReconcilerError("bad-identity", text("the SSH key {path} cannot be used", path=path), hint) from None


def _age_keys(path: Path, data: bytes) -> Iterator[Any]:
    age = _pyrage()
    for number, line in enumerate(data.decode("ascii", "replace").splitlines(), start=1):
        identity = line.strip()
        if not identity or identity.startswith("#"):
            continue
        try:
            yield age.x25519.Identity.from_str(identity)
        except age.IdentityError:
            message = text("line {number} of the identity file {path} is no age identity", number=number, path=path)
            raise ReconcilerError(
                "bad-identity", message, text("a line is AGE-SECRET-KEY-1… or begins with #")
            ) from None


def _pyrage() -> Any:
    try:
        import pyrage  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise ReconcilerError("extra-missing", text("encryption needs pyrage"), install_hint("age")) from None
    return pyrage
