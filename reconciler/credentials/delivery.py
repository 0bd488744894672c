"""Passwords in (environment, file, generated) and credentials out (a private file, one JSON line each, or encrypted).

Every password that an apply needs is read and checked before the first request. A password is on disk before the
request that makes it true, so no agent ever has one that nobody knows.
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
from reconciler.files.private import json_line, private_folder, replace_file, sync_folder

_HEAD: Final = 64
_ANOTHER: Final = "nothing was sent; name another with --credentials"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a file says of one agent, the latest; what is `None` was not changed by any run that wrote there."""

    operator_id: str
    password: Secret | None
    sip_number: str | None = None
    sip_password: Secret | None = None
    at: str | None = None


class CredentialsFile:
    """Appends a JSON line for each new credential: `operatorId, password, sipNumber, sipPassword, at`.

    Mode 0600. A line is on disk (fsync) when `write` returns. Later lines of an agent complete earlier ones. With a
    `sealer` only encrypted bytes ever touch the disk: each line is a sealed record until `close` makes all of them
    one ordinary age file. Such a file is always a new one, since nobody here could read what an older one holds.
    `used`: the file was opened, and left there. `whole`: it is in its last form; what is encrypted `age` itself opens.
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
        """Make sure that credentials can be stored; raises `ReconcilerError` where they cannot, before any is made."""
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
            new = isinstance(error, FileExistsError) and os.path.lexists(self.path)
            why = "exists already, and an encrypted one must be new" if new else f"cannot be written: {error.strerror}"
            raise ReconcilerError(f"the credentials file {self.path} {why}", _ANOTHER) from None
        self._handle = handle
        self.used = True

    def _check(self, handle: int) -> None:
        """Refuse a file that others can read or that is encrypted; end a last line that was cut off."""
        status = os.fstat(handle)
        if status.st_mode & 0o077:
            hint = f"chmod 600 {self.path}, or name another with --credentials"
            raise ReconcilerError(f"the credentials file {self.path} can be read by others", hint)
        if is_sealed(os.pread(handle, _HEAD, 0)):
            raise ReconcilerError(
                f"the credentials file {self.path} is encrypted: nothing can be added to it", _ANOTHER
            )
        if status.st_size and os.pread(handle, 1, status.st_size - 1) != b"\n":
            _append(handle, b"\n")

    def write(
        self,
        operator_id: str,
        password: Secret | None,
        sip_number: str | None = None,
        sip_password: Secret | None = None,
    ) -> None:
        """Store one agent's line."""
        self.write_all([Credential(operator_id, password, sip_number, sip_password)])

    def write_all(self, new: Iterable[Credential]) -> None:
        """Store a line for each; `OSError` when the disk will not take them. A SIP part repeats the password."""
        stored = list(new)
        if stored:
            self._append(*map(self._fields, stored))
        # Only now: what the disk did not take is not held.
        self._passwords |= {each.operator_id: each.password for each in stored if each.password is not None}

    def holds(self, operator_id: str, password: Secret) -> bool:
        """Whether this password is the last that was stored of the agent."""
        return self._passwords.get(operator_id) is password

    def _fields(self, new: Credential) -> Mapping[str, object]:
        password = new.password or self._passwords.get(new.operator_id)
        return {
            "operatorId": new.operator_id,
            "password": password.reveal() if password else None,
            "sipNumber": new.sip_number,
            "sipPassword": new.sip_password.reveal() if new.sip_password else None,
            "at": stamp(self._now()),
        }

    def withdraw(self, operator_id: str) -> None:
        """Say that the password that was stored last was refused, or never sent, and is not true."""
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
        """Close the file. Sealed records become one age file; where the disk will not take that, they stay."""
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
                self.path.unlink()  # made by `open`; left there it would be refused the next time
            self.whole = True


def _append(handle: int, data: bytes) -> None:
    """All of it, or `OSError` and the file as it was: half a line would spoil the next one."""
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
    """What a credentials file holds, by operatorId; how many of its lines were cut off; whether others can read it."""

    credentials: tuple[Credential, ...]
    torn: int
    exposed: bool


def read_credentials(path: Path, identity: Path | None) -> Delivered:
    """Read a credentials file, plain or encrypted, during a run or after it.

    Raises `ReconcilerError` when it is not there, damaged, or for another key. No message holds anything of it.
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
            found = _credential(line) if line.strip() else None
        except (KeyError, TypeError):
            message = f"{path} is no credentials file, or is damaged: line {number} cannot be understood"
            raise ReconcilerError(message) from None
        except (ValueError, RecursionError):
            torn += 1
            continue
        if found is not None:
            latest[found.operator_id] = _completed(latest.get(found.operator_id, found), found)
            if b'"withdrawn": true}' in line:
                latest[found.operator_id] = replace(latest[found.operator_id], password=None)
    return Delivered(tuple(latest[operator_id] for operator_id in sorted(latest)), torn, exposed)


def _credential(line: bytes) -> Credential:
    """One line; `ValueError` when it is the beginning of one, `KeyError` or `TypeError` when it is something else."""
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
    """What a later line does not say is as it was."""
    names = ("password", "sip_number", "sip_password", "at")
    kept = {name: getattr(before, name) for name in names if getattr(after, name) is None}
    return replace(after, **kept)
