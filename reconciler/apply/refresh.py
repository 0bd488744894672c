"""What `plan` and `apply` read before anything is done, and the plan: ledger, last run, live state. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.apply.goal import Goal
from reconciler.errors import Declined, StalePlan
from reconciler.ledger.journal import RunRecord, last_run
from reconciler.ledger.ledger import Ledger, LedgerStore, load_ledger, refuse_foreign
from reconciler.vendor.http import Transport
from reconciler.vendor.reader import Reader

if TYPE_CHECKING:
    from reconciler.core.model.live import LiveState
    from reconciler.core.model.outcome import Finding
    from reconciler.core.model.plan import Plan


OnProgress = Callable[[int, int], None]
"""Hears how much of how much is done."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a run stands on: what it is to reach, the vendor, the ledger's store, and the folder's journal."""

    goal: Goal
    transport: Transport
    store: LedgerStore
    journal: Path

    @property
    def reader(self) -> Reader:
        """Looks at the company's live agents."""
        return Reader(self.transport, self.goal.company)

    def live(
        self, on_progress: OnProgress = lambda _done, _total: None, meanwhile: Callable[[], None] = lambda: None
    ) -> LiveState:
        """The live state; `meanwhile` runs while pages are on their way.

        Raises:
            ReconcilerError: the vendor cannot be read, or meanwhile something was found to be wrong with the goal.
        """

        def seen(done: int, total: int) -> None:
            self.goal.check()
            on_progress(done, total)

        agents = self.reader.listing(seen, meanwhile)
        from reconciler.core.planning.make_plan import live_state

        return live_state(agents, endpoint=self.transport.endpoint)


def warm_up(*modules: str) -> None:
    """Import what follows the listing, and these modules, where their libraries are installed.

    It runs while pages are on their way: at 10,000 agents the imports would be a quarter of a plan.
    """
    from reconciler.core import recovery  # noqa: F401
    from reconciler.core.planning import diff, make_plan  # noqa: F401

    diff.load_deepdiff()
    for name in modules:
        with suppress(ImportError):  # whoever needs the library tells that it is missing
            import_module(name)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was read before anything is done: the live state, the ledger brought up to date, and the plan.

    `run` is the last run on this machine; `findings` are about the calls that it left open.
    """

    live: LiveState
    ledger: Ledger
    findings: tuple[Finding, ...]
    plan: Plan
    run: RunRecord | None = None


def refresh(session: Session, on_progress: OnProgress, meanwhile: Callable[[], None] = warm_up) -> Refreshed:
    """Read ledger, journal and listing, and plan. Writes nothing; `meanwhile` runs while pages are on their way.

    Raises:
        Declined: a saved plan was applied before, or (`StalePlan`) no longer holds; or the books are those of another
            vendor or company.
        ReconcilerError: the files, the books or the vendor cannot be read.
    """
    company, endpoint = session.goal.company, session.transport.endpoint
    ledger = load_ledger(session.store, company, endpoint)
    if session.goal.saved and session.goal.saved.seal in ledger.applied:
        raise Declined("this plan was applied already", "reconciler status shows the last run; plan anew to go on")
    run = last_run(session.journal)
    if run is not None:
        refuse_foreign(f"the journal {session.journal}", (run.company, run.endpoint), (company, endpoint))
    live = session.live(on_progress, meanwhile)
    from reconciler.core.authorship import ListedBefore
    from reconciler.core.recovery import recover, recover_beside, restored_entries

    findings: tuple[Finding, ...] = ()
    if run is not None:
        look_up = recover if _was_last(run, ledger) else recover_beside
        before = ListedBefore(largest_id=run.largest_id)
        entries, findings = look_up(run.open_intents, live, ledger.view, before, edited_since=True)
        ledger.update(entries)
    ledger.update(restored_entries(live, ledger.view))
    plan = session.goal.plan(live, ledger.view)
    return Refreshed(live, ledger, findings, plan, run)


def look_again(session: Session, refreshed: Refreshed, on_progress: OnProgress) -> None:
    """Read the live state once more, after somebody has taken their time to approve the plan.

    Raises:
        StalePlan: an agent that the plan touches is no longer as it was when the plan was shown.
        ReconcilerError: the vendor cannot be read.
    """
    from reconciler.core.saved.staleness import stale_agents

    if moved := stale_agents(refreshed.plan, session.live(on_progress), refreshed.ledger.view):
        raise StalePlan(moved)


def _was_last(run: RunRecord, ledger: Ledger) -> bool:
    """Whether the ledger is the one that the journal's run left, so that nobody has recorded anything since."""
    return run.lineage == ledger.lineage and (run.serial == ledger.serial or run.id == ledger.run)


def recovery_lines(refreshed: Refreshed) -> Iterator[str]:
    """What people are told about the calls that the last run left open, a line each."""
    for finding in refreshed.findings:
        yield f"the last run left {finding.operator_id} open: it {finding.message}"
    if refreshed.findings and refreshed.run:
        yield f"(its passwords are in {refreshed.run.credentials})"
