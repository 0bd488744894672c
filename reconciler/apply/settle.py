"""Sends one call until it is certain how it ended, within what may be spent on that.

| what came back | what is done |
|---|---|
| ok | it is done |
| refused | an answer, and final; after a lost try it proves nothing: what cannot be seen then stays unknown |
| not sent | sent again |
| lost: edit | the agent is looked up; sent again unless everything that was asked is seen |
| lost: password | sent again: it cannot be seen, and setting it twice is setting it once |
| ok: create | matched by operatorId; where the answer names others only, the agent is looked up |
| lost: create | looked up; there: `core.authorship` says whose; not there: sent once more, with the same password |
| lost: delete | looked up; who is gone is done, the others are sent again |
| refused: delete | sent again in halves, until the culprit stands alone; who does not exist is done |
| ok: batch | who is not in the answer is looked up; there: somebody else's; not there: created singly |
| refused: batch | sent again in halves, down to one |
| refused: one of a batch | looked up; there with all of its batch, and as that asked: the batch made them after all |
| lost: batch | looked up, agent by agent; there: `core.authorship` says whose; the others are sent again |
"""

from __future__ import annotations

from reconciler.apply.channel import CallChannel, PartOutcomes, Settled
from reconciler.apply.settle_create import settle_batch, settle_create
from reconciler.core.authorship import is_another
from reconciler.core.model.fields import BY_NAME
from reconciler.core.model.message import text
from reconciler.core.model.plan import Call
from reconciler.vendor.answer import Lost, Ok, Outcome, Refused, joined
from reconciler.vendor.reader import LookedUp
from reconciler.vendor.retry import CALL_TRIES, backoff


def settle(call: Call, channel: CallChannel, *, maybe_sent: bool = False, batch: Call | None = None) -> Settled:
    """Send a call and settle how it ended. A list or a batch may end in parts, each a call of its own.

    With `maybe_sent`, an earlier request may have created the agents, with passwords that the vendor chose. `batch` is
    the refused batch that the call was part of; it may have created them too, whatever was answered. An agent of whom
    that is found out ends as `Ok` with `vendor_password` and without an `operatorPassword`.
    """
    if call.kind == "delete":
        return _delete(call, channel, maybe_sent)
    if call.batch:
        return settle_batch(call, channel, maybe_sent)
    if call.kind == "create":
        return settle_create(call, channel, maybe_sent, batch)
    return Settled([_single(call, channel)])


def _single(call: Call, channel: CallChannel) -> tuple[Call, Outcome]:
    """An edit or a password."""
    outcome = channel.send(call)
    for attempt in range(1, CALL_TRIES):
        if isinstance(outcome, Ok | Refused):
            break
        channel.pause(backoff(attempt, outcome.retry_after))
        if isinstance(outcome, Lost) and call.kind == "edit" and (seen := _look_for_edit(call, channel)) is not None:
            return call, seen
        resent = channel.resend(call)
        if resent is None:
            break
        outcome = joined(outcome, resent)
        if isinstance(resent, Refused):
            break
    return call, outcome


def _look_for_edit(call: Call, channel: CallChannel) -> Outcome | None:
    """`Ok` where every value of a lost edit is seen; `None` where it is to be sent again."""
    outcome = channel.look_up(call.operator_ids[0])
    if isinstance(outcome, Refused):
        return Lost(text("it could not be looked up"))
    if not isinstance(outcome, Ok):
        return None
    agent: LookedUp | None = outcome.data
    listed = not any(BY_NAME[name].write_only for name in call.fields)
    if agent is None or not listed or any(agent.agent.fields[name] != value for name, value in call.fields.items()):
        return None
    return Ok(agent.as_item())


def _delete(call: Call, channel: CallChannel, maybe_sent: bool) -> Settled:
    ended: PartOutcomes = []
    outcome = channel.send(call)
    lost: Outcome | None = Lost(text("an earlier request may have deleted it")) if maybe_sent else None
    for attempt in range(1, CALL_TRIES):
        if isinstance(outcome, Ok) or (isinstance(outcome, Refused) and outcome.authentication):
            break
        if isinstance(outcome, Refused):
            return _halve(call, outcome, lost, channel, ended)
        channel.pause(backoff(attempt, outcome.retry_after))
        if isinstance(outcome, Lost):
            lost = outcome
            gone = [id_ for id_ in call.operator_ids if _is_gone(id_, channel)]
            ended += [(call.narrowed_to(gone), Ok())] if gone else []
            call = call.narrowed_to([id_ for id_ in call.operator_ids if id_ not in gone])
            if not call.operator_ids:
                return Settled(ended)
        resent = channel.resend(call)
        if resent is None:
            break
        outcome = resent
    return Settled([*ended, (call, joined(lost, outcome))])


def _halve(call: Call, refused: Refused, lost: Outcome | None, channel: CallChannel, ended: PartOutcomes) -> Settled:
    """A refused list, in halves. An agent that is refused alone is done when it does not exist, else failed."""
    ids = call.operator_ids
    if len(ids) == 1:
        return Settled([*ended, (call, Ok() if _is_gone(ids[0], channel) else joined(lost, refused))])
    middle = len(ids) // 2
    halves = [call.narrowed_to(ids[:middle]), call.narrowed_to(ids[middle:])]
    return Settled(ended, halves, lost is not None, refused=refused)


def _is_gone(operator_id: str, channel: CallChannel) -> bool:
    """Whether the agent is deleted: nobody has the number, or somebody who came since."""
    outcome = channel.look_up(operator_id)
    return isinstance(outcome, Ok) and (outcome.data is None or is_another(outcome.data.agent, channel.before))
