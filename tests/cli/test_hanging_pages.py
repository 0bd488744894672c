"""A vendor that answers the first page and then no more, with the command as its users run it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process import Workplace
from tests.vendor.vendor_stub import PATIENCE, Exchange, Shelf, envelope, hangs, stub

ROWS = [{"operatorId": str(8000 + number)} for number in range(500)]


def answers(others: Callable[[int], bool]) -> Callable[[Exchange], None]:
    """The first page; of the others those are refused for which `others` says so, and the rest hang."""
    shelf = Shelf(ROWS)

    def answer(exchange: Exchange) -> None:
        number = exchange.seen.body["pageNumber"]
        if number == 1:
            shelf(exchange)
        elif others(number):
            envelope(code=500, msg="no")(exchange)
        else:
            hangs()(exchange)

    return answer


PROGRESS = "reading: "
"""How a line begins that a slow machine gets to see."""


@pytest.mark.parametrize(
    ("refuses", "code", "says"), [(False, 130, "interrupted"), (True, 1, "error: the vendor refused: no (code 500)")]
)
def test_nobody_waits_for_pages_that_nobody_will_read(tmp_path: Path, refuses: bool, code: int, says: str) -> None:
    """Interrupted, or refused one page, a plan ends although the other pages are still to be answered."""
    with stub() as vendor:
        vendor.script(answers(lambda number: refuses and number == 2))
        place = Workplace(tmp_path, vendor.url)
        place.write("version: 1\ncompany: {abbreviate: acme}\nagents: []\n")
        with subprocess.Popen(
            [sys.executable, "-m", "reconciler", "plan"],
            cwd=tmp_path, env=place.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            while len(vendor.requests) < 5:
                time.sleep(0.01)
            if not refuses:
                process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(timeout=PATIENCE / 2)
            finally:
                process.kill()
        assert not vendor.released.is_set()
        told = [line for line in err.strip().splitlines() if not line.startswith(PROGRESS)]
        assert (process.returncode, out, told[0]) == (code, "", says)
