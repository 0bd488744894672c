"""The books of one run: ledger and journal, which are written as a pair."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reconciler.errors import ReconcilerError
from reconciler.ledger.journal import Journal, RunRecord, last_run
from reconciler.ledger.ledger import Ledger

if TYPE_CHECKING:
    from reconciler.core.model.outcome import Event, Intent


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger, and the journal of the run `run_id`. The ledger is saved first: the journal says that it knows."""

    ledger: Ledger
    journal: Journal
    run_id: str

    @classmethod
    def begin(
        cls,
        ledger: Ledger,
        path: Path,
        run_id: str,
        started: str,
        planned: int,
        credentials: str,
        largest_id: int | None = None,
    ) -> Self:
        """Save the ledger and begin the journal at `path` anew, before anything is sent.

        `started` is when (UTC, ISO 8601), `planned` how many calls, `credentials` the file that takes new ones.

        Raises:
            ReconcilerError: the ledger cannot be written, or the journal there has calls that nobody looked up.
            OSError: the journal cannot be written.
        """
        last = last_run(path)
        if last is not None and last.open_intents:
            hint = "run apply again: it looks them up first"
            raise ReconcilerError(f"the journal {path} still has calls that nobody has looked up", hint)
        ledger.save(run_id)
        journal, company = Journal(path), ledger.company.abbreviate
        names = (run_id, started, company, planned, credentials, ledger.lineage, ledger.serial)
        journal.begin(RunRecord(*names, endpoint=ledger.endpoint, largest_id=largest_id))
        return cls(ledger, journal, run_id)

    @classmethod
    def resume(cls, ledger: Ledger, path: Path, run_id: str) -> Self:
        """Go on with the books of a run that has ended, to note that it was recovered.

        Raises:
            OSError: the journal cannot be opened.
        """
        journal = Journal(path)
        journal.resume()
        return cls(ledger, journal, run_id)

    def record_intent(self, intent: Intent) -> int:
        """Note what is about to be sent; it is on disk when this returns. The number names it in `record_outcome`.

        Raises:
            OSError: the disk does not take it, and nothing may be sent.
        """
        entries = self.ledger.entries
        before = {operator_id: entries[operator_id] for operator_id in intent.operator_ids if operator_id in entries}
        return self.journal.record_intent(replace(intent, before=before))

    def record_outcome(self, number: int, event: Event) -> None:
        """Note how a call ended.

        Raises:
            OSError: the disk does not take it; the next run looks the call up.
        """
        self.journal.record_outcome(number, event)

    def checkpoint(self, *, settled: bool) -> None:
        """Save the ledger, then note in the journal that it knows; `settled`: no outcome is unknown any more.

        Raises:
            ReconcilerError: the ledger cannot be written.
        """
        self.ledger.save(self.run_id)
        with suppress(OSError):  # without that line the next run merely tells the ledger again
            self.journal.record_saved(self.ledger.serial, settled=settled)

    def end(self, how: str) -> None:
        """Say in the journal how the run ended, where the disk takes it."""
        with suppress(OSError):
            self.journal.end(how)

    def close(self) -> None:
        """Close the journal's file."""
        self.journal.close()
