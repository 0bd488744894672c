"""What a run is to reach: the desired state of the files, or exactly what was reviewed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from reconciler.clock import now, stamp
from reconciler.core.model.address import same_endpoint
from reconciler.core.model.message import text
from reconciler.errors import Declined, ReconcilerError, StalePlan
from reconciler.files.standing import by_file

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.model.desired import Company, DesiredState, Policy
    from reconciler.core.model.ledger import LedgerView
    from reconciler.core.model.live import LiveState
    from reconciler.core.model.plan import Plan
    from reconciler.core.planning.reads import Look
    from reconciler.files.desired_files import DesiredFiles
    from reconciler.files.plan_file import SavedPlan


class Goal(Protocol):
    """Turns what was read into what to do."""

    @property
    def company(self) -> Company:
        """Whose agents they are."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Who can read the credentials that are delivered."""

    @property
    def saved(self) -> SavedPlan | None:
        """The saved plan that it is, which is applied once and no more; `None` for one that holds again and again."""

    def managed(self) -> Mapping[str, Collection[str]]:
        """The names of the fields that each agent's file manages, as far as they are known.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """

    def standing(self, base: Path) -> Mapping[str, Collection[str]]:
        """The agents of each desired-state file, by the name that it has from `base`; all of a file's or none.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """

    def given(self) -> tuple[str, ...]:
        """The desired-state files, as the command line names them.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """

    def check(self) -> None:
        """Raise what is known by now to be wrong with the goal.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """

    def pause(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Sleep so long; the pause ends as soon as something is found to be wrong with the goal, and raises it.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """

    def look(self) -> Look | None:
        """What shows all that the plan depends on; `None` where that is everybody.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """

    def plan(self, live: LiveState, ledger: LedgerView, forgotten: Mapping[str, str], others: Collection[str]) -> Plan:
        """The plan that reaches the goal. `forgotten` has agents of files that exist and were not given.

        `others` are agents of whom the ledger has just learned that somebody made them anew.

        Raises:
            Declined: nothing may be done.
            SeesTooLittle: it depends on agents that were not looked at.
        """

    def left(self, live: LiveState, ledger: LedgerView, deleted: Collection[str] = ()) -> Plan:
        """What is still to be done once it was tried; `deleted` are the agents that were to be deleted."""


@dataclass(frozen=True, slots=True)
class FilesGoal:
    """The desired state of the files, which may still be being read: whoever needs more than the company waits.

    `since` is the desired state of before, for the origin of each action. `at` is the time of the plan.
    """

    files: DesiredFiles
    policy: Policy
    since: DesiredState | None = None
    at: datetime = field(default_factory=now)

    @property
    def company(self) -> Company:
        """The files' company; waits no longer for it than it must."""
        return self.files.company

    @property
    def recipients(self) -> tuple[str, ...]:
        """The files' recipients."""
        return self.files.desired().recipients

    @property
    def saved(self) -> None:
        """The files hold again and again."""
        return

    def managed(self) -> Mapping[str, Collection[str]]:
        """The fields of each agent in the files.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """
        return {agent.operator_id: agent.fields for agent in self.files.desired().agents}

    def standing(self, base: Path) -> Mapping[str, Collection[str]]:
        """The agents of each file.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """
        return by_file(self.files.desired(), base)

    def given(self) -> tuple[str, ...]:
        """All of the files.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """
        return self.files.desired().files

    def check(self) -> None:
        """Raise what has been found wrong with the files.

        Raises:
            ReconcilerError: they have problems, or cannot be read.
        """
        self.files.check()

    def pause(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Sleep, but no longer than until something is found wrong with the files.

        Raises:
            ReconcilerError: they have problems, or cannot be read.
        """
        self.files.pause(seconds, sleep)

    def look(self) -> Look | None:
        """Where the command line names agents one by one: they, and who has the SIP numbers and groups that they get.

        A scope is shared by more agents than these, and limits by share are of the agents in scope.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """
        from reconciler.core.planning.doubts import is_pattern
        from reconciler.core.planning.reads import Look

        if not self.policy.targets or self.policy.excludes or any(map(is_pattern, self.policy.targets)):
            return None
        desired = self.files.desired()
        if desired.scope is not None or desired.on_remove.disable:
            return None
        included = tuple(dict.fromkeys(self.policy.targets))
        fields = [agent.fields for agent in desired.agents if agent.operator_id in included]
        numbers, groups = (
            tuple(sorted({str(value) for each in fields if (value := each.get(name))}))
            for name in ("sipNumber", "mainGroupName")
        )
        return Look(included, sip_numbers=numbers, groups=groups)

    def plan(self, live: LiveState, ledger: LedgerView, forgotten: Mapping[str, str], others: Collection[str]) -> Plan:
        """What differs, as actions; where the files of before are known, with their origins and what the policy was.

        Raises:
            ReconcilerError: the files have problems, or cannot be read; or the command line names nobody's id.
        """
        from reconciler.core.planning.make_plan import make_plan

        self._refuse_unknown_ids(live)
        plan = make_plan(self.files.desired(), live, ledger, self.policy, forgotten, self.due(ledger), others)
        if self.since is None:
            return plan
        from reconciler.core.planning.origin import with_origins
        from reconciler.core.planning.policy_changes import policy_changes

        changes = policy_changes(self.since, self.files.desired(), plan.in_scope)
        plan = replace(plan, policy_changes=changes)
        due = self.due(ledger, self.since)
        return with_origins(plan, make_plan(self.since, live, ledger, self.policy, due=due))

    def due(self, ledger: LedgerView, desired: DesiredState | None = None) -> frozenset[str]:
        """The agents that have been missing for longer than `onRemove` keeps them disabled."""
        wait = (desired or self.files.desired()).on_remove.seconds
        if not wait:
            return frozenset()
        since = stamp(self.at - timedelta(seconds=wait))
        return frozenset(id_ for id_, entry in ledger.items() if entry.missing_since and entry.missing_since < since)

    def _refuse_unknown_ids(self, live: LiveState) -> None:
        from reconciler.core.planning.doubts import unknown_ids
        from reconciler.render.spelling import unknown_told

        if unknown := unknown_ids(self.policy, self.files.desired(), live):
            ids, hint = unknown_told(unknown)
            hint = hint or text("a pattern such as '80*' may match nobody, an id may not")
            raise ReconcilerError(
                "unknown-agent", text("--target or --exclude: there is no agent {ids}, live or desired", ids=ids), hint
            )

    def left(self, live: LiveState, ledger: LedgerView, deleted: Collection[str] = ()) -> Plan:
        """What differs still.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """
        from reconciler.core.planning.make_plan import make_plan

        policy = self.policy if live.asked is None else replace(self.policy, only=live.asked)
        return make_plan(self.files.desired(), live, ledger, policy, due=deleted)


@dataclass(frozen=True, slots=True)
class SavedPlanGoal:
    """A saved plan: exactly its actions, or nothing."""

    saved: SavedPlan

    @property
    def company(self) -> Company:
        """The plan's company."""
        return self.saved.plan.company

    @property
    def recipients(self) -> tuple[str, ...]:
        """The plan's recipients."""
        return self.saved.plan.recipients

    def managed(self) -> Mapping[str, Collection[str]]:
        """Nothing: a plan does not say which fields the files manage and find as they should be."""
        return {}

    def standing(self, base: Path) -> Mapping[str, Collection[str]]:  # noqa: ARG002 - named when it was saved
        """The agents of each file, as they were saved beside the plan."""
        return self.saved.files

    def given(self) -> tuple[str, ...]:
        """None: which files were forgotten was told when the plan was made."""
        return ()

    def check(self) -> None:
        """Nothing is wrong with it before it is held against the live state."""

    def pause(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Sleep to the end: nothing is found out about it meanwhile."""
        sleep(seconds)

    def look(self) -> Look | None:
        """The agents that it touches, and who holds the SIP numbers that they are to have."""
        from reconciler.core.planning.reads import look_before

        plan = self.saved.plan
        return None if plan.missing or plan.returned else look_before(plan.actions)

    def plan(
        self,
        live: LiveState,
        ledger: LedgerView,
        forgotten: Mapping[str, str],  # noqa: ARG002 - it is planned
        others: Collection[str] = (),  # noqa: ARG002 - likewise
    ) -> Plan:
        """The plan itself.

        Raises:
            Declined: it was made for another endpoint.
            StalePlan: an agent that it touches is no longer as it was reviewed.
        """
        from reconciler.core.saved.staleness import stale_agents

        if not same_endpoint(live.endpoint, self.saved.plan.endpoint):
            message = text(
                "the plan was made for {then}, and this is {now}", then=self.saved.plan.endpoint, now=live.endpoint
            )
            raise Declined(
                "another-endpoint", message, text("set RECONCILER_ENDPOINT or --endpoint to that, or plan anew")
            )
        if agents := stale_agents(self.saved.plan, live, ledger):
            raise StalePlan(agents)
        return self.saved.plan

    def left(self, live: LiveState, ledger: LedgerView, deleted: Collection[str] = ()) -> Plan:  # noqa: ARG002 - planned
        """What is not yet as the plan makes it, of the agents that it touches."""
        from reconciler.core.planning.make_plan import make_plan
        from reconciler.core.saved.staleness import expected_state

        desired, policy = expected_state(self.saved.plan)
        # What the plan gives back is among its own values. What else is owed was not to be given back: it is managed.
        settled = {operator_id: replace(entry, to_restore={}) for operator_id, entry in ledger.items()}
        # Whom the plan disables, since the files no longer have them, it promises no password.
        removed = settled.keys() & {action.operator_id for action in self.saved.plan.actions if action.removal}
        settled |= {operator_id: replace(settled[operator_id], password_unknown=False) for operator_id in removed}
        return make_plan(desired, live, settled, policy)
