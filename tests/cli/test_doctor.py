"""`doctor`: each broken set-up is named by the check that fails, with what to do; nothing is changed anywhere."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest

from reconciler.ledger.on_disk import LocalStore
from reconciler.sandbox.server import Box
from tests.ledger.git_branch.host import ALONE, BRANCH, git, made, serving
from tests.network.wires import authority, tls
from tests.process import TOKEN, Workplace
from tests.vendor.vendor_stub import envelope, stub

AGENTS = 'version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents: [{operatorId: "8001"}]\n'


@pytest.fixture
def here(place: Workplace, box: Box) -> Workplace:
    """A place where all is well but for recipients."""
    box.faults([])
    box.store.reset([{"operatorId": "8001"}])
    place.write(AGENTS)
    place.env |= {"CI": "", **ALONE}
    return place


def looked_at(here: Workplace, *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """Every line by its check; each has a status of three, and a hint where something is to be done."""
    ran = here.run("doctor", "--format", "json", *arguments)
    assert ran.code == code, ran.out + ran.err
    checks: list[dict[str, Any]] = ran.json["checks"]
    for each in checks:
        assert each["status"] in ("ok", "warning", "failed")
        assert bool(each["hint"]) == (each["status"] != "ok"), each
    failed = any(each["status"] == "failed" for each in checks)
    assert code == ran.json["exit_code"] == int(failed)
    assert TOKEN not in ran.out + ran.err
    return {each["check"]: each for each in checks}


def test_a_sound_set_up(here: Workplace, box: Box) -> None:
    """Every check is there, one page is read, and neither the vendor nor the disk is changed."""
    before = sorted(here.folder.rglob("*"))
    checks = looked_at(here)
    assert {name: each["status"] for name, each in checks.items()} == {
        **dict.fromkeys(
            ("versions", "files", "ledger", "dns", "connection", "tls", "token", "page", "clock"), "ok"
        ),
        "recipients": "warning",
    }  # fmt: skip
    assert [attempt.endpoint for attempt in box.store.attempts()] == ["page"]
    assert sorted(here.folder.rglob("*")) == before
    out = here.run("doctor").out
    assert "ok      page        the company has 1 live agent\n" in out


def no_endpoint(here: Workplace, box: Box) -> None:
    """Nobody says where the vendor is."""
    here.endpoint = ""


def bad_endpoint(here: Workplace, box: Box) -> None:
    """Plain HTTP to another machine."""
    here.endpoint = "http://vendor.example"


def unknown_host(here: Workplace, box: Box) -> None:
    """A name that no resolver knows."""
    here.endpoint = "https://no-such-host.invalid"


def nobody_listens(here: Workplace, box: Box) -> None:
    """A port that is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        here.endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"


def wrong_token(here: Workplace, box: Box) -> None:
    """A token that the vendor refuses."""
    here.env["RECONCILER_TOKEN"] = "wrong"


def no_token(here: Workplace, box: Box) -> None:
    """No token at all."""
    here.env["RECONCILER_TOKEN"] = ""


def open_token_file(here: Workplace, box: Box) -> None:
    """A token file that others can read."""
    here.write("token", "token").chmod(0o644)
    here.env |= {"RECONCILER_TOKEN": "", "RECONCILER_TOKEN_FILE": "token"}


def wrong_path(here: Workplace, box: Box) -> None:
    """Something else answers there."""
    here.endpoint = f"{here.endpoint}/elsewhere"


def bad_file(here: Workplace, box: Box) -> None:
    """A file with a problem."""
    here.write("version: 1\nagents: x\n")


def no_file(here: Workplace, box: Box) -> None:
    """No file."""
    (here.folder / "agents.yaml").unlink()


def bad_recipient(here: Workplace, box: Box) -> None:
    """A key that nobody can be encrypted for."""
    here.write(f"{AGENTS}recipients: [age1{'q' * 58}]\n")


def damaged_ledger(here: Workplace, box: Box) -> None:
    """Half a ledger."""
    here.write("{", "books.json")
    here.env["RECONCILER_LEDGER"] = "books.json"


def ledger_of_others(here: Workplace, box: Box) -> None:
    """Another company's ledger."""
    assert here.run("apply", "-y").code == 0
    ledger = here.books / "ledger.json"
    ledger.write_text(ledger.read_text().replace('"acme"', '"other"'))


def ledger_in_no_folder(here: Workplace, box: Box) -> None:
    """A ledger below a file."""
    here.env["RECONCILER_LEDGER"] = "agents.yaml/ledger.json"


def no_git_remote(here: Workplace, box: Box) -> None:
    """A git remote that is not there."""
    here.env["RECONCILER_LEDGER"] = f"git+{here.folder}/nothing.git#{BRANCH}"


def company_unknown(here: Workplace, box: Box) -> None:
    """A company that the vendor does not know."""
    box.faults([{"endpoint": "page", "fault": "refuse", "code": 20001, "msg": "no such company"}])


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (no_endpoint, "endpoint"), (bad_endpoint, "endpoint"), (unknown_host, "dns"), (nobody_listens, "connection"),
        (wrong_token, "token"), (no_token, "token"), (open_token_file, "token"), (wrong_path, "page"),
        (company_unknown, "page"), (bad_file, "files"), (no_file, "files"), (bad_recipient, "recipients"),
        (damaged_ledger, "ledger"), (ledger_of_others, "ledger"), (ledger_in_no_folder, "ledger"),
        (no_git_remote, "ledger"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)  # fmt: skip
def test_what_is_broken_is_named(
    here: Workplace, box: Box, broken: Callable[[Workplace, Box], None], check: str
) -> None:
    """Of each broken set-up exactly the check fails that it breaks, and the command exits with 1."""
    broken(here, box)
    checks = looked_at(here, code=1)
    assert [name for name, each in checks.items() if each["status"] == "failed"] == [check]


def test_a_certificate_that_nobody_trusts(here: Workplace, box: Box, tmp_path: Path) -> None:
    """TLS is named, and no token is sent; with the authority's file all is well."""
    company = authority(tmp_path)
    with tls(company.context("localhost"), int(box.url.rpartition(":")[2])) as door:
        here.endpoint = f"https://localhost:{door.port}"
        checks = looked_at(here, code=1)
        assert checks["tls"]["status"] == "failed"
        assert "--ca-file" in checks["tls"]["hint"]
        assert "token" not in checks
        assert looked_at(here, "--ca-file", str(company.file))["tls"]["status"] == "ok"


@pytest.mark.parametrize(("ahead", "status"), [(-600, "failed"), (600, "failed"), (60, "warning"), (3, "ok")])
def test_a_clock_that_is_off(here: Workplace, ahead: int, status: str) -> None:
    """Minutes between the vendor's `Date` and this machine's clock are a failure, half a minute is a warning."""
    date = {"Date": formatdate(time() - ahead, usegmt=True)}
    with stub() as vendor:
        vendor.script(envelope(data={"total": 0, "result": []}, headers=date))
        here.endpoint = vendor.url
        checks = looked_at(here, code=int(status == "failed"))
    assert checks["clock"]["status"] == status


def test_a_ledger_on_a_branch(here: Workplace, tmp_path: Path) -> None:
    """Its remote is asked whether we may push, and nothing is pushed; a refusal is named, and so is a lock."""
    host = made(tmp_path / "books.git")
    here.env["RECONCILER_LEDGER"] = host.named
    ledger = looked_at(here)["ledger"]
    assert (ledger["status"], "holds nothing yet" in ledger["message"]) == ("ok", True)
    assert host.tip == ""
    host.put({"lock": json.dumps({"id": "l1", "who": "li@host:1", "since": "2026-11-22T10:00:00Z"})})
    tip = host.tip
    assert "li@host:1" in looked_at(here)["ledger"]["message"]
    assert host.tip == tip


def test_a_remote_that_lets_nobody_push(here: Workplace, tmp_path: Path) -> None:
    """Whoever may read the branch and not push to it is told so before the first apply."""
    host = made(tmp_path / "books.git")
    with serving(tmp_path) as (url, _):
        here.env["RECONCILER_LEDGER"] = f"git+{url}/books.git#{BRANCH}"
        assert looked_at(here)["ledger"]["status"] == "ok"
        host.git("config", "http.receivepack", "false")
        ledger = looked_at(here, code=1)["ledger"]
    assert (ledger["status"], "no permission" in ledger["message"]) == ("failed", True)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on a machine that is gone"])
def test_what_an_apply_left_open(here: Workplace, box: Box, tmp_path: Path, elsewhere: bool) -> None:
    """Calls whose outcome nobody knows are a warning, also those of another machine that shares the ledger."""
    if elsewhere:
        here.env["RECONCILER_LEDGER"] = made(tmp_path / "books.git").named
    box.faults([
        {"endpoint": "edit/v2", "fault": "drop-after", "calls": "all"},
        {"endpoint": "reads", "fault": "status", "status": 500, "calls": {"from": 2}},
    ])  # fmt: skip
    here.write(AGENTS.replace('"8001"', '"8001", name: x'))
    here.run("apply", "-y")
    box.faults([])
    if elsewhere:
        shutil.rmtree(here.folder / ".reconciler")
    assert looked_at(here)["last apply"]["status"] == "warning"


def test_what_is_open_here_when_another_machine_has_applied(here: Workplace, box: Box, tmp_path: Path) -> None:
    """What this machine's journal has open is told, although the last run of the shared ledger has ended."""
    here.env["RECONCILER_LEDGER"] = made(tmp_path / "books.git").named
    box.faults([{"endpoint": "edit/v2", "fault": "drop-before", "calls": "all"}])
    changed = here.write(AGENTS.replace('"8001"', '"8001", name: x'))
    here.run("apply", "-y")
    box.faults([])
    (tmp_path / "other").mkdir()
    other = Workplace(tmp_path / "other", here.endpoint, here.env)
    other.write(changed.read_text())
    assert other.run("apply", "-y").code == 0
    assert "last apply" not in looked_at(other)
    assert looked_at(here)["last apply"]["status"] == "warning"


def test_a_pipeline_without_a_place_for_books(here: Workplace) -> None:
    """In a pipeline a ledger on the runner's disk is a warning."""
    here.env["CI"] = "true"
    assert "git+origin" in looked_at(here)["ledger"]["hint"]


def test_the_lock_of_the_disk(here: Workplace) -> None:
    """An apply at work is a warning."""
    with LocalStore(here.books / "ledger.json").lock():
        assert "is locked by" in looked_at(here)["ledger"]["message"]


def test_books_that_a_change_brings_are_a_line(place: Workplace, box: Box) -> None:
    """Books that git tracks are told beside the other checks: every line that can be had is there."""
    place.write(AGENTS)
    place.folder.joinpath("ledger.json").write_text("{}")
    for arguments in (("init", "--quiet"), ("add", "-f", "ledger.json")):
        git(place.folder, *arguments)
    ran = place.run("doctor", "--ledger", "ledger.json", "--format", "json")
    assert ran.code == 1
    told = {check["check"]: check["status"] for check in json.loads(ran.out)["checks"]}
    assert told["ledger"] == "failed"
    assert told["page"] == "ok"
