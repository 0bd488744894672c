"""`apply` with `recipients:` as a process against the sandbox."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler.credentials.delivered import read_credentials
from reconciler.sandbox.server import Box, running
from tests.process import TOKEN, Workplace

from .keys import Key, age_key

IDS = [f"{number}" for number in range(8001, 8041)]


@pytest.fixture
def key(place: Workplace) -> Key:
    """Whom the credentials are for."""
    return age_key(place.folder)


def desired(place: Workplace, *recipients: str) -> None:
    """A file of forty new agents and these recipients."""
    agents = [{"operatorId": operator_id} for operator_id in IDS]
    company = {"abbreviate": "acme", "companyId": 4242}
    place.write(json.dumps({"version": 1, "company": company, "recipients": recipients, "agents": agents}))


def delivered(path: Path, key: Key) -> dict[str, tuple[str, str]]:
    """Password and SIP password of each agent that the file holds."""
    found = {}
    for credential in read_credentials(path, key.identity).credentials:
        password, sip = credential.password, credential.sip_password
        found[credential.operator_id] = (password.reveal() if password else "", sip.reveal() if sip else "")
    return found


def test_apply_encrypts(place: Workplace, box: Box, key: Key) -> None:
    """With recipients the credentials are in one age file, and no other file or stream holds any of them."""
    desired(place, key.recipient)
    ran = place.run("apply", "--auto-approve")
    assert ran.code == 0
    (path,) = place.books.glob("credentials-*")
    assert path.name.endswith(".jsonl.age")
    assert path.name in ran.err
    assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    secrets = delivered(path, key)
    assert sorted(secrets) == IDS
    written = b"".join(file.read_bytes() for file in place.folder.rglob("*") if file.is_file())
    for secret in (secret for both in secrets.values() for secret in both):
        assert secret
        assert secret.encode() not in written
        assert secret not in ran.out + ran.err


def test_a_bad_recipient_sends_nothing(place: Workplace, box: Box, key: Key) -> None:
    """A recipient with a typing error passes `validate` and `plan`, and stops `apply` before the first request."""
    last = "q" if key.recipient[-1] != "q" else "p"
    desired(place, key.recipient, key.recipient[:-1] + last)
    assert (place.run("validate").code, place.run("plan").code) == (0, 0)
    ran = place.run("apply", "--auto-approve")
    assert ran.code == 1
    assert f"recipient 2 ({key.recipient[:12]}…)" in ran.err
    assert box.store.history() == []
    assert list(place.folder.rglob("credentials-*")) == []


def test_a_file_that_exists_sends_nothing(place: Workplace, box: Box, key: Key) -> None:
    """A `--credentials` that exists is refused before the first request, and left as it is."""
    desired(place, key.recipient)
    (place.folder / "out.age").write_bytes(b"what an earlier run delivered")
    ran = place.run("apply", "--auto-approve", "--credentials", "out.age")
    assert ran.code == 1
    assert "exists already" in ran.err
    assert box.store.history() == []
    assert (place.folder / "out.age").read_bytes() == b"what an earlier run delivered"


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("made", [1, 3, 5])
def test_a_killed_apply_loses_no_password(tmp_path: Path, made: int) -> None:
    """SIGKILL in the middle: every agent that was made, one by one, has its password in the file."""
    with running(token=TOKEN, latency=50) as box:
        place = Workplace(tmp_path, box.url, {"RECONCILER_PARALLELISM": "2"})
        key = age_key(tmp_path)
        desired(place, key.recipient)
        with subprocess.Popen(
            [sys.executable, "-m", "reconciler", "apply", "-y", "--no-batch", "--credentials", "out.age"],
            cwd=tmp_path, env=place.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            while len(box.store.history()) < made:
                assert process.poll() is None
                time.sleep(0.005)
            process.kill()
            process.communicate()
        assert process.returncode == -signal.SIGKILL
        stored = {operator_id: agent["password_md5"] for operator_id, agent in box.store.agents().items()}
    known = delivered(tmp_path / "out.age", key)
    assert len(stored) >= made
    assert stored == {operator_id: hashlib.md5(known[operator_id][0].encode()).hexdigest() for operator_id in stored}
