"""Whose books are believed, and that nothing is forgotten of what a run left open: real processes, real files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from reconciler.ledger.on_disk import LocalStore
from reconciler.sandbox.server import Box, running
from tests.process import Workplace

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nprune: false\nagents:\n"
ONE = HEAD + '  - {operatorId: "8001", password: {generate: true, version: 1}}\n'
POOL = HEAD.replace("agents:", "pools:") + '  - {from: "8001", to: "8003"}\n'


def cut(place: Workplace, mark: bytes) -> None:
    """The journal as a kill leaves it behind the first line with this mark."""
    path = place.books / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    last = next(number for number, line in enumerate(lines) if mark in line)
    path.write_bytes(b"".join(lines[: last + 1]))


def forget(place: Workplace) -> None:
    """The ledger as the killed run left it: as it was when the run began."""
    head = json.loads((place.books / "journal.jsonl").read_bytes().splitlines()[0])
    path = (place.books / "ledger.json").resolve()
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "serial": head["serial"], "agents": {}}))


def test_a_rehearsal_is_not_believed_elsewhere(place: Workplace, box: Box) -> None:
    """What was applied on a sandbox counts for nothing at another endpoint: its password is planned there."""
    box.store.reset([{"operatorId": "8001"}])
    place.write(ONE)
    assert place.run("apply", "-y").code == 0
    with running(company="acme:4242") as other:
        other.store.reset([{"operatorId": "8001"}])
        place.endpoint = other.url
        assert "password" in place.run("plan").out
        assert place.run("apply", "-y").code == 0
        assert len(other.store.history()) == 1


def test_a_named_ledger_serves_one_endpoint(place: Workplace, box: Box) -> None:
    """Bound by its first apply, a named ledger is refused elsewhere (3) until it is rebound, which says from where."""
    named = {"RECONCILER_LEDGER": "acme.json"}
    box.store.reset([{"operatorId": "8001"}])
    place.write(ONE)
    assert place.run("apply", "-y", env=named).code == 0
    here = place.endpoint
    with running(company="acme:4242") as other:
        place.endpoint = other.url
        for command in (("plan",), ("apply", "-y"), ("ledger", "adopt"), ("show", "8001")):
            ran = place.run(*command, env=named)
            assert (ran.code, "ledger rebind" in ran.err) == (3, True), ran.err
        assert other.store.history() == []
        with LocalStore(place.folder / "acme.json").lock():
            assert place.run("ledger", "rebind", env=named).code == 3
        ran = place.run("ledger", "rebind", env=named)
        assert ran.code == 0
        assert (here in ran.out, other.url in ran.out) == (True, True)
        assert place.run("plan", env=named).code == 0
        assert place.run("status", env=named).code == 0


def test_rebind_moves_the_only_other_folder(place: Workplace, box: Box) -> None:
    """Where no ledger is named the books go to the folder of the new address, and nothing is planned anew there."""
    box.store.reset([{"operatorId": "8001"}])
    place.write(ONE)
    assert place.run("apply", "-y").code == 0
    before = place.books
    with running(company="acme:4242") as other:
        other.store.reset([{"operatorId": "8001"}])
        place.endpoint = other.url
        ran = place.run("ledger", "rebind")
        assert ran.code == 0, ran.err
        assert (before.exists(), place.ledger["endpoint"]) == (False, other.url)
        assert place.run("plan", "--detailed-exitcode").code == 0


def test_commands_that_ask_no_vendor(place: Workplace, box: Box) -> None:
    """Without an endpoint they use the only books there are, and of several ask which are meant (64)."""
    box.store.reset([{"operatorId": "8001"}])
    place.write(ONE)
    assert place.run("apply", "-y").code == 0
    nobody = {"RECONCILER_ENDPOINT": ""}
    assert "1 agent recorded" in place.run("ledger", "show", env=nobody).out
    assert box.url in place.run("status", env=nobody).out
    (place.folder / ".reconciler/vendor.example").mkdir()
    (place.folder / ".reconciler/vendor.example/ledger.json").touch()
    for command in (("ledger", "show"), ("status",)):
        ran = place.run(*command, env=nobody)
        assert (ran.code, "--endpoint" in ran.err) == (64, True)
        assert place.run(*command).code == 0


@pytest.fixture
def machines(place: Workplace, box: Box, tmp_path: Path) -> tuple[Workplace, Workplace]:
    """Two machines with journals of their own over one ledger, which each reaches by a link."""
    other = Workplace(tmp_path / "b", place.endpoint, place.env)
    other.folder.mkdir()
    box.store.reset([])
    place.write(POOL)
    other.write(POOL)
    shared = tmp_path / "shared/ledger.json"
    assert place.run("ledger", "adopt", "--ledger", str(shared)).code == 0
    for machine in (place, other):
        machine.books.mkdir(parents=True)
        (machine.books / "ledger.json").symlink_to(shared)
    return place, other


def killed_in_a_batch(machine: Workplace) -> None:
    """The run made three agents, and was killed before it could note their passwords."""
    assert machine.run("apply", "-y").code == 0
    cut(machine, b'"create"')
    for path in machine.books.glob("credentials-*"):
        path.unlink()
    forget(machine)


def test_what_was_open_is_looked_up_whoever_ran_since(machines: tuple[Workplace, Workplace], box: Box) -> None:
    """A is killed in a batch, B applies something else, A applies: all three passwords are known in the end."""
    a, b = machines
    killed_in_a_batch(a)
    b.write(POOL.replace('"8003"}', '"8003", name: 外呼}'))
    assert b.run("apply", "-y").code == 0
    a.write(POOL.replace('"8003"}', '"8003", name: 外呼}'))
    ran = a.run("apply", "-y")
    assert ran.code == 0, ran.err
    assert "left 8001 open" in ran.err
    known = {line["operatorId"]: line["password"] for line in a.credentials if line["password"]}
    assert sorted(known) == ["8001", "8002", "8003"]
    for operator_id, password in known.items():
        assert box.store.agents()[operator_id]["password_md5"] == hashlib.md5(password.encode()).hexdigest()
    assert (a.books / "ledger.json").is_symlink()


def test_what_another_machine_set_since_stands(machines: tuple[Workplace, Workplace], box: Box) -> None:
    """B gave the agents of A's killed batch passwords of its own: A sets none of them anew."""
    a, b = machines
    killed_in_a_batch(a)
    wanted = POOL.replace('"8003"}', '"8003", password: {env: AGENT_POOL, version: 1}}')
    given = {"AGENT_POOL": "given-password"}
    for machine in machines:
        machine.write(wanted)
    assert b.run("apply", "-y", env=given).code == 0
    count = len(box.store.history())
    ran = a.run("apply", "-y", env=given)
    assert ran.code == 0, ran.err
    assert "another run" in ran.err
    assert len(box.store.history()) == count


def test_adopt_keeps_what_is_in_doubt(machines: tuple[Workplace, Workplace]) -> None:
    """A batch was killed, then `ledger adopt` with a version: what nobody knows is set anew all the same."""
    a, _ = machines
    killed_in_a_batch(a)
    a.write(POOL.replace('"8003"}', '"8003", password: {generate: true, version: 1}}'))
    assert a.run("ledger", "adopt").code == 0
    assert {entry.get("unsure") for entry in a.ledger["agents"].values()} == {True}
    assert a.run("apply", "-y").code == 0
    assert {line["operatorId"] for line in a.credentials if line["password"]} == {"8001", "8002", "8003"}
