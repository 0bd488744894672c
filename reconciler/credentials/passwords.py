"""Passwords in: from the environment, from a file, or generated. All are read before the first request is sent."""

from __future__ import annotations

import os
import secrets
import stat
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.plan import Action
from reconciler.core.model.problem import Place, Problem
from reconciler.core.model.secret import Secret
from reconciler.errors import MissingSecrets

SHORTEST: Final = 6
LONGEST: Final = 32
"""Characters of a password (2.1.1)."""
GENERATED: Final = 20
"""Characters of a generated password."""
_ALPHABET: Final = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))
_MAX_FILE: Final = 4096
"""Bytes of a password file."""


def generate_password() -> Secret:
    """A strong password (some 116 bits) of characters that nobody mistakes for one another."""
    while True:
        text = "".join(secrets.choice(_ALPHABET) for _ in range(GENERATED))
        if any(c.islower() for c in text) and any(c.isupper() for c in text) and any(c.isdigit() for c in text):
            return Secret(text)


def resolve_passwords(
    actions: Iterable[Action], environment: Mapping[str, str], private: Iterable[Path] = ()
) -> dict[str, Secret]:
    """The password of every agent that is created, replaced or given a new one, by operatorId.

    A file in `private` (the token's) is never taken for a password file.

    Raises:
        MissingSecrets: passwords are missing or unusable; carries a problem for each.
    """
    passwords: dict[str, Secret] = {}
    problems: list[Problem] = []
    for action in actions:
        if action.kind not in ("create", "replace", "password"):
            continue
        result = _password_from(action.password, environment, private)
        if isinstance(result, Secret):
            passwords[action.operator_id] = result
        else:
            place = action.place or Place("", 1)
            problems.append(Problem(place, f"{action.operator_id}.password", *result))
    if problems:
        raise MissingSecrets(tuple(problems))
    return passwords


def _password_from(
    source: PasswordSource | None, environment: Mapping[str, str], private: Iterable[Path]
) -> Secret | tuple[str, str]:
    """The password, or a problem's message and hint."""
    if source is None or source.kind == "generate":
        return generate_password()
    if source.kind == "env" and source.name.upper().startswith("RECONCILER_"):
        return f"environment variable {source.name} is reconciler's own", "name another"
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
