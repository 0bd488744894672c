"""The kinds of trouble that the wide state machine knows, each with a name by which it can be switched on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from hypothesis import strategies as st

from tests.fuzz import KINDS_OF

CROWD: Final = tuple(str(number) for number in range(8201, 8241))
"""Live agents of no file: one list deletes them all."""
NEWCOMERS: Final = tuple(str(number) for number in range(8301, 8341))
"""Agents that only the file has: one batch makes them all."""
SINGLES: Final = ("8001", "8002", "8003")
"""8001 and 8002 have generated passwords, 8003 has a group, which only an edit can set."""
BATCHED: Final = ("8101", "8102", "8103", "8104")
"""Created together, with passwords that the vendor chooses."""
EVERYBODY: Final = (*SINGLES, *BATCHED)
WRITES: Final = ("create/v2", "edit/v2", "del/v2", "editPwd", "writes")
LOSSES: Final = ("drop-before", "drop-after", "5xx-after", "html-after", "truncated")
CONSOLE_NAME: Final = "别人"

Rules = list[dict[str, Any]]
Draw = Callable[[st.SearchStrategy[Any]], Any]

calls = st.one_of(st.just("all"), st.integers(1, 6).map(lambda n: [n]), st.integers(2, 4).map(lambda n: {"from": n}))


def _loss(draw: Draw) -> Rules:
    """Nothing, or answers that are lost."""
    if not draw(st.booleans()):
        return []
    return [{"endpoint": draw(st.sampled_from(WRITES)), "fault": draw(st.sampled_from(LOSSES)), "calls": draw(calls)}]


def _strangers(draw: Draw) -> Rules:
    """One or two who come with any call: before it, while it takes its time, or before its answer."""
    losses = _loss(draw)
    return [*(_stranger(draw, alike=not losses) for _ in range(draw(st.integers(1, 2)))), *losses]


def _stranger(draw: Draw, *, alike: bool) -> dict[str, Any]:
    """`alike`: whom he makes may have nothing but defaults, as a create of ours would leave it."""
    does = draw(st.sampled_from(("create", "create", "edit", "delete")))
    agents = draw(st.lists(st.sampled_from(EVERYBODY), min_size=1, max_size=3, unique=True))
    endpoint = draw(st.sampled_from((*WRITES, "create/v2", "one/v2")))
    when = draw(st.sampled_from(("before", "before", "after")))
    number = draw(st.integers(1, 4))
    rule = {"endpoint": endpoint, "fault": "stranger", "calls": [number], "does": does, "agents": agents, "when": when}
    if does == "create":
        return {**rule, "values": draw(st.sampled_from(({}, {"name": CONSOLE_NAME}) if alike else ({"name": "别人"},)))}
    if does == "edit":
        values = ({"name": CONSOLE_NAME}, {"ttscontent": CONSOLE_NAME}, {"password": "console-2"})
        return {**rule, "values": draw(st.sampled_from(values))}
    return rule


def _stale(draw: Draw) -> Rules:
    """Reads that do not see the last writes, and answers that are lost, so that somebody must read."""
    reads, ago = draw(st.sampled_from(("reads", "reads", "one/v2", "page"))), draw(st.sampled_from((1, 2, 4, 8, 16)))
    lost = {"endpoint": draw(st.sampled_from(("create/v2", "writes"))), "fault": draw(st.sampled_from(LOSSES[1:]))}
    return [
        {**lost, "calls": draw(st.sampled_from(([1], [2], [1, 2], "all")))},
        {"endpoint": reads, "fault": "stale", "requests": ago},
    ]


def _refused_after(draw: Draw) -> Rules:
    """Writes that are done and called refused; whoever looks may see an old state."""
    endpoint, code = draw(st.sampled_from(WRITES)), draw(st.sampled_from((500, 20005, 20099)))
    rule = {"endpoint": endpoint, "fault": "refuse-after", "calls": draw(calls), "code": code}
    return [rule, *([{"endpoint": "reads", "fault": "stale", "requests": 2}] if draw(st.booleans()) else [])]


def _dead_token(draw: Draw) -> Rules:
    """A token that is no longer accepted from some write on, in words or by HTTP."""
    status, number = draw(st.sampled_from((200, 401))), draw(st.integers(1, 4))
    return [{"endpoint": "writes", "fault": "token-dies", "calls": [number], "status": status, "code": 20003}]


def _bad_state(draw: Draw) -> Rules:
    """A vendor that refuses every create, or every delete, in the same words."""
    endpoint = draw(st.sampled_from(("create/v2", "del/v2")))
    return [{"endpoint": endpoint, "fault": "refuse", "code": 20097}]


def _emptied(draw: Draw) -> Rules:
    """Edits that empty what they do not name."""
    return [{"endpoint": "edit/v2", "fault": "empties", "calls": draw(calls), "fields": ["ttscontent", "showcaller"]}]


def _in_part(draw: Draw) -> Rules:
    """Batches of which a part is made, named or not, with a code of success or another."""
    makes, names = draw(st.sampled_from(("free", 1, 2))), draw(st.booleans())
    code = draw(st.sampled_from(({}, {"code": 20005}, {"code": 500})))
    taken: dict[str, Any] = {
        "endpoint": "create/v2",
        "fault": "stranger",
        "calls": [1],
        "does": "create",
        "agents": ["8102"],
    }
    if code or not names:  # else nothing in the world tells them from those that the batch made at the same moment
        taken["values"] = {"name": CONSOLE_NAME}
    rule = {"endpoint": "create/v2", "fault": "partial-batch", "makes": makes, "names": names, **code}
    return [*([taken] if draw(st.booleans()) else []), rule]


def _another_first(draw: Draw) -> Rules:
    """Answers to a single create that list somebody else before the one who was made."""
    return [{"endpoint": "create/v2", "fault": "another-first", "calls": draw(calls)}]


def _broken_streams(draw: Draw) -> Rules:
    """Answers that dribble, are cut, or cannot be unpacked."""
    fault = draw(st.sampled_from(("cut", "broken-gzip", "truncated", "drip-head")))
    rule = {"endpoint": draw(st.sampled_from((*WRITES, "one/v2"))), "fault": fault, "calls": draw(calls)}
    return [{**rule, "seconds": 0.01} if fault == "drip-head" else rule]


def _none(_: Draw) -> Rules:
    """What goes wrong is not the vendor's doing."""
    return []


KINDS: Final[Mapping[str, Callable[[Draw], Rules]]] = {
    "strangers": _strangers,
    "stale reads": _stale,
    "refused after acting": _refused_after,
    "a token that dies": _dead_token,
    "refused alike": _bad_state,
    "emptying edits": _emptied,
    "batches in part": _in_part,
    "another agent first": _another_first,
    "broken streams": _broken_streams,
    "two machines": _loss,
    "interrupted waits": _none,
}


def switched_on() -> tuple[str, ...]:
    """The kinds of this run: all, or those that `FUZZ_KINDS` names, parted by commas."""
    named = os.environ.get(KINDS_OF, "all")
    return (*KINDS,) if named == "all" else tuple(named.split(","))
