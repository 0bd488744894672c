"""Somebody at the console while requests are under way: the fault `stranger`."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.by_hand import put
from reconciler.sandbox.rules import DOINGS, Rule
from reconciler.sandbox.store import AgentStore
from reconciler.sandbox.traffic import Traffic, Visit

# Who is made in the console without a password has this one, which no client can know.
CONSOLE_PASSWORD = "set-in-the-console"  # noqa: S105 - it opens nothing


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who comes with one call, `seconds` after its arrival, before or after it is carried out."""

    does: str
    agents: Sequence[str]
    values: Mapping[str, Any]
    when: str
    seconds: float

    @classmethod
    def drawn(cls, rule: Rule, named: Sequence[str], chance: random.Random) -> Stranger:
        """Who comes by this rule: with `any`, chance says to whom of the agents he does what."""
        agents, does = rule.agents or tuple(named), rule.does
        if does == "any":
            does = chance.choice([each for each in DOINGS if each != "any"])
            agents = [chance.choice(agents)] if agents else []
        return cls(does, agents, rule.values, rule.when, rule.seconds)

    def act(self, store: AgentStore, traffic: Traffic) -> None:
        """Does what he came for. What the console would refuse, such as a taken SIP number, is not done."""
        for operator_id in self.agents:
            with suppress(ValueError), store.transaction():
                if bool(store.in_use([operator_id])) is (self.does == "create"):
                    continue
                after = store.last_write()
                values = self._do(store, operator_id)
                traffic.record_visit(Visit(after, self.does, operator_id, values))

    def _do(self, store: AgentStore, operator_id: str) -> Mapping[str, Any]:
        """Does it to one agent, and returns the values that he set."""
        if self.does == "delete":
            store.delete([operator_id])
            return {}
        values = {"password": CONSOLE_PASSWORD, **self.values} if self.does == "create" else self.values
        put(store, operator_id, values)
        return values
