"""`reconciler fmt`, as a process on real files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from reconciler.cli import fmt
from tests.process import Workplace

UGLY = "agents:\n- name: 'An'   # her\n  operatorId: '8001'\ncompany: {abbreviate: acme}\nversion: 1\n"
FINE = 'version: 1\ncompany: {abbreviate: acme}\nagents:\n  - operatorId: "8001"\n    name: An           # her\n'


def test_a_file_is_rewritten_once(offline: Workplace) -> None:
    """The file is rewritten and named on stdout; the next run finds nothing to do and says nothing."""
    path = offline.write(UGLY)
    first = offline.run("fmt")
    assert (first.code, first.out, first.err) == (0, "agents.yaml\n", "")
    assert "\n    name: An " in path.read_text()
    second = offline.run("fmt", "--check")
    assert (second.code, second.out, second.err) == (0, "", "")


def test_check_and_diff_write_nothing(offline: Workplace) -> None:
    """`--check` names the file and exits 2; with `--diff` it shows the lines, and `--diff` alone exits 0."""
    path = offline.write(UGLY)
    check = offline.run("fmt", "--check")
    assert (check.code, check.out) == (2, "agents.yaml\n")
    both = offline.run("fmt", "--check", "--diff")
    assert both.code == 2
    assert "\n-- name: 'An'   # her\n" in both.out
    assert '\n+  - operatorId: "8001"\n' in both.out
    diff = offline.run("fmt", "--diff")
    assert (diff.code, diff.out) == (0, both.out)
    assert path.read_text() == UGLY


def test_problems_of_all_files_are_shown_and_no_file_is_touched(offline: Workplace) -> None:
    """One file with problems keeps all from being rewritten; every problem is told, also of what cannot be read."""
    (offline.folder / "teams").mkdir()
    good = offline.write(UGLY, "teams/a.yaml")
    bad = offline.write("version: 1\nagents:\n- operatorId: 8001\n  colour: red\n", "teams/b.yml")
    ran = offline.run("fmt", "-f", "teams", "-f", "missing.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert "teams/b.yml:3:" in ran.err
    assert "teams/b.yml:4:" in ran.err
    assert "missing.yaml:1" in ran.err
    assert good.read_text() == UGLY
    assert "colour" in bad.read_text()


def test_a_file_stays_what_it_was(offline: Workplace) -> None:
    """Mode and link are kept: what the link points to has the new content, and nothing else is left beside it."""
    (offline.folder / "kept").mkdir()
    path = offline.write(UGLY, "kept/real.yaml")
    path.chmod(0o640)
    link = offline.folder / "agents.yaml"
    link.symlink_to("kept/real.yaml")
    assert offline.run("fmt").code == 0
    assert link.is_symlink()
    assert path.read_text() != UGLY
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in path.parent.iterdir()] == ["real.yaml"]


def test_a_file_that_may_not_be_written_is_not_replaced(offline: Workplace) -> None:
    """Read only means read only, though its folder would allow to replace it."""
    path = offline.write(UGLY)
    path.chmod(0o444)
    ran = offline.run("fmt")
    assert (ran.code, ran.out) == (1, "")
    assert "agents.yaml cannot be written: Permission denied" in ran.err
    assert path.read_text() == UGLY


def test_a_difference_is_safe_for_a_terminal(tmp_path: Path) -> None:
    """Names and lines of files act on no terminal, whatever stands in them; colours only where they are wanted."""
    before, after = "\ufeff# \u202etxt\x9b31m\r\n::error::\n".encode(), b"# txt\n"
    plain = "".join(fmt._lines("a\x1b[31m\n.yaml", before, after, color=False))
    assert plain.isascii()
    assert "\x1b" not in plain
    assert "\n-\\ufeff# \\u202etxt\\x9b31m\\x0d\n" in plain
    coloured = "".join(fmt._lines("x", before, after, color=True))
    assert "\x1b[31m-::error::\x1b[0m\n" in coloured


@pytest.mark.parametrize("ending", ["", "\n\n"])
def test_the_end_of_a_file_shows_in_a_difference(offline: Workplace, ending: str) -> None:
    """A missing or a needless line break at the end is a difference that can be seen."""
    offline.write(FINE.rstrip("\n") + ending)
    shown = offline.run("fmt", "--check", "--diff")
    assert shown.code == 2
    assert [line for line in shown.out.splitlines() if line.startswith("-") and not line.startswith("--- ")]
