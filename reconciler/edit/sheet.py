"""What a file would have to say differently to say what a sheet says. Whom the sheet does not name stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.core.desired.read import ParsedFiles
from reconciler.core.desired.resolve import Resolved, child
from reconciler.core.model.fields import BY_NAME, Value, canon
from reconciler.edit.live import AddedAgent, Todo, _changed, _empty_pools, _ordered

HEADING: Final = "# added from a spreadsheet"
"""Stands above the agents that were added."""

Said = Mapping[str, Mapping[str, Value]]
"""Canonical values by field, by operatorId."""


def overlaid(reading: ParsedFiles, said: Said) -> Said:
    """What the file's agents are to say, each value of them, and those that the sheet adds."""
    there = {agent.operator_id: _managed(agent) for agent in reading.agents}
    return {**{id_: {**fields, **said.get(id_, {})} for id_, fields in there.items()}, **_others(said, there)}


def _managed(agent: Resolved) -> dict[str, Value]:
    rows = ((BY_NAME[name], written.value) for name, written in agent.values.items())
    return {row.name: canon(row, value) for row, value in rows if row.compared}


def _others(said: Said, there: Said) -> Said:
    return {id_: fields for id_, fields in said.items() if id_ not in there}


def todo_of_sheet(reading: ParsedFiles, wanted: Said) -> Todo:
    """Compare one good file with what its agents and those of a sheet are to say."""
    found = Todo(heading=HEADING)
    there = {agent.operator_id: _managed(agent) for agent in reading.agents}
    for agent in reading.agents:
        now = there[agent.operator_id]
        values = {name: value for name, value in wanted[agent.operator_id].items() if now.get(name, now) != value}
        if values:
            _changed(agent, values, found)
    _empty_pools(reading, found)
    found.new += [_new(reading, id_, fields) for id_, fields in _others(wanted, there).items()]
    return found


def taking_more(reading: ParsedFiles, wanted: Said, before: ParsedFiles) -> str:
    """An agent that was in the file before and now manages a field that it should not, from another's anchor."""
    known = {agent.operator_id for agent in before.agents}
    odd = (agent for agent in reading.agents if agent.operator_id in known)
    return next((str(agent.operator_id) for agent in odd if _managed(agent).keys() - wanted[agent.operator_id]), "")


def _new(reading: ParsedFiles, operator_id: str, fields: Mapping[str, Value]) -> AddedAgent:
    """An agent with what `defaults` does not give it."""
    defaults = child(reading.documents[0].root.get("defaults"))
    given = {name: canon(BY_NAME[name], defaults[name]) for name in fields if name in defaults}
    own = {name: value for name, value in fields.items() if name not in given or given[name] != value}
    return AddedAgent(operator_id, _ordered(own))
