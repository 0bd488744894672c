"""`reconciler credentials` as a process; the exit code is always asserted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.core.model.secret import Secret
from reconciler.credentials.delivery import CredentialsFile
from tests.process import Ran, Workplace

from .keys import CANARY, Key, age_key, morning, needs_ssh, sealed_file, ssh_key, write

AT = "2026-11-22T10:00:00Z"


def line(operator_id: str, **values: str | None) -> str:
    """A line of a credentials file."""
    empty = dict.fromkeys(("password", "sipNumber", "sipPassword"))
    return json.dumps({"operatorId": operator_id, **empty, "at": AT, **values}, ensure_ascii=False) + "\n"


@pytest.fixture
def key(offline: Workplace) -> Key:
    """Whom encrypted files are for."""
    return age_key(offline.folder)


@pytest.fixture
def sealed(offline: Workplace, key: Key) -> Path:
    """An encrypted file, finished."""
    path = offline.folder / "out.age"
    file = sealed_file(path, key.recipient)
    write(file, range(3))
    file.close()
    return path


@pytest.fixture
def unfinished(offline: Workplace, key: Key) -> Path:
    """An encrypted file as a killed run leaves it."""
    path = offline.folder / "unfinished.age"
    write(sealed_file(path, key.recipient), range(3))
    return path


def plain(place: Workplace, text: str) -> Path:
    """A plain credentials file."""
    path = place.write(text, "credentials.jsonl")
    path.chmod(0o600)
    return path


def assert_failed(ran: Ran, words: str) -> None:
    """Exit 1, nothing on stdout, the reason on stderr, and nothing of any content."""
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err
    assert CANARY not in ran.err
    assert "WRONG" not in ran.err
    assert "QQQQ" not in ran.err.upper()


def test_the_table(offline: Workplace) -> None:
    """The latest of each agent, sorted by operatorId, in columns that hold Chinese too; "-" is not changed."""
    text = (
        line("8002", password="密码密码密码") + line("8001", password="old-password") + line("8001", password="new-pw")
    )
    plain(offline, text + line("8001", sipNumber="60001", sipPassword="sip-pw-1"))
    ran = offline.run("credentials", "credentials.jsonl")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "operatorId  password      sipNumber  sipPassword  at",
        "8001        new-pw        60001      sip-pw-1     2026-11-22T10:00:00Z",
        "8002        密码密码密码  -          -            2026-11-22T10:00:00Z",
    ]


def test_the_document(offline: Workplace) -> None:
    """`--format json` prints one document; a later line completes an earlier one, and null never overwrites."""
    later = "2026-11-22T11:00:00Z"
    text = line("8001", password="first-pw", sipNumber="60001", sipPassword="sip-1")
    plain(offline, text + line("8001", password="second-pw", at=later))
    ran = offline.run("credentials", "credentials.jsonl", "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    known = {"operatorId": "8001", "password": "second-pw", "sipNumber": "60001", "sipPassword": "sip-1", "at": later}
    assert ran.json == {"credentials": [known]}


def test_the_table_to_hand_over(offline: Workplace) -> None:
    """`--format csv` opens in a spreadsheet, and nothing in it is run or loses a digit there."""
    plain(offline, line("8001", password="=1+1") + line("8002", password="007", sipNumber="60001"))
    ran = offline.run("credentials", "credentials.jsonl", "--format", "csv")
    heading, first, second = ran.out.removeprefix("\ufeff").split()
    assert (ran.code, ran.out[0], heading) == (0, "\ufeff", "operatorId,password,sipNumber,sipPassword,at")
    assert first.startswith("8001,'=1+1,,,")
    assert second.startswith("8002,'007,60001,,")


def test_whoever_hands_over_sees_the_names(offline: Workplace) -> None:
    """Both tables have the names of the files, which cannot become formulas; an agent of no file has none."""
    agents = '[{operatorId: "8001", name: "=cmd|x"}, {operatorId: "8002", name: 张三}]'
    offline.write(f"version: 1\ncompany: {{abbreviate: acme}}\nagents: {agents}\n")
    plain(offline, line("8001", password="pw-one") + line("8002", password="pw-two") + line("8003", password="pw-3"))
    ran = offline.run("credentials", "credentials.jsonl", "--format", "csv")
    rows = [row.split(",") for row in ran.out.removeprefix("\ufeff").splitlines()]
    assert (ran.code, ran.err) == (0, "")
    assert [row[:3] for row in rows] == [
        *(["operatorId", "name", "password"], ["8001", "'=cmd|x", "pw-one"]),
        *(["8002", "张三", "pw-two"], ["8003", "", "pw-3"]),
    ]
    text = offline.run("credentials", "credentials.jsonl", "8002", "8003").out.splitlines()
    assert [row.split()[:3] for row in text[1:]] == [["8002", "张三", "pw-two"], ["8003", "-", "pw-3"]]


def test_without_names_the_passwords_are_still_shown(offline: Workplace) -> None:
    """Files with problems keep nobody from their password: the names are left out, and that is said."""
    offline.write("version: 1\n")
    plain(offline, line("8001", password="pw-one"))
    ran = offline.run("credentials", "credentials.jsonl")
    assert (ran.code, ran.out.split()[:2]) == (0, ["operatorId", "password"])
    assert ran.err == "warning: the names are left out: 1 problem in the desired state\n"


def test_what_would_act_on_a_terminal_is_written_out(offline: Workplace) -> None:
    """A control character of the vendor's never reaches the terminal; JSON holds the value itself."""
    plain(offline, line("8001", sipNumber="60001", sipPassword="a\x1b[2Jb"))
    assert "a\\x1b[2Jb" in offline.run("credentials", "credentials.jsonl").out
    ran = offline.run("credentials", "credentials.jsonl", "--format", "json")
    assert ran.code == 0
    assert ran.json["credentials"][0]["sipPassword"] == "a\x1b[2Jb"


@pytest.mark.parametrize("name", ["sealed", "unfinished"])
def test_an_encrypted_file(offline: Workplace, key: Key, name: str, request: pytest.FixtureRequest) -> None:
    """A finished file and one that a killed run left print the same."""
    path: Path = request.getfixturevalue(name)
    ran = offline.run("credentials", path.name, "--identity", "key.txt", "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    assert [found["operatorId"] for found in ran.json["credentials"]] == ["8000", "8001", "8002"]
    assert [found["password"] for found in ran.json["credentials"]] == [f"{CANARY}{number}" for number in range(3)]


@needs_ssh
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_an_ssh_key(offline: Workplace, kind: str) -> None:
    """`--identity` takes an SSH private key as well."""
    key = ssh_key(offline.folder, kind)
    write(sealed_file(offline.folder / "out.age", key.recipient), range(1))
    ran = offline.run("credentials", "out.age", "--identity", str(key.identity))
    assert ran.code == 0
    assert f"{CANARY}0" in ran.out


def test_an_identity_file_of_several(offline: Workplace, sealed: Path, key: Key) -> None:
    """An identity file may hold comments, blank lines, Windows line ends, and more than one identity."""
    other = age_key(offline.folder, "other.txt").identity.read_text()
    both = f"# 我的密钥\n\n{other}{key.identity.read_text()}".replace("\n", "\r\n")
    (offline.folder / "both.txt").write_bytes(both.encode())
    ran = offline.run("credentials", sealed.name, "--identity", "both.txt")
    assert ran.code == 0
    assert f"{CANARY}0" in ran.out


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_plain_file_that_others_read(offline: Workplace, mode: int) -> None:
    """It is shown, with a warning beside it that says how to mend it."""
    plain(offline, line("8001", password="password-1")).chmod(mode)
    ran = offline.run("credentials", "credentials.jsonl")
    assert ran.code == 0
    assert "password-1" in ran.out
    assert "chmod 600 credentials.jsonl" in ran.err


def test_an_encrypted_file_may_be_read_by_others(offline: Workplace, sealed: Path) -> None:
    """To whom it is not encrypted it says nothing, so there is no warning."""
    sealed.chmod(0o644)
    ran = offline.run("credentials", sealed.name, "--identity", "key.txt")
    assert (ran.code, ran.err) == (0, "")


def test_a_torn_record(offline: Workplace, unfinished: Path) -> None:
    """A record that a kill cut off is told on stderr, and the others are shown."""
    unfinished.write_bytes(unfinished.read_bytes()[:-100])
    ran = offline.run("credentials", unfinished.name, "--identity", "key.txt", "--format", "json")
    assert ran.code == 0
    assert "cut off" in ran.err
    assert [found["operatorId"] for found in ran.json["credentials"]] == ["8000", "8001"]


def test_a_torn_line(offline: Workplace) -> None:
    """A plain line cut at any byte is told on stderr, and the others are shown."""
    first, second = line("8001", password="password-1"), line("8002", password="password-2")
    for length in (1, 20, len(second) - 2):
        plain(offline, first + second[:length])
        ran = offline.run("credentials", "credentials.jsonl", "--format", "json")
        assert ran.code == 0
        assert "cut off" in ran.err
        assert [found["operatorId"] for found in ran.json["credentials"]] == ["8001"]


def test_a_torn_line_spoils_no_other(offline: Workplace) -> None:
    """What a later run adds to a plain file with a torn end is a line of its own, and both runs' lines are read."""
    first, torn = line("8001", password="password-1"), line("8002", password="password-2")[:40]
    file = CredentialsFile(plain(offline, first + torn), morning)
    file.write("8003", Secret("password-3"))
    file.close()
    ran = offline.run("credentials", "credentials.jsonl", "--format", "json")
    assert ran.code == 0
    assert "a record that was cut off" in ran.err
    assert [found["operatorId"] for found in ran.json["credentials"]] == ["8001", "8003"]


def test_an_empty_file(offline: Workplace) -> None:
    """A file without credentials is no error, and JSON is still one document."""
    plain(offline, "")
    ran = offline.run("credentials", "credentials.jsonl")
    assert (ran.code, ran.out) == (0, "")
    assert "no credentials" in ran.err
    assert offline.run("credentials", "credentials.jsonl", "--format", "json").json == {"credentials": []}


def test_wrong_identity(offline: Workplace, sealed: Path, unfinished: Path) -> None:
    """Another key opens nothing and shows nothing."""
    age_key(offline.folder, "other.txt")
    for path in (sealed, unfinished):
        assert_failed(offline.run("credentials", path.name, "--identity", "other.txt"), "do not open with other.txt")


@pytest.mark.parametrize("at", [3, 30, 150, 230, -40, -1])
def test_a_damaged_file(offline: Workplace, sealed: Path, at: int) -> None:
    """One changed bit anywhere in a finished file, and nothing of it is shown."""
    data = bytearray(sealed.read_bytes())
    data[at] ^= 1
    sealed.write_bytes(data)
    ran = offline.run("credentials", sealed.name, "--identity", "key.txt")
    assert_failed(ran, "damaged")


@pytest.mark.parametrize("cut", [1, 100, 250])
def test_a_finished_file_that_was_cut(offline: Workplace, sealed: Path, cut: int) -> None:
    """A finished file is whole or it is damaged: what is left of it is not shown."""
    sealed.write_bytes(sealed.read_bytes()[:-cut])
    assert_failed(offline.run("credentials", sealed.name, "--identity", "key.txt"), "damaged")


@pytest.mark.parametrize(
    "text",
    [
        "agents:\n  - operatorId: canary-pw-1\n",
        '["canary-pw-1"]\n',
        '{"operatorId": "8001"}\n',
        '{"operatorId": 8001, "password": "canary-pw-1", "sipNumber": null, "sipPassword": null, "at": null}\n',
        line("8001", password="canary-pw-1") + "canary-pw-2\n",
        line("8001", password="canary-pw-1").replace("null", "1"),
    ],
)
def test_no_credentials_file(offline: Workplace, text: str) -> None:
    """Something else, or a line that no run wrote, is an error that names the line and shows nothing of it."""
    plain(offline, text)
    assert_failed(offline.run("credentials", "credentials.jsonl"), "cannot be understood")


def test_a_file_that_is_not_there(offline: Workplace) -> None:
    """A missing file and a folder are errors that say so."""
    assert_failed(offline.run("credentials", "missing.jsonl"), "No such file")
    assert_failed(offline.run("credentials", "."), "Is a directory")


def test_no_identity(offline: Workplace, sealed: Path) -> None:
    """An encrypted file without `--identity` says what is missing."""
    assert_failed(offline.run("credentials", sealed.name), "--identity")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("", "holds no identity"),
        ("# only a comment\n", "holds no identity"),
        (f"{'age1' + 'q' * 58}\n", "line 1 of the identity file"),
        ("# one\nAGE-SECRET-KEY-1WRONG\n", "line 2 of the identity file"),
        ("\udcff\udcfe", "line 1 of the identity file"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "the SSH key"),
    ],
)
def test_an_unusable_identity(offline: Workplace, sealed: Path, text: str | None, words: str) -> None:
    """An identity file that is missing, empty or something else is an error that shows nothing of it."""
    if text is not None:
        (offline.folder / "mine.txt").write_bytes(text.encode(errors="surrogateescape"))
    assert_failed(offline.run("credentials", sealed.name, "--identity", "mine.txt"), words)


@needs_ssh
def test_an_ssh_key_with_a_passphrase(offline: Workplace, sealed: Path) -> None:
    """A key that needs a passphrase is refused, and the reason is said."""
    locked = ssh_key(offline.folder, "ed25519", "correct horse")
    assert_failed(offline.run("credentials", sealed.name, "--identity", str(locked.identity)), "passphrase")


def test_an_error_as_json(offline: Workplace, sealed: Path) -> None:
    """With `--format json` an error is the one document, as everywhere."""
    age_key(offline.folder, "other.txt")
    ran = offline.run("credentials", sealed.name, "--identity", "other.txt", "--format", "json")
    assert ran.code == 1
    assert (ran.json["exit_code"], "do not open" in ran.json["error"]["message"]) == (1, True)


def test_without_pyrage(offline: Workplace, sealed: Path) -> None:
    """Where the extra is not installed, an encrypted file says what to install, and a plain one is read."""
    hidden = offline.folder / "hidden"
    hidden.mkdir()
    (hidden / "pyrage.py").write_text("raise ModuleNotFoundError('No module named pyrage')\n")
    without = {"PYTHONPATH": str(hidden)}
    ran = offline.start_and_run("credentials", sealed.name, "--identity", "key.txt", env=without)
    assert_failed(ran, "zuoxi-reconciler[age]")
    plain(offline, line("8001", password="password-1"))
    assert offline.start_and_run("credentials", "credentials.jsonl", env=without).code == 0


# Several files, and those of the default folder


def stored(place: Workplace, time: str, text: str, folder: str = "127.0.0.1_1") -> Path:
    """A credentials file as an apply at that time leaves it beside the ledger."""
    path = place.folder / ".reconciler" / folder / f"credentials-{time}.jsonl"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


MORNING, NOON = "2026-11-22T08:00:00Z", "2026-11-22T12:00:00Z"


def passwords(ran: Ran) -> dict[str, str]:
    """The passwords of a document."""
    return {each["operatorId"]: each["password"] for each in ran.json["credentials"]}


def test_those_of_the_default_folder(offline: Workplace) -> None:
    """Without a file those of all runs, where the latest line of an agent wins; with ids only theirs."""
    stored(offline, "20261122T120000Z", line("8001", password="new-pw-1", at=NOON))
    stored(offline, "20261122T080000Z", line("8001", password="old-pw-1") + line("8002", password="the-pw-2"))
    every = offline.run("credentials", "--format", "json")
    assert (every.code, every.err) == (0, "")
    assert passwords(every) == {"8001": "new-pw-1", "8002": "the-pw-2"}
    assert passwords(offline.run("credentials", "8002", "--format", "json")) == {"8002": "the-pw-2"}
    absent = offline.run("credentials", "8002", "8009", "--format", "json")
    assert (absent.code, passwords(absent), absent.err) == (1, {"8002": "the-pw-2"}, "no credentials of 8009\n")
    none = offline.run("credentials", "8009")
    assert (none.code, none.out) == (1, "")
    assert "no credentials of 8009" in none.err


def ledger(entries: Mapping[str, object]) -> str:
    """A ledger on disk."""
    head = {"format": "reconciler.ledger/1", "company": "acme", "lineage": "1", "serial": 1, "run": "r"}
    return json.dumps({**head, "agents": entries})


def test_a_password_in_doubt_is_marked(offline: Workplace) -> None:
    """What the ledger doubts is marked in every format, and named; without a password there is nothing to doubt."""
    lines = "".join(line(id_, password=f"the-pw-{id_[-1]}") for id_ in ("8001", "8002", "8003"))
    path = stored(offline, "20261122T080000Z", lines)
    doubts = {"8002": {"inDoubt": "author"}, "8003": {"unsure": True}, "8004": {"unsure": True}, "8001": {}}
    path.with_name("ledger.json").write_text(ledger(doubts), encoding="utf-8")
    ran = offline.run("credentials", "--format", "json")
    marked = {each["operatorId"]: each.get("inDoubt", False) for each in ran.json["credentials"]}
    assert (ran.code, marked) == (0, {"8001": False, "8002": True, "8003": True})
    assert "of 2 agents (8002, 8003) nothing shows that the password is true" in ran.err
    rows = [row.split(",") for row in offline.run("credentials", "--format", "csv").out.splitlines()]
    assert [row[-1] for row in rows] == ["inDoubt", "", "yes", "yes"]
    assert offline.run("credentials", "8001").err == ""


def test_books_that_cannot_be_read_keep_nobody_from_a_password(offline: Workplace) -> None:
    """A damaged ledger is told of, and the passwords are shown."""
    path = stored(offline, "20261122T080000Z", line("8001", password="the-pw-1"))
    path.with_name("ledger.json").write_text("{", encoding="utf-8")
    ran = offline.run("credentials", "--format", "json")
    assert (ran.code, passwords(ran)) == (0, {"8001": "the-pw-1"})
    assert "nothing shows which passwords are in doubt: the ledger" in ran.err


@pytest.mark.parametrize("names", [("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")])
def test_several_files(offline: Workplace, names: tuple[str, str]) -> None:
    """The latest line wins in whatever order files are named, and what it does not say is taken from another one."""
    sip = line("8001", sipNumber="60001", sipPassword="sip-1", at=MORNING) + line("8002", password="pw-2-2-2-2")
    for name, text in (("a.jsonl", line("8001", password="old-pw-1", at=MORNING) + sip),
                       ("b.jsonl", line("8001", password="new-pw-1", at=NOON))):  # fmt: skip
        offline.write(text, name).chmod(0o600)
    ran = offline.run("credentials", *names, "8001", "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    found = {"operatorId": "8001", "password": "new-pw-1", "sipNumber": "60001", "sipPassword": "sip-1", "at": NOON}
    assert ran.json["credentials"] == [found]


def test_order_counts_whatever_the_clock_did(offline: Workplace) -> None:
    """A clock that was set back makes no older password win, within a file and in the files beside the ledger."""
    text = line("8001", password="old-pw-1", at=NOON) + line("8001", password="new-pw-1", at=MORNING)
    stored(offline, "20261122T120000Z", text + line("8002", password="old-pw-2", at=NOON))
    path = stored(offline, "20261122T120001Z", line("8002", password="new-pw-2", at=MORNING))
    found = {"8001": "new-pw-1", "8002": "new-pw-2"}
    assert passwords(offline.run("credentials", "--format", "json")) == found
    alone = offline.run("credentials", str(path.with_name("credentials-20261122T120000Z.jsonl")), "--format", "json")
    assert passwords(alone) == {**found, "8002": "old-pw-2"}


def test_files_of_the_folder_for_other_keys(offline: Workplace, key: Key) -> None:
    """What is for another key is left out, and told; where no key is given, or none opens, that is an error."""
    stored(offline, "20261122T080000Z", line("8009", password="plain-pw-9"))
    folder = offline.folder / ".reconciler/127.0.0.1_1"
    for name, recipient in (("1", key.recipient), ("2", age_key(offline.folder, "other.txt").recipient)):
        file = sealed_file(folder / f"credentials-2026112{name}T100000Z.jsonl.age", recipient)
        write(file, range(int(name), int(name) + 1))
        file.close()
    ran = offline.run("credentials", "--identity", "key.txt", "--format", "json")
    assert ran.code == 0
    assert sorted(passwords(ran)) == ["8001", "8009"]
    assert ran.err.count("is left out: the credentials do not open") == 1
    assert_failed(offline.run("credentials"), "--identity")


def test_an_empty_default_folder(offline: Workplace) -> None:
    """A folder without credentials says so; where several vendors have books, the one that is meant is asked for."""
    ran = offline.run("credentials")
    assert (ran.code, ran.out) == (0, "")
    assert "holds no credentials" in ran.err
    for folder in ("one", "two"):
        stored(offline, "20261122T080000Z", "", folder).with_name("ledger.json").write_text("{}")
    assert offline.run("credentials", env={"RECONCILER_ENDPOINT": ""}).code == 64
