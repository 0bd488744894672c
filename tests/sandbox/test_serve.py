"""The sandbox as a process: one line when it listens, and an end on a signal; and what it imports."""

from __future__ import annotations

import ast
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import reconciler.sandbox
from reconciler.sandbox.server import running

from .client import Client

PACKAGE = Path(reconciler.sandbox.__file__).parent
PROGRAM = """
import functools, sys
from reconciler.sandbox.server import SandboxOptions, serve
serve(SandboxOptions(port={port}, agents=3, token={token!r}), functools.partial(print, flush=True))
"""


@contextmanager
def process(token: str | None = None, port: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A sandbox in a process of its own, killed at the end at the latest."""
    command = [sys.executable, "-c", PROGRAM.format(token=token, port=port)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with child:
        try:
            yield child
        finally:
            child.kill()


def first_line(child: subprocess.Popen[str]) -> str:
    """What the process announces."""
    assert child.stdout is not None
    return child.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: signal.Signals) -> None:
    """It serves until SIGINT or SIGTERM and then ends well, with one line on stdout and none on stderr."""
    with process() as child:
        line = first_line(child)
        found = re.fullmatch(r"sandbox listening on (http://127\.0\.0\.1:\d+) \(agents: 3, token: .*\)\n", line)
        assert found is not None, line
        assert Client(found[1]).data("page")["total"] == 3
        child.send_signal(number)
        rest, errors = child.communicate(timeout=30)
        assert (child.returncode, rest, errors) == (0, "", "")


def test_the_line_tells_no_token() -> None:
    """The line says that a token was set, and not which."""
    with process(token="very-secret") as child:
        line = first_line(child)
        assert "the one given" in line
        assert "very-secret" not in line


def test_a_port_in_use() -> None:
    """A port that another holds is an OSError, from the thread as well as from the process."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)), running(port=port):
            pass
        with process(port=port) as child:
            _, errors = child.communicate(timeout=30)
            assert re.match(rf"OSError: .*\b{port}\b", errors.splitlines()[-1])


def test_it_can_be_run_twice_at_once() -> None:
    """Two sandboxes have two ports and two stores."""
    with running() as one, running() as other:
        Client(one.url).data("create/v2")
        assert (len(one.store.agents()), len(other.store.agents())) == (1, 0)


def test_it_ends_with_the_block() -> None:
    """After the block nobody listens any more."""
    with running() as box:
        client = Client(box.url)
        client.data("page")
    with pytest.raises(ConnectionRefusedError):
        client.data("page")


def imported(file: Path) -> set[str]:
    """The modules a file imports, in full."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def test_it_imports_nothing_of_the_project() -> None:
    """No file of the sandbox imports from outside it, but for the standard library, aiohttp and YAML."""
    foreign = {
        (file.name, name)
        for file in PACKAGE.glob("*.py")
        for name in imported(file)
        if not name.startswith("reconciler.sandbox.") and name.split(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == {("server.py", "aiohttp"), ("rulefile.py", "yaml")}
