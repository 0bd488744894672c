"""An authority that only a company trusts, and the sandbox behind its TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.sandbox.server import Box
from tests.network.wires import VENDOR, Authority, Door, Proxy, authority, proxy, tls
from tests.process import Workplace

AGENTS = 'version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: "8001", name: 张三}]\n'


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The company's own authority."""
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def door(company: Authority, box: Box) -> Iterator[Door]:
    """The sandbox, with one agent, behind TLS."""
    box.store.reset([{"operatorId": "8001", "name": "李四"}])
    with tls(company.context("localhost", VENDOR), urlsplit(box.url).port or 0) as opened:
        yield opened


@pytest.fixture
def behind(tmp_path: Path, door: Door) -> Workplace:
    """A folder with a file that edits the agent, and the endpoint behind TLS."""
    place = Workplace(tmp_path, f"https://localhost:{door.port}")
    place.write(AGENTS)
    return place


@pytest.fixture
def recorder(door: Door) -> Iterator[Proxy]:
    """A proxy that alone knows the vendor's name."""
    with proxy(hosts={f"{VENDOR}:443": door.port}) as listening:
        yield listening
