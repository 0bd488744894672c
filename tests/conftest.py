"""A sandbox a worker, emptied for each test, and a folder to work in."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings

from reconciler.sandbox.server import Box, running
from tests import on_path
from tests.exhaustive import ALL, PART, SAMPLE, Share
from tests.fuzz import UNTIL
from tests.parent import certificates_read_once
from tests.process import TOKEN, Workplace, end

MEASURED = frozenset({"core", "files"})
"""Folders whose tests must run the whole core between them. Those of other rooms run it too, and need not."""

settings.register_profile("suite", deadline=None, database=None, derandomize=True, max_examples=25)
settings.register_profile("quick", settings.get_profile("suite"), max_examples=10)
settings.register_profile("fuzz", deadline=None, database=None, print_blob=True, max_examples=200)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much is run of the exhaustive suites."""
    told = f"of the exhaustive suites: {PART}, {ALL} or {SAMPLE}SEED (default: a part, and all of a test that is named)"
    parser.addoption("--prove", metavar="HOW", help=told)


def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each processor: many tests wait, for a process, a pause or a server."""
    return 2 * (os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """Say what the markers mean, and refuse a share that is none."""
    config.addinivalue_line("markers", "exhaustive(one_in): tests/exhaustive.py says how much of it is run")
    config.addinivalue_line("markers", "generated: draws its examples; `make fuzz` runs it")
    try:
        _share(config, "")
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_report_header(config: pytest.Config) -> str:
    """Say how much of the exhaustive suites is run, and by which seed."""
    return f"prove: {_share(config, '').how}"


def _share(config: pytest.Config, name: str) -> Share:
    named = any("::" in argument for argument in config.args)
    return Share(config.getoption("prove") or (ALL if named else PART), name)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Measure the core's coverage where it is the core that is tested; leave of exhaustive suites what is to be run.

    To be measured takes a test twice its time, the libraries that it calls included.
    """
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        generated = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if generated:
            item.add_marker(pytest.mark.generated)
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder not in MEASURED or generated:
            item.add_marker(pytest.mark.no_cover)
        if item.get_closest_marker("exhaustive"):
            groups.setdefault(item.nodeid.partition("[")[0], []).append(item)
    left_out: set[pytest.Item] = set()
    for name, group in groups.items():
        (one_in,) = {mark.args[0] for item in group if (mark := item.get_closest_marker("exhaustive"))}
        left_out |= {*group} - {*_share(config, name).of(group, one_in)}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin nothing more once the time of `make fuzz` is over."""
    if time.time() > float(os.environ.get(UNTIL, "inf")):
        pytest.skip("the time is over")


@pytest.fixture
def share(request: pytest.FixtureRequest) -> Share:
    """How much of its own cases an exhaustive test is to try."""
    return _share(request.config, request.node.nodeid.partition("[")[0])


@pytest.fixture(scope="session", autouse=True)
def _interrupts() -> None:
    """A suite that was told to ignore interrupts goes on to do so, and what it starts may be interrupted.

    A process inherits what its parent ignores, as `make test &` in a script does, but not what its parent handles.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def processes(_interrupts: None) -> Iterator[None]:
    """What the first `Workplace.run` and the first script start ends with the worker."""
    yield
    end()
    on_path.end()


@pytest.fixture(scope="session", autouse=True)
def certificates() -> Iterator[None]:
    """No vendor of these tests speaks TLS: each client that they make is spared the reading of the certificates."""
    with patch("ssl.create_default_context", certificates_read_once()):
        yield


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Box]:
    """One sandbox for all tests of a worker; use `box`."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box


@pytest.fixture
def box(sandbox: Box) -> Box:
    """The sandbox, empty."""
    sandbox.store.reset()
    return sandbox


@pytest.fixture
def place(tmp_path: Path, box: Box) -> Workplace:
    """A folder and the empty sandbox."""
    return Workplace(tmp_path, box.url)


@pytest.fixture
def offline(tmp_path: Path) -> Workplace:
    """A folder, and an endpoint where nobody listens."""
    return Workplace(tmp_path)
