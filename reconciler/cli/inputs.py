"""What `plan` and `apply` share: settings, files, ledger and listing in, a plan out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.cli.progress import Progress
from reconciler.cli.shell import Shell
from reconciler.core.model import DesiredState, Limit, Plan, Policy
from reconciler.render.heading import Heading
from reconciler.settings import Connection, connection
from reconciler.storage import FOLDER

if TYPE_CHECKING:
    from reconciler.client import Transport
    from reconciler.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `plan` and `apply` as they came."""

    file: Path
    endpoint: str | None
    token_file: Path | None
    parallelism: int
    rate: float
    timeout: float
    ledger: Path | None
    max_deletes: Limit | None
    max_changes: Limit | None
    allow_replace: bool

    @property
    def folder(self) -> Path:
        """Where the ledger and the credentials go unless they are named."""
        return self.file.parent / FOLDER


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that is read before the vendor is asked."""

    desired: DesiredState
    connection: Connection
    ledger: Ledger
    policy: Policy
    heading: Heading


def gather(options: Options, shell: Shell) -> Inputs:
    """Read files, settings and ledger; raises what is wrong with them."""
    from reconciler.files import load_desired
    from reconciler.ledger import load_ledger

    desired = load_desired(options.file)
    settings = connection(
        options.endpoint,
        os.environ.get("RECONCILER_TOKEN"),
        options.token_file,
        parallelism=options.parallelism,
        rate=options.rate,
        timeout=options.timeout,
    )
    ledger = load_ledger(options.ledger or options.folder / "ledger.json", desired.company)
    policy = Policy(options.max_deletes, options.max_changes, options.allow_replace)
    created = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    heading = Heading(__version__, created, settings.endpoint, settings.rate, shell.color)
    return Inputs(desired, settings, ledger, policy, heading)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def read_plan(inputs: Inputs, transport: Transport, shell: Shell) -> Plan:
    """Read the live listing and plan against it."""
    from reconciler.client import Reader
    from reconciler.core.pipeline import live_state, make_plan

    with Progress(shell, "reading live agents") as progress:
        agents = Reader(transport, inputs.desired.company).listing(progress.update)
    return make_plan(inputs.desired, live_state(agents), inputs.ledger.view, inputs.policy)
