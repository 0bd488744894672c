"""Running the command as its users do: a process, an environment of its own, real files."""

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
    """The parent of all processes that are started from here, until `end`."""
    folder = _ENDING.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-"))
    return _ENDING.enter_context(Parent(Path(folder)))


def end() -> None:
    """Let the parent of all processes end, where there is one."""
    _ENDING.close()
    _parent.cache_clear()


@dataclass(slots=True)
class Workplace:
    """A folder with an `agents.yaml`, and a vendor to talk to."""

    folder: Path
    endpoint: str = "http://127.0.0.1:1"
    env: dict[str, str] = field(default_factory=dict)

    def write(self, text: str, name: str = "agents.yaml") -> Path:
        """Put a file there."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """What the process sees: nothing of ours but what the tests set."""
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
        """Run `reconciler` with these arguments, in a process that has its imports already; no run prints a traceback.

        `timeout` is in seconds; `limits` are the system's, by their names in `resource`.
        """
        parent, seen = _parent(), self.environment(env)
        started = parent.fork(self.folder, seen, *arguments, stdin=stdin, longest=timeout, limits=limits)
        return parent.wait(started)

    def start_and_run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run `reconciler` with these arguments from nothing, as a shell does: with its imports and its pauses."""
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
    def ledger(self) -> Any:
        """The ledger as it stands."""
        return json.loads((self.folder / ".reconciler/ledger.json").read_text())

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """Every credential line, of every run, in order."""
        files = sorted((self.folder / ".reconciler").glob("credentials-*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]
