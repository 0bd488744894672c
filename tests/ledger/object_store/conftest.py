"""An S3 server a worker, a faulty line to it, and a ledger of its own for each test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.ledger.object_store.proxy import Proxy, proxy
from tests.ledger.object_store.s3 import BUCKET, Server, environment, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One S3 server for all tests of a worker; each test has keys of its own."""
    if find_spec("moto") is None or find_spec("flask") is None:
        pytest.skip("no S3 server: moto[server] is not installed")
    with serving() as listening:
        yield listening


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that knows of no object store."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def line(server: Server, bare: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A line to the server, and an environment that leads there."""
    with proxy(server.url) as between:
        for name, value in environment(between.url).items():
            bare.setenv(name, value)
        yield between


@pytest.fixture
def key() -> str:
    """A ledger's key that no other test uses."""
    return f"{secrets.token_hex(6)}/ledger.json"


@pytest.fixture
def url(key: str) -> str:
    """The same as a URL."""
    return f"s3://{BUCKET}/{key}"
