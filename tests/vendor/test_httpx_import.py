"""The command line of httpx, which costs a third of all imports, stays out; httpx itself is whole."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

CLIENT = "reconciler.vendor.http"
"""The module that imports httpx."""
COSTLY = ("click", "rich", "pygments")
"""What the command line of httpx would import."""


def seen(code: str) -> Any:
    """What a fresh interpreter prints as JSON."""
    command = [sys.executable, "-c", f"import importlib, json, sys\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def packages(module: str) -> set[str]:
    """The packages that the import of a module brings."""
    code = (
        f"importlib.import_module({module!r})\nprint(json.dumps([n for n, m in sys.modules.items() if m is not None]))"
    )
    return {name.partition(".")[0] for name in seen(code)}


def test_the_client_brings_no_command_line() -> None:
    """The client brings httpx, and nothing of what the command line of httpx imports."""
    brought = packages(CLIENT)
    assert "httpx" in brought
    assert not brought & set(COSTLY)


def test_httpx_alone_would_bring_it() -> None:
    """Without the client's narrowing httpx imports what is costly: when it no longer does, the narrowing can go."""
    assert set(COSTLY) <= packages("httpx")


def test_who_has_imported_httpx_before_keeps_it() -> None:
    """Where httpx was imported whole before the client, it stays whole."""
    code = f"import httpx\nbefore = sys.modules['httpx._main']\nimportlib.import_module({CLIENT!r})\n"
    assert seen(f"{code}print(json.dumps(sys.modules['httpx._main'] is before is not None))") is True


def test_httpx_sends_all_the_same() -> None:
    """The narrowed httpx has a client that sends and receives."""
    code = (
        f"importlib.import_module({CLIENT!r})\nimport httpx\n"
        "answer = httpx.MockTransport(lambda request: httpx.Response(200, json=[request.method, str(request.url)]))\n"
        "print(json.dumps(httpx.Client(transport=answer).post('https://vendor.example/a').json()))"
    )
    assert seen(code) == ["POST", "https://vendor.example/a"]
