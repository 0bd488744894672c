"""Whatever the file holds: exit 1, a clear message with its place, no traceback, no signal, little memory."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.process import Workplace

HEAD = b"version: 1\ncompany: {abbreviate: acme}\n"
BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b", ".join([b"*%c" % (letter - 1)] * 9))
    for letter in range(ord("b"), ord("k"))
)
MERGE_BOMB = b"m0: &m0 {%s}\n" % b", ".join(b"k%d: 1" % key for key in range(1000)) + b"".join(
    b"m%d: &m%d\n  <<: [%s]\n" % (n, n, b", ".join([b"*m%d" % (n - 1)] * 50)) for n in range(1, 200)
)

CASES: dict[str, tuple[bytes, str]] = {
    "unknown key": (HEAD + b'agents: [{operatorId: "1", nmae: x}]\n', "3:28: agents[0] (1).nmae: unknown key"),
    "wrong type": (HEAD + b'agents: [{operatorId: "1", name: [x]}]\n', "3:34: agents[0] (1).name: must be text"),
    "out of range": (HEAD + b'agents: [{operatorId: "1", afterInterval: -1}]\n', "must be at least 0; written: -1"),
    "unquoted number": (HEAD + b"agents: [{operatorId: 8001}]\n", 'quote it: "8001"'),
    "duplicate key": (HEAD + b'agents: [{operatorId: "1", name: x, name: y}]\n', "the key name stands twice"),
    "duplicate operatorId": (
        HEAD + b'agents:\n- operatorId: "1"\n- operatorId: "1"\n',
        "5:15: agents[1] (1).operatorId",
    ),
    "syntax error": (HEAD + b"agents: [{\n", "3:9: [ opens here and is not closed"),
    "tabs": (HEAD + b"agents:\n\t- operatorId: x\n", "4:1: a tab (U+0009 TAB) stands where YAML allows only spaces"),
    "binary": (bytes(range(256)) * 10, "is not UTF-8"),
    "control characters": (b"a: \x00\x01", "U+0000 may not stand in a YAML file"),
    "empty": (b"", "the file is empty"),
    "only comments": (b"# nothing\n", "the file is empty"),
    "alias bomb": (BOMB, "expand to more than 4,000,000 values"),
    "merge bomb": (MERGE_BOMB, "expand to more than 4,000,000 values"),
    "deep flow": (b"a: " + b"[" * 30_000, "nested deeper than 64 levels"),
    "deep block": (b"- " * 30_000, "nested deeper than 64 levels"),
    "deep mapping": (b"{a: " * 30_000, "nested deeper than 64 levels"),
    "python tag": (HEAD + b"agents: !!python/object/apply:os.system [ls]\n", "this tag cannot be used here"),
    "not UTF-8": (HEAD + b"agents: [{operatorId: '1', name: \xc4\xe3}]\n", "3:34: byte 0xc4 is not UTF-8"),
    "utf-16": ("version: 1\n".encode("utf-16"), "is not UTF-8"),
}


SECONDS = {"RLIMIT_CPU": 3}
"""Processor time: who takes more is killed."""


@pytest.mark.parametrize("case", CASES)
def test_bad_files_are_explained(offline: Workplace, case: str) -> None:
    """Each bad file exits with 1 and its own message, within 300 MB and three seconds of processor time."""
    content, words = CASES[case]
    (offline.folder / "agents.yaml").write_bytes(content)
    ran = offline.run("validate", limits=SECONDS)
    assert ran.code == 1
    assert 0 < ran.memory < 300
    assert words in ran.err
    assert ran.err.startswith("agents.yaml:")


def test_the_limits_are_felt(offline: Workplace) -> None:
    """What the test above measures is there: a large file takes more memory than none, and is killed for its time."""
    without = offline.run("validate")
    offline.write("version: 1\ncompany: {abbreviate: acme}\nagents: [" + "{operatorId: '1'}, " * 400_000 + "]\n")
    ran = offline.run("validate", limits={"RLIMIT_CPU": 1})
    assert ran.code == -signal.SIGKILL
    assert ran.memory > without.memory + 5


def test_a_missing_file_is_named(offline: Workplace) -> None:
    """A file that is not there is named, with what to do."""
    ran = offline.run("validate", "-f", "nowhere.yaml")
    assert ran.code == 1
    assert "nowhere.yaml:1:1: cannot be read: No such file or directory" in ran.err
    assert "--file" in ran.err


def test_pipes_and_folders_are_refused(offline: Workplace) -> None:
    """What is no regular file is refused at once, and a pipe is not waited for, alone or in a folder."""
    os.mkfifo(offline.folder / "pipe.yaml")
    for name in ("pipe.yaml", ".", "/dev/zero"):
        ran = offline.run("validate", "-f", name, timeout=20)
        assert ran.code == 1
        assert "cannot be read: it is no regular file" in ran.err


def test_all_problems_at_once_in_json(offline: Workplace) -> None:
    """`--format json` lists every problem with place, path, message and hint, alone on stdout."""
    offline.write('version: 2\ncompany: {}\nagents: [{operatorId: 1}, {operatorId: "2", agee: 3}]\n')
    ran = offline.run("validate", "--format", "json")
    assert ran.code == 1
    assert ran.json["ok"] is False
    assert [(p["line"], p["column"], p["path"]) for p in ran.json["problems"]] == [
        (1, 10, "version"),
        (2, 10, "company"),
        (3, 23, "agents[0].operatorId"),
        (3, 45, "agents[1] (2).agee"),
    ]
    codes = [problem["code"] for problem in ran.json["problems"]]
    assert codes == ["unknown-value", "missing-key", "wrong-type", "unknown-key"]
    plan = offline.run("plan", "--format", "json")
    assert plan.code == 1
    assert plan.json["exit_code"] == 1
    assert plan.json["error"]["problems"] == ran.json["problems"]


def test_a_password_in_the_file_is_never_repeated(offline: Workplace) -> None:
    """A password that was written where its source belongs is refused, and not printed."""
    for written in ("hunter2-canary", "*hunter2-canary", "!hunter2-canary", "{hunter2-canary: 1}", "[hunter2-canary]",
                    "{env: hunter2-canary, env: 1, version: x}", "1234567.5",
                    '{env: "hunter2-canary !", version: 1}'):  # fmt: skip
        offline.write(
            f'version: 1\ncompany: {{abbreviate: acme}}\nagents: [{{operatorId: "1", password: {written}}}]\n'
        )
        for format_ in ("text", "json"):
            ran = offline.run("validate", "--format", format_)
            assert ran.code == 1
            assert "hunter2" not in ran.out + ran.err
            assert "1234567" not in ran.out + ran.err


def test_a_file_over_64_mb_is_refused(offline: Workplace) -> None:
    """A file of more than 64 MB is refused unread."""
    path = offline.folder / "agents.yaml"
    with path.open("wb") as stream:
        stream.truncate(65 * 1024 * 1024)
    ran = offline.run("validate")
    assert ran.code == 1
    assert "64 MB is the limit" in ran.err
    assert Path(path).stat().st_size == 65 * 1024 * 1024
