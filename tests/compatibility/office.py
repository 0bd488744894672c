"""A folder, the command as a process, and a sandbox at the one address that saved plans name.

Nothing of the project is imported here: what an older version wrote is read by whatever the command is today.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

Row = dict[str, Any]
"""One agent as the vendor lists it."""

PORT: Final = 18787
"""A plan's digest covers the endpoint, so the port is fixed; no system gives this one to whoever asks for any."""
ENDPOINT: Final = f"http://127.0.0.1:{PORT}"
BOOKS: Final = ("ledger.json", "journal.jsonl")
OPTIONS: Final = ("--allow-replace", "--expires-in", "3650d")
"""What the saved plans were made with: they can be applied for ten years."""
APPLY: Final = ("-y", "--parallelism", "1")
"""One call after another, so that the vendor gives the same SIP numbers to the same agents each time."""
SECRETS: Final = {"AGENT_8003_PASSWORD": "made-up-8003", "POOL_PASSWORD": "made-up-pool"}
_PREFIX: Final = "/api/v1/config/openapi/agent/"
_COMPANY: Final = {"abbreviate": "acme", "companyId": 4242}
_CREATED: Final = (
    *("operatorId", "name", "operatorType", "showcaller", "bindcode", "afterInterval", "isHidePhone", "isrecord"),
    *("outcallflag", "ttscontent", "email", "isaudio", "ismessage", "isvideo", "judge"),
)
_LISTED: Final = (*_CREATED, "status", "mainGroupName", "sipNumber")
_PATIENCE: Final = 60
"""Seconds until a process that does not end is taken for hung."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Office:
    """A folder to work in."""

    folder: Path

    @property
    def books(self) -> Path:
        """Where ledger and journal lie."""
        return self.folder / ".reconciler"

    def take(self, recorded: Path) -> None:
        """Copy a recorded situation: the files, and the books where they belong."""
        self.books.mkdir(mode=0o700)
        for path in recorded.iterdir():
            if path.is_file():
                folder = self.books if path.name in BOOKS else self.folder
                (folder / path.name).write_bytes(path.read_bytes())
        (self.folder / "8004.txt").write_text("made-up-8004\n", encoding="utf-8")

    def book(self, name: str) -> Any:
        """One of the books that is one JSON document."""
        return json.loads((self.books / name).read_bytes())

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `reconciler` with these arguments; nothing of the caller's own settings is seen."""
        ours = ("RECONCILER_", "GITHUB_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        # A sandbox never takes books that know no endpoint, as the older ones do, unless they are named.
        ours_named = {"RECONCILER_LEDGER": ".reconciler/ledger.json"}
        given = {
            **ours_named,
            "CI": "true",
            "RECONCILER_RATE": "0",
            "RECONCILER_ENDPOINT": ENDPOINT,
            "RECONCILER_TOKEN": "made-up",
            "RECONCILER_PASSWORD_ENV": "AGENT_*, POOL_PASSWORD",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.folder,
            env={**env, **given, **SECRETS, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *arguments: str) -> Ran:
        """Run it to its end."""
        with self.start(*arguments) as process:
            try:
                out, err = process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Ran(process.returncode, out, err)

    @contextmanager
    def vendor(self, rows: Sequence[Row], faults: Path | None = None) -> Iterator[Vendor]:
        """A sandbox at `ENDPOINT` that has these agents. One at a time on this machine: the others wait.

        `faults` are in force once the agents are there.
        """
        lock = FileLock(Path(tempfile.gettempdir()) / f"reconciler-compatibility-{PORT}.lock")
        with lock, tempfile.TemporaryDirectory() as folder, ExitStack() as open_:
            data = ("--data", f"{folder}/vendor.sqlite")
            with ExitStack() as first:
                vendor = first.enter_context(self._listening(*data))
                vendor.hire(rows)
                if faults is None:
                    open_.push(first.pop_all())
            if faults is not None:
                vendor = open_.enter_context(self._listening(*data, "--faults", str(faults)))
            yield vendor

    @contextmanager
    def _listening(self, *arguments: str) -> Iterator[Vendor]:
        with self.start("sandbox", "--port", str(PORT), "--company", "acme:4242", *arguments) as process:
            try:
                assert process.stdout is not None
                assert process.stderr is not None
                assert "listening" in process.stdout.readline(), process.stderr.read()
                yield Vendor()
            finally:
                process.terminate()
                process.communicate(timeout=_PATIENCE)


class Vendor:
    """The vendor's own words, spoken without the project."""

    def hire(self, rows: Sequence[Row]) -> None:
        """Make these agents, in this order, each with its SIP number; none has another number for a moment."""
        for row in rows:
            self.call("create/v2", **{name: row[name] for name in _CREATED if row.get(name) is not None})
        for row in rows:
            self.call("edit/v2", operatorId=row["operatorId"], unbindSip=1)
        for row in rows:
            number = {"sipnumber": row["sipNumber"]} if row["sipNumber"] else {}
            group = {"mainGroupName": row["mainGroupName"]} if row["mainGroupName"] else {}
            self.call("edit/v2", operatorId=row["operatorId"], status=row["status"], **group, **number)

    def listing(self) -> list[Row]:
        """Every agent, without what the vendor counts, chooses or times for itself."""
        rows = self.call("page", pageNumber=1, pageSize=100)["result"]
        return [{name: row[name] for name in _LISTED} for row in rows]

    def call(self, endpoint: str, **body: Any) -> Any:
        """The data of an answer that must be a success."""
        company = dict(_COMPANY)
        if endpoint == "page":
            del company["companyId"]
        headers = {"Content-Type": "application/json", "token": "made-up"}
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=_PATIENCE)
        try:
            connection.request("POST", _PREFIX + endpoint, json.dumps({**company, **body}).encode(), headers)
            envelope = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert envelope["code"] == 200, (endpoint, body, envelope)
        return envelope.get("data")


def rows(path: Path) -> list[Row]:
    """Recorded agents."""
    read: list[Row] = json.loads(path.read_bytes())
    return read


def timeless(text: str) -> str:
    """The text without what another run has otherwise: when it was, and the seal, which covers that."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text)
    text = re.sub(r"credentials-\d{8}T\d{6}Z", "credentials-<time>", text)
    return re.sub(r'"seal": "[0-9a-f]{64}"', '"seal": "<seal>"', text)


def lasting(ledger: Mapping[str, Any]) -> Row:
    """What a ledger says, without the run that wrote it last, and what 0.1.0 did not note."""
    since = ("run", "endpoint", "removed", "files")
    known = ({name: value for name, value in entry.items() if name not in SINCE} for entry in ledger["agents"].values())
    agents = dict(zip(ledger["agents"], known, strict=True))
    return {**{name: value for name, value in ledger.items() if name not in since}, "agents": agents}


SINCE: Final = ("id", "ctime", "recorded")
"""What 0.1.0 did not note of an agent."""
