"""What a file would have to say differently for its plan to be empty. Facts about the file, no text yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.core.desired.read import ParsedFiles
from reconciler.core.desired.resolve import Resolved, child, pool_range
from reconciler.core.model.desired import matches
from reconciler.core.model.fields import BY_NAME, KEY, LISTED, Value, canon
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.yaml.nodes import Path
from reconciler.core.yaml.spelling import AGENT_ORDER, can_say


@dataclass(frozen=True, slots=True)
class AddedAgent:
    """An agent that the file is to name: the values of its own keys, a password's source included, in table order."""

    operator_id: str
    own: Mapping[str, Any]


@dataclass(slots=True)
class Todo:
    """What is to be done to a file, by paths into it.

    `changed`: own keys to set. `gone`: agents that are not live, and pools that nobody is left of. `left_out`: the
    whole of what a pool is to say under `except`. `heading`: a comment for above `new`, where it is not the usual one.
    """

    changed: dict[Path, dict[str, Value]] = field(default_factory=dict)
    gone: set[Path] = field(default_factory=set)
    left_out: dict[Path, list[str]] = field(default_factory=dict)
    new: list[AddedAgent] = field(default_factory=list)
    heading: str = ""

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.left_out or self.new)


def todo(reading: ParsedFiles, live: LiveState) -> Todo:
    """Compare one good file with the listing. From one that is not complete nothing is taken to be gone.

    A live value that no file can ask for is left as the file has it; so is every field that it does not manage.
    """
    found = Todo()
    for agent in reading.agents:
        there = live.agents.get(agent.operator_id)
        if there is None and live.complete:
            _gone(agent, found)
        elif there is not None and (values := _differing(agent, there)):
            _changed(agent, values, found)
    _empty_pools(reading, found)
    known = {agent.operator_id for agent in reading.agents}
    found.new += [
        _new(reading, agent) for id_, agent in live.agents.items() if id_ not in known and _fits(reading, id_)
    ]
    found.new.sort(key=lambda each: each.operator_id)
    return found


def _fits(reading: ParsedFiles, operator_id: str) -> bool:
    """Whether the file speaks for the agent, and can name it."""
    scope = child(reading.documents[0].root.get("scope")).get(KEY)
    patterns = tuple(str(each) for each in scope) if isinstance(scope, list) else ("*",)
    return matches(patterns, operator_id) and can_say(BY_NAME[KEY], operator_id)


def _differing(agent: Resolved, there: LiveAgent) -> dict[str, Value]:
    managed = ((row, agent.values[row.name].value) for row in LISTED if row.name in agent.values)
    return {
        row.name: there.fields[row.name]
        for row, value in managed
        if canon(row, value) != there.fields[row.name] and can_say(row, there.fields[row.name])
    }


def _gone(agent: Resolved, found: Todo) -> None:
    if agent.pooled:
        _leave_out(agent, found)
    else:
        found.gone.add(agent.path)


def _leave_out(agent: Resolved, found: Todo) -> None:
    written = agent.own.get("except")
    already = [str(each) for each in written] if isinstance(written, list) else []
    found.left_out.setdefault(agent.path, already).append(agent.operator_id)


def _changed(agent: Resolved, values: dict[str, Value], found: Todo) -> None:
    """A pool stands only for agents that differ in nothing: one that does becomes an agent of its own."""
    if not agent.pooled:
        found.changed[agent.path] = values
        return
    _leave_out(agent, found)
    written = {name: each.value for name, each in agent.values.items() if each.path[:2] == agent.path}
    own = {"profile": agent.own.get("profile"), **written, **values}
    found.new.append(AddedAgent(agent.operator_id, _ordered(own)))


def _ordered(own: Mapping[str, Any]) -> dict[str, Any]:
    said = (name for name in AGENT_ORDER if name in own)
    return {name: own[name] for name in said if name != "profile" or own[name] is not None}


def _empty_pools(reading: ParsedFiles, found: Todo) -> None:
    members = {agent.path: pool_range(agent.own) or () for agent in reading.agents if agent.pooled}
    for path in [path for path, ids in found.left_out.items() if len({*ids}) == len(members[path])]:
        del found.left_out[path]
        found.gone.add(path)


_ASSIGNED: Final = object()
"""What a new agent gets where the file names no SIP number: one that the vendor chooses."""


def _new(reading: ParsedFiles, agent: LiveAgent) -> AddedAgent:
    """Every value that `defaults` does not give, but for those that a new agent has anyway."""
    defaults = child(reading.documents[0].root.get("defaults"))
    own = {}
    for row in LISTED:
        anyway = _ASSIGNED if row.name == "sipNumber" else row.default
        given = canon(row, defaults[row.name]) if row.name in defaults else anyway
        if agent.fields[row.name] != given and can_say(row, agent.fields[row.name]):
            own[row.name] = agent.fields[row.name]
    return AddedAgent(agent.operator_id, _ordered(own))
