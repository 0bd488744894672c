"""A part of what is live: the agents and fields that are to be taken. All else stays as the file has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from reconciler.core.desired.read import ParsedFiles
from reconciler.core.model.fields import BY_NAME, LISTED, canon
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.plan import Plan

Choice = Mapping[str, Collection[str] | None]
"""Agents by id, each with the fields that are to be taken; with `None` the whole agent, or that it is gone."""


def only_chosen(reading: ParsedFiles, live: LiveState, choice: Choice) -> LiveState:
    """The live state in which everything that was not chosen is as the file says."""
    agents = {operator_id: agent for operator_id, agent in live.agents.items() if operator_id in choice}
    listed = {row.name for row in LISTED}
    for agent in reading.agents:
        taken = choice.get(agent.operator_id, ())
        if taken is None:
            continue
        there = live.agents.get(agent.operator_id)
        fields = there.fields if there else {row.name: row.default for row in LISTED}
        stays = {
            name: canon(BY_NAME[name], value)
            for name, value in agent.plain_values.items()
            if name in listed and name not in taken
        }
        agents[agent.operator_id] = LiveAgent(agent.operator_id, {**fields, **stays})
    return replace(live, agents=agents)


def drift_of(plan: Plan) -> Choice:
    """What a plan with origins calls drift: agents that came or went, and fields that were changed."""
    drifted: dict[str, Collection[str] | None] = {}
    for action in plan.actions:
        if action.kind in ("create", "delete"):
            drifted |= {action.operator_id: None} if action.origin == "drift" else {}
        elif action.kind != "password":
            fields = {change.field for change in action.changes if change.origin == "drift"}
            drifted |= {action.operator_id: fields} if fields else {}
    return drifted
