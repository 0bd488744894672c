"""`python -m tests.fuzz MINUTES`: all generated tests, again and again with fresh seeds, until time is over.

The state machines are among them, the wide one with every kind of trouble. Each round says its seed. The first round
that fails is the last, and the line that repeats it is printed; a failed test prints its example, and the decorator
that repeats the example.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

from hypothesis import settings

UNTIL: Final = "FUZZ_UNTIL"
"""The variable with the time, in seconds since the epoch, from which on no further test begins."""
KINDS_OF: Final = "FUZZ_KINDS"
"""The variable with the kinds of `tests/reliability/kinds.py` that are on, parted by commas, or `all`."""
NOTHING_RAN: Final = 5
"""What pytest's exit code is where it found no test."""


def examples(count: int) -> int:
    """How many examples a test draws for which so many would be right; the profile of the run says how much of that."""
    return max(1, count * settings().max_examples // 100)


def command(seed: int, *more: str) -> list[str]:
    """One round: all generated tests, with examples that the seed draws."""
    chosen = ["-m", "generated", "--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}"]
    # One test may take minutes: it draws hundreds of examples.
    return [sys.executable, "-m", "pytest", "-q", "-o", "faulthandler_timeout=0", *chosen, *more]


def main(arguments: Sequence[str]) -> int:
    """Rounds, until the minutes are over; what follows the minutes is given to pytest."""
    minutes, more = float(arguments[0]), arguments[1:]
    until = time.time() + 60 * minutes
    while time.time() < until:
        seed = secrets.randbelow(2**32)
        sys.stdout.write(f"seed {seed}\n")
        sys.stdout.flush()
        kinds = os.environ.get(KINDS_OF, "all")
        environment = {**os.environ, UNTIL: str(until), KINDS_OF: kinds}
        ended = subprocess.run(command(seed, "-n", "auto", *more), env=environment, check=False).returncode
        if ended:
            again = " ".join([f"{KINDS_OF}={shlex.quote(kinds)} python", *command(seed, *more)[1:]])
            sys.stdout.write(f"again: {again}\n")
            return ended
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
