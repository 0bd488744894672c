"""What in a plan is probably a slip, though nothing forbids it: names, numbers and patterns that nobody has.

A doubt is a note and never an action. The live side and the ledger are what is known; a company without live agents
raises no doubts. Where not everybody was looked at, a doubt about what others have takes the listing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Final

from reconciler.core.in_doubt import by_deed
from reconciler.core.model.desired import DesiredState, Policy
from reconciler.core.model.diff import Diff
from reconciler.core.model.fields import LISTED, Value
from reconciler.core.model.live import LiveState
from reconciler.core.model.message import Text, listed, text
from reconciler.core.model.operator_id import MAX_ID, is_sound, look, unfit_id
from reconciler.core.model.plan import Action, Note
from reconciler.core.model.problem import closest
from reconciler.core.planning.reads import SeesTooLittle

_SHOWN: Final = 5
"""How many of a kind a note names."""
_LONGEST_ID: Final = 40
"""Characters of a company's id that a note shows."""
_MAX_GUESSED_FROM: Final = 5000
"""The most names among which a similar one is looked for."""


def doubts(diff: Diff, actions: Sequence[Action], policy: Policy) -> Iterator[Note]:
    """The notes of a plan about what nobody has or knows, and about numbers that were changed.

    Raises:
        SeesTooLittle: not everybody was looked at, and a doubt depends on the others.
    """
    yield from _in_doubt(diff, actions)
    yield from _of_everybody(_idle_patterns(diff, policy), diff)
    if diff.live.agents:
        for name in ("mainGroupName", "roleName"):
            yield from _of_everybody(_unknown_names(name, diff, actions), diff)
        yield from _unknown_sip_numbers(diff, actions)
    yield from _renumbered(actions)
    yield from _unfit(actions)


def _of_everybody(notes: Iterable[Note], diff: Diff) -> Iterator[Note]:
    """The notes, which are true of what everybody has."""
    for note in notes:
        if diff.live.asked is not None:
            raise SeesTooLittle
        yield note


def unknown_ids(policy: Policy, desired: DesiredState, live: LiveState) -> dict[str, str]:
    """The ids, no patterns, that the command line names and nobody has, live or desired, each with a likely one."""
    literals = [id_ for id_ in (*policy.targets, *policy.excludes) if not is_pattern(id_)]
    known = _known_ids(desired, live) if literals and live.complete else literals
    return {id_: _similar(id_, known) for id_ in dict.fromkeys(literals) if id_ not in known}


_WILD: Final = re.compile(r"[*?\[]")


def is_pattern(word: str) -> bool:
    """Whether the text may match other ids than itself."""
    return _WILD.search(word) is not None


def _known_ids(desired: DesiredState, live: LiveState) -> dict[str, None]:
    return dict.fromkeys((*live.agents, *(agent.operator_id for agent in desired.agents)))


def _similar(word: str, known: Collection[str]) -> str:
    """A known text that looks like it, or is spelt nearly so; empty if there is none."""
    looked_for = look(word)
    alike = next((each for each in known if look(each) == looked_for), "")
    return alike or (closest(word, known) if len(known) <= _MAX_GUESSED_FROM else "")


# Agents of whom nothing shows who made them.


def _in_doubt(diff: Diff, actions: Sequence[Action]) -> Iterator[Note]:
    """Agents whom a request of ours may have made that was refused or lost, or somebody else.

    First those whom the plan writes to or deletes: nobody can take that back. Where only the password is in doubt the
    agent is ours, and whoever is in no file is owed none.
    """
    doubted = {id_: entry.in_doubt for id_, entry in diff.ledger.items() if entry.in_doubt and id_ in diff.live.agents}
    authors = {id_ for id_, doubt in doubted.items() if doubt == "author"}
    touched = [action for action in actions if action.operator_id in authors]
    for done, whom in by_deed(touched):
        message = text(
            "nothing shows whether a request of ours made the agent, or somebody else, and this plan {deed}: look "
            "into the console first (--exclude ID leaves it as it is, reconciler ledger adopt ID ends the doubt)",
            deed=done,
        )
        yield Note(message, whom, "password-in-doubt")
    settled = {action.operator_id for action in actions if action.kind == "password" or action.operator_id in authors}
    desired = {agent.operator_id for agent in diff.desired.agents} if doubted else set()
    if ids := sorted(doubted.keys() & (authors | desired) - settled):
        yield Note(NO_PASSWORD_KNOWN, tuple(ids), "password-in-doubt")


NO_PASSWORD_KNOWN: Final = text(
    "nobody may know the password: nothing shows whether a request of ours made the agent or set it (raise "
    "password.version to set one, or reconciler ledger adopt ID where people have it)"
)


def identity_notes(diff: Diff, actions: Sequence[Action], policy: Policy, anew: Collection[str]) -> Iterator[Note]:
    """The notes about agents that are not those, or not of whom, they are taken for; `anew` were made anew."""
    yield from _of_another_company(diff)
    yield from _made_anew(diff, actions, policy, anew)


def _made_anew(diff: Diff, actions: Sequence[Action], policy: Policy, anew: Collection[str]) -> Iterator[Note]:
    """Agents that are no longer those that the ledger knew under their numbers: of the files, and whom a plan touches.

    Whoever is in no file is named only if something is done to them.
    """
    desired = {agent.operator_id for agent in diff.desired.agents} if anew else set()
    if ids := tuple(sorted(id_ for id_ in desired.intersection(anew) if policy.includes(id_))):
        message = text(
            "deleted and made anew by somebody: what the ledger knows is not true of this agent; its password and role "
            "count as not recorded, and it is owed nothing (reconciler ledger adopt ID where people have the password)"
        )
        yield Note(message, ids, "another-agent")
    removed = [action for action in actions if action.operator_id in anew and action.operator_id not in desired]
    for done, others in by_deed(removed):
        message = text(
            "deleted and made anew by somebody, and in no file: this plan {deed} (--exclude ID leaves it as it is)",
            deed=done,
        )
        yield Note(message, others, "another-agent")


def _of_another_company(diff: Diff) -> Iterator[Note]:
    """Agents whose rows tell another `companyId` than the files: a vendor may count otherwise, or tell of others."""
    ours = diff.desired.company.company_id
    listed_there = Counter(agent.company for agent in diff.live.agents.values() if agent.company)
    others = {company: count for company, count in listed_there.items() if ours is not None and company != str(ours)}
    if others:
        ids = [company[:_LONGEST_ID] for company in sorted(others)]
        yield Note(
            text(
                "{count} listed {count:agent|agents} with another companyId than {ours}: {others}; look whether "
                "company: in the files is the one that is meant",
                count=sum(others.values()),
                ours=ours,
                others=listed(ids, _SHOWN),
            ),
            code="another-company",
        )


# Patterns.


def _idle_patterns(diff: Diff, policy: Policy) -> Iterator[Note]:
    """The patterns of the files and the command line that match nobody, with an id that nearly matches.

    Where only a few were looked at, a pattern counts only if it nearly matches one of these.
    """
    given = {"protect": diff.desired.protect, "scope": diff.desired.scope or ()}
    given |= {"--target": policy.targets, "--exclude": policy.excludes}
    known = _known_ids(diff.desired, diff.live) if any(given.values()) else {}
    for name, patterns in given.items() if known else ():
        idle = [pattern for pattern in dict.fromkeys(patterns) if not _matches_any(pattern, known)]
        if diff.live.asked is not None:
            idle = [pattern for pattern in idle if _near_match(pattern, diff.live.asked)]
        if idle:
            shown = listed([_is_meant(pattern, _near_match(pattern, known)) for pattern in idle], _SHOWN)
            yield Note(text("{key}: no agent matches {patterns}", key=name, patterns=shown), code="idle-pattern")


def _matches_any(pattern: str, ids: Collection[str]) -> bool:
    return pattern in ids or (bool(_WILD.search(pattern)) and any(map(re.compile(translate(pattern)).match, ids)))


def _is_meant(name: str, guess: str | None) -> str:
    return text("{name} (is {guess} meant?)", name=name, guess=guess) if guess else name


def _near_match(pattern: str, ids: Iterable[str]) -> str:
    """The first id that a pattern would match if what looks alike were the same; empty if there is none."""
    match = re.compile(translate(look(pattern))).match
    return next((id_ for id_ in ids if match(look(id_))), "")


# Names and numbers.


def _unknown(name: str, diff: Diff, actions: Sequence[Action]) -> tuple[dict[str, list[str]], Collection[str]]:
    """The values of a field that actions set and no live agent has, each with whom they are for; and the known ones."""
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for action in actions:
        for change in action.changes:
            if change.field == name and change.after:
                wanted[str(change.after)].append(action.operator_id)
    known = _known_values(name, diff) if wanted else {}
    return {value: ids for value, ids in wanted.items() if value not in known}, known


def _known_values(name: str, diff: Diff) -> dict[str, None]:
    """The values that live agents have. Roles are never listed: those count that applies gave to live agents.

    Where not everybody was looked at, whom the ledger knows counts as live.
    """
    if name == "roleName":
        ids = diff.live.agents if diff.live.asked is None else diff.ledger
        entries = (diff.ledger[id_] for id_ in ids if id_ in diff.ledger)
        return dict.fromkeys(str(entry.last_sent[name]) for entry in entries if name in entry.last_sent)
    values = (agent.fields.get(name) for agent in diff.live.agents.values())
    return dict.fromkeys(str(value) for value in values if value)


def _unknown_names(name: str, diff: Diff, actions: Sequence[Action]) -> Iterator[Note]:
    wanted, known = _unknown(name, diff, actions)
    for value in list(wanted)[:_SHOWN]:
        message = _nobody_has(name, value)
        if guess := _similar(value, known):
            message = text("{message}; did you mean {guess}?", message=message, guess=guess)
        yield Note(message, tuple(wanted[value]), "unknown-name")
    if others := list(wanted)[_SHOWN:]:
        message = _nobody_has(name, listed(others, _SHOWN))
        yield Note(message, tuple(id_ for value in others for id_ in wanted[value]), "unknown-name")


def _nobody_has(name: str, value: str) -> Text:
    if name == "roleName":
        return text("no live agent is known to have {field} {value}", field=name, value=value)
    return text("no live agent has {field} {value}", field=name, value=value)


def _unknown_sip_numbers(diff: Diff, actions: Sequence[Action]) -> Iterator[Note]:
    """A number that nobody holds may be one that is free: another one is guessed only for what has more than digits."""
    wanted, known = _unknown("sipNumber", diff, actions)
    if wanted:
        odd = {number for number in wanted if not number.isdecimal()}
        if odd and diff.live.asked is not None:
            raise SeesTooLittle
        by_look = {look(number): number for number in known} if odd else {}
        near = {number: by_look.get(look(number)) if number in odd else None for number in wanted}
        numbers = listed([_is_meant(number, twin) for number, twin in near.items()], _SHOWN)
        message = "no live agent has sipNumber {numbers}: it must be one that the vendor has given out, and free"
        yield Note(
            text(message, numbers=numbers), tuple(id_ for ids in wanted.values() for id_ in ids), "unknown-sip-number"
        )


# Numbers of agents that were changed.


def _renumbered(actions: Sequence[Action]) -> Iterator[Note]:
    """Those who are deleted and created with another id, by name and phone."""
    gone: defaultdict[tuple[Value, Value], list[Action]] = defaultdict(list)
    for action in actions:
        if action.kind == "delete" and action.live and all(who := _who(action.live.fields)):
            gone[who].append(action)
    created = [action for action in actions if gone and action.kind == "create"]
    pairs = [(left.pop(0), action) for action in created if (left := gone.get(_who(action.after)))]
    if pairs:
        changed = [text("{old} to {new}", old=old.operator_id, new=new.operator_id) for old, new in pairs]
        message = text(
            "same name and phone, another number: {changed}; none can be changed: the old agent is deleted with "
            "its history, and the new one has none of its {lost} but what the files say",
            changed=listed(changed, _SHOWN),
            lost=", ".join(("password", "role", "skills", *_lost_fields(pairs))),
        )
        yield Note(
            message, tuple(id_ for old, new in pairs for id_ in (old.operator_id, new.operator_id)), "renumbered"
        )


def _who(fields: Mapping[str, Value]) -> tuple[Value, Value]:
    return fields.get("name"), fields.get("bindcode")


def _lost_fields(pairs: Iterable[tuple[Action, Action]]) -> Iterator[str]:
    """The fields in which an old agent has more than a new one's default, and the new one is given nothing."""
    lost = {
        name
        for old, new in pairs
        for name, value in (old.live.fields.items() if old.live else ())
        if name not in new.after and value != _DEFAULTS.get(name)
    }
    return (name for name in _DEFAULTS if name in lost)


_DEFAULTS: Final = {row.name: row.default for row in LISTED}


# Live agents whose id no file can hold.


def _unfit(actions: Sequence[Action]) -> Iterator[Note]:
    """Those who are deleted or disabled though nobody could have put them into a file."""
    removed = [action for action in actions if action.kind == "delete" or action.removal]
    unfit: defaultdict[Text, list[Action]] = defaultdict(list)
    for action in removed:
        if not is_sound(action.operator_id) or len(action.operator_id) > MAX_ID:
            unfit[unfit_id(action.operator_id)].append(action)
    for fault, others in unfit.items():
        for done, whom in by_deed(others):
            message = text(
                "no file can hold the id, which {fault}, and this plan {deed}: protect keeps the agent, as export "
                "writes it (--exclude ID leaves it as it is)",
                fault=fault,
                deed=done,
            )
            yield Note(message, whom, "unfit-id")
