"""The suite where interrupts are ignored, as in a script's background."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INTERRUPTING = (
    "tests/cli/test_command_line.py::test_a_lost_interrupt_applies_nothing",
    "tests/cli/test_hanging_pages.py::test_nobody_waits_for_pages_that_nobody_will_read",
)


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("workers", ["0", "1"])
def test_what_tests_start_can_be_interrupted(workers: str) -> None:
    """Tests that interrupt what they start pass where the suite, or a worker of it, began with interrupts ignored."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", workers, *INTERRUPTING]
    ignoring = ["sh", "-c", 'trap "" INT TERM; exec "$@"', "sh", *command]
    done = subprocess.run(ignoring, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
