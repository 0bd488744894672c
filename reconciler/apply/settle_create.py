"""Settles creates: of one agent, and of a batch. Every question whose agent it is goes to `core.authorship`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reconciler.apply.channel import CallChannel, CreatedItem, PartOutcomes, Settled
from reconciler.core.authorship import Author, author_of, authors_of
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.message import text
from reconciler.core.model.plan import Call
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused, Stranger, Undecided, joined, told_secret
from reconciler.vendor.reader import LookedUp
from reconciler.vendor.retry import CALL_TRIES, backoff


def settle_create(call: Call, channel: CallChannel, maybe_sent: bool, batch: Call | None) -> Settled:
    """Create one agent. A request that may have made it is never repeated blindly."""
    outcome = channel.send(call)
    lost: Outcome | None = Lost(text("an earlier request may have made it")) if maybe_sent else None
    for attempt in range(1, CALL_TRIES):
        if isinstance(outcome, Ok):
            return _answered_create(call, outcome, channel, maybe_sent)
        if isinstance(outcome, Refused):
            if outcome.authentication:
                return Settled([(call, joined(lost, outcome))])
            return _refused_create(call, outcome, lost, channel, maybe_sent, batch)
        lost = outcome if isinstance(outcome, Lost) else lost
        channel.pause(backoff(attempt, outcome.retry_after))
        if lost is not None and (seen := _look_for_agent(call, channel, maybe_sent)) is not None:
            return Settled([(_made_earlier(call, maybe_sent), seen)])
        resent = channel.resend(call)
        if resent is None:
            break
        outcome = resent
    if isinstance(outcome, Ok):
        return _answered_create(call, outcome, channel, maybe_sent)
    return Settled([(call, joined(lost, outcome))])


def _made_earlier(call: Call, maybe_sent: bool) -> Call:
    """The call as an earlier request has carried it out, with a password of the vendor's."""
    return replace(call, vendor_password=True) if maybe_sent else call


def _answered_create(call: Call, outcome: Ok, channel: CallChannel, maybe_sent: bool) -> Settled:
    """A create that the vendor calls done. Its answer may list others, or nobody."""
    (operator_id,) = call.operator_ids
    named = _named_agents(outcome.data)
    if operator_id in named or not named:
        items = [named[operator_id]] if named else []
        strangers = tuple(item for id_, item in named.items() if id_ != operator_id)
        return Settled([(call, Ok(items))], strangers=strangers)
    seen = _look_for_agent(call, channel, maybe_sent)
    unseen = Lost(text("the answer names another agent, and this one is not to be seen"))
    return Settled([(call, seen or unseen)], strangers=tuple(named.values()))


def _refused_create(
    call: Call, refused: Refused, lost: Outcome | None, channel: CallChannel, maybe_sent: bool, batch: Call | None
) -> Settled:
    """A single create that was refused: after a lost try that proves nothing, and after a refused batch little."""
    if lost is not None:
        seen = _look_for_agent(call, channel, maybe_sent)
        return Settled([(_made_earlier(call, maybe_sent), seen or joined(lost, refused))])
    if batch is None:
        return Settled([(call, refused)])
    there: dict[str, LookedUp] = {}
    for operator_id in (*call.operator_ids, *batch.operator_ids):
        if operator_id not in there:
            outcome = channel.look_up_twice(operator_id)
            if not isinstance(outcome, Ok) or outcome.data is None:
                break
            there[operator_id] = outcome.data
    if not there:
        return Settled([(call, refused)])
    agents = _agents(there)
    authors = authors_of(batch.fields, batch.operator_ids, agents, channel.before)
    authors = channel.creates.weigh_batch(authors, [*agents.values()])
    (operator_id,) = call.operator_ids
    if authors[operator_id] == "ours":
        items = {id_: found.as_item() for id_, found in there.items() if authors[id_] == "ours"}
        ended = _created_parts(replace(batch, vendor_password=True), items)
        return Settled(
            ended + [(batch.narrowed_to([id_]), _not_ours(authors[id_])) for id_ in there if id_ not in items]
        )
    if authors[operator_id] in ("elder", "unknown") and channel.creates.denied(operator_id):
        return Settled([(call, refused)])
    return Settled([(call, _not_ours(authors[operator_id], refused))])


def _look_for_agent(call: Call, channel: CallChannel, maybe_sent: bool) -> Outcome | None:
    """How a lost create ended, as far as the vendor shows it: `None` when there is no such agent.

    `Lost` when the vendor cannot be asked; a create is not repeated blindly. A batch that ended with a server error may
    have made the agent just as well, and one that was refused in words where its others are there too: then the
    password is not the one of this create.
    """
    (operator_id,) = call.operator_ids
    outcome = channel.look_up_twice(operator_id)
    if not isinstance(outcome, Ok):
        return outcome if isinstance(outcome, Lost) else Lost(text("it could not be looked up"))
    found: LookedUp | None = outcome.data
    if found is None:
        return None
    author = author_of(call.fields, found.agent, channel.before)
    if not maybe_sent:  # else any request of ours will do: the password is set anew
        author = channel.creates.weigh_one(operator_id, author, found.agent, by_batch=False)
        if author == "ours" and _may_be_of_refused_batch(operator_id, channel):
            author = "unproved"
    return Ok([found.as_item()]) if author == "ours" else _not_ours(author)


def _may_be_of_refused_batch(operator_id: str, channel: CallChannel) -> bool:
    """Whether a batch that was refused in words may have made the agent: where the others of it are there too.

    One of them is looked up for whom nothing was sent since. Where there is none, nothing shows that it was not so.
    """
    witnesses = channel.creates.witnesses(operator_id)
    if witnesses is None:
        return False
    outcome = channel.look_up_twice(witnesses[0]) if witnesses else None
    return not isinstance(outcome, Ok) or outcome.data is not None


def _not_ours(author: Author, refused: Refused | None = None) -> Outcome:
    """How a create ends whose agent is there, and not as ours; `refused` is what the vendor said, if it did."""
    kind: type[Refused] = Undecided
    words = text("it is there, and nothing shows who made it: it is left as it is; run plan to see how to go on")
    if author == "stranger":
        kind, words = Stranger, text("somebody else made it: it is left as it is; run plan to see how to go on")
    elif author == "elder":
        by_id = "somebody else made it, as its id says: it is left as it is; run plan to see how to go on"
        words = text(by_id)
    return kind(0, text("{refused}; {words}", refused=refused.words, words=words) if refused else words)


def _agents(found: Mapping[str, LookedUp]) -> dict[str, LiveAgent]:
    return {operator_id: each.agent for operator_id, each in found.items()}


def settle_batch(call: Call, channel: CallChannel, maybe_sent: bool) -> Settled:
    """Create several agents with one call. Of those that are there it is found out whose they are."""
    outcome = channel.send(call)
    for attempt in range(1, CALL_TRIES):
        if isinstance(outcome, Ok | Refused):
            break
        channel.pause(backoff(attempt, outcome.retry_after))
        if isinstance(outcome, Lost):
            maybe_sent = True
            there = _look_up_each(call.operator_ids, channel)
            if there is None:
                break
            if there:
                authors = authors_of(call.fields, call.operator_ids, _agents(there), channel.before)
                return _split_batch(call, {}, there, authors, maybe_sent=True)
        resent = channel.resend(call)
        if resent is None:
            break
        outcome = resent
    return _settle_answered_batch(call, outcome, channel, maybe_sent)


def _settle_answered_batch(call: Call, outcome: Outcome, channel: CallChannel, maybe_sent: bool) -> Settled:
    """What the last answer to a batch comes to, agent by agent."""
    earlier = Lost(text("an earlier request may have made them")) if maybe_sent else None
    if isinstance(outcome, NotSent | Lost) or (isinstance(outcome, Refused) and outcome.authentication):
        return Settled([(call, joined(earlier, outcome))])
    named = _named_agents(outcome.data)
    created = {id_: named[id_] for id_ in call.operator_ids if id_ in named}
    strangers = tuple(item for id_, item in named.items() if id_ not in created)
    rest = [id_ for id_ in call.operator_ids if id_ not in created]
    there = _look_up_each(rest, channel) if maybe_sent or isinstance(outcome, Ok) else {}
    if there is None:
        unseen = Lost(text("the answer does not name it, and it could not be looked up"))
        return Settled([*_created_parts(call, created), (call.narrowed_to(rest), unseen)], strangers=strangers)
    authors = authors_of(call.fields, call.operator_ids, _agents(there), channel.before)
    if created and not maybe_sent:  # an answer that names some says of the others that it has not made them
        authors = dict.fromkeys(there, "stranger")
    ended = _split_batch(
        call, created, there, authors, maybe_sent=maybe_sent, singly=isinstance(outcome, Ok), strangers=strangers
    )
    return replace(ended, refused=outcome) if isinstance(outcome, Refused) and not ended.over else ended


def _named_agents(data: object) -> dict[str, CreatedItem]:
    items = data if isinstance(data, list) else [data]
    return {str(item["operatorId"]): item for item in items if isinstance(item, dict) and item.get("operatorId")}


def _look_up_each(operator_ids: Iterable[str], channel: CallChannel) -> dict[str, LookedUp] | None:
    """Those of the agents that exist, or `None` when that cannot be found out."""
    there: dict[str, LookedUp] = {}
    for operator_id in operator_ids:
        outcome = channel.look_up_twice(operator_id)
        if not isinstance(outcome, Ok):
            return None
        if outcome.data is not None:
            there[operator_id] = outcome.data
    return there


def _split_batch(
    call: Call,
    named: Mapping[str, CreatedItem],
    there: Mapping[str, LookedUp],
    authors: Mapping[str, Author],
    *,
    maybe_sent: bool,
    singly: bool = False,
    strangers: Sequence[CreatedItem] = (),
) -> Settled:
    """A batch of which some agents are there; the others are sent anew, in parts that are smaller than it."""
    created = {**named, **{id_: found.as_item() for id_, found in there.items() if authors[id_] == "ours"}}
    ended = _created_parts(call, created)
    ended += [(call.narrowed_to([id_]), _not_ours(authors[id_])) for id_ in there if authors[id_] != "ours"]
    runs = _consecutive_runs(id_ for id_ in call.operator_ids if id_ not in created and id_ not in there)
    if singly:
        runs = [[id_] for run in runs for id_ in run]
    elif not created and not there:
        middle = len(call.operator_ids) // 2
        runs = [list(call.operator_ids[:middle]), list(call.operator_ids[middle:])]
    # An agent that is created alone gets a password that is known before.
    to_resend = [replace(call.narrowed_to(run), vendor_password=call.vendor_password and len(run) > 1) for run in runs]
    return Settled(ended, to_resend, maybe_sent, strangers, None if ended else call)


def _consecutive_runs(operator_ids: Iterable[str]) -> list[list[str]]:
    runs: list[list[str]] = []
    for operator_id in operator_ids:
        if runs and int(runs[-1][-1]) + 1 == int(operator_id):
            runs[-1].append(operator_id)
        else:
            runs.append([operator_id])
    return runs


def _created_parts(call: Call, created: Mapping[str, CreatedItem]) -> PartOutcomes:
    """The agents whose passwords are known together, each of the others by itself."""
    known = [id_ for id_ in created if not call.vendor_password or told_secret(created[id_].get("operatorPassword"))]
    unknown = created.keys() - known
    parts: PartOutcomes = [(call.narrowed_to(known), Ok([created[id_] for id_ in known]))] if known else []
    return parts + [(call.narrowed_to([id_]), Ok([created[id_]])) for id_ in sorted(unknown)]
