"""An object store behind a company's TLS and proxy, like the vendor."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

import pytest

pytest.importorskip("obstore", reason="the extra `remote` is not installed")

from reconciler.sandbox.server import Box
from tests.ledger.object_store.s3 import BUCKET, KEY_ID, SECRET, Server, environment, serving
from tests.network.conftest import AGENTS
from tests.network.wires import STORE, Authority, Door, proxy, tls
from tests.process import Workplace

KEY = "tls/ledger.json"
URL = f"s3://{BUCKET}/{KEY}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """An S3 server."""
    if find_spec("moto") is None:
        pytest.skip("no S3 server: moto[server] is not installed")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("S3_IGNORE_SUBDOMAIN_BUCKETNAME", "true")  # the host's name says nothing of the bucket
        with serving() as listening:
            yield listening


@pytest.fixture
def store(company: Authority, server: Server) -> Iterator[Door]:
    """The same behind TLS."""
    with tls(company.context("localhost", STORE), urlsplit(server.url).port or 0) as opened:
        yield opened


@pytest.fixture
def place(place: Workplace, box: Box) -> Workplace:
    """A change to apply, with the ledger in the store; nothing but TLS is allowed there."""
    box.store.reset([{"operatorId": "8001", "name": "李四"}])
    place.write(AGENTS)
    place.env = {"RECONCILER_LEDGER": URL}
    return place


def leading(url: str) -> dict[str, str]:
    """An environment that leads to the store at this address."""
    return {name: value for name, value in environment(url).items() if name != "AWS_ALLOW_HTTP"}


def test_an_untrusted_store_ends_at_once(place: Workplace, store: Door) -> None:
    """A store whose certificate nobody vouches for ends the run with the same hint, and is not asked again.

    The second connection tries to remove the probe that may have been written.
    """
    ran = place.run("apply", "-y", env=leading(f"https://localhost:{store.port}"))
    assert ran.code == 1
    assert "the certificate of the store is not trusted" in ran.err
    assert "--ca-file" in ran.err
    assert store.opened == 2


def test_the_companys_authority_vouches_for_the_store(
    place: Workplace, store: Door, server: Server, company: Authority
) -> None:
    """One setting serves both, and nothing of it is left in the environment of what runs afterwards."""
    env = leading(f"https://localhost:{store.port}")
    ran = place.run("apply", "-y", "--ca-file", str(company.file), env=env)
    assert ran.code == 0, ran.err
    assert server.get(KEY) is not None
    shown = place.run("ledger", "show", "--ca-file", str(company.file), env=env)
    assert shown.code == 0, shown.err
    server.delete(KEY)


def test_the_store_behind_the_proxy(place: Workplace, store: Door, server: Server, company: Authority) -> None:
    """The store is reached through the proxy, which hears its name, its own user, and no key or content."""
    with proxy(hosts={f"{STORE}:443": store.port}, user="canary-user:canary-p@ss") as recorder:
        env = {
            **leading(f"https://{STORE}"),
            "RECONCILER_CA_FILE": str(company.file),
            "RECONCILER_PROXY": recorder.url.replace("//", "//canary-user:canary-p%40ss@"),
        }
        ran = place.run("apply", "-y", env=env)
        assert ran.code == 0, ran.err
        assert server.get(KEY) is not None
        assert recorder.heads
        assert all(head.startswith(f"CONNECT {STORE}:443 ") for head in recorder.heads)
        for secret in (SECRET, KEY_ID, "lineage"):
            assert secret.encode() not in recorder.heard
    server.delete(KEY)


def test_other_variables_name_no_proxy_for_the_store(
    place: Workplace, store: Door, server: Server, company: Authority
) -> None:
    """What the library would read by itself, its own variables included, leads the keys nowhere."""
    with proxy() as trap:
        names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "AWS_PROXY_URL", "PROXY_URL")
        env = {**leading(f"https://localhost:{store.port}"), **dict.fromkeys(names, trap.url)}
        ran = place.run("apply", "-y", "--ca-file", str(company.file), env=env)
        assert ran.code == 0, ran.err
        assert trap.heads == []
    server.delete(KEY)
