"""Whose certificates are believed, and what is said where one is not."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from reconciler.apply.channel import CallChannel
from reconciler.apply.circuit_breaker import CircuitBreaker
from reconciler.apply.settle import settle
from reconciler.core.model.desired import Company
from reconciler.core.model.outcome import Event
from reconciler.core.model.plan import Call
from reconciler.core.model.secret import Secret
from reconciler.sandbox.server import Box
from reconciler.settings import Connection
from reconciler.vendor.answer import NotSent
from reconciler.vendor.http import Transport
from reconciler.vendor.reader import Reader
from reconciler.vendor.retry import Budget
from reconciler.vendor.writer import Writer
from tests.network.wires import Authority, Door, authority
from tests.process import TOKEN, Workplace


def test_an_untrusted_certificate_ends_at_once(behind: Workplace, door: Door) -> None:
    """One connection, nothing repeated, and a hint that names the setting; as JSON too."""
    ran = behind.run("plan", "--format", "json")
    assert ran.code == 1
    error = ran.json["error"]
    assert "the certificate of localhost is not trusted" in error["message"]
    assert "--ca-file" in error["hint"]
    assert (door.opened, door.refused) == (1, 1)
    assert "again later" not in ran.err


@pytest.mark.parametrize("by_flag", [True, False])
def test_the_companys_authority(behind: Workplace, company: Authority, box: Box, by_flag: bool) -> None:
    """With the authority's certificate, by the flag or the variable, the whole job is done over TLS."""
    flag = ["--ca-file", str(company.file)] if by_flag else []
    env = {} if by_flag else {"RECONCILER_CA_FILE": str(company.file)}
    ran = behind.run("apply", "-y", *flag, env=env)
    assert ran.code == 0, ran.err
    assert behind.run("plan", "--detailed-exitcode", *flag, env=env).code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the store is no file that a variable names")
def test_the_systems_store(behind: Workplace, company: Authority) -> None:
    """Without a setting it is the operating system's store that counts, not a list that some package brings."""
    assert behind.run("plan", env={"SSL_CERT_FILE": str(company.file)}).code == 0


def test_a_file_is_the_only_authority(behind: Workplace, company: Authority, tmp_path: Path) -> None:
    """Where a file is named, what the system trusts counts no more."""
    other = authority(tmp_path).file
    env = {"SSL_CERT_FILE": str(company.file), "RECONCILER_CA_FILE": str(other)}
    ran = behind.run("plan", env=env)
    assert ran.code == 1
    assert "is not trusted" in ran.err


def test_a_certificate_for_another_host(behind: Workplace, company: Authority, door: Door) -> None:
    """A good certificate of another host is not the vendor's."""
    ran = behind.run("plan", "--ca-file", str(company.file), "--endpoint", f"https://127.0.0.1:{door.port}")
    assert ran.code == 1
    assert "the certificate of 127.0.0.1 is not trusted" in ran.err


@pytest.mark.parametrize(
    "call",
    [
        Call("edit", ("8001",), (0,), {"name": "张三"}),
        Call("delete", ("8001", "8002"), (0, 1), {}),
        Call("password", ("8001",), (0,), {}),
        Call("create", ("8009",), (0,), {"name": "张三"}),
    ],
    ids=lambda call: call.kind,
)
def test_a_certificate_that_changes_in_mid_run(behind: Workplace, door: Door, call: Call) -> None:
    """A write is not repeated and nothing is looked up; the run stops, and says why."""
    transport = Transport(Connection(behind.endpoint, Secret(TOKEN)))
    passwords = {"8001": Secret("pw"), "8009": Secret("pw")}
    who = Company("acme")
    channel = CallChannel(
        Writer(transport, who), Reader(transport, who), passwords, Budget(100), threading.Event(), lambda _seconds: None
    )
    try:
        ((_, outcome),) = settle(call, channel).over
    finally:
        transport.close()
    assert isinstance(outcome, NotSent)
    assert door.opened == 1
    assert "certificate of localhost" in CircuitBreaker().stop_reason(outcome, Event(call, "not-sent"))


@pytest.mark.parametrize(
    ("content", "words"), [(None, "cannot be read"), (b"no certificate", "holds no certificate"), (b"", "holds no")]
)
@pytest.mark.parametrize("command", ["plan", "status", "ledger show"])
def test_a_file_that_is_none(offline: Workplace, command: str, content: bytes | None, words: str) -> None:
    """A file without a certificate is wrong usage, for every command that may need it, before anything is asked."""
    offline.write("version: 1\ncompany: {abbreviate: acme}\nagents: []\n")
    if content is not None:
        (offline.folder / "ca.pem").write_bytes(content)
    ran = offline.run(*command.split(), "--ca-file", "ca.pem")
    assert ran.code == 64
    assert words in ran.err
