"""What `plan` and `apply` read before anything is done, and the plan: ledger, last run, live state. Writes nothing."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.apply.goal import Goal
from reconciler.clock import now, stamp
from reconciler.core.model.message import Text, text, verbatim
from reconciler.core.model.run import RunOrigin
from reconciler.errors import Declined, StalePlan
from reconciler.files.standing import forgotten
from reconciler.ledger.books import remote_run, run_elsewhere
from reconciler.ledger.journal import RunRecord, last_run
from reconciler.ledger.ledger import Ledger, LedgerStore, load_ledger, refuse_foreign
from reconciler.vendor.http import Transport
from reconciler.vendor.reader import Reader

if TYPE_CHECKING:
    from reconciler.core.model.live import LiveState
    from reconciler.core.model.outcome import Finding
    from reconciler.core.model.plan import Plan
    from reconciler.core.planning.reads import Look


OnProgress = Callable[[int, int], None]
"""Hears how much of how much is done."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a run stands on: what it is to reach, the vendor, the ledger's store, the folder's journal, and who runs.

    The ledger names desired-state files as they are seen from the folder `base`.
    `run_id` is what books, history, events and log call the run. `everybody`: the read-back reads the whole listing.
    """

    goal: Goal
    transport: Transport
    store: LedgerStore
    journal: Path
    base: Path
    origin: RunOrigin = RunOrigin()  # noqa: RUF009 - it is frozen
    run_id: str = field(default_factory=partial(secrets.token_hex, 8))
    everybody: bool = False

    @property
    def reader(self) -> Reader:
        """Looks at the company's live agents."""
        return Reader(self.transport, self.goal.company)

    def record_seen(self, refreshed: Refreshed) -> bool:
        """Record in the ledger which file each agent stands in, and who is missing; returns whether that is news.

        Raises:
            ReconcilerError: the files have problems, or cannot be read.
        """
        from reconciler.core.planning.removal import removal_entries

        ledger = refreshed.ledger
        entries = removal_entries(refreshed.plan, refreshed.live, ledger.view, stamp(now()))
        ledger.update(entries)
        return ledger.record_files(self.goal.standing(self.base)) or bool(entries)

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

    def narrow(
        self, look: Look | None, count: int, on_progress: OnProgress = lambda _done, _total: None
    ) -> LiveState | None:
        """The agents that a look is about, of `count` in all; `None` where only the listing can tell, or does sooner.

        Raises:
            ReconcilerError: the vendor cannot be read, or meanwhile something was found to be wrong with the goal.
        """
        from reconciler.core.model.live import LiveState

        if look is None or not look.is_shorter(count):
            return None

        def seen(done: int, total: int) -> None:
            self.goal.check()
            on_progress(done, total)

        found = self.reader.look(look, seen)
        if found is None:
            return None
        asked = frozenset((*look.present, *look.gone))
        agents = {agent.operator_id: agent for agent in found}
        return LiveState(agents, endpoint=self.transport.endpoint, asked=asked, total=count)


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

    `findings` are about the calls that runs left `open`. `learned`: the ledger knows better by now whom it is about.
    `narrowed`: the plan leaves agents out, and its notes are silent about those.
    """

    live: LiveState
    ledger: Ledger
    findings: tuple[Finding, ...]
    plan: Plan
    open: OpenRuns
    learned: bool = False
    narrowed: bool = False


@dataclass(frozen=True, slots=True)
class OpenRuns:
    """The runs that left calls open: of the journal on this machine, and of the remote ledger.

    Both may be one and the same run. Then this machine's journal knows more of it.
    """

    here: RunRecord | None = None
    there: RunRecord | None = None

    @classmethod
    def read(cls, session: Session) -> OpenRuns:
        """Read both.

        Raises:
            Declined: one is of another vendor or company.
            ReconcilerError: one cannot be read.
        """
        runs = last_run(session.journal), remote_run(session.store)
        whose = session.goal.company, session.transport.endpoint
        names = text("the journal {path}", path=session.journal), verbatim(session.store.name)
        for run, what in zip(runs, names, strict=True):
            if run is not None:
                refuse_foreign(what, (run.company, run.endpoint), whose)
        return cls(*(run if run is not None and run.open_intents else None for run in runs))

    @property
    def elsewhere(self) -> RunRecord | None:
        """The run of the remote ledger, where this machine's journal does not know it."""
        return run_elsewhere(self.here, self.there)

    @property
    def to_look_up(self) -> tuple[RunRecord, ...]:
        """Each run once, as it is known best."""
        return tuple(run for run in (self.elsewhere, self.here) if run is not None)


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
        raise Declined(
            "applied-already",
            text("this plan was applied already"),
            text("reconciler status shows the last run; plan anew to go on"),
        )
    open_runs = OpenRuns.read(session)
    live = None if open_runs.to_look_up else _narrow(session, ledger, on_progress)
    if live is not None:
        from reconciler.core.planning.reads import SeesTooLittle

        with suppress(SeesTooLittle):
            return _planned(session, open_runs, ledger, live)
    return _planned(session, open_runs, ledger, session.live(on_progress, meanwhile))


def _narrow(session: Session, ledger: Ledger, on_progress: OnProgress) -> LiveState | None:
    """The agents of the goal, where no others matter and asking for each takes fewer calls than the listing."""
    from reconciler.core.planning.reads import is_settled

    look, saved = session.goal.look(), session.goal.saved
    if look is None or any(kind != "noted" for kind in ledger.untold.values()) or not is_settled(ledger.view):
        return None
    count = saved.plan.live_agents if saved else session.reader.count()
    return session.narrow(look, count, on_progress)


def _planned(session: Session, open_runs: OpenRuns, ledger: Ledger, live: LiveState) -> Refreshed:
    from reconciler.core.authorship import ListedBefore, identified
    from reconciler.core.in_doubt import anew_entries, appeared_entries, untold, untold_findings, with_deeds
    from reconciler.core.recovery import recover, recover_beside, restored_entries

    findings: list[Finding] = []
    for run in open_runs.to_look_up:
        look_up = recover if _was_last(run, ledger) else recover_beside
        before = ListedBefore(largest_id=run.largest_id)
        entries, found = look_up(run.open_intents, live, ledger.view, before, edited_since=True)
        ledger.update(entries)
        findings += found
        for intent in run.open_intents:
            for operator_id in intent.operator_ids if intent.kind == "delete" else ():
                if operator_id not in live.agents:
                    ledger.note_removed(operator_id, run.history)
    appeared, found = appeared_entries(live, ledger.view)
    ledger.update(appeared)
    findings += found
    ledger.update(restored_entries(live, ledger.view))
    missed = forgotten(ledger.files, session.goal.given(), session.base) if ledger.files else {}
    others = {finding.operator_id for finding in findings if finding.anew}
    others |= {id_ for id_, kind in ledger.untold.items() if kind != "author" and not _is_gone(id_, live)}
    plan = session.goal.plan(live, ledger.view, missed, others)
    anew, found = anew_entries(live, ledger.view)
    findings += found
    ledger.update(anew)
    told_now = {finding.operator_id for finding in findings if finding.left_alone}
    findings += (each for each in untold_findings(ledger.untold, live, ledger.view) if each.operator_id not in told_now)
    ledger.untold = untold(findings, others | anew.keys())
    known = identified(live, ledger.view)
    ledger.update(known)
    if not session.goal.saved and ledger.removed:
        from reconciler.apply.history import with_losses

        plan = with_losses(plan, ledger)
    if session.store.remote and not ledger.serial and not session.goal.saved and plan.actions:
        from reconciler.core.history import FIRST_USE

        plan = replace(plan, notes=(*plan.notes, FIRST_USE))
    told, learned = with_deeds(findings, plan.actions), bool(anew or known)
    narrowed = bool(session.goal.saved or plan.targets or plan.excludes)
    return Refreshed(live, ledger, told, plan, open_runs, learned=learned, narrowed=narrowed)


def _is_gone(operator_id: str, live: LiveState) -> bool:
    return operator_id not in live.agents and (live.asked is None or operator_id in live.asked)


def look_again(session: Session, refreshed: Refreshed, on_progress: OnProgress) -> None:
    """Read the live state once more, after somebody has taken their time to approve the plan.

    Raises:
        StalePlan: an agent that the plan touches is no longer as it was when the plan was shown.
        ReconcilerError: the vendor cannot be read.
    """
    from reconciler.core.planning.reads import look_before
    from reconciler.core.saved.staleness import stale_agents

    live = session.narrow(look_before(refreshed.plan.actions), refreshed.live.count, on_progress)
    if moved := stale_agents(refreshed.plan, live or session.live(on_progress), refreshed.ledger.view):
        raise StalePlan(moved)


def _was_last(run: RunRecord, ledger: Ledger) -> bool:
    """Whether the ledger is the one that the journal's run left, so that nobody has recorded anything since."""
    return run.lineage == ledger.lineage and (run.serial == ledger.serial or run.id == ledger.run)


def recovery_lines(refreshed: Refreshed) -> Iterator[Text]:
    """What people are told about the calls that earlier runs left open: a line for each agent, or for many alike.

    A run of another machine is named first: who ran it, and since when.
    """
    if (other := refreshed.open.elsewhere) is not None:
        yield text("{run}; its calls are looked up", run=other.told_of)
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for finding in refreshed.findings:
        alike[finding.message].append(finding.operator_id)
    for finding in refreshed.findings:
        operator_ids = alike[finding.message]
        if len(operator_ids) <= (_SINGLY_IN_DOUBT if finding.left_alone else _SINGLY):
            yield text("the last run left {id} open: it {found}", id=finding.operator_id, found=finding.message)
        elif finding.operator_id == operator_ids[0]:
            named = ", ".join(operator_ids[:_SINGLY])
            many = "the last run left {count} agents open ({named} …): each {found}"
            yield text(many, count=len(operator_ids), named=named, found=finding.message)
    if refreshed.findings and refreshed.open.here:
        yield text("(its passwords are in {path})", path=refreshed.open.here.credentials)
    elif refreshed.findings and refreshed.open.there:
        yield text("(its passwords lie sealed beside the ledger: reconciler credentials --ledger … --identity KEY)")


_SINGLY: Final = 5
"""Agents that are told of one by one, where the same is found of them."""
_SINGLY_IN_DOUBT: Final = 100
"""The same of those that may be somebody else's."""
