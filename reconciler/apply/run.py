"""One apply, from what earlier runs left open to the read-back: the calls, the books, and a last look.

`cli/apply.py` decides what is shown and asked; here is what happens.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress

from reconciler.apply.execute import RunContext, execute
from reconciler.apply.refresh import OnProgress, Refreshed, Session, refresh
from reconciler.apply.settle import Budget, CallChannel
from reconciler.clock import now, stamp
from reconciler.core.model.desired import DesiredState
from reconciler.core.model.live import LiveState
from reconciler.core.model.outcome import ActionResult, CallOutcome, Event, Finding, Mismatch, Report
from reconciler.core.model.plan import Plan
from reconciler.core.model.secret import Secret
from reconciler.core.recovery import adopted, given_back, recover
from reconciler.core.report import mismatches, results
from reconciler.credentials.delivery import CredentialsFile
from reconciler.errors import ReconcilerError, VendorError
from reconciler.ledger.journal import Journal, Run, last_run
from reconciler.ledger.ledger import Ledger
from reconciler.vendor.http import Reader, Writer


def keep(session: Session, refreshed: Refreshed, credentials: CredentialsFile) -> None:
    """Write down what was recovered: SIP passwords that were not delivered, then the ledger, then that it is done."""
    run = refreshed.run
    if run is None or not run.open_intents:
        return
    for finding in refreshed.findings:
        if finding.sip_number is not None:
            _deliver(session.reader, finding, credentials)
    refreshed.ledger.save(run.id)
    with closing(Journal(session.journal)) as journal:
        journal.resume()
        journal.saved(refreshed.ledger.serial, settled=True)
        if not run.ended:
            journal.end("cut short; what it left open was looked up later")


def _deliver(reader: Reader, finding: Finding, credentials: CredentialsFile) -> None:
    found = reader.one(finding.operator_id)
    if found is not None and found.sip_password is not None:
        credentials.write(finding.operator_id, None, found.sip_number, found.sip_password)


def carry_out(
    session: Session,
    refreshed: Refreshed,
    passwords: dict[str, Secret],
    credentials: CredentialsFile,
    stop: threading.Event,
    ended: Callable[[Event], None],
) -> Report:
    """Run the plan's calls and keep the books, then read the listing again and compare. `ended` hears every event.

    Raises `ReconcilerError` when ledger, journal or credentials cannot be written, before anything is sent.
    """
    plan, ledger = refreshed.plan, refreshed.ledger
    run_id = secrets.token_hex(8)
    with closing(_opened_books(session, refreshed, run_id, passwords, credentials)) as journal:
        channel = CallChannel(
            Writer(session.transport, plan.company),
            session.reader,
            passwords,
            Budget(len(plan.calls)),
            stop,
            session.transport.sleep,
        )
        context = RunContext(channel, ledger, credentials, journal, session.transport.parallelism)
        events: list[Event] = []
        for event in execute(plan.calls, context):
            events.append(event)
            ended(event)
        with suppress(VendorError, OSError):
            for operator_id in () if stop.is_set() else _came_late(plan, events):
                _deliver(session.reader, Finding(operator_id, "came late"), credentials)
        outcome = results(plan, events)
        report = _closed_books(session, refreshed, context, outcome, run_id, {event.outcome for event in events})
        with suppress(OSError):
            journal.end("interrupted" if report.interrupted else "done" if report.exit_code == 0 else "in part")
        return report


def _came_late(plan: Plan, events: list[Event]) -> Iterator[str]:
    """Whom a create that was given up has made after all: with the new password goes the SIP number's."""
    for event in events:
        if event.call.kind == "password" and event.outcome == "done":
            (index,) = event.call.actions
            if plan.actions[index].recorded.password_unknown:
                yield plan.actions[index].operator_id


def _closed_books(
    session: Session,
    refreshed: Refreshed,
    context: RunContext,
    outcome: tuple[ActionResult, ...],
    run_id: str,
    ends: set[CallOutcome],
) -> Report:
    """Save the ledger, read back, and let the listing say what became of calls whose answers were lost.

    A vendor that answered nothing all along is not asked once more.
    """
    ledger = refreshed.ledger
    try:
        if session.goal.saved and ends <= {"not-sent", "skipped"}:
            ledger.applied.pop(session.goal.saved.seal, None)
        ledger.save(run_id)
        _noted(context.journal, ledger, settled="lost" not in ends)
        if context.channel.stop.is_set():
            return Report(outcome, interrupted=True)
        again = _read_back(session) if ends & {"done", "refused"} else None
        if again is not None and "lost" in ends:
            _settle_unknown(session, ledger, again, run_id, context)
        if again is not None and (back := given_back(again, ledger.view)):
            ledger.take(back)
            ledger.save(run_id)
            _noted(context.journal, ledger, settled=True)
    except (ReconcilerError, OSError) as error:
        # What was sent is in the journal: the next run tells the ledger.
        return Report(outcome, warnings=(str(error),), interrupted=context.channel.stop.is_set())
    if again is None:
        return Report(outcome)
    left = session.goal.left(again, ledger.view)
    return Report(outcome, (*mismatches(outcome, left), *_uninvited(context.strangers)), verified=True)


def _uninvited(operator_ids: list[str]) -> Iterator[Mismatch]:
    for operator_id in operator_ids:
        yield Mismatch(operator_id, "was created by the vendor in a batch, although nobody asked for it")


def _opened_books(
    session: Session, refreshed: Refreshed, run_id: str, passwords: Mapping[str, Secret], credentials: CredentialsFile
) -> Journal:
    """Ledger, credentials and journal, each proved writable before the first request."""
    delivers = any(call.kind == "create" or call.fields.get("sipNumber") for call in refreshed.plan.calls)
    if (passwords or delivers) and not credentials.used:
        credentials.open()
    ledger, plan = refreshed.ledger, refreshed.plan
    if saved := session.goal.saved:
        ledger.remember_applied(saved.seal, saved.expires_at, stamp(now()))
    ledger.save(run_id)
    journal = Journal(session.journal)
    run = Run(
        run_id,
        stamp(now()),
        plan.company.abbreviate,
        len(plan.calls),
        str(credentials.path),
        ledger.lineage,
        ledger.serial,
    )
    try:
        journal.begin(run)
    except OSError as error:
        _unspent(session, ledger, run_id)
        hint = "nothing was sent; mend that and run apply again"
        raise ReconcilerError(f"the journal {session.journal} cannot be written: {error.strerror}", hint) from None
    return journal


def _unspent(session: Session, ledger: Ledger, run_id: str) -> None:
    """A saved plan of which nothing was sent can be applied yet."""
    if session.goal.saved and ledger.applied.pop(session.goal.saved.seal, None):
        ledger.save(run_id)


def _noted(journal: Journal, ledger: Ledger, *, settled: bool) -> None:
    """Tell the journal that the ledger knows; without that line the next run merely tells the ledger again."""
    try:
        journal.saved(ledger.serial, settled=settled)
    except OSError:
        return


def _read_back(session: Session) -> LiveState | None:
    """The listing again, `None` where it cannot be read."""
    try:
        return session.live()
    except VendorError:
        return None


def _settle_unknown(session: Session, ledger: Ledger, live: LiveState, run_id: str, context: RunContext) -> None:
    run = last_run(session.journal)
    if run is None:
        return
    entries, findings = recover(run.open_intents, live, ledger.view)
    ledger.take(entries)
    for finding in findings:
        if finding.sip_number is not None:
            _deliver(session.reader, finding, context.credentials)
    ledger.save(run_id)
    _noted(context.journal, ledger, settled=True)


def adopt(
    session: Session,
    desired: DesiredState,
    patterns: tuple[str, ...],
    credentials: CredentialsFile,
    on_progress: OnProgress,
) -> int:
    """Record what the file says of live agents as applied, and send nothing; returns how many agents."""
    refreshed = refresh(session, on_progress)
    keep(session, refreshed, credentials)  # what the last run left open would otherwise be forgotten
    ledger = refreshed.ledger
    entries = adopted(desired, refreshed.live, ledger.view, patterns)
    ledger.take(entries)
    ledger.save("adopt")
    return len(entries)
