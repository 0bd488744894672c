"""The tutorial does what it says: its commands run in their order, and print what stands below them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.process import Workplace

PAGE: Final = (Path(__file__).parents[2] / "docs/tutorial.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
END: Final = "=== the end of a block ==="


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("git")), reason="bash or git is not installed")
def test_every_command_of_the_tutorial(tmp_path: Path) -> None:
    """One shell runs all blocks of commands without an error, and each line of a block of output is printed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/reconciler").write_text(
        f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", "reconciler"])} "$@"\n'
    )
    (tmp_path / "bin/reconciler").chmod(0o755)
    (tmp_path / "agents").mkdir()
    place = Workplace(tmp_path / "agents")
    bare = {name: value for name, value in place.environment().items() if not name.startswith("RECONCILER_")}
    scripts = [text.replace("8787", port) for kind, text in BLOCKS if kind == "sh"]
    assert len(scripts) > 5
    done = subprocess.run(
        ["bash", "-c", "set -em\ntrap 'kill $(jobs -p) 2> /dev/null || :' EXIT\n" + f"\necho '{END}'\n".join(scripts)],
        cwd=place.folder,
        env={**bare, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    printed = done.stdout.split(END)
    assert len(printed) == len(scripts)
    at = -1
    for kind, text in BLOCKS:
        assert kind in ("sh", "text")
        at += kind == "sh"
        for line in text.splitlines() if kind == "text" else ():
            assert line in printed[at], printed[at]
