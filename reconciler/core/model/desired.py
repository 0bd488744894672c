"""The desired state that the files describe, and the policy that the command line adds to it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from reconciler.core.model.endpoints import MAX_DELETE_LIST
from reconciler.core.model.problem import Place

if TYPE_CHECKING:
    from reconciler.core.model.fields import Value


@dataclass(frozen=True, slots=True)
class Company:
    """The company that owns the agents; every request names it."""

    abbreviate: str
    company_id: int | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A guardrail's limit as the user writes it: a count (`"500"`) or a share (`"20%"`) of the live agents in scope."""

    text: str

    def allowed(self, live: int) -> int:
        """How many agents the limit allows when `live` agents are in scope; a percentage is rounded down."""
        if self.text.endswith("%"):
            whole, _, part = self.text[:-1].partition(".")
            divisor: int = 100 * 10 ** len(part)
            return int(whole + part) * live // divisor
        return int(self.text)


@dataclass(frozen=True, slots=True)
class PasswordSource:
    """Where a password comes from, never the password itself: an environment variable, a file, or a generator.

    `name` names the variable or the file, and is empty for a generated password. `folder` is the one that a file is
    seen from: that of the desired-state file which names it, unless the command line names another.
    """

    kind: Literal["env", "file", "generate"]
    name: str
    version: int
    folder: str = ""

    @property
    def path(self) -> str:
        """The variable's name, or where the file lies unless the command line says otherwise."""
        return posixpath.join(self.folder, self.name)


@dataclass(frozen=True, slots=True)
class DesiredAgent:
    """An agent as the files want it: canonical values, and only of the fields that they manage."""

    operator_id: str
    fields: Mapping[str, Value]
    password: PasswordSource | None
    place: Place


def matches(patterns: tuple[str, ...], operator_id: str) -> bool:
    """Whether the id matches any of the shell-style patterns; upper and lower case differ."""
    return bool(patterns) and _matcher(patterns)(operator_id) is not None


@lru_cache(maxsize=64)
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(map(translate, patterns))).match


SECONDS_IN: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""The units of a span of time such as `30d`."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What becomes of an agent that is no longer in the files: it is deleted, or else disabled.

    `wait`: the span of time after which a disabled one is deleted, such as `30d`; empty for never.
    """

    disable: bool = False
    wait: str = ""

    @property
    def seconds(self) -> int:
        """The wait in seconds; 0 for none."""
        return int(self.wait[:-1]) * SECONDS_IN[self.wait[-1]] if self.wait else 0


DELETE: Final = Removal()


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What the files describe, resolved and checked.

    `agents` are sorted by id. `sha256` identifies the bytes of the files. A `scope` of `None` covers every agent.
    `lookalikes` is how many ids may look like another one; `None` where the files do not say. `set_in` has the file
    that each top-level key of the policy stands in.
    """

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
    lookalikes: int | None = None
    max_passwords: Limit | None = None
    on_remove: Removal = DELETE
    set_in: Mapping[str, str] = field(default_factory=dict, compare=False)


DEFAULT_EXPIRES_IN: Final = 7 * 86400
"""Seconds that a review of a saved plan holds."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the command line adds to the desired state.

    `expires_in`: seconds that a review of the plan holds.
    `targets`, `excludes`: patterns of the ids that the plan includes and leaves out.
    `allow_lookalikes`: whether agents may be created whose ids look like those of live agents.
    `only`: the ids of the agents in a saved plan; `None` when no saved plan is applied.
    `batch`: whether one call may create several equal agents.
    `delete_list`: how many agents one delete call may name.
    `allow_forgotten`: whether agents of files that exist and were not given may be deleted.
    """

    max_deletes: Limit | None = None
    max_changes: Limit | None = None
    allow_replace: bool = False
    expires_in: int = DEFAULT_EXPIRES_IN
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    only: frozenset[str] | None = None
    batch: bool = True
    delete_list: int = MAX_DELETE_LIST
    allow_lookalikes: bool = False
    max_passwords: Limit | None = None
    allow_forgotten: bool = False

    @property
    def includes_everybody(self) -> bool:
        """Whether the command line leaves no agent out."""
        return self.only is None and not self.targets and not self.excludes

    def includes(self, operator_id: str) -> bool:
        """Whether the plan includes the agent, as far as the command line decides it."""
        if self.only is not None:
            return operator_id in self.only
        targeted = not self.targets or matches(self.targets, operator_id)
        return targeted and not (self.excludes and matches(self.excludes, operator_id))
