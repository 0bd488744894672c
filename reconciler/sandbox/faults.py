"""The faults in force: which rule hits a call, and what must be remembered to say so."""

from __future__ import annotations

import random
from collections.abc import Sequence

from reconciler.sandbox.moves import Moves
from reconciler.sandbox.rules import Rule
from reconciler.sandbox.traffic import Traffic
from reconciler.sandbox.vendor import VendorCall


class _Cue:
    """One rule with its counter and its dice, both its own: no rule shifts another's."""

    def __init__(self, number: int, rule: Rule, seed: int) -> None:
        self.rule = rule
        self._count = 0
        self._dice = random.Random(f"{seed}/{number}")

    def strikes(self, call: VendorCall) -> bool:
        """Whether the rule hits this call, which is counted."""
        if not self.rule.concerns(call):
            return False
        self._count += 1
        drawn = self._dice.random() < self.rule.probability
        return drawn and self.rule.calls.include(self._count) and self.rule.bites(call)


class _Script:
    """Rules in their order, as far as they have been played."""

    def __init__(self, rules: Sequence[Rule], seed: int) -> None:
        self.cues = [_Cue(number, rule, seed) for number, rule in enumerate(rules, 1)]
        self.moves = Moves()


class Faults:
    """The script in force, which can be replaced while the sandbox runs, and the traffic it works upon."""

    def __init__(self, rules: Sequence[Rule] = (), seed: int = 0) -> None:
        self.traffic = Traffic()
        self._seed = seed
        self._script = _Script(rules, seed)

    @property
    def count(self) -> int:
        """How many rules are in force."""
        return len(self._script.cues)

    @property
    def moves(self) -> Moves:
        """What the script's rules have moved in the store."""
        return self._script.moves

    def hit(self, call: VendorCall) -> Rule | None:
        """The first rule that hits this call. Every rule that the call concerns counts it, hit or not."""
        struck = [cue.rule for cue in self._script.cues if cue.strikes(call)]
        return struck[0] if struck else None

    def replace(self, rules: Sequence[Rule], seed: int | None = None) -> None:
        """Puts other rules in force, all counters at nothing, and gives up what the old ones still hold back."""
        self._seed = self._seed if seed is None else seed
        self._script = _Script(rules, self._seed)
        self.traffic.settle(go_on=False)

    def forget(self) -> None:
        """Forgets the attempts and the moves, and gives up what is held back; rules and counters stay."""
        self.traffic.settle(go_on=False)
        self.traffic.clear()
        self._script.moves = Moves()
