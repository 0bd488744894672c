"""`python -m tests.mutants [NAME…]`: plants each bug in a copy of the tree and runs the tests that must catch it.

`--prove=sample:SEED` plants some of them, drawn by the seed (see `tests/exhaustive.py`), and says which.
`--doc` writes the table of bugs into docs/reliability.md instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

from tests.exhaustive import ALL, Share
from tests.mutants.bugs import BUGS, ROOT, Bug
from tests.mutants.doc import write_table
from tests.mutants.here import STRANGE

TOGETHER: Final = 2
"""Copies that are tried at once."""
LONGEST: Final = 120
"""Seconds after which tests that do not end count as having caught the bug."""
LONGEST_UNCHANGED: Final = 600
PROVE: Final = "--prove="
ONE_IN: Final = 12
"""A sample has one bug in so many."""
NEEDED: Final = ("pyproject.toml", "reconciler", "schemas", "tests")
_FAILED: Final = 1
_HUNG: Final = -1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a bug: whether it was caught, in words too; how long that took; the first test that failed."""

    bug: Bug
    caught: bool
    words: str
    seconds: float
    first: str


def main(arguments: Sequence[str]) -> int:
    """Try the named bugs, or all of them."""
    if list(arguments) == ["--doc"]:
        write_table()
        return 0
    share = Share(ALL, "mutants")
    if arguments and arguments[0].startswith(PROVE):
        share, arguments = Share(arguments[0].removeprefix(PROVE), "mutants"), arguments[1:]
    unknown = set(arguments) - {bug.name for bug in BUGS}
    if unknown:
        _say(f"no such bug: {', '.join(sorted(unknown))}")
        return 64
    bugs = share.of([bug for bug in BUGS if not arguments or bug.name in arguments], ONE_IN)
    if not share.whole:
        _say(f"{len(bugs)} of {len(BUGS)} planted bugs are drawn by {share.how}")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        unchanged = Path(folder).resolve() / "unchanged"
        _copy(unchanged)
        if not _is_sound(unchanged, bugs):
            return 1
        with ThreadPoolExecutor(TOGETHER) as threads:
            survived = 0
            for verdict in threads.map(lambda bug: _tried(unchanged, bug), bugs):
                survived += not verdict.caught
                _say(f"{verdict.words:<13}{verdict.seconds:5.1f} s  {verdict.bug.name}{verdict.first}")
    _say(f"{len(bugs) - survived} of {len(bugs)} planted bugs were caught")
    return 1 if survived else 0


def _copy(to: Path) -> None:
    to.mkdir()
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy2(source, to / name)


def _is_sound(unchanged: Path, bugs: Sequence[Bug]) -> bool:
    """Whether the copy is what is imported, also by processes that tests start elsewhere, and the tests pass on it."""
    code = "from reconciler.apply import run; from tests import process; print(run.__file__); print(process.__file__)"
    command = [sys.executable, "-c", code]
    seen = subprocess.run(command, cwd="/", env=_environment(unchanged), capture_output=True, text=True, check=True)
    if not all(Path(line).is_relative_to(unchanged) for line in seen.stdout.splitlines()):
        _say("the copy is not what Python imports")
        return False
    nodes = sorted({node for bug in bugs for node in bug.tests})
    start = time.monotonic()
    code_of_exit, out = _pytest(unchanged, nodes, LONGEST_UNCHANGED, "-n", str(TOGETHER), "--dist", "loadscope")
    if code_of_exit != 0:
        _say(out)
        _say("the tests do not pass on the unchanged source")
        return False
    _say(f"unchanged    {time.monotonic() - start:5.1f} s  {len(nodes)} tests pass")
    return True


def _tried(unchanged: Path, bug: Bug) -> Verdict:
    folder = unchanged.with_name(bug.name)
    shutil.copytree(unchanged, folder)
    changed = folder / bug.file
    changed.write_text(bug.planted(changed.read_text(encoding="utf-8")), encoding="utf-8")
    Path(cache_from_source(str(changed))).unlink(missing_ok=True)
    start = time.monotonic()
    code, out = _pytest(folder, bug.tests, LONGEST, "-x")
    caught = code in (_FAILED, _HUNG)
    words = {_FAILED: "caught", _HUNG: "caught: hung", 0: "SURVIVED"}.get(code, f"NOT TRIED {code}")
    shutil.rmtree(folder)
    first = next((f": {line[7:150]}" for line in out.splitlines() if line.startswith("FAILED ")), "")
    return Verdict(bug, caught, words, time.monotonic() - start, first)


def _pytest(folder: Path, nodes: Sequence[str], longest: float, *more: str) -> tuple[int, str]:
    """Run these tests in a copy; the exit code, or that they hung, and what they said."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-p", "tests.mutants.here"]
    with subprocess.Popen(
        [*command, *more, *nodes],
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, _ = process.communicate(timeout=longest)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # a session of its own: nobody else is in the group
            return _HUNG, ""
        finally:
            # What a failed test left running.
            _end_group(process.pid)
    if process.returncode == STRANGE:
        sys.stderr.write(out)
    return process.returncode, out


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _environment(folder: Path) -> dict[str, str]:
    """What stands on the path goes before what is installed."""
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONSAFEPATH": ""}


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
