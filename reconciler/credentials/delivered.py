"""Credentials read back: what files say, of one run or of many, and the latest of it that is true."""

from __future__ import annotations

import json
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import itemgetter
from pathlib import Path
from typing import Final

from reconciler.core.model.message import text, verbatim
from reconciler.core.model.secret import Secret
from reconciler.credentials.age import Unsealed, is_sealed, unseal
from reconciler.credentials.delivery import Credential, named_file
from reconciler.errors import ReconcilerError, unreadable
from reconciler.files.system import others_can_read

_NAME_KEY: Final = text("name your key with --identity")


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
        raise unreadable(named_file(path), error) from None
    if not is_sealed(data):
        return _delivered(path, Unsealed(data, 0), exposed=stat.S_ISREG(mode) and others_can_read(mode))
    if identity is None:
        raise ReconcilerError("encrypted", text("{what} is encrypted", what=named_file(path)), _NAME_KEY)
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
    """One line: what it says, and whether it withdraws a password: the one that it `names`, or else the last one.

    With `since` (UTC, ISO 8601) it withdraws none that was stored before that time.
    """

    said: Credential
    withdraws: bool = False
    names: Secret | None = None
    since: str = ""


def _line(text: bytes) -> Line:
    """One line.

    Raises `ValueError` for a line that was cut off, and `KeyError` or `TypeError` for one that holds something else.
    """
    if not text.startswith(b"{"):
        raise TypeError
    fields = json.loads(text)
    names = ("operatorId", "password", "sipNumber", "sipPassword", "at")
    values = [*(fields[name] for name in names), fields.get("withdraws"), fields.get("withdrawsSince")]
    if not isinstance(values[0], str) or not all(isinstance(value, str | None) for value in values):
        raise TypeError
    operator_id, password, sip_number, sip_password, at, names, since = values
    said = Credential(operator_id, _secret(password), sip_number, _secret(sip_password), at)
    return Line(said, fields.get("withdrawn") is True, _secret(names), since or "")


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def _latest(lines: Sequence[Line]) -> Credential:
    """The latest that is true of one agent: a password that was withdrawn gives way to the one before it."""
    kept: list[Credential] = []
    for line in lines:
        kept = _without(kept, line) if line.withdraws else [*kept, line.said]
    blank = Credential(lines[-1].said.operator_id, None, at=None if kept else lines[-1].said.at)
    return reduce(_completed, kept, blank)


def _without(said: Sequence[Credential], withdrawal: Line) -> list[Credential]:
    """What was said, without the last setting of the password that is withdrawn.

    A line with a SIP number repeats the password that is in force. Any other line with a password sets it, also to the
    text that it had before, so that one withdrawal takes away one setting.
    """
    settings: list[int] = []
    in_force: Secret | None = None
    for index, each in enumerate(said):
        if each.password is not None and not (each.sip_number and _same(each.password, in_force)):
            settings.append(index)
        in_force = each.password or in_force
    withdrawn = [
        index
        for index in settings
        if (withdrawal.names is None or _same(said[index].password, withdrawal.names))
        and (said[index].at or "") >= withdrawal.since
    ]
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
