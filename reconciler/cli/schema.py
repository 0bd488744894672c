"""`reconciler schema`."""

from __future__ import annotations

import click

from reconciler.cli.shell import Shell


@click.command()
@click.pass_obj
def schema(shell: Shell) -> None:
    """Print the JSON Schema of the desired-state file, for editors and other tools.

    \b
    Example:
      reconciler schema > agents.schema.json
    """
    from reconciler.core.schema import agents_schema

    shell.document(agents_schema())
