"""What child processes find in their environment: nothing of ours, and of other people's secrets what they need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.files.child_environment import bare, without_secrets
from reconciler.sandbox.server import Box
from tests.cli.test_brought_books import git
from tests.process import TOKEN, Workplace

CANARY = "canary-of-the-runner"
OURS = ("RECONCILER_TOKEN", "RECONCILER_NOTIFY", "RECONCILER_ACTOR", "AGENT_8001_PASSWORD")
OTHERS = ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "CI_JOB_TOKEN", "DATABASE_URL", "NPM_TOKEN", "SOMETHING")

names = st.one_of(
    st.sampled_from((*OURS, *OTHERS, "PW_1", "PATH", "HOME", "LC_ALL")), st.text("ABCXYZ_", min_size=1, max_size=9)
)


@given(st.dictionaries(names, st.just(CANARY)), st.lists(st.sampled_from(("PW_*", "SOMETHING")), max_size=2))
def test_no_secret_is_passed_on(environment: dict[str, str], patterns: list[str]) -> None:
    """A child of this machine gets what every program needs; one that calls a server all but what is ours."""
    few, most = bare(environment), without_secrets(environment, patterns)
    assert not few.keys() & {*OURS, *OTHERS, "PW_1"}
    allowed = {name for name in environment if name.startswith("PW_") and "PW_*" in patterns}
    allowed |= {"SOMETHING"} if "SOMETHING" in patterns else set()
    agents = set() if patterns else {name for name in environment if name.startswith("AGENT_")}
    ours = {name for name in environment if name.startswith("RECONCILER_")}
    assert most.keys() == environment.keys() - ours - allowed - agents


def test_the_environment_says_which_are_passwords() -> None:
    """Where the command line does not name them, the variable does."""
    kept = without_secrets({"RECONCILER_PASSWORD_ENV": "PW_*, SEAT_?", "PW_1": "", "SEAT_2": "", "AGENT_3": ""})
    assert kept.keys() == {"AGENT_3"}


LOOK = """
import os, signal, sys
from pathlib import Path
from reconciler.files import reader_process

if __name__ == "__main__":
    before = dict(os.environ)
    reader_process.can_fork = lambda: sys.argv[1] == "forked"
    agents = "".join(f'- {{operatorId: "{number}"}}\\n' for number in range(10_000, 40_000))
    contents = [("a.yaml", f"version: 1\\ncompany: {{abbreviate: acme}}\\nagents:\\n{agents}".encode())]
    with reader_process.ReaderProcess(contents) as reader:
        assert reader.company.abbreviate == "acme"
        os.kill(reader._process.pid, signal.SIGSTOP)
        print(Path(f"/proc/{reader._process.pid}/environ").read_text())
        os.kill(reader._process.pid, signal.SIGCONT)
    assert os.environ == before
"""


@pytest.mark.skipif(sys.platform != "linux", reason="another process is looked at in /proc")
@pytest.mark.parametrize("how", ["forked", "spawned"])
def test_the_reader_process(place: Workplace, how: str) -> None:
    """The process that reads the files has none of it, also where the system shows what it was started with."""
    script = place.folder / "look.py"
    script.write_text(LOOK)
    environment = place.environment(dict.fromkeys((*OURS, *OTHERS), CANARY))
    command = (sys.executable, str(script), how)
    shown = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert "PATH=" in shown
    assert CANARY not in shown
    assert not any(name in shown for name in (*OURS, *OTHERS))


@pytest.fixture
def spied(place: Workplace, box: Box, tmp_path: Path) -> tuple[Workplace, Path]:
    """A work tree with an apply to do, and a git before the real one that notes its environment."""
    box.store.reset([{"operatorId": "8001"}])
    place.write('version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: "8001", afterInterval: 9}]\n')
    git(place.folder, "init", "-q")
    git(place.folder, "add", "agents.yaml")
    git(place.folder, "commit", "-q", "-m", "x")
    git(place.folder, "init", "-q", "--bare", "books.git")
    tools, noted = tmp_path / "tools", tmp_path / "noted"
    tools.mkdir()
    real = git(place.folder, "--exec-path").strip()
    script = f'#!/bin/sh\n{{ echo "$@"; env; }} >> "{noted}"\nexec "{real}/git" "$@"\n'
    (tools / "git").write_text(script)
    (tools / "git").chmod(0o755)
    place.env |= {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", **dict.fromkeys((*OURS[1:], "PW_1"), CANARY)}
    return place, noted


@pytest.mark.parametrize(
    "command", [("plan", "--since", "HEAD"), ("apply", "-y"), ("apply", "-y", "--ledger", "git+books.git#books")]
)
def test_git(spied: tuple[Workplace, Path], command: tuple[str, ...]) -> None:
    """Git never has the token or a password, whatever it does; a cloud's keys only where it calls a server."""
    place, noted = spied
    (place.folder / ".reconciler").mkdir()
    ran = place.run(*command, "--password-env", "PW_*, AGENT_*", env={"AWS_SECRET_ACCESS_KEY": "key-of-the-cloud"})
    assert ran.code == 0, ran.err
    said = noted.read_text()
    assert "ls-files" in said or "--ledger" in command
    assert CANARY not in said
    assert TOKEN not in said
    assert ("key-of-the-cloud" in said) == ("--ledger" in command)
