"""Proxies: what they are told, what they never see, and what their refusals mean."""

from __future__ import annotations

import base64

import pytest

from reconciler.core.model.message import text
from reconciler.core.model.secret import Secret
from reconciler.sandbox.server import Box
from reconciler.settings import Connection, Network
from reconciler.settings import Proxy as Through
from reconciler.vendor.answer import NotSent, Ok
from reconciler.vendor.http import Transport
from tests.network.conftest import AGENTS
from tests.network.wires import VENDOR, Authority, Door, Proxy, proxy
from tests.process import TOKEN, Workplace

USER = "canary-user:canary-p%40ss"
"""As a URL spells it; the password is `canary-p@ss`."""


@pytest.fixture
def far(behind: Workplace, company: Authority) -> Workplace:
    """A workplace whose vendor only the proxy can find."""
    behind.endpoint = f"https://{VENDOR}"
    behind.env = {"RECONCILER_CA_FILE": str(company.file)}
    return behind


def test_a_proxy_sees_the_name_of_the_host_and_no_more(far: Workplace, recorder: Proxy, box: Box) -> None:
    """The whole job goes through CONNECT; the proxy hears the host, its own user and TLS, and no token in any form."""
    recorder.user = "canary-user:canary-p@ss"
    env = {"RECONCILER_PROXY": recorder.url.replace("//", f"//{USER}@")}
    ran = far.run("apply", "-y", env=env)
    assert ran.code == 0, ran.err
    assert box.store.agents()["8001"]["name"] == "张三"
    assert recorder.heads
    for head in recorder.heads:
        assert head.startswith(f"CONNECT {VENDOR}:443 HTTP/1.1\r\n")
        assert "token" not in head.lower()
    assert recorder.heard.startswith(b"\x16\x03")  # a TLS handshake
    for secret in (TOKEN.encode(), base64.b64encode(TOKEN.encode()), "张三".encode(), b"operatorId"):
        assert secret not in recorder.heard
    said = ran.out + ran.err + (far.books / "journal.jsonl").read_text() + (far.books / "ledger.json").read_text()
    assert "canary-p" not in said


def test_a_password_for_the_proxy_stays_off_the_command_line(far: Workplace, recorder: Proxy) -> None:
    """A user in the flag is refused, without being repeated; without one the flag works."""
    ran = far.run("plan", "--proxy", recorder.url.replace("//", f"//{USER}@"))
    assert ran.code == 64
    assert "RECONCILER_PROXY" in ran.err
    assert "canary" not in ran.err
    assert recorder.heads == []
    assert far.run("plan", "--proxy", recorder.url).code == 0
    assert recorder.heads


@pytest.mark.parametrize(
    ("status", "words", "hint", "most"),
    [
        ("407 Proxy Authentication Required", "wants another user and password", "RECONCILER_PROXY", 1),
        ("403 Forbidden", f"makes no connection to {VENDOR} (403)", "have vendor.example allowed", 1),
        ("502 Bad Gateway", f"has no connection to {VENDOR} (502)", "try again later", 6),
        ("<b>0", f"no connection to {VENDOR} through the proxy", "try again later", 6),
    ],
)
def test_a_proxy_that_refuses(far: Workplace, recorder: Proxy, status: str, words: str, hint: str, most: int) -> None:
    """What a person must mend ends at once, with a hint of its own; what may pass is tried again."""
    recorder.status = status
    ran = far.run("plan", "--proxy", recorder.url)
    assert ran.code == 1
    assert words in ran.err
    assert hint in ran.err
    assert len(recorder.heads) == most


def test_a_proxy_that_is_not_there(far: Workplace) -> None:
    """It is the proxy that is named, not the vendor alone."""
    with proxy() as gone:
        url = gone.url
    ran = far.run("plan", "--proxy", url)
    assert ran.code == 1
    assert f"through the proxy {url.removeprefix('http://')}" in ran.err


@pytest.mark.parametrize(
    "url", ["https://proxy.example:3128", "socks5://proxy.example", "proxy.example:3128", "http://", "http://p:99999",
            "http://p/path", "http://p?q", "http://user:canary-pass@[p"],
)  # fmt: skip
def test_a_proxy_that_is_none(offline: Workplace, url: str) -> None:
    """Whatever is no plain http:// URL is wrong usage, and is not repeated, since it may hold a password."""
    offline.write(AGENTS)
    ran = offline.run("plan", env={"RECONCILER_PROXY": url})
    assert ran.code == 64
    assert "the proxy is no" in ran.err
    assert "canary" not in ran.err


def test_other_variables_name_no_proxy(behind: Workplace, company: Authority) -> None:
    """Proxy variables that were set for other programs lead the vendor's token nowhere."""
    with proxy() as trap:
        names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY", "http_proxy", "all_proxy")
        env = {**dict.fromkeys(names, trap.url), "RECONCILER_CA_FILE": str(company.file)}
        assert behind.run("plan", env=env).code == 0
        assert trap.heads == []


def test_this_machine_is_asked_directly(place: Workplace, box: Box) -> None:
    """Plain HTTP, which is for this machine only, goes through no proxy: it would read the token."""
    box.store.reset([{"operatorId": "8001"}])
    place.write(AGENTS)
    with proxy() as trap:
        assert place.run("plan", "--proxy", trap.url).code == 0
        assert trap.heads == []


def test_nothing_is_sent_over_a_late_tunnel(company: Authority, door: Door, box: Box, recorder: Proxy) -> None:
    """A run that is stopped while the proxy connects sends nothing over the connection that it gets."""
    network = Network(company.file, Through(recorder.url, "", Secret("")))
    transport = Transport(Connection(f"https://{VENDOR}", Secret(TOKEN), network=network))
    body = {"abbreviate": "acme", "operatorId": "8001", "name": "王五"}
    try:
        assert isinstance(transport.send("edit", body), Ok)
        transport.close()
        transport = Transport(Connection(f"https://{VENDOR}", Secret(TOKEN), network=network))
        stopped: list[bool] = []
        transport.stopped = lambda: bool(stopped)
        recorder.asked = lambda: stopped.append(True)
        outcome = transport.send("edit", {**body, "name": "赵六"})
    finally:
        transport.close()
    assert outcome == NotSent(text("the run was interrupted before it was sent"), interrupted=True)
    assert box.store.agents()["8001"]["name"] == "王五"
