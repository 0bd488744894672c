"""Credentials out: the file that new passwords are written to, plain or encrypted, and how it is read back.

A password is on disk before the request that sets it is sent, so no agent ever has a password that nobody knows.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler.clock import stamp
from reconciler.core.model.secret import Secret
from reconciler.credentials.age import Sealer, Unsealed, is_sealed, unseal
from reconciler.errors import ReconcilerError
from reconciler.files.atomic import replace_file, sync_folder
from reconciler.files.private import json_line, private_folder

_HEAD_BYTES: Final = 64
_HINT: Final = "nothing was sent; name another with --credentials"


@dataclass(frozen=True, slots=True)
class Credential:
    """The latest that a credentials file says of one agent; `None` stands for what no line of it says.

    `at` is the time of the last line (UTC, ISO 8601).
    """

    operator_id: str
    password: Secret | None
    sip_number: str | None = None
    sip_password: Secret | None = None
    at: str | None = None


class CredentialsFile:
    """Appends a JSON line for each new credential: `operatorId, password, sipNumber, sipPassword, at`.

    The file has mode 0600. A line is on disk (fsync) when `write` returns. A later line of an agent completes the
    earlier ones. With a `sealer` only encrypted bytes ever touch the disk: each line is a sealed record until `close`
    turns all of them into one ordinary age file. An encrypted file is always a new one, since an older one cannot be
    read here.

    `used`: the file was opened, and is still there. `whole`: the file has its final form, which `age` itself opens
    where it is encrypted.
    """

    def __init__(self, path: Path, now: Callable[[], datetime], sealer: Sealer | None = None) -> None:
        self.path = path
        self.used = False
        self.whole = sealer is None
        self._now = now
        self._sealer = sealer
        self._handle: int | None = None
        self._passwords: dict[str, Secret] = {}
        self._lines: list[bytes] = []

    def open(self) -> None:
        """Open the file, or make it, before the first credential exists.

        Raises:
            ReconcilerError: the file cannot be written, is readable by others, or is encrypted already.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | (os.O_EXCL if self._sealer else 0)
        try:
            private_folder(self.path.parent)
            handle = os.open(self.path, flags, 0o600)
            try:
                self._check(handle)
                sync_folder(self.path.parent)
            except BaseException:
                os.close(handle)
                raise
        except OSError as error:
            if isinstance(error, FileExistsError) and os.path.lexists(self.path):
                reason = "exists already, and an encrypted one must be new"
            else:
                reason = f"cannot be written: {error.strerror}"
            raise ReconcilerError(f"the credentials file {self.path} {reason}", _HINT) from None
        self._handle = handle
        self.used = True

    def _check(self, handle: int) -> None:
        """Refuse a file that others can read or that is encrypted. End a last line that was cut off."""
        status = os.fstat(handle)
        if status.st_mode & 0o077:
            hint = f"chmod 600 {self.path}, or name another with --credentials"
            raise ReconcilerError(f"the credentials file {self.path} can be read by others", hint)
        if is_sealed(os.pread(handle, _HEAD_BYTES, 0)):
            raise ReconcilerError(f"the credentials file {self.path} is encrypted: nothing can be added to it", _HINT)
        if status.st_size and os.pread(handle, 1, status.st_size - 1) != b"\n":
            _append(handle, b"\n")

    def write(
        self,
        operator_id: str,
        password: Secret | None,
        sip_number: str | None = None,
        sip_password: Secret | None = None,
    ) -> None:
        """Write one agent's line.

        Raises:
            OSError: the disk does not take it.
            ReconcilerError: the file was not open yet, and cannot be opened.
        """
        self.write_all([Credential(operator_id, password, sip_number, sip_password)])

    def write_all(self, credentials: Iterable[Credential]) -> None:
        """Write a line for each. A line without a password repeats the agent's password that was written before.

        Raises:
            OSError: the disk does not take them; none of them is written then.
            ReconcilerError: the file was not open yet, and cannot be opened.
        """
        new = list(credentials)
        if new:
            self._append(*map(self._fields, new))
        # After the write: a password that the disk did not take is not held.
        self._passwords |= {each.operator_id: each.password for each in new if each.password is not None}

    def holds(self, operator_id: str, password: Secret) -> bool:
        """Whether this password is the last one that was written for the agent."""
        return self._passwords.get(operator_id) is password

    def _fields(self, credential: Credential) -> Mapping[str, object]:
        password = credential.password or self._passwords.get(credential.operator_id)
        return {
            "operatorId": credential.operator_id,
            "password": password.reveal() if password else None,
            "sipNumber": credential.sip_number,
            "sipPassword": credential.sip_password.reveal() if credential.sip_password else None,
            "at": stamp(self._now()),
        }

    def withdraw(self, operator_id: str) -> None:
        """Write that the agent's last password does not hold: the vendor refused it, or it was never sent.

        Raises:
            OSError: the disk does not take the line.
            ReconcilerError: the file was not open yet, and cannot be opened.
        """
        self._passwords.pop(operator_id, None)
        blank = dict.fromkeys(("password", "sipNumber", "sipPassword"))
        at = stamp(self._now())
        self._append({"operatorId": operator_id, **blank, "at": at, "withdrawn": True})

    def _append(self, *all_fields: Mapping[str, object]) -> None:
        lines = [json_line(fields) for fields in all_fields]
        if self._handle is None:
            self.open()
        if self._handle is not None:
            _append(self._handle, b"".join(map(self._sealer.record, lines) if self._sealer else lines))
        if self._sealer is not None:
            self._lines += lines

    def close(self) -> None:
        """Close the file. Sealed records become one age file; where the disk does not take that, the records stay."""
        if self._handle is None:
            return
        os.close(self._handle)
        self._handle = None
        if self._sealer is None:
            return
        with suppress(OSError):
            self.used = bool(self._lines)
            if self._lines:
                replace_file(self.path, self._sealer.seal(b"".join(self._lines)))
            else:
                self.path.unlink()  # `open` made it; the next run would refuse it, since it exists
            self.whole = True


def _append(handle: int, data: bytes) -> None:
    """Append all of the data, or raise `OSError` and leave the file as it was: half a line would spoil the next one."""
    end = os.fstat(handle).st_size
    try:
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, end)
        raise


@dataclass(frozen=True, slots=True)
class Delivered:
    """The content of a credentials file.

    `credentials`: one for each agent, sorted by operatorId. `torn`: the number of lines that were cut off. `exposed`:
    others can read the file.
    """

    credentials: tuple[Credential, ...]
    torn: int
    exposed: bool


def read_credentials(path: Path, identity: Path | None) -> Delivered:
    """Read a credentials file, plain or encrypted, during a run or after it.

    Raises:
        ReconcilerError: the file cannot be read, is damaged, or is for another key; no message quotes from it.
    """
    try:
        with path.open("rb") as stream:
            data, mode = stream.read(), os.fstat(stream.fileno()).st_mode
    except OSError as error:
        raise ReconcilerError(f"the credentials file {path} cannot be read: {error.strerror}") from None
    if not is_sealed(data):
        return _delivered(path, Unsealed(data, 0), exposed=stat.S_ISREG(mode) and bool(mode & 0o077))
    if identity is None:
        raise ReconcilerError(f"the credentials file {path} is encrypted", "name your key with --identity")
    return _delivered(path, unseal(data, identity), exposed=False)


def _delivered(path: Path, unsealed: Unsealed, *, exposed: bool) -> Delivered:
    latest: dict[str, Credential] = {}
    torn = unsealed.torn
    for number, line in enumerate(unsealed.content.split(b"\n"), start=1):
        try:
            credential = _credential(line) if line.strip() else None
        except (KeyError, TypeError):
            message = f"{path} is no credentials file, or is damaged: line {number} cannot be understood"
            raise ReconcilerError(message) from None
        except (ValueError, RecursionError):
            torn += 1
            continue
        if credential is not None:
            operator_id = credential.operator_id
            latest[operator_id] = _completed(latest.get(operator_id, credential), credential)
            if b'"withdrawn": true}' in line:
                latest[operator_id] = replace(latest[operator_id], password=None)
    return Delivered(tuple(latest[operator_id] for operator_id in sorted(latest)), torn, exposed)


def _credential(line: bytes) -> Credential:
    """The credential of one line.

    Raises `ValueError` for a line that was cut off, and `KeyError` or `TypeError` for one that holds something else.
    """
    if not line.startswith(b"{"):
        raise TypeError
    fields = json.loads(line)
    values = [fields[name] for name in ("operatorId", "password", "sipNumber", "sipPassword", "at")]
    if not isinstance(values[0], str) or not all(isinstance(value, str | None) for value in values):
        raise TypeError
    operator_id, password, sip_number, sip_password, at = values
    return Credential(operator_id, _secret(password), sip_number, _secret(sip_password), at)


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def _completed(before: Credential, after: Credential) -> Credential:
    """The later line, with what it does not say taken from the earlier one."""
    names = ("password", "sip_number", "sip_password", "at")
    kept = {name: getattr(before, name) for name in names if getattr(after, name) is None}
    return replace(after, **kept)
