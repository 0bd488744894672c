"""The mixed plan, killed everywhere on a runner whose disk vanishes: a fresh clone and the remote ledger go on."""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.exhaustive import Share
from tests.ledger.git_branch.host import ALONE, BRANCH, Host, git, made, serving
from tests.parent import Ran, Running
from tests.process import TOKEN
from tests.reliability.killer import SEND, SWAP, Break
from tests.reliability.leaks import Secrets
from tests.reliability.mixed import BATCHED, FILE, GIVEN, assert_as_wanted, assert_no_blind_create
from tests.reliability.trial import APPLY, Lane, Trial, assert_each, lanes

PYRAGE: Any = pytest.importorskip("pyrage", reason="the extra `age` is not installed")


@dataclass(slots=True)
class Runner:
    """A machine for one run, and the remote ledger that it shares with the machines after it."""

    trial: Trial
    folder: Path
    ledger: str
    env: dict[str, str]
    identity: Path
    stored: Callable[[], bytes]
    cloned: Host | None = None

    def run(self, *arguments: str) -> Ran:
        """Run the command to its end, here."""
        return self.trial.killer.wait(self.start(*arguments))

    def start(self, *arguments: str, breaking: Break | None = None) -> Running:
        """Start the command."""
        own = {"AGENT_GIVEN": GIVEN, "RECONCILER_PARALLELISM": "4"}
        endpoint = {"RECONCILER_ENDPOINT": self.trial.box.url, "RECONCILER_TOKEN": TOKEN, "RECONCILER_RATE": "0"}
        env = {**self.env, **own, **endpoint, "RECONCILER_LEDGER": self.ledger, "CI": "true"}
        return self.trial.killer.start(self.folder, env, *arguments, breaking=breaking)

    def wipe(self) -> None:
        """The machine is gone, and another one has a fresh clone."""
        text = (self.folder / "agents.yaml").read_text()
        shutil.rmtree(self.folder)
        self.begin(text)

    def begin(self, text: str) -> None:
        """A machine with the file; where the ledger is on a branch, in a clone of the repository that it lies in."""
        if self.cloned is None:
            self.folder.mkdir(parents=True)
        else:
            git(self.folder.parent, "clone", "--quiet", "--depth=1", f"file://{self.cloned.folder}", str(self.folder))
            git(self.folder, "remote", "set-url", "origin", self.cloned.url)
        (self.folder / "agents.yaml").write_text(text)

    def apply(self) -> Ran:
        """A run on a fresh machine; a lock that a dead one has left is removed by its id first."""
        self.wipe()
        ran = self.run(*APPLY)
        if ran.code == 3 and (found := re.search(r"unlock --id (\w+)", ran.err)):
            assert self.run("ledger", "unlock", "--id", found[1]).code == 0
            ran = self.run(*APPLY)
        return ran

    def credentials(self) -> dict[str, dict[str, Any]]:
        """What the command reads beside the ledger, by agent."""
        ran = self.run("credentials", "--identity", str(self.identity), "--format", "json")
        assert ran.code == 0, ran.err
        return {each["operatorId"]: each for each in ran.json["credentials"]}

    def assert_passwords_are_known(self, *, recovered: bool) -> None:
        """Every agent has the password that it had before, or the one that is stored; so has every SIP number."""
        stored = self.credentials()
        for operator_id, agent in self.trial.box.store.agents().items():
            said = (stored.get(operator_id) or {}).get("password") or ""
            known = {self.trial.initial.get(operator_id), _digest(said), _digest(GIVEN)}
            # Until the run that died is gone on with: whoever held what it had not yet sent may have the old one.
            assert agent["password_md5"] in known or (operator_id in BATCHED and not recovered), operator_id
            if recovered and operator_id not in self.trial.initial and agent["sipNumber"]:
                assert stored[operator_id]["sipPassword"] == agent["sipPassword"], operator_id

    def assert_nothing_leaks(self) -> None:
        """No object of the repository or bucket, reachable or not, holds a secret, in any spelling."""
        known = {
            f"{name} of {id_}": each[name]
            for id_, each in self.credentials().items()
            for name in ("password", "sipPassword")
            if each[name]
        }
        content = self.stored()
        assert b"lineage" in content
        assert Secrets({"the token": TOKEN, "the given password": GIVEN, **known}).found(content) == []


def _digest(password: str) -> str:
    return hashlib.md5(password.encode()).hexdigest()


Machines = Callable[[Trial], Runner]


@pytest.fixture(scope="module")
def two_lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Lane]]:
    """Vendors and process parents of this module's own."""
    with lanes(tmp_path_factory.mktemp("wipe")) as opened:
        yield opened


@pytest.fixture(params=["folder", "http", "s3"])
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machines]:
    """Makes machines that share a ledger of their own: a bare repository, the same behind HTTP, a bucket."""
    numbers, identity = itertools.count(1), PYRAGE.x25519.Identity.generate()
    key = tmp_path / "key.txt"
    key.write_text(f"{identity}\n")
    with ExitStack() as stack:
        url, env = "", {}
        if request.param == "s3":
            pytest.importorskip("obstore", reason="the extra `remote` is not installed")
            pytest.importorskip("moto", reason="moto[server] is not installed")
            from tests.ledger.object_store.s3 import BUCKET, environment
            from tests.ledger.object_store.s3 import serving as serving_s3

            held = [stack.enter_context(serving_s3())]
            env = dict(environment(held[0].url))
        if request.param == "http":
            url, _ = stack.enter_context(serving(tmp_path / "host"))

        def machine(trial: Trial) -> Runner:
            name = f"{next(numbers)}-{secrets.token_hex(4)}"
            folder = tmp_path / "machines" / name
            folder.parent.mkdir(exist_ok=True)
            text = FILE.replace("agents:\n", f"recipients: [{identity.to_public()}]\nagents:\n", 1)
            if request.param == "s3":
                server = held[0]
                found = lambda: b"\n".join(server.get(each) or b"" for each in server.keys(name))  # noqa: E731
                runner = Runner(trial, folder, f"s3://{BUCKET}/{name}/ledger.json", env, key, found)
            else:
                host = made(tmp_path / "host" / name)
                host.put({"agents.yaml": text})
                host.git("branch", "main", BRANCH)
                host.git("update-ref", "-d", f"refs/heads/{BRANCH}")
                host.git("symbolic-ref", "HEAD", "refs/heads/main")
                host = replace(host, url=f"{url}/{name}" if url else host.url)
                runner = Runner(trial, folder, f"git+origin#{BRANCH}", dict(ALONE), key, host.objects, host)
            runner.begin(text)
            return runner

        yield machine


@pytest.mark.exhaustive(1)
def test_a_runner_that_dies_with_its_disk_loses_nothing(
    two_lanes: list[Lane], share: Share, machines: Machines
) -> None:
    """Killed before and after each request and each write of the ledger, and wiped: two runs, and all is as wanted.

    They run on fresh machines. Nobody is created twice, nobody is left with a password that nobody knows.
    """
    whole = machines(two_lanes[0].trial())
    started = whole.start(*APPLY, breaking=Break("kill"))
    assert whole.trial.killer.wait(started).code == 0
    trace = started.trace
    struck = [number for number, where in enumerate(trace, 1) if where.split()[1] in (SEND, SWAP)]
    assert len(struck) > 40

    def rule(trial: Trial, point: int) -> None:
        machine = machines(trial)
        started = machine.start(*APPLY, breaking=Break("kill", point))
        ended = trial.killer.wait(started)
        assert ended.code == -signal.SIGKILL, ended.err
        try:
            machine.wipe()
            if any("ledger.json" in each for each in trace[:point]):
                machine.assert_passwords_are_known(recovered=False)
            runs = [machine.apply()]
            if runs[-1].code != 0:
                runs.append(machine.apply())
            assert runs[-1].code == 0, runs[-1].out + runs[-1].err
            assert machine.run("plan", "--allow-replace", "--detailed-exitcode").code == 0
            assert_as_wanted(trial.box)
            assert_no_blind_create(trial.box)
            machine.assert_passwords_are_known(recovered=True)
            machine.assert_nothing_leaks()
        except AssertionError as error:
            raise AssertionError(f"killed {trace[point - 1]}: {error}") from None

    assert_each(two_lanes, share.of(struck, 60), rule)
