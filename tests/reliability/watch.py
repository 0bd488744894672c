"""Watches the runs of the wide state machine: what the sandbox's record shows must agree with what was told.

Each rule here reads the vendor's own record (history, visits of strangers, attempts), the plan that was shown, and what
the tool leaves behind; it knows nothing of how the tool works.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.model.plan import Plan
from reconciler.core.model.report import Report
from reconciler.ledger.journal import last_run
from reconciler.sandbox.server import Box
from reconciler.sandbox.store import AnsweredWrite
from reconciler.sandbox.traffic import Attempt, Visit
from tests.reliability.mixed import Applier, credential_lines

ENDPOINTS_OF = {
    "create": {"create/v2", "edit/v2", "editPwd"},
    "edit": {"edit/v2"},
    "replace": {"del/v2", "create/v2", "edit/v2", "editPwd"},
    "delete": {"del/v2"},
    "password": {"editPwd"},
}
"""What a reviewed action may send about an agent that was live when it was reviewed."""
NOTHING_DONE = frozenset({"429", "refuse", "token-dies", "licence"})
ANSWERED_FALSELY = frozenset({"refuse-after", "partial-batch"})
"""An answer came, whatever it is worth."""
UNASKED = ("name", "ttscontent", "showcaller", "mainGroupName", "sipNumber", "afterInterval")
"""Listed values that a vendor may change although nobody asked it to."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The vendor at one moment: its agents, and how long its records were."""

    agents: dict[str, dict[str, Any]]
    attempts: int
    history: int
    visits: int

    @classmethod
    def of(cls, box: Box) -> Moment:
        """Now."""
        console = box.store
        return cls(console.agents(), len(console.attempts()), len(console.history()), len(console.visits()))


@dataclass(slots=True)
class Run:
    """One run: how it ended, what it had planned and when, and what the vendor recorded from then on."""

    ended: Report | str
    plan: Plan
    planned: Moment
    after: Moment
    attempts: list[Attempt] = field(default_factory=list)
    history: list[AnsweredWrite] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)

    @classmethod
    def seen(cls, box: Box, ended: Report | str, plan: Plan, planned: Moment) -> Run:
        """A run that has just ended."""
        console = box.store
        return cls(
            ended,
            plan,
            planned,
            Moment.of(box),
            console.attempts()[planned.attempts :],
            console.history()[planned.history :],
            console.visits()[planned.visits :],
        )

    @property
    def verified(self) -> bool:
        """Whether it said that all is done and seen."""
        return isinstance(self.ended, Report) and self.ended.exit_code == 0

    def actions(self, operator_id: str) -> list[str]:
        """What was reviewed of an agent."""
        return [action.kind for action in self.plan.actions if action.operator_id == operator_id]

    def drifted(self) -> set[str]:
        """Whom somebody changed of whom no call was: that is the next plan's to tell."""
        return {visit.operator_id for visit in self.visits if not self.actions(visit.operator_id)}

    def committed(self, operator_id: str, endpoint: str = "") -> list[AnsweredWrite]:
        """The writes about an agent that the vendor carried out."""
        return [
            write
            for write in self.history
            if write.committed and operator_id in write.operator_ids and endpoint in ("", write.endpoint)
        ]


def assert_strangers_are_kept(run: Run) -> None:
    """Nobody is overwritten or deleted whom somebody else made after the plan, nor a value that nobody reviewed."""
    for operator_id in dict.fromkeys(visit.operator_id for visit in run.visits):
        visits = [visit for visit in run.visits if visit.operator_id == operator_id]
        if operator_id in run.planned.agents:
            _assert_only_what_was_reviewed(run, operator_id, visits)
        elif not run.committed(operator_id, "create/v2"):  # whom we had made as well is nobody's alone
            _assert_untouched(run, operator_id, visits)


def _assert_untouched(run: Run, operator_id: str, visits: Sequence[Visit]) -> None:
    written = [write.endpoint for write in run.committed(operator_id) if write.seq > visits[0].after]
    assert not written, f"{operator_id}, whom a stranger made, was written to: {written}"
    if visits[-1].does == "delete":
        return
    agent = run.after.agents.get(operator_id)
    assert agent is not None, f"{operator_id}, whom a stranger made, is gone"
    _assert_set(agent, visits[-1])
    if isinstance(run.ended, Report):
        told = {result.action.operator_id: result.outcome for result in run.ended.results}
        assert told.get(operator_id) != "done", f"{operator_id}, whom a stranger made, is called done"


def _assert_only_what_was_reviewed(run: Run, operator_id: str, visits: Sequence[Visit]) -> None:
    actions = run.actions(operator_id)
    allowed = {endpoint for action in actions for endpoint in ENDPOINTS_OF[action]}
    written = {write.endpoint for write in run.committed(operator_id)}
    assert written <= allowed, f"nobody reviewed {written - allowed} of {operator_id}"
    if {"delete", "replace"} & {*actions} or any(visit.does != "edit" for visit in visits):
        return
    reviewed = [action for action in run.plan.actions if action.operator_id == operator_id]
    planned = {change.field for action in reviewed for change in action.changes}
    planned |= {"password"} if "password" in actions else set()
    for visit in visits:
        later = {name for other in visits[visits.index(visit) + 1 :] for name in other.values}
        kept = {name: value for name, value in visit.values.items() if name not in planned | later}
        _assert_set(run.after.agents[operator_id], Visit(0, "edit", operator_id, kept))


def _assert_set(agent: dict[str, Any], visit: Visit) -> None:
    for name, value in visit.values.items():
        had = agent["password_md5"] if name == "password" else agent[name]
        assert had == (md5(value) if name == "password" else value), f"{visit.operator_id} lost a stranger's {name}"


def assert_no_create_is_blind(run: Run) -> None:
    """Nobody is created twice, and a create whose outcome is unknown is not repeated before somebody looked."""
    unseen: set[str] = set()
    for attempt in run.attempts:
        refused = attempt.fault in NOTHING_DONE or (attempt.fault is None and not attempt.committed)
        if attempt.endpoint == "create/v2":
            assert not unseen & {*attempt.operator_ids}, f"{attempt.operator_ids} were created blindly"
            unseen |= set() if refused or attempt.fault in ANSWERED_FALSELY else {*attempt.operator_ids}
        elif attempt.endpoint == "one/v2":
            unseen -= {*attempt.operator_ids}
        elif attempt.endpoint == "page":
            unseen.clear()
    alive = {*run.planned.agents}
    steps: list[tuple[int, int, AnsweredWrite | Visit]] = [(write.seq, 0, write) for write in run.history]
    steps += [(visit.after, 1, visit) for visit in run.visits]
    for _, _, step in sorted(steps, key=lambda step: step[:2]):
        if isinstance(step, Visit):
            alive = alive | {step.operator_id} if step.does != "delete" else alive - {step.operator_id}
        elif step.committed and step.endpoint == "create/v2":
            assert not alive & {*step.operator_ids}, f"{step.operator_ids} were created twice"
            alive |= {*step.operator_ids}
        elif step.committed and step.endpoint == "del/v2":
            alive -= {*step.operator_ids}


def assert_nothing_unasked_is_called_done(run: Run) -> None:
    """A run that says done has changed nothing of the agents that it touched but what was reviewed."""
    if not run.verified:
        return
    for operator_id in run.planned.agents.keys() & run.after.agents.keys():
        if {*run.actions(operator_id)} & {"replace", "delete"} or not run.committed(operator_id, "edit/v2"):
            continue
        before, after = run.planned.agents[operator_id], run.after.agents[operator_id]
        actions = [action for action in run.plan.actions if action.operator_id == operator_id]
        asked = {change.field for action in actions for change in action.changes}
        lost = [name for name in UNASKED if name not in asked and (before[name] or None) != (after[name] or None)]
        assert not lost, f"it said done, and {operator_id} lost {lost}"


def assert_few_requests(run: Run, faults: Sequence[dict[str, Any]]) -> None:
    """When the vendor refuses everything alike, few writes are spent on it."""
    spent = [attempt for attempt in run.attempts if attempt.endpoint not in ("one/v2", "page")]
    dead = sum(attempt.fault == "token-dies" for attempt in spent)
    assert dead <= MOST_AFTER_THE_TOKEN, f"{dead} writes with a token that had died"
    for fault in faults:
        most = MOST_ALIKE.get(fault["endpoint"])
        if most and fault["fault"] in ("refuse", "licence") and fault.get("calls", "all") == "all":
            sent = sum(attempt.fault == fault["fault"] for attempt in spent)
            assert sent <= most, f"{sent} requests although each was refused alike"


MOST_AFTER_THE_TOKEN = 16
MOST_ALIKE = {"create/v2": 40, "del/v2": 60}


@dataclass(slots=True)
class Passwords:
    """Who set each agent's password last, ours or theirs, and whether somebody knows ours."""

    box: Box
    appliers: Sequence[Applier]
    ours: dict[str, int] = field(default_factory=dict)
    """By operatorId the number of the write that set it."""
    named: dict[str, int] = field(default_factory=dict)
    """By operatorId the number of the last write when a report named the agent as not done."""

    misled: set[str] = field(default_factory=set)
    """Whose password was set by a request that the vendor refused in its own words, or denied twice."""

    def theirs(self, operator_id: str) -> None:
        """Somebody set it in the console, or the agent is gone."""
        self.ours.pop(operator_id, None)

    def hear(self, run: Run, faults: Sequence[dict[str, Any]]) -> None:
        """Take note of a run."""
        steps: list[tuple[int, int, AnsweredWrite | Visit]] = [(write.seq, 0, write) for write in run.history]
        steps += [(visit.after, 1, visit) for visit in run.visits]
        for _, _, step in sorted(steps, key=lambda step: step[:2]):
            if isinstance(step, Visit):
                if step.does == "delete" or "password" in step.values:
                    self.theirs(step.operator_id)
            elif step.committed and step.endpoint in ("create/v2", "editPwd"):
                self.ours |= dict.fromkeys(step.operator_ids, step.seq)
                self.misled -= {*step.operator_ids}
                self.misled |= {*step.operator_ids} if _misleads(faults) else set()
            elif step.committed and step.endpoint == "del/v2":
                for operator_id in step.operator_ids:
                    self.theirs(operator_id)
        if isinstance(run.ended, Report):
            last = run.history[-1].seq if run.history else 0
            not_done = [each.action.operator_id for each in run.ended.results if each.outcome != "done"]
            not_done += [mismatch.operator_id for mismatch in run.ended.mismatches]
            self.named |= dict.fromkeys(not_done, last)

    def assert_known(self, in_the_end: Collection[str] = ()) -> None:
        """Each of ours is stored, or books or report say that nobody knows it; no true one was withdrawn.

        Of those `in_the_end`, to have been named in a report is not enough.
        """
        live = self.box.store.agents()
        kept, withdrawn = self._stored()
        admitted = {*self._unknown(), *self._open()}
        for operator_id, written in self.ours.items():
            digest = live[operator_id]["password_md5"]
            told = self.named.get(operator_id, -1) >= written
            if told and operator_id in self.misled - {*in_the_end}:
                continue
            assert digest not in withdrawn.get(operator_id, ()), f"the true password of {operator_id} was withdrawn"
            if digest not in kept.get(operator_id, ()):
                told = operator_id in admitted or (told and operator_id not in in_the_end)
                assert told, f"nobody knows the password of {operator_id}, and nothing says so"

    def _stored(self) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """The passwords that stand in the files, as MD5, and those that were taken back."""
        kept: dict[str, set[str]] = {}
        withdrawn: dict[str, set[str]] = {}
        for applier in self.appliers:
            latest, times = dict[str, str](), dict[str, str]()
            for line in credential_lines(applier.folder):
                operator_id = line["operatorId"]
                if (
                    line.get("withdrawn")
                    and operator_id in latest
                    and times[operator_id] >= line.get("withdrawsSince", "")
                ):
                    withdrawn.setdefault(operator_id, set()).add(latest.pop(operator_id))
                elif line["password"]:
                    latest[operator_id], times[operator_id] = md5(line["password"]), line["at"]
                    kept.setdefault(operator_id, set()).add(latest[operator_id])
                    withdrawn.get(operator_id, set()).discard(latest[operator_id])
        return {id_: digests - withdrawn.get(id_, set()) for id_, digests in kept.items()}, withdrawn

    def _unknown(self) -> Iterator[str]:
        """Whose password the ledger calls unknown, or in doubt, which each plan notes."""
        for folder in {applier.ledger_folder or applier.books for applier in self.appliers}:
            with suppress(OSError):
                agents = json.loads((folder / "ledger.json").read_bytes())["agents"]
                yield from (id_ for id_, entry in agents.items() if entry.get("unsure") or entry.get("inDoubt"))

    def _open(self) -> Iterator[str]:
        """Whom a journal has a call about whose outcome it does not know."""
        for applier in self.appliers:
            run = last_run(applier.books / "journal.jsonl")
            for intent in run.open_intents if run else ():
                yield from intent.operator_ids if intent.outcome in (None, "lost") else ()


def _misleads(faults: Sequence[dict[str, Any]]) -> bool:
    """Whether the vendor denies what it does in the words of a refusal, or with a server error and an old listing.

    Nothing tells the one from a true refusal; of the other, the refusal and the listing agree.
    """
    codes = [fault["code"] for fault in faults if fault["fault"] == "refuse-after"]
    return any(code // 100 != 5 for code in codes) or (bool(codes) and any(f["fault"] == "stale" for f in faults))


def md5(text: str) -> str:
    """The form in which the vendor keeps a password."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
