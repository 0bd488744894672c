"""What a change of the files means by itself: the desired state of before stands where the live side would.

What no file of before managed is unknown. So is everything that only the live side can tell: what has drifted, what is
blocked, how many agents a share comes to, and who holds a SIP number.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.model.desired import DesiredState, Policy
from reconciler.core.model.fields import BY_NAME
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.plan import Action, Plan
from reconciler.core.planning.actions import batch_notes, narrowing
from reconciler.core.planning.make_plan import make_plan
from reconciler.core.planning.policy_changes import policy_changes


def offline_plan(before: DesiredState, after: DesiredState, policy: Policy) -> Plan:
    """The plan from the files of before to those of now. It cannot be applied."""
    agents = {
        agent.operator_id: LiveAgent(
            agent.operator_id, {name: value for name, value in agent.fields.items() if BY_NAME[name].wire.listed}
        )
        for agent in before.agents
    }
    ledger = {
        agent.operator_id: LedgerEntry(
            agent.password.version if agent.password else None,
            {name: value for name, value in agent.fields.items() if not BY_NAME[name].wire.listed},
        )
        for agent in before.agents
    }
    plan = make_plan(after, LiveState(agents), ledger, policy)
    return replace(
        plan,
        actions=tuple(map(_of_this_change, plan.actions)),
        guardrails=tuple(rail for rail in plan.guardrails if not rail.limit.endswith("%")),
        notes=(*narrowing(policy), *batch_notes(plan.calls)),  # the others are about live agents
        policy_changes=policy_changes(before, after, plan.in_scope),
        offline=True,
        reads=None,
    )


def _of_this_change(action: Action) -> Action:
    changes = tuple(replace(change, origin="change") for change in action.changes)
    return replace(action, changes=changes, origin="change")
