"""A listing that changes while it is read: the fault `move` of page (2.1.5).

Some moves change the store and then read the page; others alter the page that was read. The caller decides whether
a change of the store lasts: it commits the transaction or rolls it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from reconciler.sandbox.agent import BLANK, picked
from reconciler.sandbox.handlers import Body, page
from reconciler.sandbox.rules import Rule
from reconciler.sandbox.store import AgentStore

# Ten digits are longer than the ids that the sandbox assigns: no agent has such an id, and no next free id follows it.
FIRST_INVENTED = 9_000_000_001

Page = dict[str, Any]


class Moves:
    """The agents that moves have removed and added for good, until `restore` undoes that."""

    def __init__(self) -> None:
        self._removed: list[dict[str, Any]] = []
        self._added: list[str] = []

    def page(self, rule: Rule, store: AgentStore, body: Body) -> Page:
        """One page as the rule changes it. To be called inside a transaction."""
        match rule.how:
            case "delete":
                self._delete(rule, store, body)
            case "insert":
                self._insert(rule, store)
            case "restore":
                self._restore(store)
        altered = ALTERED.get(rule.how, _unaltered)
        return altered(store, body, rule.count)

    def _delete(self, rule: Rule, store: AgentStore, body: Body) -> None:
        earlier_rows = _rows(store, body, 0, (body["pageNumber"] - 1) * body["pageSize"])[: rule.count]
        agents = store.rows([row["id"] for row in earlier_rows])
        if rule.real:
            self._removed += agents
        store.delete([agent["operatorId"] for agent in agents])

    def _insert(self, rule: Rule, store: AgentStore) -> None:
        lowest = min(store.listing(), default=1)
        new = [(lowest - 1 - n, _unused(store, n)) for n in range(rule.count)]
        if rule.real:
            self._added += [operator_id for _, operator_id in new]
        store.insert({"id": row_id, "operatorId": operator_id} for row_id, operator_id in new)

    def _restore(self, store: AgentStore) -> None:
        store.delete(store.in_use(self._added))
        for agent in self._removed:
            if not store.in_use([agent["operatorId"]]):
                store.insert([{**picked(agent, tuple(BLANK)), "sipid": _claimed(store, agent["sipid"])}])
        self._added, self._removed = [], []


def _unused(store: AgentStore, nth: int) -> str:
    number = FIRST_INVENTED + nth
    while store.in_use([str(number)]):
        number += 1000
    return str(number)


def _claimed(store: AgentStore, sipid: int | None) -> int | None:
    if sipid is None or store.holder(sipid) is not None:
        return None
    store.pool.claim(sipid)
    return sipid


def _unaltered(store: AgentStore, body: Body, _: int = 0) -> Page:
    return cast(Page, page(store, body))


def _duplicated(store: AgentStore, body: Body, count: int) -> Page:
    """The first rows again in the place of the last ones: the number of rows is right, and some rows are missing."""
    original = _unaltered(store, body)
    rows = original["result"]
    twice = min(count, len(rows) // 2)
    return {**original, "result": rows[: len(rows) - twice] + rows[:twice]}


def _with_other_total(store: AgentStore, body: Body, count: int) -> Page:
    original = _unaltered(store, body)
    total = max(0, original["total"] + count)
    return {**original, "total": total, "pageTotal": -(-total // original["pageSize"])}


def _reordered(store: AgentStore, body: Body, count: int) -> Page:
    """The page after the first agents went to the end: every other agent is earlier, and the total is the same."""
    original = _unaltered(store, body)
    total, size = original["total"], len(original["result"])
    start = ((body["pageNumber"] - 1) * body["pageSize"] + count) % max(1, total)
    rows = _rows(store, body, start, min(start + size, total)) + _rows(store, body, 0, max(0, start + size - total))
    return {**original, "result": rows}


ALTERED: Mapping[str, Callable[[AgentStore, Body, int], Page]] = {
    "duplicate": _duplicated,
    "total": _with_other_total,
    "reorder": _reordered,
}


def _rows(store: AgentStore, body: Body, start: int, stop: int) -> list[dict[str, Any]]:
    """The rows of the listing from `start` up to `stop`, read from as many pages as needed."""
    size = body["pageSize"]
    first = start // size
    numbers = range(first + 1, -(-stop // size) + 1)
    rows = [row for n in numbers for row in _unaltered(store, {**body, "pageNumber": n})["result"]]
    return rows[start - first * size : stop - first * size]
