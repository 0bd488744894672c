"""One apply, from what earlier runs left open to the read-back: the calls, the books, and a last look.

`cli/apply.py` decides what is shown and asked; here is what happens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from reconciler.apply.channel import CallChannel
from reconciler.apply.execute import execute
from reconciler.apply.history import record_bytes
from reconciler.apply.read_back import closed_books, deliver, left_alone
from reconciler.apply.record import RunContext
from reconciler.apply.refresh import OnProgress, OpenRuns, Refreshed, Session, refresh
from reconciler.clock import now, stamp
from reconciler.core.authorship import ListedBefore
from reconciler.core.history import LONGEST, begun_record, ended_record
from reconciler.core.in_doubt import still_untold
from reconciler.core.model.desired import DesiredState
from reconciler.core.model.message import text
from reconciler.core.model.outcome import Event, Finding, Intent
from reconciler.core.model.plan import Plan
from reconciler.core.model.report import ActionResult, Report
from reconciler.core.model.secret import Secret
from reconciler.core.recovery import adopted_entries, managed_entries
from reconciler.core.report import action_results
from reconciler.core.saved.plan_json import digest
from reconciler.core.withdrawal import never_sent
from reconciler.credentials.age import is_sealed
from reconciler.credentials.delivery import Credential, CredentialsFile
from reconciler.credentials.passwords import generate_password
from reconciler.errors import Declined, ReconcilerError, VendorError, told_error, unwritable
from reconciler.ledger.books import Books, save_recovered
from reconciler.ledger.journal import RunRecord
from reconciler.ledger.ledger import Objects, next_name
from reconciler.ledger.lock import who_we_are
from reconciler.ledger.remote import RemoteStore
from reconciler.ledger.swap_store import HISTORY
from reconciler.log import tell
from reconciler.vendor.retry import Budget
from reconciler.vendor.writer import Writer


def record_recovery(session: Session, refreshed: Refreshed, credentials: CredentialsFile) -> None:
    """Write down what the refresh recovered: SIP passwords that were not delivered, then the books.

    Raises:
        ReconcilerError: the vendor does not show an agent, or ledger or credentials cannot be written.
        OSError: the journal cannot be opened.
    """
    here, there = refreshed.open.here, refreshed.open.there
    if here is None and there is None:
        _bind(session, refreshed)
        return
    for finding in refreshed.findings:
        if finding.sip_number is not None:
            deliver(session.reader, finding, credentials)
    if not refreshed.plan.actions:
        session.record_seen(refreshed)
    _withdraw_never_sent(refreshed, credentials)
    objects = {**_not_yet_kept(session, refreshed.open), **kept_remotely(session, credentials)}
    save_recovered(refreshed.ledger, session.journal, here, there, objects)


def _withdraw_never_sent(refreshed: Refreshed, credentials: CredentialsFile) -> None:
    """Withdraw the passwords that earlier runs stored and that were never sent.

    A remote ledger was given all passwords of a run before its first call, those of batches included.
    """
    runs, there = refreshed.open, refreshed.open.there
    for run in runs.to_look_up:
        ahead = there if there is not None and there.id == run.id and not there.ended else None
        journal = [call.intent for call in run.calls] if ahead is not None and run is runs.here else None
        open_intents = (ahead or run).open_intents
        stored = [intent for intent in open_intents if ahead is not None or not intent.vendor_password]
        # A file that cannot be written ends the run where something must stand in it. The ledger has the doubt as well.
        with suppress(ReconcilerError):
            credentials.withdraw_stored(sorted(never_sent(stored, refreshed.live, journal)), run.started)


def _not_yet_kept(session: Session, runs: OpenRuns) -> Objects:
    """The credentials of this machine's run that died before it could store them with the remote ledger, sealed."""
    here, there = runs.here, runs.there
    if not isinstance(session.store, RemoteStore) or here is None or there is None:
        return {}
    if here.id == there.id and not there.ended:
        with suppress(OSError):
            data = Path(here.credentials).read_bytes()
            return {session.store.credentials_before_own: data} if is_sealed(data) else {}
    return {}


def kept_remotely(session: Session, credentials: CredentialsFile, coming: Iterable[Credential] = ()) -> Objects:
    """What a remote ledger is to keep beside it: the run's credentials, sealed, and those that are `coming`."""
    if not isinstance(session.store, RemoteStore):
        return {}
    sealed = credentials.sealed(coming)
    return {} if sealed is None else {session.store.own_credentials: sealed}


def refuse_unkept(session: Session, plan: Plan, credentials: CredentialsFile) -> None:
    """Refuse a plan whose credentials a remote ledger could not keep, since nobody is named who could open them.

    Raises:
        Declined: the plan makes credentials, and there are no recipients.
    """
    if not session.store.remote or credentials.is_sealed or not makes_credentials(plan):
        return
    hint = text(
        "name recipients: in the files (docs/credentials.md): new credentials are stored with the ledger, sealed"
    )
    raise Declined(
        "no-recipients",
        text("nothing was done: the plan makes credentials, and a runner that dies would lose them"),
        hint,
    )


def makes_credentials(plan: Plan) -> bool:
    """Whether the vendor or this tool chooses a password or a SIP password when the plan is carried out."""
    chosen = any(
        action.kind == "password" and (action.password is None or action.password.kind == "generate")
        for action in plan.actions
    )
    return chosen or any(call.kind == "create" or call.fields.get("sipNumber") for call in plan.calls)


def nothing_to_do(refreshed: Refreshed) -> Report:
    """The report of an apply whose plan has no action: what recovery found is told with it.

    Raises:
        ReconcilerError: the ledger cannot be written.
    """
    ledger = refreshed.ledger
    untold = still_untold(ledger.untold, refreshed.plan, narrowed=refreshed.narrowed)
    if ledger.untold != untold:
        ledger.untold = untold
        ledger.save(ledger.run)
    return Report((), left_alone(refreshed), verified=True)


def _bind(session: Session, refreshed: Refreshed) -> None:
    """Where there is nothing to do, the ledger learns all the same: its endpoint, what is owed no longer, the files."""
    ledger = refreshed.ledger
    if refreshed.plan.actions:
        return
    settled, moved = managed_entries(session.goal.managed(), ledger.view), session.record_seen(refreshed)
    if settled or moved or (ledger.serial and (refreshed.findings or refreshed.learned or not ledger.bound)):
        ledger.update(settled)
        ledger.save(ledger.run)  # nobody ran: what the journal of that run says is still news


def carry_out(
    session: Session,
    refreshed: Refreshed,
    passwords: dict[str, Secret],
    credentials: CredentialsFile,
    stop: threading.Event,
    on_event: Callable[[Event], None],
) -> Report:
    """Run the plan's calls and keep the books, then read the listing again and compare. `on_event` hears each event.

    Raises:
        ReconcilerError: ledger, journal or credentials cannot be written; nothing was sent.
    """
    plan, transport = refreshed.plan, session.transport
    room = _room_for_the_end(refreshed)
    books, record = _opened_books(session, refreshed, passwords, credentials)
    with closing(books):
        writer, budget = Writer(transport, plan.company), Budget(len(plan.calls))
        replaced = [action.operator_id for action in plan.actions if action.kind == "replace"]
        before = ListedBefore.of(refreshed.live, replaced)
        clock = transport.server_time.now
        channel = CallChannel(writer, session.reader, passwords, budget, stop, transport.sleep, before, clock)
        context = RunContext(channel, books, credentials, transport.parallelism)
        tell("run", {"run": session.run_id, "calls": len(plan.calls)})
        events: list[Event] = []
        try:
            for event in execute(plan.calls, context):
                events.append(event)
                on_event(event)
        except MemoryError:
            room.clear()
            cut = _cut_short(books, action_results(plan, events), interrupted=stop.is_set())
            cut = replace(cut, mismatches=left_alone(refreshed))
            return _ended(session, context, cut, record, refreshed, events)
        room.clear()
        with suppress(VendorError, OSError):
            for operator_id in () if stop.is_set() else _created_late(plan, events):
                deliver(session.reader, Finding(operator_id, text("came late")), credentials)
        report = closed_books(session, context, refreshed, events)
        return _ended(session, context, report, record, refreshed, events)


def _ended(
    session: Session,
    context: RunContext,
    report: Report,
    record: dict[str, Any],
    refreshed: Refreshed,
    events: Sequence[Event],
) -> Report:
    """Say in the books how the run ended, and write its history. Where a store does not take that, the report warns.

    What recovery found has been told now, unless the run was interrupted.
    """
    indices = (index for event in events if event.outcome == "lost" for index in event.call.actions)
    plan, books = refreshed.plan, context.books
    lost = {(plan.actions[index].kind, plan.actions[index].operator_id) for index in indices}
    told = untold = books.ledger.untold
    if not report.interrupted:
        untold = still_untold(told, plan, narrowed=refreshed.narrowed)
    books.ledger.untold = untold
    try:
        ended = record_bytes(ended_record(record, stamp(now()), report, lost))
        objects = {**kept_remotely(session, context.credentials), books.ledger.history: ended}
        if told != untold and not session.store.remote:
            books.ledger.save(session.run_id)
        books.end("interrupted" if report.interrupted else "done" if report.exit_code == 0 else "in part", objects)
    except (ReconcilerError, MemoryError) as error:
        words = _NO_MEMORY if isinstance(error, MemoryError) else told_error(error)
        if session.store.remote:
            words = text("{words}; the next apply looks up what this one did", words=words)
        return replace(report, warnings=(*report.warnings, words))
    return report


def _room_for_the_end(refreshed: Refreshed) -> bytearray:
    """Memory that the end of the run may need, set aside before the first call: who has none learns it now.

    The system gives a page of it only when it is written to, so that it costs address space and nothing else.

    Raises:
        MemoryError: there is not so much.
    """
    return bytearray(_ROOM + _ROOM_FOR_AN_AGENT * (len(refreshed.live.agents) + len(refreshed.plan.actions)))


_NO_MEMORY: Final = text("memory ran out before the end of the run could be noted")
_ROOM: Final = 32 * 1024 * 1024
_ROOM_FOR_AN_AGENT: Final = 8 * 1024


def _cut_short(books: Books, results: tuple[ActionResult, ...], *, interrupted: bool) -> Report:
    """Close the books of a run that no memory was left for. What was in flight stays open for the next run."""
    warnings = [text("memory ran out: what was in flight is looked up by the next apply; allow it more memory")]
    try:
        books.checkpoint(settled=False)
    except (ReconcilerError, OSError) as error:
        warnings.append(told_error(error))
    return Report(results, warnings=tuple(warnings), interrupted=interrupted)


def _created_late(plan: Plan, events: list[Event]) -> Iterator[str]:
    """Agents that an abandoned create made after all; their SIP password is delivered too."""
    for event in events:
        if event.call.kind == "password" and event.outcome == "done":
            (index,) = event.call.actions
            if plan.actions[index].recorded.password_unknown:
                yield plan.actions[index].operator_id


def _opened_books(
    session: Session, refreshed: Refreshed, passwords: dict[str, Secret], credentials: CredentialsFile
) -> tuple[Books, dict[str, Any]]:
    """Ledger, credentials, journal and history, each proved writable before the first request; and the run's record.

    A remote ledger gets all intents, and all passwords that the run may set, sealed: also one for each agent of a
    batch, in case that it is made alone.
    """
    ledger, plan, run_id = refreshed.ledger, refreshed.plan, session.run_id
    delivers = any(call.kind == "create" or call.fields.get("sipNumber") for call in plan.calls)
    if (passwords or delivers) and not credentials.used:
        credentials.open()
    if session.store.remote:
        batched = (id_ for call in plan.calls if call.vendor_password for id_ in call.operator_ids)
        passwords |= {operator_id: generate_password() for operator_id in batched}
    saved, started = session.goal.saved, stamp(now())
    if saved:
        ledger.remember_applied(saved.seal, saved.expires_at, started)
    session.record_seen(refreshed)
    ledger.history = next_name(session.store, HISTORY, ".json")
    record = begun_record(run_id, started, session.origin, plan, digest(plan))
    names = (run_id, started, ledger.company.abbreviate, len(plan.calls), str(credentials.path), ledger.lineage)
    run = RunRecord(
        *names,
        ledger.serial,
        endpoint=ledger.endpoint,
        largest_id=refreshed.live.largest_id,
        history=ledger.history,
        who=session.origin.actor[:LONGEST] or who_we_are(),
    )
    coming = (Credential(operator_id, password) for operator_id, password in passwords.items())
    objects = kept_remotely(session, credentials, coming)
    try:
        intents = [Intent.of(call) for call in plan.calls]
        objects = {**objects, ledger.history: record_bytes(record)}
        return Books.begin(ledger, session.journal, run, intents, objects), record
    except OSError as error:
        if saved and ledger.applied.pop(saved.seal, None) and not session.store.remote:
            ledger.save(run_id)  # nothing of it was sent: it can be applied yet
        hint = text("nothing was sent; mend that and run apply again")
        raise unwritable(text("the journal {journal}", journal=session.journal), error, hint) from None


def adopt(
    session: Session,
    desired: DesiredState,
    patterns: tuple[str, ...],
    credentials: CredentialsFile,
    on_progress: OnProgress,
) -> int:
    """Record what the file says of live agents as applied, and send nothing; returns how many agents."""
    refreshed = refresh(session, on_progress)
    record_recovery(session, refreshed, credentials)  # what the last run left open would otherwise be forgotten
    ledger = refreshed.ledger
    entries = adopted_entries(desired, refreshed.live, ledger.view, patterns)
    ledger.update(entries)
    for operator_id in (*patterns, *(id_ for id_ in entries if ledger.untold.get(id_) != "author")):
        ledger.untold.pop(operator_id, None)
    ledger.save("adopt")
    return len(entries)
