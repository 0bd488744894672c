"""Running the command as its users do: a process, an environment of its own, real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOKEN = "canary-token-Zq8"


@dataclass(slots=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as the one JSON document that it must be."""
        return json.loads(self.out)


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

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = "", timeout: float = 60) -> Ran:
        """Run `reconciler` with these arguments; no run ever prints a traceback."""
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.folder,
            env=self.environment(env),
            input=stdin.encode(),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ran.err + ran.out, ran.err
        assert "internal error" not in ran.err, ran.err
        return ran

    @property
    def ledger(self) -> Any:
        """The ledger as it stands."""
        return json.loads((self.folder / ".reconciler/ledger.json").read_text())

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """Every credential line, of every run, in order."""
        files = sorted((self.folder / ".reconciler").glob("credentials-*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]
