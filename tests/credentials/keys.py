"""Keys to encrypt for and to read with, and what is written in these tests."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.core.model.secret import Secret
from reconciler.credentials.age import Sealer
from reconciler.credentials.delivery import CredentialsFile

pyrage = pytest.importorskip("pyrage", reason="the extra `age` is not installed")

AGE = shutil.which("age")
needs_age = pytest.mark.skipif(AGE is None, reason="the age command line tool is not installed")
needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")

CANARY = "canary-pw-"
SIP_CANARY = "canary-sip-"


@dataclass(frozen=True, slots=True)
class Key:
    """A public key as `recipients:` takes it, and the file of the private one."""

    recipient: str
    identity: Path


def age_key(folder: Path, name: str = "key.txt") -> Key:
    """A new X25519 pair, its file laid out as `age-keygen` does."""
    made = pyrage.x25519.Identity.generate()
    path = folder / name
    path.write_text(f"# created: 2026-11-22T10:00:00Z\n# public key: {made.to_public()}\n{made}\n")
    return Key(str(made.to_public()), path)


def ssh_key(folder: Path, kind: str, passphrase: str = "") -> Key:
    """A new SSH pair."""
    path = folder / f"id_{kind}"
    size = ["-b", "2048"] if kind == "rsa" else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", "张三@desk", "-f", path], check=True)
    return Key(path.with_suffix(".pub").read_text().strip(), path)


def morning() -> datetime:
    """A fixed time."""
    return datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def sealed_file(path: Path, *recipients: str) -> CredentialsFile:
    """An encrypted credentials file, not opened yet."""
    return CredentialsFile(path, morning, Sealer(recipients))


def write(file: CredentialsFile, numbers: range) -> None:
    """One credential each."""
    for number in numbers:
        file.write(
            f"{8000 + number}", Secret(f"{CANARY}{number}"), f"{60000 + number}", Secret(f"{SIP_CANARY}{number}")
        )
