"""Everything the project raises on purpose, in one tree, each class with the exit code that `cli.main` ends with.

    ReconcilerError          1   the run cannot go on; carries what to do next
    ├── InvalidFiles         1   the desired-state files have problems; carries them all
    ├── VendorError          1   the vendor refused, or could not be reached or understood
    │   └── IncompleteListing  1   the listing changed during every reading; nothing may be concluded from it
    ├── MissingSecrets       1   passwords that apply needs cannot be read; carries every problem
    ├── NewerFormat          1   a newer version wrote the file; it is left as it is
    ├── LedgerConflict       1   somebody else wrote the ledger meanwhile; theirs is kept
    ├── Declined             3   nothing was done, on purpose: no approval, a violated guardrail, a blocked change
    │   ├── LockHeld           3   another apply holds the ledger's lock
    │   └── Stale              3   a reviewed plan no longer holds; carries what moved
    └── WrongUsage          64   a setting on the command line or in the environment is unusable

A message may hold text of the vendor or of a file: whoever prints it makes that visible first
(`render.terminal.visible`). No message ever holds a secret, neither in its words nor as one of its values.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from reconciler.about import DISTRIBUTION
from reconciler.core.model.message import NOTHING, Text, text, verbatim

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.model.ledger import LockInfo
    from reconciler.core.model.outcome import StaleAgent
    from reconciler.core.model.problem import Problem


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out; libraries and threads say so in words of their own."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    words = ("failed to map segment", "annot allocate memory", "can't start new thread", "can't allocate lock")
    unknown = isinstance(error, ImportError | RuntimeError) and any(each in str(error) for each in words)
    return isinstance(error, MemoryError) or unknown


def install_hint(extra: str) -> Text:
    """What to type where the libraries of an extra are missing."""
    return verbatim(f"pip install '{DISTRIBUTION}[{extra}]'")


class ReconcilerError(Exception):
    """The run cannot go on. `message` says why; `hint` says in one sentence what to do next, or is empty.

    `code` names the kind (`core.model.codes`).
    """

    exit_code = 1

    def __init__(self, code: str, message: Text, hint: Text = NOTHING) -> None:
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


def told_error(error: ReconcilerError | OSError) -> Text:
    """The words of an error, those of the operating system too."""
    return error.message if isinstance(error, ReconcilerError) else verbatim(str(error))


def unreadable(what: Text | Path, error: OSError, hint: Text = NOTHING) -> ReconcilerError:
    """The error that a file cannot be read."""
    return ReconcilerError("unreadable-file", text("{what} cannot be read: {why}", what=what, why=error.strerror), hint)


def unwritable(what: Text | Path, error: OSError, hint: Text = NOTHING) -> ReconcilerError:
    """The error that a file cannot be written."""
    words = text("{what} cannot be written: {why}", what=what, why=error.strerror)
    return ReconcilerError("unwritable-file", words, hint)


class InvalidFiles(ReconcilerError):
    """The desired-state files have problems; `problems` holds all of them, sorted by place."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        words = text("{count} {count:problem|problems} in the desired state", count=len(problems))
        super().__init__("invalid-files", words)
        self.problems = problems


class VendorError(ReconcilerError):
    """The vendor refused a read, or could not be reached or understood."""


class IncompleteListing(VendorError):
    """The listing changed during every reading, so that nothing may be concluded from it."""


class MissingSecrets(ReconcilerError):
    """Passwords that apply needs cannot be read or do not fit; `problems` has one problem for each."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        words = text("passwords that this apply needs are missing or unusable; nothing was sent")
        super().__init__("missing-secret", words)
        self.problems = problems


class NewerFormat(ReconcilerError):
    """A newer version wrote the file, in a format that this one does not know; nothing is moved or written."""

    def __init__(self, what: Text, format_: str) -> None:
        newer = "{what} was written by a newer version of reconciler, in the format {format}"
        hint = text("update reconciler, and leave the file as it is; nothing was changed")
        super().__init__("newer-format", text(newer, what=what, format=format_), hint)


class LedgerConflict(ReconcilerError):
    """Somebody else wrote the ledger since it was read; theirs is kept."""


class Declined(ReconcilerError):
    """Nothing was done, on purpose."""

    exit_code = 3


class LockHeld(Declined):
    """Another apply holds the ledger's lock; `info` says which one, where that is known."""

    def __init__(self, code: str, message: Text, hint: Text = NOTHING, info: LockInfo | None = None) -> None:
        super().__init__(code, message, hint)
        self.info = info


class StalePlan(Declined):
    """The reviewed plan no longer holds; `moved` says what has changed, and for which agents."""

    def __init__(self, moved: tuple[StaleAgent, ...]) -> None:
        agents = len({agent.operator_id for agent in moved})
        no_longer = (
            "the plan no longer holds: {count} {count:agent that it touches is|agents that it touches are} "
            "not as it was reviewed"
        )
        hint = text("nothing was done; plan again, and have the new plan reviewed")
        super().__init__("stale-plan", text(no_longer, count=agents), hint)
        self.moved = moved


class WrongUsage(ReconcilerError):
    """A setting on the command line or in the environment is unusable."""

    exit_code = 64
