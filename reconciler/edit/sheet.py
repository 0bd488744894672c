"""What must change in a file so that it says what a sheet says. Agents that the sheet does not name stay unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.core.desired.read import ParsedFiles
from reconciler.core.desired.resolve import mapping_or_empty
from reconciler.core.model.fields import BY_NAME, COMPARED, Value, canon
from reconciler.edit.live import AddedAgent, FileChanges, change_agent, in_key_order, remove_empty_pools

HEADING: Final = "# added from a spreadsheet"
"""Stands above the agents that were added."""

SheetValues = Mapping[str, Mapping[str, Value]]
"""Canonical values by operatorId and by field."""


def with_sheet_values(in_file: SheetValues, sheet: SheetValues) -> SheetValues:
    """All values that the file's agents are to have, and the agents that only the sheet names."""
    return {**{id_: {**fields, **sheet.get(id_, {})} for id_, fields in in_file.items()}, **_others(sheet, in_file)}


def managed_values(reading: ParsedFiles) -> SheetValues:
    """The canonical values of each agent of a file, secrets apart."""
    return {
        agent.operator_id: {
            name: canon(_COMPARED[name], value) for name, value in agent.plain_values.items() if name in _COMPARED
        }
        for agent in reading.agents
    }


_COMPARED: Final = {row.name: row for row in COMPARED}


def _others(values: SheetValues, in_file: SheetValues) -> SheetValues:
    return {id_: fields for id_, fields in values.items() if id_ not in in_file}


def changes_for_sheet(reading: ParsedFiles, in_file: SheetValues, wanted: SheetValues) -> FileChanges:
    """Compare one file without problems, and its values, with those that its agents, and the sheet's, are to have."""
    changes = FileChanges(heading=HEADING)
    for agent in reading.agents:
        now = in_file[agent.operator_id]
        values = {name: value for name, value in wanted[agent.operator_id].items() if now.get(name, now) != value}
        if values:
            change_agent(agent, values, changes)
    remove_empty_pools(reading, changes)
    changes.added += [_added(reading, id_, fields) for id_, fields in _others(wanted, in_file).items()]
    return changes


def agent_managing_more(reading: ParsedFiles, wanted: SheetValues, before: ParsedFiles) -> str:
    """The id of an agent of the old file that now manages more fields than wanted, through another's anchor; or ""."""
    known = {agent.operator_id for agent in before.agents}
    kept = (agent for agent in reading.agents if agent.operator_id in known)
    more = (
        str(agent.operator_id)
        for agent in kept
        if not (_COMPARED.keys() & agent.plain_values.keys()) <= wanted[agent.operator_id].keys()
    )
    return next(more, "")


def _added(reading: ParsedFiles, operator_id: str, fields: Mapping[str, Value]) -> AddedAgent:
    """The agent with the values that `defaults` does not give it."""
    defaults = mapping_or_empty(reading.documents[0].root.get("defaults"))
    by_default = {name: canon(BY_NAME[name], defaults[name]) for name in fields if name in defaults}
    own = {name: value for name, value in fields.items() if name not in by_default or by_default[name] != value}
    return AddedAgent(operator_id, in_key_order(own))
