"""No secret leaks: every command x every fault x every way of telling, the log included, searched byte by byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.rules import KINDS
from reconciler.sandbox.server import Box, running
from tests.process import Ran, Workplace
from tests.reliability.leaks import Secrets, files, spellings

TOKEN = 'tOkn"+/=<\\&%~ui7Wq9-canary'
WRONG = 'wRng"+/=<\\&%~pz3Vb4-canary'
GIVEN = 'eNvp"密码+/\\=%<canary'
FILED = "fIlp 密'&\"<+canary"

LIVE: list[dict[str, Any]] = [
    {"operatorId": "8001", "name": "old", "sipNumber": "60001"},
    *({"operatorId": f"800{n}", "sipNumber": f"6000{n}"} for n in (2, 3, 4, 8, 9)),
    {"operatorId": "8005", "judge": 1, "sipNumber": "60005"},
]
FILE = """version: 1
company: {abbreviate: acme, companyId: 4242}
guardrails: {maxDeletes: 100%}
agents:
  - {operatorId: "8001", name: new, roleName: 客服, sipNumber: "60011"}
  - {operatorId: "8002", password: {env: AGENT_GIVEN, version: 1}}
  - {operatorId: "8003", password: {file: given-password, version: 1}}
  - {operatorId: "8004", password: {generate: true, version: 1}}
  - {operatorId: "8005", judge: false, password: {env: AGENT_GIVEN, version: 1}}
  - {operatorId: "8010", status: disabled, name: 新人}
  - {operatorId: "8011", password: {env: AGENT_GIVEN, version: 1}}
  - {operatorId: "8012", password: {file: given-password, version: 1}, sipNumber: "60012"}
"""


@dataclass(slots=True)
class Office:
    """A workplace whose every secret is a canary, and everything that its commands have said."""

    folder: Path
    box: Box
    said: dict[str, bytes] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    _asked: int = 0

    @property
    def place(self) -> Workplace:
        """How to run a command here."""
        env = {
            "RECONCILER_TOKEN": TOKEN,
            "RECONCILER_TIMEOUT": "0.5",
            "AGENT_GIVEN": GIVEN,
            "TMPDIR": str(self.folder / "t"),
            "RECONCILER_VERBOSE": "2",
            "RECONCILER_LOG_FORMAT": ("text", "json")[self._asked % 2],
        }
        return Workplace(self.folder, self.box.url, env)

    @property
    def inputs(self) -> list[Path]:
        """The files that hold a secret because somebody put it there."""
        return [self.folder / "given-password", self.folder / "given-token"]

    def begin(self) -> None:
        """The live agents, the file, and the files that secrets come from."""
        self.box.faults([])
        self.box.store.reset(LIVE)
        (self.folder / "t").mkdir()
        self.place.write(FILE)
        for path, secret in zip(self.inputs, (FILED, TOKEN), strict=True):
            path.touch(mode=0o600)
            path.write_text(secret + "\n", encoding="utf-8")

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """One command; what it says is kept."""
        ran = self.place.run(*arguments, env=env)
        self.hear(" ".join(arguments), ran.out.encode() + ran.err.encode())
        return ran

    def hear(self, command: str, said: bytes) -> None:
        """Keep what a command said."""
        self._asked += 1
        self.said[f"{self._asked}: {command}"] = said

    def together(self, *commands: str) -> None:
        """Several commands that only look, at once."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda command: self.run(*command.split()), commands))

    @property
    def told(self) -> str:
        """All that was said."""
        return b"".join(self.said.values()).decode()

    def credentials(self) -> list[Path]:
        """The files that may hold passwords."""
        return sorted((self.folder / ".reconciler").rglob("credentials-*.jsonl"))

    def secrets(self) -> Secrets:
        """Every secret that there is here, those included that were made on the way."""
        known = Secrets({"the token": TOKEN, "the wrong token": WRONG})
        known.delivered = {"the password from env": GIVEN, "the password from a file": FILED, **self.more}
        for path in self.credentials():
            for line in filter(None, path.read_text(encoding="utf-8").split("\n")):
                said = json.loads(line)
                for name in ("password", "sipPassword"):
                    if said[name] is not None:
                        known.delivered[f"{name} of {said['operatorId']} ({said[name][:3]}…)"] = said[name]
        for operator_id, agent in self.box.store.agents().items():
            if agent["sipPassword"]:
                known.delivered[f"SIP password of live {operator_id}"] = agent["sipPassword"]
        return known

    def assert_silent(self) -> None:
        """No secret was said or written where it must not be, and no file that may hold one is open to others."""
        secrets, delivered = self.secrets(), self.credentials()
        written = files(self.folder, self.inputs)
        others = {str(path): data for path, data in written.items() if path not in delivered}
        assert secrets.found_in(self.said | others) == []
        assert secrets.found_in({str(path): written[path] for path in delivered}, credentials=True) == []
        own = [path for path in written if ".reconciler" in path.parts and path.name != ".gitignore"]
        assert [path for path in own if path.stat().st_mode & 0o077] == []


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox that accepts the canary token alone."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box
        box.faults([])


@pytest.fixture
def office(tmp_path: Path, vendor: Box) -> Office:
    """A new office."""
    made = Office(tmp_path, vendor)
    made.begin()
    live = vendor.store.agents()
    made.more = {f"SIP password of old {id_}": agent["sipPassword"] for id_, agent in live.items()}
    return made


TOLD: dict[str, dict[str, Any]] = {
    "hang": {"seconds": 3}, "hang-after": {"seconds": 3}, "late": {"seconds": 1}, "429": {"retryAfter": 0},
    "refuse": {"quote": True}, "ignore": {"field": "password"}, "limit-list": {"max": 1}, "slow": {"seconds": 0.02},
    "drip": {"seconds": 0.02}, "move": {"how": "insert"}, "status": {"status": 403}, "drip-head": {"seconds": 0.02},
    "refuse-after": {"quote": "texts"}, "licence": {"max": 3}, "stale": {"requests": 2},
    "stranger": {"does": "any", "agents": ["8001", "9001"], "values": {"name": "x"}},
}  # fmt: skip
"""What each kind of fault must be told beside where it strikes."""

ELSEWHERE = {
    "limit-list": "del/v2", "move": "page", "ignore": "writes", "ignore-all": "writes", "refuse-after": "writes",
    "licence": "create/v2", "empties": "edit/v2", "partial-batch": "create/v2", "another-first": "create/v2",
    "stale": "reads",
}  # fmt: skip

UNSEEN = ("stranger", "partial-batch")
APPLY = ("apply", "--auto-approve", "--allow-replace", "--events", "events.jsonl")


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("fault", KINDS)
def test_whatever_goes_wrong(office: Office, fault: str) -> None:
    """Reads and writes go wrong in every way: what the commands say and write holds no secret."""
    rule = {"fault": fault, **TOLD.get(fault, {})}
    some = {**rule, "calls": "all" if fault == "limit-list" else {"every": 2}}
    office.box.faults([{"endpoint": ELSEWHERE.get(fault, "reads"), **some}])
    form, other = sorted(("text", "json"), reverse=list(KINDS).index(fault) % 2 == 0)
    office.run("plan", "--format", form, "--output", "plan.out")
    office.box.faults([{"endpoint": ELSEWHERE.get(fault, "*"), **some}])
    office.run(*APPLY, "--format", "json")
    office.box.faults([{"endpoint": ELSEWHERE.get(fault, "writes"), **rule}])
    office.run(*APPLY)
    office.together(f"status --format {other}", "ledger adopt 8001")
    # A stranger is no fault of an answer, and here nobody is created together.
    assert fault in UNSEEN or fault in {attempt.fault for attempt in office.box.store.attempts()}
    office.assert_silent()


@pytest.mark.parametrize("endpoint", ["create/v2", "edit/v2", "del/v2", "editPwd", "one/v2", "page"])
def test_a_vendor_that_quotes_what_it_was_sent(office: Office, endpoint: str) -> None:
    """The refusal repeats every text of the body and the token: the words come through, the secrets do not."""
    office.box.faults([{"endpoint": endpoint, "fault": "refuse", "quote": True, "msg": "你说了"}])
    ran = office.run(*APPLY)
    office.run(*APPLY, "--format", "json")
    office.together("status", "status --format json")
    office.assert_silent()
    if endpoint != "one/v2":
        assert ran.code in (1, 4)
        assert "你说了: acme" in ran.out + ran.err


@pytest.mark.parametrize("length", [452, 474], ids=["in the token", "in the password"])
def test_a_quote_that_is_cut(office: Office, length: int) -> None:
    """A message too long to be shown whole is not cut in the middle of a secret, which then nobody would know."""
    head, _ = FILE.split("  - ", 1)
    name = "x" * length
    office.place.write(f'{head}  - {{operatorId: "8010", name: {name}, password: {{generate: true, version: 1}}}}\n')
    office.box.faults([{"endpoint": "create/v2", "fault": "refuse", "quote": True, "msg": "."}])
    ran = office.run(*APPLY)
    assert ran.code == 4
    assert f".: acme 8010 {name[:400]}" in ran.out
    office.assert_silent()


def test_commands_that_need_no_vendor(office: Office) -> None:
    """Whatever a command tells about itself or about the file, the environment's secrets are not in it."""
    office.run(*APPLY)
    office.together("--version", "--help", "apply --help", "schema", "validate", "validate --format json")
    office.together("ledger show", "ledger show --format json", "plan --no-such-flag", "apply --rate x", "no-such")
    assert len(office.said) == 12
    office.assert_silent()


def test_only_credentials_prints_passwords(office: Office) -> None:
    """`credentials` is there to show passwords, and shows no token and no hash."""
    office.run(*APPLY)
    office.assert_silent()
    (path,) = office.credentials()
    for form in ("text", "json"):
        ran = office.place.run("credentials", str(path), "--format", form)
        assert office.secrets().found((ran.out + ran.err).encode(), credentials=True) == []
        assert any(spelling in ran.out.encode() for spelling in spellings(FILED))


def test_a_wrong_token(office: Office) -> None:
    """A token that the vendor does not accept is shown no more than the right one."""
    wrong = {"RECONCILER_TOKEN": WRONG}
    for command in ("plan", "plan --format json", "apply -y", "apply -y --format json", "ledger adopt"):
        assert office.run(*command.split(), env=wrong).code == 1
    office.assert_silent()


def test_a_token_from_a_file(office: Office) -> None:
    """The same holds for a token file: one that is too open, one of two, and one that is taken for a password."""
    alone = {"RECONCILER_TOKEN": "", "RECONCILER_TOKEN_FILE": str(office.inputs[1])}
    assert office.run("plan", env=alone).code in (0, 3)
    assert office.run("plan", "--token-file", str(office.inputs[1])).code == 64
    office.place.write(FILE.replace("given-password", "given-token"))
    assert office.run(*APPLY, env=alone).code == 1
    assert office.run(*APPLY, "--format", "json", env=alone).code == 1
    office.inputs[1].chmod(0o644)
    assert office.run("plan", env=alone).code == 64
    office.assert_silent()


def test_passwords_that_cannot_be_used(office: Office) -> None:
    """One too long, one of two lines, one missing: the message says which, and not what it was."""
    long = {"a long password": "lOngp-" + "0123456789abcdef" * 3}
    lines = {"a password of two lines": "tWolines\nofcanary88"}
    office.more |= {**long, **lines}
    for secret in (*long.values(), *lines.values()):
        assert office.run(*APPLY, env={"AGENT_GIVEN": secret}).code == 1
        assert office.run(*APPLY, "--format", "json", env={"AGENT_GIVEN": secret}).code == 1
    office.inputs[0].unlink()
    assert office.run(*APPLY, env={"AGENT_GIVEN": ""}).code == 1
    assert office.box.store.history() == []
    office.assert_silent()


def test_books_that_are_damaged(office: Office) -> None:
    """Ledger, journal and credentials that are damaged are refused without a word of what is in them."""
    office.run(*APPLY)
    (folder,) = (office.folder / ".reconciler").glob("127*")
    (credentials,) = office.credentials()
    for name in ("ledger.json", "journal.jsonl"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 3].replace(b"format", b"tamrof"))
        office.together("plan", "plan --format json", "status", "ledger show", "ledger adopt")
        office.run(*APPLY)
        (folder / name).write_bytes(whole)
    damaged = office.folder / "credentials-damaged"
    damaged.touch(mode=0o600)
    damaged.write_bytes(b"no credential\n" + credentials.read_bytes())
    ran = office.run("credentials", str(damaged))
    damaged.unlink()
    assert ran.code == 1
    office.assert_silent()


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("blocks", [1, 2])
def test_a_disk_that_is_full(office: Office, blocks: int) -> None:
    """No file may grow beyond a limit: whatever can still be said and written holds no secret."""
    command = f'ulimit -f {blocks}; exec "$0" -m reconciler "$@"'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, *APPLY],
        cwd=office.folder, env=office.place.environment(), capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    office.hear("apply on a full disk", done.stdout + done.stderr)
    assert done.returncode in (1, 4)
    office.run("status")
    office.assert_silent()
    assert office.run(*APPLY).code == 0
    office.assert_silent()


def test_places_that_cannot_be_written(office: Office) -> None:
    """Results, events and credentials that have nowhere to go."""
    for arguments in (("--events", "no/such/file"), ("--credentials", "t"), ("--ledger", "t")):
        assert office.run("apply", "-y", "--allow-replace", *arguments).code in (1, 3)
    assert office.run("plan", "--output", "no/such/file").code == 1
    assert office.box.store.history() == []
    office.assert_silent()


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_apply_that_is_stopped(office: Office, number: signal.Signals, form: str) -> None:
    """Interrupted or killed in the middle: neither its arguments, nor what it left behind, nor the next run leak."""
    office.box.faults([{"endpoint": "writes", "fault": "slow", "seconds": 0.2}])
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", *APPLY, "--format", form],
        cwd=office.folder, env=office.place.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        while len(office.box.store.history()) < 3 and process.poll() is None:
            office.hear("arguments", Path(f"/proc/{process.pid}/cmdline").read_bytes())
            time.sleep(0.01)
        process.send_signal(number)
        said, complained = process.communicate(timeout=60)
    assert any(b"--events" in said for said in office.said.values())
    office.hear("apply", said + complained)
    assert process.returncode in (130, -signal.SIGKILL)
    office.box.faults([])
    office.together("status", "status --format json", "plan --allow-replace")
    office.assert_silent()
    assert office.run(*APPLY).code == 0
    office.assert_silent()


def test_on_a_terminal(office: Office) -> None:
    """With colours, a progress bar and a question: a person sees no more than a pipe does."""
    office.box.faults([{"endpoint": "*", "fault": "slow", "seconds": 0.3}])
    ours, theirs = os.openpty()
    environment = {name: value for name, value in office.place.environment().items() if name not in ("CI", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "--allow-replace", "--parallelism", "1"],
        cwd=office.folder, env={**environment, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while b"Only 'yes' goes on" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, b"yes\n")
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
    os.close(ours)
    assert process.returncode == 0
    assert b"\x1b[" in shown
    office.hear("apply on a terminal", shown)
    office.assert_silent()


def test_the_search_finds_what_it_looks_for(office: Office) -> None:
    """The searcher itself: each secret is found in each spelling, also in the middle of something, and cut."""
    office.run(*APPLY)
    secrets = office.secrets()
    assert len(secrets.delivered) > 12
    for name, secret in {**secrets.hidden, **secrets.delivered}.items():
        for form in (*spellings(secret), secret[:12].encode(), secret[-12:].encode()):
            assert name in secrets.found(b"xy" + form + b"z"), (name, form)
