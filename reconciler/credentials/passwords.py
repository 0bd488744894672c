"""Passwords in: from the environment, from a file, or generated. All are read before the first request is sent."""

from __future__ import annotations

import os
import secrets
import stat
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from reconciler.core.model.desired import PasswordSource, matches
from reconciler.core.model.message import Text, text
from reconciler.core.model.plan import Action
from reconciler.core.model.problem import Place, Problem
from reconciler.core.model.secret import Secret
from reconciler.errors import MissingSecrets
from reconciler.files.system import AS_BYTES, NO_FOLLOW, NO_WAIT

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
        made = "".join(secrets.choice(_ALPHABET) for _ in range(GENERATED))
        if any(c.islower() for c in made) and any(c.isupper() for c in made) and any(c.isdigit() for c in made):
            return Secret(made)


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What a password may come from. The machine that applies decides it, never a desired-state file or a plan.

    `env`: patterns of the variables that may be named; reconciler's own never may. `folder`: where password files lie,
    in place of the folder of the file that names them. `private`: files that are never taken, such as the token's.
    """

    env: tuple[str, ...] = ("AGENT_*",)
    folder: Path | None = None
    private: tuple[Path, ...] = ()

    def problem(self, source: PasswordSource) -> tuple[Text, Text] | None:
        """Why a password may not come from there, as message and hint; `None` if it may. Nothing is read."""
        if source.kind == "env" and source.name.upper().startswith("RECONCILER_"):
            return text("environment variable {name} is reconciler's own", name=source.name), text("name another")
        if source.kind == "env" and not matches(self.env, source.name):
            message = text("environment variable {name} may not hold a password here", name=source.name)
            hint = "name one that matches {allowed}, or set --password-env (RECONCILER_PASSWORD_ENV) where apply runs"
            return message, text(hint, allowed=", ".join(self.env))
        name = PurePosixPath(source.name)
        if source.kind == "file" and (name.is_absolute() or ".." in name.parts):
            message = text("password file {name} does not lie inside its folder", name=source.name)
            return message, text("name it from there; --secrets-dir (RECONCILER_SECRETS_DIR) says which folder")
        return None


def refuse_sources(actions: Iterable[Action], rules: PasswordRules) -> None:
    """Check what the passwords of these actions come from, without reading any.

    Raises:
        MissingSecrets: some may not come from there; carries a problem for each.
    """
    _raise_all(
        _problem(action, *problem)
        for action in _with_password(actions)
        if action.password is not None and (problem := rules.problem(action.password))
    )


def resolve_passwords(
    actions: Iterable[Action], environment: Mapping[str, str], rules: PasswordRules
) -> dict[str, Secret]:
    """The password of every agent that is created, replaced or given a new one, by operatorId.

    Raises:
        MissingSecrets: passwords are missing or unusable; carries a problem for each.
    """
    passwords: dict[str, Secret] = {}
    problems: list[Problem] = []
    for action in _with_password(actions):
        result = _password_from(action.password, environment, rules)
        if isinstance(result, Secret):
            passwords[action.operator_id] = result
        else:
            problems.append(_problem(action, *result))
    _raise_all(problems)
    return passwords


def _with_password(actions: Iterable[Action]) -> Iterator[Action]:
    return (action for action in actions if action.kind in ("create", "replace", "password"))


def _problem(action: Action, message: Text, hint: Text) -> Problem:
    return Problem(action.place or Place("", 1), f"{action.operator_id}.password", message, hint, "missing-secret")


def _raise_all(problems: Iterable[Problem]) -> None:
    if found := tuple(problems):
        raise MissingSecrets(found)


def _password_from(
    source: PasswordSource | None, environment: Mapping[str, str], rules: PasswordRules
) -> Secret | tuple[Text, Text]:
    """The password, or a problem's message and hint."""
    if source is None or source.kind == "generate":
        return generate_password()
    if (problem := rules.problem(source)) is not None:
        return problem
    if source.kind == "env":
        where, password = text("environment variable {name}", name=source.name), environment.get(source.name)
        if password is None:
            return text("{where} is not set", where=where), text("set it where apply runs")
    else:
        folder = Path(source.folder) if rules.folder is None else rules.folder
        where = text("password file {name}", name=str(folder / source.name))
        try:
            password = _read_file(folder, source.name, rules.private)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error.args[0]
            message = text("{where} cannot be read: {reason}", where=where, reason=reason)
            return message, text("put it where apply runs")
    if not SHORTEST <= len(password) <= LONGEST:
        message = text("{where} has {count} {count:character|characters}", where=where, count=len(password))
        return message, text("a password has {shortest} to {longest}", shortest=SHORTEST, longest=LONGEST)
    if not password.isprintable():
        message = text("{where} holds a character that nobody can type", where=where)
        return message, text("it must be one line of printable text")
    return Secret(password)


def _read_file(folder: Path, name: str, private: Iterable[Path]) -> str:
    """A file's text. A link may lead to another place in the folder, nowhere else: that is how Kubernetes mounts."""
    path = Path(os.path.realpath(folder / name))
    if not path.is_relative_to(os.path.realpath(folder)):
        raise ValueError(text("it is a link that leads out of its folder"))
    # The path has no links any more; one that takes a name's place meanwhile is not followed.
    with os.fdopen(os.open(path, os.O_RDONLY | NO_WAIT | NO_FOLLOW | AS_BYTES), "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(text("it is no regular file"))
        if any(other.exists() and os.path.samestat(status, other.stat()) for other in private):
            raise ValueError(text("it holds reconciler's own token"))
        data = stream.read(_MAX_FILE + 1)
    try:
        password = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(text("it is not UTF-8 text")) from None
    return password.removesuffix("\n").removesuffix("\r")
