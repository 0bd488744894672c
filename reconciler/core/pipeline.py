"""Joins the stages, in order. `plan` and `apply` share all of it.

bytes ─read_desired─► DesiredState ─┐
rows  ─live_state───► LiveState ────┼─diff─► Diff ─plan─► Plan (with its guardrails)
ledger ─────────────► LedgerView ───┘
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.diff import diff
from reconciler.core.model import DesiredState, LedgerView, LiveAgent, LiveState, Plan, Policy
from reconciler.core.plan import plan


def live_state(agents: Iterable[LiveAgent], *, complete: bool = True) -> LiveState:
    """The listing, by id."""
    return LiveState({agent.operator_id: agent for agent in agents}, complete)


def make_plan(desired: DesiredState, live: LiveState, ledger: LedgerView, policy: Policy) -> Plan:
    """Everything between reading and showing."""
    return plan(diff(desired, live, ledger), policy)
