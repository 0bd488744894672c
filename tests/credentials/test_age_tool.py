"""The `age` command line tool opens what we write, and we open what it writes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.process import Workplace

from .keys import CANARY, Key, age_key, needs_age, needs_ssh, sealed_file, ssh_key, write

pytestmark = needs_age

LINE = {"operatorId": "8001", "password": CANARY, "sipNumber": None, "sipPassword": None, "at": "2026-11-22T10:00:00Z"}
SPLIT = """awk '/^-----BEGIN AGE/ {n++} {print > ("record-" n ".age")}' FILE
for record in record-*.age; do age -d -i key.txt "$record"; done"""


def run(*command: object, stdin: bytes = b"") -> bytes:
    """What a command prints; it must succeed."""
    return subprocess.run(list(map(str, command)), input=stdin, capture_output=True, check=True).stdout


def made(folder: Path, kind: str) -> Key:
    """A key pair from the tool that people use for it."""
    if kind != "age":
        return ssh_key(folder, kind)
    path = folder / "key.txt"
    run("age-keygen", "-o", path)
    return Key(run("age-keygen", "-y", path).decode().strip(), path)


KINDS = ["age", pytest.param("ed25519", marks=needs_ssh), pytest.param("rsa", marks=needs_ssh)]


@pytest.mark.parametrize("kind", KINDS)
def test_age_opens_a_finished_file(tmp_path: Path, kind: str) -> None:
    """`age -d -i KEY FILE` prints the JSON lines, in order, with every kind of key."""
    key = made(tmp_path, kind)
    file = sealed_file(tmp_path / "out.age", key.recipient)
    write(file, range(3))
    file.close()
    lines = run("age", "-d", "-i", key.identity, tmp_path / "out.age").decode().splitlines()
    assert [json.loads(line)["operatorId"] for line in lines] == ["8000", "8001", "8002"]
    assert [json.loads(line)["password"] for line in lines] == [f"{CANARY}{number}" for number in range(3)]


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("armor", [(), ("-a",)], ids=["binary", "armor"])
@pytest.mark.parametrize("kind", KINDS)
def test_we_open_what_age_made(offline: Workplace, kind: str, armor: tuple[str, ...]) -> None:
    """`reconciler credentials` reads a file that `age` encrypted, with every kind of key."""
    key = made(offline.folder, kind)
    path = offline.folder / "made.age"
    run("age", "-r", key.recipient, *armor, "-o", path, stdin=json.dumps(LINE).encode())
    ran = offline.run("credentials", str(path), "--identity", str(key.identity), "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json == {"credentials": [LINE]}


def test_age_opens_each_record_of_an_unfinished_file(tmp_path: Path) -> None:
    """What a killed run left is opened without reconciler too, by the two commands that the manual shows."""
    key = age_key(tmp_path)
    write(sealed_file(tmp_path / "FILE", key.recipient), range(3))
    page = (Path(__file__).parents[2] / "docs/credentials.md").read_text(encoding="utf-8")
    assert SPLIT in page
    done = subprocess.run(["bash", "-c", SPLIT], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [json.loads(line)["operatorId"] for line in done.stdout.splitlines()] == ["8000", "8001", "8002"]


def test_an_identity_file_that_is_encrypted(offline: Workplace) -> None:
    """An identity file that age encrypted is named as such, with what to do."""
    key = made(offline.folder, "age")
    locked = offline.folder / "key.age"
    run("age", "-r", key.recipient, "-o", locked, key.identity)
    file = sealed_file(offline.folder / "out.age", key.recipient)
    write(file, range(1))
    file.close()
    ran = offline.run("credentials", "out.age", "--identity", "key.age")
    assert (ran.code, ran.out) == (1, "")
    assert "itself encrypted" in ran.err
