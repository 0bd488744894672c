"""What the ledger remembers of each agent, and who holds the lock of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from reconciler.core.model.fields import Value
from reconciler.core.model.live import Identity

Doubt = Literal["", "author", "password"]
"""`author`: nothing shows whether a request of ours or somebody else made the agent, which is owed nothing meanwhile.
`password`: nothing shows whether a request of ours set its password.
"""

Untold = Literal["author", "anew", "noted"]
"""What a recovery found of an agent that may be somebody else's, until an apply that gets to its end has told it.

`author`: nothing showed whether a request of ours made it. `anew`: somebody has made it anew, and a run had left
something of the one before, or was at work. `noted`: somebody has made it anew, and the next plan about it notes that.
"""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the vendor never tells of one agent.

    `password_version`: the version that was set last, or `None`.
    `last_sent`: the latest value sent of each write-only field.
    `password_unknown`: the agent may have a password that nobody knows. An abandoned create may still make the agent,
    with a password that is not the latest one stored.
    `awaited`: what such an abandoned create sent, by field; whoever appears with other values is not of that create.
    `in_doubt`: nobody may know the password, until one is set or people say that they know it. `awaited` and this are
    told of, and decide no action on it.
    `to_restore`: values that a replaced agent must get back.
    `missing_since`: when an apply first saw that the agent is not in the files (UTC, ISO 8601); empty if it is there.
    `disabled_by_removal`: the agent was disabled since it is not in the files.
    `vendor_id`: the vendor's own `id` of the agent that all this is about; `None` where it was never listed.
    `created`: its `ctime`, which stays where a vendor numbers its agents anew.
    `recorded`: the serial of the ledger that first told of the present password, by a create or by setting one; 0 where
    somebody has made the agent anew since, so that none that was stored before is its password.
    """

    password_version: int | None = None
    last_sent: Mapping[str, Value] = field(default_factory=dict)
    password_unknown: bool = False
    to_restore: Mapping[str, Value] = field(default_factory=dict)
    awaited: Mapping[str, Value] | None = None
    in_doubt: Doubt = ""
    missing_since: str = ""
    disabled_by_removal: bool = False
    vendor_id: int | None = None
    created: int | None = None
    recorded: int | None = None

    @property
    def identity(self) -> Identity:
        """Which agent all this is about."""
        return Identity(self.vendor_id, self.created)

    @property
    def deciding(self) -> LedgerEntry:
        """The entry without what decides no action."""
        return replace(self, awaited=None, in_doubt="", vendor_id=None, created=None, recorded=None)


NOT_RECORDED: Final = LedgerEntry()
"""The entry of an agent that the ledger does not know."""

OF_ANOTHER: Final = LedgerEntry(recorded=0)
"""The entry of an agent that somebody has made anew: nothing is known of it, and no stored password is its own."""

LedgerView = Mapping[str, LedgerEntry]
"""The entries by operatorId."""


@dataclass(frozen=True, slots=True)
class LockInfo:
    """The holder of a lock: a random id, `user@host:pid`, and the time of taking it (UTC, ISO 8601)."""

    id: str
    who: str
    since: str
