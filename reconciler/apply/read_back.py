"""The end of a run: the ledger is saved, the agents are read again, and what they show goes into books and report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from reconciler.apply.record import RunContext, keep_in_doubt, owe_nothing, withdraw
from reconciler.apply.refresh import Refreshed, Session
from reconciler.core.authorship import about, author_of, awaiting, identified
from reconciler.core.in_doubt import anew_meanwhile, as_listed, forgotten
from reconciler.core.model.ledger import NOT_RECORDED, OF_ANOTHER, LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.message import text
from reconciler.core.model.outcome import Event, Finding
from reconciler.core.model.report import Mismatch, Report
from reconciler.core.planning.reads import agents_after, is_restored, is_settled, look_after
from reconciler.core.recovery import managed_entries, recover, restored_entries
from reconciler.core.report import action_results, drifted, mismatches, read_back, side_effects
from reconciler.credentials.delivery import CredentialsFile
from reconciler.errors import ReconcilerError, VendorError, told_error
from reconciler.ledger.journal import last_run
from reconciler.vendor.reader import Reader


def closed_books(session: Session, context: RunContext, refreshed: Refreshed, events: Sequence[Event]) -> Report:
    """Save the ledger, read back, and let the listing say what became of calls whose answers were lost.

    A vendor that answered nothing all along is not asked once more.
    """
    books, stop = context.books, context.channel.stop
    results, outcomes = action_results(refreshed.plan, events), {event.outcome for event in events}
    told = left_alone(refreshed)
    try:
        if session.goal.saved and outcomes <= {"not-sent", "skipped"}:
            books.ledger.applied.pop(session.goal.saved.seal, None)
        books.checkpoint(settled="lost" not in outcomes)
        if stop.is_set():
            return Report(results, interrupted=True)
        live = _read_back(session, context, refreshed, events) if outcomes & {"done", "refused"} else None
        if live is None:
            return Report(results, told, interrupted=stop.is_set())
        if "lost" in outcomes:
            _settle_unknown(session, context, live)
        with suppress(VendorError, OSError):
            for operator_id, number in _bound_all_the_same(events, live):
                deliver(session.reader, Finding(operator_id, text("was bound"), number), context.credentials)
        anew = anew_meanwhile(live, books.ledger.view, context.channel.before, refreshed.plan)
        told = (*told, *_made_anew(anew, refreshed))
        _told_by_listing(session, context, live, anew)
        doubtful = _doubtful_creates(context, live)
    except (ReconcilerError, OSError, MemoryError) as error:
        # What was sent is in the journal: the next run tells the ledger.
        words = _NO_MEMORY if isinstance(error, MemoryError) else told_error(error)
        return Report(results, told, warnings=(words,), interrupted=stop.is_set())
    deleted = frozenset(action.operator_id for action in refreshed.plan.actions if action.kind == "delete")
    remaining = session.goal.left(live, books.ledger.view, deleted)
    effects = side_effects(refreshed.plan, events, refreshed.live, live)
    others = (*_uninvited(context.strangers), *doubtful, *told)
    differing = (*read_back(mismatches(results, remaining), effects), *others)
    narrowed = live.asked is not None or refreshed.narrowed
    named = {mismatch.operator_id for mismatch in differing}
    more = tuple(operator_id for operator_id in drifted(refreshed.plan, remaining) if operator_id not in named)
    return Report(results, differing, verified=True, everybody=not narrowed, drifted=more)


_NO_MEMORY: Final = text("memory ran out before the result was read back")
_MADE_ANEW_MEANWHILE: Final = text(
    "was deleted and made anew by somebody meanwhile: what this run set is not true of it"
)
_MADE_ANEW: Final = text("was deleted and made anew by somebody: what the ledger knew is not true of it")


def _made_anew(anew: Iterable[str], refreshed: Refreshed) -> Iterator[Mismatch]:
    """Who was made anew while the run was at work, whether or not it touches them."""
    touched = {action.operator_id for action in refreshed.plan.actions}
    for operator_id in sorted(anew):
        is_ours = operator_id in touched
        yield Mismatch(operator_id, _MADE_ANEW_MEANWHILE if is_ours else _MADE_ANEW, in_doubt=not is_ours)


def left_alone(refreshed: Refreshed) -> tuple[Mismatch, ...]:
    """Of whom a run left something open, and who may be somebody else's agents: nothing of it is done to them."""
    return tuple(
        Mismatch(each.operator_id, text("found at the beginning: it {found}", found=each.message), in_doubt=True)
        for each in refreshed.findings
        if each.left_alone
    )


def _told_by_listing(session: Session, context: RunContext, live: LiveState, anew: Mapping[str, LedgerEntry]) -> None:
    """Tell the ledger what the listing shows besides outcomes; who was made `anew` is not told yet."""
    ledger, before = context.books.ledger, context.channel.before
    ledger.update(anew)
    ledger.untold |= dict.fromkeys(anew, "anew")
    known = identified(live, ledger.view, before)
    ledger.update(known)
    restored = restored_entries(live, ledger.view)
    ledger.update(restored)
    settled = managed_entries(session.goal.managed(), ledger.view)
    ledger.update(settled)
    if anew or known or restored or settled:
        context.books.checkpoint(settled=True)


def _read_back(
    session: Session, context: RunContext, refreshed: Refreshed, events: Iterable[Event]
) -> LiveState | None:
    """The agents of the plan, or the listing where that takes fewer calls; `None` where they cannot be read.

    The listing decides where somebody is not found who must be there, where a create was refused or its answer lost,
    where a value of a replaced agent is not restored, and where the ledger waits for anybody else.
    """
    actions, ledger = refreshed.plan.actions, context.books.ledger.view
    look = None if session.everybody else look_after(actions)
    made = all(event.outcome == "done" for event in events if event.call.kind == "create")
    try:
        if look is not None and made and is_settled(ledger, look.present):
            live = session.narrow(look, agents_after(actions, refreshed.live.count))
            if live is not None and is_restored(live, ledger):
                return live
        return session.live()
    except VendorError:
        return None


def _settle_unknown(session: Session, context: RunContext, live: LiveState) -> None:
    run = last_run(session.journal)
    if run is None:
        return
    ledger = context.books.ledger
    unsettled = [intent for intent in run.open_intents if intent.outcome in (None, "lost")]
    entries, findings = recover(unsettled, live, ledger.view, context.channel.before)
    for operator_id in (finding.operator_id for finding in findings if finding.anew):
        if entries[operator_id] == about(OF_ANOTHER, live.agents[operator_id]):  # it is named first
            known = ledger.entries.get(operator_id, NOT_RECORDED)
            entries[operator_id] = forgotten(as_listed(operator_id, known, context.channel.before))
    ledger.update(entries)
    for finding in findings:
        if finding.sip_number is not None:
            deliver(session.reader, finding, context.credentials)
    context.books.checkpoint(settled=True)


def deliver(reader: Reader, finding: Finding, credentials: CredentialsFile) -> None:
    """Store the SIP password of an agent that the vendor shows.

    Raises:
        VendorError: it cannot be asked.
        OSError: the disk does not take it.
    """
    found = reader.one(finding.operator_id)
    if found is not None and found.sip_password is not None:
        credentials.write(finding.operator_id, None, found.sip_number, found.sip_password)


def _bound_all_the_same(events: Iterable[Event], live: LiveState) -> Iterator[tuple[str, str]]:
    """Who has the SIP number although the vendor refused to bind it, and the number: its password is delivered too."""
    for event in events:
        number, agent = event.call.fields.get("sipNumber"), live.agents.get(event.call.operator_ids[0])
        refused = event.outcome == "refused" and event.call.kind == "edit"
        if refused and number and agent is not None and agent.fields["sipNumber"] == number:
            yield agent.operator_id, str(number)


def _doubtful_creates(context: RunContext, live: LiveState) -> tuple[Mismatch, ...]:
    """Creates that were refused and whose agent is there. Where the agent is not ours, the password was never true.

    Where it is ours for all that is known, the intent is opened again, so that the next run sets right what it must.
    Where nothing shows that, the ledger keeps the doubt; also of one who is not there yet, after a server error.
    """
    doubtful = []
    ledger, creates, reopened = context.books.ledger, context.channel.creates, False
    singles = sorted({id_: each for each in context.refused_creates for id_ in each.call.operator_ids}.items())
    all_refused = [operator_id for operator_id, _ in singles]
    for operator_id, refused in singles:
        call, agent = refused.call.narrowed_to([operator_id]), live.agents.get(operator_id)
        if agent is None:
            withdraw(call, context)
            if not creates.denied(operator_id):
                ledger.update({operator_id: awaiting(ledger.entries.get(operator_id), call.fields)})
            continue
        author, by_batch = author_of(call.fields, agent, context.channel.before), refused.by_batch(all_refused)
        author = creates.weigh_one(operator_id, author, agent, by_batch=by_batch)
        if author == "stranger" or (author in ("elder", "unknown") and creates.denied(operator_id)):
            withdraw(call, context)
            if names := owe_nothing(operator_id, context):
                nothing = "is somebody else's by now, and gets nothing of the agent that was replaced: {names}"
                doubtful.append(Mismatch(operator_id, text(nothing, names=", ".join(names))))
        elif author == "ours":
            context.books.record_intent(refused.intent_for(operator_id, by_batch=by_batch))
            reopened = True
            there = text("is there, although the vendor refused to create it; apply again")
            doubtful.append(Mismatch(operator_id, there))
        else:
            keep_in_doubt(call, context)
            doubtful.append(Mismatch(operator_id, text("is there, and nothing shows who made it: see plan to go on")))
    if singles:
        context.books.checkpoint(settled=not reopened)
    return tuple(doubtful)


def _uninvited(operator_ids: list[str]) -> Iterator[Mismatch]:
    for operator_id in operator_ids:
        yield Mismatch(operator_id, text("was created by the vendor in a batch, although nobody asked for it"))
