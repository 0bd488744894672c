"""`reconciler demo`: the main job, without anything of the caller's."""

from __future__ import annotations

import pytest

from tests.process import Workplace


def test_the_demo_ends_with_an_empty_plan(offline: Workplace) -> None:
    """It validates, plans, applies and plans again, on a sandbox of its own, and leaves nothing behind."""
    temporary = offline.folder / "temporary"
    temporary.mkdir()
    ran = offline.run("demo", env={"TMPDIR": str(temporary), "RECONCILER_FILE": "not-there.yaml"})
    assert ran.code == 0, ran.err
    shown = [line.removeprefix("$ reconciler ") for line in ran.out.splitlines() if line.startswith("$ ")]
    assert shown == ["validate", "plan", "apply --auto-approve", "plan --detailed-exitcode"]
    assert "Read back: every agent is as desired." in ran.out
    assert "Nothing to change: 34 agents are as desired." in ran.out.rpartition("$ reconciler plan")[2]
    assert not any(temporary.iterdir())
    assert [*offline.folder.iterdir()] == [temporary]


@pytest.mark.exhaustive(0)
def test_a_step_that_fails_ends_the_demo(offline: Workplace) -> None:
    """A demo that does not come to its end says at which code, and exits with 1."""
    (offline.folder / "deepdiff.py").write_text("raise SystemExit(7)\n")
    ran = offline.run("demo", env={"PYTHONPATH": str(offline.folder)})
    assert ran.code == 1
    assert "exit code 7" in ran.err
