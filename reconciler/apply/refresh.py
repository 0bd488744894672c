"""The look that `plan` and `apply` take before anything is done: ledger, last run, live agents, and what to do.

Writes nothing. What a run does with it is in `run.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.apply.goal import Goal
from reconciler.errors import Declined
from reconciler.ledger.journal import Run, last_run
from reconciler.ledger.ledger import Ledger, LedgerStore, load_ledger
from reconciler.vendor.http import Reader, Transport

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

    def live(self, on_progress: OnProgress = lambda _done, _total: None) -> LiveState:
        """The whole listing; raises at the next page what is meanwhile found to be wrong with the goal."""

        def seen(done: int, total: int) -> None:
            # What follows the listing is imported while its pages are on their way.
            from reconciler.core import recovery  # noqa: F401
            from reconciler.core.planning import diff

            if done < total:
                diff.deepdiff()
            self.goal.check()
            on_progress(done, total)

        listed = self.reader.listing(seen)
        from reconciler.core.planning.make_plan import live_state

        return live_state(listed, endpoint=self.transport.endpoint)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was read before anything is done: the live agents, the ledger brought up to date, and what was found.

    `run` is the last run, as far as the ledger does not know better by now.
    """

    live: LiveState
    ledger: Ledger
    findings: tuple[Finding, ...]
    plan: Plan
    run: Run | None = None


def refresh(session: Session, on_progress: OnProgress) -> Refreshed:
    """Read ledger, journal and listing, and plan. Writes nothing; raises `Stale` for a reviewed plan that is."""
    ledger = load_ledger(session.store, session.goal.company)
    if session.goal.saved and session.goal.saved.seal in ledger.applied:
        raise Declined("this plan was applied already", "reconciler status shows the last run; plan anew to go on")
    run = last_run(session.journal)
    if run is not None and not _is_ours(run, ledger):
        run = None
    live = session.live(on_progress)
    from reconciler.core.recovery import given_back, recover

    findings: tuple[Finding, ...] = ()
    if run is not None:
        entries, findings = recover(run.open_intents, live, ledger.view)
        ledger.take(entries)
    ledger.take(given_back(live, ledger.view))
    plan = session.goal.plan(live, ledger.view)
    return Refreshed(live, ledger, findings, plan, run)


def _is_ours(run: Run, ledger: Ledger) -> bool:
    """Whether the ledger is the one that the journal's run left, so that what the journal says is still news."""
    return run.lineage == ledger.lineage and (run.serial == ledger.serial or run.id == ledger.run)


def unsettled(refreshed: Refreshed) -> Iterator[str]:
    """What to say of the calls that an earlier run left open."""
    for finding in refreshed.findings:
        yield f"the last run left {finding.operator_id} open: it {finding.message}"
    if refreshed.findings and refreshed.run:
        yield f"(its passwords are in {refreshed.run.credentials})"
