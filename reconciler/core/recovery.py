"""What calls leave behind: what the ledger remembers of one that succeeded, and what is true after one that may have.

An intent without an outcome, or with a lost one, is settled by looking: the listing shows whether an agent exists and
what is listed of it. What is never listed counts as not recorded, so that it is sent again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.core.model.desired import DesiredState, matches
from reconciler.core.model.fields import BY_NAME
from reconciler.core.model.ledger import NOT_RECORDED, LedgerEntry, LedgerView
from reconciler.core.model.live import LiveState
from reconciler.core.model.outcome import Finding, Intent

Entries = dict[str, LedgerEntry | None]
"""Ledger entries by operatorId; `None` where there is to be none."""


def remembered(entry: LedgerEntry | None, intent: Intent) -> LedgerEntry | None:
    """The ledger's entry of an agent once a call about it has succeeded."""
    given = {name: value for name, value in intent.fields.items() if BY_NAME[name].write_only}
    known = entry or NOT_RECORDED
    sent = {name for name in intent.fields if BY_NAME[name].write_only}
    to_restore = {name: value for name, value in known.to_restore.items() if name not in sent}
    match intent.kind:
        case "create":
            return LedgerEntry(intent.password_version, given, to_restore=to_restore)
        case "edit":
            return replace(known, given={**known.given, **given}, to_restore=to_restore) if entry or given else entry
        case "password":
            return replace(known, password_version=intent.password_version or None, password_unknown=False)
        case _:
            return LedgerEntry(to_restore=intent.to_restore) if intent.to_restore else None


def given_back(live: LiveState, ledger: LedgerView) -> Entries:
    """The entries of replaced agents of which the listing shows that they have got back what they had."""
    entries: Entries = {}
    for operator_id, entry in ledger.items():
        agent = live.agents.get(operator_id)
        if entry.to_restore and agent:
            to_restore = {n: v for n, v in entry.to_restore.items() if n not in agent.fields or agent.fields[n] != v}
            if to_restore != entry.to_restore:
                entries[operator_id] = replace(entry, to_restore=to_restore)
    return entries


def recover(intents: Iterable[Intent], live: LiveState, ledger: LedgerView) -> tuple[Entries, tuple[Finding, ...]]:
    """The entries that the calls of a run changed, in their order, and what was found about the unsettled ones."""
    entries: Entries = {}
    findings: list[Finding] = []
    for intent in intents:
        for operator_id in intent.operator_ids:
            entry = entries.get(operator_id, ledger.get(operator_id))
            if intent.outcome == "done":
                entries[operator_id] = remembered(entry, intent)
            elif intent.outcome in (None, "lost"):
                entries[operator_id], finding = _looked_up(operator_id, intent, live, entry)
                findings.append(finding)
    return entries, tuple(findings)


def _looked_up(
    operator_id: str, intent: Intent, live: LiveState, entry: LedgerEntry | None
) -> tuple[LedgerEntry | None, Finding]:
    agent = live.agents.get(operator_id)
    match intent.kind:
        case "create" if agent:
            known = "with the password that was stored before"
            unknown = "with a password of the vendor's that was not delivered; it will be set anew"
            message = f"was created, {unknown if intent.vendor_password else known}"
            made = _made(entry, intent, password_unknown=intent.vendor_password)
            return made, Finding(operator_id, message, sip_number=_text(agent.fields["sipNumber"]))
        case "create":
            # It may still be under way; should it appear, its password is set anew.
            return replace(entry or NOT_RECORDED, password_unknown=True), Finding(operator_id, "was not created")
        case "delete" if agent:
            return entry, Finding(operator_id, "was not deleted")
        case "delete":
            return remembered(entry, intent), Finding(operator_id, "was deleted")
        case "password":
            unrecorded = replace(entry, password_version=None) if entry else None
            return unrecorded, Finding(operator_id, "may have its new password; it counts as not recorded")
        case _:
            return _edited(operator_id, intent, live, entry)


def _made(entry: LedgerEntry | None, intent: Intent, *, password_unknown: bool) -> LedgerEntry:
    return replace(remembered(entry, intent) or NOT_RECORDED, password_unknown=password_unknown)


def _edited(
    operator_id: str, intent: Intent, live: LiveState, entry: LedgerEntry | None
) -> tuple[LedgerEntry | None, Finding]:
    agent = live.agents.get(operator_id)
    listed = {name: value for name, value in intent.fields.items() if not BY_NAME[name].write_only}
    made = agent is not None and all(agent.fields[name] == value for name, value in listed.items())
    wanted = _text(listed.get("sipNumber"))
    number = wanted if agent is not None and wanted == agent.fields["sipNumber"] else None
    kept = {name: value for name, value in entry.given.items() if name not in intent.fields} if entry else {}
    forgetful = replace(entry, given=kept) if entry else None
    hidden = "; what is never listed is sent again" if len(listed) < len(intent.fields) else ""
    message = ("was edited" if made else "was not edited") if listed else "may have been edited"
    return forgetful, Finding(operator_id, message + hidden, sip_number=number)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def adopted(
    desired: DesiredState, live: LiveState, ledger: LedgerView, patterns: tuple[str, ...] = ()
) -> dict[str, LedgerEntry]:
    """The entries that say that every live agent of the file has what the file says, where that cannot be read."""
    entries: dict[str, LedgerEntry] = {}
    for agent in desired.agents:
        if agent.operator_id not in live.agents or (patterns and not matches(patterns, agent.operator_id)):
            continue
        entry = ledger.get(agent.operator_id, NOT_RECORDED)
        given = {name: value for name, value in agent.fields.items() if BY_NAME[name].write_only}
        if not given and not agent.password:
            continue
        version = agent.password.version if agent.password else entry.password_version
        entries[agent.operator_id] = LedgerEntry(version, {**entry.given, **given})
    return entries
