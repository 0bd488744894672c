"""Who made an agent that is there: a request of ours, or somebody else.

That an agent is there and contradicts nothing proves nothing: somebody in the vendor's console, or another tool, may
have made it. The evidence is weighed here, and nowhere else, but what other runs recorded since, which
`core.recovery` weighs:

| evidence | what it shows |
|---|---|
| an answer of ours names the agent | ours |
| it was listed before the request | not ours |
| its vendor's `id` is no larger than the largest one listed then | not ours, unless `id`s do not ascend there |
| a listed value is not what our create makes of it, a new agent's defaults included | nothing: it was made or changed |
| every listed value is what our create makes of it, and nothing above speaks against it | ours |
| the same for the create and the first of the edits that the run planned to send after it | ours |
| of a batch: only some are there, or their `id`s or `ctime`s are not those of one request | nothing |
| of a batch of an earlier run: all are there, made in one millisecond, with `id`s that follow one another | ours |
| the ledger knows another `id` under its number, or a later record than the call's run | not what the call made |
| the vendor refused in words every request that may have made it; its `ctime` is before them, or not told | nothing |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, Literal

from reconciler.core.model.fields import LISTED, Value
from reconciler.core.model.ledger import NOT_RECORDED, OF_ANOTHER, LedgerEntry, LedgerView
from reconciler.core.model.live import Identity, LiveAgent, LiveState
from reconciler.core.model.outcome import Intent

Author = Literal["ours", "stranger", "elder", "unproved", "unknown"]
"""`stranger`: it is certain that no request of ours made the agent. `elder`: its `id` says so, and it was not listed;
at a vendor whose `id`s do not ascend it may be ours. `unproved`: nothing shows who made it, and it is as our create
makes it. `unknown`: nothing shows who made it, and it is not as our create makes it.
"""

_AT_ONCE: Final = 0.5
_FOR_EACH: Final = 0.01
"""Seconds within which the vendor makes the agents of one batch: some, and some more for each agent."""
_IN_MILLISECONDS: Final = 10**11
"""A `ctime` from which on it counts milliseconds: as seconds it would be the year 5138."""
_CLOCKS_DIFFER: Final = 2000
"""Milliseconds by which the vendor's clocks, that of its answers and that of its agents, may differ."""
_GIVEN_AGAIN: Final = 60_000
"""Milliseconds from which on two `ctime`s under one `id` are two agents'; less may be one, told by two clocks."""


@dataclass(frozen=True, slots=True)
class ListedBefore:
    """What the last listing before a request showed: who was there, and the vendor's largest `id`, if it tells any.

    `identities` tell all who were listed from others under their numbers, as far as they are known.
    """

    operator_ids: Collection[str] = frozenset()
    largest_id: int | None = None
    identities: Mapping[str, Identity] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, live: LiveState, replaced: Collection[str] = ()) -> ListedBefore:
        """What this listing shows; `replaced` are listed agents that the run deletes to create them anew."""
        identities = {operator_id: agent.identity for operator_id, agent in live.agents.items()}
        return cls(live.agents.keys() - set(replaced), live.largest_id, identities)


NOTHING_LISTED: Final = ListedBefore()

Edits = Sequence[Mapping[str, Value]]
"""The fields of the edits of one agent that may have followed its create, in their order."""
NO_EDITS: Final[Mapping[str, Edits]] = {}
NOTHING_EDITED: Final[Mapping[str, Value]] = {}


def author_of(fields: Mapping[str, Value], agent: LiveAgent, before: ListedBefore, edits: Edits = ()) -> Author:
    """Who made the agent, when a single create with these `fields` may have; no answer names the agent.

    The first of the `edits` may have been carried out as well, or several.
    """
    if agent.vendor_id is not None and before.largest_id is not None:
        if agent.vendor_id <= before.largest_id:
            return "stranger" if agent.operator_id in before.operator_ids else "elder"
    elif agent.operator_id in before.operator_ids:
        return "stranger"
    edited: dict[str, Value] = {}
    for edit in ({}, *edits):
        edited |= edit
        if as_created(fields, agent, edited):
            return "ours"
    return "unknown"


def authors_of(
    fields: Mapping[str, Value],
    operator_ids: Sequence[str],
    there: Mapping[str, LiveAgent],
    before: ListedBefore,
    *,
    edited_since: bool = False,
    edits: Mapping[str, Edits] = NO_EDITS,
) -> dict[str, Author]:
    """Who made each agent that is `there`, when one batch with these `fields` may have; no answer names any of them.

    A batch that was carried out has made all of them, in the order of their operatorIds and at one time. Where only
    some are there, the vendor may have refused the batch because of them. With `edited_since`, people may have edited
    them by now: where all were made at one stroke they are ours, whatever their values are.
    """
    authors = {id_: author_of(fields, there[id_], before, edits.get(id_, ())) for id_ in operator_ids if id_ in there}
    agents = [there[id_] for id_ in operator_ids if id_ in there]
    whole = len(agents) == len(operator_ids) and not {"stranger", "elder"} & {*authors.values()}
    if whole and edited_since and _at_one_stroke(agents):
        return dict.fromkeys(authors, "ours")
    if whole and _of_one_request(agents):
        return authors
    return {id_: "unproved" if author == "ours" else author for id_, author in authors.items()}


def doubt_about(entry: LedgerEntry | None) -> LedgerEntry:
    """The entry of an agent of whom nothing shows whether a request of ours made it."""
    return replace(entry or NOT_RECORDED, in_doubt="author", vendor_id=None, created=None)


def awaiting(entry: LedgerEntry | None, fields: Mapping[str, Value]) -> LedgerEntry:
    """The entry of an agent that a create with these fields may make yet; if it appears, its password is set anew."""
    return replace(entry or NOT_RECORDED, password_unknown=True, awaited=dict(fields), vendor_id=None, created=None)


def made_in_spite_of_refusals(intents: Sequence[Intent], live: LiveState) -> tuple[set[str], set[str]]:
    """Who is there of refused batches though no later create of ours was to make them, and everybody of such batches.

    The vendor may have carried such a batch out, or somebody else made them: nothing shows which create made the rest.
    """
    appeared: set[str] = set()
    taken_apart: set[str] = set()
    later: set[str] = set()
    for intent in reversed(intents):
        batch = intent.batch or intent.operator_ids
        if intent.kind == "create" and intent.outcome == "refused" and len(batch) > 1:
            there = {each for each in batch if each in live.agents} - later
            appeared |= there
            taken_apart |= {*batch} if there else set()
        elif intent.kind == "create" and intent.outcome in (None, "lost", "done"):
            later |= {*intent.operator_ids}
    return appeared, taken_apart


def are_two(one: Identity, other: Identity) -> bool:
    """Whether the vendor's `id` and `ctime` show that two agents are meant, which have had one number in turn.

    Another `id` shows it, unless both were made in the same millisecond: then the rows were numbered anew. One `id`
    with two `ctime`s shows it too, where a minute or more lies between them: the vendor has given it again. What is not
    told shows nothing.
    """
    if one.vendor_id is None or other.vendor_id is None:
        return False
    if one.vendor_id != other.vendor_id:
        return other.created is None or other.created != one.created or other.created < _IN_MILLISECONDS
    return abs(_apart(one.created, other.created)) >= _GIVEN_AGAIN


def _apart(one: int | None, other: int | None) -> int:
    """How far a `ctime` is behind another, in milliseconds; in whole seconds where either counts those."""
    if one is None or other is None:
        return 0
    if one >= _IN_MILLISECONDS and other >= _IN_MILLISECONDS:
        return other - one
    seconds = [time // 1000 if time >= _IN_MILLISECONDS else time for time in (one, other)]
    return (seconds[1] - seconds[0]) * 1000


def is_another(agent: LiveAgent, before: ListedBefore) -> bool:
    """Whether the vendor shows that the agent is not the one that was listed before under its number."""
    listed = before.identities.get(agent.operator_id, Identity())
    if agent.vendor_id is not None and listed.vendor_id is None:
        return before.largest_id is not None and agent.vendor_id > before.largest_id
    return are_two(listed, agent.identity)


def is_made_anew(entry: LedgerEntry, agent: LiveAgent | None) -> bool:
    """Whether the vendor shows that the agent is not the one that the ledger knows under its number."""
    return agent is not None and are_two(entry.identity, agent.identity)


def made_anew(live: LiveState, ledger: LedgerView) -> dict[str, LedgerEntry]:
    """The agents that somebody has deleted and made anew since the ledger knew them, each with all that is known of it.

    Nothing that the ledger knows is true of them: no password, no role, nothing that is owed or in doubt. Where several
    have another `id` and all keep their `ctime`, the vendor has numbered its agents anew, and they are the same. So
    they are where several keep their `id` and all have a `ctime` that is as far from the one before.
    """
    others = {id_: live.agents[id_] for id_, entry in ledger.items() if is_made_anew(entry, live.agents.get(id_))}
    kept = [agent.created is not None and agent.created == ledger[id_].created for id_, agent in others.items()]
    same_id = [agent.vendor_id == ledger[id_].vendor_id for id_, agent in others.items()]
    shifts = {_apart(ledger[id_].created, agent.created) for id_, agent in others.items()}
    if len(others) > 1 and (all(kept) or (all(same_id) and len(shifts) == 1)):
        return {}
    return {id_: about(OF_ANOTHER, agent) for id_, agent in others.items()}


def identified(live: LiveState, ledger: LedgerView, before: ListedBefore = NOTHING_LISTED) -> dict[str, LedgerEntry]:
    """The entries that do not say yet which agent they are about, or not all of it, with `id` and `ctime` as listed.

    An agent that was replaced may still be listed by its old `id`, which says nothing of the new one.
    """
    entries, anew = {}, made_anew(live, ledger)
    for operator_id, entry in ledger.items():
        agent = live.agents.get(operator_id)
        if agent is None or agent.vendor_id is None or operator_id in anew or about(entry, agent) == entry:
            continue
        if operator_id in before.operator_ids or agent.identity != before.identities.get(operator_id):
            entries[operator_id] = about(entry, agent)
    return entries


def about(entry: LedgerEntry, agent: LiveAgent) -> LedgerEntry:
    """The entry, with what says that it is about this agent: its `id` and `ctime`."""
    return replace(entry, vendor_id=agent.vendor_id, created=agent.created)


def in_spite_of_refusal(author: Author, agents: Iterable[LiveAgent], asked_at: int | None) -> Author:
    """The author where the vendor has refused, in words, every request of ours that may have made these `agents`.

    Such a refusal says that somebody else made them. Equal values do not outweigh it, unless the vendor made them all
    after the first request was sent. `asked_at` is that time, in milliseconds by the vendor's clock; `None`: not known.
    """
    since = asked_at is not None and all(_made_since(agent, asked_at - _CLOCKS_DIFFER) for agent in agents)
    return author if since or author != "ours" else "unproved"


def as_created(fields: Mapping[str, Value], agent: LiveAgent, edited: Mapping[str, Value] = NOTHING_EDITED) -> bool:
    """Whether every listed value is what a create with these fields makes of it, and an edit with those `edited`.

    A create cannot send every field: the others have a new agent's value. The vendor picks the SIP number, unless the
    fields name one, which an edit then binds.
    """
    return all(
        agent.fields[row.name]
        == edited.get(row.name, fields.get(row.name, row.default) if row.wire.create else row.default)
        for row in LISTED
        if row.name in fields or row.name in edited or row.name != "sipNumber"
    )


def _made_since(agent: LiveAgent, time: int) -> bool:
    if agent.created is None:
        return False
    # A whole second stands for its end.
    return (agent.created if agent.created >= _IN_MILLISECONDS else agent.created * 1000 + 999) >= time


def _at_one_stroke(agents: Sequence[LiveAgent]) -> bool:
    """Whether several agents were made in the same millisecond, with `id`s that follow one another."""
    first, times = agents[0].vendor_id, {agent.created for agent in agents}
    ids = [agent.vendor_id for agent in agents]
    if first is None or len(agents) < 2 or len(times) > 1 or (agents[0].created or 0) < _IN_MILLISECONDS:
        return False
    return ids == list(range(first, first + len(agents)))


def _of_one_request(agents: Sequence[LiveAgent]) -> bool:
    """Whether nothing tells the agents, in the order of their operatorIds, apart from those of one batch."""
    ids = [agent.vendor_id for agent in agents if agent.vendor_id is not None]
    times = [agent.created for agent in agents if agent.created is not None]
    ascending = all(one < next_ for one, next_ in pairwise(ids))
    if not times:
        return ascending
    longest = _AT_ONCE + _FOR_EACH * len(agents)
    # Whole seconds may tick once between two agents that are made at the same moment.
    most = longest * 1000 if max(times) >= _IN_MILLISECONDS else longest + 1
    return ascending and max(times) - min(times) <= most
