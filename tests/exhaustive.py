"""How much of an exhaustive suite is run: all of it, or a part.

The suites that try every fault at every call and a kill at every point take longer than anybody waits for. `--prove`
says how much of them is run:

- `part`: the same each time, the first case of each kind among them. This is what `make test` does.
- `all`: every case. This is what `make prove` does, and what a test does that is named on the command line.
- `sample:SEED`: as many cases as in a part, drawn by the seed.

A test says with `@pytest.mark.exhaustive(n)` that a part has one in n of its parameter sets; with 0 it has none. With 1
it has them all, and the test asks the fixture `share` which of the cases that it finds itself it is to try.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from random import Random
from typing import Final, TypeVar

T = TypeVar("T")
PART: Final = "part"
ALL: Final = "all"
SAMPLE: Final = "sample:"
RARE: Final = 4
"""Of the cases that are in no part a sample has one in so many."""


@dataclass(frozen=True, slots=True)
class Share:
    """What is run of something that is called `name`; `how` is what `--prove` says."""

    how: str
    name: str = ""

    def __post_init__(self) -> None:
        """Only what the option takes."""
        if self.how not in (PART, ALL) and not (self.how.startswith(SAMPLE) and self.how != SAMPLE):
            raise ValueError(f"--prove is {PART}, {ALL} or {SAMPLE}SEED, and not {self.how!r}")

    @property
    def whole(self) -> bool:
        """Whether all is run."""
        return self.how == ALL

    def of(self, cases: Sequence[T], one_in: int) -> list[T]:
        """Of these cases the ones to run, in their order.

        The cases of several parameters are a table. A part steps through it by a number that has no divisor in common
        with the table's size, so that it comes to every row and column that it has the steps for.
        """
        while self.how == PART and one_in > 1 and gcd(one_in, len(cases)) > 1:
            one_in += 1
        return [cases[number - 1] for number in self.of_points([""] * len(cases), one_in)]

    def of_named(self, cases: Mapping[str, T], one_in: int) -> dict[str, T]:
        """Of these cases the ones to run, with their names."""
        return dict(self.of([*cases.items()], one_in))

    def of_points(self, kinds: Sequence[str], one_in: int) -> list[int]:
        """The numbers, from 1, of the points to try, where each is of a kind; a part has the first of each kind."""
        numbers = range(1, len(kinds) + 1)
        if self.whole:
            return list(numbers)
        if self.how.startswith(SAMPLE):
            return self._drawn(numbers, one_in or RARE)
        if not one_in:
            return []
        seen: Counter[str] = Counter()
        picked = []
        for number, kind in zip(numbers, kinds, strict=True):
            if seen[kind] % one_in == 0:
                picked.append(number)
            seen[kind] += 1
        return picked

    def _drawn(self, numbers: Sequence[int], one_in: int) -> list[int]:
        """One in so many; where that is no whole number, chance decides about the rest."""
        random = Random(f"{self.how} {self.name}")
        count, rest = divmod(len(numbers), one_in)
        return sorted(random.sample(numbers, count + (random.random() * one_in < rest)))
