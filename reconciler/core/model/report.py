"""What an apply came to: the outcome of each action, and what the read-back showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.core.model.diff import FieldChange
from reconciler.core.model.message import NOTHING, Text
from reconciler.core.model.plan import Action

ActionOutcome = Literal["done", "partly", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The end of one action. `partly` means that some of its calls succeeded; the next apply continues."""

    action: Action
    outcome: ActionOutcome
    message: Text = NOTHING


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What the vendor accepts and does not do, or does `unasked`. The refresh after an apply shows it.

    `before` of each change is what is listed, `after` what should be. `in_doubt`: it is about an agent that may be
    somebody else's, as was found before the first call, or of one that the plan does not touch after the last.
    """

    operator_id: str
    message: Text
    changes: tuple[FieldChange, ...] = ()
    unasked: bool = False
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an apply.

    `verified`: the live state was read again afterwards; `mismatches` are what it shows.
    `warnings`: what failed on this side after the calls, such as saving the ledger.
    `everybody`: whoever the files are about was compared, and not only the agents of the plan; `drifted` are the others
    of whom that showed a difference by now.
    """

    results: tuple[ActionResult, ...]
    mismatches: tuple[Mismatch, ...] = ()
    verified: bool = False
    interrupted: bool = False
    warnings: tuple[Text, ...] = ()
    everybody: bool = False
    drifted: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """How many actions succeeded completely."""
        return sum(result.outcome == "done" for result in self.results)

    @property
    def exit_code(self) -> int:
        """0: all done and verified; 130: interrupted; 1: nothing succeeded; 4: partial, unverified or mismatched.

        Where nothing was to be done, a mismatch tells of agents that an earlier run left.
        """
        if self.interrupted:
            return 130
        if self.done == len(self.results) and self.verified and not (self.mismatches or self.warnings):
            return 0
        left = bool(self.mismatches) and not self.results
        return 4 if left or any(result.outcome in ("done", "partly") for result in self.results) else 1
