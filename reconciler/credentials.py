"""Passwords in (environment, file, generated) and credentials out (a private file, one JSON line each).

Every password that an apply needs is read and checked before the first request. A password is on disk before the
request that makes it true, so no agent ever has one that nobody knows.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import string
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from reconciler.core.model import Action, PasswordSource, Place, Problem, Secret
from reconciler.errors import MissingSecrets, ReconcilerError
from reconciler.storage import private_folder, sync_folder

SHORTEST: Final = 6
LONGEST: Final = 32
"""Characters of a password (2.1.1)."""
GENERATED: Final = 20
_ALPHABET: Final = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))
_MAX_FILE: Final = 4096


def generate() -> Secret:
    """A strong password (some 116 bits) of characters that are not mistaken for one another."""
    while True:
        text = "".join(secrets.choice(_ALPHABET) for _ in range(GENERATED))
        if any(c.islower() for c in text) and any(c.isupper() for c in text) and any(c.isdigit() for c in text):
            return Secret(text)


def resolve(
    actions: Iterable[Action], environment: Mapping[str, str], private: Iterable[Path] = ()
) -> dict[str, Secret]:
    """The password of every agent that is created, replaced or given a new one, by operatorId.

    Raises `MissingSecrets` with every problem at once. Files in `private` (the token's) are never taken for one.
    """
    passwords: dict[str, Secret] = {}
    problems: list[Problem] = []
    for action in actions:
        if action.kind not in ("create", "replace", "password"):
            continue
        found = _read(action.password, environment, private)
        if isinstance(found, Secret):
            passwords[action.operator_id] = found
        else:
            place = action.place or Place("", 1)
            problems.append(Problem(place, f"{action.operator_id}.password", *found))
    if problems:
        raise MissingSecrets(tuple(problems))
    return passwords


def _read(
    source: PasswordSource | None, environment: Mapping[str, str], private: Iterable[Path]
) -> Secret | tuple[str, str]:
    """The password, or what is wrong and what to do."""
    if source is None or source.kind == "generate":
        return generate()
    if source.kind == "env":
        where, text = f"environment variable {source.name}", environment.get(source.name)
        if text is None:
            return f"{where} is not set", "set it where apply runs"
    else:
        where = f"password file {source.name}"
        try:
            text = _read_file(Path(source.name), private)
        except (OSError, ValueError) as error:
            return f"{where} cannot be read: {getattr(error, 'strerror', None) or error}", "put it where apply runs"
    if not SHORTEST <= len(text) <= LONGEST:
        return f"{where} has {len(text)} characters", f"a password has {SHORTEST} to {LONGEST}"
    if not text.isprintable():
        return f"{where} holds a character that nobody can type", "it must be one line of printable text"
    return Secret(text)


def _read_file(path: Path, private: Iterable[Path]) -> str:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no regular file")
    if any(other.exists() and os.path.samestat(status, other.stat()) for other in private):
        raise ValueError("it holds reconciler's own token")
    with path.open("rb") as stream:
        data = stream.read(_MAX_FILE + 1)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


class CredentialsFile:
    """Appends a JSON line for each new credential: `operatorId, password, sipNumber, sipPassword, at`.

    Mode 0600. A line is on disk (fsync) when `write` returns. Later lines of an agent complete earlier ones.
    """

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self.path = path
        self._now = now
        self._stream: IO[bytes] | None = None
        self._passwords: dict[str, Secret] = {}

    def open(self) -> None:
        """Make sure that credentials can be stored; raises `ReconcilerError` where they cannot, before any is made."""
        try:
            private_folder(self.path.parent)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            handle = os.open(self.path, flags, 0o600)
            if os.fstat(handle).st_mode & 0o077:
                os.close(handle)
                hint = f"chmod 600 {self.path}, or name another with --credentials"
                raise ReconcilerError(f"the credentials file {self.path} can be read by others", hint)
            self._stream = os.fdopen(handle, "ab", buffering=0)
            sync_folder(self.path.parent)
        except OSError as error:
            hint = "nothing was sent; name another with --credentials"
            raise ReconcilerError(
                f"the credentials file {self.path} cannot be written: {error.strerror}", hint
            ) from None

    def write(
        self,
        operator_id: str,
        password: Secret | None,
        sip_number: str | None = None,
        sip_password: Secret | None = None,
    ) -> None:
        """Store one line; `OSError` when the disk will not take it. A SIP part repeats the password stored before."""
        if self._stream is None:
            self.open()
        if password is not None:
            self._passwords[operator_id] = password
        password = self._passwords.get(operator_id)
        line = {
            "operatorId": operator_id,
            "password": password.reveal() if password else None,
            "sipNumber": sip_number,
            "sipPassword": sip_password.reveal() if sip_password else None,
            "at": self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if self._stream is not None:
            self._stream.write((json.dumps(line, ensure_ascii=False) + "\n").encode())
            os.fsync(self._stream.fileno())

    @property
    def used(self) -> bool:
        """Whether the file was opened at all."""
        return self._stream is not None

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
