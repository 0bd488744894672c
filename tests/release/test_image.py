"""The container image: what goes in, who runs in it, and that the linter of such files finds nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from release.clean_install import RUN
from release.distributions import ROOT

DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PIN: Final = re.compile(r"^([a-z0-9-]+)(?:\[.*?\])?==(\S+)", re.MULTILINE)


def hadolint(text: str) -> str:
    """What hadolint finds."""
    command = [str(Path(sys.executable).parent / "hadolint"), "--no-color", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_hadolint_finds_nothing() -> None:
    """Neither in the file nor, by shellcheck, in its commands."""
    assert hadolint(DOCKERFILE) == ""


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("USER 65532:65532", "USER root", "DL3002"),
        ("WORKDIR /work", "WORKDIR work", "DL3000"),
        ("rm -rf", "ls", "DL3009"),
    ],
)
def test_hadolint_finds_what_is_planted(before: str, after: str, rule: str) -> None:
    """A mistake in the file is found."""
    assert before in DOCKERFILE
    assert rule in hadolint(DOCKERFILE.replace(before, after))


def test_the_last_stage_has_no_root_and_no_tools_of_the_build() -> None:
    """It is made of the slim base and the finished environment, takes no secret, and calls the tool."""
    stages = DOCKERFILE.split("\nFROM ")
    assert "-slim" in stages[0]
    last = stages[-1]
    assert "pip" not in last
    assert [line for line in last.splitlines() if line.startswith("COPY")] == [
        "COPY --from=build /opt/reconciler /opt/reconciler"
    ]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["reconciler"]' in last
    assert not re.search("^(ARG|ENV) .*(TOKEN|PASSWORD|SECRET)", DOCKERFILE, re.MULTILINE)


def test_what_is_copied_is_let_in() -> None:
    """`.dockerignore` shuts out the whole checkout, `.git` and books included, but for what the first stage copies."""
    lines = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    copied = re.search(r"^COPY (.*) /build/$", DOCKERFILE, re.MULTILINE)
    assert copied
    assert lines == ["*", *(f"!{name}" for name in copied[1].split())]


def test_the_image_has_the_versions_that_are_tested() -> None:
    """Each version of the tool's own lock file is the one of the tests' lock file."""
    tested = dict(PIN.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")))
    ours = dict(PIN.findall(RUN.read_text(encoding="utf-8")))
    assert {"httpx", "pyrage", "obstore", "jinja2", "aiohttp"} <= ours.keys()
    assert "pytest" not in ours
    assert ours.items() <= tested.items()
