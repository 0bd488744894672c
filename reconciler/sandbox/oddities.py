"""Endpoints that do otherwise than the reference says, although they answer: handlers for some faults.

Each handler takes a rule, the store and a checked body, as one of `handlers` takes the latter two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.sandbox.answers import Data, RefusedError
from reconciler.sandbox.handlers import Body, create, edit, new_operator_ids
from reconciler.sandbox.moves import FIRST_INVENTED
from reconciler.sandbox.rules import Rule
from reconciler.sandbox.store import AgentStore


def emptying_edit(rule: Rule, store: AgentStore, body: Body) -> Data:
    """Edits, and empties those of the rule's fields that were not sent.

    Raises:
        RefusedError: as `edit`.
    """
    edit(store, body)
    return edit(store, {"operatorId": body["operatorId"], **_emptied(rule, body)})


def _emptied(rule: Rule, body: Body) -> Body:
    gone: dict[str, Any] = {name: "" for name in rule.fields if name not in body}
    if gone.pop("sipnumber", None) is not None and "unbindSip" not in body:
        gone["unbindSip"] = 1
    return gone


def partial_batch(rule: Rule, store: AgentStore, body: Body) -> list[dict[str, Any]]:
    """Creates those of a batch whose numbers are free, or only the first of them; returns who was made.

    Raises:
        RefusedError: the batch is impossible, or the SIP numbers run out.
    """
    wanted = new_operator_ids(store, body)
    used = store.in_use(wanted)
    free = [operator_id for operator_id in wanted if operator_id not in used]
    made = free if rule.makes == "free" else free[: int(rule.makes)]
    return [agent for id_ in made for agent in create(store, {**body, "batchFlag": 0, "operatorId": id_})]


def with_another_first(store: AgentStore, created: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who was made, and before them another agent, with that one's SIP number and password."""
    own = {agent["operatorId"] for agent in created}
    others = (agent for agent in store.rows(store.listing()[:2]) if agent["operatorId"] not in own)
    other = next(others, {"operatorId": str(FIRST_INVENTED), "sipNumber": None, "sipPassword": None})
    named = {name: other[name] for name in ("operatorId", "sipNumber", "sipPassword")}
    return [{**named, "operatorPassword": "another-1"}, *created]


def licensed_create(rule: Rule, store: AgentStore, body: Body) -> Data:
    """Creates, as long as the company then has no more agents than its licence allows.

    Raises:
        RefusedError: it would have more, or as `create`.
    """
    created = create(store, body)
    if store.count() > rule.max:
        raise RefusedError(rule.code or 0, rule.msg)
    return created
