"""What a file would have to say differently to say what a sheet says. Whom the sheet does not name stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.core.desired import Reading
from reconciler.core.fields import BY_NAME, Value, canon
from reconciler.core.resolve import child
from reconciler.edit.live import NewAgent, Todo, _changed, _empty_pools, _ordered

HEADING: Final = "# added from a spreadsheet"
"""Stands above the agents that were added."""

Said = Mapping[str, Mapping[str, Value]]
"""Canonical values by field, by operatorId."""


def todo_of_sheet(reading: Reading, said: Said) -> Todo:
    """Compare one good file with a sheet. A field that the sheet does not say of an agent is left as it is."""
    found = Todo(heading=HEADING)
    for agent in reading.agents:
        values = {
            name: value
            for name, value in said.get(agent.operator_id, {}).items()
            if name not in agent.values or canon(BY_NAME[name], agent.values[name].value) != value
        }
        if values:
            _changed(agent, values, found)
    _empty_pools(reading, found)
    known = {agent.operator_id for agent in reading.agents}
    found.new += [_new(reading, id_, fields) for id_, fields in said.items() if id_ not in known]
    return found


def _new(reading: Reading, operator_id: str, fields: Mapping[str, Value]) -> NewAgent:
    """An agent with what `defaults` does not give it."""
    defaults = child(reading.documents[0].root.get("defaults"))
    given = {name: canon(BY_NAME[name], defaults[name]) for name in fields if name in defaults}
    own = {name: value for name, value in fields.items() if name not in given or given[name] != value}
    return NewAgent(operator_id, _ordered(own))
