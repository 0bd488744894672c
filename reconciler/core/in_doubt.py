"""Agents that may be somebody else's: who has appeared, who was made anew, and what people are told of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from reconciler.core.authorship import ListedBefore, as_created, doubt_about, is_another, made_anew
from reconciler.core.model.ledger import NOT_RECORDED, OF_ANOTHER, LedgerEntry, LedgerView, Untold
from reconciler.core.model.live import LiveState
from reconciler.core.model.message import Text, joined, text
from reconciler.core.model.outcome import Finding
from reconciler.core.model.plan import Action, ActionKind, Plan

_CAME_LATE: Final = text("came late, with a password that was not delivered; it will be set anew")
UNPROVED: Final = text("is there, and nothing shows that the run made it")
ANEW: Final = text("is another agent by now: somebody deleted it and made it anew")
NEWCOMER: Final = text("was deleted, and another agent has its number by now")
_ANOTHER: Final = text("is there by now, and not as the run would have made it")


def appeared_entries(live: LiveState, ledger: LedgerView) -> tuple[dict[str, LedgerEntry], tuple[Finding, ...]]:
    """The entries of agents that are listed although their creates were given up, and findings about them.

    One that is as the create makes it came late, and gets a password that is known. Of another one nothing shows
    whether somebody made it, or changed it since: nothing of it is overwritten, and it is in doubt.
    """
    entries: dict[str, LedgerEntry] = {}
    findings: list[Finding] = []
    for operator_id, entry in ledger.items():
        agent = live.agents.get(operator_id)
        if entry.awaited is None or agent is None:
            continue
        ours = as_created(entry.awaited, agent)
        waited = replace(entry, password_unknown=ours, awaited=None)
        entries[operator_id] = replace(waited, in_doubt="") if ours else doubt_about(waited)
        findings.append(Finding(operator_id, _CAME_LATE if ours else _ANOTHER, left_alone=not ours))
    return entries, tuple(findings)


def anew_entries(live: LiveState, ledger: LedgerView) -> tuple[dict[str, LedgerEntry], tuple[Finding, ...]]:
    """The entries of agents that somebody has made anew since, and findings about those of whom a run left anything.

    Nothing is known of such an agent, none of its passwords is set anew, and it is owed nothing.
    """
    anew = made_anew(live, ledger)
    left = [
        id_ for id_ in sorted(anew) if ledger[id_].password_unknown or ledger[id_].in_doubt or ledger[id_].to_restore
    ]
    return anew, tuple(Finding(operator_id, ANEW, left_alone=True, anew=True) for operator_id in left)


def anew_meanwhile(live: LiveState, ledger: LedgerView, before: ListedBefore, plan: Plan) -> dict[str, LedgerEntry]:
    """The entries of agents that somebody has made anew since the first look, as the ledger is to have them.

    Whom that look, or the plan's notes, showed already is the plan's to tell; or this listing is an old one.
    """
    noted = noted_anew(plan) - before.identities.keys()
    known = {id_: as_listed(id_, entry, before) for id_, entry in ledger.items()}
    return {
        id_: forgotten(known[id_])
        for id_, now in made_anew(live, known).items()
        if now.identity != before.identities.get(id_) and id_ not in noted
    }


def as_listed(operator_id: str, entry: LedgerEntry, before: ListedBefore) -> LedgerEntry:
    """The entry; where it does not say whom it is about, it is about the agent that was listed before."""
    if entry.vendor_id is not None or operator_id not in before.operator_ids:
        return entry
    listed = before.identities.get(operator_id, entry.identity)
    return replace(entry, vendor_id=listed.vendor_id, created=listed.created)


def forgotten(entry: LedgerEntry) -> LedgerEntry:
    """An entry of which nothing is left but whom it was about: so the next plan notes that another agent is there."""
    return replace(OF_ANOTHER, vendor_id=entry.vendor_id, created=entry.created)


def noted_anew(plan: Plan) -> frozenset[str]:
    """Who was made anew, as the plan notes it."""
    return frozenset(id_ for note in plan.notes if note.code == "another-agent" for id_ in note.operator_ids)


def newcomers(
    entries: Mapping[str, LedgerEntry | None], live: LiveState, before: ListedBefore, findings: Collection[Finding]
) -> Iterator[Finding]:
    """Who has the number of an agent that was deleted to be made anew, and that no create of the run has made.

    Where the `id` is that of the agent itself, the listing is an old one.
    """
    told = {finding.operator_id for finding in findings if finding.left_alone}
    for operator_id, entry in entries.items():
        agent = live.agents.get(operator_id)
        if entry is None or agent is None or not entry.to_restore or entry.in_doubt != "author":
            continue
        if operator_id not in told and (agent.vendor_id is None or is_another(agent, before)):
            yield Finding(operator_id, NEWCOMER, left_alone=True)


def untold(findings: Iterable[Finding], anew: Iterable[str]) -> dict[str, Untold]:
    """What an apply has to tell, of whom: what was found, and who was made `anew`."""
    left: dict[str, Untold] = {
        each.operator_id: "anew" if each.anew else "author" for each in findings if each.left_alone
    }
    return {**dict.fromkeys(anew, "noted"), **left}


def still_untold(kept: Mapping[str, Untold], plan: Plan, *, narrowed: bool) -> dict[str, Untold]:
    """What is left to tell after a report: whoever was made anew, where a `narrowed` plan does not note that."""
    noted = noted_anew(plan)
    return {id_: "noted" for id_, kind in kept.items() if narrowed and kind != "author" and id_ not in noted}


def untold_findings(kept: Mapping[str, Untold], live: LiveState, ledger: LedgerView) -> Iterator[Finding]:
    """What earlier recoveries found, and no apply has told yet. A run that was killed may have gone on since."""
    for operator_id, kind in kept.items():
        if operator_id not in live.agents:
            found = _WAS_ANEW if kind == "anew" else _WAS_UNPROVED
        elif kind == "anew":
            found = ANEW
        else:
            in_doubt = ledger.get(operator_id, NOT_RECORDED).in_doubt == "author"
            found = UNPROVED if in_doubt else _WRITTEN_TO
        if kind != "noted":
            yield Finding(operator_id, found, left_alone=True, anew=kind == "anew")


_WAS_ANEW: Final = text("is gone by now; before, somebody had deleted it and made it anew")
_WAS_UNPROVED: Final = text("is gone by now; before, it was there, and nothing showed that a run had made it")
_WRITTEN_TO: Final = text("is there, nothing showed that a run had made it, and a run that was cut short wrote to it")


def with_deeds(findings: Iterable[Finding], actions: Iterable[Action]) -> tuple[Finding, ...]:
    """The findings; those about agents that may be somebody else's also say what the plan does to the agent."""
    findings = tuple(findings)
    left = {finding.operator_id for finding in findings if finding.left_alone}
    done = deeds(action for action in actions if action.operator_id in left)
    return tuple(_with_deed(each, done.get(each.operator_id)) if each.left_alone else each for each in findings)


def _with_deed(finding: Finding, done: Text | None) -> Finding:
    words = text("{found}; it is left as it is by this plan", found=finding.message)
    if done is not None:
        words = text("{found}; the plan {deed}, see its note", found=finding.message, deed=done)
    return replace(finding, message=words)


def deeds(actions: Iterable[Action]) -> dict[str, Text]:
    """What a plan does to each agent that it touches, in words: `edits it, sets its password`."""
    done: defaultdict[str, list[Text]] = defaultdict(list)
    for action in actions:
        done[action.operator_id].append(_DISABLES if action.removal else _DEEDS[action.kind])
    return {operator_id: joined(each, ", ") for operator_id, each in done.items()}


def by_deed(actions: Iterable[Action]) -> Iterable[tuple[Text, tuple[str, ...]]]:
    """The agents to whom the same is done, each group with that in words."""
    alike: defaultdict[Text, list[str]] = defaultdict(list)
    for operator_id, done in deeds(actions).items():
        alike[done].append(operator_id)
    return [(done, tuple(ids)) for done, ids in alike.items()]


_DISABLES: Final = text("disables it")
_DEEDS: Final[Mapping[ActionKind, Text]] = {
    "create": text("creates it"),
    "edit": text("edits it"),
    "replace": text("deletes it and makes it anew"),
    "delete": text("deletes it"),
    "password": text("sets its password"),
}
