"""What is asked for: the desired state, as files say it, and the command line's policy. Where it stands, and problems.

Like `core.state`, `core.actions` and `core.outcomes`, these are the values that cross the borders between stages:
frozen, comparable, and inert. Nothing in here knows how it is read, sent or shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from reconciler.core.model.endpoints import DELETE_LIST
from reconciler.core.model.problem import Place

if TYPE_CHECKING:
    from reconciler.core.model.fields import Value


@dataclass(frozen=True, slots=True)
class Company:
    """Whose agents these are; every request names it."""

    abbreviate: str
    company_id: int | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A guardrail's limit as written: a count (`"500"`) or a percentage (`"20%"`) of the live agents in scope."""

    text: str

    def allowed(self, live: int) -> int:
        """How many the limit allows when `live` agents are in scope; a part of one is none."""
        if self.text.endswith("%"):
            whole, _, part = self.text[:-1].partition(".")
            hundredths: int = 100 * 10 ** len(part)
            return int(whole + part) * live // hundredths
        return int(self.text)


@dataclass(frozen=True, slots=True)
class PasswordSource:
    """Where a password comes from, never the password: an environment variable, a file, or generation."""

    kind: Literal["env", "file", "generate"]
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class DesiredAgent:
    """An agent as the file wants it: canonical values of the managed fields only."""

    operator_id: str
    fields: Mapping[str, Value]
    password: PasswordSource | None
    place: Place


def matches(patterns: tuple[str, ...], operator_id: str) -> bool:
    """Whether any of the shell-style patterns matches; upper and lower case differ."""
    return bool(patterns) and _any_of(patterns)(operator_id) is not None


@lru_cache(maxsize=64)
def _any_of(patterns: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(map(translate, patterns))).match


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What the files say, resolved and checked; agents are sorted by id. `scope` is `None` for everyone."""

    company: Company
    agents: tuple[DesiredAgent, ...]
    files: tuple[str, ...]
    sha256: str
    scope: tuple[str, ...] | None = None
    prune: bool = True
    protect: tuple[str, ...] = ()
    max_deletes: Limit | None = None
    max_changes: Limit | None = None
    recipients: tuple[str, ...] = ()


DEFAULT_LIFE: Final = 7 * 86400


@dataclass(frozen=True, slots=True)
class Policy:
    """What the command line says on top of the file. `expires_in` is how many seconds a review of the plan holds.

    `targets` and `excludes` are patterns that narrow whom the plan speaks of; `only` are the agents of a saved plan.
    `batch` lets equal new agents be created together, and `delete_list` is how many one delete may name.
    """

    max_deletes: Limit | None = None
    max_changes: Limit | None = None
    allow_replace: bool = False
    expires_in: int = DEFAULT_LIFE
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    only: frozenset[str] | None = None
    batch: bool = True
    delete_list: int = DELETE_LIST

    @property
    def speaks_of_everybody(self) -> bool:
        """Whether the command line leaves nobody out."""
        return self.only is None and not self.targets and not self.excludes

    def speaks_of(self, operator_id: str) -> bool:
        """Whether the command line leaves the agent in."""
        if self.only is not None:
            return operator_id in self.only
        wanted = not self.targets or matches(self.targets, operator_id)
        return wanted and not (self.excludes and matches(self.excludes, operator_id))
