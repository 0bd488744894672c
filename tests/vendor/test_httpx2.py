"""httpx has had no release since 2024; the transport also runs on its continuation, so that a change is one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reconciler.sandbox.server import Box
from tests.network.wires import authority, tls
from tests.process import Workplace

pytest.importorskip("httpx2", reason="httpx2 is not installed")

PROGRAM = """
import sys, httpx2, httpcore2
sys.modules["httpx"], sys.modules["httpcore"] = httpx2, httpcore2
from reconciler.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("encrypted", [False, True])
def test_an_apply_on_httpx2(place: Workplace, box: Box, encrypted: bool) -> None:
    """With httpx2 and httpcore2 in the place of both an apply is done, read back, and followed by an empty plan."""
    box.store.reset([{"operatorId": str(8000 + number)} for number in range(250)])
    place.write('version: 1\ncompany: {abbreviate: acme}\nprune: false\nagents: [{operatorId: "8001", name: 张三}]\n')
    company = authority(place.folder)
    with tls(company.context("localhost"), int(box.url.rpartition(":")[2])) as door:
        place.env = {"RECONCILER_CA_FILE": str(company.file)}
        if encrypted:
            place.endpoint = f"https://localhost:{door.port}"
        for arguments in (("apply", "-y"), ("plan", "--detailed-exitcode")):
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, *arguments],
                cwd=place.folder,
                env=place.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    assert box.store.agents()["8001"]["name"] == "张三"


def test_a_vendor_that_is_not_there_on_httpx2(offline: Workplace) -> None:
    """Its errors are understood as well: the exceptions have the names that httpx gives them."""
    offline.write("version: 1\ncompany: {abbreviate: acme}\nagents: []\n")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "plan"],
        cwd=offline.folder,
        env=offline.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "no connection to 127.0.0.1 (Connection refused)" in done.stderr
