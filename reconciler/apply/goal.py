"""What a run is to reach: the agents as the files want them, or exactly what was reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reconciler.errors import Declined, Stale

if TYPE_CHECKING:
    from reconciler.core.model.desired import Company, DesiredState, Policy
    from reconciler.core.model.ledger import LedgerView
    from reconciler.core.model.live import LiveState
    from reconciler.core.model.plan import Plan
    from reconciler.files.plan_file import SavedPlan
    from reconciler.files.reader_process import ReaderProcess


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

    def check(self) -> None:
        """Raise what is known by now to be wrong with it."""

    def plan(self, live: LiveState, ledger: LedgerView) -> Plan:
        """What is to be done; raises `Declined` when nothing may be."""

    def left(self, live: LiveState, ledger: LedgerView) -> Plan:
        """What is still to be done, once it was tried."""


@dataclass(frozen=True, slots=True)
class FilesGoal:
    """The agents as the files want them. `since` are the files of before, for the origin of each action."""

    desired: DesiredState
    policy: Policy
    since: DesiredState | None = None

    @property
    def company(self) -> Company:
        """The files' company."""
        return self.desired.company

    @property
    def recipients(self) -> tuple[str, ...]:
        """The files' recipients."""
        return self.desired.recipients

    @property
    def saved(self) -> None:
        """What is written holds again and again."""
        return

    def check(self) -> None:
        """Nothing is wrong with it."""

    def plan(self, live: LiveState, ledger: LedgerView) -> Plan:
        """What differs, as acts."""
        plan = self.left(live, ledger)
        if self.since is None:
            return plan
        from reconciler.core.planning.make_plan import make_plan
        from reconciler.core.planning.origin import with_origins

        return with_origins(plan, make_plan(self.since, live, ledger, self.policy))

    def left(self, live: LiveState, ledger: LedgerView) -> Plan:
        """What differs still."""
        from reconciler.core.planning.make_plan import make_plan

        return make_plan(self.desired, live, ledger, self.policy)


@dataclass(frozen=True, slots=True)
class AsBeingRead:
    """The agents as files want them that are still being read: whoever needs more than the company waits for it."""

    reading: ReaderProcess
    policy: Policy
    since: DesiredState | None = None

    @property
    def company(self) -> Company:
        """The files' company; waits no longer for it than it must."""
        return self.reading.company

    @property
    def whole(self) -> FilesGoal:
        """The goal, once the files are read; raises what is wrong with them."""
        return FilesGoal(self.reading.desired(), self.policy, self.since)

    @property
    def recipients(self) -> tuple[str, ...]:
        """The files' recipients."""
        return self.whole.recipients

    @property
    def saved(self) -> None:
        """What is written holds again and again."""
        return

    def check(self) -> None:
        """Raise what has been found wrong with the files."""
        self.reading.check()

    def plan(self, live: LiveState, ledger: LedgerView) -> Plan:
        """What differs, as acts."""
        return self.whole.plan(live, ledger)

    def left(self, live: LiveState, ledger: LedgerView) -> Plan:
        """What differs still."""
        return self.whole.left(live, ledger)


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

    def check(self) -> None:
        """Nothing is wrong with it before it is held against what is live."""

    def plan(self, live: LiveState, ledger: LedgerView) -> Plan:
        """The plan itself; raises `Stale` when an agent that it touches is no longer as it was reviewed."""
        from reconciler.core.saved.staleness import moved

        if live.endpoint != self.saved.plan.endpoint:
            message = f"the plan was made for {self.saved.plan.endpoint}, and this is {live.endpoint}"
            raise Declined(message, "set RECONCILER_ENDPOINT or --endpoint to that, or plan anew")
        if found := moved(self.saved.plan, live, ledger):
            raise Stale(found)
        return self.saved.plan

    def left(self, live: LiveState, ledger: LedgerView) -> Plan:
        """What is not yet as the plan makes it, of the agents that it touches."""
        from reconciler.core.planning.make_plan import make_plan
        from reconciler.core.saved.staleness import left

        wanted, policy = left(self.saved.plan)
        return make_plan(wanted, live, ledger, policy)
