"""A host for each test, in a folder or behind HTTP, and a user's clone with work in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ledger.git_branch.host import ALONE, Host, made, serving
from tests.ledger.object_store.proxy import Proxy, proxy


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that knows nothing of whoever runs the tests."""
    for name, value in ALONE.items():
        if name.startswith("GIT_CONFIG"):
            monkeypatch.setenv(name, value)


@pytest.fixture
def bare(tmp_path: Path) -> Host:
    """A bare repository in a folder."""
    return made(tmp_path / "host" / "books.git")


@pytest.fixture
def line(bare: Host) -> Iterator[Proxy]:
    """A line to git's HTTP backend that fails where a test says so."""
    with serving(bare.folder.parent) as (url, _), proxy(url) as between:
        yield between


@pytest.fixture(params=["folder", "http"])
def host(request: pytest.FixtureRequest, bare: Host) -> Host:
    """The same repository, by its path and by HTTP."""
    if request.param == "folder":
        return bare
    return replace(bare, url=f"{request.getfixturevalue('line').url}/books.git")
