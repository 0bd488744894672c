"""Runs the command as its users do: in a process, with an environment of its own and real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.parent import Parent, Ran

__all__ = ["TOKEN", "Ran", "Workplace", "end"]

TOKEN = "canary-token-Zq8"


_ENDING = ExitStack()


@cache
def _parent() -> Parent:
    """Start the parent of all processes that this module starts, until `end`."""
    folder = _ENDING.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-"))
    return _ENDING.enter_context(Parent(Path(folder)))


def end() -> None:
    """End the parent of all processes, where there is one."""
    _ENDING.close()
    _parent.cache_clear()


def books_of(folder: Path, endpoint: str) -> Path:
    """Where the books of a vendor lie when nobody names another place, for hosts that are plain names or IPv4."""
    return folder / ".reconciler" / endpoint.partition("://")[2].partition("/")[0].replace(":", "_").lower()


@dataclass(slots=True)
class Workplace:
    """A folder with an `agents.yaml`, and a vendor to talk to."""

    folder: Path
    endpoint: str = "http://127.0.0.1:1"
    env: dict[str, str] = field(default_factory=dict)

    def write(self, text: str, name: str = "agents.yaml") -> Path:
        """Write a file into the folder and return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a process: of our variables it has only those that tests set."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "GITHUB_"))}
        kept |= {"CI": "true", "RECONCILER_RATE": "0", "RECONCILER_ENDPOINT": self.endpoint, "RECONCILER_TOKEN": TOKEN}
        return {**kept, **self.env, **(extra or {})}

    def run(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: int = 60,
        limits: Mapping[str, int] | None = None,
    ) -> Ran:
        """Run `reconciler` with these arguments, in a process that is forked with its imports already made.

        `timeout` is in seconds; `limits` are the system's, by their names in `resource`.

        Raises:
            AssertionError: it prints a traceback, or does not end in time.
        """
        parent, seen = _parent(), self.environment(env)
        started = parent.fork(self.folder, seen, *arguments, stdin=stdin, longest=timeout, limits=limits)
        return parent.wait(started)

    def start_and_run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run `reconciler` with these arguments in a new interpreter, as a shell does: with its imports and pauses.

        Raises:
            AssertionError: it prints a traceback.
            subprocess.TimeoutExpired: it takes over 60 seconds.
        """
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.folder,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    @property
    def books(self) -> Path:
        """The folder of the endpoint's books: ledger, lock, journal and credentials."""
        return books_of(self.folder, self.endpoint)

    @property
    def ledger(self) -> Any:
        """The ledger's JSON as it stands on disk."""
        return json.loads((self.books / "ledger.json").read_text())

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """Every line of every credentials file, in the order of runs."""
        files = sorted(self.books.glob("credentials-*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]
