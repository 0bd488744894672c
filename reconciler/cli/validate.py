"""`reconciler validate`."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import FILE, format_option
from reconciler.cli.shell import Shell


@click.command()
@FILE
@format_option("text", "json")
@click.pass_obj
def validate(shell: Shell, /, file: Path, format_: str) -> None:
    """Check the desired-state file, without any network.

    Shows every problem at once, each with file, line and column, what is wrong and what to do.

    \b
    Examples:
      reconciler validate
      reconciler validate -f teams/sales.yaml --format json
    """
    from reconciler.errors import InvalidFiles
    from reconciler.files import load_desired
    from reconciler.render import json, terminal

    try:
        desired = load_desired(file)
    except InvalidFiles as error:
        if format_ == "json":
            shell.document(
                {"ok": False, "files": [str(file)], "problems": json.problems(error.problems), "exit_code": 1}
            )
            raise click.exceptions.Exit(1) from None
        raise
    count = len(desired.agents)
    if format_ == "json":
        shell.document({"ok": True, "files": list(desired.files), "agents": count, "problems": [], "exit_code": 0})
    else:
        shell.data(f"{terminal.visible(str(file))}: {count} agent{'s' * (count != 1)}, no problems\n")
