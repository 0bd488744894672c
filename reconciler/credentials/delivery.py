"""Credentials out: the file that new passwords are written to, plain or encrypted.

A password is on disk before the request that sets it is sent, so no agent ever has a password that nobody knows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from reconciler.clock import stamp
from reconciler.core.model.message import Text, text
from reconciler.core.model.secret import Secret
from reconciler.credentials.age import Sealer, is_sealed
from reconciler.errors import ReconcilerError, unwritable
from reconciler.files.atomic import replace_file
from reconciler.files.private import json_line, private_folder
from reconciler.files.system import AS_BYTES, NO_FOLLOW, others_can_read, read_at, sync_folder

_HEAD_BYTES: Final = 64
_NAME: Final = "credentials-%Y%m%dT%H%M%SZ"
_HINT: Final = text("nothing was sent; name another with --credentials")


def named_file(path: Path) -> Text:
    """What a message calls a credentials file."""
    return text("the credentials file {path}", path=path)


@dataclass(frozen=True, slots=True)
class Credential:
    """The latest that is true of one agent by a credentials file; `None` stands for what no line of it says.

    `at` is the time of the last line that was not withdrawn (UTC, ISO 8601).
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
        self._given: set[str] = set()
        self._lines: list[bytes] = []
        self._kept = False

    def open(self) -> None:
        """Open the file, or make it, before the first credential exists.

        Raises:
            ReconcilerError: the file cannot be written, is readable by others, or is encrypted already.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | NO_FOLLOW | AS_BYTES | (os.O_EXCL if self._sealer else 0)
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
                exists = text("{what} exists already, and an encrypted one must be new", what=named_file(self.path))
                raise ReconcilerError("already-there", exists, _HINT) from None
            raise unwritable(named_file(self.path), error, _HINT) from None
        self._handle = handle
        self.used = True

    def _check(self, handle: int) -> None:
        """Refuse a file that others can read or that is encrypted. End a last line that was cut off."""
        status, what = os.fstat(handle), named_file(self.path)
        if others_can_read(status.st_mode):
            hint = text("chmod 600 {path}, or name another with --credentials", path=self.path)
            raise ReconcilerError("readable-by-others", text("{what} can be read by others", what=what), hint)
        if is_sealed(read_at(handle, _HEAD_BYTES, 0)):
            message = text("{what} is encrypted: nothing can be added to it", what=what)
            raise ReconcilerError("encrypted", message, _HINT)
        if status.st_size and read_at(handle, 1, status.st_size - 1) != b"\n":
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
        self._given |= {each.operator_id for each in new if each.password or each.sip_password}

    @property
    def is_sealed(self) -> bool:
        """Whether it is encrypted, for the recipients."""
        return self._sealer is not None

    def sealed(self, coming: Iterable[Credential] = ()) -> bytes | None:
        """All lines of this run, and those of credentials that are `coming`, as one age file, to be kept elsewhere.

        `None` where there are no recipients, or is nothing to keep, and never was.
        """
        lines = [*self._lines, *(json_line(self._fields(each)) for each in coming)]
        if self._sealer is None or not (lines or self._kept):
            return None
        self._kept = True
        return self._sealer.seal(b"".join(lines))

    @property
    def to_hand_over(self) -> bool:
        """Whether this run wrote a credential that was not withdrawn since."""
        return bool(self._given)

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

        The line names the password, since an older one of the file may be true. Where this run has written none,
        there is nothing to withdraw.

        Raises:
            OSError: the disk does not take the line.
            ReconcilerError: the file was not open yet, and cannot be opened.
        """
        password = self._passwords.pop(operator_id, None)
        self._given.discard(operator_id)
        if password is None:
            return
        self._append(self._withdrawal(operator_id, {"withdraws": password.reveal()}))

    def withdraw_stored(self, operator_ids: Iterable[str], since: str) -> None:
        """Write that the last passwords which another run stored for these agents were never true.

        That run began at `since` (UTC, ISO 8601). Here nobody knows what it stored, so the lines name the time: what
        is older holds again.

        Raises:
            ReconcilerError: the file cannot be written.
        """
        lines = [self._withdrawal(operator_id, {"withdrawsSince": since}) for operator_id in operator_ids]
        try:
            if lines:
                self._append(*lines)
        except OSError as error:
            raise unwritable(named_file(self.path), error, _HINT) from None

    def _withdrawal(self, operator_id: str, what: Mapping[str, object]) -> Mapping[str, object]:
        blank = dict.fromkeys(("password", "sipNumber", "sipPassword"))
        # Version 0.1.0 knows a withdrawal by the end of its line.
        return {"operatorId": operator_id, **blank, "at": stamp(self._now()), **what, "withdrawn": True}

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


def new_path(folder: Path, ending: str, at: datetime) -> Path:
    """The name of a new file: the time, or a second after the latest name where the clock has been set back since.

    So the last file in the order of names is the latest.
    """
    names = [path.name.split(".")[0] for path in folder.glob("credentials-*Z.jsonl*")]
    for name in sorted(names, reverse=True)[:1]:
        with suppress(ValueError):
            at = max(at, datetime.strptime(name, _NAME).replace(tzinfo=UTC) + timedelta(seconds=1))
    return folder / f"{at:{_NAME}}{ending}"


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
