"""What every remote place for books can do: hold named objects, each replaced only over the version that was seen.

All that is remembered remotely rests on this: lock, ledger and whatever else there is are written once over it, in
`remote`, for object stores and git branches alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

LEDGER: Final = "ledger.json"
LOCK: Final = "lock"
RUN: Final = "run.jsonl"
"""What is open of the last run, as a journal."""
CREDENTIALS: Final = "credentials"
"""The folder of sealed credentials, an object for each run."""
HISTORY: Final = "history"
"""The folder of the history, an object for each run."""


@dataclass(frozen=True, slots=True)
class Version:
    """The bytes of an object, and the store's names for this version; `number` is for stores that go by one."""

    data: bytes
    tag: str | None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """New bytes for an object, over the version that was `seen`; `None` creates it. The bytes must be unique."""

    name: str
    data: bytes
    seen: Version | None


class SwapStore(Protocol):
    """Named objects that are compared and swapped. All methods raise `ReconcilerError` where the store fails.

    No message ever quotes a credential.
    """

    def __str__(self) -> str:
        """The place, for messages."""

    def prove(self) -> None:
        """Refuse a store that could not hold a lock, as far as can be told before it holds one.

        Raises:
            ReconcilerError: it does not keep its conditions.
        """

    def check_rights(self) -> None:
        """Refuse a store that may not be written, as far as can be told without writing.

        Raises:
            ReconcilerError: it may not.
        """

    def get(self, name: str) -> Version | None:
        """The object, or `None` when there is none.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """

    def peek(self, name: str) -> Version | None:
        """The object, as of the last look where the store keeps a copy; `None` when there is none.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """

    def names(self, folder: str) -> list[str]:
        """The names of all objects in a folder, in their order; as of the last look where the store keeps a copy.

        Raises:
            ReconcilerError: the store does not answer, or refuses.
        """

    def swap(self, changes: Sequence[Change]) -> list[Version | None]:
        """Make the changes, in their order, and return the versions that are there afterwards.

        A version with other bytes than its change means that somebody else wrote first, and that neither this nor any
        later change was made. A store that can makes all of them at once.

        Raises:
            ReconcilerError: the store does not answer, or refuses. A change may have been made, or be made yet.
        """

    def close(self) -> None:
        """Remove what the store keeps on this machine while it is in use."""


def content_of(version: Version | None) -> bytes | None:
    """The bytes of a version; `None` for none."""
    return version.data if version else None
