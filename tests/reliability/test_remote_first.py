"""With a remote ledger nothing is sent before what must not be lost lies there: intents, and passwords, sealed."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.desired import Company
from reconciler.ledger.books import Books, remote_run
from reconciler.ledger.git_branch import GitBranch
from reconciler.ledger.journal import RunRecord
from reconciler.ledger.ledger import Ledger
from reconciler.ledger.remote import RemoteStore
from reconciler.sandbox.server import Box, running
from tests.ledger.git_branch.host import ALONE, BRANCH, Host, made
from tests.process import Workplace
from tests.reliability.killer import Killer
from tests.sandbox.wire import until

PYRAGE: Any = pytest.importorskip("pyrage", reason="the extra `age` is not installed")

IDENTITY = PYRAGE.x25519.Identity.generate()
HEAD = f"version: 1\ncompany: {{abbreviate: acme, companyId: 4242}}\nrecipients: [{IDENTITY.to_public()}]\nagents:\n"
OPEN = HEAD.replace(f"recipients: [{IDENTITY.to_public()}]\n", "")
AGENTS = """\
  - {operatorId: "8001", name: 张三, password: {generate: true, version: 1}}
  - {operatorId: "8002", name: 李四}
  - {operatorId: "8003", name: 王五, roleName: 客服}
"""
LIVE: list[dict[str, Any]] = [{"operatorId": "8003", "name": "old"}]
REJECT_FROM = """\
count=$(($(cat {count} 2>/dev/null || echo 0) + 1)); echo $count > {count}
[ $count -lt {number} ] || {{ echo 'no more' >&2; exit 1; }}"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """The remote."""
    return made(tmp_path / "books.git")


@pytest.fixture
def here(place: Workplace, box: Box, host: Host) -> Workplace:
    """A machine whose ledger is on a branch."""
    box.store.reset(LIVE)
    place.env |= {**ALONE, "RECONCILER_LEDGER": host.named}
    place.write(HEAD + AGENTS)
    return place


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Whoever may read the credentials."""
    path = tmp_path / "key.txt"
    path.write_text(f"{IDENTITY}\n")
    return path


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    """What starts processes that die."""
    with Killer(tmp_path_factory.mktemp("logs")) as made_here:
        yield made_here


def killed(here: Workplace, box: Box, killer: Killer, endpoint: str = "writes", done: int = 0) -> None:
    """A run that is killed while the vendor keeps its first write waiting, after so many others were `done`."""
    box.faults([{"endpoint": endpoint, "fault": "hang", "calls": "all"}])
    before = len(box.store.history())
    started = killer.start(here.folder, here.environment(), "apply", "-y")
    until(lambda: any(attempt.fault for attempt in box.store.attempts()))
    until(lambda: len(box.store.history()) >= before + done and journaled(here, "done") >= done)
    started.signal(signal.SIGKILL)
    killer.wait(started)
    box.faults([])


def journaled(here: Workplace, outcome: str) -> int:
    """How many calls the journal of this machine's last run says to have ended so."""
    (path,) = (here.folder / ".reconciler").rglob("journal*.jsonl")
    return path.read_text().count(f'"outcome": "{outcome}"')


def unlocked(machine: Workplace) -> None:
    """The lock that a dead run has left is removed."""
    lock = machine.run("ledger", "show", "--format", "json").json["lock"]["id"]
    assert machine.run("ledger", "unlock", "--id", lock).code == 0


POOL = 'pools:\n  - {from: "8101", to: "8103", name: pool}\n'


def stored(machine: Workplace, key: Path) -> dict[str, dict[str, Any]]:
    """What the command reads beside the ledger, by agent."""
    said = machine.run("credentials", "--identity", str(key), "--format", "json").json["credentials"]
    return {each["operatorId"]: each for each in said}


def test_passwords_that_were_never_sent(here: Workplace, box: Box, key: Path, killer: Killer, tmp_path: Path) -> None:
    """Stored for a batch that a killed run did not send: in doubt until the next apply, and withdrawn by that.

    That of a create that may come late stays in doubt.
    """
    here.write(HEAD + '  - {operatorId: "8001", name: 张三}\n' + POOL)
    killed(here, box, killer)
    ran = here.run("credentials", "--identity", str(key))
    assert ("of 4 agents (8001, 8101, 8102, 8103) nothing shows" in ran.err, ran.out.count("  yes")) == (True, 4)
    before = stored(here, key)
    assert all(each["password"] and each["inDoubt"] for each in before.values())
    other = Workplace(tmp_path / "other", here.endpoint, here.env)
    other.folder.mkdir()
    other.write(HEAD + '  - {operatorId: "8003", name: older}\n')
    unlocked(other)
    assert other.run("apply", "-y").code == 0
    after = stored(here, key)
    assert after.pop("8001")["inDoubt"]
    assert {id_: (each["password"], "inDoubt" in each) for id_, each in after.items()} == dict.fromkeys(
        ("8101", "8102", "8103"), (None, False)
    )


def test_the_machine_that_was_killed_comes_back(here: Workplace, box: Box, key: Path, killer: Killer) -> None:
    """What the vendor chose and only this machine's disk holds is stored with the ledger, sealed, by its next apply."""
    here.write(HEAD + '  - {operatorId: "8003", name: old}\n' + POOL.replace("name: pool", "status: disabled"))
    killed(here, box, killer, "edit/v2", done=1)
    unlocked(here)
    assert here.run("apply", "-y").code == 0
    known = {id_: hashlib.md5(each["password"].encode()).hexdigest() for id_, each in stored(here, key).items()}
    assert known == {id_: box.store.agents()[id_]["password_md5"] for id_ in ("8101", "8102", "8103")}
    assert not any("inDoubt" in each for each in stored(here, key).values())


def test_whom_somebody_made_anew_has_no_password_of_the_one_before(here: Workplace, box: Box, key: Path) -> None:
    """Once an apply has seen that; the others keep theirs."""
    assert here.run("apply", "-y").code == 0
    box.store.remove("8002")
    box.store.put("8002", name="李四", password="known-to-them")
    assert here.run("apply", "-y").code == 0
    said = stored(here, key)
    assert (said["8002"]["password"], "inDoubt" in said["8002"]) == (None, False)
    assert said["8001"]["password"]


def test_all_is_there_before_the_first_write(here: Workplace, box: Box, host: Host, key: Path, killer: Killer) -> None:
    """A run that hangs in its first write has stored every intent and every password that it may set."""
    killed(here, box, killer)
    lines = [json.loads(line) for line in host.read("run.jsonl").splitlines()]
    assert {id_ for line in lines for id_ in line.get("operatorIds", ())} == {"8001", "8002", "8003"}
    assert not any("outcome" in line for line in lines)
    said = here.run("credentials", "--identity", str(key), "--format", "json").json["credentials"]
    assert {each["operatorId"] for each in said if each["password"]} == {"8001", "8002"}


def test_an_apply_writes_twice(here: Workplace, host: Host) -> None:
    """Two writes and the lock's two: four commits, of which the last but one has closed the run."""
    assert here.run("apply", "-y").code == 0
    commits = host.git("log", "--reverse", "--format=%s", BRANCH).splitlines()
    assert [each.removeprefix("Write ").split(", ")[-1] for each in commits] == [
        "lock",
        "run.jsonl",
        "run.jsonl",
        "lock",
    ]
    head, *rest = (json.loads(line) for line in host.read("run.jsonl").splitlines())
    assert head["planned"] == 3
    assert [sorted(line) for line in rest] == [["saved", "settled", "sum"], ["ended", "sum"]]


def test_without_recipients_it_is_refused(here: Workplace, box: Box) -> None:
    """Credentials that nobody could open are not made: exit 3, nothing sent, and what to do is said."""
    here.write(OPEN + AGENTS)
    ran = here.run("apply", "-y")
    assert (ran.code, "recipients" in ran.err) == (3, True)
    assert box.store.history() == []


@pytest.mark.parametrize(
    ("agent", "code"),
    [
        ('{operatorId: "8003", name: new}', 0),
        ('{operatorId: "8003", password: {env: AGENT_8003, version: 1}}', 0),
        ('{operatorId: "8003", password: {generate: true, version: 1}}', 3),
        ('{operatorId: "8003", sipNumber: "60009"}', 3),
    ],
)
def test_where_there_is_no_credential_to_keep(here: Workplace, agent: str, code: int) -> None:
    """An edit, or a password that somebody gave us, needs no recipients; one that is chosen on the way does."""
    here.write(f"{OPEN}  - {agent}\n")
    ran = here.run("apply", "-y", env={"AGENT_8003": "given-password"})
    assert ran.code == code, ran.err


def test_a_server_that_takes_no_beginning(here: Workplace, box: Box, host: Host, tmp_path: Path) -> None:
    """The intents cannot be stored: nothing is sent, and the error says why and how the lock goes."""
    host.hook("pre-receive", REJECT_FROM.format(count=tmp_path / "count", number=2))
    ran = here.run("apply", "-y")
    assert (ran.code, "no more" in ran.err, "ledger unlock --id" in ran.err) == (1, True, True)
    assert box.store.history() == []


def test_a_server_that_takes_no_end(here: Workplace, box: Box, host: Host, tmp_path: Path, key: Path) -> None:
    """What was done is reported, with a warning (4); another machine finds it out, and makes nobody twice."""
    host.hook("pre-receive", REJECT_FROM.format(count=tmp_path / "count", number=3))
    ran = here.run("apply", "-y")
    assert ran.code == 4
    assert "Applied 3 of 3" in ran.out
    assert "warning: " in ran.out
    assert "ledger unlock --id" in ran.out
    (host.folder / "hooks/pre-receive").unlink()
    other = Workplace(tmp_path / "other", here.endpoint, here.env)
    other.folder.mkdir()
    other.write(HEAD + AGENTS)
    assert other.run("status", "--format", "json").json["run"]["ended"] == ""
    holder = json.loads(host.read("lock"))["id"]
    assert other.run("ledger", "unlock", "--id", holder).code == 0
    ran = other.run("apply", "-y")
    assert ran.code == 0, ran.err
    assert "left 8001 open: it was created, with the password that was stored before" in ran.err
    assert [write.operator_ids for write in box.store.history() if write.endpoint == "create/v2"] == [
        ["8001"],
        ["8002"],
    ]
    assert other.run("plan", "--detailed-exitcode").code == 0


def test_another_machine_tells_who_was_made_anew(here: Workplace, box: Box, tmp_path: Path, killer: Killer) -> None:
    """A machine dies while it sets a password, and somebody makes the agent anew: the next one's plan notes that.

    So does every plan until an apply has named the agent, also where one is refused before that. The machine that
    comes back does not name it again.
    """
    assert here.run("apply", "-y").code == 0
    here.write(HEAD + AGENTS.replace("version: 1", "version: 2"))
    killed(here, box, killer)
    box.store.remove("8001")
    box.store.put("8001", name="张三", password="known-to-them")
    other = Workplace(tmp_path / "other", here.endpoint, here.env)
    other.folder.mkdir()
    other.write((here.folder / "agents.yaml").read_text(encoding="utf-8"))
    holder = other.run("ledger", "show", "--format", "json").json["lock"]["id"]
    assert other.run("ledger", "unlock", "--id", holder).code == 0
    for _ in range(2):
        notes = other.run("plan", "--format", "json").json["notes"]
        assert [note["operatorIds"] for note in notes if note.get("code") == "another-agent"] == [["8001"]]
        refused = other.run("apply", "-y", "--max-changes", "0", "--format", "json")
        assert (refused.code, [each["operatorId"] for each in refused.json["error"]["in_doubt"]]) == (3, ["8001"])
    done = other.run("apply", "-y", "--format", "json")
    assert (done.code, [each["operatorId"] for each in done.json["mismatches"]]) == (4, ["8001"])
    assert other.run("apply", "-y").code == 0
    assert here.run("apply", "-y").code == 0


def test_many_that_were_left_open_are_told_in_one_line(here: Workplace, box: Box, killer: Killer) -> None:
    """What is found of many agents alike is one line with their number."""
    box.store.reset([{"operatorId": str(number)} for number in range(8001, 8021)])
    here.write(HEAD + "".join(f'  - {{operatorId: "{number}", name: new}}\n' for number in range(8001, 8021)))
    killed(here, box, killer)
    for path in (here.folder / ".reconciler").rglob("journal*"):
        path.unlink()
    here.run("ledger", "unlock", "--id", here.run("ledger", "show", "--format", "json").json["lock"]["id"])
    ran = here.run("apply", "-y")
    assert ran.code == 0, ran.err
    assert "left 20 agents open (8001, 8002, 8003, 8004, 8005 …): each was not edited" in ran.err


def test_runs_for_other_keys_are_left_out(here: Workplace, key: Path, tmp_path: Path) -> None:
    """Recipients have changed: a key reads the runs that were for it, and hears of the others."""
    later, new = tmp_path / "later.txt", PYRAGE.x25519.Identity.generate()
    later.write_text(f"{new}\n")
    assert here.run("apply", "-y").code == 0
    here.write(
        (HEAD + AGENTS).replace(str(IDENTITY.to_public()), str(new.to_public())).replace("version: 1}", "version: 2}")
    )
    assert here.run("apply", "-y", "--credentials", str(tmp_path / "second.age")).code == 0
    said = {}
    for path in (key, later):
        ran = here.run("credentials", "--identity", str(path), "--format", "json")
        assert "1 run stored credentials for other keys" in ran.err
        said[path] = {each["operatorId"] for each in ran.json["credentials"]}
    assert said == {key: {"8001", "8002"}, later: {"8001"}}
    stranger = tmp_path / "stranger.txt"
    stranger.write_text(f"{PYRAGE.x25519.Identity.generate()}\n")
    assert here.run("credentials", "--identity", str(stranger)).code == 1
    assert here.run("credentials").code == 1


def test_the_run_moves_with_its_books(here: Workplace, box: Box, host: Host) -> None:
    """At another endpoint the remote run is refused like the ledger, and `ledger rebind` moves both."""
    assert here.run("apply", "-y").code == 0
    with running(company="acme:4242") as other:
        other.store.reset(LIVE)
        here.endpoint = other.url
        assert here.run("plan").code == 3
        assert here.run("ledger", "rebind").code == 0
        assert here.run("plan").code == 0
        assert json.loads(host.read("run.jsonl").splitlines()[0])["endpoint"] == other.url


def test_a_remote_run_that_is_damaged(here: Workplace, host: Host) -> None:
    """It is told and left alone, like a damaged journal; a newer one is called newer."""
    host.put({"run.jsonl": '{"format": "reconciler.journal/2"}\n'})
    ran = here.run("plan")
    assert (ran.code, "is damaged" in ran.err) == (1, True)
    host.put({"run.jsonl": '{"format": "reconciler.journal/9"}\n'})
    ran = here.run("plan")
    assert (ran.code, "newer version" in ran.err) == (1, True)


def test_a_full_disk_leaves_nothing_open_remotely(host: Host, tmp_path: Path) -> None:
    """Where this machine's journal cannot be begun, the remote ledger does not hear of the run."""
    store = RemoteStore(GitBranch(host.named, tmp_path))
    ledger = Ledger(store, Company("acme"))
    run = RunRecord("r", "", "acme", 1, "", ledger.lineage, 0)
    (tmp_path / ".journal.jsonl.new").mkdir()  # in the way of the file that the journal is written to first
    with pytest.raises(OSError, match="directory"):
        Books.begin(ledger, tmp_path / "journal.jsonl", run)
    assert remote_run(store) is None
    store.close()


def test_another_machine_is_told_who_left_a_run_open(
    here: Workplace, box: Box, host: Host, killer: Killer, tmp_path: Path
) -> None:
    """`status`, `plan` and `apply` elsewhere name who ran what was left open, and since when; afterwards nobody does.

    So they do with a journal of their own and without one.
    """
    other = Workplace(tmp_path / "other", here.endpoint, {**here.env})
    fresh = Workplace(tmp_path / "fresh", here.endpoint, {**here.env})
    for machine in (other, fresh):
        machine.folder.mkdir()
        machine.write(HEAD + '  - {operatorId: "8003", name: older}\n')
    assert other.run("apply", "-y").code == 0
    here.env |= {"RECONCILER_ACTOR": "anna\x1b[2J"}
    killed(here, box, killer)
    started = remote_run_of(host)["started"]
    assert other.run("status", "--format", "json").json["elsewhere"]["who"] == "anna\x1b[2J"
    for machine in (other, fresh):
        for ran in (machine.run("status"), machine.run("plan")):
            assert (ran.code, "anna" in ran.out + ran.err, started in ran.out + ran.err) == (0, True, True), ran.out
            assert "\x1b" not in ran.out + ran.err
    lock = other.run("ledger", "show", "--format", "json").json["lock"]["id"]
    assert other.run("ledger", "unlock", "--id", lock).code == 0
    ran = other.run("apply", "-y")
    assert ("anna" in ran.err, started in ran.err) == (True, True)
    assert "anna" not in other.run("status").out + other.run("plan").err + here.run("plan").err


def remote_run_of(host: Host) -> dict[str, Any]:
    """The head of the run that lies beside the ledger."""
    head: dict[str, Any] = json.loads(host.read("run.jsonl").splitlines()[0])
    return head


def test_status_of_a_remote_that_is_away(here: Workplace, host: Host) -> None:
    """What this machine's own journal knows is told all the same."""
    here.write(HEAD + '  - {operatorId: "8003", name: old}\n')
    here.run("apply", "-y")
    here.write(HEAD + '  - {operatorId: "8003", name: new}\n')
    assert here.run("apply", "-y").code == 0
    host.folder.rename(host.folder.with_name("away"))
    ran = here.run("status")
    assert (ran.code, "Last apply" in ran.out, "cannot be read" in ran.err) == (0, True, True), ran.err
