"""The faults in force: which rule hits a call, with the counters and random numbers that decide it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from reconciler.sandbox.moves import Moves
from reconciler.sandbox.rules import Rule
from reconciler.sandbox.strangers import Stranger
from reconciler.sandbox.traffic import Traffic
from reconciler.sandbox.vendor import VendorCall


class _ArmedRule:
    """One rule with its own counter and its own random numbers, so that no rule affects another one's."""

    def __init__(self, number: int, rule: Rule, seed: int) -> None:
        self.rule = rule
        self._count = 0
        self.random = random.Random(f"{seed}/{number}")

    def hits(self, call: VendorCall) -> bool:
        """Counts a call that the rule concerns; whether the rule hits it."""
        if not self.rule.concerns(call):
            return False
        self._count += 1
        drawn = self.random.random() < self.rule.probability
        return drawn and self.rule.calls.include(self._count) and self.rule.has_effect(call)


class _Script:
    """The rules in their order, with what they have counted and moved so far. `dead`: the rule that ended the token."""

    def __init__(self, rules: Sequence[Rule], seed: int) -> None:
        self.armed_rules = [_ArmedRule(number, rule, seed) for number, rule in enumerate(rules, 1)]
        self.dead: Rule | None = None
        self.moves = Moves()


class Faults:
    """The rules in force, which can be replaced while the sandbox runs, and the traffic that they affect."""

    def __init__(self, rules: Sequence[Rule] = (), seed: int = 0) -> None:
        self.traffic = Traffic()
        self._seed = seed
        self._script = _Script(rules, seed)

    @property
    def count(self) -> int:
        """How many rules are in force."""
        return len(self._script.armed_rules)

    @property
    def moves(self) -> Moves:
        """What the rules have moved in the store for good."""
        return self._script.moves

    @property
    def show_the_past(self) -> bool:
        """Whether some rule shows what was so a while ago."""
        return any(armed.rule.fault == "stale" for armed in self._script.armed_rules)

    def hit(self, call: VendorCall) -> Rule | None:
        """The first rule that hits this call. Every rule that the call concerns counts it, hit or not.

        Strangers are apart: what they do leaves the call to the other rules. Once a token has died, every call is hit.
        """
        hitting = [armed.rule for armed in self._others if armed.hits(call)]
        dying = (rule for rule in hitting[:1] if rule.fault == "token-dies")
        self._script.dead = self._script.dead or next(dying, None)
        return self._script.dead or (hitting[0] if hitting else None)

    def strangers(self, call: VendorCall) -> list[Stranger]:
        """Everybody who comes with this call, in the order of the rules, which count it."""
        coming = [armed for armed in self._script.armed_rules if armed.rule.fault == "stranger" and armed.hits(call)]
        return [Stranger.drawn(armed.rule, call.operator_ids, armed.random) for armed in coming]

    @property
    def _others(self) -> list[_ArmedRule]:
        return [armed for armed in self._script.armed_rules if armed.rule.fault != "stranger"]

    def replace(self, rules: Sequence[Rule], seed: int | None = None) -> None:
        """Puts other rules in force with their counters at 0, and gives up the requests that are still held back."""
        self._seed = self._seed if seed is None else seed
        self._script = _Script(rules, self._seed)
        self.traffic.settle(go_on=False)

    def forget(self) -> None:
        """Forgets the attempts and the moves, and gives up the requests held back; rules and counters stay."""
        self.traffic.settle(go_on=False)
        self.traffic.clear()
        self._script.moves = Moves()
