"""Ledger entries after calls: of calls that succeeded, and of those whose outcome is unknown.

The listing settles an intent without an outcome, or with a lost one: it shows whether the agent exists, and its listed
values. Values that are never listed then count as not recorded, so that they are sent again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.authorship import (
    NOTHING_LISTED,
    Author,
    ListedBefore,
    about,
    are_two,
    author_of,
    authors_of,
    awaiting,
    doubt_about,
    is_another,
    is_made_anew,
    made_in_spite_of_refusals,
)
from reconciler.core.in_doubt import ANEW, NEWCOMER, UNPROVED, newcomers
from reconciler.core.model.desired import DesiredState, matches
from reconciler.core.model.fields import BY_NAME, Value
from reconciler.core.model.ledger import NOT_RECORDED, OF_ANOTHER, Doubt, LedgerEntry, LedgerView
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.message import text
from reconciler.core.model.outcome import Finding, Intent

Entries = dict[str, LedgerEntry | None]
"""Ledger entries by operatorId; `None` means that the entry is removed."""


def entry_after(entry: LedgerEntry | None, intent: Intent) -> LedgerEntry | None:
    """An agent's ledger entry after the success of a call about it, made from the entry before."""
    sent = {name: value for name, value in intent.fields.items() if BY_NAME[name].write_only}
    known = entry or NOT_RECORDED
    to_restore = {name: value for name, value in known.to_restore.items() if name not in sent}
    match intent.kind:
        case "create":
            return LedgerEntry(intent.password_version, sent, to_restore=to_restore)
        case "edit":
            last_sent = {**known.last_sent, **sent}
            disabled = known.disabled_by_removal and intent.fields.get("status") != "enabled"
            edited = replace(known, last_sent=last_sent, to_restore=to_restore, disabled_by_removal=disabled)
            return edited if entry or sent else entry
        case "password":
            version = intent.password_version or None
            recorded = known.recorded or None
            known = replace(known, password_version=version, password_unknown=False, recorded=recorded)
            return replace(known, awaited=None, in_doubt="")
        case _:
            # Whoever is there before our create is somebody else, who is owed nothing.
            return LedgerEntry(to_restore=intent.to_restore, in_doubt="author") if intent.to_restore else None


_UNDELIVERED: Final = text("was created, with a password of the vendor's that was not delivered; it will be set anew")


def _recorded(entry: LedgerEntry) -> LedgerEntry | None:
    return None if entry == NOT_RECORDED else entry


def owed_nothing(entry: LedgerEntry) -> LedgerEntry | None:
    """The entry of a replaced agent whose number somebody else has by now: nothing is given back to that one."""
    return _recorded(replace(entry, to_restore={}))


def restored_entries(live: LiveState, ledger: LedgerView) -> Entries:
    """The entries of replaced agents that are listed with a value to restore, without that value in `to_restore`."""
    entries: Entries = {}
    for operator_id, entry in ledger.items():
        agent = live.agents.get(operator_id)
        if entry.to_restore and agent:
            to_restore = {
                name: value
                for name, value in entry.to_restore.items()
                if name not in agent.fields or agent.fields[name] != value
            }
            if to_restore != entry.to_restore:
                entries[operator_id] = replace(entry, to_restore=to_restore)
    return entries


def recover(
    intents: Iterable[Intent],
    live: LiveState,
    ledger: LedgerView,
    before: ListedBefore = NOTHING_LISTED,
    *,
    edited_since: bool = False,
) -> tuple[Entries, tuple[Finding, ...]]:
    """The ledger entries after the calls of a run, and findings about the calls that were not settled.

    `intents` are in the order of the calls, `ledger` is from before the run, and `live` was listed after it; `before`
    says what was listed before it, as far as that is known. With `edited_since` the run is an earlier one.
    """
    entries: Entries = {}
    findings: list[Finding] = []
    intents = tuple(intents)
    appeared, taken_apart = made_in_spite_of_refusals(intents, live) if edited_since else (set(), set())
    authors = _authors_of_creates(intents, live, before, taken_apart, edited_since)
    made: set[str] = set()
    for place, intent in enumerate(intents):
        for operator_id in intent.operator_ids:
            entry = entries.get(operator_id, ledger.get(operator_id))
            # An agent that is there is no longer the one that was to be deleted where we have made it anew.
            of_creates = authors.get(operator_id, {})
            remade = intent.kind == "delete" and any(
                author == "ours" and then > place for then, author in of_creates.items()
            )
            if intent.kind == "create" and (intent.outcome == "done" or of_creates.get(place) == "ours"):
                made.add(operator_id)
            if intent.outcome == "done" or (remade and intent.outcome in (None, "lost")):
                entries[operator_id] = entry_after(entry, intent)
            elif intent.outcome in (None, "lost"):
                agent = live.agents.get(operator_id)
                was_there = intent.kind in ("edit", "password") and operator_id not in made
                if was_there and agent and _is_anew(agent, intent, entry, before):
                    entries[operator_id] = about(OF_ANOTHER, agent)
                    finding = Finding(operator_id, ANEW, left_alone=True, anew=True)
                else:
                    gone = agent is None or is_another(agent, before) or is_made_anew(entry or NOT_RECORDED, agent)
                    settled = _settled_by_listing(operator_id, intent, live, entry, of_creates, place, gone=gone)
                    entries[operator_id], finding = settled
                findings.append(finding)
            elif operator_id in appeared:
                appeared.remove(operator_id)
                entries[operator_id] = doubt_about(entry)
                findings.append(Finding(operator_id, UNPROVED, left_alone=True))
    return entries, (*findings, *(newcomers(entries, live, before, findings) if edited_since else ()))


def _is_anew(agent: LiveAgent, intent: Intent, entry: LedgerEntry | None, before: ListedBefore) -> bool:
    """Whether the agent is another one than an edit or a password was sent for.

    The ledger's `id` says so. Where it knew nobody the agent was listed before, since the run has not made it itself.
    """
    if entry is not None and entry.vendor_id is not None:
        return is_made_anew(entry, agent)
    unknown = intent.before is not None and agent.operator_id not in intent.before
    return unknown and is_another(agent, before)


def _authors_of_creates(
    intents: Sequence[Intent], live: LiveState, before: ListedBefore, taken_apart: set[str], edited_since: bool
) -> dict[str, dict[int, Author]]:
    """Whether each create that was not settled has made the agent that is there: by operatorId, and by its place."""
    edits: defaultdict[str, list[Mapping[str, Value]]] = defaultdict(list)
    judged: defaultdict[str, dict[int, Author]] = defaultdict(dict)
    undeleted = {
        each
        for intent in intents
        if intent.kind == "delete" and intent.outcome != "done"
        for each in intent.operator_ids
    }
    for place, intent in reversed(tuple(enumerate(intents))):
        for operator_id in intent.operator_ids:
            if intent.kind == "edit" and intent.outcome in (None, "lost", "done"):
                edits[operator_id].insert(0, intent.fields)
        if intent.kind != "create" or intent.outcome not in (None, "lost"):
            continue
        operator_ids = intent.batch or intent.operator_ids
        there = {id_: live.agents[id_] for id_ in operator_ids if id_ in live.agents}
        if len(operator_ids) > 1:
            authors = authors_of(intent.fields, operator_ids, there, before, edited_since=edited_since, edits=edits)
        else:
            authors = {id_: author_of(intent.fields, agent, before, edits[id_]) for id_, agent in there.items()}
            authors |= {id_: "unproved" for id_ in taken_apart if authors.get(id_) == "ours"}
        for operator_id in intent.operator_ids:
            if operator_id in authors:
                # The old agent of a replace was there before, and is so still.
                old = authors[operator_id] == "elder" and operator_id in undeleted
                judged[operator_id][place] = "stranger" if old else authors[operator_id]
    return dict(judged)


def recover_beside(
    intents: Iterable[Intent],
    live: LiveState,
    ledger: LedgerView,
    listed: ListedBefore = NOTHING_LISTED,
    *,
    edited_since: bool = False,
) -> tuple[Entries, tuple[Finding, ...]]:
    """Like `recover`, where other runs have written the ledger since these calls: what they recorded stands.

    The listing says what the calls did to that which the ledger knew when they were sent. Of that, each part is taken
    over that nobody has recorded anew: the password, and each value by itself.
    """
    intents, before = tuple(intents), dict[str, LedgerEntry]()
    for intent in reversed(intents):  # the first call about an agent is the one that counts
        for operator_id in intent.operator_ids:
            before[operator_id] = _known_before(operator_id, intent, ledger)
    found, findings = recover(intents, live, before, listed, edited_since=edited_since)
    entries = {id_: _joined(before[id_], entry, ledger.get(id_)) for id_, entry in found.items()}
    # That run has told of whom it was in doubt, and the ledger has that: nothing is in doubt here for the first time.
    return entries, tuple(
        replace(finding, message=_DEALT_WITH, left_alone=False, anew=False)
        if entries[finding.operator_id] == ledger.get(finding.operator_id)
        and (finding.left_alone or found[finding.operator_id] != ledger.get(finding.operator_id))
        else finding
        for finding in findings
    )


_DEALT_WITH: Final = text("was dealt with by another run since, and what that recorded stands")


def _known_before(operator_id: str, intent: Intent, ledger: LedgerView) -> LedgerEntry:
    """What the ledger knew of an agent when the call was sent. Where that was not noted, a new agent was not known.

    Which agent an entry is about may have been learned since.
    """
    if intent.before is not None:
        known = intent.before.get(operator_id, NOT_RECORDED)
        now = ledger.get(operator_id, NOT_RECORDED)
        learned = known.vendor_id is None and operator_id in intent.before and _password(known) == _password(now)
        return replace(known, vendor_id=now.vendor_id, created=now.created) if learned else known
    return NOT_RECORDED if intent.kind == "create" else ledger.get(operator_id, NOT_RECORDED)


def _joined(before: LedgerEntry, found: LedgerEntry | None, now: LedgerEntry | None) -> LedgerEntry | None:
    """The entry now, with what was found out of each part that is still as it was before.

    A record of another agent under the number stands whole, and so does the record of a password that was set since.
    Where nothing but another `id` was recorded, another run has seen an agent that it did not make: maybe this call's.
    """
    ours, theirs = found or NOT_RECORDED, now or NOT_RECORDED
    anew = are_two(before.identity, theirs.identity)
    only_seen = anew and replace(theirs, vendor_id=None, created=None) in (NOT_RECORDED, OF_ANOTHER)
    if anew and not only_seen:
        return now
    password = ours if only_seen or _password(theirs) == _password(before) else theirs
    last_sent = _joined_values(before.last_sent, ours.last_sent, theirs.last_sent)
    to_restore = _joined_values(before.to_restore, ours.to_restore, theirs.to_restore)
    joined = replace(
        password,
        last_sent=last_sent,
        to_restore=to_restore,
        missing_since=theirs.missing_since,
        disabled_by_removal=theirs.disabled_by_removal,
    )
    return None if found is None and joined == NOT_RECORDED else joined


def _password(entry: LedgerEntry) -> tuple[int | None, bool, Mapping[str, Value] | None, Doubt, int | None]:
    return entry.password_version, entry.password_unknown, entry.awaited, entry.in_doubt, entry.recorded


def _joined_values(
    before: Mapping[str, Value], found: Mapping[str, Value], now: Mapping[str, Value]
) -> dict[str, Value]:
    joined = dict(now)
    for name in {*before, *found, *now}:
        if before.get(name, _NO_VALUE) != now.get(name, _NO_VALUE):
            continue
        if name in found:
            joined[name] = found[name]
        else:
            joined.pop(name, None)
    return joined


_NO_VALUE: Final = object()


def _settled_by_listing(
    operator_id: str,
    intent: Intent,
    live: LiveState,
    entry: LedgerEntry | None,
    of_creates: Mapping[int, Author],
    place: int,
    *,
    gone: bool,
) -> tuple[LedgerEntry | None, Finding]:
    agent, author = live.agents.get(operator_id), of_creates.get(place, "unknown")
    match intent.kind:
        case "create" if agent and author != "ours":
            # The old agent of a replace is there still: nobody is in doubt.
            if author == "stranger":
                return entry, Finding(operator_id, text("is there still, as before the run"))
            return doubt_about(entry), Finding(operator_id, UNPROVED, left_alone=True)
        case "create" if agent:
            message = text("was created, with the password that was stored before")
            if intent.vendor_password:
                message = _UNDELIVERED
            elif entry is not None and entry.password_unknown:
                message = text("was created, perhaps with another password than the one stored; it will be set anew")
            created = _entry_of_created(entry, intent, password_unknown=intent.vendor_password)
            return created, Finding(operator_id, message, sip_number=_text(agent.fields["sipNumber"]))
        case "create":
            return awaiting(entry, intent.fields), Finding(operator_id, text("was not created"))
        case "delete" if not gone:
            return entry, Finding(operator_id, text("was not deleted"))
        case "delete":
            newcomer = agent is not None and not of_creates
            message = NEWCOMER if agent else text("was deleted")
            return entry_after(entry, intent), Finding(operator_id, message, left_alone=newcomer, anew=newcomer)
        case "password":
            doubt: Doubt = (entry and entry.in_doubt) or "password"
            doubted = replace(entry or NOT_RECORDED, password_version=None, in_doubt=doubt)
            return doubted, Finding(operator_id, text("may have its new password; it counts as not recorded"))
        case _:
            return _settled_edit(operator_id, intent, live, entry)


def _entry_of_created(entry: LedgerEntry | None, intent: Intent, *, password_unknown: bool) -> LedgerEntry:
    # A later call never covers an earlier doubt: the agent may have come of the earlier one.
    unknown = password_unknown or (entry is not None and entry.password_unknown)
    return replace(entry_after(entry, intent) or NOT_RECORDED, password_unknown=unknown)


def _settled_edit(
    operator_id: str, intent: Intent, live: LiveState, entry: LedgerEntry | None
) -> tuple[LedgerEntry | None, Finding]:
    agent = live.agents.get(operator_id)
    listed = {name: value for name, value in intent.fields.items() if not BY_NAME[name].write_only}
    was_edited = agent is not None and all(agent.fields[name] == value for name, value in listed.items())
    sent_number = _text(listed.get("sipNumber"))
    number = sent_number if agent is not None and sent_number == agent.fields["sipNumber"] else None
    kept = {name: value for name, value in entry.last_sent.items() if name not in intent.fields} if entry else {}
    reduced = replace(entry, last_sent=kept) if entry else None
    message = (text("was edited") if was_edited else text("was not edited")) if listed else text("may have been edited")
    if len(listed) < len(intent.fields):
        message = text("{message}; what is never listed is sent again", message=message)
    return reduced, Finding(operator_id, message, sip_number=number)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def adopted_entries(
    desired: DesiredState, live: LiveState, ledger: LedgerView, patterns: tuple[str, ...] = ()
) -> dict[str, LedgerEntry]:
    """Entries that record the desired write-only values and password versions of live agents as already sent.

    A password that nobody may know stays in doubt, and what else an agent is owed stays owed. Whoever is named by a
    whole id in `patterns`, which narrow the agents (none means all), is no longer in doubt, in a file or in none:
    people know the password. Who is gone and in a file stays in doubt, and is owed what it had, until it is created.
    """
    to_come = {agent.operator_id for agent in desired.agents} - live.agents.keys()
    entries = {id_: _undoubted(ledger[id_]) for id_ in patterns if id_ not in to_come and _doubted(id_, ledger)}
    for agent in desired.agents:
        operator_id = agent.operator_id
        if operator_id not in live.agents or (patterns and not matches(patterns, operator_id)):
            continue
        entry = entries.get(operator_id, ledger.get(operator_id, NOT_RECORDED))
        hidden = {name: value for name, value in agent.fields.items() if BY_NAME[name].write_only}
        if hidden or agent.password:
            version = agent.password.version if agent.password else entry.password_version
            to_restore = {name: value for name, value in entry.to_restore.items() if name not in hidden}
            last_sent = {**entry.last_sent, **hidden}
            entries[operator_id] = replace(entry, password_version=version, last_sent=last_sent, to_restore=to_restore)
    return entries


def _doubted(operator_id: str, ledger: LedgerView) -> bool:
    return bool(ledger.get(operator_id, NOT_RECORDED).in_doubt)


def _undoubted(entry: LedgerEntry) -> LedgerEntry:
    """The entry once people know the agent's password. Who is not ours is owed nothing of ours."""
    return replace(entry, in_doubt="", to_restore={} if entry.in_doubt == "author" else entry.to_restore)


def managed_entries(managed: Mapping[str, Collection[str]], ledger: LedgerView) -> Entries:
    """The entries of agents that are owed a value which the file manages; it is owed no longer.

    `managed` has the names of each agent's managed fields.
    """
    entries: Entries = {}
    for operator_id, entry in ledger.items():
        names = managed.get(operator_id, ()) if entry.to_restore else ()
        to_restore = {name: value for name, value in entry.to_restore.items() if name not in names}
        if to_restore != entry.to_restore:
            entries[operator_id] = replace(entry, to_restore=to_restore)
    return entries
