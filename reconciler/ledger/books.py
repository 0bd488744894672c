"""The books of one run: ledger and journal, which are written as a pair, and what is kept of them remotely."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reconciler.core.model.message import text
from reconciler.errors import ReconcilerError
from reconciler.ledger.journal import Journal, JournaledCall, RunRecord, last_run, open_part, run_in
from reconciler.ledger.ledger import NO_OBJECTS, Ledger, LedgerStore, Objects
from reconciler.ledger.swap_store import RUN

if TYPE_CHECKING:
    from reconciler.core.model.outcome import Event, Intent


@dataclass(slots=True)
class Books:
    """The ledger, and the journal of the run `run_id`. The ledger is saved first: the journal says that it knows.

    With a remote ledger the run is written there twice: all its intents before the first call, and what is open of it
    at its end. In between the journal on this machine has the outcomes.
    """

    ledger: Ledger
    journal: Journal
    run_id: str
    _settled: bool = False

    @classmethod
    def begin(
        cls,
        ledger: Ledger,
        path: Path,
        run: RunRecord,
        intents: Sequence[Intent] = (),
        objects: Objects = NO_OBJECTS,
    ) -> Self:
        """Save the ledger with other `objects` and begin the journal at `path` anew, before anything is sent.

        `run` is yet without calls. A remote ledger gets its `intents` as well, in the same write.

        Raises:
            ReconcilerError: the ledger cannot be written, or the journal there has calls that nobody looked up.
            OSError: the journal cannot be written.
        """
        last = last_run(path)
        if last is not None and last.open_intents:
            hint = text("run apply again: it looks them up first")
            raise ReconcilerError(
                "open-calls", text("the journal {path} still has calls that nobody has looked up", path=path), hint
            )
        books = cls(ledger, Journal(path), run.id)
        if not ledger.store.remote:
            ledger.save(run.id, objects)
            books.journal.begin(replace(run, serial=ledger.serial))
            return books
        run = replace(run, serial=ledger.serial + 1)
        books.journal.begin(run)  # first: where this disk is full, nothing is said to be open
        calls = tuple(JournaledCall(books._knowing(intent)) for intent in intents)
        ledger.save(run.id, objects, {RUN: open_part(replace(run, calls=calls))})
        return books

    def record_intent(self, intent: Intent) -> int:
        """Note what is about to be sent; it is on disk when this returns. The number names it in `record_outcome`.

        Raises:
            OSError: the disk does not take it, and nothing may be sent.
        """
        return self.journal.record_intent(self._knowing(intent))

    def _knowing(self, intent: Intent) -> Intent:
        """The intent, with what the ledger knows of its agents now."""
        entries = self.ledger.entries
        known = {operator_id: entries[operator_id] for operator_id in intent.operator_ids if operator_id in entries}
        return replace(intent, before=known)

    def record_outcome(self, number: int, event: Event) -> None:
        """Note how a call ended.

        Raises:
            OSError: the disk does not take it; the next run looks the call up.
        """
        self.journal.record_outcome(number, event)

    def checkpoint(self, *, settled: bool) -> None:
        """Save the ledger, then note in the journal that it knows; `settled`: no outcome is unknown any more.

        A remote ledger is saved by `end`, once.

        Raises:
            ReconcilerError: the ledger cannot be written.
        """
        self._settled = settled
        if not self.ledger.store.remote:
            self.ledger.save(self.run_id)
            self._note_saved()

    def _note_saved(self) -> None:
        with suppress(OSError):  # without that line the next run merely tells the ledger again
            self.journal.record_saved(self.ledger.serial, settled=self._settled)

    def end(self, how: str, objects: Objects = NO_OBJECTS) -> None:
        """Say how the run ended: in the journal, where the disk takes it, and with the `objects` in the store.

        Raises:
            ReconcilerError: the store cannot be written. A remote ledger then does not know how the run went, and the
                next one looks everything up.
        """
        store = self.ledger.store
        if store.remote:
            run = last_run(self.journal.path)
            if run is not None:
                calls = tuple(replace(call, in_ledger=True) for call in run.calls)
                run = replace(run, calls=calls, recovered=self._settled, ended=how, serial=self.ledger.serial + 1)
            self.ledger.save(self.run_id, objects, {RUN: open_part(run)} if run else {})
            self._note_saved()
        with suppress(OSError):
            self.journal.end(how)
        if not store.remote:
            for name, data in objects.items():
                store.write_beside(name, data)

    def close(self) -> None:
        """Close the journal's file."""
        self.journal.close()


CUT_SHORT = "cut short; what it left open was looked up later"


def remote_run(store: LedgerStore) -> RunRecord | None:
    """The run that a remote ledger was told of last; `None` where there is none, or the ledger is not remote.

    Raises:
        ReconcilerError: the store cannot be read, or what it holds is damaged or of a newer version.
    """
    if not store.remote:
        return None
    return run_in(store.read_beside(RUN), text("the run beside the ledger {name}", name=store.name))


def run_elsewhere(here: RunRecord | None, there: RunRecord | None) -> RunRecord | None:
    """The run `there`, of the remote ledger, where the journal `here` does not know it."""
    return there if there and not (here and here.id == there.id) else None


def save_recovered(
    ledger: Ledger, path: Path, here: RunRecord | None, there: RunRecord | None, objects: Objects
) -> None:
    """Save the ledger, and note that nothing is open any more of the run in the journal `here` and the remote one.

    Raises:
        ReconcilerError: the ledger cannot be written.
        OSError: the journal cannot be opened.
    """
    run_id = there.id if there else here.id if here else ledger.run
    journal = None
    if here is not None:
        journal = Journal(path)
        journal.resume()
    try:
        after: Objects = {}
        if there is not None:
            ended = there.ended or CUT_SHORT
            after = {RUN: open_part(replace(there, calls=(), recovered=True, ended=ended, serial=ledger.serial + 1))}
        ledger.save(run_id, objects, after)
        if journal is not None and here is not None:
            with suppress(OSError):
                journal.record_saved(ledger.serial, settled=True)
                if not here.ended:
                    journal.end(CUT_SHORT)
    finally:
        if journal is not None:
            journal.close()
