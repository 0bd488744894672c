"""`reconciler sandbox`: runs the stand-in vendor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli.shell import Shell
from reconciler.core.model.message import text, verbatim
from reconciler.errors import ReconcilerError, WrongUsage, install_hint


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0 takes a free one.")
@click.option("--data", type=click.Path(path_type=Path), metavar="FILE", help="Keep the agents in this SQLite file.")
@click.option("--agents", type=click.IntRange(0, 800_000), default=0, show_default=True, help="Agents to begin with.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same agents.")
@click.option("--token", envvar="RECONCILER_SANDBOX_TOKEN", help="Accept only this token.  [default: any]")
@click.option("--company", metavar="NAME[:ID]", help="Accept only this company.  [default: any]")
@click.option("--latency", type=click.FloatRange(0), default=0, show_default=True, help="Milliseconds an answer takes.")
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Requests a second, then 429.  [default: no limit]"
)
@click.option(
    "--faults", type=click.Path(path_type=Path), metavar="FILE", help="Let go wrong what this YAML file says."
)
@click.pass_obj
def sandbox(shell: Shell, /, **options: Any) -> None:
    """A stand-in for the vendor, to rehearse with.

    Speaks the vendor's six endpoints over HTTP, as strictly as the vendor's reference, and keeps the agents in
    SQLite. Stop it with Ctrl-C.

    \b
    Example, in two terminals:
      reconciler sandbox --agents 30
      RECONCILER_TOKEN=any reconciler plan -f agents.yaml --endpoint http://127.0.0.1:8787
    """
    try:
        from reconciler.sandbox.server import SandboxOptions, serve
    except ImportError:
        raise ReconcilerError("extra-missing", text("the sandbox needs aiohttp"), install_hint("sandbox")) from None
    try:
        serve(SandboxOptions(**options), lambda line: shell.data(line + "\n"))
    except ValueError as error:
        raise WrongUsage("bad-data-file", verbatim(str(error))) from None
    except OSError as error:
        raise ReconcilerError(
            "cannot-listen",
            text(
                "cannot listen on {host}:{port}: {why}", host=options["host"], port=options["port"], why=error.strerror
            ),
        ) from None
