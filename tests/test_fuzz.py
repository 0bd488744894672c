"""Rounds of generated tests begin while there is time, and a failed one can be repeated."""

from __future__ import annotations

import re

import pytest
from hypothesis import settings

from tests.fuzz import command, examples, main


def test_a_failed_round_says_how_it_is_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    """A round that pytest fails ends all, with its code, its seed, and a command that has the same seed."""
    assert main(["1", "--no-such-option"]) != 0
    (seed,) = re.findall(r"^seed (\d+)$", out := capfd.readouterr().out, re.MULTILINE)
    (again,) = re.findall(r"^again: (.*)$", out, re.MULTILINE)
    assert again.split() == ["FUZZ_KINDS=all", "python", *command(int(seed), "--no-such-option")[1:]]
    assert f"--hypothesis-seed={seed}" in again


def test_no_round_begins_when_time_is_over(capfd: pytest.CaptureFixture[str]) -> None:
    """Without a minute there is no round, and nothing is said."""
    assert main(["0"]) == 0
    assert capfd.readouterr().out == ""


def test_a_profile_scales_what_a_test_asks_for() -> None:
    """A test that asks for twice as many examples gets twice as many of whatever the run has, and one at least."""
    assert examples(100) == settings().max_examples
    assert examples(200) == 2 * settings().max_examples
    assert examples(0) == 1
