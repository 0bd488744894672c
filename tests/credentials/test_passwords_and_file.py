"""Passwords in and credentials out."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from reconciler.core.model.desired import PasswordSource
from reconciler.core.model.plan import Action, ActionKind
from reconciler.core.model.problem import Place, Problem
from reconciler.core.model.secret import Secret
from reconciler.credentials.delivery import CredentialsFile
from reconciler.credentials.passwords import GENERATED, PasswordRules, generate_password, resolve_passwords
from reconciler.errors import MissingSecrets, ReconcilerError
from tests.calls_of_os import calls_of_os

CANARY = "canary-77"
ANY = PasswordRules(("*",))


def action(
    kind: Literal["env", "file", "generate"] | None,
    name: str = "",
    operator_id: str = "8001",
    what: ActionKind = "create",
) -> Action:
    """An action that wants a password from there."""
    path = Path(name)
    where = (path.name, 1, str(path.parent)) if kind == "file" else (name, 1)
    source = PasswordSource(kind, *where) if kind else None
    return Action(what, operator_id, "张三", Place("agents.yaml", 7, 3), password=source)


def refused(wanted: Action, environment: dict[str, str] | None = None, *private: Path) -> Problem:
    """The one problem with the password that an action wants."""
    with pytest.raises(MissingSecrets) as caught:
        resolve_passwords([wanted], environment or {}, PasswordRules(("*",), None, private))
    (found,) = caught.value.problems
    return found


# Passwords in


@pytest.mark.parametrize(
    "text",
    [
        "123456",
        "x" * 32,
        "pass word",
        " spaced ",
        "密码密码密码",
        "密" * 32,
        "pässwörd",
        "🔒🔒🔒🔒🔒🔒",
        "'\"\\$`!",
        "***???",
    ],
)
def test_a_password_of_any_text(tmp_path: Path, text: str) -> None:
    """Six to 32 printable characters of any script are a password, from a variable and from a file alike."""
    path = tmp_path / "password"
    path.write_text(text, encoding="utf-8")
    found = resolve_passwords([action("env", "PW"), action("file", str(path), "8002")], {"PW": text}, ANY)
    assert {id_: secret.reveal() for id_, secret in found.items()} == {"8001": text, "8002": text}


@pytest.mark.parametrize(("text", "length"), [("", 0), ("12345", 5), ("x" * 33, 33), ("密" * 33, 33), ("密" * 5, 5)])
def test_a_password_of_the_wrong_length(tmp_path: Path, text: str, length: int) -> None:
    """Shorter than 6 and longer than 32 characters is refused before anything is sent, with the length."""
    path = tmp_path / "password"
    path.write_text(text, encoding="utf-8")
    for wanted, environment in [(action("env", "PW"), {"PW": text}), (action("file", str(path)), {})]:
        found = refused(wanted, environment)
        assert f"has {length} characters" in found.message
        assert "6 to 32" in found.hint


@pytest.mark.parametrize(
    "text",
    [
        *(CANARY + mark for mark in ("\n", "\r\n", "\t", "\0", "\x1b[0m", "\x7f", "\x85")),
        *(CANARY + mark for mark in ("\u200b", "\u202e", "\ufeff", "\u2028")),
        "\n" + CANARY,
        f"{CANARY}\nx",
        os.fsdecode(b"canary\xff\xfe"),
    ],
    ids=ascii,
)
def test_a_password_that_nobody_can_type(text: str) -> None:
    """Control, invisible and broken characters are refused, and the password is not repeated."""
    found = refused(action("env", "PW"), {"PW": text})
    assert "nobody can type" in found.message
    assert "canary" not in found.message + found.hint


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_end_of_a_file_is_no_part_of_it(tmp_path: Path, end: str) -> None:
    """One line end, which every editor writes, is dropped from a password file."""
    path = tmp_path / "password"
    path.write_bytes((CANARY + end).encode())
    assert resolve_passwords([action("file", str(path))], {}, ANY)["8001"].reveal() == CANARY


@pytest.mark.parametrize("data", [b"canary-77\n\n", b"canary-77\nx\n", b"\ncanary-77\n", b"canary-77\0"], ids=range(4))
def test_a_file_of_several_lines(tmp_path: Path, data: bytes) -> None:
    """More than one line is no password."""
    path = tmp_path / "password"
    path.write_bytes(data)
    found = refused(action("file", str(path)))
    assert "nobody can type" in found.message
    assert "canary" not in found.message


def test_a_variable_that_is_not_set() -> None:
    """A missing variable is named, with the agent and the place in the file."""
    found = refused(action("env", "AGENT_PW"), {"OTHER": CANARY})
    assert (found.place, found.path) == (Place("agents.yaml", 7, 3), "8001.password")
    assert found.message == "environment variable AGENT_PW is not set"
    assert found.hint


def test_the_environment_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the environment that is passed in counts."""
    monkeypatch.setenv("AGENT_PW", CANARY)
    assert "not set" in refused(action("env", "AGENT_PW")).message


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device", "loop", "NUL in its name", "not UTF-8"])
def test_a_password_file_that_is_none(tmp_path: Path, kind: str) -> None:
    """What cannot be read as a text file is a problem that names the file; a pipe does not hang."""
    path = tmp_path / "password"
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "device":
            path = Path("/dev/zero")
        case "loop":
            path.symlink_to(path)
        case "NUL in its name":
            path = Path("pass\0word")
        case "not UTF-8":
            path.write_bytes(b"canary\xff\xfe")
    found = refused(action("file", str(path)))
    assert f"password file {path} cannot be read" in found.message
    assert "canary" not in found.message.replace(str(path), "")


def test_a_password_file_without_end(tmp_path: Path) -> None:
    """A file of a terabyte is not read whole."""
    path = tmp_path / "password"
    path.write_text("x" * 5000)
    os.truncate(path, 1 << 40)
    assert "characters" in refused(action("file", str(path))).message


@pytest.mark.parametrize("way", ["itself", "a link", "a hard link", "another spelling"])
def test_the_token_is_no_password(tmp_path: Path, way: str) -> None:
    """A pull request cannot make the token an agent's password, by whatever name it calls the token's file."""
    token = tmp_path / "token"
    token.write_text(CANARY)
    path = tmp_path / "password"
    match way:
        case "itself":
            path = token
        case "a link":
            path.symlink_to(token)
        case "a hard link":
            path.hardlink_to(token)
        case "another spelling":
            (tmp_path / "x").symlink_to(".")
            path = tmp_path / "x" / "token"
    found = refused(action("file", str(path)), {}, tmp_path / "gone", token)
    assert "reconciler's own token" in found.message
    assert CANARY not in found.message


def test_another_private_file_does_not_matter(tmp_path: Path) -> None:
    """Beside a token file, and where the token's is missing, other files are read."""
    path, token = tmp_path / "password", tmp_path / "token"
    path.write_text(CANARY)
    token.write_text(CANARY)
    assert (
        resolve_passwords([action("file", str(path))], {}, PasswordRules(private=(token, tmp_path / "gone")))[
            "8001"
        ].reveal()
        == CANARY
    )


def test_every_problem_at_once(tmp_path: Path) -> None:
    """All passwords that are missing or unusable are named in one error, and no password is in it."""
    short = tmp_path / "short"
    short.write_text("12345")
    actions = [
        action("env", "UNSET", "8001"),
        action("env", "GOOD", "8002"),
        action("file", str(short), "8003"),
        action("file", str(tmp_path / "gone"), "8004"),
        action("env", "ODD", "8005"),
        action("generate", "", "8006"),
    ]
    with pytest.raises(MissingSecrets, match="nothing was sent") as caught:
        resolve_passwords(actions, {"GOOD": CANARY, "ODD": "canary\x07bell"}, ANY)
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["8001.password", "8003.password", "8004.password", "8005.password"]
    assert "canary" not in repr(caught.value.problems)


@pytest.mark.parametrize("what", ["create", "replace", "password"])
def test_who_gets_a_password(what: ActionKind) -> None:
    """New, replaced and re-keyed agents get one."""
    assert resolve_passwords([action("env", "PW", what=what)], {"PW": CANARY}, ANY)["8001"].reveal() == CANARY


@pytest.mark.parametrize("what", ["edit", "delete"])
def test_who_gets_none(what: ActionKind) -> None:
    """For others nothing is read, so nothing can be missing."""
    assert resolve_passwords([action("env", "UNSET", what=what)], {}, ANY) == {}


@pytest.mark.parametrize("kind", ["generate", None])
@pytest.mark.parametrize("what", ["create", "replace", "password"])
def test_an_agent_without_a_source(kind: Literal["generate"] | None, what: ActionKind) -> None:
    """Where nothing else is said a password is generated, a new one for each agent."""
    actions = [action(kind, "", str(number), what) for number in range(50)]
    found = {secret.reveal() for secret in resolve_passwords(actions, {}, ANY).values()}
    assert len(found) == 50
    assert {len(text) for text in found} == {GENERATED}


@pytest.mark.parametrize("wanted", [str.islower, str.isupper, str.isdigit])
def test_a_generated_password_is_strong(wanted: Callable[[str], bool]) -> None:
    """Each has lower case, upper case and digits, within what the vendor allows."""
    texts = [generate_password().reveal() for _ in range(200)]
    assert all(any(map(wanted, text)) for text in texts)
    assert all(6 <= len(text) <= 32 and text.isascii() and text.isalnum() for text in texts)


def test_a_generated_password_can_be_read_aloud() -> None:
    """No character is mistaken for another one."""
    assert not set("".join(generate_password().reveal() for _ in range(500))) & set("0O1lI")


# Credentials out


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where credentials go."""
    return tmp_path / ".reconciler" / "credentials.jsonl"


@pytest.fixture
def file(path: Path) -> Iterator[CredentialsFile]:
    """A credentials file on a certain morning."""
    made = CredentialsFile(path, lambda: datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC))
    yield made
    made.close()


def lines(path: Path) -> list[dict[str, Any]]:
    """What stands in it."""
    text = path.read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_a_line(file: CredentialsFile, path: Path) -> None:
    """A credential is one JSON object on one line, of these five keys, with the UTC time."""
    file.write("8001", Secret(CANARY), "60001", Secret("sip-canary"))
    assert lines(path) == [
        {
            "operatorId": "8001",
            "password": CANARY,
            "sipNumber": "60001",
            "sipPassword": "sip-canary",
            "at": "2026-11-22T10:00:05Z",
        }
    ]
    assert list(lines(path)[0]) == ["operatorId", "password", "sipNumber", "sipPassword", "at"]


def test_what_is_not_known_is_null(file: CredentialsFile, path: Path) -> None:
    """Before the vendor answers there is no SIP part."""
    file.write("8001", Secret(CANARY))
    assert lines(path)[0] == {
        "operatorId": "8001",
        "password": CANARY,
        "sipNumber": None,
        "sipPassword": None,
        "at": "2026-11-22T10:00:05Z",
    }


def test_a_later_line_completes_an_earlier(file: CredentialsFile, path: Path) -> None:
    """The SIP part comes with the agent's password again, and with no other agent's."""
    file.write("8001", Secret(CANARY))
    file.write("8002", None, "60002", Secret("sip-2"))
    file.write("8001", None, "60001", Secret("sip-1"))
    file.write("8001", Secret("changed-1"))
    file.write("8001", None, "60009", Secret("sip-9"))
    assert [(line["operatorId"], line["password"], line["sipNumber"]) for line in lines(path)] == [
        ("8001", CANARY, None),
        ("8002", None, "60002"),
        ("8001", CANARY, "60001"),
        ("8001", "changed-1", None),
        ("8001", "changed-1", "60009"),
    ]


@pytest.mark.parametrize("text", ["密码密码密码", "a\"b\\c'd", "a\u2028b-x\u2029", "🔒" * 6])
def test_any_text_is_one_line(file: CredentialsFile, path: Path, text: str) -> None:
    """Quotes and line separators do not break a line, and Chinese is left readable."""
    file.write("8001", Secret(text))
    data = path.read_bytes()
    assert data.count(b"\n") == 1
    assert json.loads(data)["password"] == text
    assert text.isascii() or text.encode() in data


def test_a_line_is_there_when_write_returns(file: CredentialsFile, path: Path) -> None:
    """Nothing waits in a buffer: each line can be read as soon as it is written."""
    for number in range(1, 6):
        file.write(str(number), Secret(CANARY))
        assert len(lines(path)) == number


def test_each_line_is_synced(file: CredentialsFile) -> None:
    """Each line survives a power cut before the call that makes it true, and so does the file's name."""
    with calls_of_os(os.fsync) as opened:
        file.open()
    with calls_of_os(os.fsync) as written:
        file.write("8001", Secret(CANARY))
        file.write("8002", Secret(CANARY))
    assert (len(opened), len(written)) == (1, 2)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_mode_0600(file: CredentialsFile, path: Path, umask: int) -> None:
    """Only its owner reads it, under any umask, in a folder that only its owner enters."""
    before = os.umask(umask)
    try:
        file.open()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_private_file_is_appended_to(file: CredentialsFile, path: Path) -> None:
    """What an earlier run delivered is kept."""
    path.parent.mkdir(mode=0o700)
    path.write_text('{"operatorId": "7999"}\n')
    path.chmod(0o600)
    file.write("8001", Secret(CANARY))
    assert [line["operatorId"] for line in lines(path)] == ["7999", "8001"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_reach(file: CredentialsFile, path: Path, mode: int) -> None:
    """A file that others may read or write is refused before a secret is in it, with how to mend it."""
    path.parent.mkdir()
    path.touch()
    path.chmod(mode)
    with pytest.raises(ReconcilerError, match="read by others") as caught:
        file.open()
    assert "chmod 600" in caught.value.hint
    assert path.read_bytes() == b""
    assert not file.used


@pytest.mark.parametrize("target", ["there", "missing"])
def test_a_link_is_refused(file: CredentialsFile, path: Path, tmp_path: Path, target: str) -> None:
    """Secrets are not written through a link, which somebody else may have laid."""
    elsewhere = tmp_path / "elsewhere"
    if target == "there":
        elsewhere.touch(mode=0o600)
    path.parent.mkdir()
    path.symlink_to(elsewhere)
    with pytest.raises(ReconcilerError, match="cannot be written"):
        file.open()
    assert not elsewhere.exists() or elsewhere.read_bytes() == b""


@pytest.mark.parametrize("kind", ["a folder", "below a file", "too long"])
def test_a_file_that_cannot_be_written(tmp_path: Path, kind: str) -> None:
    """Where credentials cannot be stored, that is known before anything is sent, with what to do."""
    path = tmp_path / "out"
    match kind:
        case "a folder":
            path.mkdir()
        case "below a file":
            path.touch()
            path = path / "credentials.jsonl"
        case "too long":
            path = tmp_path / ("x" * 300)
    file = CredentialsFile(path, lambda: datetime.now(UTC))
    with pytest.raises(ReconcilerError, match="cannot be written") as caught:
        file.open()
    assert "--credentials" in caught.value.hint


def test_nothing_is_made_in_vain(file: CredentialsFile, path: Path) -> None:
    """A file that is never opened is never made, and says so."""
    file.close()
    assert (file.used, path.exists()) == (False, False)


def test_used(file: CredentialsFile) -> None:
    """One that holds a credential says so, also after it is closed."""
    file.write("8001", Secret(CANARY))
    file.close()
    assert file.used


FULL_DISK = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from reconciler.core.model.secret import Secret
from reconciler.credentials.delivery import CredentialsFile
file = CredentialsFile(Path(sys.argv[1]), lambda: datetime.now(UTC))
first, second = Secret("first-1"), Secret("second-2")
file.write("8001", first)
resource.setrlimit(resource.RLIMIT_FSIZE, (180, 180))
try:
    file.write("8002", second)
except OSError as error:
    sys.exit(f"refused {error.errno} {file.holds('8001', first)} {file.holds('8002', second)}")
"""


def test_a_full_disk(path: Path) -> None:
    """A line that the disk takes only a part of is an error and is not held; what stood before can still be read."""
    ran = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, check=False)
    assert ran.stderr.startswith(b"refused")
    assert ran.stderr.split()[2:] == [b"True", b"False"]
    assert [line["password"] for line in lines(path)] == ["first-1"]


# What holds a secret


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        ascii,
        "{}".format,
        "{0!r:>40}".format,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!s:>30}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - one of the ways
        lambda secret: repr([secret, {"x": (secret,)}]),
        lambda secret: str(ValueError(secret)),
        lambda secret: repr(vars(type(secret))),
        lambda secret: json.dumps({"x": secret}, default=str),
    ],
)
def test_a_secret_masks_itself(show: Callable[[Secret], str]) -> None:
    """However it is made into text, a secret shows nothing of itself."""
    assert CANARY not in show(Secret(CANARY))


@pytest.mark.parametrize(
    "open_up",
    [
        json.dumps,
        pickle.dumps,
        lambda secret: pickle.dumps([secret], protocol=0),
        copy.copy,
        copy.deepcopy,
        lambda secret: format(secret, ">20"),
        len,
        iter,
        vars,
        lambda secret: secret + "",
        lambda secret: CANARY in secret,
    ],
)
def test_a_secret_cannot_be_taken_apart(open_up: Callable[[Any], Any]) -> None:
    """JSON, pickling, copying and everything that works on text is an error, whose words do not show it."""
    with pytest.raises(TypeError) as caught:
        open_up(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_a_secret_is_revealed_on_request() -> None:
    """Only `reveal` opens it."""
    assert Secret(CANARY).reveal() == CANARY
