"""Credentials out: the file that new passwords are written to, plain or encrypted, and how it is read back.

A password is on disk before the request that sets it is sent, so no agent ever has a password that nobody knows.
"""

from __future__ import annotations

import json
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import itemgetter
from pathlib import Path
from typing import Final

from reconciler.clock import stamp
from reconciler.core.model.message import Text, text, verbatim
from reconciler.core.model.secret import Secret
from reconciler.credentials.age import Sealer, Unsealed, is_sealed, unseal
from reconciler.errors import ReconcilerError, unreadable, unwritable
from reconciler.files.atomic import replace_file
from reconciler.files.private import json_line, private_folder
from reconciler.files.system import AS_BYTES, NO_FOLLOW, others_can_read, read_at, sync_folder

_HEAD_BYTES: Final = 64
_NAME: Final = "credentials-%Y%m%dT%H%M%SZ"
_HINT: Final = text("nothing was sent; name another with --credentials")
_NAME_KEY: Final = text("name your key with --identity")


def _named(path: Path) -> Text:
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
                exists = text("{what} exists already, and an encrypted one must be new", what=_named(self.path))
                raise ReconcilerError("already-there", exists, _HINT) from None
            raise unwritable(_named(self.path), error, _HINT) from None
        self._handle = handle
        self.used = True

    def _check(self, handle: int) -> None:
        """Refuse a file that others can read or that is encrypted. End a last line that was cut off."""
        status, what = os.fstat(handle), _named(self.path)
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
        blank = dict.fromkeys(("password", "sipNumber", "sipPassword"))
        # Version 0.1.0 knows a withdrawal by the end of its line.
        named = {"at": stamp(self._now()), "withdraws": password.reveal(), "withdrawn": True}
        self._append({"operatorId": operator_id, **blank, **named})

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


@dataclass(frozen=True, slots=True)
class Delivered:
    """The content of credentials files.

    `lines`: what they say, from the earliest to the latest. `torn`: the number of lines that were cut off. `exposed`:
    others can read a file.
    """

    lines: tuple[Line, ...]
    torn: int = 0
    exposed: bool = False

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """The latest of each agent that is true, sorted by operatorId."""
        lines_of: defaultdict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            lines_of[line.said.operator_id].append(line)
        return tuple(_latest(lines_of[operator_id]) for operator_id in sorted(lines_of))


def together(files: Iterable[Delivered], *, in_order: bool) -> Delivered:
    """Several files as one: as they follow one another, or else by the time of each line, whatever file it is in."""
    timed: list[tuple[str, Line]] = []
    time = ""
    for file in files:
        time = time if in_order else ""
        for line in file.lines:
            time = max(time, line.said.at or "")  # a clock that was set back changes no order
            timed.append((time, line))
    return Delivered(tuple(line for _, line in sorted(timed, key=itemgetter(0))))


def read_credentials(path: Path, identity: Path | None) -> Delivered:
    """Read a credentials file, plain or encrypted, during a run or after it.

    Raises:
        ReconcilerError: the file cannot be read, is damaged, or is for another key; no message quotes from it.
    """
    try:
        with path.open("rb") as stream:
            data, mode = stream.read(), os.fstat(stream.fileno()).st_mode
    except OSError as error:
        raise unreadable(_named(path), error) from None
    if not is_sealed(data):
        return _delivered(path, Unsealed(data, 0), exposed=stat.S_ISREG(mode) and others_can_read(mode))
    if identity is None:
        raise ReconcilerError("encrypted", text("{what} is encrypted", what=_named(path)), _NAME_KEY)
    return _delivered(path, unseal(data, identity), exposed=False)


def read_kept(objects: Iterable[tuple[str, bytes]], identity: Path | None) -> tuple[Delivered, int]:
    """Read what runs have kept remotely, from the oldest to the newest; and the number that is for other keys.

    Raises:
        ReconcilerError: there is no identity, none of it opens, or it is damaged; no message quotes from it.
    """
    if identity is None:
        raise ReconcilerError("encrypted", text("credentials beside a ledger are encrypted"), _NAME_KEY)
    contents: list[bytes] = []
    closed: list[ReconcilerError] = []
    for name, data in objects:
        try:
            contents.append(unseal(data, identity, verbatim(name)).content)
        except ReconcilerError as error:
            closed.append(error)
    if closed and not contents:
        raise closed[-1]
    return _delivered(Path("what is kept"), Unsealed(b"".join(contents), 0), exposed=False), len(closed)


def _delivered(path: Path, unsealed: Unsealed, *, exposed: bool) -> Delivered:
    lines, torn = list[Line](), unsealed.torn
    for number, line in enumerate(unsealed.content.split(b"\n"), start=1):
        try:
            lines += [_line(line)] if line.strip() else []
        except (KeyError, TypeError):
            damaged = "{path} is no credentials file, or is damaged: line {number} cannot be understood"
            raise ReconcilerError("bad-credentials", text(damaged, path=path, number=number)) from None
        except (ValueError, RecursionError):
            torn += 1
    return Delivered(tuple(lines), torn, exposed)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it says, and whether it withdraws a password: the one that it `names`, or else the last one."""

    said: Credential
    withdraws: bool = False
    names: Secret | None = None


def _line(text: bytes) -> Line:
    """One line.

    Raises `ValueError` for a line that was cut off, and `KeyError` or `TypeError` for one that holds something else.
    """
    if not text.startswith(b"{"):
        raise TypeError
    fields = json.loads(text)
    names = ("operatorId", "password", "sipNumber", "sipPassword", "at")
    values = [*(fields[name] for name in names), fields.get("withdraws")]
    if not isinstance(values[0], str) or not all(isinstance(value, str | None) for value in values):
        raise TypeError
    operator_id, password, sip_number, sip_password, at, names = values
    said = Credential(operator_id, _secret(password), sip_number, _secret(sip_password), at)
    return Line(said, fields.get("withdrawn") is True, _secret(names))


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def _latest(lines: Sequence[Line]) -> Credential:
    """The latest that is true of one agent: a password that was withdrawn gives way to the one before it."""
    kept: list[Credential] = []
    for line in lines:
        kept = _without(kept, line.names) if line.withdraws else [*kept, line.said]
    blank = Credential(lines[-1].said.operator_id, None, at=None if kept else lines[-1].said.at)
    return reduce(_completed, kept, blank)


def _without(said: Sequence[Credential], password: Secret | None) -> list[Credential]:
    """What was said, without the last setting of this password, or of any where none is named.

    A line with a SIP number repeats the password that is in force. Any other line with a password sets it, also to the
    text that it had before, so that one withdrawal takes away one setting.
    """
    settings: list[int] = []
    in_force: Secret | None = None
    for index, each in enumerate(said):
        if each.password is not None and not (each.sip_number and _same(each.password, in_force)):
            settings.append(index)
        in_force = each.password or in_force
    withdrawn = [index for index in settings if password is None or _same(said[index].password, password)]
    if not withdrawn:
        return list(said)
    first = withdrawn[-1]
    end = next((index for index in settings if index > first), len(said))
    without = [replace(each, password=None) for each in said[first:end] if each.sip_number]
    return [*said[:first], *without, *said[end:]]


def _same(one: Secret | None, other: Secret | None) -> bool:
    return one is not None and other is not None and one.reveal() == other.reveal()


def _completed(before: Credential, after: Credential) -> Credential:
    """The later line, with what it does not say taken from the earlier one."""
    names = ("password", "sip_number", "sip_password", "at")
    kept = {name: getattr(before, name) for name in names if getattr(after, name) is None}
    return replace(after, **kept)
