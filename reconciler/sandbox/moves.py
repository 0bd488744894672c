"""A listing that moves while it is read: the fault `move` of page (2.1.5).

Each way changes the store and reads the page, or alters the page it has read. Whether a change of the store lasts
is not decided here: the caller commits the transaction or rolls it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from reconciler.sandbox.agent import BLANK, picked
from reconciler.sandbox.handlers import Body, page
from reconciler.sandbox.rules import Rule
from reconciler.sandbox.store import AgentStore

# Ten digits: longer than the vendor's own, so that they are nobody's and next to none is the next free one.
FIRST_INVENTED = 9_000_000_001

Page = dict[str, Any]


class Moves:
    """What moved for good, to be put back by `restore`."""

    def __init__(self) -> None:
        self._removed: list[dict[str, Any]] = []
        self._added: list[str] = []

    def page(self, rule: Rule, store: AgentStore, body: Body) -> Page:
        """One page as the rule has it, inside a transaction; what is moved for good is remembered."""
        match rule.how:
            case "delete":
                self._delete(rule, store, body)
            case "insert":
                self._insert(rule, store)
            case "restore":
                self._restore(store)
        altered = ALTERED.get(rule.how, _as_it_is)
        return altered(store, body, rule.count)

    def _delete(self, rule: Rule, store: AgentStore, body: Body) -> None:
        shown = _rows(store, body, 0, (body["pageNumber"] - 1) * body["pageSize"])[: rule.count]
        agents = store.rows([row["id"] for row in shown])
        if rule.real:
            self._removed += agents
        store.delete([agent["operatorId"] for agent in agents])

    def _insert(self, rule: Rule, store: AgentStore) -> None:
        lowest = min(store.listing(), default=1)
        new = [(lowest - 1 - n, _unused(store, n)) for n in range(rule.count)]
        if rule.real:
            self._added += [operator_id for _, operator_id in new]
        store.insert({"id": each, "operatorId": operator_id} for each, operator_id in new)

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


def _as_it_is(store: AgentStore, body: Body, _: int = 0) -> Page:
    return cast(Page, page(store, body))


def _duplicated(store: AgentStore, body: Body, count: int) -> Page:
    """The first rows stand again in the place of the last: as many rows as before, and some are not seen."""
    shown = _as_it_is(store, body)
    rows = shown["result"]
    twice = min(count, len(rows) // 2)
    return {**shown, "result": rows[: len(rows) - twice] + rows[:twice]}


def _with_other_total(store: AgentStore, body: Body, count: int) -> Page:
    shown = _as_it_is(store, body)
    total = max(0, shown["total"] + count)
    return {**shown, "total": total, "pageTotal": -(-total // shown["pageSize"])}


def _reordered(store: AgentStore, body: Body, count: int) -> Page:
    """The agents at the front have gone to the end: every later one comes earlier, and the total is the same."""
    shown = _as_it_is(store, body)
    total, size = shown["total"], len(shown["result"])
    start = ((body["pageNumber"] - 1) * body["pageSize"] + count) % max(1, total)
    rows = _rows(store, body, start, min(start + size, total)) + _rows(store, body, 0, max(0, start + size - total))
    return {**shown, "result": rows}


ALTERED: Mapping[str, Callable[[AgentStore, Body, int], Page]] = {
    "duplicate": _duplicated,
    "total": _with_other_total,
    "reorder": _reordered,
}


def _rows(store: AgentStore, body: Body, start: int, stop: int) -> list[dict[str, Any]]:
    """The rows of the listing from `start` up to `stop`, whatever the pages they stand on."""
    size = body["pageSize"]
    first = start // size
    numbers = range(first + 1, -(-stop // size) + 1)
    rows = [row for n in numbers for row in _as_it_is(store, {**body, "pageNumber": n})["result"]]
    return rows[start - first * size : stop - first * size]
