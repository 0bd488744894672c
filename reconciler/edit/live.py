"""What must change in a file so that its plan against the live agents is empty; paths and values, no text yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.core.desired.read import ParsedFiles
from reconciler.core.desired.resolve import ResolvedAgent, mapping_or_empty, pool_range
from reconciler.core.model.desired import matches
from reconciler.core.model.fields import BY_NAME, KEY, LISTED, Value, canon
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.yaml.nodes import Path
from reconciler.core.yaml.spelling import AGENT_ORDER, is_expressible


@dataclass(frozen=True, slots=True)
class AddedAgent:
    """An agent to add to the file. `own` has the values of its own keys, a password's source too, in table order."""

    operator_id: str
    own: Mapping[str, Any]


@dataclass(slots=True)
class FileChanges:
    """The changes that a file needs, by paths into it.

    `changed`: own keys to set. `removed`: agents that are not live, and pools without a member. `excluded`: everything
    that a pool is to list under `except`. `heading`: the comment above the `added` agents; "" for the usual one.
    """

    changed: dict[Path, dict[str, Value]] = field(default_factory=dict)
    removed: set[Path] = field(default_factory=set)
    excluded: dict[Path, list[str]] = field(default_factory=dict)
    added: list[AddedAgent] = field(default_factory=list)
    heading: str = ""

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed or self.excluded or self.added)


def changes_for_live(reading: ParsedFiles, live: LiveState) -> FileChanges:
    """Compare one file without problems with the live agents. An incomplete listing removes no agent.

    A live value that no file can express stays as the file has it, and so does every field that the file does not
    manage. The added agents are sorted by id.
    """
    changes = FileChanges()
    for agent in reading.agents:
        live_agent = live.agents.get(agent.operator_id)
        if live_agent is None and live.complete:
            _remove_agent(agent, changes)
        elif live_agent is not None and (values := _live_values_to_take(agent, live_agent)):
            change_agent(agent, values, changes)
    remove_empty_pools(reading, changes)
    known = {agent.operator_id for agent in reading.agents}
    changes.added += [
        _added(reading, agent) for id_, agent in live.agents.items() if id_ not in known and _in_scope(reading, id_)
    ]
    changes.added.sort(key=lambda agent: agent.operator_id)
    return changes


def _in_scope(reading: ParsedFiles, operator_id: str) -> bool:
    """Whether the agent is in the file's scope, and the file can express its id."""
    scope = mapping_or_empty(reading.documents[0].root.get("scope")).get(KEY)
    patterns = tuple(str(pattern) for pattern in scope) if isinstance(scope, list) else ("*",)
    return matches(patterns, operator_id) and is_expressible(BY_NAME[KEY], operator_id)


def _live_values_to_take(agent: ResolvedAgent, live_agent: LiveAgent) -> dict[str, Value]:
    fields, taken = live_agent.fields, {}
    for name, value in agent.plain_values.items():
        if name in fields and value != fields[name]:
            row = BY_NAME[name]
            if canon(row, value) != fields[name] and is_expressible(row, fields[name]):
                taken[name] = fields[name]
    return {row.name: taken[row.name] for row in LISTED if row.name in taken} if taken else taken


def _remove_agent(agent: ResolvedAgent, changes: FileChanges) -> None:
    if agent.from_pool:
        _exclude_from_pool(agent, changes)
    else:
        changes.removed.add(agent.path)


def _exclude_from_pool(agent: ResolvedAgent, changes: FileChanges) -> None:
    excluded = agent.own.get("except")
    ids = [str(operator_id) for operator_id in excluded] if isinstance(excluded, list) else []
    changes.excluded.setdefault(agent.path, ids).append(agent.operator_id)


def change_agent(agent: ResolvedAgent, values: dict[str, Value], changes: FileChanges) -> None:
    """Note an agent's new values. An agent of a pool leaves it for `agents`, since all agents of a pool are alike."""
    if not agent.from_pool:
        changes.changed[agent.path] = values
        return
    _exclude_from_pool(agent, changes)
    from_pool = {name: value.value for name, value in agent.values.items() if value.path[:2] == agent.path}
    own = {"profile": agent.own.get("profile"), **from_pool, **values}
    changes.added.append(AddedAgent(agent.operator_id, in_key_order(own)))


def in_key_order(own: Mapping[str, Any]) -> dict[str, Any]:
    """An agent's keys in canonical order, without an absent `profile`."""
    names = (name for name in AGENT_ORDER if name in own)
    return {name: own[name] for name in names if name != "profile" or own[name] is not None}


def remove_empty_pools(reading: ParsedFiles, changes: FileChanges) -> None:
    """Note that pools are to be removed whose every member is to be excluded."""
    members = {agent.path: pool_range(agent.own) or () for agent in reading.agents if agent.from_pool}
    for path in [path for path, ids in changes.excluded.items() if len({*ids}) == len(members[path])]:
        del changes.excluded[path]
        changes.removed.add(path)


_CHOSEN_BY_VENDOR: Final = object()
"""The SIP number of a new agent for which the file names none."""


def _added(reading: ParsedFiles, agent: LiveAgent) -> AddedAgent:
    """The agent with every value that neither `defaults` nor the creation of an agent gives it."""
    defaults = mapping_or_empty(reading.documents[0].root.get("defaults"))
    own = {}
    for row in LISTED:
        at_creation = _CHOSEN_BY_VENDOR if row.name == "sipNumber" else row.default
        without_key = canon(row, defaults[row.name]) if row.name in defaults else at_creation
        if agent.fields[row.name] != without_key and is_expressible(row, agent.fields[row.name]):
            own[row.name] = agent.fields[row.name]
    return AddedAgent(agent.operator_id, in_key_order(own))
