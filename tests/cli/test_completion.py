"""What a shell offers: commands, flags and choices, and the ids of the desired-state files."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.process import Workplace

FILE = "version: 1\ncompany: {abbreviate: acme}\nagents:\n" + "".join(
    f'  - {{operatorId: "{number}", name: 张三}}\n' for number in ("8001", "8002", "9001")
)


def offered(place: Workplace, *words: str, env: dict[str, str] | None = None) -> list[str]:
    """What bash offers for the last word, by the script that it is told to read."""
    bin_ = place.folder / "bin"
    bin_.mkdir(exist_ok=True)
    (bin_ / "reconciler").write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", "reconciler"])} "$@"\n')
    (bin_ / "reconciler").chmod(0o755)
    script = f"""
        complete() {{ :; }}; compopt() {{ :; }}
        eval "$(reconciler completion bash)"
        COMP_WORDS=({shlex.join(("reconciler", *words))}); COMP_CWORD={len(words)}
        _reconciler_completion reconciler
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    known = {**place.environment(env), "PATH": f"{bin_}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=place.folder, env=known, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash(offline: Workplace) -> None:
    """Commands, flags, choices, and the ids of the usual file, of one that is named, and of none that is bad."""
    offline.write(FILE)
    offline.write(FILE.replace("8001", "8009"), "other.yaml")
    offline.write("version: [", "bad.yaml")
    assert offered(offline, "sta") == ["status"]
    assert offered(offline, "plan", "--max-d") == ["--max-deletes"]
    assert offered(offline, "validate", "--format", "s") == ["sarif"]
    assert offered(offline, "show", "8") == ["8001", "8002"]
    assert offered(offline, "plan", "--target", "9") == ["9001"]
    assert offered(offline, "apply", "-f", "other.yaml", "--exclude", "8") == ["8002", "8009"]
    assert offered(offline, "show", "8", env={"RECONCILER_FILE": "other.yaml"}) == ["8002", "8009"]
    assert offered(offline, "show", "-f", "bad.yaml", "8") == []
    for habit in ("agents.yaml", "-out", "--var=x"):
        assert offered(offline, "plan", habit, "--max-d") == ["--max-deletes"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script(offline: Workplace, shell: str) -> None:
    """Each shell's script asks the command itself; a shell that is not known is wrong usage."""
    ran = offline.run("completion", shell)
    assert ran.code == 0
    assert f"_RECONCILER_COMPLETE={shell}_complete" in ran.out
    assert offline.run("completion", "tcsh").code == 64
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=ran.out, text=True, check=True, timeout=30)
